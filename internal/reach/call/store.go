package call

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// Ledger is what the list needs of the engine.
type Ledger interface {
	Script(ctx context.Context, pass access.Pass, message string) (reach.Script, error)
	CalledIn(ctx context.Context, tx *db.Tx, c reach.Call) error
}

// Store keeps the list.
type Store struct {
	db  *db.DB
	ids *ids.Source
	now func() time.Time
}

// NewStore returns a store on d.
func NewStore(d *db.DB, source *ids.Source, now func() time.Time) *Store {
	return &Store{db: d, ids: source, now: now}
}

const columns = `c.id, c.kind, c.message, c.patient, c.outreach, coalesce(o.name, ''), c.purpose, c.not_before, c.expires_at, c.tries, c.state, c.outcome,
	c.taken_by, c.taken_till, c.created_at, c.closed_at`

func read(scan db.Scan) (e Entry, err error) {
	var before, expires, till, created, closed int64
	err = scan(&e.ID, &e.Kind, &e.Message, &e.Patient, &e.Outreach, &e.Name, &e.Purpose, &before, &expires, &e.Tries, &e.State, &e.Outcome,
		&e.TakenBy, &till, &created, &closed)
	e.NotBefore, e.Expires, e.TakenTill, e.Created, e.Closed = db.Time(before), db.Time(expires), db.Time(till), db.Time(created), db.Time(closed)
	return e, err
}

// desks are the rights by which the staff calls: everybody whom there is to
// call, or those whom the front desk may.
var desks = []access.Right{access.AnswerPatients, access.AnswerVisits}

// clerks leaves out, for whoever works at the front desk, every call but those
// about visits and the office. One that says more than that somebody is a
// patient here is not theirs, whatever it is for.
func clerks(pass access.Pass) string {
	if _, err := pass.Open(access.AnswerVisits); err != nil && pass.OpenAll(access.AnswerVisits) != nil {
		return ""
	}
	return ` and c.purpose in ('appointment', 'admin')
		and not exists (select 1 from shield z where z.patient = c.patient and z.typ = 'Message' and z.id = c.message)`
}

// Due returns how many calls can be made now.
func (s *Store) Due(ctx context.Context, pass access.Pass) (int, error) {
	if err := pass.OpenAllOne(access.RunOutreach, access.AnswerVisits); err != nil {
		return 0, err
	}
	q := `select count(*) from call c where c.state = 'open' and c.not_before <= $1` + clerks(pass)
	n, err := db.One(ctx, s.db, db.Value[int], q, db.Micro(s.now()))
	if err != nil {
		return 0, fmt.Errorf("call: due: %w", err)
	}
	return n, nil
}

// List returns the n calls that have waited longest, and those that come
// later after them.
func (s *Store) List(ctx context.Context, pass access.Pass, n int) ([]Entry, error) {
	if err := pass.OpenAllOne(desks...); err != nil {
		return nil, err
	}
	q := `select ` + columns + ` from call c left join outreach o on o.id = c.outreach
		where c.state = 'open'` + clerks(pass) + `
		order by case when c.not_before <= $1 then 0 else 1 end, case when c.kind = 'asked' then 0 else 1 end, c.not_before, c.id limit $2`
	list, err := db.All(ctx, s.db, read, q, db.Micro(s.now()), n)
	if err != nil {
		return nil, fmt.Errorf("call: list: %w", err)
	}
	return list, nil
}

// Closed returns the last n calls that were closed since a time.
func (s *Store) Closed(ctx context.Context, pass access.Pass, since time.Time, n int) ([]Entry, error) {
	if err := pass.OpenAllOne(desks...); err != nil {
		return nil, err
	}
	q := `select ` + columns + ` from call c left join outreach o on o.id = c.outreach
		where c.state <> 'open' and c.tries > 0 and c.closed_at >= $1` + clerks(pass) + ` order by c.closed_at desc, c.id limit $2`
	list, err := db.All(ctx, s.db, read, q, db.Micro(since), n)
	if err != nil {
		return nil, fmt.Errorf("call: closed: %w", err)
	}
	return list, nil
}

// Whose returns whom a call is to, for the doors to be asked.
func (s *Store) Whose(ctx context.Context, id string) (string, error) {
	patient, err := db.One(ctx, s.db, db.Value[string], `select patient from call where id = $1`, id)
	if err != nil {
		return "", fmt.Errorf("call: whose %s: %w", id, err)
	}
	return patient, nil
}

// Get returns one call to the patient whom pass opens, and its tries.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Entry, []Try, error) {
	patient, err := pass.OpenOne(desks...)
	if err != nil {
		return Entry{}, nil, err
	}
	e, err := one(ctx, s.db, pass, id, patient)
	if err != nil {
		return e, nil, fmt.Errorf("call: get %s: %w", id, err)
	}
	tries, err := db.All(ctx, s.db, func(scan db.Scan) (t Try, err error) {
		var at, next int64
		err = scan(&t.N, &t.Outcome, &t.Note, &t.By, &at, &next)
		t.At, t.Next = db.Time(at), db.Time(next)
		return t, err
	}, `select n, outcome, note, by, at, next_at from call_try where call = $1 order by n desc`, id)
	if err != nil {
		return e, nil, fmt.Errorf("call: tries of %s: %w", id, err)
	}
	return e, tries, nil
}

