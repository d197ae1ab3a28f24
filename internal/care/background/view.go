package background

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"hale/internal/care/clinician"
	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// View returns the projector that keeps tables background and order_answer.
func View() record.Projector {
	return projector{
		entries: view.NewTable("background", 3, "patient", "kind", "id", "code", "name", "status", "at", "ended", "person", "body", "source", "updated_at"),
		answers: view.NewTable("order_answer", 3, "patient", "typ", "id", "request"),
	}
}

type projector struct{ entries, answers *view.Table }

// Again says that these views may be made anew from what stands in the record.
func (projector) Again() {}

// Types says which resources these views come from.
func (projector) Types() []string {
	list := []string{"Observation", "DiagnosticReport"}
	for _, k := range Kinds {
		list = append(list, k.Type())
	}
	return list
}

// Project writes the entries of a batch, and what answers an order.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	entries, answers := p.entries.Batch(len(batch)), p.answers.Batch(len(batch))
	for _, c := range batch {
		if c.Type == "Observation" || c.Type == "DiagnosticReport" {
			answer(answers, c)
			continue
		}
		if err := enter(entries, c); err != nil {
			return err
		}
	}
	if err := entries.Write(ctx, tx); err != nil {
		return err
	}
	return answers.Write(ctx, tx)
}

// answer notes which order a result is of.
func answer(rows *view.Batch, c record.Change) {
	if c.Was != "" && c.Was != c.Patient {
		rows.Drop(c.Was, c.Type, c.ID)
	}
	typ, id := c.Node.Get("basedOn").Reference()
	final := slices.Contains([]string{"final", "amended", "corrected", "appended"}, c.Node.Get("status").Text())
	if !c.Deleted && c.Patient != "" && typ == "ServiceRequest" && final {
		rows.Set(c.Patient, c.Type, c.ID, id)
		return
	}
	if !c.Created {
		rows.Drop(c.Patient, c.Type, c.ID)
	}
}

// enter writes one entry.
func enter(rows *view.Batch, c record.Change) error {
	kind := kindOf(c.Type)
	if c.Was != "" && c.Was != c.Patient {
		rows.Drop(c.Was, string(kind), c.ID)
	}
	r, ok := read(c.Type, c.Node)
	if c.Deleted || c.Patient == "" || !ok {
		if !c.Created {
			rows.Drop(c.Patient, string(kind), c.ID)
		}
		return nil
	}
	body, err := json.Marshal(r.detail)
	if err != nil {
		return err
	}
	rows.Set(c.Patient, string(kind), c.ID, r.code, r.name, r.status, r.at, r.ended, r.person, string(body), view.Source(c), c.At.UnixMicro())
	return nil
}

func kindOf(typ string) Kind {
	for _, k := range Kinds {
		if k.Type() == typ {
			return k
		}
	}
	return ""
}

// row is what a resource says, as the table keeps it.
type row struct {
	code, name, status, person string
	at, ended                  int64
	detail                     Detail
}

// read takes a row out of a resource; false where it is none to show.
func read(typ string, n fhir.Node) (r row, ok bool) {
	r.status = n.Get("status").Text()
	switch typ {
	case "Device":
		device(&r, n)
	case "FamilyMemberHistory":
		family(&r, n)
	case "Coverage":
		insurance(&r, n)
	case "CareTeam":
		team(&r, n)
	case "Goal":
		goal(&r, n)
	case "CarePlan":
		plan(&r, n)
	case "ServiceRequest":
		if !order(&r, n) {
			return r, false
		}
	}
	return r, r.name != "" && r.status != "entered-in-error" && r.status != "draft"
}

func device(r *row, n fhir.Node) {
	d := &r.detail
	carrier := n.Get("udiCarrier")
	if d.UDI = carrier.Get("carrierHRF").Text(); d.UDI == "" {
		d.UDI = carrier.Get("deviceIdentifier").Text()
	}
	d.Maker, d.Model, d.Lot, d.Serial = n.Get("manufacturer").Text(), n.Get("modelNumber").Text(), n.Get("lotNumber").Text(), n.Get("serialNumber").Text()
	d.Expiry = date(n.Get("expirationDate"))
	r.code, r.name = coded(n.Get("type"))
	if r.name == "" {
		r.name = n.Get("deviceName", "name").Text()
	}
	r.at = view.At(n.Get("manufactureDate"))
}

func family(r *row, n fhir.Node) {
	r.code, r.name = coded(n.Get("relationship"))
	r.detail.Relation = r.code
	r.detail.Died = n.Get("deceasedBoolean").Text() == "true" || n.Get("deceasedAge").Exists() || n.Get("deceasedDate").Exists()
	r.at = view.At(n.Get("date"))
	for c := range n.Get("condition").Each() {
		var a Ailment
		a.Code, a.Name = coded(c.Get("code"))
		if age, ok := c.Get("onsetAge", "value").Number(); ok && age > 0 && age < 130 {
			a.Age = int(age)
		}
		if a.Name != "" {
			r.detail.Ailments = append(r.detail.Ailments, a)
		}
	}
}

