package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hale/internal/haletest"
)

// report is what import --json prints.
type report struct {
	Counts    map[string]int
	Unchanged int
	Resources int
	Bad       []struct {
		File, Place, Reason string
		Entry               int
	}
}

func parseReport(t *testing.T, out string) report {
	t.Helper()
	var r report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("import --json = %q: %v", out, err)
	}
	return r
}

func TestImportRealPatients(t *testing.T) {
	dir := haletest.Data(t, "fhir/synthea")
	s := newShell(t)
	s.run(0, "init")
	out, _ := s.run(0, "import", "--json", dir)
	first := parseReport(t, out)
	if first.Counts["Patient"] != 24 || first.Counts["Observation"] != 2287 || len(first.Bad) != 0 {
		t.Errorf("import = %+v, want 24 patients, 2287 observations, nothing bad", first)
	}
	out, _ = s.run(0, "import", "--json", dir)
	if again := parseReport(t, out); len(again.Counts) != 0 || again.Unchanged != first.Resources {
		t.Errorf("a second import = %+v, want all %d unchanged", again, first.Resources)
	}
	out, _ = s.run(0, "import", filepath.Join(filepath.Dir(dir), "bulk-10-ndjson"))
	contains(t, "import", out, "13  Patient", "Encounter", "skipped: log.ndjson")
}

func TestImportBad(t *testing.T) {
	s := newShell(t)
	s.run(0, "init")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good.ndjson": `{"resourceType":"Patient","id":"p1","birthDate":"1961-04-27"}` + "\n",
		"cut.json":    `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Patient","id":"p2"}`,
		"type.ndjson": `{"resourceType":"Patient","id":"p3","birthDate":1961}` + "\n",
		"who.ndjson":  `{"resourceType":"Dragon","id":"p4"}` + "\n",
		"half.json": `{"resourceType":"Bundle","type":"transaction","entry":[
			{"resource":{"resourceType":"Patient","id":"p5"},"request":{"method":"POST","url":"Patient"}},
			{"resource":{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"x"},"subject":{"reference":"urn:uuid:nobody"}},"request":{"method":"POST","url":"Observation"}}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, stderr := s.run(1, "import", dir)
	contains(t, "stderr", stderr, "3 could not be imported", "Everything else is in")
	contains(t, "stdout", out, "cut.json", "type.ndjson", "birthDate", "skipped: who.ndjson", "no resourceType of R4", "half.json", "entry 2")
	for _, line := range strings.Split(out, "\n") {
		if strings.HasPrefix(line, "not imported:") && strings.HasSuffix(strings.TrimSpace(line), ":") {
			t.Errorf("%q names no reason", line)
		}
	}
	out, _ = s.run(1, "import", "--json", dir)
	if r := parseReport(t, out); r.Unchanged != 1 || len(r.Counts) != 0 {
		t.Errorf("a second import = %+v, want p1 unchanged and nothing else: half a bundle must not be in", r)
	}
	_, stderr = s.run(1, "import", filepath.Join(dir, "nowhere"))
	contains(t, "import of nothing", stderr, "nowhere")
}

// The command knows both engines.
func TestImportPostgres(t *testing.T) {
	server := os.Getenv("HALE_TEST_POSTGRES")
	if server == "" {
		t.Skip("skipped: HALE_TEST_POSTGRES names no server; make test starts one")
	}
	s := newShell(t)
	s.run(0, "init")
	url := haletest.EmptyPostgres(t)
	path := filepath.Join(t.TempDir(), "one.ndjson")
	if err := os.WriteFile(path, fmt.Appendln(nil, `{"resourceType":"Patient","id":"p1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := s.run(0, "migrate", "--database", url)
	contains(t, "migrate", out, "up to date")
	out, _ = s.run(0, "import", "--database", url, path)
	contains(t, "import", out, "1  Patient")
	out, _ = s.run(0, "migrate", "--database", url)
	contains(t, "a second migrate", out, "0 migrations ran")
}
