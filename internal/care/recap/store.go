package recap

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/medication"
	"hale/internal/care/result"
	"hale/internal/care/view"
	"hale/internal/care/visit"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

type records interface {
	Get(ctx context.Context, pass access.Pass, typ, id string) (record.Resource, error)
	GetIn(ctx context.Context, tx *db.Tx, pass access.Pass, typ, id string) (record.Resource, error)
	Search(ctx context.Context, pass access.Pass, typ string, q url.Values) (record.Page, error)
	PutAll(ctx context.Context, tx *db.Tx, src record.Source, drafts []record.Draft) ([]record.Change, error)
}

// Store reads recaps.
type Store struct {
	db      *db.DB
	records records
	units   func() result.Units
}

// NewStore returns a store that reads from r and says amounts of the body in
// units.
func NewStore(d *db.DB, r records, units func() result.Units) *Store { return &Store{d, r, units} }

// Of returns what came of a visit, in a language, of the patient whom pass
// opens for ReadRecord. What the pass does not show is left out.
func (s *Store) Of(ctx context.Context, pass access.Pass, v visit.Visit, l lang.Lang) (Recap, error) {
	if _, err := pass.Open(access.ReadRecord); err != nil {
		return Recap{}, err
	}
	enc, err := s.encounter(ctx, pass, v.ID)
	if err != nil {
		return Recap{}, err
	}
	n, err := fhir.Parse(enc.Body)
	if err != nil {
		return Recap{}, fmt.Errorf("recap: encounter %s: %w", enc.ID, err)
	}
	r := Recap{Encounter: enc.ID, Start: db.Time(view.At(n.Get("period", "start"))), End: db.Time(view.At(n.Get("period", "end"))), With: v.With, Where: v.Where, Updated: enc.Updated}
	switch n.Get("class", "code").Text() {
	case "IMP", "ACUTE", "NONAC", "OBSENC", "SS":
		r.Inpatient = true
	}
	for why := range n.Get("reasonCode").Each() {
		r.Why = add(r.Why, view.Plain(why.Concept()))
	}
	for _, read := range []func(context.Context, access.Pass, *Recap, lang.Lang) error{s.findings, s.measured, s.notes, s.medicines, s.orders, s.plan} {
		if err := read(ctx, pass, &r, l); err != nil {
			return Recap{}, fmt.Errorf("recap: of %s: %w", v.ID, err)
		}
	}
	return r, nil
}

// encounter finds the Encounter of a visit: itself, or that of its
// appointment.
func (s *Store) encounter(ctx context.Context, pass access.Pass, id string) (record.Resource, error) {
	page, err := s.records.Search(ctx, pass, "Encounter", url.Values{"appointment": {"Appointment/" + id}, "_count": {"1"}})
	if err != nil {
		return record.Resource{}, fmt.Errorf("recap: encounter of %s: %w", id, err)
	}
	if len(page.Resources) > 0 {
		return page.Resources[0], nil
	}
	res, err := s.records.Get(ctx, pass, "Encounter", id)
	if err != nil {
		return res, errNone.Because(err)
	}
	return res, nil
}

// about calls see for each resource of a type that hangs on the encounter.
func (s *Store) about(ctx context.Context, pass access.Pass, r *Recap, typ string, see func(id string, n fhir.Node)) error {
	return s.all(ctx, pass, r, typ, url.Values{"encounter": {"Encounter/" + r.Encounter}, "_count": {"100"}}, see)
}

func (s *Store) all(ctx context.Context, pass access.Pass, r *Recap, typ string, q url.Values, see func(id string, n fhir.Node)) error {
	for range 3 {
		page, err := s.records.Search(ctx, pass, typ, q)
		if err != nil {
			return fmt.Errorf("%s: %w", typ, err)
		}
		for _, res := range page.Resources {
			n, err := fhir.Parse(res.Body)
			if err != nil {
				return fmt.Errorf("%s/%s: %w", typ, res.ID, err)
			}
			if n.Get("status").Text() == "entered-in-error" {
				continue
			}
			if res.Updated.After(r.Updated) {
				r.Updated = res.Updated
			}
			see(res.ID, n)
		}
		if page.Next == "" {
			break
		}
		q.Set("_cursor", page.Next)
	}
	return nil
}

// add appends text unless it is empty or there already.
func add(list []string, text string) []string {
	for _, have := range list {
		if strings.EqualFold(have, text) {
			return list
		}
	}
	if text == "" {
		return list
	}
	return append(list, text)
}

func (s *Store) findings(ctx context.Context, pass access.Pass, r *Recap, _ lang.Lang) error {
	err := s.about(ctx, pass, r, "Condition", func(_ string, n fhir.Node) { r.Found = add(r.Found, view.Plain(n.Get("code").Concept())) })
	if err != nil {
		return err
	}
	return s.about(ctx, pass, r, "Procedure", func(_ string, n fhir.Node) { r.Done = add(r.Done, view.Plain(n.Get("code").Concept())) })
}

