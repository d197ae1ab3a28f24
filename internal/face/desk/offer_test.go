package desk

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"hale/internal/reach"
)

// Whoever writes an offer says at the desk what allows it; of no other
// purpose is that kept.
func TestOfferPermit(t *testing.T) {
	f := known()
	h := serve(t, f)
	last := func() reach.Outreach { return f.outreaches[len(f.outreaches)-1] }
	post := func(purpose, permit, paid string) (int, string) {
		w := ask(t, h, "marketer", "POST", "/desk/outreach/draft/edit/basics", url.Values{"name": {"Pumps"}, "purpose": {purpose}, "permit": {permit}, "paid": {paid}})
		return w.Code, w.Body.String()
	}
	if code, _ := post("marketing", "refill", ""); code != http.StatusSeeOther || last().Exception != reach.ForRefill || last().Paid {
		t.Errorf("an offer about a refill = %d, %+v", code, last())
	}
	if body := ask(t, h, "marketer", "GET", "/desk/outreach/draft/edit/basics", nil).Body.String(); !strings.Contains(body, `value="refill" checked`) {
		t.Error("what was chosen is not shown")
	}
	if code, body := post("marketing", "treatment", "1"); code != http.StatusUnprocessableEntity || !strings.Contains(body, "Somebody pays the clinic for this offer") {
		t.Errorf("a paid exception = %d", code)
	}
	if code, _ := post("marketing", "because", ""); code != http.StatusUnprocessableEntity {
		t.Errorf("an exception of one's own = %d", code)
	}
	if code, _ := post("marketing", "", "1"); code != http.StatusSeeOther || !last().Paid || last().Exception != "" {
		t.Errorf("a paid offer = %d, %+v", code, last())
	}
	if code, _ := post("care", "refill", "1"); code != http.StatusSeeOther || last().Paid || last().Exception != "" {
		t.Errorf("a reminder = %d, %+v", code, last())
	}
}
