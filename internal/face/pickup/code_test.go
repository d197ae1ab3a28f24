package pickup

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/reach/link"
	"hale/internal/store/db"
)

// strict makes a link that asks for a code as well.
func (c *clinic) strict(t testing.TB) string {
	return c.make(t, link.New{Message: "m1", Patient: "maria", Factor: link.Code, Short: true, Expires: haletest.Noon.Add(7 * 24 * time.Hour)})
}

func (p *phone) type_(t testing.TB, token, code string, status int) answer {
	t.Helper()
	a := p.post("/m/"+token+"/code", "code", code)
	if a.status != status {
		t.Fatalf("POST of a code = %d to %q: %s\n%s", a.status, a.to, a.body, p.c.log)
	}
	return a
}

func TestCode(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		token, p := c.strict(t), c.phone()
		a := p.post("/m/"+token, "m", "4", "d", "27", "y", "1961")
		if a.status != http.StatusSeeOther || a.to != "/m/"+token+"/code" || len(c.office.codes) != 1 {
			t.Fatalf("the right date = %d to %q with %d codes, want the page for the code", a.status, a.to, len(c.office.codes))
		}
		page := p.get(a.to)
		for _, want := range []string{`autocomplete="one-time-code"`, `inputmode="numeric"`, "Send another code", "Call me instead"} {
			if !strings.Contains(page.body, want) {
				t.Errorf("the page for the code lacks %q", want)
			}
		}
		if a := p.get("/m/" + token + "/message"); a.to != "/m/"+token {
			t.Errorf("the message before the code = %d to %q, want the gate", a.status, a.to)
		}
		if a := p.type_(t, token, "12", http.StatusUnprocessableEntity); !strings.Contains(a.body, "six numbers") {
			t.Error("two numbers are taken for a code")
		}
		bad := "000000"
		if c.office.codes[0] == bad {
			bad = "000001"
		}
		if a := p.type_(t, token, bad, http.StatusUnprocessableEntity); !strings.Contains(a.body, "not the code we sent") {
			t.Error("the page does not say that the code is wrong")
		}
		code := c.office.codes[0]
		if a := p.type_(t, token, " "+code[:3]+"-"+code[3:], http.StatusSeeOther); a.to != "/m/"+token+"/message" {
			t.Fatalf("the right code leads to %q", a.to)
		}
		if a := p.get("/m/" + token + "/message"); !strings.Contains(a.body, "Time for your eye check, Maria") || !strings.Contains(a.body, "blue heron") {
			t.Error("the message does not show after the code")
		}
		if a := p.get("/m/" + token); strings.Contains(a.body, "dob-m") || !strings.Contains(a.body, "Open my message") {
			t.Error("the same browser is asked again")
		}
		if a := c.phone().get("/m/" + token); !strings.Contains(a.body, "dob-m") {
			t.Error("another browser is not asked")
		}
		if got := c.count(t, `select count(*) from read_proof where factor = 'dob+code' and device = 'first' and revealed_at > 0`); got != 1 {
			t.Errorf("%d rows prove the reading, want 1", got)
		}
	})
}

// A link that somebody guessed at is told to the staff, and comes back to its
// owner by a code that goes elsewhere.
func TestLockedComesBack(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		token, p := c.link(t, "m1", "maria"), c.phone()
		for range link.TriesToDie {
			p.post("/m/"+token, "m", "1", "d", "1", "y", "1950")
			c.now = c.now.Add(link.LockTime)
		}
		if len(c.office.locked) != 1 || c.office.locked[0] != "m1" {
			t.Errorf("the staff heard of %v, want the one message", c.office.locked)
		}
		a := p.post("/m/"+token, "m", "4", "d", "27", "y", "1961")
		if a.status != http.StatusNotFound || !strings.Contains(a.body, "Send me a code instead") || !strings.Contains(a.body, "Sign in to read it") {
			t.Fatalf("the right date afterwards = %d, want a way back: %s", a.status, a.body)
		}
		for _, unknown := range []string{token, "AAAAbbbb1111"} { // no other number yet; no such link
			if a := p.post("/m/" + unknown + "/code/send"); a.to != "/m/"+unknown+"/code" || len(c.office.codes) != 0 {
				t.Errorf("asking for a code = %d to %q with %d sent", a.status, a.to, len(c.office.codes))
			}
		}
		c.office.other = true
		p.post("/m/" + token + "/code/send")
		if len(c.office.codes) != 1 {
			t.Fatalf("%d codes were sent, want one to the other number", len(c.office.codes))
		}
		p.type_(t, token, c.office.codes[0], http.StatusSeeOther)
		if a := p.get("/m/" + token + "/message"); a.status != http.StatusOK {
			t.Errorf("the message = %d", a.status)
		}
	})
}

