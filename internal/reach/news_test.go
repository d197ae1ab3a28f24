package reach_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"hale/internal/base/lang"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// shown is news that a result is there.
func shown(patient string) reach.News {
	return reach.News{Patient: patient, Within: 24 * time.Hour, Words: func(l lang.Lang, _ time.Time) (title, line, page string) {
		if l == lang.Spanish {
			return "Algo nuevo", "Hay algo nuevo para usted. Véalo aquí:", "Su resultado del colesterol"
		}
		return "Something new", "There is something new for you. See it here:", "Your cholesterol result"
	}}
}

// What happened is told on the way that the patient uses, in their language,
// by a link and without a word about their health.
func TestInform(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "sms", family: "Byron", sms: "+13125550142"}, who{id: "mail", family: "Bell", lang: "es", email: "bell@x.example"},
			who{id: "none", family: "Letter", account: true}, who{id: "both", family: "Home", sms: "+13125550144", shared: true},
			who{id: "dead", family: "Gone", sms: "+13125550145", deceased: true})
		ids := map[string]string{}
		for _, p := range []string{"sms", "mail", "none", "both", "dead"} {
			id, err := w.e.Inform(t.Context(), shown(p))
			if err != nil {
				t.Fatalf("Inform(%q) = %v", p, err)
			}
			ids[p] = id
		}
		if ids["dead"] != "" || w.count(`select count(*) from message where patient = 'dead'`) != 0 {
			t.Error("somebody who has died is written to")
		}
		w.send()
		texts, mails := w.gate[reach.SMS].got(), w.gate[reach.Email].got()
		if len(texts) != 2 || len(mails) != 1 {
			t.Fatalf("%d texts and %d mails, want 2 and 1", len(texts), len(mails))
		}
		for _, h := range append(texts, mails...) {
			if !strings.Contains(h.Text, "https://rfm.example/m/") || !strings.Contains(h.Text, "Riverside Family Medicine") {
				t.Errorf("to %s: %q, want the clinic and a link", h.To, h.Text)
			}
			if all := h.Subject + h.Text + h.HTML; strings.Contains(all, "cholesterol") || strings.Contains(all, "colesterol") {
				t.Errorf("to %s: %q names what belongs behind the link", h.To, all)
			}
		}
		if h := mails[0]; h.To != "bell@x.example" || !strings.Contains(h.Text, "algo nuevo") || !strings.Contains(h.Subject, "Algo nuevo") || !strings.Contains(h.HTML, "Véalo") {
			t.Errorf("the mail in Spanish is %+v", h)
		}
		if got := w.text(`select channel from message where id = $1`, ids["none"]); got != "inbox" {
			t.Errorf("whom nothing reaches is told by %s, want the inbox", got)
		}
		const asks = `select count(*) from link where message = $1 and factor = 'dob'`
		if w.count(`select count(*) from link where message = $1`, ids["both"]) != 1 || w.count(`select count(*) from link where message = $1`, ids["none"]) != 0 {
			t.Error("a message has no link of its own, or the inbox has one")
		}
		if w.count(asks, ids["both"]) != 1 || w.count(asks, ids["sms"]) != 0 {
			t.Error("the link to a shared number has to ask for the date of birth, and no other")
		}
	})
}

// What cannot be written down is not told, and what comes too late is not
// sent any more.
func TestInformInTime(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", family: "Byron", sms: "+13125550142"})
		refused := errors.New("no")
		bad := shown("ada")
		bad.In = func(context.Context, *db.Tx, string, time.Time) error { return refused }
		if id, err := w.e.Inform(t.Context(), bad); !errors.Is(err, refused) || id != "" {
			t.Errorf("Inform = %q, %v, want the refusal", id, err)
		}
		if n := w.count(`select count(*) from message`) + w.count(`select count(*) from link`); n != 0 {
			t.Errorf("%d rows are left of what was undone", n)
		}
		good, told := shown("ada"), ""
		good.In = func(_ context.Context, _ *db.Tx, message string, leaves time.Time) error {
			if leaves.Before(w.clock()) {
				t.Errorf("it leaves at %v, before now", leaves)
			}
			told = message
			return nil
		}
		id, err := w.e.Inform(t.Context(), good)
		if err != nil || id == "" || told != id {
			t.Fatalf("Inform = %q, %v; noted was %q", id, err, told)
		}
		if _, err := w.e.Inform(t.Context(), shown("nobody")); err != nil {
			t.Errorf("Inform of nobody = %v, want nothing sent", err)
		}
		w.at(w.clock().Add(25 * time.Hour))
		w.sweep()
		w.send()
		if got := w.gate[reach.SMS].got(); len(got) != 0 {
			t.Errorf("%d texts a day too late", len(got))
		}
	})
}
