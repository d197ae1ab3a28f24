package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"hale/internal/store/db"
)

// riverQueue is the queue of a PostgreSQL database.
type riverQueue struct {
	c      Config
	s      settings
	client *river.Client[pgx.Tx]
}

// envelope is how a job lies in River's table. Only Key counts for
// uniqueness.
type envelope struct {
	kind string
	Key  string          `json:"key,omitempty" river:"unique"`
	Args json.RawMessage `json:"args"`
}

// Kind names the job for River.
func (e envelope) Kind() string { return e.kind }

func openRiver(ctx context.Context, d *db.DB, c Config, s settings) (*riverQueue, error) {
	if err := migrate(ctx, d.Pool()); err != nil {
		return nil, fmt.Errorf("jobs: open: %w", err)
	}
	q := &riverQueue{c: c, s: s}
	client, err := river.NewClient(riverpgxv5.New(d.Pool()), q.config())
	if err != nil {
		return nil, fmt.Errorf("jobs: open: %w", err)
	}
	q.client = client
	return q, nil
}

// config is River's configuration. Its own default of an hour before it
// rescues a job would leave a dead node's work lying.
func (q *riverQueue) config() *river.Config {
	rc := &river.Config{
		JobTimeout:                  q.s.timeout,
		RescueStuckJobsAfter:        q.s.rescue,
		CompletedJobRetentionPeriod: kept,
		DiscardedJobRetentionPeriod: kept,
		FetchPollInterval:           q.c.Poll,
		FetchCooldown:               min(100*time.Millisecond, q.c.Poll),
		RetryPolicy:                 retry{q},
		Logger:                      slog.New(quiet{q.c.Log.Handler()}),
	}
	if len(q.c.Handlers) == 0 {
		return rc
	}
	rc.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: q.c.Workers}}
	rc.Workers = river.NewWorkers()
	for kind, h := range q.c.Handlers {
		work := func(ctx context.Context, j *river.Job[envelope]) error {
			return call(ctx, q.c.Log, j.Kind, h, j.Args.Args)
		}
		river.AddWorkerArgs(rc.Workers, envelope{kind: kind}, river.WorkFunc(work))
	}
	for _, p := range q.c.Periodic {
		rc.PeriodicJobs = append(rc.PeriodicJobs, q.periodic(p))
	}
	return rc
}

// periodic adds a job at the start of each period, and on a start for the
// period that is under way; the key makes it one.
func (q *riverQueue) periodic(p Periodic) *river.PeriodicJob {
	add := func() (river.JobArgs, *river.InsertOpts) {
		opts := &river.InsertOpts{MaxAttempts: DefaultAttempts, UniqueOpts: unique()}
		opts.UniqueOpts.ByState = append(opts.UniqueOpts.ByState, rivertype.JobStateCompleted, rivertype.JobStateDiscarded)
		return envelope{kind: p.Kind, Key: p.period(q.c.Now()), Args: json.RawMessage("null")}, opts
	}
	return river.NewPeriodicJob(aligned{p}, add, &river.PeriodicJobOpts{ID: p.Kind, RunOnStart: true})
}

// aligned is a schedule of periods counted from 1970, the same on each node.
type aligned struct{ Periodic }

// Next is the start of the period after the one t lies in.
func (a aligned) Next(t time.Time) time.Time { return a.start(t).Add(a.Every) }

// unique makes the envelope's key count while a job is not finished.
func unique() river.UniqueOpts {
	return river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
		rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}
}

// retry is River's face of backoff.
type retry struct{ q *riverQueue }

// NextRetry is when to try a job again.
func (r retry) NextRetry(j *rivertype.JobRow) time.Time {
	return r.q.c.Now().Add(r.q.s.backoff(max(1, j.Attempt))).UTC()
}

// Add adds j inside tx.
func (q *riverQueue) Add(ctx context.Context, tx *db.Tx, j Job) error {
	j, args, err := q.c.check(j)
	if err != nil {
		return err
	}
	opts := &river.InsertOpts{MaxAttempts: j.MaxAttempts}
	if j.RunAt.After(q.c.Now()) {
		opts.ScheduledAt = j.RunAt.UTC()
	}
	if j.Unique != "" {
		opts.UniqueOpts = unique()
	}
	err = tx.PGX(func(c *pgx.Conn) error {
		_, err := q.client.InsertTx(ctx, joined{c}, envelope{kind: j.Kind, Key: j.Unique, Args: args}, opts)
		return err
	})
	if err != nil {
		return fmt.Errorf("jobs: add %s: %w", j.Kind, err)
	}
	return nil
}

// Run works until ctx ends.
func (q *riverQueue) Run(ctx context.Context) error {
	if len(q.c.Handlers) == 0 {
		<-ctx.Done()
		return nil
	}
	work := context.WithoutCancel(ctx) // handlers live on through the drain
	if err := q.client.Start(work); err != nil {
		return fmt.Errorf("jobs: run: %w", err)
	}
	<-ctx.Done()
	soft, cancel := context.WithTimeout(work, q.s.drain)
	defer cancel()
	if q.client.Stop(soft) == nil {
		return nil
	}
	hard, cancel := context.WithTimeout(work, q.s.drain/4)
	defer cancel()
	if err := q.client.StopAndCancel(hard); err != nil {
		return errors.New("jobs: stopped while a handler was running; the job will be run again")
	}
	return nil
}

// Failures returns jobs whose last attempt failed.
func (q *riverQueue) Failures(ctx context.Context, n int) ([]Failure, error) {
	params := river.NewJobListParams().First(min(n, 1000)).
		States(rivertype.JobStateRetryable, rivertype.JobStateDiscarded, rivertype.JobStateAvailable).
		OrderBy(river.JobListOrderByID, river.SortOrderDesc).
		Where("errors is not null and coalesce(array_length(errors, 1), 0) > 0")
	res, err := q.client.JobList(ctx, params)
	if err != nil {
		return nil, fmt.Errorf("jobs: failures: %w", err)
	}
	var list []Failure
	for _, j := range res.Jobs {
		last := j.Errors[len(j.Errors)-1]
		list = append(list, Failure{
			Kind: j.Kind, Attempt: j.Attempt, Error: last.Error,
			Final: j.State == rivertype.JobStateDiscarded,
		})
	}
	return list, nil
}

// migrate makes River's tables. A lock keeps nodes that start together out
// of each other's way.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	const lock = 0x68616c65 // "hale"
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", lock); err != nil {
		return err
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", lock) }()
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// quiet passes on only what an operator must see.
type quiet struct{ slog.Handler }

// Enabled leaves out everything below a warning.
func (h quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

// WithAttrs keeps quiet.
func (h quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{h.Handler.WithAttrs(attrs)} }

// WithGroup keeps quiet.
func (h quiet) WithGroup(name string) slog.Handler { return quiet{h.Handler.WithGroup(name)} }
