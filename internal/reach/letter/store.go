package letter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// Ledger is what the letters need of the engine.
type Ledger interface {
	PostedIn(ctx context.Context, tx *db.Tx, patient, message string, what reach.Posted, why, by string) error
}

// Store keeps the letters.
type Store struct {
	db     *db.DB
	ids    *ids.Source
	now    func() time.Time
	Ledger Ledger // set before anything is printed
}

// NewStore returns a store on d.
func NewStore(d *db.DB, source *ids.Source, now func() time.Time) *Store {
	return &Store{db: d, ids: source, now: now}
}

const columns = `l.id, l.message, l.patient, l.outreach, coalesce(o.name, ''), l.purpose, l.state, l.reason, l.batch, l.n, l.created_at, l.closed_at`

func read(scan db.Scan) (e Entry, err error) {
	var created, closed int64
	err = scan(&e.ID, &e.Message, &e.Patient, &e.Outreach, &e.Name, &e.Purpose, &e.State, &e.Reason, &e.Batch, &e.N, &created, &closed)
	e.Created, e.Closed = db.Time(created), db.Time(closed)
	return e, err
}

// veiled leaves out the letters that tell a reader what they may not see.
const veiled = ` not exists (select 1 from shield z where z.patient = l.patient and z.typ = 'Message' and z.id = l.message
	and ((z.labels & $1) <> 0 or z.held_until > $2)) `

// Count returns how many letters wait to be printed, and how many are in a
// batch that nobody mailed yet.
func (s *Store) Count(ctx context.Context, pass access.Pass) (waiting, unmailed int, err error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return 0, 0, err
	}
	hidden, until := pass.Veil()
	const q = `select count(case when l.state = 'waiting' then 1 end), count(case when l.state = 'batched' then 1 end)
		from letter l where l.state in ('waiting', 'batched') and ` + veiled
	n, err := db.One(ctx, s.db, func(scan db.Scan) (n [2]int, err error) { return n, scan(&n[0], &n[1]) }, q, hidden, until)
	if err != nil {
		return 0, 0, fmt.Errorf("letter: count: %w", err)
	}
	return n[0], n[1], nil
}

// Waiting returns the n letters that have waited longest to be printed.
func (s *Store) Waiting(ctx context.Context, pass access.Pass, n int) ([]Entry, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	list, err := s.waiting(ctx, s.db, pass, n)
	if err != nil {
		return nil, fmt.Errorf("letter: waiting: %w", err)
	}
	return list, nil
}

func (s *Store) waiting(ctx context.Context, c db.Conn, pass access.Pass, n int) ([]Entry, error) {
	hidden, until := pass.Veil()
	const q = `select ` + columns + ` from letter l left join outreach o on o.id = l.outreach
		where l.state = 'waiting' and ` + veiled + ` order by l.created_at, l.id limit $3`
	return db.All(ctx, c, read, q, hidden, until, n)
}

// Batches returns the last n batches, the newest first.
func (s *Store) Batches(ctx context.Context, pass access.Pass, n int) ([]Batch, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.db, readBatch, batches+` group by b.n, b.made_by, b.made_at, b.printed_at, b.mailed_at, b.mailed_by order by b.n desc limit $1`, n)
	if err != nil {
		return nil, fmt.Errorf("letter: batches: %w", err)
	}
	return list, nil
}

const batches = `select b.n, b.made_by, b.made_at, b.printed_at, b.mailed_at, b.mailed_by, count(l.id), count(case when l.state = 'returned' then 1 end)
	from letter_batch b left join letter l on l.batch = b.n`

func readBatch(scan db.Scan) (b Batch, err error) {
	var made, printed, mailed int64
	err = scan(&b.N, &b.By, &made, &printed, &mailed, &b.MailedBy, &b.Letters, &b.Back)
	b.Made, b.Printed, b.Mailed = db.Time(made), db.Time(printed), db.Time(mailed)
	return b, err
}

