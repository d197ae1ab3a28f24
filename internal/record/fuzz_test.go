package record_test

import (
	"net/url"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
)

// FuzzClause asks for anything in the words of a FHIR search: it is refused
// in words for a person, or it becomes SQL that both engines can read and in
// which nothing that was typed stands.
func FuzzClause(f *testing.F) {
	for _, s := range [][2]string{
		{"Condition", "code=http://snomed.info/sct|44054006,73211009"},
		{"Condition", "code:not=x&onset-date=ge2020&onset-date=lt2021-03"},
		{"Observation", "value-quantity=gt7.5||%25&date=2026-01-02T03:04:05.678%2B02:00"},
		{"Patient", "name:exact=O'Brien&birthdate=lt1960"}, {"Patient", "_id=a,b&_lastUpdated=ne2026"},
		{"Procedure", "code:in=x"}, {"Patient", "name=' or 1=1 --"}, {"Patient", "family:contains=%25_\\"},
		{"Observation", "_has:x:y:z=1"}, {"", ""}, {"Patient", "_sort=-birthdate&_count=10&_cursor=x"}, {"Encounter", "status:missing=true"},
	} {
		f.Add(s[0], s[1])
	}
	d := haletest.SQLite(f)
	pass := haletest.Everyone(f, d, access.ReadRecord)
	f.Fuzz(func(t *testing.T, typ, query string) {
		if len(query) > 4096 {
			return
		}
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		sql, args, err := record.Clause(pass, typ, q, "p.id", 1)
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Errorf("Clause(%q, %q) = %v, want a refusal", typ, query, err)
			}
			return
		}
		for _, values := range q {
			for _, v := range values {
				if len(v) > 12 && strings.Contains(sql, v) {
					t.Errorf("Clause(%q, %q): what was typed stands in the statement: %s", typ, query, sql)
				}
			}
		}
		if _, err := db.All(t.Context(), d, db.Value[string], "select p.id from patient_number p where "+sql, args...); err != nil {
			t.Errorf("Clause(%q, %q) makes a statement that fails: %v\n%s", typ, query, err, sql)
		}
	})
}
