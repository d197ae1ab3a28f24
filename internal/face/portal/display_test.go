package portal_test

import (
	"strings"
	"testing"

	"hale/internal/haletest"
)

// Whoever wants large letters and calm pages gets them on this device, signed
// in or not, and can take it back.
func TestDisplay(t *testing.T) {
	v := newGate(t, haletest.SQLite(t)).visitor(t)
	is := func(class string) {
		t.Helper()
		if p := v.get("/signin"); !strings.Contains(p.body, `class="`+class+`">`) {
			t.Errorf("the page's first element is not of class %q: %.120s", class, p.body)
		}
	}
	is("")
	if p := v.post("/display", "size", "huge", "calm", "yes"); p.to != "/display?done=yes" {
		t.Errorf("saving leads to %q", p.to)
	}
	is("huge calm")
	if p := v.get("/display?done=yes"); !strings.Contains(p.body, "Saved. This is how pages look now.") || !strings.Contains(p.body, `value="huge" checked`) {
		t.Errorf("the page does not say what was chosen: %s", p.body)
	}
	if p := v.post("/display", "size", "", "next", "/m/token12345/message"); p.to != "/m/token12345/message" {
		t.Errorf("the button of a link's page leads to %q", p.to)
	}
	is("calm") // a page that asks for letters alone leaves the rest
	if p := v.post("/display", "size", "x\" onload=\"y", "next", "//evil.example"); p.to != "/display?done=yes" {
		t.Errorf("a strange address to go back to leads to %q", p.to)
	}
	v.post("/display", "size", "enormous")
	is("")
}