// Of returns one batch and its letters.
func (s *Store) Of(ctx context.Context, pass access.Pass, batch int) (Batch, []Entry, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return Batch{}, nil, err
	}
	found, err := db.All(ctx, s.db, readBatch, batches+` where b.n = $1 group by b.n, b.made_by, b.made_at, b.printed_at, b.mailed_at, b.mailed_by`, batch)
	if err == nil && len(found) == 0 {
		err = errBatch
	}
	if err != nil {
		return Batch{}, nil, fmt.Errorf("letter: batch %d: %w", batch, err)
	}
	hidden, until := pass.Veil()
	const q = `select ` + columns + ` from letter l left join outreach o on o.id = l.outreach where l.batch = $3 and ` + veiled + ` order by l.n`
	list, err := db.All(ctx, s.db, read, q, hidden, until, batch)
	if err != nil {
		return Batch{}, nil, fmt.Errorf("letter: letters of %d: %w", batch, err)
	}
	return found[0], list, nil
}

// Find returns the letter with a number, for whoever has it in their hand.
func (s *Store) Find(ctx context.Context, pass access.Pass, batch, n int) (Entry, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return Entry{}, err
	}
	e, err := s.one(ctx, s.db, pass, batch, n)
	if err != nil {
		return e, fmt.Errorf("letter: find %d-%d: %w", batch, n, err)
	}
	return e, nil
}

func (s *Store) one(ctx context.Context, c db.Conn, pass access.Pass, batch, n int) (Entry, error) {
	hidden, until := pass.Veil()
	const q = `select ` + columns + ` from letter l left join outreach o on o.id = l.outreach where l.batch = $3 and l.n = $4 and ` + veiled
	list, err := db.All(ctx, c, read, q, hidden, until, batch, n)
	if err != nil || len(list) == 0 {
		if err == nil {
			err = errLetter
		}
		return Entry{}, err
	}
	return list[0], nil
}

