package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/store/db"
)

// ran collects the arguments of the jobs that were run.
type ran struct {
	mu   sync.Mutex
	args []string
}

func (r *ran) add(args json.RawMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.args = append(r.args, strings.Trim(string(args), `"`))
}

func (r *ran) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.args...)
}

func (r *ran) count(arg string) int {
	n := 0
	for _, a := range r.all() {
		if a == arg {
			n++
		}
	}
	return n
}

// note keeps the arguments and never fails.
func (r *ran) note(_ context.Context, args json.RawMessage) error {
	r.add(args)
	return nil
}

// quick are settings that a test can wait for.
func quick() settings {
	return settings{
		timeout: time.Second, rescue: 4 * time.Second, drain: 2 * time.Second,
		backoff: func(int) time.Duration { return 10 * time.Millisecond },
	}
}

func openQueue(t *testing.T, d *db.DB, s settings, c Config) Queue {
	t.Helper()
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Log = slog.New(slog.DiscardHandler)
	c.Poll = 20 * time.Millisecond
	q, err := open(t.Context(), d, c, s)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// start runs q until the test ends; the returned function ends it sooner
// and waits.
func start(t *testing.T, q Queue) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() { cancel(); err = <-ended })
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

func add(t *testing.T, d *db.DB, q Queue, list ...Job) {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		for _, j := range list {
			if err := q.Add(t.Context(), tx, j); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits up to 20 s for ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s did not happen", what)
}

func TestAddWithItsCause(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var r ran
		q := openQueue(t, d, quick(), Config{Handlers: map[string]Handler{"note": r.note}})
		errBack := errors.New("back")
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			if err := q.Add(t.Context(), tx, Job{Kind: "note", Args: "rolled back"}); err != nil {
				return err
			}
			return errBack
		})
		if !errors.Is(err, errBack) {
			t.Fatal(err)
		}
		start(t, q)
		add(t, d, q, Job{Kind: "note", Args: "committed"})
		eventually(t, "the job", func() bool { return r.count("committed") == 1 })
		time.Sleep(200 * time.Millisecond)
		if got := r.all(); len(got) != 1 {
			t.Errorf("ran %v, want the committed one alone", got)
		}
	})
}

func TestAddIsRefused(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var r ran
		q := openQueue(t, d, quick(), Config{Handlers: map[string]Handler{"note": r.note}})
		for name, j := range map[string]Job{
			"no kind": {Args: 1}, "nobody handles it": {Kind: "other"}, "not JSON": {Kind: "note", Args: func() {}},
		} {
			err := d.Tx(t.Context(), func(tx *db.Tx) error { return q.Add(t.Context(), tx, j) })
			if err == nil {
				t.Errorf("%s: Add took it", name)
			}
		}
	})
}

// A statement that fails in River's part must leave the cause's transaction
// usable.
func TestAddKeepsTheTransaction(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var r ran
		q := openQueue(t, d, quick(), Config{Handlers: map[string]Handler{"note": r.note}})
		start(t, q)
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			for range 3 {
				if err := q.Add(t.Context(), tx, Job{Kind: "note", Args: "a", Unique: "same"}); err != nil {
					return err
				}
			}
			_, err := tx.ExecContext(t.Context(), `insert into event (id, at, kind) values ($1, $2, $3)`, "e1", 1, "test")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the job", func() bool { return r.count("a") == 1 })
	})
}

func TestRunAt(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var r ran
		var at atomic.Int64
		q := openQueue(t, d, quick(), Config{Handlers: map[string]Handler{
			"note": r.note,
			"later": func(_ context.Context, a json.RawMessage) error {
				at.Store(time.Now().UnixMicro())
				r.add(a)
				return nil
			},
		}})
		start(t, q)
		due := time.Now().Add(1500 * time.Millisecond)
		add(t, d, q, Job{Kind: "later", Args: "later", RunAt: due}, Job{Kind: "note", Args: "past", RunAt: time.Now().Add(-time.Hour)},
			Job{Kind: "note", Args: "far", RunAt: time.Now().Add(time.Hour)})
		eventually(t, "the past one", func() bool { return r.count("past") == 1 })
		eventually(t, "the later one", func() bool { return r.count("later") == 1 })
		if early := due.UnixMicro() - at.Load(); early > 0 {
			t.Errorf("ran %d µs before its time", early)
		}
		if r.count("far") != 0 {
			t.Error("ran an hour early")
		}
	})
}

