package residents_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/care/patient"
	"hale/internal/demo/carrier"
	"hale/internal/demo/mailbox"
	"hale/internal/demo/residents"
	"hale/internal/demo/town"
	"hale/internal/face/pickup"
	"hale/internal/face/web"
	"hale/internal/haletest"
	"hale/internal/measure"
	"hale/internal/reach"
	"hale/internal/reach/link"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// wire is a gateway that hands over in this process.
type wire struct {
	channel reach.Channel
	took    func(reach.Handoff)
}

func (w wire) Channel() reach.Channel { return w.channel }
func (w wire) Capability(context.Context, string) (reach.Capability, error) {
	return reach.Capability{OK: true, TLS: true, Encrypted: true}, nil
}
func (w wire) Validate(reach.Handoff) []reach.Problem { return nil }
func (w wire) Send(_ context.Context, h reach.Handoff) reach.Result {
	if m := mailbox.MannerOf(h.To); m == "bounce" || m == "full" {
		return reach.Result{Outcome: reach.Rejected, Code: "550"}
	}
	if m := carrier.MannerOf(h.To); m == "bounce" || m == "busy" || m == "lost" {
		return reach.Result{Outcome: reach.Rejected, Code: "no_such_number"}
	}
	w.took(h)
	return reach.Result{Outcome: reach.Accepted, Ref: h.Key}
}
func (w wire) Reconcile(context.Context, reach.Handoff) (reach.Result, bool) {
	return reach.Result{}, false
}

// replies is a phone whose owner answers.
type replies struct {
	engine *reach.Engine
	now    func() time.Time
	mu     sync.Mutex
	n      int
}

func (r *replies) Reply(number, body string) error {
	r.mu.Lock()
	r.n++
	n := r.n
	r.mu.Unlock()
	return r.engine.Receipt(context.Background(), reach.Receipt{Channel: reach.SMS, From: number, Text: body, Kind: "replied", At: r.now(), Actor: reach.Human, Dedupe: fmt.Sprint("reply ", n)})
}

// live is a riverside that is served, with its people about.
type live struct {
	*riverside
	engine *reach.Engine
	people *residents.People
	looks  func() int64
}

// open serves v and lets its people act until the test ends.
func (v *riverside) open(t *testing.T) *live {
	t.Helper()
	zone, err := town.Zone()
	if err != nil {
		t.Fatal(err)
	}
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + listen.Addr().String()
	links := link.NewStore(v.db, v.ids, v.now, rand.Reader, patient.NewStore(v.db))
	l := &live{riverside: v}
	c := clinic
	c.Zone = zone
	gates := []reach.Gateway{
		wire{reach.SMS, func(h reach.Handoff) { l.people.Text(carrier.Text{Phone: h.To, Body: h.Text}) }},
		wire{reach.Email, func(h reach.Handoff) { l.people.Mail(mailbox.Mail{To: h.To, Text: h.Text, HTML: h.HTML}) }},
		wire{reach.Inbox, func(reach.Handoff) {}},
	}
	l.engine = reach.New(reach.Config{DB: v.db, IDs: v.ids, Now: v.now, Key: haletest.Key, Events: v.events, Links: links, Gateways: gates,
		Clinic: c, BaseURL: base, Node: "test", Poll: 20 * time.Millisecond})
	l.people = residents.New(residents.Config{Town: v.town, DB: v.db, Doors: v.doors, Visits: v.visits, Links: links, Base: base, Now: v.now,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Reader: l.engine, Phones: &replies{engine: l.engine, now: v.now},
		Pace: 4 * time.Second, CallSpan: 4 * time.Second, PerSecond: 400})
	site := web.NewSite(web.Clinic{Name: town.Clinic, Phone: town.ClinicPhone, Address: town.ClinicAddress, Zone: zone},
		account.NewStore(v.db, v.ids, v.now, haletest.Key), slog.New(slog.DiscardHandler), v.now, false)
	door := pickup.New(pickup.Config{Site: site, Doors: v.doors, Links: links, Reach: l.engine, Visits: v.visits, Now: v.now})
	server := httptest.NewUnstartedServer(site.Wrap(mux(door.Handler())))
	server.Listener.Close()
	server.Listener = listen
	server.Start()
	ctx, stop := context.WithCancel(context.Background())
	var work sync.WaitGroup
	for _, run := range []func(context.Context) error{l.people.Run, l.engine.RunSender, links.Run} {
		work.Go(func() { _ = run(ctx) })
	}
	t.Cleanup(func() {
		stop()
		work.Wait()
		server.Close()
	})
	return l
}

