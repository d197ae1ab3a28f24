package reach_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/consent"
	"hale/internal/care/visit"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// A word that comes while a claim is under way keeps what of it has not begun
// to leave, whatever way it came by.
func TestOptOutKeepsTheClaimed(t *testing.T) {
	ways := map[string]func(w *world, p who) error{
		"STOP": func(w *world, p who) error {
			return w.e.Receipt(w.t.Context(), reach.Receipt{Channel: reach.SMS, From: p.sms, Kind: "replied", Text: "STOP"})
		},
		"the link": func(w *world, p who) error {
			return w.e.Mark(w.t.Context(), haletest.Pass(w.t, w.d, p.id, access.ReadMessage), w.text(`select id from message where patient = $1`, p.id), "opted_out", "this")
		},
		"the portal": func(w *world, p who) error {
			store := consent.NewStore(w.d, haletest.IDs(), w.clock)
			store.Revoked = w.e.Revoked
			return store.Add(w.t.Context(), w.pass(p.id, access.EditContacts), consent.Event{Channel: "*", Purpose: "care", Action: consent.Revoke, Method: "portal"})
		},
		"the staff take it back": func(w *world, p who) error {
			return w.e.Retract(w.t.Context(), w.pass(p.id, access.AnswerPatients), w.text(`select id from message where patient = $1`, p.id), "wrong text")
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				list := many(20)
				for i := range list {
					list[i].email = ""
				}
				w.add(list...)
				w.start(care())
				var mu sync.Mutex
				gone, late, first := map[string]bool{}, 0, true
				w.gate[reach.SMS].free = func(h reach.Handoff) reach.Result {
					mu.Lock()
					defer mu.Unlock()
					if first { // the others are claimed and wait for their turn
						first = false
						for _, p := range list {
							if p.sms != h.To && w.count(`select count(*) from message where patient = $1 and state = 'handing_off'`, p.id) == 1 {
								must(w, way(w, p))
								gone[p.sms] = true
							}
						}
					}
					if gone[h.To] && strings.Contains(h.Text, "/m/") {
						late++
					}
					return reach.Result{Outcome: reach.Accepted, Ref: "ref-" + h.Key}
				}
				w.send()
				// Those whom a worker held in its hand already may be gone.
				if len(gone) < 15 || late >= 16 {
					t.Errorf("%d words, %d handed off after them", len(gone), late)
				}
				if n := w.count(`select count(*) from message where purpose = 'care' and state in ('scheduled', 'handing_off', 'uncertain')`); n != 0 {
					t.Errorf("%d messages are left over", n)
				}
				t.Logf("%d words, %d after them", len(gone), late)
			})
		})
	}
}

// A word that another node hears while a claim is under way keeps what of it
// is in a turn that has not begun, whoever of the nodes hands it over.
func TestOptOutOnAnotherNode(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		if d.Engine() == db.SQLite {
			t.Skip("there is one node")
		}
		w := newWorld(t, d)
		list := many(320)
		for i := range list {
			list[i].email = ""
		}
		w.add(list...)
		w.e.Batch = len(list)
		other := engine(d, w.clock, w.gate[reach.Email], w.gate[reach.SMS], w.gate[reach.Inbox])
		w.start(care())
		number := map[string]string{}
		for _, p := range list {
			number[p.id] = p.sms
		}
		var mu sync.Mutex
		gone, late := map[string]bool{}, 0
		w.gate[reach.SMS].free = func(h reach.Handoff) reach.Result {
			mu.Lock()
			defer mu.Unlock()
			if len(gone) == 0 { // the first turn has begun, and perhaps the second
				claimed := strings.Fields(w.text(`select messages from message_claim order by id limit 1`))
				for _, m := range claimed[len(claimed)-12:] {
					n := number[w.text(`select patient from message where id = $1`, m)]
					must(w, other.Receipt(t.Context(), reach.Receipt{Channel: reach.SMS, From: n, Kind: "replied", Text: "STOP"}))
					gone[n] = true
				}
			}
			if gone[h.To] && strings.Contains(h.Text, "/m/") {
				late++
			}
			return reach.Result{Outcome: reach.Accepted, Ref: "ref-" + h.Key}
		}
		w.send()
		if len(gone) != 12 || late != 0 {
			t.Errorf("%d words, %d handed off after them", len(gone), late)
		}
		if n := w.count(`select count(*) from message where purpose = 'care' and state = 'accepted' and reason = '' and attempts = 1`); n != len(list)-12 {
			t.Errorf("%d of the others left once", n)
		}
		if n := w.count(`select count(*) from message where purpose = 'care' and state in ('scheduled', 'handing_off', 'uncertain')`); n != 0 {
			t.Errorf("%d messages are left over", n)
		}
	})
}

