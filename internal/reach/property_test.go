package reach_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/segment"
	"hale/internal/store/db"
)

// Any order and any repetition of the same receipts end in the same state.
func TestReceiptIsOrderFree(t *testing.T) {
	at := func(m int) time.Time { return midday.Add(time.Duration(m) * time.Minute) }
	receipts := []reach.Receipt{
		{Kind: "delivered", At: at(1), Dedupe: "1"}, {Kind: "delivered", At: at(2), Dedupe: "2"}, {Kind: "link_fetched", At: at(1), Actor: reach.Machine, Dedupe: "3"},
		{Kind: "undelivered", At: at(3), Dedupe: "4"}, {Kind: "revealed", At: at(9), Actor: reach.Human, Dedupe: "5"}, {Kind: "acknowledged", At: at(7), Actor: reach.Human, Dedupe: "6"},
		{Kind: "revealed", At: at(4), Actor: reach.Machine, Dedupe: "7"}, {Kind: "acted", At: at(10), Actor: reach.Human, Dedupe: "8"},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(40)...)
		w.start(care())
		w.send()
		r := rand.New(rand.NewPCG(5, 6))
		const q = `select state || ' ' || accepted_at || ' ' || delivered_at || ' ' || first_seen_at || ' ' || acted_at from message where id = $1`
		var want string
		for n, h := range w.gate[reach.SMS].got() {
			list := slices.Concat(receipts, receipts[:r.IntN(len(receipts))])
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			for i, rc := range list {
				if i%2 == 0 {
					rc.Message = h.Key
				} else {
					rc.ProviderRef = "ref-" + h.Key
				}
				must(w, w.e.Receipt(t.Context(), rc))
			}
			got := w.text(q, h.Message)
			if n == 0 {
				want = got
				if !strings.HasPrefix(got, "acted ") || !strings.Contains(got, fmt.Sprint(at(7).UnixMicro())) {
					t.Fatalf("final state = %s", got)
				}
			}
			if got != want {
				t.Fatalf("final state = %s, want %s; order %v", got, want, list)
			}
		}
		if n := w.count(`select count(*) from message_event`); n != 40*len(receipts) {
			t.Errorf("events = %d, want each once: %d", n, 40*len(receipts))
		}
	})
}

// A receipt may come before the answer that names its message.
func TestReceiptComesEarly(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142"})
		w.start(care())
		must(w, w.e.Receipt(t.Context(), reach.Receipt{ProviderRef: "SM1", Kind: "delivered", At: midday, Dedupe: "x"}))
		w.gate[reach.SMS].answer = func(reach.Handoff) reach.Result { return reach.Result{Outcome: reach.Accepted, Ref: "SM1"} }
		w.send()
		if got := w.text(`select state from message`); got != "delivered" {
			t.Errorf("state = %s, want delivered", got)
		}
	})
}

// Planners at the same time never promise more than a cap allows.
func TestCapsHoldUnderConcurrency(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		list := many(30)
		for i := range list {
			list[i].email = ""
			if i%3 == 0 { // a shared telephone counts once for all who share it
				list[i].sms, list[i].shared = "+13125550142", true
			}
		}
		w.add(list...)
		pass := w.run("outreach.run")
		var ids []string
		for range 8 {
			o, err := w.e.Save(t.Context(), pass, care())
			must(w, err)
			must(w, w.e.Start(t.Context(), pass, o.ID))
			ids = append(ids, o.ID)
		}
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				if err := w.e.Plan(t.Context(), ids[i%len(ids)]); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		over := w.count(`select count(*) from (select address_hash from message where channel = 'sms' group by address_hash having count(*) > 1) x`)
		if over > 0 {
			t.Errorf("%d numbers were promised more than one text on a day", over)
		}
		if n := w.count(`select count(*) from message`); n != 21 {
			t.Errorf("texts = %d, want 21: one for each number", n)
		}
		for _, id := range ids {
			if p := w.progress(id); p.Planned != 30 {
				t.Errorf("planned %d of 30", p.Planned)
			}
		}
		if n := w.count(`select coalesce(max(n), 0) from cap_ledger`); n > 1 {
			t.Errorf("the caps' ledger holds %d for one day", n)
		}
	})
}

// People are decided on while those before them are written: who shares a
// number with one of these gets no second text on it.
func TestCapsHoldAcrossBatches(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		const numbers = reach.PlanBatch + 100
		list := many(2 * numbers)
		for i := range list {
			list[i].email, list[i].sms, list[i].shared = "", list[i%numbers].sms, true
		}
		w.add(list...)
		id := w.start(care())
		if n := w.count(`select count(*) from message`); n != numbers {
			t.Errorf("texts = %d, want %d: one for each number", n, numbers)
		}
		if n := w.count(`select coalesce(max(n), 0) from cap_ledger where channel = 'sms'`); n != 1 {
			t.Errorf("the caps' ledger holds %d for one day", n)
		}
		if p := w.progress(id); p.Planned != 2*numbers || p.Intents["deferred"] != numbers {
			t.Errorf("planned %d of %d, put off %d", p.Planned, 2*numbers, p.Intents["deferred"])
		}
	})
}

// A cap that was hit puts people off; they are asked again when it is over.
func TestDeferredComesBack(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142"})
		w.start(care())
		second := w.start(care())
		w.send()
		if p := w.progress(second); p.Intents["deferred"] != 1 {
			t.Fatalf("second outreach on the same day = %+v, want it put off", p.Intents)
		}
		w.at(midday.Add(24 * time.Hour))
		must(w, w.e.Sweep(t.Context()))
		w.send()
		if p := w.progress(second); p.Intents["active"] != 1 || len(w.gate[reach.SMS].got()) != 2 {
			t.Errorf("the day after = %+v, %d texts", p.Intents, len(w.gate[reach.SMS].got()))
		}
	})
}

