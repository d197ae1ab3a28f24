package mailin_test

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/care/document"
	"hale/internal/gateway/mailin"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/dialog"
	"hale/internal/reach/link"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/reach/verp"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// clinic is a desk with an engine that has written to some people.
type clinic struct {
	t    testing.TB
	d    *db.DB
	e    *reach.Engine
	desk *mailin.Desk
	book verp.Book
	gate *outbox
	mu   sync.Mutex
	now  time.Time
}

// outbox is a gateway for e-mail that remembers, or hands on to another.
type outbox struct {
	mu   sync.Mutex
	sent []reach.Handoff
	to   reach.Gateway
}

func (o *outbox) Channel() reach.Channel { return reach.Email }
func (o *outbox) Capability(context.Context, string) (reach.Capability, error) {
	return reach.Capability{OK: true, Level: policy.L2}, nil
}
func (o *outbox) Validate(h reach.Handoff) []reach.Problem {
	if o.to != nil {
		return o.to.Validate(h)
	}
	return nil
}
func (o *outbox) Reconcile(context.Context, reach.Handoff) (reach.Result, bool) {
	return reach.Result{}, false
}
func (o *outbox) Send(ctx context.Context, h reach.Handoff) reach.Result {
	o.mu.Lock()
	o.sent = append(o.sent, h)
	o.mu.Unlock()
	if o.to != nil {
		h.Level = policy.L0
		return o.to.Send(ctx, h)
	}
	return reach.Result{Outcome: reach.Accepted, Ref: "ref-" + h.Key}
}

// got returns what went to an address.
func (o *outbox) got(t testing.TB, to string) reach.Handoff {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, h := range o.sent {
		if h.To == to {
			return h
		}
	}
	t.Fatalf("nothing went to %s", to)
	return reach.Handoff{}
}

type nobody struct{}

func (nobody) BornOn(context.Context, string, string) (bool, error) { return false, nil }

// midday is a time at which every American may be written to.
var midday = time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)

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

// open makes a clinic that writes with gate to one person at each address.
func open(t testing.TB, d *db.DB, to reach.Gateway, addresses ...string) *clinic {
	t.Helper()
	c := &clinic{t: t, d: d, now: midday, gate: &outbox{to: to}, book: verp.New(haletest.Key, "bounce.clinic.example")}
	source := ids.NewSource(c.clock, rand.Reader)
	ring := haletest.Ring(t, d, c.clock)
	chicago, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	events := event.NewLog(source, c.clock)
	c.e = reach.New(reach.Config{
		Keys: ring, DB: d, Doors: haletest.Doors(d), IDs: source, Now: c.clock, Key: haletest.Key, Events: events,
		Links: link.NewStore(d, source, c.clock, rand.Reader, nobody{}), Gateways: []reach.Gateway{c.gate}, Back: c.book,
		Clinic:  reach.Clinic{Name: "Riverside Family Medicine", Phone: "(312) 555-0100", Address: "1 Main St, Riverside", From: "care@clinic.example", Zone: chicago},
		BaseURL: "https://clinic.example", Node: "test", Poll: 5 * time.Millisecond,
	})
	records := record.New(d, source, c.clock, events).WithKeys(ring)
	c.desk = mailin.New(mailin.Config{
		DB: d, IDs: source, Now: c.clock, Key: haletest.Key, Keys: ring, Doors: haletest.Doors(d), Reach: c.e,
		Dialogs: dialog.NewStore(d, source, c.clock, haletest.Key, ring), Letters: document.NewLetterbox(d, records, source, c.clock, nil),
		Domain: "clinic.example", Also: []string{"care@clinic.example"}, Trusts: "mx.clinic.example",
	})
	c.write(addresses)
	return c
}

// write starts an outreach to a person at each address, and sends it.
func (c *clinic) write(addresses []string) {
	c.t.Helper()
	ctx := c.t.Context()
	var persons, points []any
	for i, a := range addresses {
		id := "p" + string(rune('a'+i))
		persons = append(persons, id, "Ada "+id, "Ada", id, "", "1960-05-04", "female", "", "", "", "Riverside", "IL", "", "America/Chicago", 0, 1, 0)
		points = append(points, id, "email", a, 0, 1, 0)
	}
	err := c.d.Tx(ctx, func(tx *db.Tx) error {
		if err := db.InsertMany(ctx, tx, `insert into person (id, full_name, given, family, search_name, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at)`, "", 17, persons); err != nil {
			return err
		}
		return db.InsertMany(ctx, tx, `insert into contact_point (patient, kind, value, shared, rank, updated_at)`, "", 6, points)
	})
	c.must(err)
	pass := haletest.Everyone(c.t, c.d, access.RunOutreach)
	o, err := c.e.Save(ctx, pass, reach.Outreach{
		Name: "Eye exam", Purpose: "care", Service: "eye-exam", Segment: segment.Expr{},
		Template: template.Template{Sensitivity: 2, Parts: []template.Part{{Channel: template.Page, Lang: "en", Subject: "Time for your eye exam", Body: "Hello {{ first_name | default: \"there\" }},\n\nit is time."}}},
	})
	c.must(err)
	c.must(c.e.Start(ctx, pass, o.ID))
	c.must(c.e.Plan(ctx, o.ID))
	run, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- c.e.RunSender(run) }()
	for range 2000 {
		if c.count(`select count(*) from message where state in ('scheduled', 'handing_off')`) == 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	c.must(<-done)
}

func (c *clinic) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *clinic) count(q string, args ...any) int {
	c.t.Helper()
	n, err := db.One(c.t.Context(), c.d, db.Value[int], q, args...)
	c.must(err)
	return n
}

func (c *clinic) text(q string, args ...any) string {
	c.t.Helper()
	s, err := db.One(c.t.Context(), c.d, db.Value[string], q, args...)
	if err != nil {
		c.t.Fatalf("%s: %v", q, err)
	}
	return s
}

// state is what became of the mail to an address.
func (c *clinic) state(to string) string {
	c.t.Helper()
	h := c.gate.got(c.t, to)
	return c.text(`
		select m.state || ' ' || m.reason || ' ' || p.status
		from message m join contact_point p on p.patient = m.patient and p.kind = 'email'
		where m.key = $1`, h.Key)
}

// took is how the last letter ended.
func (c *clinic) took() string {
	c.t.Helper()
	return c.text(`select route || ' ' || state || ' ' || kind || ' ' || verdict || ' ' || case when length(sealed) > 0 then 'kept' else 'empty' end from mail_in order by id desc limit 1`)
}
