package emergency

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// Config is all a Store needs.
type Config struct {
	DB    *db.DB
	IDs   *ids.Source
	Now   func() time.Time
	Audit *audit.Log

	// Tell tells the privacy officers that somebody opened a record. It is
	// tried again until it succeeds, and may be called twice.
	Tell func(ctx context.Context, o Opening) error
}

// Store keeps openings.
type Store struct {
	Config
	queue   jobs.Queue // bound by Use
	changed func()     // who may see what is another now; may be nil
}

// New returns a store. Use binds the queue afterwards, which is opened with
// Handlers.
func New(c Config) *Store { return &Store{Config: c} }

// Use binds the queue that carries the notices, and what is called when a
// record was opened or closed.
func (s *Store) Use(q jobs.Queue, changed func()) { s.queue, s.changed = q, changed }

const columns = `id, account, patient, code, reason, opened_at, until_at, closed_at, reviewed_at, reviewer, verdict, note`

func read(scan db.Scan) (o Opening, err error) {
	var at, until, closed, reviewed int64
	err = scan(&o.ID, &o.Account, &o.Patient, &o.Code, &o.Reason, &at, &until, &closed, &reviewed, &o.Reviewer, &o.Verdict, &o.Note)
	o.At, o.Until, o.Closed, o.Reviewed = db.Time(at), db.Time(until), db.Time(closed), db.Time(reviewed)
	return o, err
}

// tellJob is the kind of the job that tells of an opening.
const tellJob = "emergency.tell"

// Open opens the record that pass is for to its actor. While it is open,
// opening it again adds nothing.
func (s *Store) Open(ctx context.Context, pass access.Pass, code, reason string) (Opening, error) {
	patient, err := pass.Open(access.BreakGlass)
	if err != nil {
		return Opening{}, err
	}
	reason = strings.TrimSpace(reason)
	if Words(code) == "" {
		return Opening{}, errCode
	}
	if n := utf8.RuneCountInString(reason); n < shortest || n > longest {
		return Opening{}, errReason
	}
	a, now := pass.Actor(), s.Now().UTC()
	o := Opening{ID: s.IDs.New(), Account: a.ID, Patient: patient, Code: code, Reason: reason, At: now, Until: now.Add(Lasts)}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		was, err := db.All(ctx, tx, read, `select `+columns+` from emergency where account = $1 and patient = $2 and closed_at = 0 and until_at > $3`, a.ID, patient, now.UnixMicro())
		if err != nil {
			return err
		}
		if len(was) > 0 {
			o = was[0]
			return nil
		}
		return s.open(ctx, tx, a, o)
	})
	if err != nil {
		return Opening{}, fmt.Errorf("emergency: open: %w", err)
	}
	s.touched()
	return o, nil
}

func (s *Store) open(ctx context.Context, tx *db.Tx, a access.Actor, o Opening) error {
	const q = `insert into emergency (id, account, patient, code, reason, opened_at, until_at) values ($1, $2, $3, $4, $5, $6, $7)`
	if _, err := tx.ExecContext(ctx, q, o.ID, o.Account, o.Patient, o.Code, o.Reason, o.At.UnixMicro(), o.Until.UnixMicro()); err != nil {
		return err
	}
	if err := s.Audit.AddIn(ctx, tx, row(a, "emergency.open", o)); err != nil {
		return err
	}
	if s.queue == nil {
		return nil
	}
	return s.queue.Add(ctx, tx, jobs.Job{Kind: tellJob, Args: o.ID})
}

// row is what the log keeps of an opening.
func row(a access.Actor, action string, o Opening) audit.Row {
	return audit.Row{ActorKind: string(a.Kind), Actor: a.ID, Action: action, Patient: o.Patient, About: "emergency/" + o.ID,
		Purpose: "emergency", Reason: o.Code, Granted: true, Request: a.Request, Session: a.Session}
}

func (s *Store) touched() {
	if s.changed != nil {
		s.changed()
	}
}

