package record

import (
	"bytes"
	"context"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/record/label"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// link names a resource.
type link struct{ typ, id string }

// handsOn are the types whose labels go on to what refers to them: a report
// of a protected test is as telling as the test.
var handsOn = map[string]bool{
	"Condition": true, "Encounter": true, "Procedure": true, "ServiceRequest": true, "Observation": true, "DiagnosticReport": true,
	"DocumentReference": true, "Medication": true, "MedicationRequest": true, "MedicationStatement": true, "CarePlan": true,
	"Appointment": true, "AllergyIntolerance": true, "Immunization": true, "EpisodeOfCare": true, "QuestionnaireResponse": true, "Claim": true,
}

// byItself are the types that say what they say without what they refer to:
// blood pressure is no more telling for the visit it was taken at.
var byItself = map[string]bool{
	"Patient": true, "Condition": true, "Observation": true, "AllergyIntolerance": true, "Immunization": true, "Device": true,
}

// inherited returns which labels of a resource of type from go on to one of
// type typ. All records of a programme that treats substance use are
// protected, whatever they say (42 CFR 2.12).
func inherited(typ, from string, labels access.Label) access.Label {
	if byItself[typ] {
		if from != "Encounter" && from != "EpisodeOfCare" {
			return 0
		}
		return labels & access.Part2
	}
	return labels
}

// guard is a row of shield under way.
type guard struct {
	link
	patient     string
	own, labels access.Label
	cared       int64
	until       int64
	hold        string

	refs  []link
	row   bool // it stands in the table
	fresh bool // something about it may have changed
}

// shields are the guards of the patients of one batch.
type shields struct {
	b      *batch
	guards map[link]*guard
	before map[link]guard // as the table has them
	people map[string]person
}

// person is what labels a minor's care.
type person struct{ born, state string }

// shield keeps table shield with the batch all, in its transaction: the
// labels of what was put, of what refers to it, and what waits.
func (b *batch) shield(ctx context.Context, all []Change) error {
	if len(all) == 0 {
		return nil
	}
	s := &shields{b: b, guards: map[link]*guard{}, before: map[link]guard{}, people: map[string]person{}}
	if err := s.load(ctx, all); err != nil {
		return err
	}
	if err := s.covered(all); err != nil {
		return err
	}
	if err := s.take(ctx, all); err != nil {
		return err
	}
	s.settle()
	if err := s.spread(ctx, all); err != nil {
		return err
	}
	if err := s.minors(ctx, all); err != nil {
		return err
	}
	if err := s.write(ctx); err != nil {
		return err
	}
	if err := s.lookAgain(ctx, all); err != nil {
		return err
	}
	return s.cover(ctx)
}

// load locks the patients of all and reads the rows there are of them. The
// lock makes of two who write at once, one what is protected and the other
// what refers to it, one after the other: the second sees the first.
func (s *shields) load(ctx context.Context, all []Change) error {
	patients := []string{""} // a Medication is of no one
	seen := map[string]bool{"": true}
	for i := range all {
		for _, p := range [...]string{all[i].Patient, all[i].Was} {
			if !seen[p] {
				seen[p] = true
				patients = append(patients, p)
			}
		}
	}
	if !refersToMedication(all) {
		patients = patients[1:]
	}
	slices.Sort(patients)
	const q = `select patient, typ, id, own, labels, cared_at, held_until, hold from shield where patient in (`
	return inChunks(patients, func(args []any) error {
		if _, err := s.b.tx.ExecContext(ctx, `update patient_number set id = id where id in (`+db.In(1, len(args))+`)`, args...); err != nil {
			return err
		}
		list, err := db.All(ctx, s.b.tx, readGuard, q+db.In(1, len(args))+`)`, args...)
		for _, g := range list {
			s.before[g.link] = g
			s.guards[g.link] = &g
		}
		return err
	})
}

// errCovered refuses to write over what is hidden from who writes.
var errCovered = errs.New(errs.Conflict, "It is protected, and who sends it was not given that.")

// covered refuses changes to what their source may not see: a body without a
// label must not take the place of one that has it.
func (s *shields) covered(all []Change) error {
	for i := range all {
		c := &all[i]
		if c.by == nil || c.by.Within == nil {
			continue
		}
		if g := s.before[link{c.Type, c.ID}]; g.row && !c.by.Within.Shows(g.labels, time.UnixMicro(g.until)) {
			return &draftError{link{c.Type, c.ID}, errCovered}
		}
	}
	return nil
}

// refersToMedication says whether all has a Medication or refers to one.
func refersToMedication(all []Change) bool {
	for i := range all {
		if all[i].Type == "Medication" || slices.ContainsFunc(all[i].refs, func(l link) bool { return l.typ == "Medication" }) {
			return true
		}
	}
	return false
}

func readGuard(scan db.Scan) (g guard, err error) {
	g.row = true
	err = scan(&g.patient, &g.typ, &g.id, &g.own, &g.labels, &g.cared, &g.until, &g.hold)
	return g, err
}

// take puts what all says in the place of what was known, and asks what
// waits.
func (s *shields) take(ctx context.Context, all []Change) error {
	for i := range all {
		c := &all[i]
		key := link{c.Type, c.ID}
		g := s.guards[key]
		if g == nil {
			if c.Labels == 0 && len(c.refs) == 0 {
				continue // nothing to guard, nothing to inherit
			}
			g = &guard{link: key}
			s.guards[key] = g
		}
		g.patient, g.own, g.cared, g.refs, g.fresh = c.Patient, c.Labels, c.cared, c.refs, true
		g.labels = c.Labels
		if c.Deleted {
			g.until, g.hold = 0, ""
		}
	}
	return s.holds(ctx, all)
}

// holds asks who knows what waits.
func (s *shields) holds(ctx context.Context, all []Change) error {
	if s.b.again {
		return nil
	}
	for _, h := range s.b.store.holds {
		list, err := h.Hold(ctx, s.b.tx, all)
		if err != nil {
			return err
		}
		for _, w := range list {
			g := s.guards[link{w.Type, w.ID}]
			if g == nil {
				g = &guard{link: link{w.Type, w.ID}, patient: patientOf(all, w), fresh: true}
				s.guards[g.link] = g
			}
			g.until, g.hold, g.fresh = w.Until.UnixMicro(), w.Hold, true
			if w.Until.IsZero() {
				g.until = 0
			}
		}
	}
	return nil
}

func patientOf(all []Change, w Held) string {
	for i := range all {
		if all[i].Type == w.Type && all[i].ID == w.ID {
			return all[i].Patient
		}
	}
	return ""
}

// settle hands labels on until nothing changes: a chain of references is
// never long, and labels are only added.
func (s *shields) settle() {
	for changed := true; changed; {
		changed = false
		for _, g := range s.guards {
			if !g.fresh {
				continue
			}
			for _, ref := range g.refs {
				from := s.guards[ref]
				if from == nil || from.patient != g.patient && from.patient != "" {
					continue
				}
				if more := inherited(g.typ, ref.typ, from.labels&^access.MinorConfidential|from.own); g.labels|more != g.labels {
					g.labels |= more
					changed = true
				}
			}
		}
	}
}

// spread looks at the older resources of patients that refer to something
// whose labels are others now.
func (s *shields) spread(ctx context.Context, all []Change) error {
	written := make(map[link]bool, len(all))
	for i := range all {
		written[link{all[i].Type, all[i].ID}] = true
	}
	for range 4 { // a report of a test of a visit is three steps away
		news := s.news()
		found := false
		for patient, links := range news {
			more, err := s.older(ctx, patient, links, written)
			if err != nil {
				return err
			}
			found = found || more
		}
		if !found {
			return nil
		}
		s.settle()
	}
	return nil
}

// news returns, for each patient, the resources whose labels are others than
// before and are handed on.
func (s *shields) news() map[string][]link {
	news := map[string][]link{}
	for key, g := range s.guards {
		const minor = access.MinorConfidential
		if was := s.before[key].labels; g.fresh && handsOn[g.typ] && g.patient != "" && was&^minor != g.labels&^minor {
			news[g.patient] = append(news[g.patient], key)
		}
	}
	return news
}

// older makes the labels of a patient's older resources that refer to one of
// links again, and says whether there are any it has not seen.
func (s *shields) older(ctx context.Context, patient string, links []link, written map[link]bool) (bool, error) {
	keys, err := db.All(ctx, s.b.tx, readKey,
		`select r.n, r.typ, r.id from resource r where r.patient = (select n from patient_number where id = $1) and r.deleted = 0`, patient)
	if err != nil {
		return false, err
	}
	var numbers []int64
	for _, k := range keys {
		if !written[k.link] && s.mayInherit(k.typ, links) {
			numbers = append(numbers, k.n)
		}
	}
	found := false
	for len(numbers) > 0 {
		n := min(64, len(numbers))
		list, err := s.b.store.readStored(ctx, s.b.tx, numbers[:n])
		if err != nil {
			return false, err
		}
		for _, r := range list {
			if mentions(r.body, links) {
				found, written[r.link] = true, true
				if err := s.again(patient, r); err != nil {
					return false, err
				}
			}
		}
		numbers = numbers[n:]
	}
	return found, nil
}

// mayInherit says whether a resource of type typ takes over a label of one
// of links.
func (s *shields) mayInherit(typ string, links []link) bool {
	return slices.ContainsFunc(links, func(l link) bool {
		return inherited(typ, l.typ, s.guards[l].labels|s.before[l].labels) != 0
	})
}

// again makes the labels of the stored resource r anew.
func (s *shields) again(patient string, r stored) error {
	node, err := fhir.Parse(r.body)
	if err != nil {
		return err
	}
	g := s.guards[r.link]
	if g == nil {
		g = &guard{link: r.link}
		s.guards[r.link] = g
	}
	g.patient, g.own, g.cared, g.fresh = patient, label.Of(node), r.cared, true
	g.refs, err = references(Draft{Type: r.typ, ID: r.id}, node)
	g.labels = g.own
	return err
}

func mentions(body []byte, links []link) bool {
	for _, l := range links {
		if bytes.Contains(body, []byte(l.typ+"/"+l.id)) {
			return true
		}
	}
	return false
}

// minors adds and takes away what is a minor's own affair.
func (s *shields) minors(ctx context.Context, all []Change) error {
	for i := range all {
		if c := &all[i]; c.Type == "Patient" {
			s.people[c.ID] = person{c.Node.Get("birthDate").Text(), c.Node.Get("address", "state").Text()}
		}
	}
	var ask []string
	for _, g := range s.guards {
		if _, known := s.people[g.patient]; g.fresh && g.labels != 0 && !known && g.patient != "" {
			s.people[g.patient] = person{}
			ask = append(ask, g.patient)
		}
	}
	type row struct {
		id string
		person
	}
	scan := func(scan db.Scan) (r row, err error) { return r, scan(&r.id, &r.born, &r.state) }
	err := inChunks(ask, func(args []any) error {
		list, err := db.All(ctx, s.b.tx, scan, `select id, born, state from person where id in (`+db.In(1, len(args))+`)`, args...)
		for _, r := range list {
			s.people[r.id] = r.person
		}
		return err
	})
	for _, g := range s.guards {
		p, known := s.people[g.patient]
		if !known || g.labels == 0 {
			continue
		}
		g.labels = g.labels&^access.MinorConfidential | g.own&access.MinorConfidential
		g.labels |= label.Minor(g.labels, p.born, p.state, time.UnixMicro(g.cared).UTC())
		g.fresh = true
	}
	return err
}

// write brings the table to what s says.
func (s *shields) write(ctx context.Context) error {
	var args []any
	for key, g := range s.guards {
		was := s.before[key]
		if !g.fresh || g.same(was) {
			continue
		}
		if was.row && (g.patient != was.patient || g.empty()) {
			const q = `delete from shield where patient = $1 and typ = $2 and id = $3`
			if _, err := s.b.tx.ExecContext(ctx, q, was.patient, g.typ, g.id); err != nil {
				return err
			}
		}
		if !g.empty() {
			args = append(args, g.patient, g.typ, g.id, int64(g.own), int64(g.labels), g.cared, g.until, g.hold)
		}
	}
	const head = `insert into shield (patient, typ, id, own, labels, cared_at, held_until, hold)`
	const tail = `on conflict (patient, typ, id) do update set own = excluded.own, labels = excluded.labels,
		cared_at = excluded.cared_at, held_until = excluded.held_until, hold = excluded.hold`
	return db.InsertMany(ctx, s.b.tx, head, tail, 8, args)
}

func (g *guard) empty() bool { return g.labels == 0 && g.until == 0 }

// same says whether the row was needs no change.
func (g *guard) same(was guard) bool {
	if !was.row {
		return g.empty()
	}
	return !g.empty() && g.patient == was.patient && g.own == was.own && g.labels == was.labels &&
		g.until == was.until && g.hold == was.hold && g.cared == was.cared
}
