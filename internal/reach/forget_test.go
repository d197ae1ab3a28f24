package reach_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// Words are destroyed when their time is over, and not before; that a message
// was sent, and what became of it, stays.
func TestForget(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", family: "Byron", sms: "+13125550142"}, who{id: "bea", family: "Bell", email: "bea@post.example"})
		id := w.start(care())
		w.send()
		forget := func() {
			t.Helper()
			for range 2 { // twice does no harm
				if err := w.e.Forget(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		const left = `select count(*) from message where length(body) > 0`
		w.at(midday.AddDate(0, 0, 3649))
		if forget(); w.count(left) != 2 {
			t.Fatalf("%d messages have words a day before the end, want both", w.count(left))
		}
		do(w, `update message set state = 'scheduled' where patient = 'bea'`)
		w.at(midday.AddDate(0, 0, 3651))
		if forget(); w.count(left) != 1 {
			t.Errorf("%d messages have words, want the one that waits still", w.count(left))
		}
		do(w, `update message set state = 'accepted' where patient = 'bea'`)
		if forget(); w.count(left) != 0 || w.count(`select count(*) from message where state = 'accepted' and address_hash <> '' and body_hash <> ''`) != 2 {
			t.Errorf("%d messages have words, and the ledger %d rows; want 0 and 2", w.count(left), w.count(`select count(*) from message`))
		}
		message := w.text(`select id from message where patient = 'ada'`)
		c, err := w.e.Content(t.Context(), haletest.Pass(t, d, "ada", access.ReadMessage), message)
		if err != nil || c.Title != "No longer kept" || !strings.Contains(c.Body, "call us") {
			t.Errorf("the page says %q, %q, %v", c.Title, c.Body, err)
		}
		trail, err := w.e.Trail(t.Context(), w.pass("ada", access.ReadDecisions), id)
		if err != nil || !strings.Contains(trail.Steps[len(trail.Steps)-1].Words, "no longer kept") {
			t.Errorf("the trail ends with %+v, %v", trail.Steps[len(trail.Steps)-1], err)
		}
	})
}

// Codes to sign in with are forgotten after a month.
func TestForgetCodes(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		if err := w.e.SendNow(t.Context(), reach.Direct{Channel: reach.SMS, To: "+13125550142", Text: "Your code is 123456."}); err != nil {
			t.Fatal(err)
		}
		w.send()
		w.at(midday.Add(31 * 24 * time.Hour))
		if err := w.e.Forget(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.count(`select count(*) from message where length(body) > 0`); n != 0 {
			t.Errorf("%d codes have words", n)
		}
	})
}

// What messages have in common is destroyed with the words of the last of
// them, and not before; what comes a day later has another base, so that an
// outreach without an end keeps none for ever.
func TestForgetWhatIsShared(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for i, id := range []string{"ada", "bea", "cat", "dot", "eva", "fay"} {
			w.add(who{id: id, family: "Byron", sms: fmt.Sprintf("+1312555014%d", i)})
		}
		o := care()
		o.Kind = reach.API
		o.Template.Parts[0].Body += strings.Repeat(" Your eyes are checked once a year, because what is found early can be treated.", 10)
		id := w.opened(o)
		enrol := func(people ...string) {
			t.Helper()
			for _, p := range people {
				w.enter(reach.Entry{Outreach: id, Patient: p, Trigger: "x"})
			}
			w.sweep()
			w.send()
		}
		enrol("ada", "bea", "cat")
		w.at(midday.Add(30 * time.Hour))
		enrol("dot", "eva", "fay")
		bases := func(want int) {
			t.Helper()
			if err := w.e.Forget(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := w.count(`select count(*) from message_base`); n != want {
				t.Errorf("%d bases are kept, want %d", n, want)
			}
		}
		bases(2)
		do(w, `update message set state = 'scheduled' where patient = 'cat'`)
		w.at(midday.Add(3650*24*time.Hour + 20*time.Hour))
		bases(2)
		c, err := w.e.Content(t.Context(), haletest.Pass(t, d, "cat", access.ReadMessage), w.text(`select id from message where patient = 'cat'`))
		if err != nil || !strings.Contains(c.Body, "once a year") {
			t.Errorf("the one that is kept says %q, %v", c.Body, err)
		}
		do(w, `update message set state = 'accepted' where patient = 'cat'`)
		bases(1)
		w.at(midday.Add(3652 * 24 * time.Hour))
		bases(0)
	})
}

// A base from before it was written down what it is of goes when no message
// of its time has words.
func TestForgetOldBase(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", family: "Byron", sms: "+13125550142"})
		w.start(care())
		w.send()
		do(w, `insert into message_base (id, sealed, made_at, until_at) select id, body, created_at, created_at from message`)
		for _, tt := range []struct{ days, left int }{{3649, 1}, {3651, 0}} {
			w.at(midday.AddDate(0, 0, tt.days))
			if err := w.e.Forget(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := w.count(`select count(*) from message_base`); n != tt.left {
				t.Errorf("after %d days %d bases are kept, want %d", tt.days, n, tt.left)
			}
		}
	})
}
