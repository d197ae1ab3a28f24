package residents_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
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
	"hale/internal/reach/policy"
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
	return reach.Capability{OK: true, Level: policy.L2}, nil
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
	l.engine = reach.New(reach.Config{DB: v.db, Doors: v.doors, IDs: v.ids, Now: v.now, Key: haletest.Key, Keys: haletest.Ring(t, v.db, v.now), Events: v.events, Links: links, Gateways: gates,
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
	nurse := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "nurse", Name: "J. Okafor, RN", Roles: []access.Role{access.Nurse}}
	pass, err := l.doors.CheckAll(t.Context(), nurse, access.RunOutreach)
	if err != nil {
		t.Fatal(err)
	}
	o, err := l.engine.Save(t.Context(), pass, reach.Outreach{Name: "Eye exam recall", Purpose: "care", Service: town.EyeExam, Holdout: 0.35, WindowDays: 30,
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
		for wait := time.Now().Add(60 * time.Second); time.Now().Before(wait); time.Sleep(200 * time.Millisecond) {
			if e = v.effect(t, id); e.TreatedYes >= treated && e.HeldYes >= held && l.people.Stats().Letters > 0 && time.Until(wait) < 52*time.Second {
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
		if off := math.Abs(e.Diff - want); e.State == measure.Running && off > 4*e.SE {
			t.Errorf("the effect %.3f is %.1f standard errors off the truth %.3f", e.Diff, off/e.SE, want)
		}
		if s := l.people.Stats(); s.Failed > 0 || s.Opened == 0 || s.Booked == 0 || s.Called == 0 {
			t.Errorf("the people = %+v, want some who opened, booked and called, and none who gave up", s)
		}
	})
}

// first is the channel of the first message: the next is days away.
func first(list []string) []string { return list[:min(1, len(list))] }

// someone returns a resident with every trait of has, one of them at least,
// for whom more holds.
func (v *riverside) someone(t *testing.T, has town.Trait, more func(town.Resident) bool) town.Resident {
	t.Helper()
	for _, r := range v.town.Residents {
		if r.Traits.Has(has) && r.Traits&(town.Deceased|town.SharedPhone|town.SharedEmail|town.NoService) == 0 && more(r) {
			return r
		}
	}
	t.Fatal("nobody like that in this town")
	return town.Resident{}
}

// reach writes to one person by channel and returns the outreach's id.
func (l *live) reach(t *testing.T, r town.Resident, channel reach.Channel) string {
	t.Helper()
	nurse := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "nurse", Name: "J. Okafor, RN", Roles: []access.Role{access.Nurse}}
	pass, err := l.doors.CheckAll(t.Context(), nurse, access.RunOutreach)
	if err != nil {
		t.Fatal(err)
	}
	o, err := l.engine.Save(t.Context(), pass, reach.Outreach{Name: "To one", Purpose: "care", Channels: []reach.Channel{channel}, Segment: segment.Expr{Patients: []string{r.Patient}},
		Template: template.Template{Parts: []template.Part{{Channel: template.Page, Lang: "en", Subject: "A word", Body: "Please call us."}}}})
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

// wait waits until a query counts n, or gives up.
func (l *live) wait(t *testing.T, what, q string, n int64, args ...any) {
	t.Helper()
	var got int64
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var err error
		if got, err = db.One(t.Context(), l.db, db.Value[int64], q, args...); err != nil {
			t.Fatal(err)
		}
		if got == n {
			return
		}
	}
	t.Errorf("%s: counted %d, want %d", what, got, n)
}

func TestLiveManners(t *testing.T) {
	v := settle(t, haletest.SQLite(t), 11, 700)
	l := v.open(t)

	stranger := v.someone(t, town.NotThem, func(r town.Resident) bool { return r.Phone != "" && !r.Traits.Has(town.NoTexts) })
	l.reach(t, stranger, reach.SMS)
	l.wait(t, "a stranger's number is out of use", `select count(*) from contact_point where patient = $1 and kind = 'sms' and status = 'wrong_person'`, 1, stranger.Patient)

	stopper := v.someone(t, town.RepliesStop, func(r town.Resident) bool {
		return r.Phone != "" && r.Traits&(town.NotThem|town.NeverLooks|town.NoTexts) == 0
	})
	l.reach(t, stopper, reach.SMS)
	l.wait(t, "STOP is written down", `select count(*) from consent_event where patient = $1 and action = 'revoke' and channel = 'sms'`, 1, stopper.Patient)

	scanned := v.someone(t, town.NeverLooks, func(r town.Resident) bool { return strings.HasSuffix(r.Email, "@post.example.net") })
	to := l.reach(t, scanned, reach.Email)
	l.wait(t, "the scanner's two looks are noted as a machine's",
		`select count(*) from message m join link k on k.message = m.id join link_fetch f on f.link = k.id where m.outreach = $1 and f.actor = 'machine'`, 2, to)
	l.wait(t, "and reveal nothing", `select count(*) from message where outreach = $1 and state = 'accepted' and first_seen_at = 0`, 1, to)

	quiet := l.reach(t, v.someone(t, town.NoTexts, func(r town.Resident) bool { return r.Phone != "" }), reach.SMS)
	l.wait(t, "who asked for no texts is accounted for", `select count(*) from intent where outreach = $1 and state = 'blocked'`, 1, quiet)
	l.wait(t, "and got none", `select count(*) from message where outreach = $1`, 0, quiet)
	if s := l.people.Stats(); s.NotMe != 1 || s.Stopped != 1 || s.Scans != 1 || s.Failed != 0 {
		t.Errorf("the people = %+v, want one stranger, one STOP, one scan, no failure", s)
	}
}
