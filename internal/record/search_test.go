package record_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
)

func observation(id, patient, date string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","category":[{"coding":[{"system":"http://cat","code":"laboratory"}]}],`+
		`"code":{"coding":[{"system":"http://loinc.org","code":"4548-4"},{"code":"local"}]},"subject":{"reference":"Patient/%s"},`+
		`"performer":[{"reference":"Practitioner/p1"}],"effectiveDateTime":%q}`, id, patient, date)
}

// town is what the searches look through.
var town = []string{
	maria, ben,
	`{"resourceType":"Practitioner","id":"p1","name":[{"family":"Okafor"}]}`,
	condition("c1", "maria", snomed, "44054006", "2019-05"),
	condition("c2", "maria", snomed, "38341003", "2021-01-15"),
	condition("c3", "ben", snomed, "44054006", "2020"),
	condition("c4", "maria", "http://other", "44054006", "2022-02-02"),
	observation("o1", "maria", "2024-03-31T23:59:59-04:00"),
	observation("o2", "maria", "2024-03"),
	observation("o3", "maria", "2023-12-24"),
	observation("o4", "ben", "2024-03-15"),
	`{"resourceType":"Encounter","id":"e1","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/maria"},"period":{"start":"2024-01-01"}}`,
	`{"resourceType":"Appointment","id":"a1","status":"booked","start":"2026-05-01T09:00:00Z","participant":[{"actor":{"reference":"Practitioner/p1"},"status":"accepted"},{"actor":{"reference":"Patient/maria"},"status":"accepted"},{"actor":{"reference":"Patient/ben"},"status":"accepted"}]}`,
	`{"resourceType":"Patient","id":"pct","name":[{"text":"100% O_Brien"}],"telecom":[{"system":"phone","value":"+15550100"},{"system":"email","value":"x@y.example"}]}`,
}

func TestStoreSearch(t *testing.T) {
	tests := []struct {
		who, typ, query string // who: a patient, or empty for everyone
		want            string
	}{
		{"maria", "Condition", "", "c1 c2 c4"},
		{"maria", "Condition", "_sort=-date", "c4 c2 c1"},
		{"maria", "Condition", "_sort=_id&_count=2", "c1 c2"},
		{"maria", "Condition", "_id=c2,c3", "c2"},
		{"maria", "Condition", "code=44054006", "c1 c4"},
		{"maria", "Condition", "code=" + snomed + "|44054006", "c1"},
		{"maria", "Condition", "code=" + snomed + "|44054006,http://other|44054006", "c1 c4"},
		{"maria", "Condition", "code=" + snomed + "|", "c1 c2"},
		{"maria", "Condition", "code=|44054006", ""},
		{"maria", "Condition", "code=http://other|,38341003", "c2 c4"},
		{"maria", "Condition", "code:not=44054006", "c2"},
		{"maria", "Condition", "code=44054006&code=38341003", ""},
		{"maria", "Condition", "subject=Patient/maria&code=44054006", "c1 c4"},
		{"maria", "Condition", "patient=ben", ""},
		{"", "Condition", "patient=ben", "c3"},
		{"", "Condition", "subject:Patient=ben,maria&code=" + snomed + "|44054006", "c1 c3"},
		{"", "Condition", "onset-date=2020", "c3"},
		{"", "Condition", "onset-date=lt2020", "c1"},
		{"", "Condition", "onset-date=ge2020-06", "c2 c3 c4"},
		{"", "Condition", "onset-date=sa2020", "c2 c4"},
		{"", "Condition", "onset-date=gt2020&onset-date=lt2022", "c2"},
		{"", "Condition", "onset-date=eb2020", "c1"},
		{"", "Condition", "onset-date=2019,2021", "c1 c2"},
		{"", "Condition", "onset-date=ne2020", "c1 c2 c4"},
		{"", "Condition", "onset-date=le2020", "c1 c3"},
		{"maria", "Observation", "date=2024-03", "o2"},                       // o1 is April in UTC
		{"maria", "Observation", "date=2024-04-01T03:59:59Z", "o1"},          // as a time
		{"maria", "Observation", "date=2024-03-31T23:59:59-04:00", "o1"},     // with its offset
		{"maria", "Observation", "code=http://loinc.org|4548-4", "o3 o2 o1"}, // the first coding
		{"maria", "Observation", "code=|local&status=final", "o3 o2 o1"},     // the one without a system
		{"maria", "Observation", "combo-code=4548-4&date=lt2024", "o3"},      // a union
		{"", "Observation", "performer=Practitioner/p1&_sort=_id", "o1 o2 o3 o4"},
		{"", "Observation", "performer=p1&patient=ben", "o4"},
		{"", "Observation", "performer:Practitioner=p1&_id=o2", "o2"},
		{"", "Observation", "performer=Organization/p1", ""},
		{"maria", "Encounter", "date=ge2030", "e1"}, // it has no end
		{"maria", "Encounter", "date=lt2024", ""},
		{"", "Appointment", "patient=maria", "a1"},
		{"", "Appointment", "patient=ben", "a1"},
		{"", "Appointment", "practitioner=p1&date=2026-05-01", "a1"},
		{"", "Patient", "family=alv", "ben maria"},
		{"", "Patient", "family=ALVAREZ", "maria"},
		{"", "Patient", "family:exact=Alvarez", ""},
		{"", "Patient", "family:exact=Álvarez", "maria"},
		{"", "Patient", "name:contains=JOSE", "maria"},
		{"", "Patient", "given=maria  jose", "maria"},
		{"", "Patient", "name:contains=0%25 o_", "pct"},
		{"", "Patient", "name:contains=a_a", ""},
		{"", "Patient", "birthdate=1990", "ben"},
		{"", "Patient", "birthdate=lt1980-01-01&gender=female", "maria"},
		{"", "Patient", "phone=%2B15550100", "pct"},
		{"", "Patient", "phone=x@y.example", ""},
		{"", "Patient", "telecom=x@y.example", "pct"},
		{"maria", "Patient", "", "maria"},
		{"ben", "Practitioner", "family=oka", "p1"},
		{"", "Condition", "_lastUpdated=ge2026-03-02&_count=1", "c1"},
		{"", "Condition", "_lastUpdated=gt2026-03-02", ""},
		{"", "Condition", `code=a\,b`, ""},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		put(t, s, d, town...)
		for _, tt := range tests {
			pass := haletest.Everyone(t, d, access.ReadRecord)
			if tt.who != "" {
				pass = haletest.Pass(t, d, tt.who, access.ReadRecord)
			}
			got := search(t, s, pass, tt.typ, tt.query)
			if !strings.Contains(tt.query, "_sort") && tt.who == "" {
				slices.Sort(got)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("%s: Search(%s?%s) = %v, want %s", tt.who, tt.typ, tt.query, got, tt.want)
			}
		}
	})
}

