// Package tide keeps the latest time that Hale has seen.
//
// A clock that is set back makes ended sessions, codes and links live again.
// So where the clock stands more than Slack before that mark, nobody gets in
// until it is put right, or until somebody at the console accepts it, which
// ends every session and link.
package tide

import (
	"context"
	"fmt"
	"sync"
	"time"

	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Slack is how far a clock may go back: time servers correct it by less.
const Slack = 5 * time.Minute

// every is how often the mark is written down.
const every = time.Minute

// ErrBack is what Check returns while the clock stands before the mark.
var ErrBack = errs.New(errs.Unavailable, "Our clock is not right, so we let nobody in until it is. Please call us if you need something.")

// Mark is the mark of one database.
type Mark struct {
	db  *db.DB
	now func() time.Time

	mu    sync.Mutex
	high  time.Time // the latest time seen
	saved time.Time // the mark in the database
}

// Open reads the mark of d.
func Open(ctx context.Context, d *db.DB, now func() time.Time) (*Mark, error) {
	at, err := db.One(ctx, d, db.Value[int64], `select at from tide where one = 1`)
	if err != nil {
		return nil, fmt.Errorf("tide: open: %w", err)
	}
	m := &Mark{db: d, now: now}
	m.high, m.saved = time.UnixMicro(at), time.UnixMicro(at)
	return m, nil
}

// Check returns ErrBack if the clock stands too far before the mark, and
// raises the mark otherwise. Where the mark cannot be written down, that is
// an error, too.
func (m *Mark) Check(ctx context.Context) error {
	now := m.now()
	m.mu.Lock()
	high := m.high
	if now.After(high) {
		m.high = now
	}
	due := now.Sub(m.saved) >= every
	m.mu.Unlock()
	if high.Sub(now) > Slack {
		return ErrBack.Because(fmt.Errorf("tide: the clock says %s, and it has been %s", now.UTC().Format(time.RFC3339), high.UTC().Format(time.RFC3339)))
	}
	if !due {
		return nil
	}
	return m.save(ctx, now)
}

// save writes now down, if no other node has written a later time.
func (m *Mark) save(ctx context.Context, now time.Time) error {
	const q = `update tide set at = $1 where one = 1 and at < $1`
	if _, err := m.db.ExecContext(ctx, q, now.UnixMicro()); err != nil {
		return fmt.Errorf("tide: save: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.After(m.saved) {
		m.saved = now
	}
	return nil
}

// Accept takes the clock of d for right, whatever it was before. Every
// session and every open link ends, for none can be told from one that had
// ended.
func Accept(ctx context.Context, d *db.DB, now time.Time) error {
	err := d.Tx(ctx, func(tx *db.Tx) error {
		for _, q := range []string{
			`delete from account_session`, `delete from account_code`, `delete from account_challenge`, `delete from account_ceremony`,
			`delete from account_sso`, `delete from account_invite`, `delete from account_cancel`, `delete from link_session`,
			`update proxy_invite set expires_at = 0`,
		} {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		for _, q := range []string{
			`update link set retracted_at = $1 where retracted_at = 0`, `update account_assist set used_at = $1 where used_at = 0`,
			`update tide set at = $1 where one = 1`,
		} {
			if _, err := tx.ExecContext(ctx, q, now.UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("tide: accept: %w", err)
	}
	return nil
}
