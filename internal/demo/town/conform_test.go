package town_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"hale/internal/demo/town"
	"hale/internal/standard/facts"
	"hale/internal/standard/fhir"
	conformity "hale/internal/standard/profile"
	"hale/internal/standard/terms"
)

// softly are places where the town has a code of its own beside a binding
// that only asks for others.
var softly = map[string]bool{"DocumentReference.content[0].format": true, "Encounter.meta.security[0]": true}

// Everything that the town holds conforms to R4 and to the profiles of US
// Core that it claims.
func TestTownConforms(t *testing.T) {
	library, err := facts.Open()
	if err != nil {
		t.Fatal(err)
	}
	v := conformity.New(library, terms.New(library))
	var out bytes.Buffer
	if _, err := town.Generate(&out, 1, 400, time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	seen, claims := map[string]int{}, 0
	for line := range strings.Lines(out.String()) {
		n, err := fhir.Parse([]byte(strings.TrimSpace(line)))
		if err != nil {
			t.Fatal(err)
		}
		if n.Get("meta", "profile").Exists() {
			claims++
		}
		for _, i := range v.Validate(n) {
			if i.Severity == conformity.Warning && softly[i.Path] {
				continue
			}
			key := strings.Join([]string{string(i.Severity), i.Rule, i.Path, i.Profile, i.Text}, " ")
			if seen[key]++; seen[key] == 1 {
				t.Errorf("%s/%s: %s", n.Get("resourceType").Text(), n.Get("id").Text(), key)
			}
		}
	}
	if claims == 0 {
		t.Error("nothing claims a profile")
	}
}
