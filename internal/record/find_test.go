package record_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// village has one thing of each sort that searches ask for.
var village = []string{
	`{"resourceType":"Organization","id":"net","name":"Network"}`,
	`{"resourceType":"Organization","id":"org","name":"Río Clinic","partOf":{"reference":"Organization/net"}}`,
	`{"resourceType":"Practitioner","id":"doc","name":[{"family":"Okafor"}],"identifier":[{"system":"http://npi","value":"77"}]}`,
	`{"resourceType":"Patient","id":"ann","name":[{"family":"Ng","given":["Ann"]}],"birthDate":"1980-02-03","managingOrganization":{"reference":"Organization/org"},"generalPractitioner":[{"reference":"Practitioner/doc"}],
	  "identifier":[{"system":"http://mrn","value":"m1","type":{"coding":[{"system":"http://types","code":"MR"}],"text":"Medical record"}}],"text":{"status":"generated","div":"<div>likes <b>gardens</b></div>"}}`,
	`{"resourceType":"Patient","id":"bob","name":[{"family":"Ng","given":["Bob"]}],"birthDate":"1970-02-03","meta":{"tag":[{"system":"http://t","code":"vip"}],"profile":["http://p.example/a"],"source":"http://src/x/y"}}`,
	`{"resourceType":"Encounter","id":"e1","status":"finished","class":{"system":"http://c","code":"AMB"},"subject":{"reference":"Patient/ann"},"serviceProvider":{"reference":"Organization/org"},"period":{"start":"2024-01-01"}}`,
	`{"resourceType":"Observation","id":"gluc","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2339-0","display":"Glucose"}]},"subject":{"reference":"Patient/ann"},"encounter":{"reference":"Encounter/e1"},
	  "performer":[{"reference":"Practitioner/doc"}],"effectiveDateTime":"2024-01-01","valueQuantity":{"value":5.4,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}}`,
	`{"resourceType":"Observation","id":"len","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8302-2","display":"Body height"}]},"subject":{"reference":"Patient/bob"},
	  "effectiveDateTime":"2024-02-01","valueQuantity":{"value":180,"unit":"cm","system":"http://unitsofmeasure.org","code":"cm"}}`,
	`{"resourceType":"Observation","id":"bp","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}],"text":"Blood pressure"},"subject":{"reference":"Patient/ann"},"effectiveDateTime":"2024-03-01",
	  "component":[{"code":{"coding":[{"code":"sys"}]},"valueQuantity":{"value":140,"code":"mm[Hg]","system":"http://unitsofmeasure.org"}},{"code":{"coding":[{"code":"dia"}]},"valueQuantity":{"value":80,"code":"mm[Hg]","system":"http://unitsofmeasure.org"}}]}`,
	`{"resourceType":"RiskAssessment","id":"risk","status":"final","subject":{"reference":"Patient/ann"},"prediction":[{"probabilityDecimal":0.25}]}`,
	`{"resourceType":"Provenance","id":"prov","target":[{"reference":"Observation/gluc"}],"recorded":"2024-01-02T00:00:00Z","agent":[{"who":{"reference":"Practitioner/doc"}}]}`,
	`{"resourceType":"QuestionnaireResponse","id":"qr","status":"completed","questionnaire":"http://q.example/a|2","subject":{"reference":"Patient/ann"},"authored":"2021"}`,
	`{"resourceType":"List","id":"todo","status":"current","mode":"working","entry":[{"item":{"reference":"Observation/bp"}}]}`,
	`{"resourceType":"ServiceRequest","id":"sr","status":"active","intent":"order","code":{"text":"x"},"subject":{"reference":"Patient/ann"},"requester":{"identifier":{"system":"http://npi","value":"77"}}}`,
}

func find(t *testing.T, s *record.Store, pass access.Pass, typ, query string) record.Found {
	t.Helper()
	q, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Find(t.Context(), pass, typ, q)
	if err != nil {
		t.Errorf("Find(%s?%s) = %v", typ, query, err)
	}
	return f
}

func idsOf(list []record.Resource) string {
	var ids []string
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " ")
}

