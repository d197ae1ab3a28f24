package pickup

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"hale/internal/base/lang"
	"hale/internal/haletest"
	"hale/internal/reach/link"
	"hale/internal/store/db"
)

var nonces = regexp.MustCompile(`nonce="[^"]*"`)

// neutral returns a page without what differs between any two responses.
func neutral(a answer, token string) string {
	return strings.ReplaceAll(nonces.ReplaceAllString(a.body, ""), token, "TOKEN")
}

// TestGateIsTheSameForAll holds that nothing in a GET says whether there is a
// link, whether it ended, or what is behind it.
func TestGateIsTheSameForAll(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		valid := c.link(t, "m1", "maria")
		ended := c.make(t, link.New{Message: "m1", Patient: "maria", Factor: link.DOB, Short: true, Expires: haletest.Noon})
		dead := c.link(t, "m1", "maria")
		for range link.TriesToDie {
			c.phone().post("/m/"+dead, "m", "1", "d", "1", "y", "1950")
			c.now = c.now.Add(link.LockTime)
		}
		c.now = haletest.Noon
		want := neutral(c.phone().get("/m/"+valid), valid)
		if strings.Contains(want, "eye") || strings.Contains(want, "Maria") {
			t.Error("the gate says what is behind it")
		}
		for name, token := range map[string]string{"ended": ended, "dead": dead, "unknown": "AAAAbbbb1111"} {
			a := c.phone().get("/m/" + token)
			if got := neutral(a, token); a.status != http.StatusOK || got != want {
				t.Errorf("GET of a link that is %s differs from a valid one", name)
			}
			if h := c.phone().do("HEAD", "/m/"+token, nil); h.status != http.StatusOK || neutral(h, token) != want { // the server leaves the body out
				t.Errorf("HEAD of a link that is %s = %d with %d bytes", name, h.status, len(h.body))
			}
		}
		a := c.phone().get("/m/" + valid)
		for name, value := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow, noarchive"} {
			if got := a.header.Get(name); got != value {
				t.Errorf("%s is %q, want %q", name, got, value)
			}
		}
	})
}

// tables lists every table that a link's page could change.
var tables = []string{"link_session", "link_device", "link_fresh", "link_miss", "visit", "slot", "event", "resource", "audit", "message_event", "contact_point", "consent_event"}

// TestFetchingChangesNothing floods every address of a link with GET and
// HEAD, as scanners and previews do, and finds only the count changed.
func TestFetchingChangesNothing(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		token := c.link(t, "m1", "maria")
		state := func() string {
			var b strings.Builder
			for _, table := range tables {
				fmt.Fprint(&b, table, " ", c.count(t, "select count(*) from "+table), " ")
			}
			fmt.Fprint(&b, c.count(t, `select fails + locked_until + dead_at + retracted_at + opened_at from link`), c.count(t, `select count(*) from slot where status = 'free'`))
			return b.String()
		}
		before := state()
		pages := []string{"", "/message", "/times", "/booked", "/visit.ics", "/elsewhere", "/call", "/not-me", "/stop", "/thanks/stop", "/thanks/call", "/book", "/read", "/fresh"}
		r := rand.New(rand.NewPCG(1, 2))
		for range 400 {
			path := "/m/" + token + pages[r.IntN(len(pages))]
			if r.IntN(5) == 0 {
				path = "/u/" + token
			}
			a := c.phone().do([]string{"GET", "HEAD"}[r.IntN(2)], path, nil)
			if a.status >= 500 || strings.Contains(a.body, "eye exam") || len(a.header.Values("Set-Cookie")) > 0 {
				t.Fatalf("%s = %d: %.200s", path, a.status, a.body)
			}
		}
		if err := c.links.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after := state(); after != before {
			t.Errorf("fetching changed\n%s to\n%s", before, after)
		}
		if n := c.count(t, `select coalesce(sum(n), 0) from link_fetch`); n == 0 {
			t.Error("no fetch was counted")
		}
		if len(c.office.marks) > 0 {
			t.Errorf("fetching left marks %v", c.office.marks)
		}
		c.phone().open(t, token) // still opens
	})
}

