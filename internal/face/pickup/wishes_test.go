package pickup

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/store/db"
)

// Whoever holds a link chooses how the clinic writes; fetching it changes and
// tells nothing.
func TestWishesByLink(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		token, p := c.link(t, "m1", "maria"), c.phone()
		first := p.get("/w/" + token)
		if first.status != http.StatusOK || neutral(first, token) != neutral(p.get("/w/AAAAbbbb1111"), "AAAAbbbb1111") {
			t.Fatalf("the page = %d, or it tells whether there is such a link", first.status)
		}
		form := p.post("/w/" + token)
		if form.status != http.StatusOK || !strings.Contains(form.body, `name="first"`) || strings.Contains(form.body, "Maria") || strings.Contains(form.body, "clinical_result") {
			t.Errorf("the choices = %d, or they tell whose they are: %s", form.status, form.body)
		}
		saved := p.post("/w/"+token+"/save", "first", "email", "lang", "es", "pace", "daily", "may", "email")
		if saved.status != http.StatusSeeOther || saved.to != "/w/"+token+"/saved" {
			t.Fatalf("saving = %d to %q: %s", saved.status, saved.to, saved.body)
		}
		if a := p.get(saved.to); !strings.Contains(a.body, "Your choices are saved") {
			t.Error("nothing says that the choices are kept")
		}
		if again := p.post("/w/" + token).body; !strings.Contains(again, `value="email" checked`) && !strings.Contains(again, `value="email" selected`) {
			t.Errorf("the choice is not kept: %s", again)
		}
		if got := c.count(t, `select count(*) from consent_event where patient = 'maria' and action = 'revoke' and channel = 'sms'`); got != 1 {
			t.Errorf("%d permissions for texts were taken back, want 1", got)
		}
		if a := p.post("/w/AAAAbbbb1111/save", "first", "sms"); a.status != http.StatusOK || !strings.Contains(a.body, "This link does not work any more") {
			t.Errorf("saving by a link that is not there = %d", a.status)
		}
	})
}

// Whoever holds a link takes away at once, and gives back only as the person:
// links get forwarded.
func TestWishesGivenBack(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClinic(t, d, true)
		token, p := c.link(t, "m1", "maria"), c.phone()
		born := []string{"m", "4", "d", "27", "y", "1961"}
		taken := func(action, channel, purpose string) int64 {
			return c.count(t, `select count(*) from consent_event where patient = 'maria' and action = $1 and channel = $2 and purpose = $3`, action, channel, purpose)
		}
		save := func(more ...string) answer { return p.post("/w/"+token+"/save", more...) }
		if a := save("first", "inbox", "may", "email", "topic-care", "none"); a.status != http.StatusSeeOther || taken("revoke", "sms", "*") != 1 || taken("revoke", "*", "care") != 1 {
			t.Fatalf("taking away = %d: %s", a.status, a.body)
		}
		// All is asked back, and e-mail is taken away in the same form.
		back := []string{"first", "sms", "may", "sms", "topic-care", "", "lang", "es"}
		a := save(back...)
		if a.status != http.StatusOK || !strings.Contains(a.body, "show that it is you") || !strings.Contains(a.body, `name="topic-care"`) || taken("grant", "sms", "*")+taken("grant", "*", "care") != 0 || taken("revoke", "email", "*") != 1 {
			t.Fatalf("giving back with the link alone = %d, %d and %d were given: %s", a.status, taken("grant", "sms", "*"), taken("grant", "*", "care"), a.body)
		}
		wrong := save(append(slices.Clone(back), "m", "1", "d", "2", "y", "1950")...)
		if wrong.status != http.StatusUnprocessableEntity || taken("grant", "sms", "*") != 0 || !strings.Contains(wrong.body, "does not match") {
			t.Errorf("a wrong date = %d: %s", wrong.status, wrong.body)
		}
		right := save(append(slices.Clone(back), born...)...)
		if right.status != http.StatusSeeOther || taken("grant", "sms", "*") != 1 || taken("grant", "*", "care") != 1 {
			t.Errorf("the right date = %d: %s", right.status, right.body)
		}
		if n := c.count(t, `select count(*) from link where opened_at > 0`); n != 0 {
			t.Error("showing who one is opened the message")
		}
		save("first", "inbox")
		for range 6 {
			save(append(slices.Clone(back), "m", "1", "d", "2", "y", "1950")...)
			c.now = c.now.Add(20 * time.Minute)
		}
		if a := save(append(slices.Clone(back), born...)...); a.status == http.StatusSeeOther {
			t.Error("after six wrong dates the right one still counts")
		}
	})
}

// Choices that stand on the answer to a button change their language there,
// and stay in it; what somebody was about to save goes along.
func TestWishesInAnotherLanguage(t *testing.T) {
	d := haletest.SQLite(t)
	c := newClinic(t, d, true)
	token, p := c.link(t, "m1", "maria"), c.phone()
	form := p.post("/w/" + token)
	if !strings.Contains(form.body, `name="say-lang" value="es"`) || !strings.Contains(form.body, "Your choices") {
		t.Fatalf("the choices offer no Spanish: %s", form.body)
	}
	form = p.post("/w/"+token, "say-lang", "es")
	if !strings.Contains(form.body, `<html lang="es"`) || !strings.Contains(form.body, `name="say-lang" value="en"`) {
		t.Errorf("the choices are not in Spanish: %s", form.body)
	}
	if body := p.post("/w/"+token, "say-size", "large").body; !strings.Contains(body, `<html lang="es" dir="ltr" class="large"`) {
		t.Error("the letters are no larger, or the language is lost")
	}
	p.post("/w/"+token+"/save", "first", "inbox", "may", "email")
	proof := p.post("/w/"+token+"/save", "first", "sms", "may", "sms", "say-lang", "en")
	for _, want := range []string{`<html lang="en"`, "Please show that it is you", `name="first" value="sms"`, `name="say-lang" value="es"`} {
		if !strings.Contains(proof.body, want) {
			t.Errorf("the question who it is has no %s: %s", want, proof.body)
		}
	}
	if strings.Contains(proof.body, `type="hidden" name="say-lang"`) {
		t.Error("the choice of a language is carried as if it were a choice about messages")
	}
	if a := p.post("/w/AAAAbbbb1111", "say-lang", "xx"); a.status != http.StatusOK || !strings.Contains(a.body, `<html lang="en"`) {
		t.Errorf("an unknown language = %d", a.status)
	}
}
