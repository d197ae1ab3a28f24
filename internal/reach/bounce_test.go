package reach_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/care/contact"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// mailed starts an outreach to n people who have e-mail alone, and sends it.
func mailed(w *world, n int) []reach.Handoff {
	w.t.Helper()
	var list []who
	for i := range n {
		list = append(list, who{id: fmt.Sprintf("m%04d", i), family: "Mail", email: fmt.Sprintf("m%d@mail.example", i)})
	}
	w.add(list...)
	w.start(care())
	w.send()
	got := w.gate[reach.Email].got()
	if len(got) != n {
		w.t.Fatalf("%d e-mails, want %d", len(got), n)
	}
	return got
}

// ended is everything that receipts about one message can change.
func (w *world) ended(message string) string {
	w.t.Helper()
	return w.text(`
		select m.state || ' ' || m.reason || ' ' || m.accepted_at || ' ' || m.delivered_at || ' ' || m.first_seen_at || ' ' || m.acted_at
			|| ' | ' || i.state || ' ' || i.wake_at
			|| ' | ' || (select c.status from contact_point c where c.patient = m.patient and c.kind = 'email')
			|| ' | ' || coalesce((select b.kind || ' ' || b.reason || ' ' || b.status || ' ' || b.at || ' ' || b.again_at from bounce b where b.message = m.id), '')
			|| ' | ' || (select count(*) from message_event e where e.message = m.id)
			|| ' ' || (select count(*) from consent_event e where e.patient = m.patient)
			|| ' ' || (select count(distinct e.purpose) from consent_event e where e.patient = m.patient and e.action = 'revoke')
		from message m join intent i on i.id = m.intent where m.id = $1`, message)
}

// reports are what can be told of one mail; some contradict each other.
func reports() []reach.Receipt {
	at := func(m int) time.Time { return midday.Add(time.Duration(m) * time.Minute) }
	facts := func(reason, status string) map[string]string {
		return map[string]string{"reason": reason, "status": status}
	}
	return []reach.Receipt{
		{Kind: "deferred", At: at(1), Actor: reach.Machine, Facts: facts("networkerror", "4.4.1"), Dedupe: "1"},
		{Kind: "delivered", At: at(2), Actor: reach.Machine, Dedupe: "2"},
		{Kind: "delivered", At: at(5), Actor: reach.Machine, Dedupe: "3"},
		{Kind: "bounced", Code: "soft", At: at(3), Actor: reach.Machine, Facts: facts("mailboxfull", "5.2.2"), Dedupe: "4"},
		{Kind: "bounced", Code: "hard", At: at(4), Actor: reach.Machine, Facts: facts("userunknown", "5.1.1"), Dedupe: "5"},
		{Kind: "bounced", Code: "block", At: at(6), Actor: reach.Machine, Facts: facts("blocked", "5.7.1"), Dedupe: "6"},
		{Kind: "undelivered", At: at(7), Actor: reach.Machine, Dedupe: "7"},
		{Kind: "complaint", At: at(8), Actor: reach.Machine, Facts: map[string]string{"feedback": "abuse"}, Dedupe: "8"},
		{Kind: "auto_reply", At: at(1), Actor: reach.Machine, Dedupe: "9"},
		{Kind: "image_loaded", At: at(1), Actor: reach.Machine, Dedupe: "10"},
		{Kind: "revealed", At: at(9), Actor: reach.Human, Dedupe: "11"},
		{Kind: "revealed", At: at(3), Actor: reach.Machine, Dedupe: "12"},
		{Kind: "acted", At: at(12), Actor: reach.Human, Dedupe: "13"},
	}
}

// Whatever reports come, in any order and any number of times, they end in
// the same state: of the message, its intent, its address and what its reader
// is taken to have said.
func TestReceiptAnyOrder(t *testing.T) {
	const sets, orders = 14, 4
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		sent := mailed(w, sets*orders)
		r := rand.New(rand.NewPCG(28, 7))
		for set := range sets {
			all := reports()
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			some := all[:1+r.IntN(len(all))]
			var want string
			for order := range orders {
				h := sent[set*orders+order]
				list := slices.Concat(some, some[:r.IntN(len(some)+1)])
				r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
				var told []string
				for i, rc := range list {
					if rc.Message = h.Key; i%3 == 1 {
						rc.Message, rc.ProviderRef = "", "ref-"+h.Key
					}
					must(w, w.e.Receipt(t.Context(), rc))
					told = append(told, rc.Kind+" "+rc.Code)
				}
				got := w.ended(h.Message)
				if order == 0 {
					want = got
				}
				if got != want {
					t.Fatalf("ended as\n%s, want\n%s, after %s", got, want, strings.Join(told, ", "))
				}
			}
		}
	})
}

