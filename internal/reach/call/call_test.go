package call_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/gateway/calls"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/call"
	"hale/internal/reach/link"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/keys"
)

// midday is a time at which every American may be called.
var midday = time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)

// clinic is an engine that can only call, and its list.
type clinic struct {
	t   *testing.T
	d   *db.DB
	e   *reach.Engine
	s   *call.Store
	mu  sync.Mutex
	now time.Time
}

type nobody struct{}

func (nobody) BornOn(context.Context, string, string) (bool, error) { return false, nil }

func open(t *testing.T, d *db.DB) *clinic {
	t.Helper()
	c := &clinic{t: t, d: d, now: midday}
	source := ids.NewSource(c.clock, rand.Reader)
	ring, err := keys.Open(t.Context(), keys.Config{DB: d, Roots: keys.Plain(haletest.Key), Now: c.clock})
	if err != nil {
		t.Fatal(err)
	}
	c.s = call.NewStore(d, source, c.clock)
	c.e = reach.New(reach.Config{
		Keys: ring, DB: d, Doors: haletest.Doors(d), IDs: source, Now: c.clock, Key: haletest.Key, Events: event.NewLog(source, c.clock),
		Links: link.NewStore(d, source, c.clock, rand.Reader, nobody{}), Gateways: []reach.Gateway{calls.New(c.s)},
		Clinic:  reach.Clinic{Name: "Riverside Family Medicine", Phone: "(312) 555-0100", From: "care@rfm.example", Zone: time.UTC},
		BaseURL: "https://rfm.example", Node: "test", Poll: 5 * time.Millisecond,
	})
	c.exec(`insert into person (id, full_name, given, family, search_name, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at)
		values ('ada', 'Ada Stone', 'Ada', 'Stone', '', '1941-05-04', 'female', 'en', '', '', 'Riverside', 'IL', '', 'America/Chicago', 0, 1, 0)`)
	c.exec(`insert into contact_point (patient, kind, value, shared, rank, updated_at) values ('ada', 'voice', '+13125550142', 0, 1, 0)`)
	return c
}