func (s *Store) measured(ctx context.Context, pass access.Pass, r *Recap, l lang.Lang) error {
	return s.about(ctx, pass, r, "Observation", func(id string, n fhir.Node) {
		value := s.body(l, n)
		if value == "" {
			value = quantity(l, n.Get("valueQuantity"))
		}
		var parts []string
		unit := ""
		for c := range n.Get("component").Each() {
			if v, ok := c.Get("valueQuantity", "value").Number(); ok {
				parts, unit = append(parts, strconv.FormatFloat(v, 'f', -1, 64)), c.Get("valueQuantity", "unit").Text()
			}
		}
		if len(parts) > 0 {
			value = strings.Join(parts, "/") + " " + unit
		}
		if name := view.Plain(n.Get("code").Concept()); name != "" && value != "" {
			r.Measured = append(r.Measured, Value{Name: name, Value: value, ID: id})
		}
	})
}

// body says a vital sign in the clinic's units; empty where they say it as it
// stands in the record.
func (s *Store) body(l lang.Lang, n fhir.Node) string {
	q := n.Get("valueQuantity")
	r := result.Result{Unit: q.Get("code").Text()}
	if r.Value, r.HasValue = q.Get("value").Number(); !r.HasValue {
		return ""
	}
	for c := range n.Get("category").Each() {
		for _, code := range c.Codings() {
			if code.Code == "vital-signs" {
				r.Category = result.Vital
			}
		}
	}
	for _, code := range n.Get("code").Codings() {
		if code.System == "http://loinc.org" {
			r.Code = code.Code
		}
	}
	if r.Unit == "" {
		r.Unit = q.Get("unit").Text()
	}
	said, other := s.units().Say(l, r)
	if !other {
		return ""
	}
	return said
}

func quantity(l lang.Lang, q fhir.Node) string {
	v, ok := q.Get("value").Number()
	if !ok {
		return ""
	}
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if _, after, found := strings.Cut(text, "."); found {
		text = l.Number(v, len(after))
	} else {
		text = l.Number(v, 0)
	}
	return strings.TrimSpace(text + " " + q.Get("unit").Text())
}

func (s *Store) notes(ctx context.Context, pass access.Pass, r *Recap, _ lang.Lang) error {
	return s.about(ctx, pass, r, "DocumentReference", func(id string, n fhir.Node) {
		title := n.Get("description").Text()
		if title == "" {
			title = n.Get("content", "attachment", "title").Text()
		}
		if title == "" {
			title = view.Plain(n.Get("type").Concept())
		}
		r.Notes = append(r.Notes, Note{ID: id, Title: title})
	})
}

func (s *Store) orders(ctx context.Context, pass access.Pass, r *Recap, _ lang.Lang) error {
	return s.about(ctx, pass, r, "ServiceRequest", func(_ string, n fhir.Node) {
		switch n.Get("status").Text() {
		case "active", "on-hold", "completed":
			r.Orders = add(r.Orders, view.Plain(n.Get("code").Concept()))
		}
	})
}

// drug is one prescription, as far as its change is told.
type drug struct {
	Medicine
	code, status string
	at           time.Time
	ended        time.Time
}

// medicines compares what the visit prescribed with what was taken before.
func (s *Store) medicines(ctx context.Context, pass access.Pass, r *Recap, l lang.Lang) error {
	var here, before []drug
	err := s.all(ctx, pass, r, "MedicationRequest", url.Values{"_count": {"100"}}, func(id string, n fhir.Node) {
		d := drug{status: n.Get("status").Text(), at: db.Time(view.At(n.Get("authoredOn")))}
		d.ID, d.Name = id, view.Plain(n.Get("medicationCodeableConcept").Concept())
		if d.Name == "" {
			d.Name = n.Get("medicationReference", "display").Text()
		}
		d.How, d.Why = medication.Say(l, n.Get("dosageInstruction")).Words, view.Plain(n.Get("statusReason").Concept())
		for _, c := range n.Get("medicationCodeableConcept").Codings() {
			if c.Code != "" {
				d.code = c.System + "|" + c.Code
				break
			}
		}
		d.ended = db.Time(view.At(n.Get("dispenseRequest", "validityPeriod", "end")))
		if _, enc := n.Get("encounter").Reference(); enc == r.Encounter {
			here = append(here, d)
		} else if d.at.Before(r.Start) || d.at.IsZero() {
			before = append(before, d)
		}
	})
	if err != nil {
		return err
	}
	r.Medicines = compare(here, before, r.Start, r.End)
	return nil
}

