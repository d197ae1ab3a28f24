package visit

import (
	"context"
	"fmt"
	"strings"

	"hale/internal/care/clinician"
	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// Extensions of an Appointment that say how it was booked.
const (
	viaURL = "https://hale.example/fhir/booked-via"
	refURL = "https://hale.example/fhir/booked-ref"
)

// View returns the projector that keeps tables visit, slot and schedule.
func View() record.Projector {
	return projector{
		visits: view.NewTable("visit", 1, "id", "patient", "kind", "status", "service", "title", "start_at", "end_at", "practitioner", "place",
			"slot", "booked_at", "via", "ref", "source", "updated_at"),
		slots:     view.NewTable("slot", 1, "id", "service", "title", "start_at", "end_at", "status", "schedule", "practitioner", "place"),
		schedules: view.NewTable("schedule", 1, "id", "service", "title", "practitioner", "place"),
	}
}

type projector struct{ visits, slots, schedules *view.Table }

// Types says which resources these views come from.
func (projector) Types() []string { return []string{"Appointment", "Encounter", "Slot", "Schedule"} }

// Project writes the visits, slots and schedules of a batch. Schedules come
// first: a slot without words of its own takes them from its schedule.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	visits, slots, schedules := p.visits.Batch(len(batch)), p.slots.Batch(len(batch)), p.schedules.Batch(0)
	var named []string
	for _, c := range batch {
		switch c.Type {
		case "Appointment":
			put(visits, c, appointment(c))
		case "Encounter":
			put(visits, c, encounter(c))
		case "Schedule":
			put(schedules, c, schedule(c))
			named = append(named, c.ID)
			for a := range c.Node.Get("actor").Each() {
				if err := clinician.Learn(ctx, tx, a); err != nil {
					return err
				}
			}
		case "Slot":
			put(slots, c, slot(c))
		}
	}
	for _, b := range []*view.Batch{schedules, slots, visits} {
		if err := b.Write(ctx, tx); err != nil {
			return err
		}
	}
	return p.describe(ctx, tx, named, batch)
}

func put(rows *view.Batch, c record.Change, values []any) {
	if values != nil {
		rows.Set(values...)
		return
	}
	if !c.Created {
		rows.Drop(c.ID)
	}
}

// describe fills in what slots take from their schedules: for new slots, and
// for the old slots of changed schedules.
func (p projector) describe(ctx context.Context, tx *db.Tx, named []string, batch []record.Change) error {
	const q = `
		update slot set
			service = case when slot.service = '' then s.service else slot.service end,
			title = case when slot.title = '' then s.title else slot.title end,
			practitioner = case when slot.practitioner = '' then s.practitioner else slot.practitioner end,
			place = case when slot.place = '' then s.place else slot.place end
		from schedule s
		where s.id = slot.schedule and slot.schedule = $1
			and (slot.service = '' or slot.title = '' or slot.practitioner = '' or slot.place = '')`
	seen := map[string]bool{}
	for _, c := range batch {
		if c.Type == "Slot" && !c.Deleted {
			if _, id := c.Node.Get("schedule").Reference(); id != "" {
				named = append(named, id)
			}
		}
	}
	for _, id := range named {
		if seen[id] {
			continue
		}
		seen[id] = true
		if _, err := tx.ExecContext(ctx, q, id); err != nil {
			return fmt.Errorf("visit: describe slots of %s: %w", id, err)
		}
	}
	return nil
}

func appointment(c record.Change) []any {
	n := c.Node
	status := n.Get("status").Text()
	patient, with, where := c.Patient, "", ""
	for p := range n.Get("participant").Each() {
		actor := p.Get("actor")
		switch kindOf(actor) {
		case "Patient":
			if _, id := actor.Reference(); patient == "" {
				patient = id
			}
		case "Practitioner", "PractitionerRole":
			with = clinician.Ref(actor)
		case "Location":
			where = clinician.Ref(actor)
		}
	}
	start, end := view.At(n.Get("start")), view.At(n.Get("end"))
	if c.Deleted || status == "entered-in-error" || patient == "" || start == 0 {
		return nil
	}
	_, slot := n.Get("slot").Reference()
	service, title := serviceOf(n.Get("serviceType"))
	if d := n.Get("description").Text(); d != "" {
		title = d
	}
	if title == "" {
		title = view.Plain(view.First(n.Get("appointmentType"), n.Get("reasonCode")).Concept())
	}
	return []any{c.ID, patient, "appointment", status, service, title, start, max(end, start), with, where, slot,
		view.At(n.Get("created")), extension(n, viaURL), extension(n, refURL), view.Source(c), c.At.UnixMicro()}
}

// whyMark stands in the title of an encounter between what it was and why.
const whyMark = ": "

func encounter(c record.Change) []any {
	n := c.Node
	switch n.Get("status").Text() {
	case "finished", "in-progress", "arrived", "triaged", "onleave", "unknown":
	default:
		return nil
	}
	start, end := view.At(n.Get("period", "start")), view.At(n.Get("period", "end"))
	if c.Deleted || c.Patient == "" || start == 0 || n.Get("appointment").Exists() { // the appointment stands for it
		return nil
	}
	with := ""
	for p := range n.Get("participant").Each() {
		if r := clinician.Ref(p.Get("individual")); r != "" {
			with = r
			break
		}
	}
	service, title := serviceOf(view.First(n.Get("type"), n.Get("serviceType")))
	if why := view.Plain(n.Get("reasonCode").Concept()); why != "" {
		title = strings.TrimSuffix(title, ".") + whyMark + why
	}
	where := clinician.Ref(view.First(n.Get("location", "location"), n.Get("serviceProvider")))
	return []any{c.ID, c.Patient, "encounter", string(Fulfilled), service, title, start, max(end, start), with, where, "",
		int64(0), "", "", view.Source(c), c.At.UnixMicro()}
}

func schedule(c record.Change) []any {
	if c.Deleted {
		return nil
	}
	service, title := serviceOf(c.Node.Get("serviceType"))
	with, where := "", ""
	for a := range c.Node.Get("actor").Each() {
		switch kindOf(a) {
		case "Location":
			where = clinician.Link(a)
		default:
			with = clinician.Link(a)
		}
	}
	return []any{c.ID, service, title, with, where}
}

func slot(c record.Change) []any {
	n := c.Node
	status := n.Get("status").Text()
	start, end := view.At(n.Get("start")), view.At(n.Get("end"))
	if c.Deleted || status == "entered-in-error" || start == 0 {
		return nil
	}
	service, title := serviceOf(n.Get("serviceType"))
	_, id := n.Get("schedule").Reference()
	return []any{c.ID, service, title, start, max(end, start), status, id, "", ""}
}

// kindOf returns the type of what a reference leads to, which one by name
// alone says in its own element.
func kindOf(n fhir.Node) string {
	if typ, _ := n.Reference(); typ != "" {
		return typ
	}
	return n.Get("type").Text()
}

// serviceOf returns the code, ours where there is one, and the words of a
// service type.
func serviceOf(n fhir.Node) (code, title string) {
	for _, c := range n.Codings() {
		if code == "" || c.System == System {
			code = c.Code
		}
	}
	return code, view.Plain(n.Concept())
}

func extension(n fhir.Node, url string) string {
	for e := range n.Get("extension").Each() {
		if e.Get("url").Text() == url {
			return e.Get("valueString").Text()
		}
	}
	return ""
}
