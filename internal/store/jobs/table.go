package jobs

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"hale/internal/base/ids"
	"hale/internal/store/db"
)

// table is the queue of a SQLite database: the table job, worked by one
// process. Whoever runs a job holds a short lease and renews it, so that
// the work of a dead process is taken up within seconds.
type table struct {
	db   *db.DB
	c    Config
	s    settings
	ids  *ids.Source
	wake chan struct{} // a job was added here
}

// lease is how long a job counts as running without a sign of life.
const lease = 30 * time.Second

// task is a job that this process runs.
type task struct {
	id, kind, args       string
	attempt, maxAttempts int
}

func openTable(d *db.DB, c Config, s settings) *table {
	return &table{db: d, c: c, s: s, ids: ids.NewSource(c.Now, rand.Reader), wake: make(chan struct{}, 1)}
}

// Add adds j inside tx.
func (t *table) Add(ctx context.Context, tx *db.Tx, j Job) error {
	j, args, err := t.c.check(j)
	if err != nil {
		return err
	}
	if err := t.insert(ctx, tx, j, args); err != nil {
		return fmt.Errorf("jobs: add %s: %w", j.Kind, err)
	}
	t.nudge() // whoever wakes waits for tx, since SQLite has one writer
	return nil
}

func (t *table) insert(ctx context.Context, tx *db.Tx, j Job, args json.RawMessage) error {
	const q = `
		insert into job (id, kind, args, state, run_at, max_attempts, unique_key, added_at)
		values ($1, $2, $3, 'ready', $4, $5, $6, $7)
		on conflict (kind, unique_key) do nothing`
	now := t.c.Now().UnixMicro()
	runAt := now
	if !j.RunAt.IsZero() {
		runAt = j.RunAt.UnixMicro()
	}
	var unique any // null is equal to nothing
	if j.Unique != "" {
		unique = j.Unique
	}
	_, err := tx.ExecContext(ctx, q, t.ids.New(), j.Kind, string(args), runAt, j.MaxAttempts, unique, now)
	return err
}

func (t *table) nudge() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends.
func (t *table) Run(ctx context.Context) error {
	if len(t.c.Handlers) == 0 {
		<-ctx.Done()
		return nil
	}
	r := &runner{table: t, free: make(chan struct{}, t.c.Workers), periods: map[string]string{}}
	r.work, r.abandon = context.WithCancel(context.WithoutCancel(ctx))
	defer r.abandon()
	poll := time.NewTicker(t.c.Poll)
	defer poll.Stop()
	for {
		if err := r.round(ctx); err != nil && ctx.Err() == nil {
			t.c.Log.Error("jobs: look for work", "error", err)
		}
		select {
		case <-ctx.Done():
			return r.drain()
		case <-t.wake:
		case <-poll.C:
		}
	}
}

// runner is one call of Run.
type runner struct {
	*table
	work    context.Context // what handlers run under: it outlives Run's own context by the drain
	abandon context.CancelFunc
	free    chan struct{} // holds one element for each running job
	running sync.WaitGroup
	swept   time.Time
	periods map[string]string // kind → the last period that has its job
}

// round adds periodic jobs that are due, frees those of dead workers and
// starts as many jobs as there are free workers.
func (r *runner) round(ctx context.Context) error {
	if err := r.addPeriodic(ctx); err != nil {
		return err
	}
	if err := r.sweep(ctx); err != nil {
		return err
	}
	for {
		n := cap(r.free) - len(r.free)
		if n == 0 {
			return nil // a job that ends nudges
		}
		tasks, err := r.claim(ctx, n)
		if err != nil || len(tasks) == 0 {
			return err
		}
		for _, k := range tasks {
			r.free <- struct{}{}
			r.running.Go(func() { r.run(k) })
		}
	}
}

// drain waits for running handlers; those that take too long are told to
// stop.
func (r *runner) drain() error {
	done := make(chan struct{})
	go func() { r.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-time.After(r.s.drain):
		r.abandon()
	}
	select {
	case <-done:
		return nil
	case <-time.After(r.s.drain / 4):
		return errors.New("jobs: stopped while a handler was running; the job will be run again")
	}
}

// addPeriodic adds the job of each period that has begun.
func (r *runner) addPeriodic(ctx context.Context) error {
	now := r.c.Now()
	var due []Periodic
	for _, p := range r.c.Periodic {
		if r.periods[p.Kind] != p.period(now) {
			due = append(due, p)
		}
	}
	if len(due) == 0 {
		return nil
	}
	err := r.db.Tx(ctx, func(tx *db.Tx) error {
		for _, p := range due {
			j := Job{Kind: p.Kind, Unique: p.period(now), MaxAttempts: DefaultAttempts}
			if err := r.insert(ctx, tx, j, json.RawMessage("null")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("jobs: add periodic: %w", err)
	}
	for _, p := range due {
		r.periods[p.Kind] = p.period(now)
	}
	return nil
}

// claim takes up to n due jobs, oldest first.
func (t *table) claim(ctx context.Context, n int) ([]task, error) {
	const q = `
		update job set state = 'running', lease_until = $1, attempt = attempt + 1
		where id in (select id from job where state = 'ready' and run_at <= $2 order by run_at, id limit $3)
		returning id, kind, args, attempt, max_attempts`
	now := t.c.Now()
	var tasks []task
	err := t.db.Tx(ctx, func(tx *db.Tx) (err error) {
		tx.Aside(Aside)
		tasks, err = db.All(ctx, tx, readTask, q, now.Add(lease).UnixMicro(), now.UnixMicro(), n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("jobs: claim: %w", err)
	}
	return tasks, nil
}

func readTask(scan db.Scan) (k task, err error) {
	err = scan(&k.id, &k.kind, &k.args, &k.attempt, &k.maxAttempts)
	return k, err
}

// run runs one job and records how it ended.
func (r *runner) run(k task) {
	defer r.nudge()
	defer func() { <-r.free }()
	ctx, cancel := context.WithTimeout(r.work, r.s.timeout)
	defer cancel()
	stop := r.renew(ctx, k.id)
	err := fmt.Errorf("jobs: nothing handles %s", k.kind)
	if h := r.c.Handlers[k.kind]; h != nil {
		err = call(ctx, r.c.Log, k.kind, h, json.RawMessage(k.args))
	}
	stop()
	if err := r.finish(context.WithoutCancel(ctx), k, err); err != nil {
		r.c.Log.Error("jobs: record the end of a job", "kind", k.kind, "id", k.id, "error", err)
	}
}

// renew keeps the lease of a job until the returned function is called or
// ctx ends.
func (t *table) renew(ctx context.Context, id string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			const q = `update job set lease_until = $1 where id = $2 and state = 'running'`
			_, err := t.db.ExecContext(ctx, q, t.c.Now().Add(lease).UnixMicro(), id)
			if err != nil && ctx.Err() == nil {
				t.c.Log.Warn("jobs: renew a lease", "id", id, "error", err)
			}
		}
	}()
	return func() { cancel(); <-done }
}