func TestOpenReadBook(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		token, p := c.link(t, "m1", "maria"), c.phone()
		p.open(t, token)
		session := p.cookies["__Host-hale-link"]
		if session == nil || !session.Secure || !session.HttpOnly || session.Path != "/" || session.Domain != "" {
			t.Fatalf("the cookie is %+v, want __Host-, secure, for this host alone", session)
		}
		a := p.get("/m/" + token + "/message")
		for _, want := range []string{"Time for your eye check, Maria", "14 months ago", "It takes about 20 minutes", "slot-00", "More times", "Call me instead", "Already done elsewhere", "autofocus"} {
			if !strings.Contains(a.body, want) {
				t.Errorf("the message page lacks %q", want)
			}
		}
		if c.office.count("m1 revealed") != 1 || c.office.count("m1 factor_passed") != 1 {
			t.Errorf("marks %v, want one factor passed and one reveal", c.office.marks)
		}
		p.get("/m/" + token + "/message")
		if c.office.count("m1 revealed") != 1 {
			t.Error("reading again counts as another reveal")
		}
		b := p.post("/m/"+token+"/book", "slot", "slot-00", "on", "message")
		if b.status != http.StatusSeeOther || b.to != "/m/"+token+"/booked" {
			t.Fatalf("booking = %d to %q: %s", b.status, b.to, b.body)
		}
		done := p.get(b.to)
		for _, want := range []string{"You are booked", "Tuesday, March 3", "8:00 am", "Dr. Priya Raman", "What happens next", "visit.ics"} {
			if !strings.Contains(done.body, want) {
				t.Errorf("the page after booking lacks %q", want)
			}
		}
		ics := p.get("/m/" + token + "/visit.ics")
		if !strings.Contains(ics.body, "BEGIN:VEVENT\r\n") || !strings.Contains(ics.body, "DTSTART:20260303T080000Z") || strings.Contains(strings.ToLower(ics.body), "eye") {
			t.Errorf("the calendar file is %q, want the time and nothing of health", ics.body)
		}
		if n := c.count(t, `select count(*) from visit where patient = 'maria' and via = 'link' and ref = 'm1' and status = 'booked'`); n != 1 {
			t.Errorf("%d visits booked, want 1", n)
		}
		if c.office.count("m1 acted") != 1 {
			t.Errorf("marks %v, want one act", c.office.marks)
		}
		again := p.post("/m/"+token+"/book", "slot", "slot-02")
		if again.to != "/m/"+token+"/booked" || c.count(t, `select count(*) from visit`) != 1 {
			t.Errorf("booking twice = %d to %q, want the first visit shown", again.status, again.to)
		}
		if body := p.get("/m/" + token + "/message").body; !strings.Contains(body, "See your visit") || strings.Contains(body, "Book this time") {
			t.Error("the message still offers times after booking")
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		token := c.link(t, "m1", "maria")
		post := func(m, d, y string) answer { return c.phone().post("/m/"+token, "m", m, "d", d, "y", y) }
		if a := post("4", "27", "61"); a.status != 422 || !strings.Contains(a.body, "all four numbers of the year") || !strings.Contains(a.body, `value="61"`) {
			t.Errorf("a year of two numbers = %d, want kind words and what was typed", a.status)
		}
		if n := c.count(t, `select fails from link`); n != 0 {
			t.Errorf("%d tries were counted for a date that was none", n)
		}
		audits := c.count(t, `select count(*) from audit where outcome = 'denied'`)
		if a := post("4", "28", "1961"); a.status != 422 || !strings.Contains(a.body, "does not match") || !strings.Contains(a.body, `aria-invalid="true"`) {
			t.Errorf("a wrong date = %d, want an error at the boxes", a.status)
		}
		if n := c.count(t, `select count(*) from audit where outcome = 'denied' and patient = 'maria'`); n != audits+1 {
			t.Errorf("%d denied looks in the audit, want one more than %d", n, audits)
		}
		if a := post("1", "1", "1950"); !strings.Contains(a.body, "one more try") {
			t.Error("the last try before the lock is not announced")
		}
		if a := post("1", "1", "1950"); a.status != 429 || !strings.Contains(a.body, "wait 15 minutes") {
			t.Errorf("the third wrong date = %d, want a lock", a.status)
		}
		if a := post("4", "27", "1961"); a.status != 429 || a.to != "" {
			t.Errorf("the right date while locked = %d to %q", a.status, a.to)
		}
		unknown := c.phone().post("/m/AAAAbbbb1111", "m", "4", "d", "27", "y", "1961")
		if unknown.status != 404 || !strings.Contains(unknown.body, "Send me a new link") {
			t.Errorf("an unknown link = %d, want an end with a way on", unknown.status)
		}
		if len(c.office.marks) > 0 {
			t.Errorf("refusals left marks %v", c.office.marks)
		}
	})
}

