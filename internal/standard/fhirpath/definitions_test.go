package fhirpath_test

import (
	"encoding/json"
	"os"
	"testing"

	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
)

// definitions are what the tests read of a file of R4's definitions.
type definitions struct {
	Entry []struct {
		Resource struct {
			ResourceType, Code, Expression string
			Base                           []string
			Snapshot                       struct {
				Element []struct {
					Path       string
					Constraint []struct{ Key, Expression string }
				}
			}
		}
	}
}

// ruled is an expression of R4 with the type or element it is about.
type ruled struct{ key, path, text string }

func readDefinitions(t testing.TB) (searches, invariants []ruled) {
	t.Helper()
	seen := map[ruled]bool{}
	for _, name := range []string{"profiles-types.json", "profiles-resources.json", "extension-definitions.json", "search-parameters.json"} {
		data, err := os.ReadFile(testdata(t, "fhir", "r4-definitions", name))
		if err != nil {
			t.Skip(err)
		}
		var d definitions
		if err := json.Unmarshal(data, &d); err != nil {
			t.Fatal(err)
		}
		for _, e := range d.Entry {
			if e.Resource.Expression != "" {
				for _, base := range e.Resource.Base {
					searches = append(searches, ruled{e.Resource.Code, base, e.Resource.Expression})
				}
			}
			for _, el := range e.Resource.Snapshot.Element {
				for _, c := range el.Constraint {
					r := ruled{c.Key, el.Path, c.Expression}
					if c.Expression != "" && !seen[r] {
						seen[r] = true
						invariants = append(invariants, r)
					}
				}
			}
		}
	}
	return searches, invariants
}

// TestDefinitionsCompile compiles every search parameter and every invariant
// of R4.
func TestDefinitionsCompile(t *testing.T) {
	searches, invariants := readDefinitions(t)
	for _, r := range append(searches, invariants...) {
		if _, err := fhirpath.Compile(r.text); err != nil {
			t.Errorf("%s of %s: %s: %v", r.key, r.path, r.text, err)
		}
	}
	if len(searches) < 1300 || len(invariants) < 1000 {
		t.Errorf("there are %d search parameters and %d invariants, want more", len(searches), len(invariants))
	}
	t.Logf("compiled %d search parameters and %d invariants", len(searches), len(invariants))
}

// oddities are expressions of R4's that name what is not there, by where
// they stand.
var oddities = map[string]string{
	"cid-0 of ChargeItemDefinition": "a charge item definition has a title and no name",
	"inv-1 of Extension":            "an extension's own rule, which is about what it extends",
}

// TestDefinitionsCheck holds every search parameter and every invariant of
// R4 against the type it is about.
func TestDefinitionsCheck(t *testing.T) {
	searches, invariants := readDefinitions(t)
	for i := range searches {
		searches[i].path = "Resource" // one expression for several types
	}
	for _, r := range append(searches, invariants...) {
		e, err := fhirpath.Compile(r.text)
		if err != nil || fhir.TypeOf(r.path) == nil {
			continue
		}
		reason := oddities[r.key+" of "+r.path]
		if err := e.Check(r.path); (err != nil) != (reason != "") {
			t.Errorf("%s of %s: %s: %v", r.key, r.path, r.text, err)
		}
	}
}
