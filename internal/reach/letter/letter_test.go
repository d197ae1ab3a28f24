package letter_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/gateway/letters"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/letter"
	"hale/internal/reach/link"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/reach/todo"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/keys"
)

var midday = time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)

// clinic is an engine that can text and print.
type clinic struct {
	t   *testing.T
	d   *db.DB
	e   *reach.Engine
	s   *letter.Store
	sms *texts
	mu  sync.Mutex
	now time.Time
}

// texts is a gateway that takes or refuses every text.
type texts struct{ refuse bool }

func (*texts) Channel() reach.Channel { return reach.SMS }
func (*texts) Capability(context.Context, string) (reach.Capability, error) {
	return reach.Capability{OK: true}, nil
}
func (*texts) Validate(reach.Handoff) []reach.Problem { return nil }
func (x *texts) Send(context.Context, reach.Handoff) reach.Result {
	if x.refuse {
		return reach.Result{Outcome: reach.Rejected, Code: "invalid_number"}
	}
	return reach.Result{Outcome: reach.Accepted}
}
func (*texts) Reconcile(context.Context, reach.Handoff) (reach.Result, bool) {
	return reach.Result{}, false
}

type nobody struct{}

func (nobody) BornOn(context.Context, string, string) (bool, error) { return false, nil }

func open(t *testing.T, d *db.DB) *clinic {
	t.Helper()
	c := &clinic{t: t, d: d, now: midday, sms: &texts{}}
	source := ids.NewSource(c.clock, rand.Reader)
	ring, err := keys.Open(t.Context(), keys.Config{DB: d, Roots: keys.Plain(haletest.Key), Now: c.clock})
	if err != nil {
		t.Fatal(err)
	}
	c.s = letter.NewStore(d, source, c.clock)
	c.e = reach.New(reach.Config{
		Keys: ring, DB: d, Doors: haletest.Doors(d), IDs: source, Now: c.clock, Key: haletest.Key, Events: event.NewLog(source, c.clock),
		Links: link.NewStore(d, source, c.clock, rand.Reader, nobody{}), Gateways: []reach.Gateway{c.sms, letters.New(c.s)},
		Clinic:  reach.Clinic{Name: "Riverside Family Medicine", Phone: "(312) 555-0100", From: "care@rfm.example", Zone: time.UTC},
		BaseURL: "https://rfm.example", Node: "test", Poll: 5 * time.Millisecond,
	})
	c.s.Ledger = c.e
	for _, p := range [][3]string{{"ada", "1960-05-04", "12 Main St, Apt 4"}, {"bob", "2020-05-04", "3 Elm St"}, {"cyd", "1960-05-04", ""}, {"dan", "1960-05-04", "9 Oak St"}} {
		c.exec(`insert into person (id, full_name, given, family, search_name, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at)
			values ($1, $2, 'Ada', 'Stone', '', $3, 'female', 'en', '', $4, 'Riverside', 'IL', '60546', 'America/Chicago', 0, 1, 0)`, p[0], strings.ToUpper(p[0])+" Stone", p[1], p[2])
	}
	c.exec(`insert into contact_point (patient, kind, value, shared, rank, updated_at) values ('dan', 'sms', '+13125550142', 0, 1, 0)`)
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

var nora = access.Actor{Kind: access.Staff, ID: "nora", Name: "nora", Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.PortalZone}}

