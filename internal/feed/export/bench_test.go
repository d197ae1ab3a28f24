package export

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"hale/internal/haletest"
	"hale/internal/store/db"
)

// BenchmarkExport makes exports of everything; HALE_EXPORT_SIZE says of how
// many resources, ten of each patient and about a kilobyte each.
func BenchmarkExport(b *testing.B) {
	size, err := strconv.Atoi(os.Getenv("HALE_EXPORT_SIZE"))
	if err != nil {
		size = 20_000
	}
	for name, d := range map[string]func(testing.TB) *db.DB{"sqlite": haletest.SQLite, "postgres": haletest.Postgres} {
		b.Run(name, func(b *testing.B) {
			d := d(b)
			w := newWorld(b, d, nil)
			fillRecord(b, d, size)
			a := client(b, "system/*.rs")
			for b.Loop() {
				id := w.start(a, OfSystem, "", "")
				w.work(id)
				b.StopTimer()
				task, err := w.Status(b.Context(), a, id)
				if err != nil || task.Resources < int64(size) {
					b.Fatalf("exported %d, %v; want %d", task.Resources, err, size)
				}
				if err := w.Cancel(b.Context(), a, id); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "resources/s")
		})
	}
}

// fillRecord writes n resources past the one way in: what an export reads of
// the record is its rows alone.
func fillRecord(b *testing.B, d *db.DB, n int) {
	b.Helper()
	patients := max(1, n/10)
	var people, rows []any
	for i := range patients {
		people = append(people, i+1, fmt.Sprintf("patient-%d", i))
	}
	text := strings.Repeat(`{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic blood pressure"}]},"valueQuantity":{"value":12%d,"unit":"mmHg"}},`, 4)
	for i := range n {
		typ, id := "Observation", fmt.Sprintf("observation-%d", i)
		body := fmt.Sprintf(`{"resourceType":"Observation","id":%q,"meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-blood-pressure"]},"status":"final","subject":{"reference":"Patient/patient-%d"},"component":[%s]}`,
			id, i%patients, strings.TrimSuffix(strings.ReplaceAll(text, "%d", strconv.Itoa(i%10)), ","))
		rows = append(rows, typ, id, i%patients+1, 1, 1, 1, 1, []byte{1}, []byte(body))
	}
	err := d.Tx(b.Context(), func(tx *db.Tx) error {
		if err := db.InsertMany(b.Context(), tx, `insert into patient_number (n, id)`, "", 2, people); err != nil {
			return err
		}
		return db.InsertMany(b.Context(), tx, `insert into resource (typ, id, patient, version, updated, sort_at, provenance, digest, body)`, "", 9, rows)
	})
	if err != nil {
		b.Fatal(err)
	}
}
