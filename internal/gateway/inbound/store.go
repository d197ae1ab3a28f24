package inbound

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/reach"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// How long a report about a message that nobody knows waits for it, and the
// parts of a text for each other; and how long what was applied is kept.
const (
	Patience = 10 * time.Minute
	kept     = 30 * 24 * time.Hour
)

// Store keeps reports until they are applied.
type Store struct {
	db    *db.DB
	ids   *ids.Source
	now   func() time.Time
	key   seal.Key
	ring  *keys.Ring
	log   *slog.Logger
	wake  chan struct{}
	swept time.Time
}

// NewStore returns a store on d that seals under ring.
func NewStore(d *db.DB, source *ids.Source, now func() time.Time, key seal.Key, ring *keys.Ring, log *slog.Logger) *Store {
	return &Store{db: d, ids: source, now: now, key: key.For("inbound"), ring: ring, log: log, wake: make(chan struct{}, 1)}
}

var errReport = errs.New(errs.Invalid, "A report has a provider, a name and a kind.")

// Keep keeps a report, once.
func (s *Store) Keep(ctx context.Context, r Report) error {
	if r.Provider == "" || r.ID == "" || r.Kind == "" {
		return errReport
	}
	plain, err := json.Marshal(r)
	if err != nil {
		return err
	}
	id, now := s.ids.New(), db.Micro(s.now())
	const q = `
		insert into text_report (id, provider, dedupe, body, at, state, next_at)
		values ($1, $2, $3, $4, $5, 'new', $5) on conflict (provider, dedupe) do nothing`
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		sealed, err := s.ring.Seal(ctx, tx, keys.Messages, "text_report", "body", id, plain)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, q, id, r.Provider, r.ID, sealed, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("inbound: keep: %w", err)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// Engine is what applies reports.
type Engine interface {
	Receipt(ctx context.Context, r reach.Receipt) error
}

// Run applies reports as they come until ctx ends.
func (s *Store) Run(ctx context.Context, e Engine) error {
	for ctx.Err() == nil {
		n, err := s.Apply(ctx, e)
		if err != nil && ctx.Err() == nil {
			s.log.Error("inbound: apply", "error", err)
		}
		if n > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-time.After(time.Second):
		}
	}
	return nil
}

// row is a report in its table.
type row struct {
	id, provider string
	sealed       []byte
	at           time.Time
	tries        int
}

// Apply applies what is due, and returns how many reports it looked at.
func (s *Store) Apply(ctx context.Context, e Engine) (int, error) {
	if err := s.sweep(ctx); err != nil {
		return 0, err
	}
	const q = `select id, provider, body, at, tries from text_report where state = 'new' and next_at <= $1 order by next_at, id limit 100`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (r row, err error) {
		var at int64
		err = scan(&r.id, &r.provider, &r.sealed, &at, &r.tries)
		r.at = db.Time(at)
		return r, err
	}, q, db.Micro(s.now()))
	if err != nil {
		return 0, fmt.Errorf("inbound: due: %w", err)
	}
	for _, r := range list {
		if err := s.one(ctx, e, r); err != nil {
			return len(list), fmt.Errorf("inbound: %s: %w", r.id, err)
		}
	}
	return len(list), nil
}

// one takes one report, so that no other process does meanwhile, and applies
// it. What fails is tried again, later each time.
func (s *Store) one(ctx context.Context, e Engine, r row) error {
	now := s.now()
	again := now.Add(min(time.Second<<min(r.tries, 6), time.Minute))
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `update text_report set tries = tries + 1, next_at = $2 where id = $1 and state = 'new' and next_at <= $3`
		n, err := db.Changed(tx.ExecContext(ctx, q, r.id, db.Micro(again), db.Micro(now)))
		if err == nil && n == 0 {
			return errTaken
		}
		return err
	})
	if errors.Is(err, errTaken) {
		return nil
	}
	if err != nil {
		return err
	}
	plain, err := s.ring.Open(ctx, r.sealed, "text_report", "body", r.id)
	if err != nil {
		return s.end(ctx, "refused", "cannot be opened", r.id)
	}
	var report Report
	if err := json.Unmarshal(plain, &report); err != nil {
		return s.end(ctx, "refused", "cannot be read", r.id)
	}
	if report.Part.Total > 1 {
		return s.part(ctx, e, r, report)
	}
	return s.apply(ctx, e, report, now.Sub(r.at) > Patience, r.id)
}

var errTaken = errors.New("another has it")

