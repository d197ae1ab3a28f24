package snoop

import (
	"context"
	"encoding/json"
	"errors"
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
	Zone  *time.Location // the clinic's

	// Changed is called when a record begins or ends to be watched; may be nil.
	Changed func()
}

// Store finds looks and keeps what was found.
type Store struct{ Config }

// New returns a store.
func New(c Config) *Store { return &Store{c} }

// findJob is the kind of the periodic job.
const findJob = "snoop.find"

// Handlers are the jobs of this package.
func (s *Store) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{findJob: func(ctx context.Context, _ json.RawMessage) error { return s.Find(ctx) }}
}

// Periodic says how often looks are gone through.
func (s *Store) Periodic() []jobs.Periodic { return []jobs.Periodic{{Kind: findJob, Every: time.Hour}} }

// back is how many days Find goes back where it has never been.
const back = 30

// Find goes through every day since it last did, and through today again.
func (s *Store) Find(ctx context.Context) error {
	now := s.Now().In(s.Zone)
	for n := back; n >= 0; n-- {
		at := time.Date(now.Year(), now.Month(), now.Day()-n, 0, 0, 0, 0, s.Zone)
		if err := s.findDay(ctx, at, n == 0); err != nil {
			return fmt.Errorf("snoop: find: %w", err)
		}
	}
	return nil
}

// findDay goes through one day, once if it is over.
func (s *Store) findDay(ctx context.Context, at time.Time, running bool) error {
	name := at.Format(time.DateOnly)
	if !running {
		n, err := db.One(ctx, s.DB, db.Value[int], `select count(*) from snoop_day where day = $1`, name)
		if err != nil || n > 0 {
			return err
		}
	}
	d, err := s.gather(ctx, at.UTC(), time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, s.Zone).UTC())
	if err != nil {
		return err
	}
	found := d.findings(name, s.Zone)
	opened := map[string]int{}
	for _, l := range d.looks {
		opened[l.Account]++
	}
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		more, err := s.volumes(ctx, tx, name, opened, d.looks)
		if err != nil {
			return err
		}
		for _, f := range append(found, more...) {
			if err := s.keep(ctx, tx, f); err != nil {
				return err
			}
		}
		if running {
			return nil
		}
		_, err = tx.ExecContext(ctx, `insert into snoop_day (day, at) values ($1, $2) on conflict (day) do nothing`, name, s.Now().UnixMicro())
		return err
	})
}

// findings weighs every look of a day.
func (d *day) findings(name string, zone *time.Location) []Finding {
	var list []Finding
	for _, l := range d.looks {
		score, signs := weigh(l, d.facts(l), zone)
		if score >= Threshold {
			list = append(list, Finding{Account: l.Account, Patient: l.Patient, Day: name, Score: score, Signs: signs, Looks: l.Rows, First: l.First, Last: l.Last})
		}
	}
	return list
}

// volumes keeps how many records each opened, and finds who opened far more
// than on other days.
func (s *Store) volumes(ctx context.Context, tx *db.Tx, name string, opened map[string]int, looks []Look) ([]Finding, error) {
	var list []Finding
	for account, n := range opened {
		before, err := db.All(ctx, tx, db.Value[int], `select opened from snoop_count where account = $1 and day < $2 order by day desc limit 60`, account, name)
		if err != nil {
			return nil, err
		}
		const keep = `insert into snoop_count (account, day, opened) values ($1, $2, $3) on conflict (account, day) do update set opened = excluded.opened`
		if _, err := tx.ExecContext(ctx, keep, account, name, n); err != nil {
			return nil, err
		}
		if !unusual(n, before) {
			continue
		}
		f := Finding{Account: account, Day: name, Score: weighVolume, Signs: []Sign{Volume}, Looks: n}
		for _, l := range looks {
			if l.Account != account {
				continue
			}
			if f.First.IsZero() || l.First.Before(f.First) {
				f.First = l.First
			}
			if l.Last.After(f.Last) {
				f.Last = l.Last
			}
		}
		list = append(list, f)
	}
	return list, nil
}

// keep writes a finding; what was reviewed stays as it was.
func (s *Store) keep(ctx context.Context, tx *db.Tx, f Finding) error {
	const q = `
		insert into snoop_finding (id, account, patient, day, score, signs, looks, first_at, last_at, found_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (account, patient, day) do update set score = excluded.score, signs = excluded.signs, looks = excluded.looks,
			first_at = excluded.first_at, last_at = excluded.last_at
		where snoop_finding.reviewed_at = 0`
	signs := make([]string, len(f.Signs))
	for i, sign := range f.Signs {
		signs[i] = string(sign)
	}
	_, err := tx.ExecContext(ctx, q, s.IDs.New(), f.Account, f.Patient, f.Day, f.Score, strings.Join(signs, " "), f.Looks,
		f.First.UnixMicro(), f.Last.UnixMicro(), s.Now().UnixMicro())
	return err
}