// Stopping gives the promised places under the caps back.
func TestStopGivesCapsBack(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142"})
		id := w.start(care())
		must(w, w.e.Stop(t.Context(), w.run("outreach.run"), id))
		if n := w.count(`select coalesce(sum(n), 0) from cap_ledger`); n != 0 {
			t.Errorf("promised after the stop: %d", n)
		}
		if p := w.progress(id); p.Intents["cancelled"] != 1 || p.Messages[reach.SMS]["cancelled"] != 1 {
			t.Errorf("Progress = %+v", p)
		}
	})
}

// A word taken back at any moment ends the handing off; nothing goes after.
func TestRevokedAtAnyTime(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		list := many(60)
		for i := range list {
			list[i].email = ""
		}
		w.add(list...)
		r := rand.New(rand.NewPCG(7, 8))
		stopped := map[string]int{} // number → texts handed off before its STOP
		var mu sync.Mutex
		w.gate[reach.SMS].answer = func(reach.Handoff) reach.Result {
			if r.IntN(3) == 0 {
				return reach.Result{Outcome: reach.Temp, RetryAfter: time.Second}
			}
			return reach.Result{Outcome: reach.Uncertain}
		}
		w.start(care())
		links := func(to string) (n int) {
			for _, h := range w.gate[reach.SMS].got() {
				if h.To == to && strings.Contains(h.Text, "/m/") {
					n++
				}
			}
			return n
		}
		for round := range 6 {
			w.send()
			for _, p := range list {
				if _, done := stopped[p.sms]; !done && r.IntN(4) == 0 {
					must(w, w.e.Receipt(t.Context(), reach.Receipt{Channel: reach.SMS, From: p.sms, Kind: "replied", Text: "STOP"}))
					mu.Lock()
					stopped[p.sms] = links(p.sms)
					mu.Unlock()
				}
			}
			w.at(midday.Add(time.Duration(round+1) * 5 * time.Minute))
		}
		for number, before := range stopped {
			if after := links(number); after != before {
				t.Errorf("%d texts before STOP, %d at the end", before, after)
			}
		}
		if len(stopped) < 10 {
			t.Errorf("only %d stopped: the property was hardly tried", len(stopped))
		}
	})
}

// Two that share an address are one household and drawn together.
func TestHouseholds(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var list []who
		for i := range 200 {
			list = append(list, who{id: fmt.Sprintf("h%03d", i), sms: fmt.Sprintf("+1312555%04d", i/2), shared: true})
		}
		w.add(list...)
		o := care()
		o.Holdout, o.Households, o.Segment = 0.3, true, segment.Expr{Sex: "female"}
		w.start(o)
		split := w.count(`select count(*) from (select c.value from intent i join contact_point c on c.patient = i.patient
			group by c.value having count(distinct case when i.assignment = 'holdout' then 'h' else 't' end) > 1) x`)
		held := w.count(`select count(*) from intent where assignment = 'holdout' and assignment_p = 0.3`)
		if split > 0 || held < 20 || held > 110 {
			t.Errorf("%d households were split, %d people held out", split, held)
		}
	})
}

func TestUnderstand(t *testing.T) {
	tests := map[string]reach.Meaning{
		"STOP": reach.Stop, " stop. ": reach.Stop, "Stop All": reach.Stop, "UNSUBSCRIBE": reach.Stop, "quit": reach.Stop, "Cancel": reach.Stop, "REVOKE": reach.Stop, "opt out": reach.Stop,
		"please stop texting me": reach.Stop, "Don't text me again": reach.Stop, "do not contact me": reach.Stop, "take me off your list": reach.Stop, "STOP!!": reach.Stop, "no me escriban más": reach.Stop,
		"Stop, thank you": reach.Stop, "start": reach.StartAgain, "HELP": reach.Help, "wrong number": reach.WrongPerson, "Número equivocado": reach.WrongPerson,
		"Yes I will come": reach.Other, "Can we meet at the bus stop?": reach.Other, "": reach.Other, "I cannot cancel my trip, sorry": reach.Other,
	}
	for text, want := range tests {
		if got := reach.Understand(text); got != want {
			t.Errorf("Understand(%q) = %s, want %s", text, got, want)
		}
	}
}

func FuzzUnderstand(f *testing.F) {
	for _, s := range []string{"STOP", "stop texting", "", "\xff", "wrong number"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if reach.Understand(text) == "" {
			t.Errorf("Understand(%q) says nothing", text)
		}
	})
}

// A sign-in code goes out at night, without a draw, and to nobody twice.
func TestSendNow(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.at(time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC))
		must(w, w.e.SendNow(t.Context(), reach.Direct{Purpose: "security", Channel: reach.SMS, To: "+13125550142", Lang: "en", Text: "Your code is 123456."}))
		w.send()
		if got := w.gate[reach.SMS].got(); len(got) != 1 || got[0].Text != "Your code is 123456." || got[0].To != "+13125550142" {
			t.Errorf("sent = %+v", got)
		}
		if err := w.e.SendNow(t.Context(), reach.Direct{Purpose: "care", Channel: reach.SMS, To: "+13125550142", Text: "x"}); err == nil {
			t.Error("SendNow of a care reminder = nil error, want one: it would miss the rules")
		}
		must(w, w.e.SendNow(t.Context(), reach.Direct{Channel: reach.SMS, To: "+13125550142", Text: "Too late."}))
		w.at(w.clock().Add(16 * time.Minute))
		w.send()
		if got := w.gate[reach.SMS].got(); len(got) != 1 {
			t.Errorf("an old code was sent: %+v", got)
		}
	})
}