// all opens right over everyone.
func (c *clinic) all(right access.Right) access.Pass {
	c.t.Helper()
	p, err := haletest.Doors(c.d).CheckAll(c.t.Context(), nora, right)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

func (c *clinic) of(patient string) access.Pass {
	c.t.Helper()
	p, err := haletest.Doors(c.d).Check(c.t.Context(), nora, access.AnswerPatients, patient)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

// send starts an outreach to everybody and hands over what is due.
func (c *clinic) send(purpose string, level int) string {
	c.t.Helper()
	o, err := c.e.Save(c.t.Context(), c.all(access.RunOutreach), reach.Outreach{
		Name: "Inhalers", Purpose: purpose, Segment: segment.Expr{}, Channels: []reach.Channel{reach.SMS},
		Template: template.Template{Sensitivity: policy.Class(level), Parts: []template.Part{
			{Channel: template.Page, Lang: "en", Subject: "About your inhaler", Body: "Please stop using it, {{ first_name | default: \"there\" }}."},
			{Channel: template.Page, Lang: "es", Subject: "Su inhalador", Body: "Deje de usarlo."},
		}},
	})
	if err == nil {
		err = c.e.Start(c.t.Context(), c.all(access.RunOutreach), o.ID)
	}
	if err == nil {
		err = c.e.Plan(c.t.Context(), o.ID)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.run()
	return o.ID
}

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

// A recall that no message may carry goes out on paper: printed and mailed in
// a batch, and one that comes back is no delivery and bars its address.
func TestPost(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.send("recall", 2)
		all := c.all(access.AnswerPatients)
		c.exec(`update letter set created_at = created_at + 1 where patient = 'bob'`) // several hands put them there
		list, err := c.s.Waiting(t.Context(), all, 9)
		if err != nil || len(list) != 2 || list[0].Patient+list[1].Patient != "adabob" || list[0].Name != "Inhalers" {
			t.Fatalf("waiting: %+v, %v; %s", list, err, c.text(`select coalesce(max(decision), '') from intent where patient = 'ada'`))
		}
		paper, err := c.e.Paper(t.Context(), c.of("ada"), list[0].Message)
		if err != nil || strings.Join(paper.To, "|") != "ADA Stone|12 Main St, Apt 4|Riverside, IL 60546" || paper.Text != "Please stop using it, Ada." || paper.Asks != link.DOB ||
			!strings.HasPrefix(paper.Link, "https://rfm.example/m/") {
			t.Errorf("the paper is %+v, %v", paper, err)
		}
		if _, err := c.e.Paper(t.Context(), c.of("bob"), list[0].Message); !errors.Is(err, db.ErrNone) {
			t.Errorf("another's letter = %v, want none", err)
		}
		if child, err := c.e.Paper(t.Context(), c.of("bob"), list[1].Message); err != nil || child.To[0] != "Parent or guardian of" {
			t.Errorf("a child's letter: %+v, %v", child.To, err)
		}
		n, err := c.s.Make(t.Context(), all, []string{list[0].ID, list[1].ID, "none"})
		if err != nil || n != 1 {
			t.Fatalf("Make = %d, %v", n, err)
		}
		if _, err := c.s.Make(t.Context(), all, []string{list[0].ID}); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a batch of nothing = %v, want a conflict", err)
		}
		if err := c.s.Back(t.Context(), all, 1, 1, "moved"); errs.KindOf(err) != errs.Conflict {
			t.Errorf("back before it was mailed = %v, want a conflict", err)
		}
		if err := errors.Join(c.s.Printed(t.Context(), all, 1), c.s.Drop(t.Context(), all, 1, 2, "spoiled"), c.s.Mailed(t.Context(), all, 1), c.s.Mailed(t.Context(), all, 1)); err != nil {
			t.Fatal(err)
		}
		if got := c.text(`select state from letter where patient = 'ada'`) + c.text(`select state from letter where patient = 'bob'`); got != "mailedended" {
			t.Errorf("the letters are %s", got)
		}
		if err := c.s.Drop(t.Context(), all, 1, 1, "reached"); errs.KindOf(err) != errs.Conflict {
			t.Errorf("taking out what was mailed = %v, want a conflict", err)
		}
		if err := c.s.Back(t.Context(), all, 1, 1, "moved"); err != nil {
			t.Fatal(err)
		}
		if got := c.text(`select m.state || ' ' || (select count(*) from suppression s where s.channel = 'letter' and s.address_hash = m.address_hash) from message m where patient = 'ada'`); got != "undelivered 1" {
			t.Errorf("what came back is %s", got)
		}
		if got := c.text(`select state from message where patient = 'bob'`); got != "undelivered" {
			t.Errorf("what was taken out is %s", got)
		}
		c.later(time.Hour)
		if err := c.e.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		failed, err := todo.NewStore(d, c.clock).Open(t.Context(), all, todo.Failed, 9)
		if err != nil || len(failed) != 3 {
			t.Errorf("%d whom nothing reached, %v; want the two letters and who has no address: %+v", len(failed), err, failed)
		}
		c.send("recall", 2)
		if got := c.text(`select cast(count(*) as text) from message where patient = 'ada'`); got != "1" {
			t.Errorf("%s messages to who moved away, want the first alone", got)
		}
	})
}

// Whom a text may have reached gets a letter after three days unseen, and at
// once if the text came back.
func TestPostLast(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.send("recall", 2)
		c.later(26 * time.Hour)
		if err := c.e.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := c.text(`select cast(count(*) as text) from message where patient = 'dan'`); got != "1" {
			t.Errorf("%s messages after a day, want the text alone", got)
		}
		c.later(50 * time.Hour)
		if err := c.e.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.run()
		if got := c.text(`select state from letter where patient = 'dan'`); got != letter.Waiting {
			t.Errorf("the letter is %s", got)
		}
		c.exec(`update intent set state = 'satisfied' where patient = 'dan'`)
		if err := c.s.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := c.text(`select state || ' ' || reason from letter where patient = 'dan'`); got != "ended reached" {
			t.Errorf("after it was seen the letter is %s", got)
		}
	})
}

// Of what need not arrive no letter is written, but to who was promised that
// everything comes by post.
func TestPromised(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.exec(`insert into privacy_request (id, patient, kind, state, about, body, asked_kind, asked_by, asked_name, asked_at, due_at) values ('r', 'dan', 'contact', 'granted', '', '{}', 'patient', 'a', 'Dan', 0, 0)`)
		c.exec(`insert into confidential_contact (id, request, patient, kind, value, made_at) values ('c', 'r', 'dan', 'letter', $1, 0)`, "PO Box 7\nOak Park, IL 60302")
		c.send("care", 2)
		list, err := c.s.Waiting(t.Context(), c.all(access.AnswerPatients), 9)
		if err != nil || len(list) != 1 || list[0].Patient != "dan" {
			t.Fatalf("waiting: %+v, %v", list, err)
		}
		if p, err := c.e.Paper(t.Context(), c.of("dan"), list[0].Message); err != nil || strings.Join(p.To, "|") != "DAN Stone|PO Box 7|Oak Park, IL 60302" {
			t.Errorf("it goes to %v, %v", p.To, err)
		}
	})
}

func TestParseRef(t *testing.T) {
	for text, ok := range map[string]bool{"12-7": true, " 12 - 7 ": true, "12": false, "a-b": false, "0-1": false, "1--1": false, "": false} {
		b, n, err := letter.ParseRef(text)
		if (err == nil) != ok || ok && (letter.Entry{Batch: b, N: n}).Ref() != "12-7" {
			t.Errorf("ParseRef(%q) = %d, %d, %v", text, b, n, err)
		}
	}
}
