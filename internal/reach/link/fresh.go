package link

import (
	"context"
	"fmt"
	"time"

	"hale/internal/store/db"
)

// Fresh says whether the patient may have a new link for the message of
// token, and counts it: no sooner than FreshEvery, and FreshADay a day. The
// new link goes where the old one went.
func (s *Store) Fresh(ctx context.Context, token string) (o Opened, ok bool, err error) {
	r, err := s.find(ctx, token)
	if err != nil {
		return Opened{}, false, err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if r.id == "" || r.retracted != 0 {
			return s.countMiss(ctx, tx)
		}
		ok, err = s.takeFresh(ctx, tx, r.message)
		return err
	})
	if err != nil {
		return Opened{}, false, fmt.Errorf("link: fresh: %w", err)
	}
	return Opened{Link: r.id, Message: r.message, Patient: r.patient}, ok, nil
}

// takeFresh counts one fresh link for message if there is one left.
func (s *Store) takeFresh(ctx context.Context, tx *db.Tx, message string) (bool, error) {
	const asked = `select at from link_fresh where message = $1 order by at`
	const lock = `update link set made_at = made_at where message = $1` // one asker at a time
	const add = `insert into link_fresh (message, at) values ($1, $2) on conflict (message, at) do nothing`
	if _, err := tx.ExecContext(ctx, lock, message); err != nil {
		return false, err
	}
	before, err := db.All(ctx, tx, db.Value[int64], asked, message)
	if err != nil {
		return false, err
	}
	now := s.now()
	if !freshLeft(before, now) {
		return false, nil
	}
	n, err := db.Changed(tx.ExecContext(ctx, add, message, now.UnixMicro()))
	return n == 1, err
}

// freshLeft says whether one more fresh link is allowed after those made at
// before.
func freshLeft(before []int64, now time.Time) bool {
	today, latest := 0, int64(0)
	for _, at := range before {
		latest = max(latest, at)
		if at > now.Add(-freshWindow).UnixMicro() {
			today++
		}
	}
	soon := latest > now.Add(-FreshEvery).UnixMicro()
	return len(before) < FreshInAll && today < FreshADay && !soon
}
