package reach_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/store/db"
)

// The whole way of one outreach: planned, sent, seen, answered.
func TestEngineOutreach(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "maria", given: "Maria", sms: "+13125550142", email: "maria@mail.example"}, who{id: "bob", given: "Bob", email: "bob@mail.example"},
			who{id: "carl"}, who{id: "dora", sms: "+13125550143", deceased: true}, who{id: "eve", account: true})
		id := w.start(care())
		w.send()
		p := w.progress(id)
		if p.Intents["active"] != 3 || p.Intents["blocked"] != 2 {
			t.Fatalf("Progress = %+v", p)
		}
		texts, mails := w.gate[reach.SMS].got(), w.gate[reach.Email].got()
		if len(texts) != 1 || texts[0].To != "+13125550142" || !strings.Contains(texts[0].Text, "https://rfm.example/m/") || strings.Contains(texts[0].Text, "eye") || strings.Contains(texts[0].Text, "Maria") {
			t.Errorf("texts = %+v, want one neutral text to Maria", texts)
		}
		if len(mails) != 1 || mails[0].To != "bob@mail.example" || !strings.Contains(mails[0].Text, "eye exam") || mails[0].Level != policy.L2 {
			t.Errorf("mails = %+v, want one full e-mail to Bob that requires TLS", mails)
		}
		if got := w.gate[reach.Inbox].got(); len(got) != 1 {
			t.Errorf("inbox = %+v, want Eve's", got)
		}

		message := texts[0].Message
		c, err := w.e.Content(t.Context(), haletest.Pass(t, d, "maria", access.ReadMessage), message)
		if err != nil || c.Title != "Time for your eye exam" || !strings.Contains(c.Body, "Hello Maria") || c.Service != "eye-exam" || c.ToMasked != "42" {
			t.Errorf("Content = %+v, %v", c, err)
		}
		if _, err := w.e.Content(t.Context(), haletest.Pass(t, d, "bob", access.ReadMessage), message); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Content of another's message = %v, want not found", err)
		}
		if err := w.e.Mark(t.Context(), haletest.Pass(t, d, "bob", access.ReadMessage), message, "revealed", nil); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Mark of another's message = %v, want not found", err)
		}
		for range 2 {
			if err := w.e.Mark(t.Context(), haletest.Pass(t, d, "maria", access.ReadMessage), message, "revealed", nil); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.text(`select state from intent where patient = 'maria'`); got != "satisfied" {
			t.Errorf("intent after revealed = %s", got)
		}
		w.at(midday.Add(72 * time.Hour))
		if err := w.e.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.count(`select count(*) from message where patient = 'maria'`); n != 1 {
			t.Errorf("messages to Maria after she has seen one = %d, want 1", n)
		}
		trail, err := w.e.Trail(t.Context(), w.pass("maria", access.ReadDecisions), id)
		if err != nil || len(trail.Steps) < 5 || len(trail.Choices) == 0 {
			t.Fatalf("Trail = %+v, %v", trail, err)
		}
		if list, err := w.e.Copies(t.Context(), w.pass("maria", access.ReadMessages), id); err != nil || len(list) != 1 || list[0].Message != message {
			t.Errorf("Copies = %+v, %v, want the one text", list, err)
		}
		if _, err := w.e.Copies(t.Context(), w.pass("maria", access.ReadDecisions), id); err == nil {
			t.Error("Copies with a pass for decisions = nil error, want one")
		}
		for _, s := range trail.Steps {
			t.Log(s.Kind, s.Words)
		}
		if _, err := w.e.Trail(t.Context(), haletest.Pass(t, d, "maria", access.ReadMessages), id); err == nil {
			t.Error("Trail with a pass for something else = nil error, want one")
		}
		in, err := w.e.Inbox(t.Context(), haletest.Pass(t, d, "maria", access.ReadMessages))
		if err != nil || len(in) != 1 || in[0].Message != message {
			t.Errorf("Inbox = %+v, %v", in, err)
		}
	})
}

