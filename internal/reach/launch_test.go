package reach_test

import (
	"context"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// launch has every person of w written to, from the start to the end of an
// outreach and until its words are forgotten, and tells part by part how long
// somebody else waited at worst who had a row to write.
func (w *world) launch(told func(part string, took, waited time.Duration)) {
	w.t.Helper()
	ctx, pass := w.t.Context(), w.run(access.RunOutreach)
	part := func(name string, fn func() error) {
		began := time.Now()
		waited := haletest.LongestWait(w.t, w.d, func() { must(w, fn()) })
		told(name, time.Since(began), waited)
	}
	o, err := w.e.Save(ctx, pass, letter())
	must(w, err)
	part("start", func() error { return w.e.Start(ctx, pass, o.ID) })
	part("plan", func() error { return w.e.Plan(ctx, o.ID) })
	part("send", func() error {
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- w.e.RunSender(ctx) }()
		for w.count(`select count(*) from message where state in ('scheduled', 'handing_off') and not_before <= $1`, db.Micro(w.clock())) > 0 {
			time.Sleep(50 * time.Millisecond)
		}
		cancel()
		return <-done
	})
	part("sweep", func() error { return w.e.Sweep(ctx) })
	w.at(w.clock().Add(20 * 24 * time.Hour))
	part("expire", func() error { return w.e.Sweep(ctx) })
	second, err := w.e.Save(ctx, pass, letter())
	must(w, err)
	must(w, w.e.Start(ctx, pass, second.ID))
	must(w, w.e.Plan(ctx, second.ID))
	part("pause", func() error { return w.e.Pause(ctx, pass, second.ID) })
	part("stop", func() error { return w.e.Stop(ctx, pass, second.ID) })
	w.at(w.clock().Add(4000 * 24 * time.Hour))
	part("forget", func() error { return w.e.Forget(ctx) })
}

// While an outreach to 50,000 people is launched, sent, stopped and
// forgotten, whoever signs in waits no longer than the figures say.
func BenchmarkLaunchWaits(b *testing.B) {
	const people = 50_000
	eachBench(b, func(b *testing.B, d *db.DB) {
		w := newWorld(b, d)
		w.gate[reach.Email].free = func(h reach.Handoff) reach.Result { return reach.Result{Outcome: reach.Accepted, Ref: h.Key} }
		w.add(many(people)...)
		for range b.N {
			w.launch(func(part string, took, waited time.Duration) {
				b.ReportMetric(float64(waited.Milliseconds()), part+"-wait-ms")
				b.Logf("%s took %v, longest wait %v", part, took.Round(time.Millisecond), waited.Round(time.Millisecond))
			})
		}
	})
}
