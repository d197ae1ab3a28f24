package hook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/store/db"
)

// cameKind is what webhook_event calls a step of a journey.
const cameKind = "journey_step"

// Step is somebody who came to a step of a journey that tells a webhook.
type Step struct {
	Journey, Enrolment, Node string
	At                       time.Time
}

// Came has a webhook be told of steps, in the transaction in which people
// come to them; each is told once it is committed, as every other event is:
// signed, in order, and again until it is taken. It says whether the webhook
// takes anything: one that was ended or given up does not.
func (s *Store) Came(ctx context.Context, tx *db.Tx, webhook string, list []Step) (bool, error) {
	const lock = `update webhook set read_at = read_at where id = $1 and state = 'active' returning events`
	last, err := db.One(ctx, tx, db.Value[int64], lock, webhook)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("hook: step: %w", err)
	}
	now := db.Micro(s.Now())
	for _, c := range list {
		const q = `
			insert into webhook_event (webhook, n, event, message, kind, at, actor, code, added_at)
			values ($1, $2, $3, $4, $5, $6, '', $7, $8) on conflict do nothing`
		n, err := db.Changed(tx.ExecContext(ctx, q, webhook, last+1, "step:"+c.Enrolment+"/"+c.Node, c.Enrolment, cameKind, db.Micro(c.At), c.Node, now))
		if err != nil {
			return false, fmt.Errorf("hook: step: %w", err)
		}
		last += n
	}
	const q = `update webhook set events = $2, due_at = case when due_at = 0 and sent < $2 then cast($3 as bigint) else due_at end where id = $1`
	if _, err := tx.ExecContext(ctx, q, webhook, last, now); err != nil {
		return false, fmt.Errorf("hook: step: %w", err)
	}
	return true, nil
}
