package desk

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"hale/internal/access/account"
	"hale/internal/base/ids"
	"hale/internal/face/web"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/approval"
	"hale/internal/reach/journey"
	"hale/internal/reach/library"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// clerks name whoever is asked for.
type clerks struct{ fakeAccounts }

func (clerks) Get(_ context.Context, id string) (account.Account, error) {
	return account.Account{ID: id, Name: "Clerk " + id, Email: id + "@clinic.example"}, nil
}

// desks with a real engine behind them, and nobody in the audience.
func writingDesk(t *testing.T, d *db.DB) http.Handler {
	t.Helper()
	now := func() time.Time { return noon }
	source := ids.NewSource(now, rand.Reader)
	ring, err := keys.Open(t.Context(), keys.Config{DB: d, Roots: keys.Plain(haletest.Key), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	store := approval.NewStore(d, source, now)
	engine := reach.New(reach.Config{DB: d, Doors: haletest.Doors(d), IDs: source, Now: now, Key: haletest.Key, Keys: ring, BaseURL: "https://rfm.example",
		Clinic: reach.Clinic{Name: "Riverside Family Medicine", Address: "412 Alder Street", Zone: time.UTC}, Approvals: store, Approve: reach.Threshold{Class: 2}})
	site := web.NewSite(web.Clinic{Name: "Riverside Family Medicine"}, sessions{}, slog.New(slog.DiscardHandler), now, false)
	f := known()
	return site.Wrap(New(Config{Site: site, Doors: haletest.Doors(d), Reach: engine, Todos: fakeTodos{f}, Measure: f, Patients: fakePatients{f}, Contacts: fakeContacts{f},
		Consents: fakeConsents{f}, Visits: f, Accounts: clerks{fakeAccounts{f}}, Audit: fakeLooks{f},
		Journeys: journey.NewStore(journey.Config{DB: d, IDs: source, Now: now, Reach: engine, Doors: haletest.Doors(d), Node: "test", Zone: time.UTC}),
		Writing:  Writing{Engine: engine, Approvals: store, Library: library.NewStore(d, source, now)}}).Handler())
}

// A draft that tells of care waits for a second person, who sees it line by
// line; any edit asks again. What is stopped is said on every page. A text of
// the library is approved by somebody else.
func TestWritingPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := writingDesk(t, d)
		do := func(who, method, at string, in url.Values) (body, to string) {
			t.Helper()
			w := ask(t, h, who, method, at, in)
			if w.Code >= 400 && w.Code != 422 {
				t.Fatalf("%s %s as %s = %d %s", method, at, who, w.Code, w.Body)
			}
			return w.Body.String(), w.Header().Get("Location")
		}
		has := func(body string, words ...string) {
			t.Helper()
			for _, s := range words {
				if !strings.Contains(body, s) {
					t.Errorf("the page lacks %q:\n%s", s, body)
				}
			}
		}
		_, to := do("nurse", "POST", "/desk/outreach/new", url.Values{"name": {"Recall"}, "purpose": {"care"}})
		at := strings.TrimSuffix(to, "/edit/audience")
		words := url.Values{"sensitivity": {"2"}, "page.en.title": {"A visit"}, "page.en.body": {"Hello {{ frst_name }},"}, "do": {"save"}}
		body, _ := do("nurse", "POST", at+"/edit/message/review", words)
		has(body, "line 1, letter 10", "Did you mean first_name?")
		words.Set("page.en.body", "Hello {{ first_name | default: \"there\" }},\n\nit is time. This is the FINAL NOTICE.")
		body, _ = do("nurse", "POST", at+"/edit/message/review", words)
		has(body, "final notice", "srcdoc=", "1 text, ", "Hello Alex,")
		do("nurse", "POST", at+"/edit/message", words)
		body, _ = do("nurse", "GET", at+"/edit/check", nil)
		has(body, "This takes two people", "Ask for approval")
		do("nurse", "POST", at+"/approval", url.Values{"note": {"Please look"}})
		body, _ = do("marketer", "GET", "/desk", nil)
		has(body, "Wait for your approval")
		body, _ = do("marketer", "GET", "/desk/approvals", nil)
		has(body, "Recall", "J. Okafor, RN")
		link := "/desk/approvals/" + strings.SplitN(strings.SplitN(body, "/desk/approvals/", 2)[1], "\"", 2)[0]
		body, _ = do("nurse", "GET", link, nil)
		has(body, "somebody else has to decide")
		body, _ = do("marketer", "GET", link, nil)
		has(body, "FINAL NOTICE", "Please look", "Approve")
		sum := strings.SplitN(strings.SplitN(body, `name="sum" value="`, 2)[1], `"`, 2)[0]
		body, _ = do("marketer", "POST", link, url.Values{"sum": {sum}, "do": {"refuse"}})
		has(body, "Please say why")
		if w := ask(t, h, "nurse", "POST", link, url.Values{"sum": {sum}, "do": {"approve"}}); w.Code != http.StatusForbidden {
			t.Errorf("approving one's own = %d", w.Code)
		}
		do("marketer", "POST", link, url.Values{"sum": {sum}, "do": {"approve"}})
		body, _ = do("nurse", "GET", at+"/edit/check", nil)
		has(body, "approved exactly this")
		words.Set("page.en.body", "Hello, it is time.")
		do("nurse", "POST", at+"/edit/message", words)
		body, _ = do("nurse", "GET", at+"/edit/check", nil)
		has(body, "This takes two people", "it was changed since")

		do("nurse", "POST", "/desk/halts", url.Values{"channel": {"sms"}, "do": {"stop"}})
		body, _ = do("marketer", "GET", "/desk/outreach", nil)
		has(body, "No texts leave the clinic.", "Clerk nurse", "Let them go out again")
		do("marketer", "POST", "/desk/halts", url.Values{"channel": {"sms"}, "do": {"go"}})
		if body, _ = do("nurse", "GET", "/desk/outreach", nil); strings.Contains(body, "leave the clinic") {
			t.Error("the banner stays")
		}

		words.Set("name", "Recall text")
		words.Set("purpose", "care")
		_, to = do("nurse", "POST", "/desk/texts/new", words)
		body, _ = do("nurse", "GET", to, nil)
		has(body, "Recall text", "Version 1", "somebody else has to approve it")
		do("marketer", "POST", to+"/approve", url.Values{})
		body, _ = do("nurse", "GET", to, nil)
		has(body, "approved", "Make the next version")
		body, _ = do("nurse", "GET", at+"/edit/message", nil)
		has(body, "Recall text, version 1")
		_, next := do("nurse", "POST", to+"/edit", words)
		if next == to {
			t.Error("an approved version was changed")
		}
	})
}