func mux(h http.Handler) *http.ServeMux {
	m := http.NewServeMux()
	m.Handle("/", h)
	return m
}

// eyes is the outreach of the story.
func (l *live) eyes(t *testing.T) string {
	t.Helper()
	nurse := access.Actor{Kind: access.Staff, ID: "nurse", Name: "J. Okafor, RN", Roles: []access.Role{access.Nurse}}
	pass, err := l.doors.CheckAll(t.Context(), nurse, access.RunOutreach)
	if err != nil {
		t.Fatal(err)
	}
	o, err := l.engine.Save(t.Context(), pass, reach.Outreach{Name: "Eye exam recall", Purpose: "care", Service: town.EyeExam, Holdout: 0.2, WindowDays: 30,
		Segment: segment.Expr{All: []segment.Expr{{Has: &segment.Has{Concept: "diabetes"}}, {Not: &segment.Expr{Has: &segment.Has{Concept: "eye-exam", Months: 12}}}}},
		Template: template.Template{Parts: []template.Part{{Channel: template.Page, Lang: "en", Subject: "Time for your eye check",
			Body: "Hello {{ first_name | default: \"there\" }},\n\nyour last diabetic eye exam was more than a year ago. Please pick a time that suits you."}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.engine.Start(t.Context(), pass, o.ID); err != nil {
		t.Fatal(err)
	}
	if err := l.engine.Plan(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	return o.ID
}

// TestLive serves a small town, starts the eye exam recall and lets its
// people act through real links over HTTP and by telephone.
func TestLive(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		v := settle(t, d, 4, 400)
		l := v.open(t)
		id := l.eyes(t)
		var treated, held, due int
		var plans []town.Plan
		for _, p := range v.plans(t, id) {
			due += yes(p.Resident.Traits.Has(town.EyeDue))
			plans = append(plans, town.Plan{Resident: p.Resident, Channels: first(p.Channels)})
			if p.Resident.Patient == town.Maria {
				continue // whoever looks at the demo plays her
			}
			if p.held {
				held += yes(v.town.Truth.Booked(town.Plan{Resident: p.Resident}, id))
			} else {
				treated += yes(v.town.Truth.Booked(town.Plan{Resident: p.Resident, Channels: first(p.Channels)}, id))
			}
		}
		if due != len(plans) || due < 30 {
			t.Errorf("%d of the %d drawn are due by the planted traits, want all, and at least 30", due, len(plans))
		}
		var e measure.Effect
		for wait := time.Now().Add(30 * time.Second); time.Now().Before(wait); time.Sleep(200 * time.Millisecond) {
			if e = v.effect(t, id); e.TreatedYes >= treated && e.HeldYes >= held && l.people.Stats().Letters > 0 && time.Until(wait) < 22*time.Second {
				break
			}
		}
		want := v.town.Truth.TrueEffect(plans)
		t.Logf("%+v", l.people.Stats())
		t.Logf("%d treated (%d booked, %d planted), %d held (%d booked, %d planted); effect %.1f points (%.1f to %.1f), truth %.1f; %s, %s", e.Treated, e.TreatedYes, treated,
			e.Held, e.HeldYes, held, 100*e.Diff, 100*e.Low, 100*e.High, 100*want, e.State, e.Method)
		if e.TreatedYes != treated || e.HeldYes != held {
			t.Errorf("booked = %d treated and %d held, want %d and %d as planted", e.TreatedYes, e.HeldYes, treated, held)
		}
		if want < e.Low || want > e.High {
			t.Errorf("the always-valid interval %.3f to %.3f does not cover the truth %.3f", e.Low, e.High, want)
		}
		if s := l.people.Stats(); s.Failed > 0 || s.Opened == 0 || s.Booked == 0 || s.Called == 0 {
			t.Errorf("the people = %+v, want some who opened, booked and called, and none who gave up", s)
		}
	})
}

// first is the channel of the first message: the next is days away.
func first(list []string) []string { return list[:min(1, len(list))] }
