package web_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hale/internal/face/web"
)

// Every icon that a page names is there, and no other is carried along.
func TestIcons(t *testing.T) {
	named := map[string]bool{}
	call := regexp.MustCompile(`(?:Icon\(|[iI]con: +|Empty\()"([a-z0-9-]+)"`)
	text := regexp.MustCompile(`"([a-z][a-z0-9-]*)"`)
	files, err := filepath.Glob("../*/*")
	if err != nil {
		t.Fatal(err)
	}
	demo, err := filepath.Glob("../../demo/*/*") // the town's phones are pages too
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, demo...)
	anywhere := map[string]bool{} // names that a function may return
	for _, f := range files {
		if !strings.HasSuffix(f, ".templ") && (!strings.HasSuffix(f, ".go") || strings.HasSuffix(f, "_templ.go") || strings.HasSuffix(f, "_test.go")) {
			continue
		}
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllStringSubmatch(string(body), -1) {
			named[m[1]] = true
			if !web.HasIcon(m[1]) {
				t.Errorf("%s names the icon %q, which is not in icons/", f, m[1])
			}
		}
		for _, m := range text.FindAllStringSubmatch(string(body), -1) {
			anywhere[m[1]] = true
		}
	}
	drawn, err := filepath.Glob("icons/*.svg")
	if err != nil || len(drawn) == 0 || len(named) == 0 {
		t.Fatalf("%d icons drawn, %d named, %v", len(drawn), len(named), err)
	}
	for _, f := range drawn {
		if name := strings.TrimSuffix(filepath.Base(f), ".svg"); !anywhere[name] {
			t.Errorf("no page names the icon %q: take it out of icons/", name)
		}
	}
}
