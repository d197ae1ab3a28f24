package app

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// From the clinic's list to the patient who books and asks, and to the desk.
func TestEstimates(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, _, _ := opened(t, database)
		slot := part(t, "a time", k.see("maria", "/book/follow-up?from=2026-10-12"), `name="slot" value="([^"]+)"`)
		check := "/book/follow-up/check?slot=" + url.QueryEscape(slot)
		shows(t, "no prices yet", k.see("maria", "/estimates"), "No prices are listed here right now")
		if p := k.see("maria", check); p.status != 200 || strings.Contains(p.body, "What it costs") {
			t.Errorf("a price is shown that nobody named: %d", p.status)
		}
		at, until := "/desk/prices/follow-up", k.clock.Now().AddDate(0, 3, 0).Format(time.DateOnly)
		for name, bad := range map[string][]string{"no sum": {"amount", "", "until", until, "includes", "x"}, "a past day": {"amount", "180", "until", "2020-01-01", "includes", "x"},
			"nothing in it": {"amount", "180", "until", until}, "a letter": {"amount", "abc", "until", until, "includes", "x"}} {
			if p := k.press("nia", at, append(bad, "was", "0")...); p.status != 422 {
				t.Errorf("%s = %d", name, p.status)
			}
		}
		set := []string{"was", "0", "amount", "180.00", "until", until, "includes", "The visit with the doctor\nBlood pressure", "includes-es", "La cita con el médico", "extra", "Blood tests"}
		shows(t, "the price", k.press("nia", at, set...), "Saved.", "$180.00", "Follow-up visit")
		if p := k.press("nia", at, set...); p.status != 422 || !strings.Contains(p.body, "Somebody changed this price") {
			t.Errorf("a second press = %d", p.status)
		}
		shows(t, "while booking", k.see("maria", check), "What it costs", "$180.00", "With insurance you may pay less; ask us.", "It holds until", "Blood tests")
		shows(t, "before the visit", k.see("maria", "/estimates"), "Your visit on Thursday, October 15", "good faith estimate", "400 dollars")
		shows(t, "in Spanish", k.see("maria", "/estimates?lang=es"), "$180.00")
		if p := k.press("maria", "/estimates", "service", "nothing"); p.status != 422 {
			t.Errorf("another kind of visit is asked for: %d", p.status)
		}
		asked := k.press("maria", "/estimates", "service", "follow-up", "words", "I have Sun Health.")
		shows(t, "what was asked", asked, "What will my visit cost?", "the billing office")
		shows(t, "the queue", k.see("nia", "/desk/queue"), "What will my visit cost?")
		task := "/desk/queue/" + part(t, "the task", asked, `/requests/([^/"?]+)`)
		shows(t, "the task", k.see("nia", task), "I have Sun Health.", "$180.00")
		for _, who := range []string{"alan", "dan"} {
			if p := k.see(who, at); p.status == 200 && strings.Contains(p.body, "What it costs") {
				t.Errorf("%s sets prices", who)
			}
		}
		if p := k.see("dan", "/for/maria/estimates"); p.status == 200 && strings.Contains(p.body, "Ask what you would pay") {
			t.Error("a driver asks about money")
		}
		k.later(94 * 24 * time.Hour)
		shows(t, "after its day", k.see("maria", "/estimates"), "No prices are listed here right now")
		shows(t, "the desk after its day", k.see("nia", "/desk/prices"), "Ended: patients see none")
		shows(t, "taken out", k.press("nia", at, "was", "1", "do", "drop"), "Taken out of the list.")
	})
}
