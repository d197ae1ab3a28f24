package audit

import (
	"context"
	"path/filepath"
	"testing"

	"hale/internal/store/db"
)

func eachBench(b *testing.B, bench func(*testing.B, *db.DB)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, openDB(b, "sqlite:"+filepath.Join(b.TempDir(), "hale.db"))) })
	b.Run("postgres", func(b *testing.B) { bench(b, openDB(b, postgres(b))) })
}

// Rows a second, each on disk before Add returns, by one and by many.
func BenchmarkAdd(b *testing.B) {
	eachBench(b, func(b *testing.B, d *db.DB) {
		w := newWorld(b, d)
		b.Run("one", func(b *testing.B) {
			for b.Loop() {
				w.add(row(1))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
		b.Run("many", func(b *testing.B) {
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := w.log.Add(context.Background(), row(1)); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	})
}

// Rows a second that get their place in the tree.
func BenchmarkSequence(b *testing.B) {
	eachBench(b, func(b *testing.B, d *db.DB) {
		w := newWorld(b, d)
		rows := make([]Row, atOnce)
		for i := range rows {
			rows[i] = row(i)
		}
		for b.Loop() {
			b.StopTimer()
			w.add(rows...)
			b.StartTimer()
			if _, err := w.notary.Sequence(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N*atOnce)/b.Elapsed().Seconds(), "rows/s")
	})
}

// Rows a second that Verify reads and computes anew.
func BenchmarkVerify(b *testing.B) {
	eachBench(b, func(b *testing.B, d *db.DB) {
		w := newWorld(b, d)
		rows := make([]Row, atOnce)
		for i := range rows {
			rows[i] = row(i)
		}
		for range 20 {
			w.add(rows...)
		}
		w.settle()
		for b.Loop() {
			w.intact()
		}
		b.ReportMetric(float64(b.N*20*atOnce)/b.Elapsed().Seconds(), "rows/s")
	})
}
