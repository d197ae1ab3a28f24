package summary

import (
	"slices"
	"strings"

	"hale/internal/care/view"
	"hale/internal/standard/ccda"
	"hale/internal/standard/fhir"
)

// CCD returns the content as a Continuity of Care Document under id, a UUID.
func (s *Store) CCD(c Content, id string) []byte {
	at := c.At.In(s.clinic.Zone)
	d := ccda.Document{
		ID: id, Base: s.clinic.Base, Title: "Health record of " + Name(c.Who.Node), Made: at, Lang: "en-US", Covers: c.covers(s), Software: "Hale",
		Patient: s.person(c), Custodian: s.custodian(c),
	}
	d.Team = team(c)
	d.Directives = c.directives()
	for _, e := range c.newest([]string{"AllergyIntolerance"}) {
		if stands(e.Node) {
			d.Allergies = append(d.Allergies, allergy(e))
		}
	}
	for _, e := range c.newest([]string{"MedicationRequest", "MedicationStatement"}) {
		if stands(e.Node) {
			d.Medicines = append(d.Medicines, drug(c, e))
		}
	}
	for _, e := range c.newest([]string{"Condition"}) {
		if stands(e.Node) {
			d.Problems = append(d.Problems, ccda.Problem{ID: e.Ref(), What: code(e.Node.Get("code")), Active: active(e.Node), Recorded: e.Node.Get("recordedDate").Text(),
				When: ccda.When{Start: point(e.Node, "onsetDateTime", "onsetPeriod"), End: point(e.Node, "abatementDateTime", "abatementPeriod")}})
		}
	}
	c.observations(&d)
	c.deeds(&d)
	c.plans(&d)
	c.notes(&d)
	return []byte(d.String())
}

// covers returns the time that the document is about.
func (c Content) covers(s *Store) ccda.When {
	w := ccda.When{Start: first(c.Who.Node.Get("birthDate").Text(), "1900"), End: c.At.In(s.clinic.Zone).Format("2006-01-02")}
	if !c.Window.From.IsZero() {
		w.Start = c.Window.From.In(s.clinic.Zone).Format("2006-01-02")
	}
	if !c.Window.To.IsZero() && c.Window.To.Before(c.At) {
		w.End = c.Window.To.In(s.clinic.Zone).AddDate(0, 0, -1).Format("2006-01-02")
	}
	return w
}

// code reads a CodeableConcept.
func code(n fhir.Node) ccda.Code {
	list := n.Codings()
	out := ccda.Code{Text: view.Plain(n.Concept())}
	i := slices.IndexFunc(list, func(c fhir.Coding) bool { return ccda.OID(c.System) != "" && c.Code != "" })
	if i < 0 {
		return out
	}
	out.System, out.Code, out.Display = list[i].System, list[i].Code, list[i].Display
	for j, other := range list {
		if j != i {
			out.Also = append(out.Also, ccda.Code{System: other.System, Code: other.Code, Display: other.Display})
		}
	}
	return out
}

// point returns the first date that one of names tells, as it is written; of
// a period its beginning.
func point(n fhir.Node, names ...string) string {
	for _, name := range names {
		v := n.Get(name)
		if t := first(v.Text(), v.Get("start").Text()); t != "" {
			return t
		}
	}
	return ""
}

// active says whether a condition or an allergy goes on.
func active(n fhir.Node) bool {
	status := n.Get("clinicalStatus", "coding", "code").Text()
	return status == "" || slices.Contains(lasting, status)
}

func allergy(e Entry) ccda.Allergy {
	n := e.Node
	a := ccda.Allergy{ID: e.Ref(), Substance: code(n.Get("code")), Kind: n.Get("category").Text(), Intolerant: n.Get("type").Text() == "intolerance", None: saysNone(e), Active: active(n),
		Since: point(n, "onsetDateTime", "onsetPeriod"), Recorded: n.Get("recordedDate").Text()}
	for c := range n.Get("category").Each() {
		a.Kind = first(a.Kind, c.Text())
	}
	for r := range n.Get("reaction").Each() {
		for m := range r.Get("manifestation").Each() {
			one := ccda.Reaction{What: ccda.Code{Text: m.Concept()}, Severity: r.Get("severity").Text()}
			if list := m.Codings(); len(list) > 0 {
				one.What.System, one.What.Code, one.What.Display = list[0].System, list[0].Code, list[0].Display
			}
			a.Reactions = append(a.Reactions, one)
		}
	}
	return a
}