// A bounce after the server took the mail counts, even after it said that the
// mail was delivered; and the reason is kept for whoever asks.
func TestBounceHard(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		h := mailed(w, 1)[0]
		must(w, w.e.Receipt(t.Context(), reach.Receipt{Message: h.Key, Channel: reach.Email, Kind: "delivered", At: midday.Add(time.Minute)}))
		must(w, w.e.Receipt(t.Context(), reach.Receipt{Message: h.Key, Channel: reach.Email, Kind: "bounced", Code: "hard", At: midday.Add(time.Hour), Facts: map[string]string{"reason": "userunknown", "status": "5.1.1"}}))
		if got := w.text(`select state || ' ' || reason from message`); got != "undelivered bounced_hard" {
			t.Errorf("message = %s", got)
		}
		if got := w.text(`select status from contact_point`); got != "bounced" {
			t.Errorf("address = %s, want bounced", got)
		}
		must(w, w.e.Sweep(t.Context()))
		if got := w.text(`select state from intent`); got != "exhausted" {
			t.Errorf("intent = %s, want exhausted: there is no other way", got)
		}
		list, err := w.e.Bounces(t.Context(), w.pass("m0000", access.ReadContacts))
		b := list[contact.Email]["m0@mail.example"]
		if err != nil || b.Words(midday, time.UTC) != "There is no such mailbox. Nothing goes there any more; please ask for another address." {
			t.Errorf("Bounces = %+v, %v: %s", list, err, b.Words(midday, time.UTC))
		}
	})
}

// A full mailbox is left alone for two days and tried again; the third time
// within a month it is left alone for long.
func TestBounceSoft(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		mailed(w, 1)
		gate := w.gate[reach.Email]
		full := func(at time.Time) {
			t.Helper()
			all := gate.got()
			must(w, w.e.Receipt(t.Context(), reach.Receipt{Message: all[len(all)-1].Key, Channel: reach.Email, Kind: "bounced", Code: "soft", At: at, Facts: map[string]string{"reason": "mailboxfull"}}))
			must(w, w.e.Sweep(t.Context()))
		}
		full(midday)
		w.send()
		if n := len(gate.got()); n != 1 {
			t.Fatalf("%d mails while the address rests, want 1", n)
		}
		b := w.bounce(t)
		if got := b.Words(midday, time.UTC); got != "The mailbox is full. We try again on Wednesday." {
			t.Errorf("Words = %q", got)
		}
		for n := 2; n <= 3; n++ {
			w.at(w.clock().Add(50 * time.Hour))
			must(w, w.e.Sweep(t.Context()))
			w.send()
			if got := len(gate.got()); got != n {
				t.Fatalf("%d mails after the rest, want %d: intent %s", got, n, w.text(`select state || ' ' || wake_at from intent`))
			}
			full(w.clock())
		}
		if got := w.bounce(t).Words(w.clock(), time.UTC); !strings.Contains(got, "came back several times, so nothing goes there until 5 April") {
			t.Errorf("Words = %q", got)
		}
		if got := w.text(`select state from intent`); got != "exhausted" {
			t.Errorf("intent = %s, want exhausted after three", got)
		}
		if got := w.text(`select status from contact_point`); got != "active" {
			t.Errorf("address = %s: a full mailbox condemns none", got)
		}
	})
}

func (w *world) bounce(t *testing.T) reach.Bounce {
	t.Helper()
	list, err := w.e.Bounces(t.Context(), w.pass("m0000", access.ReadContacts))
	if err != nil {
		t.Fatal(err)
	}
	return list[contact.Email]["m0@mail.example"]
}

// A complaint ends the class of what was complained about, on its channel.
func TestBounceComplaint(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		h := mailed(w, 1)[0]
		for range 2 {
			must(w, w.e.Receipt(t.Context(), reach.Receipt{Message: h.Key, Channel: reach.Email, Kind: "complaint", At: midday.Add(time.Hour)}))
		}
		if got := w.text(`select channel || ' ' || purpose || ' ' || action || ' ' || method from consent_event`); got != "email care revoke complaint" {
			t.Errorf("consent = %s", got)
		}
	})
}
