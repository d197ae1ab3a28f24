package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"hale/internal/haletest"
	"hale/internal/store/db"
)

// A patient chooses how the clinic writes; a helper who may not edit that
// neither sees it nor changes it.
func TestWishes(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		page := h.get(t, "maria", "/wishes")
		checkPage(t, page.body)
		if page.code != http.StatusOK || !strings.Contains(page.body, "<h1>How we write to you</h1>") {
			t.Fatalf("the page = %d: %s", page.code, page.body)
		}
		form := url.Values{"first": {"email"}, "lang": {"en"}, "pace": {"daily"}, "may": {"email", "voice"}}
		for _, who := range []string{"rosa", "driver"} {
			if a := h.get(t, who, "/for/maria/wishes"); a.code == http.StatusOK {
				t.Errorf("%s sees the choices", who)
			}
			if a := h.post(t, who, "/for/maria/wishes", form); a.code == http.StatusSeeOther {
				t.Errorf("%s changes the choices", who)
			}
		}
		saved := h.post(t, "maria", "/wishes", form)
		if saved.code != http.StatusSeeOther || saved.to != "/wishes?done=1" {
			t.Fatalf("saving = %d to %q: %s", saved.code, saved.to, saved.body)
		}
		again := h.get(t, "maria", saved.to)
		checkPage(t, again.body)
		if !strings.Contains(again.body, "<h1>Your choices are saved</h1>") || !strings.Contains(again.body, `value="daily" checked`) {
			t.Error("the page does not show what was chosen")
		}
	})
}