func TestPagesNeedTheSession(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		token, pauls := c.link(t, "m1", "maria"), c.link(t, "m3", "paul")
		p := c.phone()
		p.open(t, token)
		for _, page := range []string{"/message", "/times", "/booked", "/visit.ics", "/elsewhere"} {
			if a := c.phone().get("/m/" + token + page); a.status != 303 || a.to != "/m/"+token {
				t.Errorf("%s without a session = %d to %q, want the gate", page, a.status, a.to)
			}
			if a := p.get("/m/" + pauls + page); a.status != 303 || a.to != "/m/"+pauls || strings.Contains(a.body, "secret") {
				t.Errorf("%s of another's link = %d to %q, want the gate", page, a.status, a.to)
			}
		}
		for _, page := range []string{"/book", "/read", "/elsewhere"} {
			if a := p.post("/m/"+pauls+page, "slot", "slot-00"); a.to != "/m/"+pauls {
				t.Errorf("POST %s of another's link = %d to %q, want the gate", page, a.status, a.to)
			}
		}
		if a := p.post("/m/"+pauls, "button", "1"); a.status != 422 || len(p.cookies) == 0 {
			t.Errorf("opening another's link by button = %d, want to be asked", a.status)
		}
		c.now = c.now.Add(link.SessionLife)
		if a := p.get("/m/" + token + "/message"); a.to != "/m/"+token {
			t.Errorf("the message after half an hour = %d to %q, want the gate", a.status, a.to)
		}
		if a := p.get("/m/" + token); strings.Contains(a.body, "dob-y") || !strings.Contains(a.body, `name="button"`) {
			t.Error("the same browser is asked for the date of birth again")
		}
		if a := p.post("/m/"+token, "button", "1"); a.to != "/m/"+token+"/message" {
			t.Errorf("opening again by button = %d to %q", a.status, a.to)
		}
	})
}

func TestBookRefuses(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		token, p := c.link(t, "m1", "maria"), c.phone()
		p.open(t, token)
		last := fmt.Sprintf("slot-%02d", slots-1)
		for name, tt := range map[string]struct {
			slot, to string
			status   int
		}{
			"no time": {"", "/m/" + token + "/message?note=choose", 303}, "no such time": {"nowhere", "/m/" + token + "/times?note=taken", 303},
			"another service": {last, "", 422}, "hostile": {"'; drop table slot; --", "/m/" + token + "/times?note=taken", 303},
		} {
			if a := p.post("/m/"+token+"/book", "slot", tt.slot); a.status != tt.status || a.to != tt.to {
				t.Errorf("%s = %d to %q, want %d to %q", name, a.status, a.to, tt.status, tt.to)
			}
		}
		paul := c.phone()
		pauls := c.link(t, "m3", "paul")
		paul.post("/m/"+pauls, "m", "January", "d", "31", "y", "1990")
		if a := paul.post("/m/"+pauls+"/book", "slot", "slot-00"); a.to != "/m/"+pauls+"/booked" {
			t.Fatalf("Paul's booking = %d to %q", a.status, a.to)
		}
		if a := p.post("/m/"+token+"/book", "slot", "slot-00"); a.to != "/m/"+token+"/times?note=taken" {
			t.Errorf("booking a taken time = %d to %q, want other times", a.status, a.to)
		}
		a := p.get("/m/" + token + "/times?note=taken")
		if !strings.Contains(a.body, "Somebody just took that time") || !strings.Contains(a.body, "Show later dates") || strings.Contains(a.body, last) {
			t.Error("the page of times lacks the notice or later dates, or shows another service")
		}
		next := regexp.MustCompile(`times\?from=\d+`).FindString(a.body)
		if b := p.get("/m/" + token + "/" + next); !strings.Contains(b.body, "slot-08") || strings.Contains(b.body, "slot-02") {
			t.Errorf("%s shows the wrong days", next)
		}
	})
}

