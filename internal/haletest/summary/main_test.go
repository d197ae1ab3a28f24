package main

import (
	"strings"
	"testing"
)

func TestSummarise(t *testing.T) {
	const passed = `{"Action":"output","Package":"hale/a","Test":"TestX","Output":"fine\n"}
{"Action":"pass","Package":"hale/a","Test":"TestX"}
{"Action":"output","Package":"hale/a","Test":"TestY","Output":"    y_test.go:3: skipped: no server\n"}
{"Action":"skip","Package":"hale/a","Test":"TestY"}
{"Action":"pass","Package":"hale/a","Elapsed":1.5}
`
	const failed = `{"Action":"output","Package":"hale/b","Test":"TestZ","Output":"got 1\n"}
{"Action":"fail","Package":"hale/b","Test":"TestZ"}
{"Action":"fail","Package":"hale/b"}
`
	const unbuilt = `{"Action":"build-output","ImportPath":"hale/c","Output":"c.go:1: no\n"}
{"Action":"fail","Package":"hale/c"}
`
	tests := []struct {
		name, in string
		ok       bool
		want     []string
		not      string
	}{
		{"passes", passed, true, []string{"ok    a", "skipped 1: no server", "1 tests passed, 0 failed, 1 skipped in 1 packages, 0"}, "fine"},
		{"a test fails", passed + failed, false, []string{"got 1", "FAIL  b", "1 failed"}, "fine"},
		{"does not build", unbuilt, false, []string{"c.go:1: no", "FAIL  c"}, ""},
		{"nothing ran", "", false, []string{"0 packages"}, ""},
		{"other lines", "go: downloading\n" + passed, true, []string{"go: downloading"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			ok, err := summarise(strings.NewReader(tt.in), &out)
			if ok != tt.ok || err != nil {
				t.Errorf("summarise = %v, %v; want %v", ok, err, tt.ok)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("summary lacks %q:\n%s", want, out.String())
				}
			}
			if tt.not != "" && strings.Contains(out.String(), tt.not) {
				t.Errorf("summary holds %q of a test that passed", tt.not)
			}
		})
	}
}
