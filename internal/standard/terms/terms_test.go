package terms

import (
	"slices"
	"testing"

	"hale/internal/base/errs"
	"hale/internal/standard/facts"
	"hale/internal/standard/fhir"
)

func open(t testing.TB) *Terms {
	t.Helper()
	l, err := facts.Open()
	if err != nil {
		t.Fatal(err)
	}
	return New(l)
}

const (
	vs  = "http://hl7.org/fhir/ValueSet/"
	vs3 = "http://terminology.hl7.org/ValueSet/"
	cs  = "http://terminology.hl7.org/CodeSystem/"
	sct = "http://snomed.info/sct"
)

func TestMember(t *testing.T) {
	tests := []struct {
		name, set, system, code string
		want                    Answer
	}{
		{"a code of the whole system", vs + "administrative-gender", "http://hl7.org/fhir/administrative-gender", "female", In},
		{"a bare code", vs + "administrative-gender", "", "female", In},
		{"a code with the set's version", vs + "administrative-gender|4.0.1", "", "other", In},
		{"no code of the system", vs + "administrative-gender", "", "f", Out},
		{"another system", vs + "administrative-gender", cs + "v3-AdministrativeGender", "female", Out},
		{"below a code", vs3 + "v3-ActEncounterCode", cs + "v3-ActCode", "AMB", In},
		{"not below it", vs3 + "v3-ActEncounterCode", cs + "v3-ActCode", "DIET", Out},
		{"is-not-a", vs + "patient-contactrelationship", cs + "v2-0131", "N", In},
		{"is-not-a itself", vs + "patient-contactrelationship", cs + "v2-0131", "O", Out},
		{"a system that does not ship", vs + "condition-code", sct, "44054006", Unknown},
		{"a listed code of one that does not ship", vs + "condition-severity", sct, "24484000", In},
		{"an unlisted code of it", vs + "condition-severity", sct, "44054006", Out},
		{"a set that does not ship", "http://example.org/none", "", "x", Unknown},
		{"a language", vs + "all-languages", Languages, "es-MX", In},
		{"no language", vs + "all-languages", Languages, "Spanish, mostly", Out},
		{"a media type", vs + "mimetypes", MIME, "text/plain; charset=utf-8", In},
		{"no media type", vs + "mimetypes", MIME, "text", Out},
		{"US Core's own", "http://hl7.org/fhir/us/core/ValueSet/us-core-diagnosticreport-category", "http://loinc.org", "LP29684-5", In},
		{"a set of sets that do not ship", "http://hl7.org/fhir/us/core/ValueSet/birthsex", cs + "v3-AdministrativeGender", "F", Unknown},
	}
	terms := open(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := terms.Member(tt.set, tt.system, tt.code); got != tt.want {
				t.Errorf("Member(%q, %q, %q) = %d, want %d", tt.set, tt.system, tt.code, got, tt.want)
			}
		})
	}
}

func TestExpand(t *testing.T) {
	terms := open(t)
	all, err := terms.Expand(vs+"administrative-gender", Want{})
	if err != nil || all.Total != 4 || len(all.Codes) != 4 || all.Codes[0].Code != "male" || all.Codes[0].Display != "Male" {
		t.Fatalf("Expand = %+v, %v, want four genders", all, err)
	}
	part, err := terms.Expand(vs+"administrative-gender", Want{Offset: 1, Count: 2})
	if err != nil || part.Total != 4 || len(part.Codes) != 2 || part.Codes[0] != all.Codes[1] {
		t.Errorf("a page = %+v, %v, want the second and the third of four", part, err)
	}
	some, err := terms.Expand(vs3+"v3-ActEncounterCode", Want{Filter: "AMBUL"})
	if err != nil || some.Total != 1 || some.Codes[0].Code != "AMB" {
		t.Errorf("filtered = %+v, %v, want ambulatory", some, err)
	}
	without, err := terms.Expand(vs+"patient-contactrelationship", Want{})
	if err != nil || slices.ContainsFunc(without.Codes, func(c Coding) bool { return c.Code == "O" }) {
		t.Errorf("expanded = %+v, %v, want none that the filter leaves out", without, err)
	}
	active, err := terms.Expand("http://terminology.hl7.org/ValueSet/v3-ActCode", Want{Active: true})
	whole, err2 := terms.Expand("http://terminology.hl7.org/ValueSet/v3-ActCode", Want{})
	if err != nil || err2 != nil || active.Total >= whole.Total || whole.Total < 1000 {
		t.Errorf("active %d of %d, %v, %v, want fewer", active.Total, whole.Total, err, err2)
	}
	if _, err := terms.Expand(vs+"condition-code", Want{}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("expanding SNOMED CT = %v, want invalid", err)
	}
	if _, err := terms.Expand("http://example.org/none", Want{}); errs.KindOf(err) != errs.NotFound {
		t.Errorf("expanding nothing = %v, want not found", err)
	}
}

