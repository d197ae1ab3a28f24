package portal_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"hale/internal/access/proxy"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// SendInvite keeps the invitation.
func (h *house) SendInvite(_ context.Context, s proxy.Sent) error {
	h.sent = append(h.sent, s)
	return nil
}

// helpers is a store of helpers, with the accounts that the tests sign in to.
func (h *house) helpers(t testing.TB) *proxy.Store {
	t.Helper()
	ages, err := proxy.NewAges(time.UTC, "")
	if err != nil {
		t.Fatal(err)
	}
	err = h.db.Tx(t.Context(), func(tx *db.Tx) error {
		for _, a := range actors {
			if _, err := tx.ExecContext(t.Context(), `insert into account (id, kind, name, patient, created_at) values ($1, $2, $3, $4, 1) on conflict do nothing`, a.ID, string(a.Kind), a.Name, a.Patient); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return proxy.NewStore(h.db, haletest.IDs(), haletest.Clock(haletest.Noon), haletest.Key, h.rows, ages)
}

// A helper is invited in four steps, says yes with the code, and is out with
// one tap.
func TestInviteThroughPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		if a := h.get(t, "maria", "/people/invite"); a.code != http.StatusOK || !strings.Contains(a.body, "<h1>Who will help you?</h1>") {
			t.Fatalf("the first step = %d", a.code)
		}
		form := url.Values{"step": {"who"}, "name": {"Dan Driver"}, "address": {"dan@x.example"}}
		for _, step := range []struct{ title, name, value string }{{"What do you want to share?", "share", "rides"}, {"Until when?", "until", "6"}} {
			a := h.post(t, "maria", "/people/invite", form)
			checkPage(t, a.body)
			if !strings.Contains(a.body, "<h1>"+step.title+"</h1>") {
				t.Fatalf("the step after %s is not %q", form.Get("step"), step.title)
			}
			form = hidden(a.body)
			form.Set(step.name, step.value)
		}
		check := h.post(t, "maria", "/people/invite", form)
		for _, want := range []string{"<h1>Is this right?</h1>", "What Dan Driver will see", "Not: Test results", "Until Sep 2, 2026"} {
			if !strings.Contains(check.body, want) {
				t.Errorf("the last step does not say %q", want)
			}
		}
		if len(h.sent) != 0 {
			t.Fatal("it was sent before the last step")
		}
		done := h.post(t, "maria", "/people/invite", hidden(check.body))
		if done.code != http.StatusSeeOther || len(h.sent) != 1 {
			t.Fatalf("sending = %d, %d sent", done.code, len(h.sent))
		}
		page := h.get(t, "maria", done.to)
		checkPage(t, page.body)
		code := h.sent[0].Code
		if !strings.Contains(page.body, code[:3]+" "+code[3:]) || !strings.Contains(page.body, "<h1>The invitation is on its way</h1>") {
			t.Error("the page after sending does not tell the code")
		}
		h.join(t, h.sent[0], done.to)
	})
}

// hidden are the hidden fields of a page's first form.
func hidden(body string) url.Values {
	v := url.Values{}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(body, -1) {
		v.Add(m[1], m[2])
	}
	return v
}

