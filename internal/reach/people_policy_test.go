package reach_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/care/consent"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// A word that takes a permission back is committed: from then on nothing is
// handed off, whoever plans, sends and answers at the same time.
func TestOptOutWinsAlways(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		list := many(40)
		for i := range list {
			list[i].email = ""
		}
		w.add(list...)
		var mu sync.Mutex
		gone := map[string]bool{} // patient → her refusal is committed
		var late []string
		r := rand.New(rand.NewPCG(21, 1))
		byNumber := map[string]string{}
		for _, p := range list {
			byNumber[p.sms] = p.id
		}
		// begun is what the ledger says, those of a claim under way included.
		const begun = `select coalesce(sum(attempts), 0) from message where patient = $1 and purpose = 'care'`
		w.gate[reach.SMS].free = func(h reach.Handoff) reach.Result {
			mu.Lock()
			again := r.IntN(3) == 0
			mu.Unlock()
			if again {
				return reach.Result{Outcome: reach.Temp, RetryAfter: time.Millisecond}
			}
			return reach.Result{Outcome: reach.Accepted, Ref: "ref-" + h.Key}
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.e.RunSender(ctx) }()
		store := consent.NewStore(d, haletest.IDs(), w.clock)
		store.Revoked = w.e.Revoked // as the house wires it
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range 3 {
				w.start(care())
				w.at(midday.Add(time.Duration(i+1) * 10 * time.Second))
			}
		})
		for n := range 3 {
			wg.Go(func() {
				for i := n; i < len(list); i += 3 {
					p := list[i]
					var err error
					switch i % 4 {
					case 0:
						err = w.e.Receipt(t.Context(), reach.Receipt{Channel: reach.SMS, From: p.sms, Kind: "replied", Text: "stop"})
					case 1:
						err = store.Add(t.Context(), w.pass(p.id, access.EditContacts), consent.Event{Channel: "*", Purpose: "care", Action: consent.Revoke, Method: "portal"})
					case 2:
						err = store.Add(t.Context(), w.pass(p.id, access.EditContacts), consent.Event{Channel: "sms", Purpose: "*", Action: consent.Revoke, Method: "staff"})
					default:
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					tries := w.count(begun, p.id)
					mu.Lock()
					gone[p.id] = true
					late = append(late, fmt.Sprint(p.id, "|", tries))
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		time.Sleep(100 * time.Millisecond)
		cancel()
		must(w, <-done)
		for _, l := range late {
			id, before, _ := strings.Cut(l, "|")
			// There may be fewer: what was claimed and had not left was given back.
			if after := w.count(begun, id); after > number(before) {
				t.Errorf("%s refused after %s attempts, there are %d", id, before, after)
			}
		}
		if n := w.count(`select count(*) from revocation where honoured_at = 0`); n != 0 || len(gone) < 25 {
			t.Errorf("%d words are not honoured; %d people refused", n, len(gone))
		}
		if n := w.count(`select count(*) from attempt`); n == 0 {
			t.Error("nothing was sent at all: this shows nothing")
		}
	})
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

// Every intent has ended when its time is over, whatever became of it.
func TestEveryIntentEnds(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		list := many(60)
		for i := range list {
			switch i % 5 {
			case 0:
				list[i].email = ""
			case 1:
				list[i].sms = ""
			case 2:
				list[i].sms, list[i].email = "", ""
			}
		}
		w.add(list...)
		r := rand.New(rand.NewPCG(5, 9))
		var mu sync.Mutex // each gateway has its own lock, and both draw
		answer := func(reach.Handoff) reach.Result {
			mu.Lock()
			defer mu.Unlock()
			return reach.Result{Outcome: []reach.Outcome{reach.Accepted, reach.Rejected, reach.Temp, reach.Uncertain}[r.IntN(4)], RetryAfter: time.Hour}
		}
		w.gate[reach.SMS].answer, w.gate[reach.Email].answer = answer, answer
		var ids []string
		for range 3 {
			o := care()
			o.ExpireDays, o.Holdout = 3, 0.2
			ids = append(ids, w.start(o))
		}
		for day := range 5 {
			w.at(midday.Add(time.Duration(day)*24*time.Hour + time.Hour))
			must(w, w.e.Sweep(t.Context()))
			w.send()
		}
		must(w, w.e.Sweep(t.Context()))
		if n := w.count(`select count(*) from intent where state in ('active', 'deferred') and expires_at <= $1`, w.clock().UnixMicro()); n != 0 {
			t.Errorf("%d intents have not ended with their time", n)
		}
		for _, id := range ids {
			w.progress(id) // each person is in exactly one state
		}
	})
}

// What may wait goes in one message a day, and each intent is accounted for.
func TestDigest(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", email: "ada@mail.example"}, who{id: "bob", email: "bob@mail.example"})
		w.tx(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `insert into preference (patient, topic, pace, updated_at) values ('ada', '*', 'daily', 0)`)
			return err
		})
		one := care()
		two := care()
		two.Purpose, two.Name = "education", "Eat well"
		first, second := w.start(one), w.start(two)
		w.send()
		if got := w.gate[reach.Email].got(); len(got) != 2 || got[0].To != "bob@mail.example" || got[1].To != "bob@mail.example" {
			t.Fatalf("on the first day = %d mails, want both of bob's alone", len(got))
		}
		w.at(midday.Add(22 * time.Hour)) // 10:30 on the next day
		w.sweepAll()
		w.send()
		got := w.gate[reach.Email].got()
		if len(got) != 3 || got[2].To != "ada@mail.example" || strings.Count(got[2].Text, "https://rfm.example/m/") != 2 || !strings.Contains(got[2].Text, "/w/") {
			t.Fatalf("on the next day = %d mails; the last: %+v", len(got), got[len(got)-1])
		}
		w.sweepAll()
		if n := w.count(`select count(*) from message where patient = 'ada' and outreach <> '' and state = 'accepted' and accepted_at > 0`); n != 2 {
			t.Errorf("%d of ada's two messages are accounted for", n)
		}
		if n := w.count(`select coalesce(sum(n), 0) from cap_ledger where address_hash = 'ada'`); n != 1 {
			t.Errorf("the digest counts %d times, want once", n)
		}
		for _, id := range []string{first, second} {
			if p := w.progress(id); p.Intents["active"] != 2 {
				t.Errorf("intents = %+v", p.Intents)
			}
		}
	})
}