// compare says of each medicine what became of it: those prescribed in the
// encounter, and those that were taken before and ended in it.
func compare(here, before []drug, start, end time.Time) []Medicine {
	var list []Medicine
	for _, d := range here {
		m := d.Medicine
		old, found := newest(d, before)
		switch {
		case d.status == "stopped" || d.status == "cancelled":
			m.Change = Stopped
		case !found:
			m.Change = New
		case !strings.EqualFold(strings.TrimSuffix(old.How, "."), strings.TrimSuffix(m.How, ".")) || !d.is(old):
			m.Change, m.Was = Changed, strings.TrimSpace(old.Name+": "+old.How)
		default:
			m.Change = Same
		}
		list = append(list, m)
	}
	for _, d := range before {
		if _, again := newest(d, here); again || d.status != "stopped" || d.ended.Before(start) || d.ended.After(end.Add(24*time.Hour)) {
			continue
		}
		m := d.Medicine
		m.Change = Stopped
		list = append(list, m)
	}
	return list
}

// is says whether o is the same medicine at the same strength.
func (d drug) is(o drug) bool {
	return d.code != "" && d.code == o.code || strings.EqualFold(d.Name, o.Name)
}

// newest returns the last prescription of the same medicine.
func newest(d drug, list []drug) (found drug, ok bool) {
	for _, o := range list {
		if (d.code != "" && d.code == o.code || alike(d.Name, o.Name)) && (!ok || o.at.After(found.at)) {
			found, ok = o, true
		}
	}
	return found, ok
}

// plan reads the CarePlans of the encounter.
func (s *Store) plan(ctx context.Context, pass access.Pass, r *Recap, _ lang.Lang) error {
	return s.about(ctx, pass, r, "CarePlan", func(id string, n fhir.Node) {
		i := -1
		for a := range n.Get("activity").Each() {
			i++
			d := a.Get("detail")
			text, key := d.Get("description").Text(), id+"."+strconv.Itoa(i)
			if text == "" {
				text = view.Plain(d.Get("code").Concept())
			}
			kind, service := "", ""
			for _, c := range d.Get("code").Codings() {
				switch c.System {
				case System:
					kind = c.Code
				case visit.System:
					service = c.Code
				}
			}
			done := d.Get("status").Text() == "completed"
			switch {
			case text == "" || d.Get("status").Text() == "cancelled":
			case kind == RedFlag:
				r.Plan.Flags = append(r.Plan.Flags, text)
			case kind == CallWho:
				r.Plan.Calls = append(r.Plan.Calls, text)
			case kind == FollowUp:
				r.Plan.Follow = append(r.Plan.Follow, Follow{Text: text, Service: service, Done: done, Key: key})
			default:
				r.Plan.Items = append(r.Plan.Items, Item{Key: key, Text: text, Done: done})
			}
		}
	})
}

// Tick writes down that the patient has done, or not done, things of a plan.
// keys are all that are done; read is a pass for ReadRecord, act one for
// SendMessages on the same patient.
func (s *Store) Tick(ctx context.Context, read, act access.Pass, encounter string, keys []string) error {
	patient, err := act.Open(access.SendMessages)
	if err != nil {
		return err
	}
	if mine, err := read.Open(access.ReadRecord); err != nil || mine != patient {
		return errNone
	}
	done := map[string]bool{}
	for _, k := range keys {
		done[k] = true
	}
	page, err := s.records.Search(ctx, read, "CarePlan", url.Values{"encounter": {"Encounter/" + encounter}, "_count": {"20"}})
	if err != nil {
		return fmt.Errorf("recap: tick: %w", err)
	}
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		for _, res := range page.Resources {
			if err := s.tick(ctx, tx, read, act, res.ID, done); err != nil {
				return fmt.Errorf("recap: tick: %w", err)
			}
		}
		return nil
	})
}

func (s *Store) tick(ctx context.Context, tx *db.Tx, read, act access.Pass, id string, done map[string]bool) error {
	res, err := s.records.GetIn(ctx, tx, read, "CarePlan", id)
	if err != nil {
		return err
	}
	var plan map[string]any
	if err := json.Unmarshal(res.Body, &plan); err != nil {
		return errTick.Because(err)
	}
	list, _ := plan["activity"].([]any)
	changed := false
	for i, a := range list {
		activity, _ := a.(map[string]any)
		detail, _ := activity["detail"].(map[string]any)
		if detail == nil {
			continue
		}
		want := "not-started"
		if done[id+"."+strconv.Itoa(i)] {
			want = "completed"
		}
		if now, _ := detail["status"].(string); tickable(detail) && now != want && (want == "completed" || now == "completed") {
			detail["status"], changed = want, true
		}
	}
	if !changed {
		return nil
	}
	body, err := json.Marshal(plan)
	if err != nil {
		return err
	}
	_, err = s.records.PutAll(ctx, tx, record.Source{Actor: act.Actor()}, []record.Draft{{Type: "CarePlan", ID: id, Body: body, IfVersion: res.Version}})
	return err
}

// tickable says whether an activity is a thing to do, and no warning.
func tickable(detail map[string]any) bool {
	code, _ := detail["code"].(map[string]any)
	codings, _ := code["coding"].([]any)
	for _, c := range codings {
		coding, _ := c.(map[string]any)
		if coding["system"] == System && (coding["code"] == RedFlag || coding["code"] == CallWho) {
			return false
		}
	}
	return true
}