func drug(c Content, e Entry) ccda.Medicine {
	n := e.Node
	m := ccda.Medicine{ID: e.Ref(), What: code(n.Get("medicationCodeableConcept")), Ordered: e.Type == "MedicationRequest", Sig: sig(n), Reason: code(n.Get("reasonCode")),
		Active: slices.Contains([]string{"active", "on-hold", "intended"}, n.Get("status").Text()), By: first(n.Get("requester", "display").Text(), n.Get("informationSource", "display").Text())}
	if m.What.Empty() {
		m.What = c.named(n.Get("medicationReference"))
	}
	m.When.Start = point(n, "authoredOn", "effectiveDateTime", "effectivePeriod", "dateAsserted")
	m.When.End = n.Get("effectivePeriod", "end").Text()
	dose := view.First(n.Get("dosageInstruction"), n.Get("dosage"))
	m.Route, m.Dose = code(dose.Get("route")), quantity(dose.Get("doseAndRate", "doseQuantity"))
	m.Every = every(dose.Get("timing", "repeat"))
	return m
}

// named returns the code of a Medication that an entry names.
func (c Content) named(ref fhir.Node) ccda.Code {
	typ, id := ref.Reference()
	for _, e := range c.Around {
		if e.Ref() == typ+"/"+id {
			return code(e.Node.Get("code"))
		}
	}
	return ccda.Code{Text: ref.Get("display").Text()}
}

// hours are the lengths of the units of time of a dose, in hours.
var hours = map[string]float64{"h": 1, "d": 24, "wk": 168}

// every returns the hours between doses.
func every(n fhir.Node) ccda.Quantity {
	period, _ := n.Get("period").Number()
	times, ok := n.Get("frequency").Number()
	if !ok {
		times = 1
	}
	length := hours[n.Get("periodUnit").Text()]
	if period <= 0 || times <= 0 || length == 0 {
		return ccda.Quantity{}
	}
	return ccda.Quantity{Value: trim(period * length / times), Unit: "hours", UCUM: "h"}
}

func quantity(n fhir.Node) ccda.Quantity {
	q := ccda.Quantity{Value: number(n.Get("value")), Unit: n.Get("unit").Text()}
	if n.Get("system").Text() == "http://unitsofmeasure.org" {
		q.UCUM = n.Get("code").Text()
	}
	return q
}

// observations sorts what was observed into results, vital signs and habits.
func (c Content) observations(d *ccda.Document) {
	for _, e := range c.newest([]string{"Observation"}) {
		n := e.Node
		switch {
		case in("vital-signs")(n):
			d.Vitals = append(d.Vitals, ccda.Panel{ID: e.Ref(), What: code(n.Get("code")), When: times(n), Findings: findings(e)})
		case isPregnancy(n) || in("social-history", "sdoh", "survey")(n):
			d.Social = append(d.Social, findings(e)...)
		case isResult(n):
			d.Results = append(d.Results, ccda.Panel{ID: e.Ref(), What: code(n.Get("code")), When: times(n), Findings: findings(e)})
		}
	}
}

// times returns when something was observed.
func times(n fhir.Node) ccda.When {
	return ccda.When{Start: point(n, usually...), End: first(n.Get("effectivePeriod", "end").Text(), n.Get("performedPeriod", "end").Text(), n.Get("period", "end").Text())}
}

// findings returns what an observation says: itself, or its components.
func findings(e Entry) []ccda.Finding {
	var list []ccda.Finding
	if f := finding(e.Ref(), e.Node, e.Node); !f.Value.Empty() || !f.Coded.Empty() || f.Text != "" || !e.Node.Get("component").Exists() {
		list = append(list, f)
	}
	i := 0
	for part := range e.Node.Get("component").Each() {
		i++
		list = append(list, finding(e.Ref()+"/"+trim(float64(i)), e.Node, part))
	}
	return list
}

