package bill

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// lookKind is the job that asks the till about pages of which nobody heard.
const lookKind = "bill-look"

// Times of that job: how often, when a page is first asked about, and how
// long one that was never made is tried.
const (
	lookEvery  = 5 * time.Minute
	lookFirst  = 3 * time.Minute
	lookAgain  = 10 * time.Minute
	lookLong   = 6 * time.Hour // between two looks at money that is on its way for days
	makeWithin = 80 * time.Minute
	lookMost   = 100
)

// Handlers returns what the store does in the background.
func (s *Store) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{lookKind: func(ctx context.Context, _ json.RawMessage) error { return s.LookAll(ctx) }}
}

// Periodic returns when.
func (s *Store) Periodic() []jobs.Periodic {
	if s.Till == nil {
		return nil
	}
	return []jobs.Periodic{{Kind: lookKind, Every: lookEvery}}
}

// LookAll asks the till about every page that is not over, so that nothing is
// lost where its news did not come, or where we ended between two lines.
func (s *Store) LookAll(ctx context.Context) error {
	if s.Till == nil {
		return nil
	}
	const q = `select ` + checkoutColumns + ` from checkout where state in ('asked', 'open', 'waits') and made_at < $1 order by looked_at, id limit $2`
	list, err := db.All(ctx, s.DB, scanCheckout, q, db.Micro(s.Now().Add(-lookFirst)), lookMost)
	if err != nil {
		return fmt.Errorf("bill: look: %w", err)
	}
	var first error
	for _, c := range list {
		if err := s.look(ctx, c); err != nil && first == nil {
			first = err // the others are looked at all the same
		}
	}
	return first
}

func (s *Store) look(ctx context.Context, c Checkout) error {
	now, wait := s.Now(), lookAgain
	if c.State == Waits {
		wait = lookLong
	}
	if c.State == Asked {
		if now.Sub(c.Made) > makeWithin { // nobody was ever led to it, so nobody can have paid
			return s.DB.Tx(ctx, func(tx *db.Tx) error {
				_, err := tx.ExecContext(ctx, `update checkout set state = 'failed', ended_at = $2 where id = $1 and state = 'asked'`, c.ID, db.Micro(now))
				return err
			})
		}
		_, err := s.open(ctx, c)
		return err
	}
	if now.Sub(c.Looked) < wait {
		return nil
	}
	page, err := s.Till.Look(ctx, c.Session)
	if err != nil {
		return fmt.Errorf("bill: look at %s: %w", c.ID, err)
	}
	return s.Heard(ctx, page)
}