// Of a turn that has begun, what no worker holds yet stays, too, once the node
// that hands it over has looked: the bound is a time, not the turn.
func TestOptOutOnAnotherNodeInTheTurn(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		if d.Engine() == db.SQLite {
			t.Skip("there is one node")
		}
		w := newWorld(t, d)
		list := many(90) // one turn
		for i := range list {
			list[i].email = ""
		}
		w.add(list...)
		other := engine(d, w.clock, w.gate[reach.Email], w.gate[reach.SMS], w.gate[reach.Inbox])
		w.start(care())
		var mu sync.Mutex
		gone, late := map[string]bool{}, 0
		w.gate[reach.SMS].free = func(h reach.Handoff) reach.Result {
			mu.Lock()
			defer mu.Unlock()
			if len(gone) == 0 { // all of them have begun; the others' workers wait for this one
				claimed := strings.Fields(w.text(`select messages from message_claim order by id limit 1`))
				for _, m := range claimed[len(claimed)-12:] {
					p := w.text(`select patient from message where id = $1`, m)
					n := list[slices.IndexFunc(list, func(x who) bool { return x.id == p })].sms
					must(w, other.Receipt(t.Context(), reach.Receipt{Channel: reach.SMS, From: n, Kind: "replied", Text: "STOP"}))
					gone[n] = true
				}
				time.Sleep(500 * time.Millisecond) // ten looks
			}
			if gone[h.To] && strings.Contains(h.Text, "/m/") {
				late++
			}
			return reach.Result{Outcome: reach.Accepted, Ref: "ref-" + h.Key}
		}
		w.send()
		if len(gone) != 12 || late != 0 {
			t.Errorf("%d words, %d handed off after them", len(gone), late)
		}
		if n := w.count(`select count(*) from message where purpose = 'care' and state in ('scheduled', 'handing_off', 'uncertain')`); n != 0 {
			t.Errorf("%d messages are left over", n)
		}
	})
}

// What is taken apart after its parts' own time is joined anew, not lost.
func TestDigestTakenApartLate(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", email: "ada@mail.example"})
		w.tx(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `insert into preference (patient, topic, pace, updated_at) values ('ada', '*', 'daily', 0)`)
			return err
		})
		for _, purpose := range []string{"care", "education"} {
			o := care()
			o.Purpose = purpose
			w.start(o)
		}
		w.gate[reach.Email].answer = func(reach.Handoff) reach.Result {
			return reach.Result{Outcome: reach.Temp, RetryAfter: 3 * time.Hour}
		}
		w.at(midday.Add(22 * time.Hour))
		w.sweepAll()
		w.send() // put off for three hours
		w.at(midday.Add(24 * time.Hour))
		w.send() // the parts' own time passes
		store := consent.NewStore(d, haletest.IDs(), w.clock)
		must(w, store.Add(t.Context(), w.pass("ada", access.EditContacts), consent.Event{Channel: "*", Purpose: "education", Action: consent.Revoke, Method: "portal"}))
		w.gate[reach.Email].answer = nil
		w.at(midday.Add(26 * time.Hour))
		w.send()
		w.sweepAll()
		w.send()
		got := w.gate[reach.Email].got()
		if n := w.count(`select count(*) from message where purpose = 'care' and state = 'accepted'`); n != 1 {
			t.Errorf("the part that may go is %q after %d mails", w.text(`select state || ' ' || reason from message where purpose = 'care'`), len(got))
		}
	})
}

