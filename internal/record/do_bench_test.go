package record_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
)

func eachEngine(b *testing.B, bench func(*testing.B, *db.DB)) {
	b.Helper()
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			open := haletest.SQLite
			if engine == "postgres" {
				open = haletest.Postgres
			}
			bench(b, open(b))
		})
	}
}

// spent is how much of the processors this process has used: what does not
// depend on who else uses them.
func spent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measured is an Observation of the size that real ones have.
func measured(i int) string {
	return fmt.Sprintf(`{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],`+
		`"code":{"coding":[{"system":"http://loinc.org","code":"4548-4","display":"Hemoglobin A1c"}],"text":"Hemoglobin A1c"},"subject":{"reference":"Patient/p%d"},`+
		`"encounter":{"reference":"Encounter/e%d"},"effectiveDateTime":"2024-01-15T08:%02d:00Z","issued":"2024-01-15T09:00:00Z","valueQuantity":{"value":6.%d,"unit":"%%","system":"http://unitsofmeasure.org","code":"%%"}}`, i%500, i%500, i%60, i%10)
}

// BenchmarkDo creates at 16 connections, single resources and transactions of
// 50.
func BenchmarkDo(b *testing.B) {
	for _, size := range []int{1, 50} {
		b.Run(fmt.Sprintf("of %d", size), func(b *testing.B) {
			eachEngine(b, func(b *testing.B, d *db.DB) {
				s := newStore(d)
				pass := app(b, d, access.WriteRecord, "system/*.cruds")
				src := record.Source{Actor: pass.Actor()}
				var list []record.Draft
				for i := range 500 {
					list = append(list, draft(fmt.Sprintf(`{"resourceType":"Patient","id":"p%d"}`, i)))
				}
				putDrafts(b, s, d, list)
				var n atomic.Int64
				b.SetParallelism(8) // of 2 cores
				before := spent()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						ops := make([]record.Op, size)
						for i := range ops {
							ops[i] = record.Op{Verb: record.Create, Type: "Observation", Body: []byte(measured(int(n.Add(1))))}
						}
						if _, err := s.Do(context.Background(), pass, src, ops); err != nil {
							b.Fatal(err)
						}
					}
				})
				b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "resources/s")
				b.ReportMetric(float64((spent()-before).Microseconds())/float64(n.Load()), "cpu-µs/resource")
			})
		})
	}
}

func putDrafts(b *testing.B, s *record.Store, d *db.DB, list []record.Draft) {
	b.Helper()
	err := d.Tx(b.Context(), func(tx *db.Tx) error {
		_, err := s.PutAll(b.Context(), tx, source, list)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkGet reads what was read before, and what was not.
func BenchmarkGet(b *testing.B) {
	eachEngine(b, func(b *testing.B, d *db.DB) {
		const many = 2000
		var list []record.Draft
		for i := range many {
			list = append(list, draft(strings.Replace(measured(i), `{`, fmt.Sprintf(`{"id":"o%d",`, i), 1)))
		}
		s := newStore(d)
		putDrafts(b, s, d, list)
		pass := haletest.Pass(b, d, "p7", access.ReadRecord)
		for _, kept := range []bool{true, false} {
			b.Run(map[bool]string{true: "kept", false: "not kept"}[kept], func(b *testing.B) {
				i, before := 0, spent()
				for b.Loop() {
					if !kept {
						s = newStore(d)
					}
					r, err := s.Get(context.Background(), pass, "Observation", fmt.Sprint("o", 7+500*(i%4)))
					if err != nil || len(r.JSON()) == 0 {
						b.Fatal(err)
					}
					i++
				}
				b.ReportMetric(float64((spent()-before).Microseconds())/float64(i), "cpu-µs/op")
			})
		}
	})
}
