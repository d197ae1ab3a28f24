package collect

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// remindKind is the job that tells of parts of plans before their day.
const remindKind = "bill-remind"

// remindBefore is how long before its day a part is told of, and remindMost
// how many one run tells of.
const (
	remindBefore = 3 * 24 * time.Hour
	remindMost   = 200
)

// Handlers returns what the store does in the background.
func (s *Store) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{remindKind: func(ctx context.Context, _ json.RawMessage) error { return s.Remind(ctx) }}
}

// Periodic returns when.
func (s *Store) Periodic() []jobs.Periodic {
	return []jobs.Periodic{{Kind: remindKind, Every: time.Hour}}
}

// part is one that is due soon.
type part struct {
	Target
	n int
}

// Remind tells of every part of a plan that is due within three days, once.
func (s *Store) Remind(ctx context.Context) error {
	const q = `select p.patient, p.id, x.n from bill_part x join bill_plan p on p.id = x.plan
		where x.told_at = 0 and x.due_at <= $1 and p.state = 'agreed' order by x.due_at, p.id, x.n limit $2`
	list, err := db.All(ctx, s.DB, func(scan db.Scan) (v part, err error) { return v, scan(&v.Patient, &v.Plan, &v.n) }, q, db.Micro(s.Now().Add(remindBefore)), remindMost)
	if err != nil {
		return fmt.Errorf("collect: remind: %w", err)
	}
	var first error
	for _, v := range list {
		if err := s.remind(ctx, v); err != nil && !none(err) && first == nil {
			first = err
		}
	}
	return first
}

// remind tells of one part, unless it is paid.
func (s *Store) remind(ctx context.Context, v part) error {
	by := access.SystemActor("bills", access.PayBills)
	pass, err := s.Doors.Check(ctx, by, access.PayBills, v.Patient)
	if err != nil {
		return err
	}
	p, err := s.Bills.Plan(ctx, pass, v.Plan)
	if err != nil {
		return err
	}
	told := func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `update bill_part set told_at = $3 where plan = $1 and n = $2`, v.Plan, v.n, db.Micro(s.Now()))
		return err
	}
	for _, x := range p.Parts {
		if x.N == v.n && x.Left.Cents > 0 {
			return s.send(ctx, by, v.Target, partText, x.Left, fmt.Sprintf("part/%s/%d", v.Plan, v.n), told)
		}
	}
	return s.DB.Tx(ctx, told)
}