func TestUnique(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var r ran
		q := openQueue(t, d, quick(), Config{Handlers: map[string]Handler{"note": r.note, "other": r.note}})
		add(t, d, q,
			Job{Kind: "note", Args: "first", Unique: "k"}, Job{Kind: "note", Args: "second", Unique: "k"},
			Job{Kind: "note", Args: "another key", Unique: "l"}, Job{Kind: "other", Args: "another kind", Unique: "k"},
			Job{Kind: "note", Args: "no key"}, Job{Kind: "note", Args: "no key"})
		start(t, q)
		eventually(t, "all", func() bool { return len(r.all()) >= 5 })
		time.Sleep(100 * time.Millisecond)
		if r.count("first") != 1 || r.count("second") != 0 || r.count("no key") != 2 || len(r.all()) != 5 {
			t.Errorf("ran %v; want one of each key and both without", r.all())
		}
		eventually(t, "the key of a finished job to be free", func() bool {
			add(t, d, q, Job{Kind: "note", Args: "third", Unique: "k"})
			return r.count("third") > 0
		})
	})
}

func TestRetry(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var tries atomic.Int64
		var good ran
		q := openQueue(t, d, quick(), Config{Handlers: map[string]Handler{
			"bad": func(context.Context, json.RawMessage) error {
				return fmt.Errorf("failure %d", tries.Add(1))
			},
			"third": func(_ context.Context, a json.RawMessage) error {
				good.add(a)
				if good.count("x") < 3 {
					return errors.New("not yet")
				}
				return nil
			},
		}})
		start(t, q)
		add(t, d, q, Job{Kind: "bad", MaxAttempts: 3}, Job{Kind: "third", Args: "x"})
		eventually(t, "the third attempt", func() bool { return good.count("x") == 3 })
		final := func() bool {
			f, err := q.Failures(t.Context(), 10)
			return err == nil && len(f) == 1 && f[0].Final
		}
		eventually(t, "giving up", final)
		f, err := q.Failures(t.Context(), 10)
		if err != nil || f[0].Kind != "bad" || f[0].Attempt != 3 || !strings.Contains(f[0].Error, "failure 3") {
			t.Errorf("Failures = %+v, %v; want the last error of bad alone", f, err)
		}
		if n := tries.Load(); n != 3 {
			t.Errorf("tried %d times, want 3", n)
		}
	})
}

func TestPanic(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var r ran
		q := openQueue(t, d, quick(), Config{Workers: 1, Handlers: map[string]Handler{
			"note":  r.note,
			"panic": func(context.Context, json.RawMessage) error { panic("Maria Alvarez") },
			"index": func(_ context.Context, a json.RawMessage) error { var none []int; none[len(a)]++; return nil },
		}})
		start(t, q)
		add(t, d, q, Job{Kind: "panic", MaxAttempts: 1}, Job{Kind: "index", MaxAttempts: 1}, Job{Kind: "note", Args: "after"})
		eventually(t, "the job after the panic", func() bool { return r.count("after") == 1 })
		eventually(t, "both failures", func() bool { f, _ := q.Failures(t.Context(), 10); return len(f) == 2 })
		f, err := q.Failures(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range f {
			if !one.Final || !strings.Contains(one.Error, "panic") || strings.Contains(one.Error, "Maria") {
				t.Errorf("failure %+v; want a final panic that names nobody", one)
			}
		}
	})
}

func TestDrain(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		began, finish := make(chan struct{}), make(chan struct{})
		var done atomic.Bool
		q := openQueue(t, d, quick(), Config{Workers: 1, Handlers: map[string]Handler{
			"slow": func(ctx context.Context, _ json.RawMessage) error {
				close(began)
				<-finish
				done.Store(ctx.Err() == nil)
				return nil
			},
			"next": func(context.Context, json.RawMessage) error { t.Error("a job was begun after the stop"); return nil },
		}})
		stop := start(t, q)
		add(t, d, q, Job{Kind: "slow"})
		<-began
		go func() { time.Sleep(200 * time.Millisecond); close(finish) }()
		add(t, d, q, Job{Kind: "next", RunAt: time.Now().Add(100 * time.Millisecond)})
		if err := stop(); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if !done.Load() {
			t.Error("Run returned before the handler ended, or ended its context")
		}
	})
}