func (h *house) join(t *testing.T, sent proxy.Sent, page string) {
	t.Helper()
	link := "/join/" + sent.Token
	first := h.get(t, "", link)
	if first.code != http.StatusOK || strings.Contains(first.body, "Maria") {
		t.Fatalf("the link = %d, or names the patient", first.code)
	}
	if a := h.get(t, "", link+"/offer"); a.to != link {
		t.Errorf("the offer without the code leads to %q", a.to)
	}
	if a := h.post(t, "", link+"/code", url.Values{"code": {"12"}}); a.code != http.StatusUnprocessableEntity || !strings.Contains(a.body, "did not work") {
		t.Errorf("a wrong code = %d", a.code)
	}
	right := h.post(t, "", link+"/code", url.Values{"code": {sent.Code}})
	cookie := right.head.Get("Set-Cookie")
	if right.code != http.StatusSeeOther || cookie == "" {
		t.Fatalf("the right code = %d", right.code)
	}
	ask := func(method, as, path string) answer {
		r, err := http.NewRequest(method, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Add("Cookie", strings.Split(cookie, ";")[0])
		return h.do(t, r, as)
	}
	if a := ask(http.MethodGet, "", link+"/offer"); !strings.Contains(a.body, "Maria Alvarez asks you to help") {
		t.Error("the offer does not say who asks")
	}
	if a := ask(http.MethodPost, "", link+"/yes"); !strings.HasPrefix(a.to, "/signin?next=/join/") {
		t.Errorf("yes without signing in leads to %q", a.to)
	}
	if a := ask(http.MethodPost, "driver", link+"/yes"); a.to != "/for?done=joined" {
		t.Fatalf("yes = %d to %q", a.code, a.to)
	}
	if a := ask(http.MethodGet, "driver", link+"/offer"); a.code != http.StatusNotFound {
		t.Errorf("the link after joining = %d", a.code)
	}
	path, _, _ := strings.Cut(page, "?")
	if a := h.get(t, "maria", "/people"); !strings.Contains(a.body, "Helps you") {
		t.Error("the list does not show the helper")
	}
	if a := h.get(t, "driver", "/for/maria/help"); a.code != http.StatusOK || !strings.Contains(a.body, "You are acting for") {
		t.Errorf("what is shared, for the helper = %d", a.code)
	}
	gone := h.post(t, "maria", path+"/end", nil)
	if gone.code != http.StatusSeeOther || !strings.Contains(h.get(t, "maria", gone.to).body, "Sharing with Dan Driver has stopped</h1>") {
		t.Errorf("ending = %d to %q", gone.code, gone.to)
	}
	if a := h.get(t, "sam", path); a.code != http.StatusNotFound {
		t.Errorf("another's helper = %d", a.code)
	}
}

// A helper sees a plain page for what was not shared, and no page leads
// there.
func TestClosedCategories(t *testing.T) {
	h := newHouse(t, haletest.SQLite(t))
	h.maria(t)
	closed := map[string][]string{
		"driver": {"/health/results", "/results/a1c-5", "/health/medicines", "/health/conditions", "/health/documents", "/documents/d1", "/inbox", "/inbox/msg1", "/book"},
		"helper": {"/health/results", "/results/a1c-5", "/health/allergies", "/health/vaccines", "/health/procedures", "/health/documents", "/documents/d1", "/inbox"},
	}
	open := map[string][]string{"driver": {"/home", "/visits", "/more"}, "helper": {"/home", "/health", "/health/medicines", "/visits", "/more"}}
	for who, paths := range closed {
		for _, path := range paths {
			a := h.get(t, who, "/for/maria"+path)
			if a.code != http.StatusNotFound || !strings.Contains(a.body, "This is not shared with you") || !strings.Contains(a.body, "You are acting for") {
				t.Errorf("%s at %s = %d, want the page that says it is not shared", who, path, a.code)
			}
			if strings.Contains(a.body, "7.4") || strings.Contains(a.body, "eye exam") {
				t.Errorf("%s at %s sees what was not shared", who, path)
			}
		}
		for _, path := range open[who] {
			a := h.get(t, who, "/for/maria"+path)
			if a.code != http.StatusOK || !strings.Contains(a.body, "You are acting for") {
				t.Errorf("%s at %s = %d, or without the banner", who, path, a.code)
			}
			for _, dead := range paths {
				if strings.Contains(a.body, `href="/for/maria`+dead+`"`) {
					t.Errorf("%s leads %s to %s, which is closed", path, who, dead)
				}
			}
		}
	}
	rows, err := h.rows.Of(t.Context(), "maria", 500)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, row := range rows {
		if !row.Granted && row.Actor == "a-driver" {
			refused++
		}
	}
	if refused != len(closed["driver"]) {
		t.Errorf("%d refusals are in the log, want %d", refused, len(closed["driver"]))
	}
}

// Whatever a patient asks has a page, a date and a way back.
func TestPrivacyThroughPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		if a := h.get(t, "maria", "/health/wrong?about=MedicationRequest/m1"); !strings.Contains(a.body, `href="/privacy/new/amend?about=MedicationRequest/m1"`) {
			t.Error("a medicine does not lead to a correction of it")
		}
		form := h.get(t, "maria", "/privacy/new/amend?about=MedicationRequest/m1")
		checkPage(t, form.body)
		if !strings.Contains(form.body, "About: Metformin 500 MG Oral Tablet") {
			t.Error("the form does not say what it is about")
		}
		if a := h.get(t, "sam", "/privacy/new/amend?about=MedicationRequest/m1"); a.code != http.StatusNotFound {
			t.Errorf("a correction of another's medicine = %d", a.code)
		}
		forms := map[string]url.Values{
			"amend":     {"about": {"MedicationRequest/m1"}, "words": {"I take one a day"}, "should": {"Once a day"}},
			"access":    {"form": {"paper"}},
			"restrict":  {"against": {"plan"}, "plan": {"Prairie Health"}, "paid": {"1"}},
			"contact":   {"channel": {"letter"}, "value": {"PO Box 12, Riverside"}},
			"account":   {},
			"complaint": {"words": {"It was loud"}},
		}
		for kind, values := range forms {
			checkPage(t, h.get(t, "maria", "/privacy/new/"+kind).body)
			if kind != "account" {
				if a := h.post(t, "maria", "/privacy/new/"+kind, url.Values{}); a.code != http.StatusUnprocessableEntity {
					t.Errorf("an empty %s = %d", kind, a.code)
				}
			}
			sent := h.post(t, "maria", "/privacy/new/"+kind, values)
			if sent.code != http.StatusSeeOther {
				t.Fatalf("asking for %s = %d\n%s", kind, sent.code, sent.body)
			}
			page := h.get(t, "maria", sent.to)
			checkPage(t, page.body)
			if !strings.Contains(page.body, "<h1>Your request is with us</h1>") || !strings.Contains(page.body, "You get our answer by ") {
				t.Errorf("the page of a %s does not say that it came and until when it is answered", kind)
			}
			path, _, _ := strings.Cut(sent.to, "?")
			if a := h.get(t, "sam", path); a.code != http.StatusNotFound {
				t.Errorf("another's %s = %d", kind, a.code)
			}
			if kind == "complaint" {
				back := h.post(t, "maria", path, url.Values{"act": {"withdraw"}})
				if !strings.Contains(h.get(t, "maria", back.to).body, "<h1>Your request is taken back</h1>") {
					t.Error("taking it back is not said")
				}
			}
		}
		for _, path := range []string{"/privacy", "/privacy/disclosures"} {
			a := h.get(t, "maria", path)
			checkPage(t, a.body)
			if a.code != http.StatusOK {
				t.Errorf("%s = %d", path, a.code)
			}
		}
		if a := h.get(t, "rosa", "/for/maria/privacy"); a.code != http.StatusNotFound {
			t.Errorf("the privacy page for a helper who is no representative = %d", a.code)
		}
		if a := h.get(t, "maria", "/privacy/new/nothing"); a.code != http.StatusNotFound {
			t.Errorf("a kind that is not there = %d", a.code)
		}
	})
}

// Whoever acts for somebody reads of their record, not of "your record".
func TestWhoseRecord(t *testing.T) {
	h := newHouse(t, haletest.SQLite(t))
	for as, page := range map[string]string{"maria": "/health/medicines/add", "rosa": "/for/maria/health/medicines/add"} {
		body := h.get(t, as, page).body
		own, theirs := strings.Contains(body, "It goes into your record"), strings.Contains(body, "It goes into their record")
		if own != (as == "maria") || theirs == own {
			t.Errorf("%s at %s reads of your record: %t, of their record: %t", as, page, own, theirs)
		}
	}
}
