package approval

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/store/db"
)

// Store keeps approvals. What may be asked and decided by whom is the
// caller's to check; that it takes two is the store's.
type Store struct {
	db  *db.DB
	ids *ids.Source
	now func() time.Time
}

// NewStore returns a store on d.
func NewStore(d *db.DB, ids *ids.Source, now func() time.Time) *Store {
	return &Store{db: d, ids: ids, now: now}
}

const columns = `id, subject, sum, content, note, state, asked_by, asked_name, asked_at, ended_by, ended_name, ended_at, reason`

func read(scan db.Scan) (a Approval, err error) {
	var asked, ended int64
	err = scan(&a.ID, &a.Subject, &a.Sum, &a.Content, &a.Note, &a.State, &a.AskedBy, &a.AskedName, &asked, &a.EndedBy, &a.EndedName, &ended, &a.Reason)
	a.AskedAt, a.EndedAt = db.Time(asked), db.Time(ended)
	return a, err
}

// Ask asks for content to be approved. What was asked about the same subject
// before and is still open becomes void; asking for the same twice is asking
// once.
func (s *Store) Ask(ctx context.Context, who access.Actor, subject, content, note string) (a Approval, err error) {
	if who.Kind != access.Staff || who.ID == "" {
		return a, ErrNobody
	}
	a = Approval{ID: s.ids.New(), Subject: subject, Sum: Sum(content), Content: content, Note: strings.TrimSpace(note), State: Asked, AskedBy: who.ID, AskedName: who.Name, AskedAt: s.now()}
	const clear = `update approval set state = 'void', ended_at = $2 where subject = $1 and state = 'asked'`
	const insert = `insert into approval (id, subject, sum, content, note, state, asked_by, asked_name, asked_at) values ($1, $2, $3, $4, $5, 'asked', $6, $7, $8)`
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		open, err := db.One(ctx, tx, read, `select `+columns+` from approval where subject = $1 and state = 'asked'`, subject)
		if err == nil && open.Sum == a.Sum && open.AskedBy == who.ID {
			a = open
			return nil
		}
		if err != nil && !errors.Is(err, db.ErrNone) {
			return err
		}
		if _, err := tx.ExecContext(ctx, clear, subject, db.Micro(a.AskedAt)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, insert, a.ID, subject, a.Sum, content, a.Note, who.ID, who.Name, db.Micro(a.AskedAt))
		return err
	})
	if err != nil {
		return a, fmt.Errorf("approval: ask %s: %w", subject, err)
	}
	return a, nil
}

// Approve says yes to the approval id, if it is still about what sum names.
// Who asked may not.
func (s *Store) Approve(ctx context.Context, who access.Actor, id, sum, reason string) error {
	return s.decide(ctx, who, id, sum, reason, Approved)
}

// Refuse says no, with a reason that who asked will read.
func (s *Store) Refuse(ctx context.Context, who access.Actor, id, sum, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return ErrReason
	}
	return s.decide(ctx, who, id, sum, reason, Refused)
}

func (s *Store) decide(ctx context.Context, who access.Actor, id, sum, reason string, state State) error {
	if who.Kind != access.Staff || who.ID == "" {
		return ErrNobody
	}
	const q = `update approval set state = $2, ended_by = $3, ended_name = $4, ended_at = $5, reason = $6 where id = $1 and state = 'asked' and sum = $7`
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		a, err := db.One(ctx, tx, read, `select `+columns+` from approval where id = $1`, id)
		if err != nil {
			return err
		}
		if a.AskedBy == who.ID {
			return ErrSelf
		}
		n, err := db.Changed(tx.ExecContext(ctx, q, id, string(state), who.ID, who.Name, db.Micro(s.now()), strings.TrimSpace(reason), sum))
		if err == nil && n == 0 {
			return ErrOver
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("approval: decide %s: %w", id, err)
	}
	return nil
}

// Withdraw takes an open question back; only who asked may.
func (s *Store) Withdraw(ctx context.Context, who access.Actor, id string) error {
	const q = `update approval set state = 'withdrawn', ended_by = $2, ended_name = $3, ended_at = $4 where id = $1 and state = 'asked' and asked_by = $2`
	n, err := db.Changed(s.db.ExecContext(ctx, q, id, who.ID, who.Name, db.Micro(s.now())))
	if err == nil && n == 0 {
		err = ErrOver
	}
	if err != nil {
		return fmt.Errorf("approval: withdraw %s: %w", id, err)
	}
	return nil
}

// Standing returns the approval of exactly what sum names about subject, as
// c sees it: ask inside the transaction that acts on it. False: there is
// none, or its last word is another.
func (s *Store) Standing(ctx context.Context, c db.Conn, subject, sum string) (Approval, bool, error) {
	const q = `select ` + columns + ` from approval where subject = $1 and sum = $2 and state in ('approved', 'refused') order by ended_at desc, id desc limit 1`
	a, err := db.One(ctx, c, read, q, subject, sum)
	if errors.Is(err, db.ErrNone) {
		return a, false, nil
	}
	if err != nil {
		return a, false, fmt.Errorf("approval: standing %s: %w", subject, err)
	}
	return a, a.State == Approved, nil
}

// History returns what was asked about subject, newest first.
func (s *Store) History(ctx context.Context, subject string) ([]Approval, error) {
	list, err := db.All(ctx, s.db, read, `select `+columns+` from approval where subject = $1 order by asked_at desc, id desc limit 50`, subject)
	if err != nil {
		return nil, fmt.Errorf("approval: history %s: %w", subject, err)
	}
	return list, nil
}

// Waiting returns what is open, oldest first.
func (s *Store) Waiting(ctx context.Context) ([]Approval, error) {
	list, err := db.All(ctx, s.db, read, `select `+columns+` from approval where state = 'asked' order by asked_at, id limit 500`)
	if err != nil {
		return nil, fmt.Errorf("approval: waiting: %w", err)
	}
	return list, nil
}

// Answered returns what was decided of what somebody asked since a time,
// newest first.
func (s *Store) Answered(ctx context.Context, account string, since time.Time) ([]Approval, error) {
	const q = `select ` + columns + ` from approval where asked_by = $1 and state in ('approved', 'refused') and ended_at >= $2 order by ended_at desc, id desc limit 50`
	list, err := db.All(ctx, s.db, read, q, account, db.Micro(since))
	if err != nil {
		return nil, fmt.Errorf("approval: answered: %w", err)
	}
	return list, nil
}

// Get returns one approval.
func (s *Store) Get(ctx context.Context, id string) (Approval, error) {
	a, err := db.One(ctx, s.db, read, `select `+columns+` from approval where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		err = errs.New(errs.NotFound, "There is no such approval.")
	}
	if err != nil {
		return a, fmt.Errorf("approval: get %s: %w", id, err)
	}
	return a, nil
}