// Unseen messages go on to the next channel, and end.
func TestEngineWaterfall(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142", email: "ada@mail.example", account: true})
		id := w.start(care())
		w.send()
		for i, want := range []int{1, 2, 3, 3} {
			if n := w.count(`select count(*) from message where patient = 'ada' and state in ('accepted', 'delivered')`); n != want {
				t.Fatalf("after step %d: %d messages, want %d", i, n, want)
			}
			w.at(w.clock().Add(49 * time.Hour))
			if err := w.e.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.send()
		}
		if p := w.progress(id); p.Intents["exhausted"] != 1 || p.State != reach.Done {
			t.Errorf("Progress at the end = %+v", p)
		}
		// A late reader still counts.
		m := w.gate[reach.SMS].got()[0].Message
		if err := w.e.Mark(t.Context(), haletest.Pass(t, d, "ada", access.ReadMessage), m, "revealed", nil); err != nil {
			t.Fatal(err)
		}
		if p := w.progress(id); p.Intents["satisfied"] != 1 {
			t.Errorf("Progress after a late look = %+v", p)
		}
	})
}

func TestEngineStops(t *testing.T) {
	stops := map[string]func(*world, string){
		"STOP from the phone": func(w *world, _ string) {
			must(w, w.e.Receipt(w.t.Context(), reach.Receipt{Channel: reach.SMS, From: "+13125550142", Kind: "replied", Text: "Stop texting me please"}))
		},
		"not this person": func(w *world, _ string) {
			must(w, w.e.Receipt(w.t.Context(), reach.Receipt{Channel: reach.SMS, From: "+13125550142", Kind: "replied", Text: "wrong number"}))
		},
		"opted out by the link": func(w *world, _ string) {
			must(w, w.e.Mark(w.t.Context(), haletest.Pass(w.t, w.d, "ada", access.ReadMessage), w.text(`select id from message where patient = 'ada'`), "opted_out", "all"))
		},
		"consent taken back elsewhere": func(w *world, _ string) {
			_, err := w.d.ExecContext(w.t.Context(), `insert into consent_event (id, patient, channel, purpose, action, method, actor, at) values ('c', 'ada', '*', 'care', 'revoke', 'staff', 'x', 1)`)
			must(w, err)
		},
		"outreach stopped": func(w *world, id string) { must(w, w.e.Stop(w.t.Context(), w.run(access.RunOutreach), id)) },
		"outreach paused":  func(w *world, id string) { must(w, w.e.Pause(w.t.Context(), w.run(access.RunOutreach), id)) },
		"switch for all":   func(w *world, _ string) { must(w, w.e.Switch(w.t.Context(), w.run(access.RunOutreach), "*", true)) },
		"died since": func(w *world, _ string) {
			_, err := w.d.ExecContext(w.t.Context(), `update person set deceased = 1 where id = 'ada'`)
			must(w, err)
		},
	}
	for name, stop := range stops {
		t.Run(name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				w.add(who{id: "ada", sms: "+13125550142"})
				id := w.start(care())
				stop(w, id)
				if name == "switch for all" {
					w.d.ExecContext(t.Context(), `update message set not_before = not_before + 1`)
				} else {
					w.send()
				}
				for _, h := range w.gate[reach.SMS].got() {
					if strings.Contains(h.Text, "/m/") {
						t.Errorf("sent after it was stopped: %q", h.Text)
					}
				}
				w.progress(id)
			})
		})
	}
}

func must(w *world, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestEngineFailures(t *testing.T) {
	tests := []struct {
		name    string
		purpose string
		answer  reach.Result
		state   string // of the text message
		doubt   int
	}{
		{name: "accepted", purpose: "care", answer: reach.Result{Outcome: reach.Accepted, Ref: "r1"}, state: "accepted"},
		{name: "refused for good", purpose: "care", answer: reach.Result{Outcome: reach.Rejected, Code: "5.7.1"}, state: "undelivered"},
		{name: "not now", purpose: "care", answer: reach.Result{Outcome: reach.Temp}, state: "scheduled"},
		{name: "unknown, care", purpose: "care", answer: reach.Result{Outcome: reach.Uncertain}, state: "scheduled", doubt: 1},
		{name: "unknown, survey", purpose: "survey", answer: reach.Result{Outcome: reach.Uncertain}, state: "uncertain", doubt: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				w.add(who{id: "ada", sms: "+13125550142"})
				tries := 0
				w.gate[reach.SMS].answer = func(reach.Handoff) reach.Result {
					if tries++; tries > 1 {
						return reach.Result{Outcome: reach.Temp}
					}
					return tt.answer
				}
				o := care()
				o.Purpose = tt.purpose
				id := w.start(o)
				w.send()
				if got := w.text(`select state from message where channel = 'sms'`); got != tt.state {
					t.Errorf("state = %s, want %s", got, tt.state)
				}
				if p := w.progress(id); p.InDoubt != tt.doubt {
					t.Errorf("in doubt = %d, want %d", p.InDoubt, tt.doubt)
				}
			})
		})
	}
}