// Two have one telephone. What one of them answers is in nobody's
// conversation, counts as nobody's reading and cancels nobody's visit: the
// staff see it under the number.
func TestAnswerFromASharedTelephone(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		cal := &visits{list: []visit.Visit{{ID: "v1", Start: midday.Add(48 * time.Hour)}}}
		w.e.Visits = cal
		const number = "+13125550142"
		w.add(who{id: "ada", sms: number, shared: true}, who{id: "bob", sms: number, shared: true}, who{id: "cleo", sms: "+13125550143"})
		w.start(appointment())
		w.send()
		w.at(midday.Add(26 * time.Hour)) // one text a day
		w.sweepAll()
		w.send()
		if n := w.count(`select count(distinct patient) from message where attempts > 0 and channel = 'sms' and patient in ('ada', 'bob')`); n != 2 {
			t.Fatalf("%d of the two were written to", n)
		}
		w.replies(number, "X", "k1")
		w.replies(number, "This is Bob. Is my other test back?", "k2")
		if len(cal.did) != 0 {
			t.Errorf("what one said did %v", cal.did)
		}
		if n := w.count(`select count(*) from dialog where patient <> ''`); n != 0 {
			t.Errorf("%d conversations of one of them", n)
		}
		if n := w.count(`select count(*) from dialog_entry where patient = '' and kind = 'heard'`); n != 2 {
			t.Errorf("the staff see %d of 2", n)
		}
		if n := w.count(`select count(*) from message where first_seen_at > 0 and patient in ('ada', 'bob')`); n != 0 {
			t.Errorf("%d messages count as read", n)
		}
	})
}

// The link in a caregiver's message opens as long as the grant holds.
func TestHelperLinkEndsWithTheGrant(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "old", given: "Otto"})
		exec := func(q string) {
			w.tx(func(ctx context.Context, tx *db.Tx) error { _, err := tx.ExecContext(ctx, q); return err })
		}
		exec(`insert into account (id, kind, name, email, phone, created_at) values ('mum', 'proxy', 'Rosa', 'rosa@mail.example', '+13125550199', 0)`)
		exec(`insert into account_grant (account, patient, name, rights, until_at, created_at, categories, basis) values
			('mum', 'old', 'Otto', 'messages.read message.read', 4000000000000000, 0, 'messages', 'patient')`)
		w.start(care())
		w.send()
		id := w.text(`select id from message where recipient = 'mum'`)
		pass, err := haletest.Doors(d).Check(t.Context(), access.LinkActor("l", "old", access.ReadMessage), access.ReadMessage, "old")
		must(w, err)
		if _, err := w.e.Content(t.Context(), pass, id); err != nil {
			t.Errorf("while the grant holds = %v", err)
		}
		exec(`update account_grant set until_at = 1`)
		if _, err := w.e.Content(t.Context(), pass, id); errs.KindOf(err) != errs.NotFound {
			t.Errorf("after the grant = %v, want not found", err)
		}
		if _, err := w.e.Content(t.Context(), haletest.Pass(t, d, "old", access.ReadMessages), id); err != nil {
			t.Errorf("the patient, signed in = %v", err)
		}
	})
}

// A digest of which nobody knows whether it left goes again, and in the end
// says so of each of its messages: none waits in it for ever.
func TestDigestInDoubt(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", email: "ada@mail.example"})
		w.tx(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `insert into preference (patient, topic, pace, updated_at) values ('ada', '*', 'daily', 0)`)
			return err
		})
		for _, purpose := range []string{"care", "education"} {
			o := care()
			o.Purpose = purpose
			w.start(o)
		}
		w.gate[reach.Email].answer = func(reach.Handoff) reach.Result { return reach.Result{Outcome: reach.Uncertain} }
		for i := range 4 {
			w.at(midday.Add(22*time.Hour + time.Duration(i)*10*time.Minute))
			w.sweepAll()
			w.send()
		}
		w.sweepAll()
		if n := len(w.gate[reach.Email].got()); n != 3 {
			t.Errorf("it was handed off %d times, want 3", n)
		}
		if n := w.count(`select count(*) from message where purpose in ('care', 'education') and state = 'undelivered'`); n != 2 {
			t.Errorf("%d of its two messages say that it may not have arrived", n)
		}
	})
}

// Whoever may not see what is specially protected does not get it to read
// aloud.
func TestScriptIsVeiled(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", email: "ada@mail.example"})
		o := care()
		o.Template.Sensitivity = 4
		w.start(o)
		w.send()
		id := w.text(`select id from message where patient = 'ada'`)
		pass := w.pass("ada", access.AnswerPatients)
		if s, err := w.e.Script(t.Context(), pass, id); err != nil || s.Text == "" {
			t.Errorf("who may see it reads %q, %v", s.Text, err)
		}
		w.tx(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `update shield set labels = $1 where typ = 'Message'`, int64(pass.Hidden()))
			return err
		})
		if s, err := w.e.Script(t.Context(), pass, id); err != nil || s.Text != "" || s.Title != "" || s.Closed == "" {
			t.Errorf("who may not see it reads %q, %q, %v", s.Text, s.Closed, err)
		}
	})
}