// A journey that tells of care says on its page that it takes two, asks there,
// and is published once somebody else has agreed.
func TestJourneyApproval(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := writingDesk(t, d)
		_, at := try(t, h, "nurse", "POST", "/desk/journeys", url.Values{"from": {"result-ready"}})
		try(t, h, "nurse", "GET", at, nil, "This takes two people", "Ask for approval", at+"/approval")
		if w := ask(t, h, "nurse", "POST", at+"/publish", url.Values{}); w.Code != http.StatusForbidden {
			t.Errorf("publishing alone = %d", w.Code)
		}
		_, to := try(t, h, "nurse", "POST", at+"/approval", url.Values{"note": {"Please look"}})
		try(t, h, "nurse", "GET", to, nil, "A colleague has been asked.")
		body, _ := try(t, h, "marketer", "GET", "/desk/approvals", nil, "A result is ready")
		link := "/desk/approvals/" + strings.SplitN(strings.SplitN(body, "/desk/approvals/", 2)[1], "\"", 2)[0]
		body, _ = try(t, h, "marketer", "GET", link, nil, "You have a new test result", "Please look", at)
		sum := strings.SplitN(strings.SplitN(body, `name="sum" value="`, 2)[1], `"`, 2)[0]
		try(t, h, "marketer", "POST", link, url.Values{"sum": {sum}, "do": {"approve"}})
		try(t, h, "nurse", "GET", at, nil, "approved exactly this")
		try(t, h, "nurse", "POST", at+"/publish", url.Values{})
		try(t, h, "nurse", "POST", at+"/start", url.Values{})
	})
}

// A mail is shown without a style of its own on any element.
func TestOnPage(t *testing.T) {
	got := onPage(`<title>x</title><style>a{}</style><p class="t" style="color:red">y</p><p style="color:red">z</p>`, `n"1`)
	if strings.Contains(got, " style=") || !strings.Contains(got, `<style nonce="n&#34;1">[data-s="0"]{color:red}</style>`) || strings.Count(got, `data-s="0"`) != 3 {
		t.Errorf("onPage = %s", got)
	}
}
