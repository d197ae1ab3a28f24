package jobs

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/store/db"
)

// The promise is five minutes, whatever River's defaults are: it looks every
// 30 s for jobs that have run for longer than RescueStuckJobsAfter.
func TestRescueIsWithinFiveMinutes(t *testing.T) {
	s := defaults()
	if s.rescue+30*time.Second > 5*time.Minute {
		t.Errorf("rescue after %v, want half a minute below 5 minutes", s.rescue)
	}
	if s.timeout > 2*time.Minute || s.timeout >= s.rescue {
		t.Errorf("timeout %v, want up to 2 minutes and less than the rescue's %v", s.timeout, s.rescue)
	}
	if 3*lease > 5*time.Minute {
		t.Errorf("lease %v, want far below 5 minutes", lease)
	}
	q := &riverQueue{c: Config{Log: slog.New(slog.DiscardHandler), Now: time.Now}, s: s}
	if c := q.config(); c.RescueStuckJobsAfter != s.rescue || c.JobTimeout != s.timeout {
		t.Errorf("River gets %v and %v, want %v and %v", c.RescueStuckJobsAfter, c.JobTimeout, s.rescue, s.timeout)
	}
}

// A process that died left its job running; five minutes later, by the clock,
// another has run it. One that was begun just now is left alone.
func TestRescueSQLite(t *testing.T) {
	d := haletest.SQLite(t)
	var now atomic.Int64
	now.Store(haletest.Noon.UnixMicro())
	clock := func() time.Time { return time.UnixMicro(now.Load()).UTC() }
	var r ran
	q := openQueue(t, d, quick(), Config{Now: clock, Handlers: map[string]Handler{"note": r.note}})
	add(t, d, q, Job{Kind: "note", Args: "orphan"})
	dead := q.(*table)
	if tasks, err := dead.claim(t.Context(), 1); err != nil || len(tasks) != 1 {
		t.Fatalf("claim = %v, %v", tasks, err)
	}
	start(t, q)
	time.Sleep(200 * time.Millisecond)
	if got := r.all(); len(got) != 0 {
		t.Fatalf("ran %v at once; its worker may be alive", got)
	}
	now.Add((5 * time.Minute).Microseconds())
	eventually(t, "the rescue", func() bool { now.Add(100_000); return r.count("orphan") == 1 })
}

// A worker that is slow, not dead, keeps its job however long it takes.
func TestRescueLeavesTheLiving(t *testing.T) {
	d := haletest.SQLite(t)
	q := openQueue(t, d, quick(), Config{Handlers: map[string]Handler{"note": (&ran{}).note}}).(*table)
	add(t, d, q, Job{Kind: "note"})
	tasks, err := q.claim(t.Context(), 1)
	if err != nil || len(tasks) != 1 {
		t.Fatalf("claim = %v, %v", tasks, err)
	}
	if err := q.rescue(t.Context(), time.Now().Add(lease-time.Second)); err != nil {
		t.Fatal(err)
	}
	if again, err := q.claim(t.Context(), 1); err != nil || len(again) != 0 {
		t.Errorf("claim within the lease = %v, %v; want nothing", again, err)
	}
}

// A worker that comes back after its job was given to another changes
// nothing.
func TestRescueThenLateFinish(t *testing.T) {
	d := haletest.SQLite(t)
	s := quick()
	s.backoff = func(int) time.Duration { return 0 }
	q := openQueue(t, d, s, Config{Handlers: map[string]Handler{"note": (&ran{}).note}}).(*table)
	add(t, d, q, Job{Kind: "note"})
	first, err := q.claim(t.Context(), 1)
	if err != nil || len(first) != 1 {
		t.Fatalf("claim = %v, %v", first, err)
	}
	if err := q.rescue(t.Context(), time.Now().Add(2*lease)); err != nil {
		t.Fatal(err)
	}
	second, err := q.claim(t.Context(), 1)
	if err != nil || len(second) != 1 {
		t.Fatalf("claim after the rescue = %v, %v", second, err)
	}
	if err := q.finish(t.Context(), first[0], nil); err != nil {
		t.Fatal(err)
	}
	state, err := db.One(t.Context(), d, db.Value[string], `select state from job`)
	if err != nil || state != "running" {
		t.Errorf("state = %q, %v; want running: the second worker has it", state, err)
	}
}

// On River a job that a dead worker left running for longer than the setting
// is run again, and one begun a minute ago is left alone.
func TestRescueRiver(t *testing.T) {
	d := haletest.Postgres(t)
	var r ran
	s := defaults()
	s.backoff = quick().backoff
	q := openQueue(t, d, s, Config{Handlers: map[string]Handler{"note": r.note}})
	add(t, d, q, Job{Kind: "note", Args: "orphan"}, Job{Kind: "note", Args: "young"})
	const die = `
		update river_job set state = 'running', attempt = 1, attempted_by = array['dead'],
			attempted_at = now() - cast($1 as interval)
		where args::text like '%' || $2 || '%'`
	for who, since := range map[string]string{"orphan": "4 minutes 1 second", "young": "1 minute"} {
		if tag, err := d.Pool().Exec(t.Context(), die, since, who); err != nil || tag.RowsAffected() != 1 {
			t.Fatalf("%v, %v", tag, err)
		}
	}
	start(t, q)
	eventually(t, "the rescue", func() bool { return r.count("orphan") == 1 })
	if r.count("young") != 0 {
		t.Error("a job whose worker may be alive was run again")
	}
}

// Two nodes that start together on an empty database both come up, and a job
// runs once.
func TestTwoNodes(t *testing.T) {
	d := haletest.Postgres(t)
	var r ran
	c := Config{Handlers: map[string]Handler{"note": func(_ context.Context, a json.RawMessage) error { r.add(a); return nil }}}
	queues := make(chan Queue, 2)
	for range 2 {
		go func() {
			c := c
			c.Now, c.Log, c.Poll = time.Now, slog.New(slog.DiscardHandler), 20*time.Millisecond
			q, err := open(context.Background(), d, c, quick())
			if err != nil {
				t.Error(err)
			}
			queues <- q
		}()
	}
	one, two := <-queues, <-queues
	if t.Failed() {
		t.FailNow()
	}
	start(t, one)
	start(t, two)
	for range 40 {
		add(t, d, one, Job{Kind: "note", Args: "x"})
	}
	eventually(t, "forty jobs", func() bool { return r.count("x") >= 40 })
	time.Sleep(300 * time.Millisecond)
	if n := r.count("x"); n != 40 {
		t.Errorf("ran %d, want 40", n)
	}
}