// A handler that outlasts the drain has its context ended, and its job is
// not lost.
func TestDrainEnds(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := quick()
		s.drain, s.timeout = 200*time.Millisecond, time.Minute
		s.rescue = 2 * time.Minute
		began := make(chan struct{})
		q := openQueue(t, d, s, Config{Handlers: map[string]Handler{
			"endless": func(ctx context.Context, _ json.RawMessage) error { close(began); <-ctx.Done(); return ctx.Err() },
		}})
		stop := start(t, q)
		add(t, d, q, Job{Kind: "endless"})
		<-began
		stopped := make(chan struct{})
		go func() { defer close(stopped); _ = stop() }()
		select {
		case <-stopped:
		case <-time.After(10 * time.Second):
			t.Fatal("Run did not return")
		}
		var r ran
		again := openQueue(t, d, quick(), Config{Handlers: map[string]Handler{"endless": r.note}})
		start(t, again)
		eventually(t, "the second run", func() bool { return len(r.all()) == 1 })
	})
}

func TestTimeout(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		q := openQueue(t, d, quick(), Config{Handlers: map[string]Handler{
			"hang": func(ctx context.Context, _ json.RawMessage) error { <-ctx.Done(); return ctx.Err() },
		}})
		start(t, q)
		add(t, d, q, Job{Kind: "hang", MaxAttempts: 1})
		eventually(t, "the timeout", func() bool { f, _ := q.Failures(t.Context(), 1); return len(f) == 1 && f[0].Final })
	})
}

func TestPeriodic(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var r ran
		c := Config{
			Handlers: map[string]Handler{"tick": r.note, "daily": r.note},
			Periodic: []Periodic{{Kind: "tick", Every: time.Second}, {Kind: "daily", Every: 24 * time.Hour}},
		}
		stop := start(t, openQueue(t, d, quick(), c))
		eventually(t, "three ticks", func() bool { return len(r.all()) >= 4 })
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		c.Periodic = c.Periodic[1:]
		before := len(r.all())
		start(t, openQueue(t, d, quick(), c))
		time.Sleep(500 * time.Millisecond)
		if n := len(r.all()); n != before {
			t.Errorf("after a restart %d more runs; the day had its run", n-before)
		}
	})
}

func TestPeriodStart(t *testing.T) {
	day := Periodic{Kind: "d", Every: 24 * time.Hour}
	tests := []struct{ at, want string }{
		{"2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z"},
		{"2026-03-02T23:59:59Z", "2026-03-02T00:00:00Z"},
		{"2026-03-02T20:00:00-08:00", "2026-03-03T00:00:00Z"},
	}
	for _, tt := range tests {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := day.start(at).Format(time.RFC3339); got != tt.want {
			t.Errorf("start(%s) = %s, want %s", tt.at, got, tt.want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var r ran
		log := slog.New(slog.DiscardHandler)
		for name, c := range map[string]Config{
			"no clock":                {Log: log},
			"too short a period":      {Log: log, Now: time.Now, Handlers: map[string]Handler{"a": r.note}, Periodic: []Periodic{{"a", time.Millisecond}}},
			"too long a period":       {Log: log, Now: time.Now, Handlers: map[string]Handler{"a": r.note}, Periodic: []Periodic{{"a", MaxPeriod + 1}}},
			"a period nobody handles": {Log: log, Now: time.Now, Handlers: map[string]Handler{"a": r.note}, Periodic: []Periodic{{"b", time.Minute}}},
		} {
			if _, err := Open(t.Context(), d, c); err == nil {
				t.Errorf("%s: Open took it", name)
			}
		}
	})
}

func TestBackoff(t *testing.T) {
	last := time.Duration(0)
	for attempt := 1; attempt <= 40; attempt++ {
		got := backoff(attempt)
		if got < last || got < time.Second || got > time.Hour {
			t.Errorf("backoff(%d) = %v after %v; want growing, up to an hour", attempt, got, last)
		}
		last = got
	}
}
