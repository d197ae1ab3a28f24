package reach_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/link"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/keys"
)

// world is a clinic with an engine, gateways that only remember, and a clock
// that a test turns.
type world struct {
	t    testing.TB
	d    *db.DB
	e    *reach.Engine
	mu   sync.Mutex
	now  time.Time
	gate map[reach.Channel]*fake
}

// fake is a gateway that remembers.
type fake struct {
	channel reach.Channel
	noTLS   bool
	mu      sync.Mutex
	sent    []reach.Handoff
	answer  func(reach.Handoff) reach.Result

	reconcile func() (reach.Result, bool)
	free      func(reach.Handoff) reach.Result // answers outside the lock
}

func (f *fake) Channel() reach.Channel { return f.channel }
func (f *fake) Capability(context.Context, string) (reach.Capability, error) {
	return reach.Capability{OK: true, Level: f.level()}, nil
}

// level is what its connections have.
func (f *fake) level() policy.Level {
	if f.noTLS {
		return policy.L0
	}
	return policy.L2
}

func (f *fake) Validate(reach.Handoff) []reach.Problem { return nil }
func (f *fake) Reconcile(context.Context, reach.Handoff) (reach.Result, bool) {
	if f.reconcile != nil {
		return f.reconcile()
	}
	return reach.Result{}, false
}
func (f *fake) Send(_ context.Context, h reach.Handoff) reach.Result {
	if f.free != nil {
		return f.free(h)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, h)
	if f.answer != nil {
		return f.answer(h)
	}
	return reach.Result{Outcome: reach.Accepted, Ref: "ref-" + h.Key}
}
func (f *fake) got() []reach.Handoff {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]reach.Handoff(nil), f.sent...)
}

type nobody struct{}

func (nobody) BornOn(context.Context, string, string) (bool, error) { return false, nil }

// midday is a time at which every American may be written to.
var midday = time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)

func newWorld(t testing.TB, d *db.DB) *world {
	t.Helper()
	w := &world{t: t, d: d, now: midday, gate: map[reach.Channel]*fake{}}
	var gates []reach.Gateway
	for _, c := range []reach.Channel{reach.Email, reach.SMS, reach.Inbox} {
		w.gate[c] = &fake{channel: c}
		gates = append(gates, w.gate[c])
	}
	w.e = engine(d, w.clock, gates...)
	return w
}

func engine(d *db.DB, now func() time.Time, gates ...reach.Gateway) *reach.Engine {
	return engineWith(haletest.Key, d, now, gates...)
}

func engineWith(key seal.Key, d *db.DB, now func() time.Time, gates ...reach.Gateway) *reach.Engine {
	source := ids.NewSource(now, rand.Reader)
	chicago, err := time.LoadLocation("America/Chicago")
	if err != nil {
		panic(err)
	}
	ring, err := keys.Open(context.Background(), keys.Config{DB: d, Roots: keys.Plain(key), Now: now})
	if err != nil {
		panic(err)
	}
	return reach.New(reach.Config{
		Keys: ring,
		DB:   d, Doors: haletest.Doors(d), IDs: source, Now: now, Key: key, Events: event.NewLog(source, now),
		Links: link.NewStore(d, source, now, rand.Reader, nobody{}), Gateways: gates,
		Clinic:  reach.Clinic{Name: "Riverside Family Medicine", Phone: "(312) 555-0100", Address: "1 Main St, Riverside", From: "care@rfm.example", Number: "+13125550100", Zone: chicago},
		BaseURL: "https://rfm.example", Node: "test", Poll: 5 * time.Millisecond,
	})
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) at(t time.Time) {
	w.mu.Lock()
	w.now = t
	w.mu.Unlock()
}

// who is a person to be put.
type who struct {
	id, given, family, lang, zone, email, sms string
	deceased, shared, account                 bool
}

