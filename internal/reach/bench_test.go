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

func eachBench(b *testing.B, run func(*testing.B, *db.DB)) {
	b.Run("sqlite", func(b *testing.B) { run(b, haletest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { run(b, haletest.Postgres(b)) })
}

// benchPeople is the size of an outreach in the benchmarks.
const benchPeople = 5000

// BenchmarkPlan decides on, renders, links, seals and caps.
func BenchmarkPlan(b *testing.B) {
	eachBench(b, func(b *testing.B, d *db.DB) {
		w := newWorld(b, d)
		w.add(many(benchPeople)...)
		pass := w.run(access.RunOutreach)
		took := time.Duration(0)
		for i := range b.N {
			w.at(midday.Add(time.Duration(i) * 10 * 24 * time.Hour)) // past the caps
			o, err := w.e.Save(b.Context(), pass, care())
			must(w, err)
			must(w, w.e.Start(b.Context(), pass, o.ID))
			start := time.Now()
			must(w, w.e.Plan(b.Context(), o.ID))
			took += time.Since(start)
		}
		b.ReportMetric(float64(benchPeople*b.N)/took.Seconds(), "people/s")
	})
}

// BenchmarkSend hands messages to a gateway that takes them at once, with
// every attempt and result in the ledger.
func BenchmarkSend(b *testing.B) {
	eachBench(b, func(b *testing.B, d *db.DB) {
		w := newWorld(b, d)
		w.add(many(benchPeople)...)
		took := time.Duration(0)
		for i := range b.N {
			w.at(midday.Add(time.Duration(i) * 10 * 24 * time.Hour))
			pass := w.run(access.RunOutreach)
			o, err := w.e.Save(b.Context(), pass, care())
			must(w, err)
			must(w, w.e.Start(b.Context(), pass, o.ID))
			must(w, w.e.Plan(b.Context(), o.ID))
			want := len(w.gate[reach.SMS].got()) + benchPeople
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan error, 1)
			start := time.Now()
			go func() { done <- w.e.RunSender(ctx) }()
			for w.count(`select count(*) from message where state = 'accepted'`) < want {
				time.Sleep(20 * time.Millisecond)
			}
			took += time.Since(start)
			cancel()
			must(w, <-done)
		}
		b.ReportMetric(float64(benchPeople*b.N)/took.Seconds(), "messages/s")
	})
}