func villagers(t *testing.T, d *db.DB) *record.Store {
	s := newStore(d).WithBase("https://hale.example/fhir")
	put(t, s, d, village...)
	for {
		if seq, err := s.FollowOnce(t.Context(), s.Words("test")); err != nil || seq == 0 {
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
}

func TestStoreFind(t *testing.T) {
	tests := []struct{ typ, query, want string }{
		{"Observation", "value-quantity=5.4|http://unitsofmeasure.org|mmol/L", "gluc"},
		{"Observation", "value-quantity=0.0054|http://unitsofmeasure.org|mol/L", "gluc"},
		{"Observation", "value-quantity=gt0.0054|http://unitsofmeasure.org|mol/L", ""},
		{"Observation", "value-quantity=1.80|http://unitsofmeasure.org|m", "len"},
		{"Observation", "value-quantity=lt2|http://unitsofmeasure.org|m", "len"},
		{"Observation", "value-quantity=5.4||mmol/L", "gluc"},
		{"Observation", "value-quantity=5", "gluc"}, // 4.5 to 5.5
		{"Observation", "value-quantity=5.0", ""},
		{"Observation", "value-quantity=ap170", "len"},
		{"Observation", "code-value-quantity=2339-0$lt6", "gluc"},
		{"Observation", "code-value-quantity=http://loinc.org|2339-0$gt6", ""},
		{"Observation", "component-code-value-quantity=sys$gt130", "bp"},
		{"Observation", "component-code-value-quantity=dia$gt130", ""},
		{"Observation", "combo-code-value-quantity=dia$80,2339-0$5.4", "bp gluc"},
		{"RiskAssessment", "probability=gt0.2", "risk"},
		{"RiskAssessment", "probability=0.25", "risk"},
		{"Observation", "subject:Patient.name=ann", "bp gluc"},
		{"Observation", "patient.organization.name=rio", "bp gluc"},
		{"Observation", "patient.organization.partof.name=network", "bp gluc"},
		{"Observation", "encounter.service-provider.name=rio", "gluc"},
		{"Observation", "performer:Practitioner.identifier=http://npi|77", "gluc"},
		{"Observation", "subject.birthdate=lt1975", "len"},
		{"Patient", "_has:Observation:patient:code=8302-2", "bob"},
		{"Patient", "_has:Encounter:patient:_has:Observation:encounter:code=2339-0", "ann"},
		{"Practitioner", "_has:Patient:general-practitioner:family=ng", "doc"},
		{"Organization", "_has:Patient:organization:name=ann", "org"},
		{"Observation", "_list=todo", "bp"},
		{"Patient", "identifier:of-type=http://types|MR|m1", "ann"},
		{"Patient", "identifier:of-type=|MR|m2", ""},
		{"Observation", "code:text=body", "len"},
		{"Observation", "code:text=BLOOD", "bp"},
		{"Patient", "_text=garden*", "ann"},
		{"Patient", "_text=ng", ""},
		{"Patient", "_content=bob", "bob"},
		{"Observation", "_content=glucose OR height", "gluc len"},
		{"Observation", "_content=blood pressure", "bp"},
		{"Patient", "_tag=http://t|vip", "bob"},
		{"Patient", "_profile=http://p.example/a", "bob"},
		{"Patient", "_source:below=http://src/x", "bob"},
		{"Patient", "_profile:missing=true", "ann"},
		{"Patient", "general-practitioner:missing=true", "bob"},
		{"Patient", "deceased=false", "ann bob"},
		{"QuestionnaireResponse", "questionnaire=http://q.example/a", "qr"},
		{"QuestionnaireResponse", "questionnaire=http://q.example/a|1", ""},
		{"ServiceRequest", "requester:identifier=http://npi|77", "sr"},
		{"Observation", "subject=https://hale.example/fhir/Patient/bob", "len"},
		{"Observation", "encounter:missing=false", "gluc"},
		{"Observation", "code:not=2339-0&patient=ann", "bp"},
		{"Observation", "_sort=-value-quantity,code&value-quantity:missing=false", "len gluc"},
		{"Patient", "_sort=family,-given", "bob ann"},
		{"Patient", "_sort=-birthdate", "ann bob"},
		{"Observation", "date=ap2024-01", "bp gluc len"},
		{"Observation", "_contained=false&code=2339-0", "gluc"},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := villagers(t, d)
		pass := haletest.Everyone(t, d, access.ReadRecord)
		for _, tt := range tests {
			if got := idsOf(find(t, s, pass, tt.typ, tt.query).Matches); got != tt.want {
				t.Errorf("Find(%s?%s) = %q, want %q", tt.typ, tt.query, got, tt.want)
			}
		}
		f := find(t, s, pass, "Observation", "colour=blue&_total=accurate&_count=1")
		if !slices.Equal(f.Unknown, []string{"colour"}) || f.Used.Has("colour") || f.Total != 3 || len(f.Matches) != 1 {
			t.Errorf("unknown %v, used %v, total %d", f.Unknown, f.Used, f.Total)
		}
		if f := find(t, s, pass, "Observation", "_count=0&patient=ann"); f.Total != 2 || len(f.Matches) != 0 {
			t.Errorf("_count=0 finds %d of %d", len(f.Matches), f.Total)
		}
	})
}

func TestStoreInclude(t *testing.T) {
	tests := []struct{ typ, query, want string }{
		{"Observation", "code=2339-0&_include=Observation:patient", "ann"},
		{"Observation", "code=2339-0&_include=Observation:patient&_include:iterate=Patient:organization&_include:iterate=Organization:partof", "ann org net"},
		{"Observation", "code=2339-0&_include=Observation:performer:Organization", ""},
		{"Observation", "code=2339-0&_revinclude=Provenance:target", "prov"},
		{"Patient", "_id=ann&_revinclude=Observation:subject", "gluc bp"},
		{"Encounter", "_id=e1&_revinclude=Observation:encounter&_revinclude:iterate=Provenance:target", "gluc prov"},
		{"Encounter", "_id=e1&_include=*", "ann org"},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := villagers(t, d)
		pass := haletest.Everyone(t, d, access.ReadRecord)
		for _, tt := range tests {
			got := strings.Fields(idsOf(find(t, s, pass, tt.typ, tt.query).Included))
			want := strings.Fields(tt.want)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("Find(%s?%s) includes %v, want %v", tt.typ, tt.query, got, want)
			}
		}
		// One patient's pass includes nothing of another, and sees no one else
		// at the end of a chain.
		ben := haletest.Pass(t, d, "bob", access.ReadRecord)
		for _, q := range []string{"_has:Patient:general-practitioner:name=ann", "_revinclude=Observation:performer"} {
			f := find(t, s, ben, "Practitioner", q)
			if len(f.Included) > 0 || strings.HasPrefix(q, "_has") && len(f.Matches) > 0 {
				t.Errorf("Find(Practitioner?%s) shows another's: %s, %s", q, idsOf(f.Matches), idsOf(f.Included))
			}
		}
	})
}

