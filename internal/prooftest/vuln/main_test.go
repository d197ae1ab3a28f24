package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	const head = `{"config":{"db_last_modified":"2026-08-12T17:01:02Z"}}`
	finding := func(at string) string {
		return `{"finding":{"osv":"GO-2026-0001","trace":[` + at + `]}}`
	}
	const (
		call = `{"module":"a","package":"a/b","function":"F"}`
		use  = `{"module":"a","package":"a/b"}`
		need = `{"module":"a"}`
	)
	tests := []struct {
		name, in, known, want string
	}{
		{"nothing", head, "", ""},
		{"in a module only", head + finding(need), "", ""},
		{"called", head + finding(need) + finding(call) + finding(use), "", "GO-2026-0001"},
		{"imported", head + finding(use) + finding(need), "", "GO-2026-0001"},
		{"imported and explained", head + finding(use), "GO-2026-0001 is for Windows", ""},
		{"explained and gone", head, "GO-2026-0001 is for Windows", "take it off"},
		{"no reason", head, "GO-2026-0001", "no reason"},
		{"not a report", `{}`, "", "not what govulncheck writes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "known")
			if err := os.WriteFile(file, []byte("# why\n"+tt.known+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			err := run(strings.NewReader(tt.in), io.Discard, file, "")
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("run = %v, want %q", err, tt.want)
			}
		})
	}
}
