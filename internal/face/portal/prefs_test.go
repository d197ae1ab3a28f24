package portal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/store/db"
)

// A patient asks to be called first; a result of that sort waits, the pages
// say until when and why, and nobody reads it. A change of mind shows it.
func TestPrefs(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		page := h.get(t, "maria", "/results/prefs")
		checkPage(t, page.body)
		if page.code != http.StatusOK || !strings.Contains(page.body, "<h1>How do you want to get your results?</h1>") {
			t.Fatalf("the choice = %d", page.code)
		}
		form := url.Values{"cancer": {"now"}, "genetic": {"call"}, "genetic-days": {"5"}, "sexual": {"now"}, "imaging": {"now"}}
		saved := h.post(t, "maria", "/results/prefs", form)
		if saved.code != http.StatusSeeOther {
			t.Fatalf("saving = %d: %s", saved.code, saved.body)
		}
		if again := h.get(t, "maria", saved.to); !strings.Contains(again.body, "<h1>Saved. This is how you get your results.</h1>") || !strings.Contains(again.body, `name="genetic" value="call" checked`) {
			t.Error("the page does not say that the choice is kept")
		}
		h.put(t, fmt.Sprintf(`{"resourceType":"Observation","id":"gene","status":"final","category":[{"coding":[{"code":"laboratory"}]}],
			"code":{"coding":[{"system":"http://loinc.org","code":"51969-4","display":"Genetic analysis summary report"}],"text":"Hereditary risk gene panel"},
			"subject":{"reference":"Patient/maria"},"effectiveDateTime":"%[1]s","issued":"%[1]s","valueString":"No change found."}`, haletest.Noon.Add(-time.Hour).Format(time.RFC3339)))
		list := h.get(t, "maria", "/health/results")
		checkPage(t, list.body)
		if !strings.Contains(list.body, "A result is waiting. It shows here on") || !strings.Contains(list.body, "You asked us to call you first") || strings.Contains(list.body, "gene panel") {
			t.Error("the list does not say that a result waits, or tells it")
		}
		if a := h.get(t, "maria", "/results/gene"); a.code != http.StatusNotFound || strings.Contains(a.body, "No change found") {
			t.Errorf("the result that waits = %d", a.code)
		}
		helper := h.get(t, "rosa", "/for/maria/health/results")
		if !strings.Contains(helper.body, "The patient asked us to call first") || strings.Contains(helper.body, "gene panel") {
			t.Error("a helper is not told that a result waits, or is told it")
		}
		if a := h.post(t, "rosa", "/for/maria/results/prefs", form); a.code == http.StatusSeeOther {
			t.Error("a helper who may not changes how results come")
		}
		if a := h.post(t, "maria", "/results/prefs", url.Values{"genetic": {"never"}}); a.code != http.StatusUnprocessableEntity {
			t.Errorf("a choice that is not offered = %d", a.code)
		}
		form.Set("genetic", "now")
		if a := h.post(t, "maria", "/results/prefs", form); a.code != http.StatusSeeOther {
			t.Fatalf("a change of mind = %d", a.code)
		}
		if a := h.get(t, "maria", "/results/gene"); a.code != http.StatusOK {
			t.Errorf("the result after the change of mind = %d", a.code)
		}
	})
}

// Who looked at a record is for the patient alone: a helper is told that it
// is not shared.
func TestLooksByHelper(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h, _, _ := watchedHouse(t, d)
		h.maria(t)
		for _, who := range []string{"rosa", "helper", "driver"} {
			if a := h.get(t, who, "/for/maria/looks"); !strings.Contains(a.body, "This is not shared with you") {
				t.Errorf("%s is not told that the looks are not shared: %d", who, a.code)
			}
			for _, path := range []string{"/for/maria/looks", "/for/maria/looks/file/looks.csv"} {
				a := h.get(t, who, path)
				if a.code != http.StatusForbidden && a.code != http.StatusNotFound || strings.Contains(a.body, "Lucía") {
					t.Errorf("%s reads %s: %d", who, path, a.code)
				}
			}
		}
	})
}
