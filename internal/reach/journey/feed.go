package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach/segment"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// Follower reads the changes of the record, each once: whom a change takes in
// and what it takes back is written with the place it was read to.
func (s *Store) Follower() record.Follower {
	return record.Follower{Name: "journeys", Node: s.Node, Take: s.take, New: true}
}

// cause is something that takes a person in.
type cause struct {
	on, patient, key string
	subject          string
	service          string
	at               time.Time // when it happened
	data             map[string]string
}

// told are the types of resources that journeys are about.
var told = []string{"Appointment", "Observation", "DiagnosticReport", "Encounter", "Task"}

// take looks at changes. The last of several changes of one resource counts.
func (s *Store) take(ctx context.Context, batch []record.Changed) (func(context.Context, *db.Tx) error, error) {
	last := map[string]record.Changed{}
	var order []string
	for _, c := range batch {
		if c.Patient == "" || !slices.Contains(told, c.Type) {
			continue
		}
		k := c.Type + "/" + c.ID
		if _, ok := last[k]; !ok {
			order = append(order, k)
		}
		last[k] = c
	}
	if len(order) == 0 {
		return nil, nil
	}
	pass, err := s.eyes(ctx, "feed")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx *db.Tx) error {
		if err := tx.Lock(ctx, "journey"); err != nil {
			return err
		}
		var causes []cause
		for _, k := range order {
			c := last[k]
			r, err := s.Record.GetIn(ctx, tx, pass, c.Type, c.ID)
			gone := errs.KindOf(err) == errs.NotFound || errs.KindOf(err) == errs.Gone
			if err != nil && !gone {
				return err
			}
			list, err := s.read(ctx, tx, c, r, gone)
			if err != nil {
				return err
			}
			causes = append(causes, list...)
		}
		return s.enrol(ctx, tx, pass, causes)
	}, nil
}

// read says what a change is to journeys. What the engine is not shown is as
// if it were not there.
func (s *Store) read(ctx context.Context, tx *db.Tx, c record.Changed, r record.Resource, gone bool) ([]cause, error) {
	var n fhir.Node
	if !gone {
		var err error
		if n, err = fhir.Parse(r.Body); err != nil {
			return nil, fmt.Errorf("journey: %s/%s: %w", c.Type, c.ID, err)
		}
	}
	status := n.Get("status").Text()
	switch c.Type {
	case "Appointment":
		return s.visit(ctx, tx, c, n, gone)
	case "Task":
		if gone || slices.Contains([]string{"completed", "cancelled", "failed", "rejected", "entered-in-error"}, status) {
			return nil, s.over(ctx, tx, "Task/"+c.ID, "", "done", "it was answered")
		}
	case "Encounter":
		if !gone && status == "finished" && n.Get("class", "code").Text() == "IMP" {
			return []cause{{on: Discharged, patient: c.Patient, key: "Encounter/" + c.ID, subject: "Encounter/" + c.ID, at: c.At}}, nil
		}
	case "Observation", "DiagnosticReport":
		if !gone && slices.Contains([]string{"final", "amended", "corrected"}, status) && laboratory(n) {
			// Many values of one sample come together and are one cause.
			return []cause{{on: ResultReady, patient: c.Patient, key: "result/" + c.At.UTC().Format(time.DateOnly), at: c.At}}, nil
		}
	}
	return nil, nil
}

// laboratory says whether a result is one that a patient waits for, not a
// weight or a pulse.
func laboratory(n fhir.Node) bool {
	for cat := range n.Get("category").Each() {
		for _, k := range cat.Codings() {
			if k.Code == "laboratory" || k.Code == "LAB" || k.Code == "imaging" || k.Code == "RAD" {
				return true
			}
		}
	}
	return false
}

// visit compares an appointment with what was known of it. A new time takes
// back everything that waits for the old one.
func (s *Store) visit(ctx context.Context, tx *db.Tx, c record.Changed, n fhir.Node, gone bool) ([]cause, error) {
	subject := "Appointment/" + c.ID
	word, start := n.Get("status").Text(), int64(0)
	if span, ok := n.Get("start").Date(); ok {
		start = db.Micro(span.Low)
	}
	switch {
	case gone || word == "cancelled" || word == "entered-in-error":
		word = "cancelled"
	case word == "pending" || word == "arrived" || word == "checked-in":
		word = "booked"
	}
	type seen struct {
		word string
		at   int64
	}
	old, err := db.All(ctx, tx, func(scan db.Scan) (o seen, err error) {
		err = scan(&o.word, &o.at)
		return o, err
	}, `select word, at from journey_seen where subject = $1`, subject)
	if err != nil {
		return nil, err
	}
	const keep = `insert into journey_seen (subject, patient, word, at) values ($1, $2, $3, $4)
		on conflict (subject) do update set word = excluded.word, at = excluded.at, patient = excluded.patient`
	if _, err := tx.ExecContext(ctx, keep, subject, c.Patient, word, start); err != nil {
		return nil, err
	}
	if len(old) == 1 && old[0].word == word && old[0].at == start {
		return nil, nil
	}
	key := fmt.Sprintf("%s@%d", subject, start/1_000_000)
	but := key
	if word != "booked" {
		but = ""
	}
	if err := s.over(ctx, tx, subject, but, "superseded", words[word]); err != nil {
		return nil, err
	}
	base := cause{patient: c.Patient, key: key, subject: subject, service: service(n), at: c.At, data: map[string]string{
		"start": db.Time(start).Format(time.RFC3339), "visit.date": db.Time(start).Format(time.RFC3339),
	}}
	moved := len(old) == 1 && old[0].word == "booked" && old[0].at != start
	return base.of(word, moved, s.Now().UnixMicro() < start), nil
}