func (w *world) add(people ...who) {
	w.t.Helper()
	bit := map[bool]int{true: 1}
	var persons, points, accounts []any
	for _, p := range people {
		if p.given == "" {
			p.given = "Ada"
		}
		if p.zone == "" {
			p.zone = "America/Chicago"
		}
		persons = append(persons, p.id, p.given+" "+p.family, p.given, p.family, "", "1960-05-04", "female", p.lang, "", "", "Riverside", "IL", "", p.zone, bit[p.deceased], 1, 0)
		if p.email != "" {
			points = append(points, p.id, "email", p.email, bit[p.shared], 1, 0)
		}
		if p.sms != "" {
			points = append(points, p.id, "sms", p.sms, bit[p.shared], 1, 0)
		}
		if p.account {
			accounts = append(accounts, "account-"+p.id, "patient", p.given, p.id, 0)
		}
	}
	w.tx(func(ctx context.Context, tx *db.Tx) error {
		if err := db.InsertMany(ctx, tx, `insert into person (id, full_name, given, family, search_name, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at)`, "", 17, persons); err != nil {
			return err
		}
		if err := db.InsertMany(ctx, tx, `insert into contact_point (patient, kind, value, shared, rank, updated_at)`, "", 6, points); err != nil {
			return err
		}
		return db.InsertMany(ctx, tx, `insert into account (id, kind, name, patient, created_at)`, "", 5, accounts)
	})
}

func (w *world) tx(fn func(context.Context, *db.Tx) error) {
	w.t.Helper()
	if err := w.d.Tx(w.t.Context(), func(tx *db.Tx) error { return fn(w.t.Context(), tx) }); err != nil {
		w.t.Fatal(err)
	}
}

// many returns n people with a mobile number and an e-mail address each.
func many(n int) []who {
	list := make([]who, n)
	for i := range list {
		list[i] = who{id: fmt.Sprintf("p%06d", i), family: fmt.Sprint("Number ", i), sms: fmt.Sprintf("+1312%07d", 2000000+i), email: fmt.Sprintf("p%d@mail%d.example", i, i%7)}
	}
	return list
}

func care() reach.Outreach {
	return reach.Outreach{
		Name: "Eye exam recall", Purpose: "care", Service: "eye-exam", Segment: segment.Expr{},
		Template: template.Template{Sensitivity: 2, Parts: []template.Part{
			{Channel: template.Page, Lang: "en", Subject: "Time for your eye exam", Body: "Hello {{ first_name | default: \"there\" }},\n\nit is time for your {{ service | default: \"visit\" }}."},
			{Channel: template.Page, Lang: "es", Subject: "Su examen de la vista", Body: "Hola {{ first_name | default: \"\" }}"},
		}},
	}
}

func (w *world) run(right access.Right) access.Pass {
	w.t.Helper()
	return haletest.Everyone(w.t, w.d, right)
}

func (w *world) pass(patient string, right access.Right) access.Pass {
	w.t.Helper()
	p, err := haletest.Doors(w.d).Check(w.t.Context(), access.SystemActor("test", right), right, patient)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// start saves, starts and plans o, and returns its id.
func (w *world) start(o reach.Outreach) string {
	w.t.Helper()
	ctx := w.t.Context()
	pass := w.run(access.RunOutreach)
	o, err := w.e.Save(ctx, pass, o)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.e.Start(ctx, pass, o.ID); err != nil {
		w.t.Fatal(err)
	}
	if err := w.e.Plan(ctx, o.ID); err != nil {
		w.t.Fatal(err)
	}
	return o.ID
}

// send runs the sender until nothing that is due is left.
func (w *world) send() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.e.RunSender(ctx) }()
	const q = `select count(*) from message m where (state = 'handing_off' or state = 'scheduled' and not_before <= $1)
		and outreach not in (select id from outreach where state in ('paused', 'stopped'))`
	for range 4000 {
		if n := w.count(q, w.clock().UnixMicro()); n == 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) count(q string, args ...any) int {
	w.t.Helper()
	n, err := db.One(w.t.Context(), w.d, db.Value[int], q, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) text(q string, args ...any) string {
	w.t.Helper()
	s, err := db.One(w.t.Context(), w.d, db.Value[string], q, args...)
	if err != nil {
		w.t.Fatalf("%s: %v", q, err)
	}
	return s
}

func (w *world) progress(id string) reach.Progress {
	w.t.Helper()
	p, err := w.e.Progress(w.t.Context(), w.run(access.RunOutreach), id)
	if err != nil {
		w.t.Fatal(err)
	}
	if !p.Balanced {
		w.t.Errorf("reconciliation: %s", p.Line)
	}
	return p
}