func finding(id string, whole, n fhir.Node) ccda.Finding {
	f := ccda.Finding{ID: id, What: code(n.Get("code")), When: times(whole), Final: slices.Contains([]string{"final", "amended", "corrected"}, whole.Get("status").Text()),
		Value: quantity(n.Get("valueQuantity")), Reference: reference(n), By: whole.Get("performer", "display").Text(), Comment: whole.Get("note", "text").Text()}
	if n.Get("valueQuantity", "comparator").Exists() || f.Value.UCUM == "" && !f.Value.Empty() {
		f.Value, f.Text = ccda.Quantity{}, oneValue(n) // a PQ has neither: it is said in words
	}
	if v := n.Get("valueCodeableConcept"); v.Exists() {
		f.Coded = code(v)
	}
	if f.Value.Empty() && f.Coded.Empty() && f.Text == "" {
		f.Text = oneValue(n)
	}
	if flags := n.Get("interpretation").Codings(); len(flags) > 0 {
		f.Flag = flags[0].Code
	}
	return f
}

// deeds adds what was done: procedures, vaccines, visits.
func (c Content) deeds(d *ccda.Document) {
	for _, e := range c.newest([]string{"Procedure", "Immunization", "Encounter"}) {
		n := e.Node
		if !stands(n) {
			continue
		}
		switch e.Type {
		case "Procedure":
			d.Procedures = append(d.Procedures, ccda.Procedure{ID: e.Ref(), What: code(n.Get("code")), When: times(n), Done: n.Get("status").Text() == "completed", By: n.Get("performer", "actor", "display").Text()})
		case "Immunization":
			d.Immunizations = append(d.Immunizations, ccda.Immunization{ID: e.Ref(), What: code(n.Get("vaccineCode")), When: point(n, "occurrenceDateTime", "recorded"),
				Given: n.Get("status").Text() == "completed", Lot: n.Get("lotNumber").Text(), Maker: n.Get("manufacturer", "display").Text(), By: n.Get("performer", "actor", "display").Text()})
		case "Encounter":
			row := visitRow(e)
			d.Encounters = append(d.Encounters, ccda.Encounter{ID: e.Ref(), What: code(n.Get("type")), Class: n.Get("class", "code").Text(), When: times(n), By: row[2], Where: row[3], Reason: code(n.Get("reasonCode"))})
		}
	}
}

// plans adds what is planned, and what is to be reached.
func (c Content) plans(d *ccda.Document) {
	for _, e := range c.newest([]string{"CarePlan", "Goal", "Appointment", "ServiceRequest"}) {
		n := e.Node
		if !isPlanned(n) {
			continue
		}
		row := planRow(e)
		switch e.Type {
		case "Goal":
			g := ccda.Finding{ID: e.Ref(), What: code(n.Get("description")), When: ccda.When{Start: point(n, "startDate")}, Value: quantity(n.Get("target", "detailQuantity"))}
			g.What.Text = first(g.What.Text, row[0])
			if n.Get("target", "detailQuantity", "comparator").Exists() {
				g.Value = ccda.Quantity{}
			}
			d.Goals = append(d.Goals, g)
		case "Appointment":
			d.Plans = append(d.Plans, ccda.Plan{ID: e.Ref(), What: code(n.Get("serviceType")), When: ccda.When{Start: n.Get("start").Text(), End: n.Get("end").Text()}, Visit: true})
		default:
			p := ccda.Plan{ID: e.Ref(), What: code(n.Get("code")), When: ccda.When{Start: point(n, "period", "occurrenceDateTime", "authoredOn", "created")}, Text: n.Get("description").Text()}
			p.What.Text = first(p.What.Text, row[0])
			d.Plans = append(d.Plans, p)
		}
	}
}

// directives are the papers about care to come.
func (c Content) directives() []ccda.Finding {
	var list []ccda.Finding
	for _, e := range c.newest([]string{"Consent", "DocumentReference"}) {
		if isDirective(e.Node) {
			list = append(list, ccda.Finding{ID: e.Ref(), What: ccda.Code{Text: planRow(e)[0]}, When: ccda.When{Start: point(e.Node, usually...)}})
		}
	}
	return list
}

// trim writes a number without zeros at its end.
func trim(v float64) string { return strings.TrimSuffix(strings.TrimRight(ftoa(v), "0"), ".") }
