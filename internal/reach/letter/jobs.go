package letter

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

const tidyKind = "letter.tidy"

// Handlers are the letters' background jobs.
func (s *Store) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{tidyKind: func(ctx context.Context, _ json.RawMessage) error { return s.Tidy(ctx) }}
}

// Periodic is the letters' regular work.
func (s *Store) Periodic() []jobs.Periodic {
	return []jobs.Periodic{{Kind: tidyKind, Every: time.Minute}}
}

// Tidy takes out the letters that nobody needs any more and that are in no
// batch: what they say was seen another way, its time is over, or somebody
// stopped it.
func (s *Store) Tidy(ctx context.Context) error {
	const over = `
		select l.id, case when i.state = 'satisfied' then 'reached' when i.state = 'cancelled' or o.state = 'stopped' then 'stopped' else 'withdrawn' end
		from letter l
			join message m on m.id = l.message
			left join intent i on i.id = m.intent
			left join outreach o on o.id = l.outreach
		where l.state = 'waiting' and (i.state in ('satisfied', 'cancelled') or o.state = 'stopped' or m.state in ('cancelled', 'suppressed'))
		limit 500`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (r [2]string, err error) { return r, scan(&r[0], &r[1]) }, over)
	if err != nil || len(list) == 0 {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		for _, r := range list {
			const q = `update letter set state = 'ended', reason = $2, closed_at = $3 where id = $1 and state = 'waiting'`
			if _, err := tx.ExecContext(ctx, q, r[0], r[1], db.Micro(s.now())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("letter: tidy: %w", err)
	}
	return nil
}
