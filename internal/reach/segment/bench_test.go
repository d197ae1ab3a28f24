package segment_test

import (
	"context"
	"fmt"
	"testing"

	"hale/internal/haletest"
	"hale/internal/store/db"
)

// crowd puts n people, a tenth of them with diabetes, half of those with a
// recent eye exam, by copying the index rows of two that came in by the
// record.
func crowd(tb testing.TB, d *db.DB, n int) {
	tb.Helper()
	put(tb, d, person("ada", "1961-03-02", "female", "en"), person("bob", "1961-03-03", "male", "es"),
		condition("c1", "ada", sct, "44054006"), condition("c2", "bob", sct, "44054006"), procedure("e2", "bob", "92250", "2026-01-01"))
	ctx := context.Background()
	err := d.Tx(ctx, func(tx *db.Tx) error {
		var people, numbers []any
		for i := range n {
			id := fmt.Sprintf("x%06d", i)
			people = append(people, id, "G F", "G", "F", "f g", "1970-01-01", "female", "en", "", "", "", "", "", "", 0, 1, 0)
			numbers = append(numbers, 1000+i, id)
		}
		if err := db.InsertMany(ctx, tx, `insert into person (id, full_name, given, family, search_name, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at)`, "", 17, people); err != nil {
			return err
		}
		if err := db.InsertMany(ctx, tx, `insert into patient_number (n, id)`, "", 2, numbers); err != nil {
			return err
		}
		const pattern = `from %s t join patient_number o on o.n = t.patient join patient_number w on w.n >= 1000 and w.n %% 20 = %d where o.id = '%s'`
		for i, like := range []string{"ada", "bob"} {
			if _, err := tx.ExecContext(ctx, `insert into resource (n, typ, id, patient, version, updated, sort_at, provenance, digest, body)
				select t.n + w.n * 100, t.typ, t.id || '-' || w.id, w.n, 1, t.updated, t.sort_at, t.provenance, t.digest, t.body
				from resource t join patient_number o on o.n = t.patient join patient_number w on w.n >= 1000 and w.n % 20 = $1 where o.id = $2 and t.typ <> 'Patient'`, i, like); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `insert into token_index (param, code, patient, resource, system) select t.param, t.code, w.n, t.resource + w.n * 100, t.system `+fmt.Sprintf(pattern, "token_index", i, like)); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `insert into date_index (param, patient, resource, low, high) select t.param, w.n, t.resource + w.n * 100, t.low, t.high `+fmt.Sprintf(pattern, "date_index", i, like)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	if d.Engine() == db.Postgres {
		_, _ = d.ExecContext(ctx, "analyze")
	}
}

// BenchmarkCompile runs the segment of the story over 100,000 patients; the
// budget is a second.
func BenchmarkCompile(b *testing.B) {
	const n = 100_000
	run := func(b *testing.B, d *db.DB) {
		crowd(b, d, n)
		for b.Loop() {
			if got := len(ids(b, d, diabetesNoEyeExam())); got < n/20*7 {
				b.Fatalf("found %d bytes of ids, want %d people", got, n/20)
			}
		}
	}
	b.Run("sqlite", func(b *testing.B) { run(b, haletest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { run(b, haletest.Postgres(b)) })
}