// A topic that is refused after the digest was made does not go in it.
func TestDigestTakenApart(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", email: "ada@mail.example"})
		w.tx(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `insert into preference (patient, topic, pace, updated_at) values ('ada', '*', 'daily', 0)`)
			return err
		})
		for _, purpose := range []string{"care", "education", "survey"} {
			o := care()
			o.Purpose = purpose
			w.start(o)
		}
		w.at(midday.Add(22 * time.Hour))
		w.sweepAll()
		store := consent.NewStore(d, haletest.IDs(), w.clock)
		must(w, store.Add(t.Context(), w.pass("ada", access.EditContacts), consent.Event{Channel: "*", Purpose: "education", Action: consent.Revoke, Method: "portal"}))
		w.send()
		if got := w.gate[reach.Email].got(); len(got) != 0 {
			t.Fatalf("a digest left with a topic that was refused: %+v", got[0])
		}
		w.sweepAll()
		w.send()
		got := w.gate[reach.Email].got()
		if len(got) != 1 || strings.Count(got[0].Text, "https://rfm.example/m/") != 2 {
			t.Fatalf("after it was taken apart = %d mails: %+v", len(got), got)
		}
		if n := w.count(`select count(*) from message where purpose = 'education' and state = 'suppressed' and attempts = 0`); n != 1 {
			t.Errorf("the refused one is not held: %d", n)
		}
	})
}

// sweepAll does what is done every minute.
func (w *world) sweepAll() {
	w.t.Helper()
	must(w, w.e.Handlers()["reach.sweep"](w.t.Context(), nil))
}

