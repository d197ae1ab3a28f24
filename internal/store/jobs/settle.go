package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/store/db"
)

// errDied is what is kept of an attempt whose worker died.
var errDied = errors.New("the process that ran this job ended")

// kept is how long a finished job is remembered; longer than any period.
const kept = MaxPeriod + 24*time.Hour

// finish records that an attempt of k ended with err.
func (t *table) finish(ctx context.Context, k task, err error) error {
	return t.db.Tx(ctx, func(tx *db.Tx) error {
		tx.Aside(Aside)
		return t.settle(ctx, tx, k, err)
	})
}

// Aside is what transactions are called that write what is known of jobs and
// nothing else (db.Tx.Aside).
const Aside = "jobs"

// settle writes the outcome of an attempt, unless another worker has taken
// the job over since.
func (t *table) settle(ctx context.Context, tx *db.Tx, k task, cause error) error {
	now := t.c.Now()
	if cause != nil && k.attempt < k.maxAttempts {
		const q = `
			update job set state = 'ready', run_at = $1, last_error = $2, lease_until = 0
			where id = $3 and attempt = $4 and state = 'running'`
		_, err := tx.ExecContext(ctx, q, now.Add(t.s.backoff(k.attempt)).UnixMicro(), keep(cause), k.id, k.attempt)
		return err
	}
	state, text := "done", ""
	if cause != nil {
		state, text = "failed", keep(cause)
	}
	// A period keeps its key, so that it has one run.
	const q = `
		update job set state = $1, last_error = $2, finished_at = $3, lease_until = 0,
			unique_key = case when unique_key like 'period %' then unique_key end
		where id = $4 and attempt = $5 and state = 'running'`
	_, err := tx.ExecContext(ctx, q, state, text, now.UnixMicro(), k.id, k.attempt)
	return err
}

// sweep gives back the jobs of dead workers and forgets old ones, a few
// times a minute.
func (r *runner) sweep(ctx context.Context) error {
	const every = 5 * time.Second
	now := r.c.Now()
	if since := now.Sub(r.swept); since >= 0 && since < every {
		return nil
	}
	if err := r.rescue(ctx, now); err != nil {
		return err
	}
	r.swept = now
	return nil
}

func (t *table) rescue(ctx context.Context, now time.Time) error {
	const lost = `
		select id, kind, args, attempt, max_attempts from job
		where state = 'running' and lease_until < $1`
	// The last periods are remembered however old they are: a clock that jumps
	// ahead and back would have them run again.
	const old = `
		delete from job where state in ('done', 'failed') and finished_at < $1
			and id not in (select id from job where unique_key like 'period %' order by id desc limit 1000)`
	err := t.db.Tx(ctx, func(tx *db.Tx) error {
		tasks, err := db.All(ctx, tx, readTask, lost, now.UnixMicro())
		if err != nil {
			return err
		}
		for _, k := range tasks {
			t.c.Log.Warn("jobs: a worker died", "kind", k.kind, "id", k.id, "attempt", k.attempt)
			if err := t.settle(ctx, tx, k, errDied); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, old, now.Add(-kept).UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("jobs: rescue: %w", err)
	}
	return nil
}

// Failures returns jobs whose last attempt failed.
func (t *table) Failures(ctx context.Context, n int) ([]Failure, error) {
	const q = `
		select kind, attempt, last_error, state from job
		where last_error <> '' and state <> 'done' order by added_at desc, id desc limit $1`
	read := func(scan db.Scan) (f Failure, err error) {
		var state string
		err = scan(&f.Kind, &f.Attempt, &f.Error, &state)
		f.Final = strings.EqualFold(state, "failed")
		return f, err
	}
	list, err := db.All(ctx, t.db, read, q, n)
	if err != nil {
		return nil, fmt.Errorf("jobs: failures: %w", err)
	}
	return list, nil
}