// apply hands a report on. One about a message that nobody knows is kept until
// it is late.
func (s *Store) apply(ctx context.Context, e Engine, r Report, late bool, ids ...string) error {
	if r.Kind != Replied && r.Key == "" && r.Ref != "" && !late {
		known, err := s.known(ctx, r.Ref)
		if err != nil || !known {
			return err
		}
	}
	err := e.Receipt(ctx, r.Receipt())
	switch kind := errs.KindOf(err); {
	case err == nil:
		return s.end(ctx, "done", "", ids...)
	case kind == errs.NotFound && !late:
		return nil
	case kind == errs.NotFound:
		return s.end(ctx, "unknown", "no such message", ids...)
	case kind == errs.Invalid:
		return s.end(ctx, "refused", "not a report", ids...)
	case late:
		s.log.Error("inbound: a report fails again and again", "error", err)
	}
	return nil
}

func (s *Store) known(ctx context.Context, ref string) (bool, error) {
	list, err := db.All(ctx, s.db, db.Value[string], `select id from message where provider_ref = $1 limit 1`, ref)
	return len(list) > 0, err
}

// end says that reports are through.
func (s *Store) end(ctx context.Context, state, detail string, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	q := `update text_report set state = $1, detail = $2, done_at = $3 where state = 'new' and id in (` + db.In(4, len(ids)) + `)`
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, q, append([]any{state, detail, db.Micro(s.now())}, db.Args(ids)...)...)
		return err
	})
}

// part keeps one part of a text, and hands the text on when all are there or
// have been waited for long enough.
func (s *Store) part(ctx context.Context, e Engine, r row, report Report) error {
	sender := s.key.Hash(report.From + "|" + report.To)
	p := report.Part
	const insert = `
		insert into text_part (provider, sender, ref, total, seq, report, at)
		values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`
	const q = `
		select r.id, r.provider, r.body, r.at, r.tries
		from text_part p join text_report r on r.id = p.report
		where p.provider = $1 and p.sender = $2 and p.ref = $3 and p.total = $4 and p.at >= $5 and r.state = 'new'
		order by p.seq`
	var list []row
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		args := []any{report.Provider, sender, p.Ref, p.Total}
		if _, err := tx.ExecContext(ctx, insert, append(args, p.Seq, r.id, db.Micro(r.at))...); err != nil {
			return err
		}
		var err error
		list, err = db.All(ctx, tx, func(scan db.Scan) (r row, err error) {
			var at int64
			err = scan(&r.id, &r.provider, &r.sealed, &at, &r.tries)
			return r, err
		}, q, append(args, db.Micro(r.at.Add(-2*Patience)))...)
		return err
	})
	late := s.now().Sub(r.at) > Patience
	if err != nil || len(list) < p.Total && !late {
		return err
	}
	whole, ids, err := s.join(ctx, list, report)
	if err != nil {
		return err
	}
	return s.apply(ctx, e, whole, late, ids...)
}

// join writes the parts of a text one after the other, and where one is
// missing says so.
func (s *Store) join(ctx context.Context, list []row, first Report) (whole Report, ids []string, err error) {
	whole = first
	var text strings.Builder
	next := 1
	for _, r := range list {
		plain, err := s.ring.Open(ctx, r.sealed, "text_report", "body", r.id)
		if err != nil {
			return whole, nil, err
		}
		var p Report
		if err := json.Unmarshal(plain, &p); err != nil {
			return whole, nil, err
		}
		if p.Part.Seq > next {
			text.WriteString(" […] ")
		}
		text.WriteString(p.Text)
		next = p.Part.Seq + 1
		ids = append(ids, r.id)
	}
	if next <= first.Part.Total {
		text.WriteString(" […]")
	}
	whole.Text = text.String()
	whole.ID = seal.Hash(strings.Join(ids, "|"))
	whole.Part = Part{}
	return whole, ids, nil
}

// sweep forgets what was applied long ago.
func (s *Store) sweep(ctx context.Context) error {
	now := s.now()
	if since := now.Sub(s.swept); since >= 0 && since < time.Hour {
		return nil
	}
	s.swept = now
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from text_part where at < $1`, db.Micro(now.Add(-24*time.Hour))); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `delete from text_report where state <> 'new' and done_at < $1`, db.Micro(now.Add(-kept)))
		return err
	})
	if err != nil {
		return fmt.Errorf("inbound: sweep: %w", err)
	}
	return nil
}

// Waiting counts the reports that wait for their message, and those that
// waited in vain since a time.
func (s *Store) Waiting(ctx context.Context, since time.Time) (waiting, unknown int, err error) {
	if waiting, err = db.One(ctx, s.db, db.Value[int], `select count(*) from text_report where state = 'new'`); err != nil {
		return 0, 0, fmt.Errorf("inbound: waiting: %w", err)
	}
	unknown, err = db.One(ctx, s.db, db.Value[int], `select count(*) from text_report where state = 'unknown' and done_at >= $1`, db.Micro(since))
	return waiting, unknown, err
}
