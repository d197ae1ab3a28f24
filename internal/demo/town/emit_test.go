package town_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hale/internal/demo/town"
	"hale/internal/standard/fhir"
)

// emitted is how many resources of one type are written at most.
const emitted = 200

// TestEmit writes what the town holds into the folder that HALE_EMIT names,
// one file of lines for each type, so that other validators can be asked
// about it:
//
//	HALE_EMIT=/tmp/town go test -run TestEmit ./internal/demo/town
func TestEmit(t *testing.T) {
	folder := os.Getenv("HALE_EMIT")
	if folder == "" {
		t.Skip("HALE_EMIT names no folder")
	}
	var out bytes.Buffer
	if _, err := town.Generate(&out, 1, 200, time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	files, counts := map[string]*bytes.Buffer{}, map[string]int{}
	for line := range strings.Lines(out.String()) {
		n, err := fhir.Parse([]byte(strings.TrimSpace(line)))
		if err != nil {
			t.Fatal(err)
		}
		typ := n.Get("resourceType").Text()
		if counts[typ]++; counts[typ] > emitted {
			continue
		}
		if files[typ] == nil {
			files[typ] = new(bytes.Buffer)
		}
		files[typ].WriteString(strings.TrimSpace(line) + "\n")
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	for typ, b := range files {
		if err := os.WriteFile(filepath.Join(folder, typ+".ndjson"), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d types: %v", len(files), counts)
}