// A refusal that blames the address is remembered; one that blames the
// message is not.
func TestEngineBadAddress(t *testing.T) {
	tests := []struct {
		name, code, detail, want string
	}{
		{name: "no such mailbox", code: "550", detail: "5.1.1 no such user", want: "bounced"},
		{name: "no such mailbox, in few words", code: "550", detail: "no", want: "bounced"},
		{name: "closed mailbox", code: "550", detail: "5.2.1 disabled", want: "bounced"},
		{name: "policy", code: "550", detail: "5.7.1 looks like spam", want: "active"},
		{name: "too large", code: "552", detail: "5.3.4 too big", want: "active"},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for i, tt := range tests {
			w.gate[reach.Email].answer = func(reach.Handoff) reach.Result {
				return reach.Result{Outcome: reach.Rejected, Code: tt.code, Detail: tt.detail}
			}
			id := fmt.Sprint("p", i)
			w.add(who{id: id, email: id + "@mail.example"})
			o := care()
			o.Segment = segment.Expr{Patients: []string{id}}
			w.start(o)
			w.send()
			if got := w.text(`select status from contact_point where patient = $1`, id); got != tt.want {
				t.Errorf("%s: address = %s, want %s", tt.name, got, tt.want)
			}
		}
	})
}

// A message in doubt is asked about before it is sent again.
func TestEngineReconcile(t *testing.T) {
	tests := []struct {
		name   string
		answer reach.Result
		ok     bool
		sent   int
	}{
		{name: "it arrived", answer: reach.Result{Outcome: reach.Accepted}, ok: true, sent: 1},
		{name: "it did not", answer: reach.Result{Outcome: reach.Temp}, ok: true, sent: 2},
		{name: "nobody knows", sent: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				w.add(who{id: "ada", sms: "+13125550142"})
				g := w.gate[reach.SMS]
				g.answer = func(h reach.Handoff) reach.Result {
					if len(g.sent) > 1 {
						return reach.Result{Outcome: reach.Accepted}
					}
					// The connection broke; asked at once, the peer says nothing
					// either, and later what it knows.
					return reach.Result{Outcome: reach.Uncertain}
				}
				asked := 0
				g.reconcile = func() (reach.Result, bool) {
					asked++
					return tt.answer, tt.ok && asked > 1
				}
				w.start(care())
				w.send()
				if got := len(g.got()); got != tt.sent {
					t.Errorf("sent %d times, want %d", got, tt.sent)
				}
				if got := w.text(`select state || in_doubt from message`); got != "accepted1" {
					t.Errorf("message = %s, want accepted, and listed as in doubt", got)
				}
			})
		})
	}
}

// A channel without a gateway is not planned for.
func TestEngineWithoutGateway(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142", email: "ada@mail.example"})
		w.e = engine(d, w.clock, w.gate[reach.Email])
		w.start(care())
		w.send()
		if got := w.gate[reach.Email].got(); len(got) != 1 {
			t.Errorf("e-mails = %d, want 1", len(got))
		}
	})
}

// A server that turns out to have no verified TLS gets a notice instead.
func TestEngineTLSFallback(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "bob", email: "bob@mail.example"})
		w.gate[reach.Email].answer = func(h reach.Handoff) reach.Result {
			if h.Level > policy.L0 {
				return reach.Result{Outcome: reach.Rejected, Code: "tls_insufficient"}
			}
			return reach.Result{Outcome: reach.Accepted}
		}
		w.start(care())
		w.send()
		must(w, w.e.Sweep(t.Context()))
		w.send()
		got := w.gate[reach.Email].got()
		if len(got) != 2 || got[1].Level > policy.L0 || strings.Contains(got[1].Text+got[1].Subject+got[1].HTML, "eye") {
			t.Errorf("e-mails = %+v, want a refused one and then a notice", got)
		}
	})
}