func (c *clinic) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clinic) later(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

func (c *clinic) exec(q string, args ...any) {
	c.t.Helper()
	if err := c.d.Tx(c.t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(c.t.Context(), q, args...)
		return err
	}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clinic) text(q string, args ...any) string {
	c.t.Helper()
	s, err := db.One(c.t.Context(), c.d, db.Value[string], q, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

func nurse(id string) access.Actor {
	return access.Actor{Kind: access.Staff, ID: id, Name: id, Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.PortalZone}}
}

func (c *clinic) pass(who string) access.Pass {
	c.t.Helper()
	p, err := haletest.Doors(c.d).Check(c.t.Context(), nurse(who), access.AnswerPatients, "ada")
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

// all opens right over everyone.
func (c *clinic) all(right access.Right) access.Pass {
	c.t.Helper()
	p, err := haletest.Doors(c.d).CheckAll(c.t.Context(), nurse("nora"), right)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

// sent starts an outreach by telephone and returns the one call that it makes.
func (c *clinic) sent() call.Entry {
	c.t.Helper()
	ctx := c.t.Context()
	o, err := c.e.Save(ctx, c.all(access.RunOutreach), reach.Outreach{
		Name: "Eye exams", Purpose: "care", Segment: segment.Expr{}, Channels: []reach.Channel{reach.Voice},
		Template: template.Template{Sensitivity: 2, Parts: []template.Part{
			{Channel: template.Page, Lang: "en", Subject: "Time for your eye exam", Body: "It is time for your eye exam, {{ first_name | default: \"there\" }}."},
			{Channel: template.Page, Lang: "es", Subject: "Su examen de la vista", Body: "Es hora de su examen de la vista."},
		}},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.e.Start(ctx, c.all(access.RunOutreach), o.ID); err != nil {
		c.t.Fatal(err)
	}
	if err := c.e.Plan(ctx, o.ID); err != nil {
		c.t.Fatal(err)
	}
	c.run()
	list, err := c.s.List(ctx, c.all(access.AnswerPatients), 10)
	if err != nil || len(list) != 1 {
		c.t.Fatalf("%d calls, %v; want one; %s", len(list), err, c.text(`select coalesce(max(state || ' ' || decision), '') from intent`)+c.text(`select coalesce(max(state || ' ' || reason), '') from message`))
	}
	return list[0]
}

// run hands over what is due.
func (c *clinic) run() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.e.RunSender(ctx) }()
	for ctx.Err() == nil && c.text(`select cast(count(*) as text) from message where state in ('scheduled', 'handing_off')`) != "0" {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		c.t.Fatal(err)
	}
}

func (c *clinic) say(e call.Entry, r call.Result) call.Entry {
	c.t.Helper()
	if r.Number == "" {
		r.Number = "+13125550142"
	}
	got, err := c.s.Say(c.t.Context(), c.pass("nora"), c.e, e.ID, r)
	if err != nil {
		c.t.Fatal(err)
	}
	return got
}

// A call that was answered counts as seen, in the same ledger as a text.
func TestTold(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		e := c.sent()
		if e.Kind != call.Message || e.Name != "Eye exams" {
			t.Errorf("the call is %+v", e)
		}
		s, err := c.e.Script(t.Context(), c.pass("nora"), e.Message)
		if err != nil || s.Closed != "" || len(s.Numbers) != 1 || s.Zone != "America/Chicago" || !strings.Contains(s.Text, "eye exam, Ada") {
			t.Errorf("Script = %+v, %v", s, err)
		}
		if got := c.say(e, call.Result{Outcome: reach.Told, Note: "will book"}); got.State != call.Done {
			t.Errorf("after telling her the call is %s", got.State)
		}
		if state := c.text(`select m.state || ' ' || i.state from message m join intent i on i.id = m.intent where m.id = $1`, e.Message); state != "seen satisfied" {
			t.Errorf("the message and the intent are %s", state)
		}
		if _, err := c.s.Say(t.Context(), c.pass("nora"), c.e, e.ID, call.Result{Outcome: reach.Told}); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a second word = %v, want a conflict", err)
		}
		_, tries, err := c.s.Get(t.Context(), c.pass("nora"), e.ID)
		if err != nil || len(tries) != 1 || tries[0].Note != "will book" || tries[0].By != "nora" {
			t.Errorf("tries = %+v, %v", tries, err)
		}
	})
}

// Nobody answers: it is tried at other hours, and then given up with its
// message undelivered.
func TestNoAnswer(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		e := c.sent()
		for n := 1; n <= 4; n++ {
			before := c.clock()
			got := c.say(e, call.Result{Outcome: reach.NoAnswer})
			if n < 4 && (got.State != call.Open || !got.NotBefore.After(before.Add(time.Hour))) {
				t.Fatalf("after try %d: %+v", n, got)
			}
			if due, err := c.s.Due(t.Context(), c.all(access.RunOutreach)); err != nil || due != 0 {
				t.Errorf("after try %d %d calls are due, %v", n, due, err)
			}
			if n == 4 && got.State != call.GaveUp {
				t.Errorf("after the last try the call is %s", got.State)
			}
			c.later(got.NotBefore.Sub(before))
		}
		if state := c.text(`select state from message where id = $1`, e.Message); state != "undelivered" {
			t.Errorf("the message is %s", state)
		}
	})
}

// Wrong numbers, dead ones and people who want no calls are not called again.
func TestNeverAgain(t *testing.T) {
	for outcome, want := range map[reach.Called]string{reach.OtherPerson: "wrong_person", reach.OutOfService: "bounced", reach.NoMoreCalls: "active"} {
		t.Run(string(outcome), func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				c := open(t, d)
				e := c.sent()
				if got := c.say(e, call.Result{Outcome: outcome}); got.State != call.Done {
					t.Errorf("the call is %s", got.State)
				}
				if status := c.text(`select status from contact_point where patient = 'ada'`); status != want {
					t.Errorf("the number is %s, want %s", status, want)
				}
				s, err := c.e.Script(t.Context(), c.pass("nora"), e.Message)
				if err != nil || s.Closed == "" && outcome == reach.NoMoreCalls {
					t.Errorf("she may still be called: %+v, %v", s, err)
				}
			})
		})
	}
}