// Handlers are the jobs of this package.
func (s *Store) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{tellJob: func(ctx context.Context, args json.RawMessage) error {
		var id string
		if err := json.Unmarshal(args, &id); err != nil || s.Tell == nil {
			return err
		}
		o, err := db.One(ctx, s.DB, read, `select `+columns+` from emergency where id = $1`, id)
		if err != nil {
			return fmt.Errorf("emergency: tell %s: %w", id, err)
		}
		return s.Tell(ctx, o)
	}}
}

// End ends an opening before its hour is over. Only who opened it may.
func (s *Store) End(ctx context.Context, a access.Actor, patient string) error {
	now := s.Now().UTC()
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `update emergency set closed_at = $1 where account = $2 and patient = $3 and closed_at = 0 and until_at > $1 returning ` + columns
		list, err := db.All(ctx, tx, read, q, now.UnixMicro(), a.ID, patient) // two requests at once may have opened it twice
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return errNotOpen
		}
		rows := make([]audit.Row, len(list))
		for i, o := range list {
			rows[i] = row(a, "emergency.end", o)
		}
		return s.Audit.AddIn(ctx, tx, rows...)
	})
	s.touched()
	return said("end", err)
}

// Lasting returns what the actor has open now, for the banner. It tells its
// reader nothing but what the reader did.
func (s *Store) Lasting(ctx context.Context, a access.Actor) ([]Opening, error) {
	const q = `select ` + columns + ` from emergency where account = $1 and closed_at = 0 and until_at > $2 order by until_at, id`
	list, err := db.All(ctx, s.DB, read, q, a.ID, s.Now().UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("emergency: lasting: %w", err)
	}
	return list, nil
}

// Waiting returns the openings that nobody has reviewed, the oldest first.
func (s *Store) Waiting(ctx context.Context, pass access.Pass, n int) ([]Opening, error) {
	if err := pass.OpenAll(access.ReviewAccess); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.DB, read, `select `+columns+` from emergency where reviewed_at = 0 order by opened_at, id limit $1`, n)
	if err != nil {
		return nil, fmt.Errorf("emergency: waiting: %w", err)
	}
	return list, nil
}

// Done returns the newest reviews.
func (s *Store) Done(ctx context.Context, pass access.Pass, n int) ([]Opening, error) {
	if err := pass.OpenAll(access.ReviewAccess); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.DB, read, `select `+columns+` from emergency where reviewed_at > 0 order by reviewed_at desc, id limit $1`, n)
	if err != nil {
		return nil, fmt.Errorf("emergency: done: %w", err)
	}
	return list, nil
}

// Get returns one opening, for its review.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Opening, error) {
	if err := pass.OpenAll(access.ReviewAccess); err != nil {
		return Opening{}, err
	}
	o, err := db.One(ctx, s.DB, read, `select `+columns+` from emergency where id = $1`, id)
	return o, said("get", err)
}

// Review keeps what a review found. Nobody reviews their own access.
func (s *Store) Review(ctx context.Context, pass access.Pass, id string, v Verdict, note string) error {
	if err := pass.OpenAll(access.ReviewAccess); err != nil {
		return err
	}
	note = strings.TrimSpace(note)
	switch {
	case v != Appropriate && v != Not:
		return errVerdict
	case note == "" || utf8.RuneCountInString(note) > longest:
		return errNote
	}
	a := pass.Actor()
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		o, err := db.One(ctx, tx, read, `select `+columns+` from emergency where id = $1`, id)
		if err != nil {
			return err
		}
		if o.Account == a.ID {
			return errOwn
		}
		const q = `update emergency set reviewed_at = $1, reviewer = $2, verdict = $3, note = $4 where id = $5 and reviewed_at = 0`
		n, err := db.Changed(tx.ExecContext(ctx, q, s.Now().UnixMicro(), a.ID, string(v), note, id))
		if err != nil {
			return err
		}
		if n == 0 {
			return errReviewed
		}
		r := row(a, "emergency.review", o)
		r.Reason = string(v)
		return s.Audit.AddIn(ctx, tx, r)
	})
	return said("review", err)
}

func said(verb string, err error) error {
	if err == nil || errs.KindOf(err) != errs.Internal {
		return err
	}
	return fmt.Errorf("emergency: %s: %w", verb, err)
}
