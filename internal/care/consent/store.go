package consent

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// Store keeps consent events.
type Store struct {
	db  *db.DB
	ids *ids.Source
	now func() time.Time
	log *audit.Log

	// Revoked hears of each word that takes something back, in the transaction
	// that writes it down; nil: nobody has to.
	Revoked func(ctx context.Context, tx *db.Tx, e Event) error
}

// Chosen is what audit rows call a choice.
const Chosen = "consent.set"

// NewStore returns a store on d.
func NewStore(d *db.DB, ids *ids.Source, now func() time.Time) *Store {
	return &Store{db: d, ids: ids, now: now, log: audit.NewLog(d, ids, now)}
}

var errEvent = errs.New(errs.Invalid, "A choice needs a channel, a topic and what was chosen.")

// Add appends events for the patient whom pass opens.
func (s *Store) Add(ctx context.Context, pass access.Pass, events ...Event) error {
	patient, err := pass.Open(access.EditContacts)
	if err != nil {
		return err
	}
	for i := range events {
		events[i].Patient = patient
		events[i].Actor = pass.Actor().ID
	}
	return s.db.Tx(ctx, func(tx *db.Tx) error { return s.add(ctx, tx, pass.Actor(), events) })
}

// AddIn appends events inside the transaction of their cause: a STOP, an
// import. It fills in an empty ID and a zero At.
func (s *Store) AddIn(ctx context.Context, tx *db.Tx, events ...Event) error {
	by := access.SystemActor("consent")
	if len(events) > 0 && events[0].Actor != "" {
		by = access.SystemActor(events[0].Actor)
	}
	return s.add(ctx, tx, by, events)
}

// add appends events and notes who made each choice.
func (s *Store) add(ctx context.Context, tx *db.Tx, by access.Actor, events []Event) error {
	rows := make([]audit.Row, 0, len(events))
	args := make([]any, 0, len(events)*13)
	var taken []any
	for _, e := range events {
		if e.Patient == "" || e.Channel == "" || e.Purpose == "" || e.Action == "" {
			return errEvent
		}
		if e.ID == "" {
			e.ID = s.ids.New()
		}
		if e.At.IsZero() {
			e.At = s.now()
		}
		r := by.Row(Chosen, e.Patient, true)
		r.About, r.Purpose, r.Reason = "consent/"+e.ID, e.Purpose, string(e.Action)+" "+e.Channel+", "+e.Method
		rows = append(rows, r)
		var until int64
		if !e.Until.IsZero() {
			until = e.Until.UnixMicro()
		}
		var clock int64
		if e.Action == Revoke {
			clock = s.clock(&e)
			taken = append(taken, s.ids.New(), e.ID, e.Patient, e.Channel, e.Purpose, e.Method, e.Rule, bit(!e.Unsure), e.Message,
				e.Received.UnixMicro(), e.At.UnixMicro(), clock)
		}
		args = append(args, e.ID, e.Patient, e.Channel, e.Purpose, string(e.Action), e.Method, e.Actor, e.Evidence, e.At.UnixMicro(), until, e.Scope, e.At.UnixMicro(), clock)
	}
	const head = `insert into consent_event (id, patient, channel, purpose, action, method, actor, evidence, at, until, scope, effective_at, due_at)`
	if err := db.InsertMany(ctx, tx, head, "", 13, args); err != nil {
		return fmt.Errorf("consent: add: %w", err)
	}
	const clocks = `insert into revocation (id, event, patient, channel, purpose, method, rule, sure, message, received_at, honoured_at, due_at)`
	if err := db.InsertMany(ctx, tx, clocks, "", 12, taken); err != nil {
		return fmt.Errorf("consent: add: %w", err)
	}
	if err := s.log.AddIn(ctx, tx, rows...); err != nil {
		return fmt.Errorf("consent: add: %w", err)
	}
	return s.tell(ctx, tx, events)
}

// tell has whoever sends hear of what events take back.
func (s *Store) tell(ctx context.Context, tx *db.Tx, events []Event) error {
	if s.Revoked == nil {
		return nil
	}
	for _, e := range events {
		if e.Action != Revoke {
			continue
		}
		if err := s.Revoked(ctx, tx, e); err != nil {
			return fmt.Errorf("consent: add: %w", err)
		}
	}
	return nil
}

// clock completes when a word came and returns by when it has to count. It
// counts from its own transaction on.
func (s *Store) clock(e *Event) int64 {
	if e.Received.IsZero() || e.Received.After(e.At) {
		e.Received = e.At
	}
	if e.Due.IsZero() {
		e.Due = due(e.Received)
	}
	return e.Due.UnixMicro()
}

func bit(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// Of returns every event of the patient whom pass opens, oldest first.
func (s *Store) Of(ctx context.Context, pass access.Pass) ([]Event, error) {
	patient, err := pass.Open(access.ReadContacts)
	if err != nil {
		return nil, err
	}
	by, err := List(ctx, s.db, []string{patient})
	return by[patient], err
}

// List returns the events of each patient, oldest first. It is for parts of
// Hale that decide about many people at once and hold a right to.
func List(ctx context.Context, c db.Conn, patients []string) (map[string][]Event, error) {
	by := map[string][]Event{}
	if len(patients) == 0 {
		return by, nil
	}
	q := `
		select id, patient, channel, purpose, action, method, actor, evidence, at, until, scope, due_at
		from consent_event
		where patient in (` + db.In(1, len(patients)) + `)
		order by patient, at, id`
	list, err := db.All(ctx, c, read, q, db.Args(patients)...)
	if err != nil {
		return nil, fmt.Errorf("consent: list: %w", err)
	}
	for _, e := range list {
		by[e.Patient] = append(by[e.Patient], e)
	}
	return by, nil
}

func read(scan db.Scan) (e Event, err error) {
	var at, until, due int64
	err = scan(&e.ID, &e.Patient, &e.Channel, &e.Purpose, &e.Action, &e.Method, &e.Actor, &e.Evidence, &at, &until, &e.Scope, &due)
	e.At = time.UnixMicro(at).UTC()
	if due != 0 {
		e.Due = time.UnixMicro(due).UTC()
	}
	if until != 0 {
		e.Until = time.UnixMicro(until).UTC()
	}
	return e, err
}