// Who asked to be called is on the list, once, and again when asking again.
func TestAsked(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		first := c.sent()
		c.say(first, call.Result{Outcome: reach.NoAnswer})
		wants := func(n int) {
			t.Helper()
			c.exec(`insert into message_event (id, message, kind, at, received_at, dedupe) values ($1, $2, 'call_wanted', $3, $3, $1)`, fmt.Sprint("ask", n), first.Message, db.Micro(c.clock()))
			for range 2 {
				if err := c.s.Feed(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		open := func() (asked []call.Entry) {
			list, err := c.s.List(t.Context(), c.all(access.AnswerPatients), 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				if e.Kind == call.Asked {
					asked = append(asked, e)
				}
			}
			return asked
		}
		wants(1)
		c.later(time.Hour)
		wants(2)
		if got := open(); len(got) != 1 {
			t.Fatalf("%d calls for who asked twice", len(got))
		}
		c.say(open()[0], call.Result{Outcome: reach.Told})
		if got := open(); len(got) != 0 {
			t.Errorf("still %d calls after talking to her", len(got))
		}
		c.later(24 * time.Hour)
		wants(3)
		if got := open(); len(got) != 1 {
			t.Errorf("%d calls for who asked again", len(got))
		}
	})
}

// Whom nothing reached is on the list; who was seen another way leaves it.
func TestUnreached(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		e := c.sent()
		c.exec(`update message set channel = 'sms', state = 'undelivered'`)
		c.exec(`update intent set state = 'exhausted', wake_at = 0`)
		c.exec(`delete from call`)
		if err := c.s.Feed(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := c.text(`select kind || ' ' || message from call where state = 'open'`); got != "unreached "+e.Message {
			t.Fatalf("open calls: %s", got)
		}
		c.exec(`update intent set state = 'satisfied'`)
		if err := c.s.Feed(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := c.text(`select state || ' ' || outcome from call`); got != "ended seen" {
			t.Errorf("the call is %s", got)
		}
	})
}

// Care that was given up after three broken connections is told on the phone:
// that it may have arrived is not enough. Nobody is called about the rest.
func TestDoubtful(t *testing.T) {
	for purpose, want := range map[string]string{"care": "1", "survey": "0"} {
		t.Run(purpose, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				c := open(t, d)
				c.sent()
				c.exec(`update message set channel = 'sms', state = 'given_up', reason = 'in_doubt', in_doubt = 1, purpose = $1`, purpose)
				c.exec(`update intent set state = 'exhausted', wake_at = 0, purpose = $1`, purpose)
				c.exec(`delete from call`)
				if err := c.s.Feed(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := c.text(`select cast(count(*) as text) from call where kind = 'unreached' and state = 'open'`); got != want {
					t.Errorf("%s calls, want %s", got, want)
				}
			})
		})
	}
}

// Two colleagues do not dial at once, and nobody says nonsense.
func TestTake(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		e := c.sent()
		if err := c.s.Take(t.Context(), c.pass("nora"), e.ID); err != nil {
			t.Fatal(err)
		}
		if err := c.s.Take(t.Context(), c.pass("omar"), e.ID); errs.KindOf(err) != errs.Conflict {
			t.Errorf("taking it from a colleague = %v", err)
		}
		c.later(11 * time.Minute)
		if err := c.s.Take(t.Context(), c.pass("omar"), e.ID); err != nil {
			t.Errorf("taking it after she left it = %v", err)
		}
		for _, r := range []call.Result{{}, {Outcome: reach.GaveUp}, {Outcome: reach.Later}, {Outcome: reach.Later, At: c.clock().Add(-time.Hour)}, {Outcome: reach.Told, Note: strings.Repeat("x", 1001)}} {
			if _, err := c.s.Say(t.Context(), c.pass("omar"), c.e, e.ID, r); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Say(%+v) = %v, want invalid", r, err)
			}
		}
		other, err := haletest.Doors(d).Check(t.Context(), nurse("omar"), access.AnswerPatients, "bob")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.s.Get(t.Context(), other, e.ID); !errors.Is(err, db.ErrNone) {
			t.Errorf("another's call = %v, want none", err)
		}
	})
}
