package record_test

import (
	"net/url"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
)

// FuzzFind searches by anything: it is refused in words for a person, or
// finds, counts, includes and pages without an error, and never more on a
// page than was asked for.
func FuzzFind(f *testing.F) {
	for _, s := range [][2]string{
		{"Observation", "value-quantity=gt7.5|http://unitsofmeasure.org|mmol/L&_sort=-value-quantity&_count=1"},
		{"Observation", "component-code-value-quantity=sys$gt130&_total=accurate&_include=*"},
		{"Observation", "patient.organization.partof.name=net&_revinclude:iterate=Provenance:target"},
		{"Patient", "_has:Encounter:patient:_has:Observation:encounter:code=2339-0&_sort=name,-birthdate"},
		{"Observation", "date=ap2024&code:text=b&_content=a*%20OR%20b&_list=todo&_summary=count"},
		{"Patient", "identifier:of-type=a|b|c&_cursor=eyJrIjoiZGF0ZSIsImEiOlsiaTEiLCJpMSJdfQ"},
		{"Group", "characteristic-value=a$b,c$5"}, {"MolecularSequence", "chromosome-variant-coordinate=1$2$3"},
		{"RiskAssessment", "probability=1e400"}, {"ValueSet", "context-type-quantity=a$1&url:below=http://x/&url:above=http://x/y"},
		{"Observation", "value-quantity=ne-0e-9||%25,5.4||%5C%2C&_sort=code,-code,status,subject"}, {"Location", "near=1|2|3"},
	} {
		f.Add(s[0], s[1])
	}
	d := haletest.SQLite(f)
	s := newStore(d)
	var drafts []record.Draft
	for _, body := range village {
		drafts = append(drafts, draft(body))
	}
	if err := d.Tx(f.Context(), func(tx *db.Tx) error {
		_, err := s.PutAll(f.Context(), tx, source, drafts)
		return err
	}); err != nil {
		f.Fatal(err)
	}
	pass := haletest.Everyone(f, d, access.ReadRecord)
	f.Fuzz(func(t *testing.T, typ, query string) {
		if len(query) > 4096 {
			return
		}
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		found, err := s.Find(t.Context(), pass, typ, q)
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Errorf("Find(%q, %q) = %v, want a refusal", typ, query, err)
			}
			return
		}
		if len(found.Matches) > 1000 || found.Total >= 0 && found.Total < len(found.Matches) {
			t.Errorf("Find(%q, %q) has %d on a page of %d", typ, query, len(found.Matches), found.Total)
		}
	})
}