// A child's messages go to the parent and name the child; nothing that the
// law protects more does, and nothing after the grant has ended.
func TestHelperGetsIt(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "kid", given: "Mia Rose", sms: "+13125550150"}, who{id: "old", given: "Otto"}, who{id: "able", given: "Ann", sms: "+13125550151"})
		w.tx(func(ctx context.Context, tx *db.Tx) error {
			for _, q := range []string{
				`update person set born = '2019-05-04' where id = 'kid'`,
				`insert into account (id, kind, name, email, phone, created_at) values ('mum', 'proxy', 'Rosa', 'rosa@mail.example', '+13125550199', 0)`,
				`insert into account_grant (account, patient, name, rights, until_at, created_at, categories, basis) values
					('mum', 'kid', 'Mia', 'messages.read message.read', 4000000000000000, 0, 'messages', 'parent'),
					('mum', 'old', 'Otto', 'messages.read message.read', 4000000000000000, 0, 'messages', 'patient'),
					('mum', 'able', 'Ann', 'messages.read message.read', 4000000000000000, 0, 'messages', 'patient')`,
			} {
				if _, err := tx.ExecContext(ctx, q); err != nil {
					return err
				}
			}
			return nil
		})
		w.start(care())
		w.send()
		to := map[string]string{}
		for _, h := range w.gate[reach.SMS].got() {
			to[w.text(`select patient from message where id = $1`, h.Message)] = h.To + " " + h.Text
		}
		if !strings.HasPrefix(to["kid"], "+13125550199 About Mia:") || !strings.HasPrefix(to["able"], "+13125550151 ") {
			t.Errorf("texts = %v", to)
		}
		if got := w.text(`select recipient from intent where patient = 'old'`); got != "mum" {
			t.Errorf("who cannot be reached otherwise goes to %q", got)
		}
		if got := w.text(`select recipient from message where patient = 'able'`); got != "" {
			t.Errorf("who can be reached goes to %q", got)
		}
		protected := care()
		protected.Template.Sensitivity = 4
		w.at(midday.Add(10 * 24 * time.Hour))
		w.start(protected)
		if n := w.count(`select count(*) from message where recipient <> '' and outreach in (select id from outreach where plan like '%"sensitivity":4%')`); n != 0 {
			t.Errorf("%d specially protected messages go to a helper", n)
		}
	})
}

// A share of people gets nothing of all that they could be held out of, drawn
// with a seed of its own, and nobody is held out of a result.
func TestHeldOutOfEverything(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(400)...)
		w.tx(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `insert into reach_rule (id, kind, name, value, loosens, made_by, made_at, agreed_by, from_at) values ('r', 'holdout', '*', '0.25', 1, 'a', 1, 'b', 1)`)
			return err
		})
		held := func(id string) string {
			list, err := db.All(t.Context(), d, db.Value[string], `select patient from intent where outreach = $1 and state = 'holdout' and held_by = 'everything' order by patient`, id)
			must(w, err)
			return strings.Join(list, " ")
		}
		first := held(w.start(care()))
		second := held(w.start(care()))
		if n := len(strings.Fields(first)); first != second || n < 60 || n > 140 {
			t.Errorf("%d held out of the first, the same of the second: %t", n, first == second)
		}
		if got := w.text(`select cast(min(assignment_p) as text) from intent`); got != "0.25" {
			t.Errorf("assignment_p = %s", got)
		}
		result := care()
		result.Purpose = "clinical_result"
		if got := held(w.start(result)); got != "" {
			t.Errorf("held out of a result: %s", got)
		}
	})
}

// Words that are not clear count, and staff can say that none was meant.
func TestAmbiguousStop(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142"})
		w.start(care())
		w.send()
		must(w, w.e.Receipt(t.Context(), reach.Receipt{Channel: reach.SMS, From: "+13125550142", Kind: "replied", Text: "too many texts"}))
		everyone := w.run(access.AnswerPatients)
		list, err := w.e.RevocationsOpen(t.Context(), everyone)
		if err != nil || len(list) != 1 || list[0].Sure || list[0].Said != "too many texts" || !list[0].Open() || list[0].Honoured.IsZero() || list[0].Due.Before(w.clock().AddDate(0, 0, 10)) {
			t.Fatalf("Revocations = %+v, %v", list, err)
		}
		if n := w.count(`select count(*) from suppression`); n != 1 {
			t.Errorf("it does not count: %d", n)
		}
		must(w, w.e.ReviewRevocation(t.Context(), w.pass("ada", access.AnswerPatients), list[0].ID, false))
		if n := w.count(`select count(*) from suppression`); n != 0 {
			t.Errorf("still blocked after it was none: %d", n)
		}
		if got := w.text(`select status from contact_point where patient = 'ada'`); got != "active" {
			t.Errorf("status = %s", got)
		}
		if clock, err := w.e.RevocationClock(t.Context(), everyone); err != nil || clock.All != 1 || clock.Unsure != 0 || clock.Late != 0 {
			t.Errorf("RevocationClock = %+v, %v", clock, err)
		}
		if err := w.e.ReviewRevocation(t.Context(), w.pass("ada", access.AnswerPatients), list[0].ID, true); err == nil {
			t.Error("reviewed twice")
		}
	})
}

func TestReadBlocks(t *testing.T) {
	list, bad, err := reach.ReadBlocks(strings.NewReader("address,reason\nada@mail.example,asked\n(312) 555-0142\nnobody\n\n\"x@y.example\",\"a, b\"\n"), "the old system")
	if err != nil || len(list) != 3 || len(bad) != 1 || bad[0] != 4 || list[0].Why != "the old system: asked" || list[1].Value != "+13125550142" || list[1].Channel != reach.SMS {
		t.Errorf("ReadBlocks = %+v, %v, %v", list, bad, err)
	}
}