func TestWithoutTheSecondFactor(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		token := c.link(t, "m1", "maria")
		tests := []struct{ path, to, mark string }{
			{"/m/TOKEN/call", "/m/TOKEN/thanks/call", "m1 call_wanted"},
			{"/m/TOKEN/not-me", "/m/TOKEN/thanks/not-me", "m1 wrong_person"},
			{"/m/TOKEN/stop", "/m/TOKEN/thanks/stop", "m1 opted_out"},
			{"/u/TOKEN", "/m/TOKEN/thanks/stop", "m1 opted_out"},
		}
		for _, tt := range tests {
			before := c.office.count(tt.mark)
			a := c.phone().post(strings.ReplaceAll(tt.path, "TOKEN", token))
			if a.status != 303 || a.to != strings.ReplaceAll(tt.to, "TOKEN", token) || c.office.count(tt.mark) != before+1 {
				t.Errorf("POST %s = %d to %q, marks %v", tt.path, a.status, a.to, c.office.marks)
			}
			u := c.phone().post(strings.ReplaceAll(tt.path, "TOKEN", "AAAAbbbb1111"))
			if u.status != a.status || u.to != strings.ReplaceAll(tt.to, "TOKEN", "AAAAbbbb1111") {
				t.Errorf("POST %s of an unknown link = %d to %q, want the same", tt.path, u.status, u.to)
			}
			if page := c.phone().get(a.to); page.status != 200 || !strings.Contains(page.body, "<h1") {
				t.Errorf("GET %s = %d", a.to, page.status)
			}
		}
		one := c.phone().post("/u/"+token, "List-Unsubscribe", "One-Click")
		if one.status != 200 || !strings.HasPrefix(one.header.Get("Content-Type"), "text/plain") {
			t.Errorf("one-click = %d %s", one.status, one.header.Get("Content-Type"))
		}
		if a := c.phone().post("/m/" + token + "/fresh"); a.to != "/m/"+token+"/thanks/fresh" || len(c.office.renewed) != 1 {
			t.Errorf("a new link = %d to %q, renewed %v", a.status, a.to, c.office.renewed)
		}
		if c.phone().post("/m/" + token + "/fresh"); len(c.office.renewed) != 1 {
			t.Error("a second new link at once was sent")
		}
		if c.count(t, `select count(*) from audit where actor_kind = 'link' and outcome = 'granted'`) == 0 {
			t.Error("acting by a link left no audit row")
		}
	})
}

func TestInsideAnswers(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		token, p := c.link(t, "m2", "maria"), c.phone()
		p.open(t, token)
		if body := p.get("/m/" + token + "/message").body; strings.Contains(body, "Book this time") || !strings.Contains(body, "I have read this") {
			t.Error("a message without a service offers times, or cannot be acknowledged")
		}
		if a := p.post("/m/" + token + "/read"); a.to != "/m/"+token+"/message?note=read" || c.office.count("m2 acknowledged") != 1 {
			t.Errorf("reading = %d to %q", a.status, a.to)
		}
		if body := p.get("/m/" + token + "/message?note=read").body; !strings.Contains(body, "We noted that you read this") {
			t.Error("the page does not say that it was noted")
		}
		if a := p.post("/m/"+token+"/elsewhere", "note", strings.Repeat("é", 2*longestNote)+"\xff"); a.to != "/m/"+token+"/thanks/elsewhere" || c.office.count("m2 done_elsewhere") != 1 {
			t.Errorf("done elsewhere = %d to %q", a.status, a.to)
		}
	})
}

// Each page of a link says in which languages it can be read, and leads back
// to itself.
func TestLanguage(t *testing.T) {
	d := haletest.SQLite(t)
	c := newClinic(t, d, true)
	token, p := c.link(t, "m1", "maria"), c.phone()
	offered := func(path, next string) string {
		t.Helper()
		body := p.get(path).body
		if !strings.Contains(body, `action="/lang"`) || !strings.Contains(body, `name="next" value="`+next+`"`) || !strings.Contains(body, "Español") {
			t.Errorf("%s offers no language, or does not come back to %s", path, next)
		}
		return body
	}
	for _, page := range []string{"", "/thanks/call", "/call", "/stop"} {
		offered("/m/"+token+page, "/m/"+token+page)
	}
	offered("/w/"+token, "/w/"+token)
	offered("/w/"+token+"/saved", "/w/"+token+"/saved")
	p.lang = "es-MX"
	if body := offered("/m/"+token, "/m/"+token); !strings.Contains(body, `<html lang="es"`) || strings.Contains(body, "Date of birth") {
		t.Error("the gate is not in Spanish")
	}
	p.open(t, token)
	if body := p.get("/m/" + token + "/message").body; !strings.Contains(body, `lang="en"`) {
		t.Error("a message in English is not marked as such on a Spanish page")
	}
}

