package journey_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/reach/journey"
	"hale/internal/reach/segment"
	"hale/internal/store/db"
)

// crowd puts people from one number up to another.
func (c *clinic) crowd(from, to int) {
	c.t.Helper()
	err := c.d.Tx(context.Background(), func(tx *db.Tx) error {
		var people []any
		for i := from; i < to; i++ {
			people = append(people, fmt.Sprintf("x%06d", i), "G F", "G", "F", "f g", "1970-01-01", "female", "en", "", "", "", "", "", "", 0, 1, 0)
		}
		return db.InsertMany(context.Background(), tx, `insert into person (id, full_name, given, family, search_name, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at)`, "", 17, people)
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// BenchmarkLookIn looks at a segment of 100,000 people: for the first time,
// when nothing has changed, when 10,000 come and when 10,000 leave. Beside
// the time, it tells the longest wait of somebody else who writes.
func BenchmarkLookIn(b *testing.B) {
	const n, some = 100_000, 10_000
	run := func(b *testing.B, d *db.DB) {
		c := open(b, d)
		c.crowd(0, n)
		c.run(journey.Definition{Name: "In", Trigger: journey.Trigger{On: journey.Entered, Segment: &segment.Expr{Sex: "female"}}, Nodes: []journey.Node{{ID: "out", Kind: journey.Exit}}})
		if d.Engine() == db.Postgres {
			_, _ = d.ExecContext(b.Context(), "analyze")
		}
		look := func(what string) {
			c.pass(10 * time.Minute)
			began := time.Now()
			wait := haletest.LongestWait(b, d, func() {
				if err := c.s.Look(b.Context()); err != nil {
					b.Fatal(err)
				}
			})
			b.ReportMetric(float64(time.Since(began).Milliseconds()), what+"-ms")
			b.ReportMetric(float64(wait.Milliseconds()), what+"-wait-ms")
		}
		for b.Loop() {
			look("first")
			look("same")
			c.crowd(n, n+some)
			look("came")
			if _, err := d.ExecContext(b.Context(), `update person set sex = 'male' where id < $1`, fmt.Sprintf("x%06d", some)); err != nil {
				b.Fatal(err)
			}
			look("left")
		}
	}
	b.Run("sqlite", func(b *testing.B) { run(b, haletest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { run(b, haletest.Postgres(b)) })
}