func FuzzReadBlocks(f *testing.F) {
	f.Add("ada@mail.example,asked\n+13125550142\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, _, err := reach.ReadBlocks(strings.NewReader(text), "why")
		for _, b := range list {
			if err != nil || b.Value == "" || b.Channel == "" || b.Scope != "*" {
				t.Errorf("ReadBlocks(%q) = %+v, %v", text, b, err)
			}
		}
	})
}

// An offer goes to who signed for it. The author may choose an exception, but
// not where somebody pays the clinic; then the signature has to say so.
func TestOfferNeedsSignature(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		offer := func(x reach.Exception, paid bool) reach.Outreach {
			o := care()
			o.Purpose, o.Exception, o.Paid = "marketing", x, paid
			return o
		}
		w := newWorld(t, d)
		w.add(who{id: "signed", email: "a@mail.example"}, who{id: "paid", email: "b@mail.example"}, who{id: "unsigned", email: "c@mail.example"}, who{id: "taker", email: "d@mail.example"})
		store := consent.NewStore(d, haletest.IDs(), w.clock)
		for id, paid := range map[string]bool{"signed": false, "paid": true} {
			must(w, store.Sign(t.Context(), w.pass(id, access.EditContacts), consent.Paper{Purpose: "marketing", Describes: "offers", Paid: paid, SignedBy: id, SignedHow: "on paper", Signed: midday.AddDate(0, -1, 0), Until: midday.AddDate(1, 0, 0)}))
		}
		w.tx(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `insert into medication (patient, id, code, name, dose, status, why, prescriber, authored, refills, reported, source, updated_at) values ('taker', 'm', '', 'x', '', 'active', '', '', 0, -1, 0, '', 0)`)
			return err
		})
		w.at(midday.Add(time.Hour))
		got := func(o reach.Outreach) string {
			id := w.start(o)
			w.send()
			list, err := db.All(t.Context(), d, db.Value[string], `select patient from message where outreach = $1 and state = 'accepted' order by patient`, id)
			must(w, err)
			w.at(w.clock().AddDate(0, 0, 20)) // past the caps
			return strings.Join(list, " ")
		}
		for _, tt := range []struct {
			o    reach.Outreach
			want string
		}{{offer("", false), "paid signed"}, {offer("", true), "paid"}, {offer(reach.ForTreatment, false), "paid signed taker unsigned"}, {offer(reach.ForRefill, false), "paid signed taker"}} {
			if g := got(tt.o); g != tt.want {
				t.Errorf("exception %q, paid %t: went to %q, want %q", tt.o.Exception, tt.o.Paid, g, tt.want)
			}
		}
		for _, bad := range []reach.Outreach{offer(reach.ForTreatment, true), offer("gift", false)} {
			if _, err := w.e.Save(t.Context(), w.run(access.RunOutreach), bad); err == nil {
				t.Errorf("Save of exception %q, paid %t = nil error", bad.Exception, bad.Paid)
			}
		}
	})
}

// How somebody may be reached is said of each purpose by what is blocked for
// it: a block of one leaves the others.
func TestReachableByPurpose(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142"}, who{id: "bob", sms: "+13125550143"})
		by := func(patient string) map[string]policy.Verdict {
			to, err := w.e.Reachable(t.Context(), w.pass(patient, access.ReadContacts))
			must(w, err)
			verdicts := map[string]policy.Verdict{}
			for _, p := range to.Purposes {
				verdicts[p.Key] = p.Verdict
			}
			return verdicts
		}
		before := by("ada")
		n, err := w.e.Block(t.Context(), w.run(access.AnswerPatients), reach.Block{Channel: reach.SMS, Value: "+13125550142", Scope: "billing", Reason: "staff", Why: "She asked for letters."})
		if err != nil || n != 1 {
			t.Fatalf("Block = %d, %v", n, err)
		}
		after := by("ada")
		for key, was := range before {
			if now := after[key]; key == "billing" && now == was || key != "billing" && now != was {
				t.Errorf("%s is %s after a block of bills alone, was %s", key, now, was)
			}
		}
		if got := by("bob"); got["billing"] != before["billing"] {
			t.Errorf("somebody else's bills are %s, were %s", got["billing"], before["billing"])
		}
	})
}
