package profile_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hale/internal/haletest"
	"hale/internal/standard/facts"
	"hale/internal/standard/fhir"
	"hale/internal/standard/profile"
	"hale/internal/standard/terms"
)

func newValidator(t testing.TB) *profile.Validator {
	t.Helper()
	l, err := facts.Open()
	if err != nil {
		t.Fatal(err)
	}
	return profile.New(l, terms.New(l))
}

// wrong are the errors that published examples have indeed: where, by which
// rule, and why it is one.
var wrong = map[string][]string{
	"basic-example.json modifier":            {"its modifiers are extensions of example.org, which nobody knows"},
	"bundle-questionnaire.json min":          {"its items have no linkId, which is 1..1"},
	"codesystem-example.json csd-1":          {"it has the code chol-mass twice"},
	"devicemetric-example.json target":       {"DeviceMetric.parent is a Device; it leads to a DeviceDefinition"},
	"deviceusestatement-example.json target": {"its reason leads to a Procedure, which R4 does not take"},
	"medicationrequest0301.json target":      {"who is to dispense is an Organization; it leads to a Practitioner"},
}

// Every published example conforms, but for the errors that it has.
func TestValidateExamples(t *testing.T) {
	folder := haletest.Data(t, "suites/fhir-test-cases/r4/examples")
	files, err := filepath.Glob(filepath.Join(folder, "*.json")) // those in XML are nothing to Hale, which takes JSON alone
	if err != nil || len(files) < 70 {
		t.Fatalf("found %d examples, %v", len(files), err)
	}
	v, found := newValidator(t), map[string]bool{}
	for _, file := range files {
		for _, i := range errorsOf(t, v, read(t, file)) {
			key := filepath.Base(file) + " " + i.Rule
			found[key] = true
			if wrong[key] == nil {
				t.Errorf("%s: %+v", filepath.Base(file), i)
			}
		}
	}
	for key := range wrong {
		if !found[key] {
			t.Errorf("%s is known and was not found", key)
		}
	}
}

func read(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func errorsOf(t testing.TB, v *profile.Validator, text string) []profile.Issue {
	t.Helper()
	list := v.Validate(parse(t, text))
	return slices.DeleteFunc(list, func(i profile.Issue) bool { return i.Severity != profile.Error })
}

// Records that other programs made conform.
func TestValidateRecords(t *testing.T) {
	v, count := newValidator(t), 0
	bundles, err := filepath.Glob(filepath.Join(haletest.Data(t, "fhir/synthea"), "*.json"))
	if err != nil || len(bundles) == 0 {
		t.Fatalf("found %d records, %v", len(bundles), err)
	}
	for _, file := range bundles {
		n := parse(t, read(t, file))
		count += n.Get("entry").Len()
		for _, i := range errorsOf(t, v, read(t, file)) {
			t.Errorf("%s: %+v", filepath.Base(file), i)
		}
	}
	lists, err := filepath.Glob(filepath.Join(haletest.Data(t, "fhir/bulk-10-ndjson"), "[A-Z]*.ndjson"))
	if err != nil || len(lists) == 0 {
		t.Fatalf("found %d lists, %v", len(lists), err)
	}
	for _, file := range lists {
		for line := range strings.Lines(read(t, file)) {
			count++
			for _, i := range errorsOf(t, v, strings.TrimSpace(line)) {
				t.Errorf("%s: %+v", filepath.Base(file), i)
			}
		}
	}
	if count < 5000 {
		t.Errorf("%d resources, want thousands", count)
	}
}

// claims are the errors that published records have by US Core 6.1, which
// they were not made for: type and rule, and why.
var claims = map[string]string{
	"Location min": "one place has no name, which US Core asks for",
}

// What validation says of records that are held to US Core is said of a
// reason.
func TestValidateUSCore(t *testing.T) {
	of := map[string]string{
		"Patient": "us-core-patient", "AllergyIntolerance": "us-core-allergyintolerance", "Immunization": "us-core-immunization",
		"Procedure": "us-core-procedure", "Encounter": "us-core-encounter", "MedicationRequest": "us-core-medicationrequest",
		"Practitioner": "us-core-practitioner", "Organization": "us-core-organization", "Location": "us-core-location",
	}
	v := newValidator(t)
	for typ, name := range of {
		file := haletest.Data(t, "fhir/bulk-10-ndjson/"+typ+".000.ndjson")
		for line := range strings.Lines(read(t, file)) {
			list := v.Validate(parse(t, strings.TrimSpace(line)), "http://hl7.org/fhir/us/core/StructureDefinition/"+name)
			for _, i := range list {
				if key := typ + " " + i.Rule; i.Severity == profile.Error && claims[key] == "" {
					t.Errorf("%s: %+v", key, i)
				}
			}
		}
	}
}

// Each invariant of each type and profile is FHIRPath that can be compiled.
func TestInvariantsCompile(t *testing.T) {
	l, err := facts.Open()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range l.Entries() {
		if e.Kind != facts.StructureKind {
			continue
		}
		_, s, _ := l.Structure(e.URL + "|" + e.Version)
		if s == nil {
			t.Fatalf("no %s", e.URL)
		}
		for _, el := range s.Elements {
			for _, r := range el.Rules {
				if seen[r.Text] {
					continue
				}
				seen[r.Text] = true
				if err := profile.Compiles(r.Text); err != nil {
					t.Errorf("%s %s %s: %v", e.URL, r.Key, r.Text, err)
				}
			}
		}
	}
	if len(seen) < 200 {
		t.Errorf("%d invariants, want hundreds", len(seen))
	}
}

// Every type and every profile compiles.
func TestEverythingCompiles(t *testing.T) {
	l, err := facts.Open()
	if err != nil {
		t.Fatal(err)
	}
	v := newValidator(t)
	for _, e := range l.Entries() {
		if e.Kind != facts.StructureKind || !fhir.IsType(e.Of) {
			continue
		}
		list := v.Validate(parse(t, `{"resourceType":"`+e.Of+`","id":"x"}`), e.URL+"|"+e.Version)
		if slices.ContainsFunc(list, func(i profile.Issue) bool { return i.Rule == "profile" }) {
			t.Errorf("%s is not known: %+v", e.URL, list)
		}
	}
}
