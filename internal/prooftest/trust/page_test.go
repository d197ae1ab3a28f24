package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hale/internal/haletest"
)

const docs = "../../../docs"

// docs/TRUST.md is what the figures say, and nothing else.
func TestPageIsCurrent(t *testing.T) {
	want, err := Page(docs)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(docs, "TRUST.md"))
	if err != nil || string(got) != want {
		t.Errorf("docs/TRUST.md is not what its figures say (%v): go run ./internal/prooftest/trust -write", err)
	}
}

var testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)

// Every requirement is answered once, and every test that is named is there.
func TestRequirements(t *testing.T) {
	all, err := Requirements(filepath.Join(docs, "asvs.json"))
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	for id, r := range all {
		answers := 0
		for _, there := range []bool{len(r.Test) > 0, r.NA != "", r.Gap != ""} {
			if there {
				answers++
			}
		}
		if answers != 1 || r.Level < 1 || r.Level > 3 {
			t.Errorf("%s has %d answers at level %d, want one of test, na and gap", id, answers, r.Level)
		}
		for _, name := range r.Test {
			if !tests[name] {
				t.Errorf("%s names the test %s, which is not there", id, name)
			}
		}
	}
}

// Every test that docs/HIPAA.md names is there.
func TestHIPAA(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docs, "HIPAA.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z/]+\\.Test[A-Za-z]+)`").FindAllStringSubmatch(string(text), -1)
	if len(named) < 20 {
		t.Errorf("docs/HIPAA.md names %d tests, want one for each safeguard", len(named))
	}
	tests := testNames(t)
	for _, m := range named {
		if !tests[m[1]] {
			t.Errorf("docs/HIPAA.md names the test %s, which is not there", m[1])
		}
	}
}

// testNames returns every test, as package.Test.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		pkg := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../../")
		for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
			tests[pkg+"."+m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// The list of requirements is the standard's.
func TestRequirementsAreAll(t *testing.T) {
	text, err := os.ReadFile(haletest.Data(t, "security/asvs5.json"))
	if err != nil {
		t.Fatal(err)
	}
	var standard struct {
		Requirements []struct {
			ID string `json:"req_id"`
			L  string
		}
	}
	if err := json.Unmarshal(text, &standard); err != nil {
		t.Fatal(err)
	}
	all, err := Requirements(filepath.Join(docs, "asvs.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range standard.Requirements {
		if got, ok := all[r.ID]; !ok || r.L != string(rune('0'+got.Level)) {
			t.Errorf("%s is not in docs/asvs.json at level %s", r.ID, r.L)
		}
	}
	if len(all) != len(standard.Requirements) || len(all) != 345 {
		t.Errorf("docs/asvs.json has %d requirements, the standard %d", len(all), len(standard.Requirements))
	}
}