func insurance(r *row, n fhir.Node) {
	d := &r.detail
	d.Member = n.Get("subscriberId").Text()
	if d.Member == "" {
		d.Member = n.Get("identifier", "value").Text()
	}
	d.Holder = n.Get("subscriber", "display").Text()
	if order, ok := n.Get("order").Number(); ok && order > 0 && order < 100 {
		d.Position = int(order)
	}
	for c := range n.Get("class").Each() {
		name := c.Get("name").Text()
		for _, coding := range c.Get("type").Codings() {
			switch coding.Code {
			case "plan":
				r.name = name
			case "group":
				d.Group = c.Get("value").Text()
			}
		}
	}
	r.code, _ = coded(n.Get("type"))
	r.person = clinician.Ref(n.Get("payor"))
	if r.name == "" {
		r.name = view.Plain(n.Get("type").Concept())
	}
	if r.name == "" {
		r.name = "Health insurance"
	}
	r.at, r.ended = view.At(n.Get("period", "start")), view.At(n.Get("period", "end"))
}

func team(r *row, n fhir.Node) {
	r.name = n.Get("name").Text()
	if r.name == "" {
		if r.name = view.Plain(n.Get("category").Concept()); r.name == "" {
			r.name = "Care team"
		}
	}
	r.person = clinician.Ref(n.Get("managingOrganization"))
	r.detail.Phone = phone(n.Get("telecom"))
	r.at, r.ended = view.At(n.Get("period", "start")), view.At(n.Get("period", "end"))
	for p := range n.Get("participant").Each() {
		if typ, _ := p.Get("member").Reference(); typ == "Patient" {
			continue
		}
		m := Member{Who: clinician.Ref(p.Get("member"))}
		m.Code, m.Role = coded(p.Get("role"))
		if m.Who != "" {
			r.detail.Members = append(r.detail.Members, m)
		}
	}
}

func goal(r *row, n fhir.Node) {
	r.status = n.Get("lifecycleStatus").Text()
	if r.status == "proposed" {
		r.status = "draft"
	}
	r.name = view.Plain(n.Get("description").Concept())
	r.at = view.At(n.Get("startDate"))
	d := &r.detail
	for _, c := range n.Get("achievementStatus").Codings() {
		d.Reached = c.Code
		break
	}
	for t := range n.Get("target").Each() {
		r.code, _ = coded(t.Get("measure"))
		d.Due = date(t.Get("dueDate"))
		d.Low, d.High, d.Unit = target(t)
		return
	}
}

// target returns the sides of a goal's target.
func target(t fhir.Node) (low, high *float64, unit string) {
	number := func(n fhir.Node) *float64 {
		if v, ok := n.Get("value").Number(); ok {
			return &v
		}
		return nil
	}
	if q := t.Get("detailQuantity"); q.Exists() {
		if c := q.Get("comparator").Text(); strings.HasPrefix(c, ">") {
			return number(q), nil, q.Get("unit").Text()
		}
		return nil, number(q), q.Get("unit").Text()
	}
	q := t.Get("detailRange")
	return number(q.Get("low")), number(q.Get("high")), q.Get("high", "unit").Text()
}

func plan(r *row, n fhir.Node) {
	if r.name = n.Get("title").Text(); r.name == "" {
		r.name = view.Plain(n.Get("category").Concept())
	}
	r.detail.Said = n.Get("description").Text()
	r.person = clinician.Ref(n.Get("author"))
	r.at, r.ended = view.At(view.First(n.Get("period", "start"), n.Get("created"))), view.At(n.Get("period", "end"))
	for a := range n.Get("activity").Each() {
		s := Step{Text: view.Plain(a.Get("detail", "code").Concept()), Status: a.Get("detail", "status").Text()}
		if d := a.Get("detail", "description").Text(); d != "" {
			s.Text = d
		}
		if s.Text != "" && s.Status != "cancelled" && s.Status != "entered-in-error" {
			r.detail.Steps = append(r.detail.Steps, s)
		}
	}
}

// order reads a test that was asked for; false for what is asked for and is
// no test, or was only thought of.
//
// Spec: https://hl7.org/fhir/R4/valueset-servicerequest-category.html
func order(r *row, n fhir.Node) bool {
	switch n.Get("intent").Text() {
	case "proposal", "plan", "directive", "option":
		return false
	}
	test := !n.Get("category").Exists()
	for _, c := range n.Get("category").Codings() {
		switch c.Code {
		case "108252007", "363679005", "103693007", "laboratory", "imaging", "LAB", "RAD":
			test = true
		}
	}
	r.code, r.name = coded(n.Get("code"))
	r.person = clinician.Ref(n.Get("requester"))
	r.at = view.At(n.Get("authoredOn"))
	r.ended = view.At(view.First(n.Get("occurrencePeriod", "end"), n.Get("occurrenceDateTime"), n.Get("occurrencePeriod", "start")))
	return test
}

// coded returns the LOINC or SNOMED CT code of a concept, else its first, and
// its name.
func coded(n fhir.Node) (code, name string) {
	for _, c := range n.Codings() {
		if code == "" || c.System == "http://loinc.org" {
			code = c.Code
		}
	}
	return code, view.Plain(n.Concept())
}

// date returns the day of a FHIR date, empty where it names none.
func date(n fhir.Node) string {
	if text := n.Text(); len(text) >= len("2006-01-02") {
		return text[:len("2006-01-02")]
	}
	return ""
}

// phone returns the first telephone number of a telecom.
func phone(list fhir.Node) string {
	for t := range list.Each() {
		if t.Get("system").Text() == "phone" {
			return t.Get("value").Text()
		}
	}
	return ""
}