// The page for the code is the same for every token.
func TestCodePageIsTheSameForAll(t *testing.T) {
	d := haletest.SQLite(t)
	c := newClinic(t, d, true)
	valid, unknown := c.strict(t), "AAAAbbbb1111"
	want := neutral(c.phone().get("/m/"+valid+"/code"), valid)
	if got := neutral(c.phone().get("/m/"+unknown+"/code"), unknown); got != want {
		t.Error("the page for the code says whether there is a link")
	}
	for _, token := range []string{valid, unknown} {
		a := c.phone().post("/m/"+token+"/code", "code", "123456")
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "Please ask for a new one") {
			t.Errorf("a code that nobody sent = %d", a.status)
		}
	}
	if !strings.Contains(want, `property="og:title" content="Secure message"`) {
		t.Error("a preview would show the page's title")
	}
}

func TestProofAndReply(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		token, p := c.link(t, "m2", "maria"), c.phone()
		p.post("/m/" + token + "/shown")
		if c.office.count("m2 page_shown") != 1 || c.office.count("m2 revealed") != 0 {
			t.Errorf("marks %v", c.office.marks)
		}
		if a := c.phone().post("/m/"+token+"/dwell", "s", "30"); a.status >= 500 || c.office.count("m2 dwell") != 0 {
			t.Error("a stranger's dwelling counts")
		}
		p.open(t, token)
		p.get("/m/" + token + "/message")
		p.get("/m/" + token + "/message")
		for _, s := range []string{"5", "5", "30", "7"} {
			p.post("/m/"+token+"/dwell", "s", s)
		}
		p.post("/m/" + token + "/read")
		if c.office.count("m2 dwell") != 2 || c.office.count("m2 revealed") != 1 || c.office.count("m2 acknowledged") != 1 {
			t.Errorf("marks %v", c.office.marks)
		}
		if got := c.count(t, `select count(*) from read_proof where factor = 'dob' and revealed_at > 0 and dwell5_at > 0 and dwell30_at > 0 and read_at > 0`); got != 1 {
			t.Errorf("%d rows prove the reading, want 1", got)
		}
		if a := p.post("/m/"+token+"/reply", "text", "   "); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "Please write something first") {
			t.Errorf("an empty answer = %d", a.status)
		}
		if a := p.post("/m/"+token+"/reply", "text", "I can't come"); a.to != "/m/"+token+"/thanks/reply" || len(c.office.wrote) != 1 || c.office.wrote[0] != "m2 I can't come" {
			t.Errorf("an answer = %d to %q, %v", a.status, a.to, c.office.wrote)
		}
		if a := c.phone().post("/m/"+token+"/reply", "text", "x"); a.to != "/m/"+token || len(c.office.wrote) != 1 {
			t.Error("a stranger may write back")
		}
	})
}

func TestNewPagesSpeakSpanish(t *testing.T) {
	d := haletest.SQLite(t)
	c := newClinic(t, d, true)
	token, p := c.link(t, "m1", "maria"), c.phone()
	p.lang = "es-MX"
	p.open(t, token)
	for page, want := range map[string]string{"code": "Escriba su código", "reply": "Escríbanos", "thanks/reply": "Tenemos su respuesta"} {
		if a := p.get("/m/" + token + "/" + page); !strings.Contains(a.body, want) {
			t.Errorf("%s lacks %q: %s", page, want, a.body)
		}
	}
}
