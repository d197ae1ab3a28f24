// Package jobs is the work queue: coarse work that must happen, added in the
// transaction that causes it.
//
// A job runs at least once. A handler that returns an error is tried again,
// later each time; one whose process died is run again within five minutes.
// PostgreSQL carries the queue with River, SQLite with a small table; one
// test holds both to the same behaviour.
//
// Spec: https://riverqueue.com/docs
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"hale/internal/store/db"
)

// Job is one piece of work.
type Job struct {
	Kind string
	Args any // goes through JSON

	// RunAt is the earliest time to run it; zero is now.
	RunAt time.Time

	// Unique, if set, makes Add do nothing while a job of the same kind and
	// key is not finished.
	Unique string

	// MaxAttempts is how often it is tried; zero is DefaultAttempts.
	MaxAttempts int
}

// DefaultAttempts is how often a job is tried that does not say: over about
// eight hours.
const DefaultAttempts = 12

// Handler does one kind of job. It may be called again for the same job.
// Its error is kept for operators and so never holds patient data.
type Handler func(ctx context.Context, args json.RawMessage) error

// Periodic runs Kind, without arguments, once in every period of Every
// counted from 1970: at its start, or as soon after as something runs.
type Periodic struct {
	Kind  string
	Every time.Duration // up to MaxPeriod
}

// MaxPeriod is the longest period: for so long it is remembered that a
// period had its run.
const MaxPeriod = 7 * 24 * time.Hour

// Failure is a job whose last attempt failed.
type Failure struct {
	Kind    string
	Attempt int
	Error   string
	Final   bool // it will not be tried again
}

// Config is what a queue needs. A queue without Handlers only adds.
type Config struct {
	Handlers map[string]Handler
	Periodic []Periodic
	Workers  int // jobs at a time; zero is 4
	Now      func() time.Time
	Log      *slog.Logger
	Poll     time.Duration // how often to look for due work; zero is a second
}

// Queue holds jobs until they are done.
type Queue interface {
	// Add adds j; it exists if and only if tx commits.
	Add(ctx context.Context, tx *db.Tx, j Job) error

	// Run works until ctx ends, then finishes what it has begun and returns.
	Run(ctx context.Context) error

	// Failures returns up to n jobs whose last attempt failed, newest first.
	Failures(ctx context.Context, n int) ([]Failure, error)
}

// settings are the times that tests shorten.
type settings struct {
	timeout time.Duration // a handler's context ends then
	rescue  time.Duration // running for so long means that its worker died
	drain   time.Duration // how long Run waits for handlers before it ends their contexts
	backoff func(attempt int) time.Duration
}

// defaults rescue within five minutes: River looks every 30 s for jobs that
// have run for 4 minutes.
func defaults() settings {
	return settings{timeout: 2 * time.Minute, rescue: 4 * time.Minute, drain: 20 * time.Second, backoff: backoff}
}

// Open opens the queue of d: River on PostgreSQL, its tables made if
// missing, or the job table on SQLite.
func Open(ctx context.Context, d *db.DB, c Config) (Queue, error) {
	return open(ctx, d, c, defaults())
}

func open(ctx context.Context, d *db.DB, c Config, s settings) (Queue, error) {
	if c.Now == nil || c.Log == nil {
		return nil, errors.New("jobs: open: Now and Log are needed")
	}
	if c.Workers <= 0 {
		c.Workers = 4
	}
	if c.Poll <= 0 {
		c.Poll = time.Second
	}
	for _, p := range c.Periodic {
		if p.Every < time.Second || p.Every > MaxPeriod {
			return nil, fmt.Errorf("jobs: open: period of %s is outside 1s to %s", p.Kind, MaxPeriod)
		}
		if c.Handlers[p.Kind] == nil {
			return nil, fmt.Errorf("jobs: open: nothing handles the periodic %s", p.Kind)
		}
	}
	if d.Engine() == db.Postgres {
		return openRiver(ctx, d, c, s)
	}
	return openTable(d, c, s), nil
}

// check completes j and encodes its arguments.
func (c Config) check(j Job) (Job, json.RawMessage, error) {
	if j.Kind == "" {
		return j, nil, errors.New("jobs: add: a job needs a kind")
	}
	if len(c.Handlers) > 0 && c.Handlers[j.Kind] == nil {
		return j, nil, fmt.Errorf("jobs: add %s: nothing handles it", j.Kind)
	}
	if j.MaxAttempts <= 0 {
		j.MaxAttempts = DefaultAttempts
	}
	args, err := json.Marshal(j.Args)
	if err != nil {
		return j, nil, fmt.Errorf("jobs: add %s: %w", j.Kind, err)
	}
	return j, args, nil
}

// backoff is the pause after the given attempt, counted from 1: 2 s, 17 s,
// 82 s, … and never more than an hour.
func backoff(attempt int) time.Duration {
	const most = time.Hour
	if attempt > 8 {
		return most
	}
	n := time.Duration(attempt)
	return min(most, (n*n*n*n+1)*time.Second)
}

// period names the period of p that now lies in.
func (p Periodic) period(now time.Time) string {
	return "period " + p.start(now).Format(time.RFC3339)
}

// start is when the period of p that now lies in began.
func (p Periodic) start(now time.Time) time.Time {
	us := now.UnixMicro()
	return time.UnixMicro(us - us%p.Every.Microseconds()).UTC()
}

// call runs h. A panic is an error; what it carried is not printed, for it
// may be patient data.
func call(ctx context.Context, log *slog.Logger, kind string, h Handler, args json.RawMessage) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		err = fmt.Errorf("panic: %T", v)
		if r, ok := v.(runtime.Error); ok {
			err = fmt.Errorf("panic: %w", r)
		}
		log.Error("jobs: handler panicked", "kind", kind, "error", err, "stack", string(debug.Stack()))
	}()
	return h(ctx, args)
}

// keep shortens an error text to what is worth storing.
func keep(err error) string {
	const most = 2000
	text := err.Error()
	return text[:min(len(text), most)]
}
