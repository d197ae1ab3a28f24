package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"hale/internal/standard/ccda"
)

// small is a record to take out.
const small = `{"resourceType":"Patient","id":"p1","birthDate":"1961-04-27","name":[{"family":"Probe","given":["Ada"]}],"managingOrganization":{"reference":"Organization/o1"}}
{"resourceType":"Organization","id":"o1","name":"Riverside"}
{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/p1"},"code":{"text":"Asthma"},"onsetDateTime":"2020-02-03","clinicalStatus":{"coding":[{"code":"resolved"}]},"abatementDateTime":"2021"}
{"resourceType":"Observation","id":"b1","subject":{"reference":"Patient/p1"},"status":"final","code":{"text":"Weight"},"effectiveDateTime":"2026-01-02","valueQuantity":{"value":70.50,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"},"category":[{"coding":[{"code":"vital-signs"}]}]}
{"resourceType":"Condition","id":"c2","subject":{"reference":"Patient/p1"},"code":{"text":"SecretWord"},"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]}}
{"resourceType":"Patient","id":"p2","birthDate":"1961"}
`

// whoAndWhy is what every export has to say.
var whoAndWhy = []string{"--recipient", "Dr. Lee", "--purpose", "care elsewhere", "--quiet"}

func (s *shell) export(want int, args ...string) string {
	s.t.Helper()
	out, fault := s.run(want, append(append([]string{"export"}, whoAndWhy...), args...)...)
	return out + fault
}

func settled(t *testing.T, text string) *shell {
	t.Helper()
	s := newShell(t)
	s.run(0, "init")
	name := filepath.Join(t.TempDir(), "in.ndjson")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(0, "import", name)
	return s
}

// resources reads the resources of a folder by reference, without what the
// reading itself writes.
func resources(t *testing.T, dir string) map[string]any {
	t.Helper()
	found := map[string]any{}
	add := func(m map[string]any) {
		meta, _ := m["meta"].(map[string]any)
		delete(meta, "versionId")
		delete(meta, "lastUpdated")
		if len(meta) == 0 {
			delete(m, "meta")
		}
		found[m["resourceType"].(string)+"/"+m["id"].(string)] = m
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s holds %v, %v", dir, files, err)
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is readable by others: %v, %v", name, info.Mode(), err)
		}
		body, _ := os.ReadFile(name)
		if strings.HasSuffix(name, ".ndjson") {
			for line := range strings.Lines(string(body)) {
				var m map[string]any
				if err := json.Unmarshal([]byte(line), &m); err != nil {
					t.Fatal(err)
				}
				add(m)
			}
			continue
		}
		var b struct {
			Entry []struct{ Resource map[string]any }
		}
		if err := json.Unmarshal(body, &b); err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Entry {
			add(e.Resource)
		}
	}
	return found
}

// What export writes, import reads, and it is the same.
func TestExportComesBack(t *testing.T) {
	for _, format := range []string{"bundle", "ndjson"} {
		t.Run(format, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			s := settled(t, small)
			contains(t, "export", s.export(0, "--everyone", "--protected", "--format", format, "--out", out), "2 patients")
			first := resources(t, out)
			if len(first) != 6 {
				t.Errorf("export wrote %d resources, want all 6", len(first))
			}
			other := newShell(t)
			other.run(0, "init")
			other.run(0, "import", out)
			again := filepath.Join(t.TempDir(), "again")
			other.export(0, "--everyone", "--protected", "--format", format, "--out", again)
			if second := resources(t, again); !reflect.DeepEqual(first, second) {
				t.Errorf("what came back differs:\n%v\n%v", first, second)
			}
		})
	}
}

// Export leaves out what is protected and what lies outside the days, and
// writes over nothing.
func TestExport(t *testing.T) {
	s := settled(t, small)
	dir := t.TempDir()
	s.export(0, "--patient", "p1", "--out", filepath.Join(dir, "plain"))
	plain := resources(t, filepath.Join(dir, "plain"))
	if plain["Condition/c2"] != nil || plain["Condition/c1"] == nil || plain["Patient/p2"] != nil {
		t.Errorf("the export of p1 has %v", plain)
	}
	contains(t, "a second export", s.export(1, "--patient", "p1", "--out", filepath.Join(dir, "plain")), "something at that place already")
	s.export(0, "--patient", "p1", "--from", "2026-01-01", "--to", "2026-01-02", "--format", "ndjson", "--out", filepath.Join(dir, "days"))
	days := resources(t, filepath.Join(dir, "days"))
	if days["Condition/c1"] != nil || days["Observation/b1"] == nil {
		t.Errorf("the export of two days has %v", days)
	}
	s.export(0, "--patient", "p1", "--format", "ccd", "--out", filepath.Join(dir, "ccd"))
	body, err := os.ReadFile(filepath.Join(dir, "ccd", "p1.xml"))
	if bad := ccda.Check(strings.NewReader(string(body))); err != nil || len(bad) > 0 || !strings.Contains(string(body), "Asthma") || strings.Contains(string(body), "SecretWord") {
		t.Errorf("the CCD: %v, %v", bad, err)
	}
	s.export(0, "--patient", "p1", "--format", "ips", "--out", filepath.Join(dir, "ips"))
	if ips := resources(t, filepath.Join(dir, "ips")); ips["Organization/o1"] == nil || ips["Condition/c1"] == nil {
		t.Errorf("the summary has %v", ips)
	}
	contains(t, "an unknown patient", s.export(1, "--patient", "nobody", "--out", filepath.Join(dir, "none")), "no such patient")
	if _, err := os.Stat(filepath.Join(dir, "none.part")); err == nil {
		t.Error("a failed export leaves a part of itself")
	}
	for _, args := range [][]string{{"--patient", "p1"}, {"--out", "x"}, {"--patient", "p1", "--everyone", "--out", "x"}, {"--patient", "p1", "--out", "x", "--format", "pdf"}, {"--patient", "p1", "--out", "x", "--from", "soon"}} {
		s.export(2, args...)
	}
}
