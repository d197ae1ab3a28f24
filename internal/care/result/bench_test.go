package result_test

import (
	"fmt"
	"testing"

	"hale/internal/access"
	"hale/internal/care/result"
	"hale/internal/care/view"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// BenchmarkStoreRecent lists the results of one patient of a hundred
// thousand, each with twenty; the budget is 5 ms.
func BenchmarkStoreRecent(b *testing.B) {
	d := haletest.SQLite(b)
	seed(b, d, 100_000, 20)
	s := result.NewStore(d)
	pass := haletest.Pass(b, d, "patient-050123", access.ReadRecord)
	for _, bench := range []struct {
		name string
		run  func() (int, error)
	}{
		{"recent", func() (int, error) { l, err := s.Recent(b.Context(), pass, "", 60); return len(l), err }},
		{"trend", func() (int, error) { l, err := s.Trend(b.Context(), pass, "4548-4", 24); return len(l), err }},
		{"count", func() (int, error) { n, _, err := s.Count(b.Context(), pass); return n, err }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				if n, err := bench.run(); n == 0 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// seed fills the table directly, as the view writes it.
func seed(b *testing.B, d *db.DB, patients, each int) {
	b.Helper()
	table := view.NewTable("result", 2, "patient", "id", "category", "code", "name", "status", "at", "issued", "value", "unit", "said",
		"low", "high", "range_text", "flag", "performer", "note", "parts", "source", "updated_at")
	for from := 0; from < patients; from += 1000 {
		err := d.Tx(b.Context(), func(tx *db.Tx) error {
			rows := table.Batch(1000 * each)
			for p := from; p < from+1000; p++ {
				for i := range each {
					rows.Set(fmt.Sprintf("patient-%06d", p), fmt.Sprintf("result-%06d-%d", p, i), "laboratory", "4548-4", "Hemoglobin A1c", "final",
						haletest.Noon.AddDate(0, -i, 0).UnixMicro(), 0, 5+float64(i)/10, "%", "", nil, nil, "", "", "Organization/alder", "", "", "", haletest.Noon.UnixMicro())
				}
			}
			return rows.Write(b.Context(), tx)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