// No message leaves in the quiet hours of where its reader is.
func TestEngineQuietHours(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		night := time.Date(2026, 3, 3, 4, 0, 0, 0, time.UTC) // 22:00 in Chicago
		w.at(night)
		w.add(who{id: "ada", sms: "+13125550142"}, who{id: "hana", sms: "+18085550142", zone: "Pacific/Honolulu"}) // 18:00 there
		w.start(care())
		w.send()
		if got := w.gate[reach.SMS].got(); len(got) != 1 || got[0].To != "+18085550142" {
			t.Fatalf("sent at night = %+v, want only the one to Honolulu", got)
		}
		w.at(time.Date(2026, 3, 3, 14, 1, 0, 0, time.UTC)) // 8:01 in Chicago
		w.send()
		if got := w.gate[reach.SMS].got(); len(got) != 2 {
			t.Errorf("sent by the morning = %d, want 2", len(got))
		}
	})
}

// A message that was late, because its outreach was paused, does not go at
// night.
func TestEngineQuietHoursAfterPause(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142"})
		id := w.start(care())
		pass := w.run(access.RunOutreach)
		must(w, w.e.Pause(t.Context(), pass, id))
		w.at(time.Date(2026, 3, 3, 4, 0, 0, 0, time.UTC))
		must(w, w.e.Resume(t.Context(), pass, id))
		w.send()
		if got := w.gate[reach.SMS].got(); len(got) != 0 {
			t.Errorf("sent at night after a pause: %+v", got)
		}
		w.at(time.Date(2026, 3, 3, 15, 0, 0, 0, time.UTC))
		w.send()
		if got := w.gate[reach.SMS].got(); len(got) != 1 {
			t.Errorf("sent in the morning = %d, want 1", len(got))
		}
	})
}

func TestEngineSaveRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*reach.Outreach)
		ok     bool
	}{
		{name: "a care reminder", change: func(*reach.Outreach) {}, ok: true},
		{name: "half held out", change: func(o *reach.Outreach) { o.Holdout = 0.5 }, ok: true},
		{name: "more than half", change: func(o *reach.Outreach) { o.Holdout = 0.51 }},
		{name: "less than nobody", change: func(o *reach.Outreach) { o.Holdout = -0.1 }},
		{name: "no name", change: func(o *reach.Outreach) { o.Name = " " }},
		{name: "no purpose", change: func(o *reach.Outreach) { o.Purpose = "fun" }},
		{name: "holdout of results", change: func(o *reach.Outreach) { o.Purpose, o.Holdout = "clinical_result", 0.1 }},
		{name: "holdout of security", change: func(o *reach.Outreach) { o.Purpose, o.Holdout = "security", 0.1 }},
		{name: "results for all", change: func(o *reach.Outreach) { o.Purpose = "clinical_result" }, ok: true},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				o := care()
				tt.change(&o)
				o, err := w.e.Save(t.Context(), w.run(access.RunOutreach), o)
				if (err == nil) != tt.ok || err != nil && errs.KindOf(err) != errs.Invalid {
					t.Fatalf("Save = %v, want ok=%t", err, tt.ok)
				}
				if !tt.ok {
					return
				}
				back, err := w.e.Get(t.Context(), w.run(access.RunOutreach), o.ID)
				if err != nil || back.Name != o.Name || back.Holdout != o.Holdout || len(back.Template.Parts) != 2 {
					t.Errorf("Get = %+v, %v", back, err)
				}
			})
		}
	})
}

// The database refuses a holdout where nobody may be held out, whatever the
// code says.
func TestSchemaRefusesHoldouts(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		for _, purpose := range []string{"emergency", "clinical_result", "security", "safety", "recall"} {
			_, err := d.ExecContext(t.Context(), `insert into outreach (id, name, purpose, state, holdout, salt, created_by, created_at) values ($1, 'x', $1, 'draft', 0.1, 's', 'x', 1)`, purpose)
			if err == nil {
				t.Errorf("outreach of %s with a holdout was taken", purpose)
			}
			_, err = d.ExecContext(t.Context(), `insert into intent (id, outreach, patient, dedupe, purpose, assignment, assignment_p, decided_at, expires_at, state)
				values ($1, 'o', 'p', $1, $1, 'holdout', 0.1, 1, 1, 'holdout')`, purpose)
			if err == nil {
				t.Errorf("held-out intent of %s was taken", purpose)
			}
		}
	})
}

