package bulk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"hale/internal/care/clinician"
	"hale/internal/care/contact"
	"hale/internal/care/document"
	"hale/internal/care/medication"
	"hale/internal/care/patient"
	"hale/internal/care/problem"
	"hale/internal/care/result"
	"hale/internal/care/visit"
	"hale/internal/feed/bulk"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
)

// views are the views that follow the record in the real program.
func views() []record.Projector {
	return []record.Projector{clinician.View(), contact.View(), document.View(), medication.View(), patient.View(), problem.View(), result.View(), visit.View()}
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-`)

// copies writes n copies of the bundles in dir into a new folder, each with
// ids of its own.
func copies(b *testing.B, dir string, n int) string {
	b.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		b.Fatal(err)
	}
	to := b.TempDir()
	for _, name := range list {
		text, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		for i := range n {
			other := uuid.ReplaceAllFunc(text, func(id []byte) []byte {
				v, _ := strconv.ParseUint(string(id[:8]), 16, 32)
				return fmt.Appendf(nil, "%08x%s", uint32(v)^uint32(i*0x9E3779B1), id[8:])
			})
			if err := os.WriteFile(filepath.Join(to, fmt.Sprintf("%d-%s", i, filepath.Base(name))), other, 0o600); err != nil {
				b.Fatal(err)
			}
		}
	}
	return to
}

// BenchmarkImport reads ten times the Synthea patients, each time into a new
// database, with all indexes and views.
func BenchmarkImport(b *testing.B) {
	dir := copies(b, haletest.Data(b, "fhir/synthea"), 10)
	for engine, open := range map[string]func(testing.TB) *db.DB{"sqlite": haletest.SQLite, "postgres": haletest.Postgres} {
		b.Run(engine, func(b *testing.B) {
			var resources int
			for b.Loop() {
				b.StopTimer()
				d := open(b)
				s := newStore(d, views()...)
				b.StartTimer()
				report, err := bulk.New(s, d, source).Import(b.Context(), dir, nil)
				if err != nil || len(report.Bad) > 0 {
					b.Fatal(err, report.Bad)
				}
				resources += report.Resources
			}
			b.ReportMetric(float64(resources)/b.Elapsed().Seconds(), "resources/s")
		})
	}
}
