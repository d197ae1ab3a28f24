package clients_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/demo/town"
	"hale/internal/haletest"
)

// installed returns where a package of npm is, or skips the test.
func installed(t *testing.T, folder, name string) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("skipped: no Node")
	}
	at, err := filepath.Abs("../../../.bin/" + folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(at, "node_modules", filepath.FromSlash(name))); err != nil {
		t.Skipf("skipped: no %s in .bin/%s; scripts/install-test-tools.sh installs it", name, folder)
	}
	return at
}

// node runs a script of testdata and returns the lines that it writes.
func node[T any](t *testing.T, script string, args ...string) []T {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, "node", append([]string{"--no-warnings", "testdata/" + script}, args...)...)
	var out, failed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failed
	err := cmd.Run()
	if text := failed.String(); err != nil {
		t.Fatalf("%s: %v: %s", script, err, text[max(0, len(text)-1500):]) // the end; minified sources stand before it
	}
	var list []T
	lines := bufio.NewScanner(&out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var one T
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatalf("%s wrote %q: %v", script, lines.Text(), err)
		}
		list = append(list, one)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestClients lets others' programs at a whole Hale.
func TestClients(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: short")
	}
	kit := installed(t, "fhirkit", "fhir-kit-client")
	t.Run("sqlite", func(t *testing.T) { meet(t, kit, "sqlite:"+filepath.Join(t.TempDir(), "hale.db")) })
	t.Run("postgres", func(t *testing.T) { meet(t, kit, haletest.EmptyPostgres(t)) })
}

func meet(t *testing.T, kit, database string) {
	h := serve(t, database)
	h.forms(t)
	answers := filepath.Join(t.TempDir(), "answers.ndjson")
	ask, err := json.Marshal(map[string]string{
		"folder": kit, "base": h.base + "/fhir", "pages": h.base, "key": h.key, "writer": h.writer, "reader": h.reader, "patient": town.Maria, "answers": answers,
	})
	if err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(t.TempDir(), "ask.json")
	if err := os.WriteFile(settings, ask, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("fhir-kit-client walks the API", func(t *testing.T) { walk(t, settings) })
	if strings.HasPrefix(database, "sqlite:") { // what is answered is the same on both engines, and the validator slow
		t.Run("medplum validates what was answered", func(t *testing.T) { validate(t, answers) })
	}
}

// walk runs every step of walk.mjs.
func walk(t *testing.T, settings string) {
	type told struct{ Step, Problem string }
	steps := node[told](t, "walk.mjs", settings)
	for _, s := range steps {
		if s.Problem != "" {
			t.Errorf("%s: %s", s.Step, s.Problem)
		}
	}
	if len(steps) < 49 {
		t.Errorf("%d steps, want all", len(steps))
	}
	t.Logf("%d steps", len(steps))
}

// finding is one that the validator makes.
type finding struct {
	From, Type, ID, Profile, Severity, Text, At string

	Seen, Profiles map[string]int // in the last line alone: how many of what were shown
}

// apart are findings that the validator is wrong about, each with the reason.
var apart = []struct{ typ, profile, text, at, reason string }{}

func (f finding) apart() string {
	for _, a := range apart {
		if (a.typ == "" || a.typ == f.Type) && (a.profile == "" || strings.Contains(f.Profile, a.profile)) && strings.Contains(f.Text, a.text) && strings.Contains(f.At, a.at) {
			return a.reason
		}
	}
	return ""
}

// validate shows medplum's validator what was answered.
func validate(t *testing.T, answers string) {
	medplum := installed(t, "medplum", "@medplum/core")
	out := node[finding](t, "validate.cjs", medplum, answers, usCore(t))
	if len(out) == 0 {
		t.Fatal("the validator said nothing")
	}
	last, said := out[len(out)-1], map[string]bool{}
	spoiled := 0
	for _, f := range out[:len(out)-1] {
		why := f.apart()
		switch line := f.Type + " " + f.Profile + " " + f.Severity + " " + f.Text + " " + f.At; {
		case f.From == "spoiled":
			spoiled++
		case said[line]:
		case why != "":
			said[line] = true
			t.Logf("not held against it: %s: %s", line, why)
		default:
			said[line] = true
			t.Errorf("%s %s (%s): %s", f.Type, f.ID, f.From, line)
		}
	}
	if spoiled < 3 {
		t.Errorf("the validator finds %d things in what is spoiled, want 3", spoiled)
	}
	for _, typ := range emitted {
		if last.Seen[typ] == 0 {
			t.Errorf("no %s was answered", typ)
		}
	}
	total := 0
	for _, n := range last.Seen {
		total += n
	}
	t.Logf("%d resources of %d types, %d profiles: %v %v", total, len(last.Seen), len(last.Profiles), last.Seen, last.Profiles)
}

// emitted are the types that the town, the forms and the operations make.
var emitted = []string{
	"AllergyIntolerance", "Appointment", "Binary", "Bundle", "CapabilityStatement", "Composition", "Condition", "Consent", "DiagnosticReport",
	"DocumentReference", "Encounter", "Endpoint", "Goal", "Group", "Immunization", "Location", "MedicationRequest", "Observation", "OperationDefinition", "OperationOutcome",
	"Organization", "Parameters", "Patient", "Practitioner", "PractitionerRole", "Procedure", "Provenance", "RelatedPerson", "Schedule", "Slot",
	"Subscription", "TerminologyCapabilities", "ValueSet",
}

// usCore writes the profiles of US Core into a file, where they are at hand.
func usCore(t *testing.T) string {
	t.Helper()
	if os.Getenv("HALE_TESTDATA") == "" {
		t.Log("HALE_TESTDATA names no folder: US Core is taken from what medplum ships")
		return ""
	}
	f, err := os.Open(haletest.Data(t, "fhir/us-core/us_core_700.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var list []json.RawMessage
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if name := path.Base(h.Name); path.Dir(h.Name) != "package" || !strings.HasPrefix(name, "StructureDefinition-") {
			continue
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, slices.Clone(text))
	}
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(t.TempDir(), "profiles.json")
	if err := os.WriteFile(at, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return at
}