func one(ctx context.Context, c db.Conn, pass access.Pass, id, patient string) (Entry, error) {
	q := `select ` + columns + ` from call c left join outreach o on o.id = c.outreach where c.id = $1 and c.patient = $2` + clerks(pass)
	return db.One(ctx, c, read, q, id, patient)
}

// Take tells colleagues that the actor of pass is about to dial. It fails
// where somebody else said so within the last minutes.
func (s *Store) Take(ctx context.Context, pass access.Pass, id string) error {
	patient, err := pass.OpenOne(desks...)
	if err != nil {
		return err
	}
	now := s.now()
	const q = `update call set taken_by = $3, taken_till = $4
		where id = $1 and patient = $2 and state = 'open' and (taken_by = $3 or taken_by = '' or taken_till < $5)`
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		e, err := one(ctx, tx, pass, id, patient)
		if err != nil {
			return err
		}
		n, err := db.Changed(tx.ExecContext(ctx, q, id, patient, pass.Actor().ID, db.Micro(now.Add(takenFor)), db.Micro(now)))
		if err != nil || n > 0 {
			return err
		}
		if e.State != Open {
			return errClosed
		}
		return errTaken
	})
	if err != nil {
		return fmt.Errorf("call: take %s: %w", id, err)
	}
	return nil
}

// Say writes down what came of a try. A call that was answered, or that is
// not to be tried again, is closed with it.
func (s *Store) Say(ctx context.Context, pass access.Pass, ledger Ledger, id string, r Result) (Entry, error) {
	patient, err := pass.OpenOne(desks...)
	if err != nil {
		return Entry{}, err
	}
	now := s.now()
	if err := r.check(now); err != nil {
		return Entry{}, err
	}
	var e Entry
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `update call set tries = tries where id = $1`, id); err != nil { // one caller at a time
			return err
		}
		if e, err = one(ctx, tx, pass, id, patient); err != nil {
			return err
		}
		if e.State != Open {
			return errClosed
		}
		return s.say(ctx, tx, pass, ledger, &e, r, now)
	})
	if err != nil {
		return e, fmt.Errorf("call: say %s: %w", id, err)
	}
	return e, nil
}

func (s *Store) say(ctx context.Context, tx *db.Tx, pass access.Pass, ledger Ledger, e *Entry, r Result, now time.Time) error {
	left, err := db.One(ctx, tx, db.Value[int], `select count(*) from call_try where call = $1 and outcome = 'voicemail'`, e.ID)
	if err != nil {
		return err
	}
	e.Tries++
	if r.Outcome == reach.LeftVoice {
		left++
	}
	again := next(r, e.Tries, left, now)
	if again.After(e.Expires) && e.Kind != Asked && r.Outcome != reach.Later {
		again = time.Time{}
	}
	const try = `insert into call_try (call, n, outcome, note, by, at, next_at) values ($1, $2, $3, $4, $5, $6, $7)`
	if _, err := tx.ExecContext(ctx, try, e.ID, e.Tries, string(r.Outcome), r.Note, pass.Actor().ID, db.Micro(now), db.Micro(again)); err != nil {
		return err
	}
	c := reach.Call{Message: e.Message, Patient: e.Patient, Number: r.Number, Outcome: r.Outcome, Key: fmt.Sprint(e.ID, "|", e.Tries)}
	if err := ledger.CalledIn(ctx, tx, c); err != nil {
		return err
	}
	e.Outcome = string(r.Outcome)
	switch {
	case !again.IsZero():
		e.NotBefore = again
		const q = `update call set tries = $2, outcome = $3, not_before = $4, taken_by = '', taken_till = 0, expires_at = case when expires_at < $5 then $5 else expires_at end where id = $1`
		_, err := tx.ExecContext(ctx, q, e.ID, e.Tries, e.Outcome, db.Micro(again), db.Micro(again.Add(24*time.Hour)))
		return err
	case r.Outcome == reach.NoAnswer || r.Outcome == reach.LeftVoice:
		e.State, c.Outcome, c.Key = GaveUp, reach.GaveUp, e.ID+"|gave up"
		if r.Outcome == reach.NoAnswer { // a message that was left is a delivery
			if err := ledger.CalledIn(ctx, tx, c); err != nil {
				return err
			}
		}
	default:
		e.State = Done
	}
	e.Closed = now
	const q = `update call set tries = $2, outcome = $3, state = $4, closed_at = $5, taken_by = '', taken_till = 0 where id = $1`
	_, err = tx.ExecContext(ctx, q, e.ID, e.Tries, e.Outcome, e.State, db.Micro(now))
	return err
}
