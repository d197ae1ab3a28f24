package fhirpath_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/demo/town"
	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
)

// apart are expressions that the two engines do not agree on, each with the
// reason.
var apart = []struct{ is, holds, reason string }{
	{holds: "resolve()", reason: "the other engine resolves only by asking a server"},
	{holds: "%loinc", reason: "the other engine does not know %loinc, which R4 defines"},
	{holds: "text.div", reason: "the other engine takes div for the operator, though a name may follow a full stop"},
	{holds: "children().count()", reason: "the other engine counts resourceType, which is no element"},
	{holds: "descendants().count()", reason: "as above"},
	{is: "resourceType", reason: "as above"},
	{holds: "ofType(Extension)", reason: "the other engine does not know an extension inside descendants() for one"},
	{holds: "Resource.", reason: "the other engine takes a path that begins with the name of a base type for empty; R4's own search parameters begin so"},
	{is: "-(value as Quantity).value", reason: "the other engine refuses a minus before nothing, which is empty"},
	{holds: "(Observation.component.value as ", reason: "the other engine refuses as on a list; R4's own search parameters use it so"},
}

func differs(text string) string {
	for _, a := range apart {
		if a.is == text || a.holds != "" && strings.Contains(text, a.holds) {
			return a.reason
		}
	}
	return ""
}

// TestAgrees evaluates every search parameter, every invariant and the varied
// expressions below on the demo town's resources, here and with the npm
// engine.
func TestAgrees(t *testing.T) {
	folder, err := filepath.Abs("../../../.bin/fhirpath")
	if err != nil {
		t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("skipped: no Node")
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "fhirpath")); err != nil {
		t.Skip("skipped: no fhirpath in .bin/fhirpath; scripts/install-test-tools.sh installs it")
	}
	resources := townResources(t)
	expressions := townExpressions(t, resources)
	theirs := evaluateThere(t, node, folder, resources, expressions)
	compared, failing := 0, map[string]bool{}
	for i, n := range resources {
		env := fhirpath.Env{Now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
		for j, text := range expressions[n.Child("resourceType").Text()] {
			compared++
			if why := agree(n, env, text, theirs[i][j]); why != "" && !failing[text] {
				failing[text] = true
				t.Errorf("%s on %s: %s", text, n.Child("resourceType").Text(), why)
			}
		}
	}
	if compared < 10_000 {
		t.Errorf("compared %d results, want more", compared)
	}
	t.Logf("both engines agree on %d results of %d resources", compared, len(resources))
}

// result is what the npm engine says.
type result struct {
	Error  string
	Values []any
}

func agree(n fhir.Node, env fhirpath.Env, text string, there result) string {
	e, err := fhirpath.Compile(text)
	var out fhirpath.Collection
	if err == nil {
		out, err = e.Eval(env, n)
	}
	switch {
	case err != nil && there.Error != "":
		return ""
	case err != nil:
		return "fails here: " + err.Error()
	case there.Error != "":
		return "fails there: " + there.Error
	}
	here := []any{}
	for _, v := range out {
		here = append(here, asJSON(v))
	}
	if len(here) != len(there.Values) {
		return "gives " + dump(here) + " here and " + dump(there.Values) + " there"
	}
	for i := range here {
		if !alike(here[i], there.Values[i]) {
			return "gives " + dump(here) + " here and " + dump(there.Values) + " there"
		}
	}
	return ""
}

func dump(v any) string {
	b, _ := json.Marshal(v)
	return string(b[:min(len(b), 300)])
}

func asJSON(v fhirpath.Value) any {
	if n := v.Node(); n.Exists() {
		var out any
		_ = json.Unmarshal(n.Raw(), &out)
		return out
	}
	if b, ok := v.Bool(); ok {
		return b
	}
	if d, ok := v.Decimal(); ok {
		return d.Float()
	}
	return v.String()
}

func alike(a, b any) bool {
	x, okX := a.(float64)
	y, okY := b.(float64)
	if okX && okY {
		return x == y || math.Abs(x-y) < 1e-8*max(1, math.Abs(x))
	}
	return reflect.DeepEqual(a, b)
}

func townResources(t *testing.T) []fhir.Node {
	t.Helper()
	var b bytes.Buffer
	most, people := 12, 60
	if os.Getenv("HALE_DEEP") != "" {
		most, people = 1<<30, 200
	}
	if _, err := town.Generate(&b, 1, people, time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	var list []fhir.Node
	count := map[string]int{}
	for line := range bytes.Lines(b.Bytes()) {
		n, err := fhir.Parse(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		typ := n.Child("resourceType").Text()
		if count[typ]++; count[typ] <= most {
			list = append(list, n)
		}
	}
	return list
}

// townExpressions returns what to evaluate, by type.
func townExpressions(t *testing.T, resources []fhir.Node) map[string][]string {
	t.Helper()
	searches, invariants := readDefinitions(t)
	all := map[string][]string{}
	types := map[string]bool{}
	for _, n := range resources {
		types[n.Child("resourceType").Text()] = true
	}
	for typ := range types {
		list := slices.Clone(varied)
		for _, r := range searches {
			if r.path == typ || r.path == "Resource" || r.path == "DomainResource" {
				list = append(list, r.text)
			}
		}
		for _, r := range invariants {
			path := strings.ReplaceAll(r.path, "[x]", "")
			root, _, inner := strings.Cut(path, ".")
			switch {
			case root == typ && inner && r.key != "ele-1" && r.key != "ext-1":
				list = append(list, path+".select("+r.text+")")
			case path == typ:
				list = append(list, r.text)
			case path == root && fhir.TypeOf(root) != nil && fhir.TypeOf(root).Family == fhir.ComplexType && !fhir.TypeOf(root).Abstract:
				list = append(list, "descendants().ofType("+root+").select("+r.text+")")
			}
		}
		slices.Sort(list)
		for _, text := range slices.Compact(list) {
			if reason := differs(text); reason != "" {
				continue
			}
			all[typ] = append(all[typ], text)
		}
	}
	for _, a := range apart {
		t.Logf("not compared: %s%s: %s", a.is, a.holds, a.reason)
	}
	return all
}

func evaluateThere(t *testing.T, node, folder string, resources []fhir.Node, expressions map[string][]string) [][]result {
	t.Helper()
	dir := t.TempDir()
	var lines bytes.Buffer
	for _, n := range resources {
		lines.Write(n.Raw())
		lines.WriteByte('\n')
	}
	texts, err := json.Marshal(expressions)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"resources": lines.Bytes(), "expressions": texts} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(node, "testdata/evaluate.cjs", folder, filepath.Join(dir, "resources"), filepath.Join(dir, "expressions"))
	cmd.Env = append(os.Environ(), "TZ=UTC")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]result
	s := bufio.NewScanner(bytes.NewReader(out))
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		var list []result
		if err := json.Unmarshal(s.Bytes(), &list); err != nil {
			t.Fatal(err)
		}
		all = append(all, list)
	}
	if s.Err() != nil || len(all) != len(resources) {
		t.Fatalf("%d of %d resources were evaluated: %v", len(all), len(resources), s.Err())
	}
	return all
}