const columns = `id, account, patient, day, score, signs, looks, first_at, last_at, found_at, reviewed_at, reviewer, verdict, note`

func read(scan db.Scan) (f Finding, err error) {
	var signs string
	var first, last, found, reviewed int64
	err = scan(&f.ID, &f.Account, &f.Patient, &f.Day, &f.Score, &signs, &f.Looks, &first, &last, &found, &reviewed, &f.Reviewer, &f.Verdict, &f.Note)
	for word := range strings.FieldsSeq(signs) {
		f.Signs = append(f.Signs, Sign(word))
	}
	f.First, f.Last, f.Found = db.Time(first), db.Time(last), db.Time(found)
	f.Reviewed = db.Time(reviewed)
	return f, err
}

// Waiting returns the findings that nobody has reviewed, the weightiest
// first.
func (s *Store) Waiting(ctx context.Context, pass access.Pass, n int) ([]Finding, error) {
	if err := pass.OpenAll(access.ReviewAccess); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.DB, read, `select `+columns+` from snoop_finding where reviewed_at = 0 order by score desc, last_at desc, id limit $1`, n)
	if err != nil {
		return nil, fmt.Errorf("snoop: waiting: %w", err)
	}
	return list, nil
}

// Done returns the newest reviews.
func (s *Store) Done(ctx context.Context, pass access.Pass, n int) ([]Finding, error) {
	if err := pass.OpenAll(access.ReviewAccess); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.DB, read, `select `+columns+` from snoop_finding where reviewed_at > 0 order by reviewed_at desc, id limit $1`, n)
	if err != nil {
		return nil, fmt.Errorf("snoop: done: %w", err)
	}
	return list, nil
}

// Get returns one finding.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Finding, error) {
	if err := pass.OpenAll(access.ReviewAccess); err != nil {
		return Finding{}, err
	}
	f, err := db.One(ctx, s.DB, read, `select `+columns+` from snoop_finding where id = $1`, id)
	return f, said("get", err)
}

// The verdicts.
const (
	Appropriate = "appropriate"
	Not         = "not"
)

// The refusals.
var (
	errVerdict  = errs.New(errs.Invalid, "Please choose whether the look was appropriate.")
	errNote     = errs.New(errs.Invalid, "Please write a few words on what you found.")
	errOwn      = errs.New(errs.Conflict, "Somebody else must review your own looks.")
	errReviewed = errs.New(errs.Conflict, "Somebody else has reviewed this in the meantime.")
)

// Review keeps what a review found. Nobody reviews their own looks.
func (s *Store) Review(ctx context.Context, pass access.Pass, id, verdict, note string) error {
	if err := pass.OpenAll(access.ReviewAccess); err != nil {
		return err
	}
	note = strings.TrimSpace(note)
	switch {
	case verdict != Appropriate && verdict != Not:
		return errVerdict
	case note == "" || utf8.RuneCountInString(note) > 500:
		return errNote
	}
	a := pass.Actor()
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		f, err := db.One(ctx, tx, read, `select `+columns+` from snoop_finding where id = $1`, id)
		if err != nil {
			return err
		}
		if f.Account == a.ID {
			return errOwn
		}
		const q = `update snoop_finding set reviewed_at = $1, reviewer = $2, verdict = $3, note = $4 where id = $5 and reviewed_at = 0`
		n, err := db.Changed(tx.ExecContext(ctx, q, s.Now().UnixMicro(), a.ID, verdict, note, id))
		if err != nil {
			return err
		}
		if n == 0 {
			return errReviewed
		}
		return s.Audit.AddIn(ctx, tx, audit.Row{ActorKind: string(a.Kind), Actor: a.ID, Action: "look.review", Patient: f.Patient,
			About: "finding/" + id, Reason: verdict, Granted: true, Request: a.Request, Session: a.Session})
	})
	return said("review", err)
}

func said(verb string, err error) error {
	if err == nil || errs.KindOf(err) != errs.Internal {
		return err
	}
	return fmt.Errorf("snoop: %s: %w", verb, err)
}

// isNone says whether err means that there is no row.
func isNone(err error) bool { return errors.Is(err, db.ErrNone) }