func TestStoreSearchRefuses(t *testing.T) {
	tests := []struct{ typ, query string }{
		{"Nothing", ""},
		{"Condition", "colour=blue"},
		{"Condition", "code="},
		{"Condition", "code=|"},
		{"Condition", "code:txt=diabetes"},
		{"Condition", "onset-date=soon"},
		{"Condition", "onset-date=xy2020"},
		{"Condition", "onset-date:missing=yes"},
		{"Condition", "onset-age=five"},
		{"Condition", "patient=a b"},
		{"Condition", "patient=Group/1"},
		{"Condition", "patient:Group=1"},
		{"Condition", "_sort=colour"},
		{"Condition", "_count=-1"},
		{"Condition", "_count=many"},
		{"Condition", "_cursor=abc"},
		{"Condition", "_id:not=1"},
		{"Patient", "name="},
		{"Patient", "name:text=a"},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		pass := haletest.Everyone(t, d, access.ReadRecord)
		for _, tt := range tests {
			q, _ := url.ParseQuery(tt.query)
			if _, err := s.Search(t.Context(), pass, tt.typ, q); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Search(%s?%s) = %v, want it refused", tt.typ, tt.query, err)
			}
		}
		if _, err := s.Search(t.Context(), access.Pass{}, "Condition", nil); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Search with the zero pass = %v", err)
		}
	})
}

func TestStoreSearchPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		var bodies []string
		for i := range 23 {
			bodies = append(bodies, condition(fmt.Sprintf("c%02d", i), "maria", snomed, "1", fmt.Sprintf("20%02d", 10+i/4)))
		}
		put(t, s, d, bodies...)
		pass := haletest.Pass(t, d, "maria", access.ReadRecord)
		for _, sort := range []string{"date", "-date", "_id", "-_id", "_lastUpdated", "-_lastUpdated"} {
			q := url.Values{"_sort": {sort}, "_count": {"5"}, "code": {"1"}}
			seen := map[string]bool{}
			for pages := 0; ; pages++ {
				page, err := s.Search(t.Context(), pass, "Condition", q)
				if err != nil || pages > 5 {
					t.Fatalf("page %d: %v", pages, err)
				}
				for _, r := range page.Resources {
					if seen[r.ID] {
						t.Errorf("by %s: %s is on two pages", sort, r.ID)
					}
					seen[r.ID] = true
				}
				if page.Next == "" {
					break
				}
				q.Set("_cursor", page.Next)
			}
			if len(seen) != 23 {
				t.Errorf("by %s: %d found, want 23", sort, len(seen))
			}
		}
	})
}

func TestClause(t *testing.T) {
	tests := []struct{ typ, query, want string }{
		{"Condition", "", "ben maria"},
		{"Encounter", "", "maria"},
		{"Condition", "code=44054006", "ben maria"},
		{"Condition", "code=" + snomed + "|44054006,38341003&onset-date=ge2021", "maria"},
		{"Condition", "code=" + snomed + "|44054006&onset-date=ge2021", ""}, // not on the same resource
		{"Condition", "code:not=44054006", "maria"},
		{"Condition", "onset-date=2020", "ben"},
		{"Condition", "onset-date=2020&_lastUpdated=ge2026", "ben"},
		{"Condition", "_id=c3", "ben"},
		{"Observation", "performer=Practitioner/p1&date=2023", "maria"},
		{"Observation", "code=4548-4&category=laboratory&status=final", "ben maria"},
		{"Patient", "gender=female", "maria"},
		{"Patient", "birthdate=ge1980", "ben"},
		{"Patient", "family=alvarez", "maria"},
		{"Condition", "patient=ben", "ben"},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		put(t, s, d, town...)
		for _, tt := range tests {
			q, _ := url.ParseQuery(tt.query)
			sql, args, err := record.Clause(haletest.Everyone(t, d, access.RunOutreach), tt.typ, q, "p.id", 2)
			if err != nil {
				t.Fatalf("Clause(%s?%s) = %v", tt.typ, tt.query, err)
			}
			text := `select p.id from resource p where p.typ = $1 and ` + sql + ` order by p.id`
			got, err := db.All(t.Context(), d, db.Value[string], text, append([]any{"Patient"}, args...)...)
			if err != nil || strings.Join(got, " ") != tt.want {
				t.Errorf("Clause(%s?%s) finds %v, %v, want %s\n%s", tt.typ, tt.query, got, err, tt.want, sql)
			}
		}
		if _, _, err := record.Clause(access.Pass{}, "Condition", url.Values{"colour": {"blue"}}, "p.id", 1); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Clause with an unknown parameter = %v", err)
		}
	})
}
