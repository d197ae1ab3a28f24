package record_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
)

// crowd is how many patients the benchmarks have.
const crowd = 100_000

// populate gives d a crowd: each patient with two conditions and a
// procedure, every tenth with diabetes, one with 2,000 observations.
func populate(b *testing.B, s *record.Store, d *db.DB) {
	b.Helper()
	var list []record.Draft
	flush := func() {
		err := d.Tx(b.Context(), func(tx *db.Tx) error {
			_, err := s.PutAll(b.Context(), tx, source, list)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		list = list[:0]
	}
	add := func(body string) {
		list = append(list, draft(body))
		if len(list) == 2000 {
			flush()
		}
	}
	for i := range crowd {
		p := fmt.Sprintf("p%06d", i*7919%crowd) // in no order, as ids are
		add(fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"family":"F%d","given":["G"]}],"birthDate":"19%02d-01-01","gender":"female"}`, p, i%1000, i%100))
		code := "38341003"
		if i%10 == 0 {
			code = "44054006"
		}
		add(condition("c"+p, p, snomed, code, fmt.Sprintf("20%02d-05-01", 10+i%15)))
		add(condition("d"+p, p, snomed, fmt.Sprint(1000+i%50), "2020-01-01"))
		add(fmt.Sprintf(`{"resourceType":"Procedure","id":"e%s","status":"completed","code":{"coding":[{"system":%q,"code":"252779009"}]},"subject":{"reference":"Patient/%s"},"performedDateTime":"20%02d-01-01"}`, p, snomed, p, 15+i%10))
	}
	for i := range 2000 {
		add(observation(fmt.Sprintf("o%d", i), "p000042", fmt.Sprintf("20%02d-%02d-15", 10+i%15, 1+i%12)))
	}
	flush()
}

// BenchmarkClause asks everyone the questions of a segment, and one patient.
func BenchmarkClause(b *testing.B) {
	benchEach(b, func(b *testing.B, s *record.Store, d *db.DB) {
		questions := []struct{ name, typ, query string }{
			{"condition", "Condition", "code=" + snomed + "|44054006,73211009"},
			{"common condition", "Condition", "code=" + snomed + "|38341003"},
			{"procedure since", "Procedure", "code=" + snomed + "|252779009&date=ge2023"},
			{"any condition", "Condition", ""},
			{"birth date", "Patient", "birthdate=lt1960"},
		}
		for _, who := range []string{"everyone", "one"} {
			for _, question := range questions {
				b.Run(who+"/"+question.name, func(b *testing.B) {
					q, _ := url.ParseQuery(question.query)
					sql, args, err := record.Clause(haletest.Everyone(b, d, access.RunOutreach), question.typ, q, "p.id", 1)
					if err != nil {
						b.Fatal(err)
					}
					text := "select count(*) from patient_number p where " + sql
					if who == "one" {
						text += fmt.Sprintf(" and p.id = $%d", len(args)+1)
						args = append(args, "p000010")
					}
					for b.Loop() {
						n, err := db.One(context.Background(), d, db.Value[int64], text, args...)
						if err != nil || who == "everyone" && n == 0 {
							b.Fatal(n, err)
						}
					}
				})
			}
		}
	})
}

// BenchmarkSearch lists resources of a patient who has 2,000.
func BenchmarkSearch(b *testing.B) {
	benchEach(b, func(b *testing.B, s *record.Store, d *db.DB) {
		many := haletest.Pass(b, d, "p000042", access.ReadRecord)
		everyone := haletest.Everyone(b, d, access.ReadRecord)
		for _, bench := range []struct {
			name, typ, query string
			pass             access.Pass
		}{
			{"newest", "Observation", "_sort=-date&_count=20", many},
			{"code", "Observation", "code=4548-4&_sort=-date&_count=20", many},
			{"code and date", "Observation", "code=4548-4&date=ge2020&_sort=-date&_count=20", many},
			{"few", "Condition", "code=38341003", many},
			{"everyone's by name", "Patient", "family=F77&_count=20", everyone},
			{"everyone's by patient", "Observation", "patient=p000042&_count=20", everyone},
		} {
			b.Run(bench.name, func(b *testing.B) {
				q, _ := url.ParseQuery(bench.query)
				for b.Loop() {
					page, err := s.Search(context.Background(), bench.pass, bench.typ, q)
					if err != nil || len(page.Resources) == 0 && bench.name != "few" {
						b.Fatal(len(page.Resources), err)
					}
				}
			})
		}
	})
}

func benchEach(b *testing.B, bench func(*testing.B, *record.Store, *db.DB)) {
	open := map[string]func(testing.TB) *db.DB{"sqlite": haletest.SQLite, "postgres": haletest.Postgres}
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			d := open[engine](b)
			s := newStore(d)
			populate(b, s, d)
			bench(b, s, d)
		})
	}
}