func TestFloodOfGuesses(t *testing.T) {
	d := haletest.SQLite(t)
	c := newClinic(t, d, true)
	token := c.link(t, "m1", "maria")
	slow := 0
	for i := range 60 {
		a := c.phone().post(fmt.Sprintf("/m/guess%07d", i), "m", "4", "d", "27", "y", "1961")
		if a.status == http.StatusTooManyRequests {
			slow++
		}
	}
	if slow != 60-missBurst || c.waits != slow {
		t.Errorf("%d of 60 guesses were slowed down, %d waited, want %d", slow, c.waits, 60-missBurst)
	}
	other := c.phone()
	other.address = "198.51.100.9:99"
	other.open(t, token)
	if strings.Contains(c.log.String(), "guess00") || strings.Contains(c.log.String(), token) {
		t.Error("the log holds a token")
	}
}

// TestEveryWordHasSpanish finds the sentences in the sources and looks each
// up; and none may be hard to read.
func TestEveryWordHasSpanish(t *testing.T) {
	said := regexp.MustCompile(`(?:\.T\(|title: |text: +|button: |back: |thanked\{|say[A-Z]\w+ += )"([^"]+)"(?:, "([^"]+)")?`)
	titles := regexp.MustCompile(`(?:p\.view\(r, |p\.page\(r, |return )"([A-Z][^"]+)"`)
	found := 0
	for _, name := range []string{"gate.templ", "message.templ", "gate.go", "message.go", "born.go", "view.go", "code.templ", "code.go", "answer.go"} {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range append(said.FindAllStringSubmatch(string(source), -1), titles.FindAllStringSubmatch(string(source), -1)...) {
			for _, text := range m[1:] {
				if text == "" || text == "English" || text == "Español" {
					continue
				}
				found++
				if !lang.Spanish.Has(text) {
					t.Errorf("no Spanish for %q", text)
				}
				if g := lang.Grade(text); g > 8 && len(strings.Fields(text)) > 6 {
					t.Errorf("%q is of grade %.1f, want at most 8", text, g)
				}
			}
		}
	}
	if found < 60 {
		t.Errorf("%d sentences found, want all of them", found)
	}
}

func BenchmarkGate(b *testing.B) {
	c := newClinic(b, haletest.SQLite(b), true)
	token, p := c.link(b, "m1", "maria"), c.phone()
	for b.Loop() {
		p.get("/m/" + token)
	}
}

func BenchmarkMessage(b *testing.B) {
	c := newClinic(b, haletest.SQLite(b), true)
	token, p := c.link(b, "m1", "maria"), c.phone()
	p.open(b, token)
	for b.Loop() {
		if a := p.get("/m/" + token + "/message"); a.status != http.StatusOK {
			b.Fatal(a.status)
		}
	}
}

// The date of birth alone never opens a message with extra protection: the
// page leads to signing in, and the refusal is noted.
func TestProtectedMessageWantsSignIn(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		token := c.make(t, link.New{Message: "m1", Patient: "maria", Factor: link.SignIn, Short: true, Expires: haletest.Noon.AddDate(0, 0, 1)})
		plain := c.link(t, "m1", "maria")
		if neutral(c.phone().get("/m/"+token), token) != neutral(c.phone().get("/m/"+plain), plain) {
			t.Error("the gate tells which message has extra protection")
		}
		before := c.count(t, "select count(*) from audit")
		phone := c.phone()
		a := phone.post("/m/"+token, "m", "4", "d", "27", "y", "1961")
		if a.status != http.StatusForbidden || !strings.Contains(a.body, "/signin?next=%2Finbox") || strings.Contains(a.body, "eye") {
			t.Errorf("the right date = %d, want a page that leads to signing in", a.status)
		}
		if got := c.count(t, "select count(*) from audit"); got != before+1 {
			t.Errorf("%d rows in the log, want one for the refusal", got-before)
		}
		if a := phone.get("/m/" + token + "/message"); a.status != http.StatusSeeOther {
			t.Errorf("the message's own page = %d, want back to the gate", a.status)
		}
	})
}