// words say why a visit took back what waited for it.
var words = map[string]string{"booked": "the visit was moved", "cancelled": "the visit was cancelled", "fulfilled": "the visit took place", "noshow": "the visit was missed"}

// of returns the causes that a visit's new state is.
func (c cause) of(word string, moved, ahead bool) []cause {
	var on []string
	switch {
	case word == "booked" && ahead && moved:
		on = []string{VisitBooked, VisitMoved}
	case word == "booked" && ahead:
		on = []string{VisitBooked}
	case word == "cancelled":
		on = []string{VisitCancelled}
	case word == "noshow":
		on = []string{VisitMissed}
	}
	list := make([]cause, len(on))
	for i, o := range on {
		list[i] = c
		list[i].on = o
	}
	return list
}

func service(n fhir.Node) string {
	for _, k := range n.Get("serviceType").Codings() {
		return k.Code
	}
	return ""
}

// over ends whoever is under way because of subject, but for cause key, and
// takes back what waits to be sent.
func (s *Store) over(ctx context.Context, tx *db.Tx, subject, key, state, outcome string) error {
	const q = `select id from enrolment where subject = $1 and trigger_key <> $2 and state in ('moving', 'waiting')`
	list, err := db.All(ctx, tx, db.Value[string], q, subject, key)
	if err != nil {
		return err
	}
	for _, id := range list {
		if err := s.end(ctx, tx, id, state, outcome); err != nil {
			return err
		}
	}
	_, err = s.Reach.Supersede(ctx, tx, subject) // what programs sent about it
	return err
}

// open is a journey that takes people in.
type open struct {
	id      string
	version int
	since   int64
	d       Definition
}

// opens are the journeys that take people in because of on; nothing: of
// anything.
func (s *Store) opens(ctx context.Context, c db.Conn, on ...string) ([]open, error) {
	const q = `select j.id, j.version, j.since, v.definition from journey j join journey_version v on v.journey = j.id and v.n = j.version
		where j.state in ('running', 'paused') order by j.id`
	list, err := db.All(ctx, c, func(scan db.Scan) (o open, err error) {
		var text string
		if err := scan(&o.id, &o.version, &o.since, &text); err != nil {
			return o, err
		}
		return o, json.Unmarshal([]byte(text), &o.d)
	}, q)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(o open) bool { return len(on) > 0 && !slices.Contains(on, o.d.Trigger.On) }), nil
}

// enrol takes the people of causes into every journey that waits for them.
func (s *Store) enrol(ctx context.Context, tx *db.Tx, pass access.Pass, causes []cause) error {
	if len(causes) == 0 {
		return nil
	}
	var on []string
	for _, c := range causes {
		on = append(on, c.on)
	}
	list, err := s.opens(ctx, tx, on...)
	if err != nil {
		return err
	}
	for _, o := range list {
		if err := s.into(ctx, tx, pass, o, causes); err != nil {
			return err
		}
	}
	return nil
}

// into takes people into one journey.
func (s *Store) into(ctx context.Context, tx *db.Tx, pass access.Pass, o open, causes []cause) error {
	mine, err := s.mine(ctx, tx, pass, o, causes)
	if err != nil {
		return err
	}
	return s.add(ctx, tx, o, mine)
}

// mine are the causes that take people into o.
func (s *Store) mine(ctx context.Context, c db.Conn, pass access.Pass, o open, causes []cause) ([]cause, error) {
	late, err := parseLength(o.d.Late)
	if err != nil {
		late.d = 24 * time.Hour
	}
	now := s.Now()
	var mine []cause
	for _, c := range causes {
		old := now.Sub(c.at) > late.d+time.Duration(late.days)*24*time.Hour
		if c.on == o.d.Trigger.On && !old && db.Micro(c.at) >= o.since && (o.d.Trigger.Service == "" || o.d.Trigger.Service == c.service) {
			mine = append(mine, c)
		}
	}
	crossing := o.d.Trigger.On == Entered || o.d.Trigger.On == Left
	if o.d.Trigger.Segment == nil || crossing || len(mine) == 0 {
		return mine, nil
	}
	return s.only(ctx, c, pass, *o.d.Trigger.Segment, mine)
}

// add begins the way of each cause's person, once.
func (s *Store) add(ctx context.Context, tx *db.Tx, o open, causes []cause) error {
	now := s.Now()
	var rows, members []any
	for _, c := range causes {
		data := map[string]string{"at": c.at.UTC().Format(time.RFC3339)}
		for k, v := range c.data {
			data[k] = v
		}
		text, err := json.Marshal(data)
		if err != nil {
			return err
		}
		rows = append(rows, s.IDs.New(), o.id, o.version, c.patient, c.key, c.subject, string(text), o.d.Nodes[0].ID, "moving", db.Micro(now), db.Micro(now), db.Micro(now))
		if c.on != Entered && c.on != Left && o.d.follows() { // they are in its segment, and may leave it before the next look
			members = append(members, o.id, c.patient, db.Micro(now))
		}
	}
	if err := db.InsertMany(ctx, tx, `insert into journey_member (journey, patient, at)`, inside, 3, members); err != nil {
		return err
	}
	const head = `insert into enrolment (id, journey, version, patient, trigger_key, subject, data, node, state, wake_at, entered_at, started_at)`
	return db.InsertMany(ctx, tx, head, "on conflict (journey, patient, trigger_key) do nothing", 12, rows)
}

// only leaves the causes whose people are in e.
func (s *Store) only(ctx context.Context, c db.Conn, pass access.Pass, e segment.Expr, causes []cause) ([]cause, error) {
	patients := make([]string, len(causes))
	for i, c := range causes {
		patients[i] = c.patient
	}
	in, err := s.within(ctx, c, pass, e, patients, s.Now())
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(causes, func(c cause) bool { return !in[c.patient] }), nil
}