func TestEngineDryRun(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(300)...)
		w.add(who{id: "x-long", given: "Maximiliana-Wilhelmina", family: "von Featherstonehaugh-Ó Súilleabháin", sms: "+13125559001"},
			who{id: "x-shared", sms: "+13125559002", shared: true}, who{id: "x-shared2", sms: "+13125559002", shared: true},
			who{id: "x-dead", sms: "+13125559003", deceased: true}, who{id: "x-lang", lang: "vi", sms: "+13125559004"})
		for i := range 6 { // so many that the draw does not hold all of a kind out
			w.add(who{id: fmt.Sprint("x-none", i)}, who{id: fmt.Sprint("x-shared-", i), sms: "+13125559002", shared: true})
		}
		pass := w.run(access.RunOutreach)
		o := care()
		o.Holdout = 0.1
		o, err := w.e.Save(t.Context(), pass, o)
		must(w, err)
		first, err := w.e.DryRun(t.Context(), pass, o.ID)
		must(w, err)
		if first.Audience != 317 || first.Held == 0 || first.Treated+first.Held+1+6+7 < 317 {
			t.Errorf("DryRun = %+v", first)
		}
		why := map[string]bool{}
		for _, s := range first.Samples {
			why[strings.SplitN(s.Why, ":", 2)[0]] = true
			if !s.Blocked && s.Text == "" {
				t.Errorf("sample %q has no text", s.Why)
			}
		}
		for _, want := range []string{"Longest name", "Address shared with another patient", "Has died", "No address at all"} {
			if !why[want] {
				t.Errorf("samples %v lack %q", why, want)
			}
		}
		if n := w.count(`select count(*) from intent`) + w.count(`select count(*) from message`) + w.count(`select count(*) from link`) + w.count(`select count(*) from cap_ledger`); n != 0 {
			t.Errorf("a dry run left %d rows", n)
		}
		must(w, w.e.Start(t.Context(), pass, o.ID))
		must(w, w.e.Plan(t.Context(), o.ID))
		p := w.progress(o.ID)
		if p.Intents["holdout"] != first.Held || p.Intents["active"] != first.Treated {
			t.Errorf("planned %+v, forecast was held %d, treated %d", p.Intents, first.Held, first.Treated)
		}
	})
}

// A sender that is told to end finishes what it has begun and gives the rest
// back: nothing is in doubt, and the next one sends it.
func TestRunSenderDrains(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(200)...)
		w.gate[reach.SMS].answer = func(reach.Handoff) reach.Result {
			time.Sleep(2 * time.Millisecond)
			return reach.Result{Outcome: reach.Accepted}
		}
		w.start(care())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.e.RunSender(ctx) }()
		for len(w.gate[reach.SMS].got()) < 20 {
			time.Sleep(time.Millisecond)
		}
		cancel()
		must(w, <-done)
		sent := len(w.gate[reach.SMS].got())
		if got := w.count(`select count(*) from message where state = 'accepted'`); got != sent {
			t.Errorf("accepted %d, sent %d", got, sent)
		}
		if got := w.count(`select count(*) from message where state = 'scheduled' and attempts = 0`); got != 200-sent {
			t.Errorf("given back %d of %d", got, 200-sent)
		}
		if got := w.count(`select count(*) from message where in_doubt = 1 or state = 'handing_off'`); got != 0 {
			t.Errorf("%d left in doubt or under way", got)
		}
		w.send()
		if got := len(w.gate[reach.SMS].got()); got != 200 {
			t.Errorf("sent in all = %d, want 200, each once", got)
		}
	})
}

// Two senders share one ledger on PostgreSQL: each message goes out once.
func TestRunSenderTwoNodes(t *testing.T) {
	d := haletest.Postgres(t)
	w := newWorld(t, d)
	w.add(many(600)...)
	w.start(care())
	other := engine(d, w.clock, w.gate[reach.SMS])
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- other.RunSender(ctx) }()
	w.send()
	cancel()
	must(w, <-done)
	seen := map[string]int{}
	for _, h := range w.gate[reach.SMS].got() {
		seen[h.Key]++
	}
	if len(seen) != 600 || len(w.gate[reach.SMS].got()) != 600 {
		t.Errorf("%d messages went out %d times, want 600 once each", len(seen), len(w.gate[reach.SMS].got()))
	}
}