// An app sees matches, what is included and what a chain leads to within its
// scopes alone.
func TestStoreFindScopes(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := villagers(t, d)
		app := func(scopes ...string) access.Pass {
			a := access.Actor{Kind: access.System, ID: "app:x", Rights: []access.Right{access.ReadRecord}, App: &access.App{ID: "x"}}
			for _, text := range scopes {
				one, err := smart.ParseScope(text)
				if err != nil {
					t.Fatal(err)
				}
				a.App.Scopes = append(a.App.Scopes, one)
			}
			p, err := haletest.Doors(d).CheckAll(t.Context(), a, access.ReadRecord)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		some := app("system/Observation.rs?code=http://loinc.org|2339-0", "system/Patient.r")
		if got := idsOf(find(t, s, some, "Observation", "_total=accurate").Matches); got != "gluc" {
			t.Errorf("granular: %q", got)
		}
		if f := find(t, s, some, "Observation", "_count=0"); f.Total != 1 {
			t.Errorf("counted %d", f.Total)
		}
		f := find(t, s, some, "Observation", "_include=Observation:patient&_include=Observation:performer&_revinclude=Provenance:target")
		if got := idsOf(f.Included); got != "ann" {
			t.Errorf("included %q, want only what scopes name", got)
		}
		if got := idsOf(find(t, s, some, "Observation", "patient.name=ann").Matches); got != "" {
			t.Errorf("a chain through what the app may not search finds %q", got)
		}
		if _, err := s.Find(t.Context(), some, "Encounter", nil); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("a type without a scope = %v", err)
		}
		both := app("system/Patient.rs", "system/Observation.rs?code=8302-2")
		if got := idsOf(find(t, s, both, "Patient", "_has:Observation:patient:code=2339-0,8302-2").Matches); got != "bob" {
			t.Errorf("_has looks at what the scope leaves out: %q", got)
		}
	})
}

// Pages neither skip nor repeat, forward and back, while rows are added.
func TestStoreFindPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		var bodies []string
		for i := range 23 {
			bodies = append(bodies, observation("o"+string(rune('a'+i)), "maria", []string{"2021", "2022", "2023"}[i%3]))
		}
		put(t, s, d, append(bodies, maria)...)
		pass := haletest.Pass(t, d, "maria", access.ReadRecord)
		added := 0
		walk := func(sort string, add bool) (pages []string, last record.Found) {
			q := url.Values{"_sort": {sort}, "_count": {"5"}}
			for {
				f, err := s.Find(t.Context(), pass, "Observation", q)
				if err != nil || len(pages) > 40 {
					t.Fatalf("by %s: page %d: %v", sort, len(pages), err)
				}
				pages = append(pages, idsOf(f.Matches))
				if add {
					added++
					put(t, s, d, observation("new"+strconv.Itoa(added), "maria", []string{"2020", "2022", "2024"}[added%3]))
				}
				if f.Next == "" {
					return pages, f
				}
				q.Set("_cursor", f.Next)
			}
		}
		for _, sort := range []string{"code,-date", "-date,_id", "-status,date", "_id", "-encounter,_lastUpdated"} {
			pages, f := walk(sort, false)
			for i := len(pages) - 2; i >= 0; i-- {
				f = find(t, s, pass, "Observation", url.Values{"_sort": {sort}, "_count": {"5"}, "_cursor": {f.Prev}}.Encode())
				if idsOf(f.Matches) != pages[i] {
					t.Fatalf("by %s, back to page %d: %q, want %q", sort, i, idsOf(f.Matches), pages[i])
				}
			}
			if f.Prev != "" {
				t.Errorf("by %s: there is a page before the first", sort)
			}
			pages, _ = walk(sort, true)
			seen := map[string]int{}
			for _, id := range strings.Fields(strings.Join(pages, " ")) {
				seen[id]++
			}
			for i := range 23 {
				if n := seen["o"+string(rune('a'+i))]; n != 1 {
					t.Errorf("by %s: o%c was shown %d times while others came", sort, 'a'+i, n)
				}
			}
		}
	})
}
