package reach_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

func eachBench(b *testing.B, run func(*testing.B, *db.DB)) {
	b.Run("sqlite", func(b *testing.B) { run(b, haletest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { run(b, haletest.Postgres(b)) })
}

// letter is an e-mail of a few pages with the reader's name and a link.
func letter() reach.Outreach {
	o := care()
	body := "Dear {{ first_name | default: \"patient\" }},\n\nyour next visit is coming up." +
		strings.Repeat("\n\nPlease bring your insurance card and a list of the medicines you take. If the time does not suit you, choose another one on the page behind the link.", 25)
	o.Purpose, o.Channels = "appointment", []reach.Channel{reach.Email}
	o.Template = template.Template{Sensitivity: 1, Parts: []template.Part{{Channel: template.Page, Lang: "en", Subject: "Your visit", Body: body}}}
	return o
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
			o, err := w.e.Save(b.Context(), pass, letter())
			must(w, err)
			must(w, w.e.Start(b.Context(), pass, o.ID))
			start := time.Now()
			must(w, w.e.Plan(b.Context(), o.ID))
			took += time.Since(start)
		}
		b.ReportMetric(float64(benchPeople*b.N)/took.Seconds(), "people/s")
	})
}

// BenchmarkDecisions is the policy alone: the draw and the decision for each
// person, by facts that are there, and with the facts read from the store.
func BenchmarkDecisions(b *testing.B) {
	eachBench(b, func(b *testing.B, d *db.DB) {
		w := newWorld(b, d)
		w.add(many(reach.PlanBatch)...)
		pass := w.run(access.RunOutreach)
		o, err := w.e.Save(b.Context(), pass, letter())
		must(w, err)
		ids := make([]string, 0, reach.PlanBatch)
		for _, p := range many(reach.PlanBatch) {
			ids = append(ids, p.id)
		}
		facts := func() func() int {
			decide, err := w.e.Facts(b.Context(), pass, o.ID, ids)
			must(w, err)
			return decide
		}
		check := func(n int) {
			if n < reach.PlanBatch*8/10 {
				b.Fatalf("%d of %d are written to", n, reach.PlanBatch)
			}
		}
		loaded := facts()
		b.Run("alone", func(b *testing.B) {
			for b.Loop() {
				check(loaded())
			}
			b.ReportMetric(float64(reach.PlanBatch*b.N)/b.Elapsed().Seconds(), "decisions/s")
		})
		b.Run("facts read", func(b *testing.B) {
			for b.Loop() {
				check(facts()())
			}
			b.ReportMetric(float64(reach.PlanBatch*b.N)/b.Elapsed().Seconds(), "decisions/s")
		})
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
			o, err := w.e.Save(b.Context(), pass, letter())
			must(w, err)
			must(w, w.e.Start(b.Context(), pass, o.ID))
			must(w, w.e.Plan(b.Context(), o.ID))
			want := len(w.gate[reach.Email].got()) + benchPeople
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