// What can be listed is what is in: expansion and membership agree on every
// value set that ships.
func TestExpandAgreesWithMember(t *testing.T) {
	terms, listed := open(t), 0
	for _, e := range terms.library.Entries() {
		if e.Kind != facts.ValueSetKind {
			continue
		}
		s := terms.Set(e.URL + "|" + e.Version)
		if s == nil {
			t.Errorf("%s is not there", e.URL)
			continue
		}
		all, err := s.Expand(Want{})
		if err != nil {
			continue
		}
		listed++
		for _, c := range all.Codes {
			if s.Has(c.System, c.Code) != In {
				t.Errorf("%s lists %s|%s and does not have it", e.URL, c.System, c.Code)
			}
		}
		if s.Has("http://example.org/none", "no such code") == In {
			t.Errorf("%s has a code of nobody's", e.URL)
		}
	}
	if listed < 1000 {
		t.Errorf("%d value sets can be listed, want 1,000", listed)
	}
}

func TestLookup(t *testing.T) {
	terms := open(t)
	c, ok := terms.Lookup(cs+"v3-ActCode", "AMB")
	if !ok || c.Display != "ambulatory" || !slices.Contains(c.Above, "_ActEncounterCode") {
		t.Errorf("Lookup = %+v, %t, want ambulatory below its heading", c, ok)
	}
	if _, ok := terms.Lookup(cs+"v3-ActCode", "NONE"); ok {
		t.Error("a code that there is not is found")
	}
	if _, ok := terms.Lookup(sct, "44054006"); ok {
		t.Error("a code of a system that does not ship is found")
	}
}

func TestSubsumes(t *testing.T) {
	terms := open(t)
	tests := []struct{ a, b, want string }{
		{"_ActEncounterCode", "AMB", "subsumes"},
		{"AMB", "_ActEncounterCode", "subsumed-by"},
		{"AMB", "AMB", "equivalent"},
		{"AMB", "IMP", "not-subsumed"},
	}
	for _, tt := range tests {
		if got, ok := terms.Subsumes(cs+"v3-ActCode", tt.a, tt.b); !ok || got != tt.want {
			t.Errorf("Subsumes(%s, %s) = %q, %t, want %q", tt.a, tt.b, got, ok, tt.want)
		}
	}
	if _, ok := terms.Subsumes(sct, "1", "2"); ok {
		t.Error("codes of a system that does not ship are compared")
	}
	below, ok := terms.Below(cs+"v3-ActCode", "_ActEncounterCode")
	if !ok || below[0] != "_ActEncounterCode" || !slices.Contains(below, "AMB") || slices.Contains(below, "DIET") {
		t.Errorf("Below = %v, %t", below, ok)
	}
	above, ok := terms.Above(cs+"v3-ActCode", "AMB")
	if !ok || above[0] != "AMB" || !slices.Contains(above, "_ActEncounterCode") {
		t.Errorf("Above = %v, %t", above, ok)
	}
}

func TestCompose(t *testing.T) {
	terms := open(t)
	n, err := fhir.Parse([]byte(`{"resourceType":"ValueSet","compose":{"include":[
		{"system":"http://hl7.org/fhir/administrative-gender"},
		{"system":"http://loinc.org","concept":[{"code":"85354-9","display":"Blood pressure"}]}],
		"exclude":[{"system":"http://hl7.org/fhir/administrative-gender","concept":[{"code":"unknown"}]}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := terms.Compose(n)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Expand(Want{})
	if err != nil || got.Total != 4 || s.Has("", "unknown") != Out || s.Has("http://loinc.org", "85354-9") != In {
		t.Errorf("composed = %+v, %v, want three genders and a code", got, err)
	}
	if n, err = fhir.Parse([]byte(`{"resourceType":"ValueSet"}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := terms.Compose(n); errs.KindOf(err) != errs.Invalid {
		t.Errorf("nothing composed = %v, want invalid", err)
	}
}

func BenchmarkMember(b *testing.B) {
	s := open(b).Set(vs3 + "v3-ActEncounterCode")
	b.ReportAllocs()
	for b.Loop() {
		s.Has(cs+"v3-ActCode", "AMB")
	}
}
