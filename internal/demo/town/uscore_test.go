package town_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path"
	"strings"
	"testing"

	"hale/internal/haletest"
)

// profile is what a US Core StructureDefinition demands.
type profile struct {
	URL      string
	Type     string
	Snapshot struct {
		Element []struct {
			ID, Path  string
			SliceName string
			Min       int
			Max       string
			PatternCodeableConcept, PatternString,
			FixedURI any
		}
	}
}

// profiles reads the package of US Core 6.1.
func profiles(t *testing.T) map[string]profile {
	t.Helper()
	f, err := os.Open(haletest.Data(t, "fhir/us-core/us_core_610.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]profile{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if ok, _ := path.Match("package/StructureDefinition-us-core-*.json", h.Name); !ok {
			continue
		}
		var p profile
		if err := json.NewDecoder(r).Decode(&p); err != nil {
			t.Fatal(err)
		}
		all[p.URL] = p
	}
}

// TestUSCore holds each resource against the profile it names: each element
// that the profile demands is there, and none that it rules out.
func TestUSCore(t *testing.T) {
	all := profiles(t)
	_, b := generate(t, 6, 150)
	checked := map[string]int{}
	for line := range bytes.Lines(b) {
		var r map[string]any
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		meta, _ := r["meta"].(map[string]any)
		if meta == nil {
			continue
		}
		url := meta["profile"].([]any)[0].(string)
		p, ok := all[url]
		if !ok {
			t.Fatalf("%s names profile %s, which US Core 6.1 does not have", r["id"], url)
		}
		if p.Type != r["resourceType"] {
			t.Fatalf("%s is a %s under a profile for %s", r["id"], r["resourceType"], p.Type)
		}
		checked[path.Base(url)]++
		for _, e := range p.Snapshot.Element {
			if strings.Contains(e.ID, ":") { // slices are told apart by patterns; the codes are tested elsewhere
				continue
			}
			steps := strings.Split(e.Path, ".")[1:]
			if len(steps) > 0 {
				demand(t, r, steps, e.Min, e.Max, e.Path, r["id"])
			}
		}
	}
	t.Log(checked)
	if len(checked) < 17 {
		t.Errorf("profiles in use = %d, want at least 17", len(checked))
	}
}

// demand checks min and max of the last step in each parent that is there.
func demand(t *testing.T, node any, steps []string, least int, most, where string, id any) {
	t.Helper()
	switch n := node.(type) {
	case []any:
		for _, v := range n {
			demand(t, v, steps, least, most, where, id)
		}
	case map[string]any:
		v, ok := element(n, steps[0])
		if len(steps) > 1 {
			if ok {
				demand(t, v, steps[1:], least, most, where, id)
			}
			return
		}
		count := 0
		if ok {
			count = 1
			if list, many := v.([]any); many {
				count = len(list)
			}
		}
		if count < least || most == "0" && count > 0 || most == "1" && count > 1 {
			t.Errorf("%v: %s is there %d times, want %d..%s", id, where, count, least, most)
		}
	}
}

// element finds a child; value[x] stands for valueQuantity and the like.
func element(n map[string]any, name string) (any, bool) {
	if base, ok := strings.CutSuffix(name, "[x]"); ok {
		for k, v := range n {
			if strings.HasPrefix(k, base) {
				return v, true
			}
		}
		return nil, false
	}
	v, ok := n[name]
	return v, ok
}