// Make puts those of letters that wait into a new batch and returns its
// number. Whoever asks has looked which of their patients they may open.
func (s *Store) Make(ctx context.Context, pass access.Pass, letters []string) (int, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return 0, err
	}
	var batch int
	now := db.Micro(s.now())
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		const lock = `insert into reach_switch (channel, at) values ('letters', $1) on conflict (channel) do update set at = excluded.at` // one batch at a time
		if _, err := tx.ExecContext(ctx, lock, now); err != nil {
			return err
		}
		list, err := s.waiting(ctx, tx, pass, 10*MostLetters)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(e Entry) bool { return !slices.Contains(letters, e.ID) })
		list = list[:min(len(list), MostLetters)]
		if len(list) == 0 {
			return errNone
		}
		if batch, err = db.One(ctx, tx, db.Value[int], `select coalesce(max(n), 0) + 1 from letter_batch`); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into letter_batch (n, made_by, made_at) values ($1, $2, $3)`, batch, pass.Actor().ID, now); err != nil {
			return err
		}
		for i, e := range list {
			const q = `update letter set state = 'batched', batch = $2, n = $3, by = $4 where id = $1 and state = 'waiting'`
			if _, err := tx.ExecContext(ctx, q, e.ID, batch, i+1, pass.Actor().ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("letter: make: %w", err)
	}
	return batch, nil
}

// Printed notes that a batch was drawn for the printer.
func (s *Store) Printed(ctx context.Context, pass access.Pass, batch int) error {
	return s.all(ctx, pass, batch, reach.Printed, `update letter_batch set printed_at = case when printed_at = 0 then $2 else printed_at end where n = $1`)
}

// Mailed notes that the letters of a batch, without those taken out, left the
// house.
func (s *Store) Mailed(ctx context.Context, pass access.Pass, batch int) error {
	return s.all(ctx, pass, batch, reach.Mailed, `update letter_batch set mailed_at = case when mailed_at = 0 then $2 else mailed_at end, mailed_by = $3 where n = $1`)
}

// all writes what became of the letters of a batch that are not mailed yet.
func (s *Store) all(ctx context.Context, pass access.Pass, batch int, what reach.Posted, q string) error {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	now, by := db.Micro(s.now()), pass.Actor().ID
	hidden, until := pass.Veil()
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		const some = `select ` + columns + ` from letter l left join outreach o on o.id = l.outreach where l.batch = $3 and l.state = 'batched' and ` + veiled + ` order by l.n`
		list, err := db.All(ctx, tx, read, some, hidden, until, batch)
		if err != nil {
			return err
		}
		args := []any{batch, now}
		if what == reach.Mailed {
			args = append(args, by)
		}
		n, err := db.Changed(tx.ExecContext(ctx, q, args...))
		if err == nil && n == 0 {
			err = errBatch
		}
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := s.Ledger.PostedIn(ctx, tx, e.Patient, e.Message, what, "", by); err != nil {
				return err
			}
			if what != reach.Mailed {
				continue
			}
			if _, err := tx.ExecContext(ctx, `update letter set state = 'mailed', by = $2, closed_at = $3 where id = $1`, e.ID, by, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("letter: %s %d: %w", what, batch, err)
	}
	return nil
}

// Back notes that a letter came back, and why.
func (s *Store) Back(ctx context.Context, pass access.Pass, batch, n int, why string) error {
	if !slices.Contains(reach.Returns(), why) {
		return errWhy
	}
	return s.end(ctx, pass, batch, n, reach.Returned, why)
}

// Drop takes a letter out of its batch before it is mailed.
func (s *Store) Drop(ctx context.Context, pass access.Pass, batch, n int, why string) error {
	if !slices.Contains(Dropped(), why) {
		return errWhy
	}
	return s.end(ctx, pass, batch, n, reach.Dropped, why)
}

// end closes one letter.
func (s *Store) end(ctx context.Context, pass access.Pass, batch, n int, what reach.Posted, why string) error {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	now, by := db.Micro(s.now()), pass.Actor().ID
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `update letter set reason = reason where batch = $1 and n = $2`, batch, n); err != nil { // one word at a time
			return err
		}
		e, err := s.one(ctx, tx, pass, batch, n)
		if err != nil {
			return err
		}
		state := Returned
		switch {
		case e.State == Returned || e.State == Ended:
			return errEnded
		case what == reach.Dropped && e.State == Mailed:
			return errMailed
		case what == reach.Returned && e.State != Mailed:
			return errNotYet
		case what == reach.Dropped:
			state = Ended
		}
		const q = `update letter set state = $2, reason = $3, by = $4, closed_at = $5 where id = $1`
		if _, err := tx.ExecContext(ctx, q, e.ID, state, why, by, now); err != nil {
			return err
		}
		return s.Ledger.PostedIn(ctx, tx, e.Patient, e.Message, what, why, by)
	})
	if err != nil {
		return fmt.Errorf("letter: %s %d-%d: %w", what, batch, n, err)
	}
	return nil
}

// TakeOver puts a message that a gateway was given with those to print, once
// however often it is handed over, and returns the letter's id.
func (s *Store) TakeOver(ctx context.Context, h reach.Handoff) (string, error) {
	const q = `insert into letter (id, message, key, patient, outreach, purpose, state, created_at)
		select $1, m.id, m.key, m.patient, m.outreach, m.purpose, 'waiting', cast($2 as bigint) from message m where m.id = $3
		on conflict (message) do nothing`
	var id string
	err := s.db.Tx(ctx, func(tx *db.Tx) (err error) {
		if _, err := tx.ExecContext(ctx, q, s.ids.New(), db.Micro(s.now()), h.Message); err != nil {
			return err
		}
		id, err = db.One(ctx, tx, db.Value[string], `select id from letter where message = $1`, h.Message)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("letter: take over %s: %w", h.Message, err)
	}
	return id, nil
}

// Known returns the letter that a message became, if it did.
func (s *Store) Known(ctx context.Context, key string) (string, bool, error) {
	list, err := db.All(ctx, s.db, db.Value[string], `select id from letter where key = $1`, key)
	if err != nil {
		return "", false, fmt.Errorf("letter: known: %w", err)
	}
	return strings.Join(list, ""), len(list) > 0, nil
}
