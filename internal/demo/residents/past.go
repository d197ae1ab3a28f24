package residents

import (
	"bytes"
	"container/heap"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hale/internal/access"
	"hale/internal/access/lookup"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/care/patient"
	"hale/internal/care/visit"
	"hale/internal/demo/carrier"
	"hale/internal/demo/mailbox"
	"hale/internal/demo/town"
	"hale/internal/reach"
	"hale/internal/reach/link"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/record"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/keys"
)

// Before is what Past needs.
type Before struct {
	Town   *town.Town
	DB     *db.DB
	Key    seal.Key   // the one the running engine is given
	Keys   *keys.Ring // likewise
	Clinic reach.Clinic
	Base   string
	Views  []record.Projector
	Most   int // people in it; 0: 500
}

// Past replays an outreach that ended some weeks ago, so that there is one to
// look at from the first second: the real engine plans and sends it, the
// people answer as planted, all at the times of then. It returns the
// outreach's id.
//
// It must end before the running engine starts to send, and the record must
// be there.
func Past(ctx context.Context, b Before) (string, error) {
	before, err := db.All(ctx, b.DB, db.Value[string], `select id from outreach where salt = $1`, salt(b.Town.Seed))
	if err != nil || len(before) > 0 {
		return strings.Join(before, " "), err // an earlier run did
	}
	r, err := newReplay(ctx, b)
	if err != nil {
		return "", fmt.Errorf("residents: past: %w", err)
	}
	if err := r.run(ctx); err != nil {
		return "", fmt.Errorf("residents: past: %w", err)
	}
	return r.outreach, nil
}

// clock is the time of then.
type clock struct{ micro atomic.Int64 }

// Now returns the time of then.
func (c *clock) Now() time.Time { return time.UnixMicro(c.micro.Load()).UTC() }

func (c *clock) set(t time.Time) { c.micro.Store(t.UnixMicro()) }

// pastDays is the window of the outreach that is over.
const pastDays = 14

// replay is one run of Past.
type replay struct {
	Before
	clock    *clock
	doors    *access.Doors
	records  *record.Store
	visits   *visit.Store
	links    *link.Store
	engine   *reach.Engine
	by       map[string]town.Resident
	outreach string
	begin    time.Time
	todo     tasks
	failed   error
	visitIDs []string
	booked   map[string]bool

	mu   sync.Mutex
	sent []reach.Handoff
	via  map[string]string // message → channel
}

func newReplay(ctx context.Context, b Before) (*replay, error) {
	if b.Most == 0 {
		b.Most = 500
	}
	begin := b.Town.Day.AddDate(0, 0, -town.PastFrom).Add(10*time.Hour + 4*time.Minute)
	for begin.Weekday() == time.Saturday || begin.Weekday() == time.Sunday {
		begin = begin.AddDate(0, 0, 1)
	}
	c := &clock{}
	c.set(begin)
	names := ids.NewSource(c.Now, chance(b.Town.Seed)) // the same town has the same past
	events := event.NewLog(names, c.Now)
	records := record.New(b.DB, names, c.Now, events, b.Views...)
	r := &replay{Before: b, clock: c, begin: begin, records: records,
		doors:  access.NewDoors(audit.NewLog(b.DB, names, c.Now), lookup.New(b.DB, c.Now), c.Now),
		visits: visit.NewStore(b.DB, records, events, names, c.Now),
		links:  link.NewStore(b.DB, names, c.Now, rand.Reader, patient.NewStore(b.DB)),
		by:     map[string]town.Resident{}, via: map[string]string{}, booked: map[string]bool{},
	}
	for _, p := range b.Town.Residents {
		r.by[p.Patient] = p
	}
	gates := []reach.Gateway{&post{r, reach.SMS}, &post{r, reach.Email}, &post{r, reach.Inbox}}
	r.engine = reach.New(reach.Config{DB: b.DB, Doors: r.doors, IDs: names, Now: c.Now, Key: b.Key, Keys: b.Keys, Events: events, Links: r.links, Gateways: gates,
		Clinic: b.Clinic, BaseURL: b.Base, Node: "past", Senders: 2, Poll: 2 * time.Millisecond})
	return r, r.save(ctx)
}

// salt is what the draw of a seed's past is salted with.
func salt(seed uint64) string { return fmt.Sprint("riverside ", seed) }

// chance is randomness that a seed repeats.
func chance(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return mathrand.NewChaCha8(key)
}

// save writes the outreach down, as the nurse did then.
func (r *replay) save(ctx context.Context) error {
	pass, err := r.pass(ctx)
	if err != nil {
		return err
	}
	o, err := r.engine.Save(ctx, pass, reach.Outreach{
		Name: "Blood pressure check", Purpose: "care", Service: town.BloodPressure, Holdout: 0.2, WindowDays: pastDays, ExpireDays: pastDays,
		Segment: segment.Expr{All: []segment.Expr{{Has: &segment.Has{Concept: "hypertension"}}, {Age: &segment.Range{Min: r.fromAge()}}}},
		Template: template.Template{Parts: []template.Part{
			{Channel: template.Page, Lang: "en", Subject: "Time for a blood pressure check",
				Body: "Hello {{ first_name | default: \"there\" }},\n\nit has been a while since we measured your blood pressure. It takes ten minutes, and there is nothing to prepare.\n\nPlease pick a time that suits you.\n\nJ. Okafor, RN\n{{ clinic }}"},
			{Channel: template.Page, Lang: "es", Subject: "Es hora de medir su presión",
				Body: "Hola {{ first_name | default: \"qué tal\" }}:\n\nhace tiempo que no le medimos la presión. Toma diez minutos y no hay que prepararse.\n\nElija la hora que le convenga.\n\nJ. Okafor, RN\n{{ clinic }}"},
		}},
	})
	if err != nil {
		return err
	}
	r.outreach = o.ID
	return r.DB.Tx(ctx, func(tx *db.Tx) error { // a draw that the seed repeats
		_, err := tx.ExecContext(ctx, `update outreach set salt = $2 where id = $1`, o.ID, salt(r.Town.Seed))
		return err
	})
}

func (r *replay) pass(ctx context.Context) (access.Pass, error) {
	nurse := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "demo-past", Name: "J. Okafor, RN", Roles: []access.Role{access.Nurse}}
	return r.doors.CheckAll(ctx, nurse, access.RunOutreach)
}

// fromAge returns the age from which on there are not too many people.
func (r *replay) fromAge() int {
	for age := 40; ; age++ {
		n := 0
		for _, p := range r.Town.Residents {
			if p.Traits.Has(town.Hypertensive) && p.Age >= age {
				n++
			}
		}
		if n <= r.Most || age > 100 {
			return age
		}
	}
}

// run starts the outreach and lets the days go by.
func (r *replay) run(ctx context.Context) error {
	pass, err := r.pass(ctx)
	if err != nil {
		return err
	}
	if err := r.engine.Start(ctx, pass, r.outreach); err != nil {
		return err
	}
	if err := r.engine.Plan(ctx, r.outreach); err != nil {
		return err
	}
	if err := r.mornings(ctx); err != nil {
		return err
	}
	for len(r.todo) > 0 {
		t := heap.Pop(&r.todo).(task)
		r.clock.set(t.at)
		if t.do(ctx); r.failed != nil {
			return r.failed
		}
	}
	return r.fulfil(ctx)
}

// mornings sends what is due now and on each morning of the window, and has
// those call who would have called anyway.
func (r *replay) mornings(ctx context.Context) error {
	if err := r.deliver(ctx); err != nil {
		return err
	}
	for d := 1; d <= pastDays+1; d++ {
		r.at(r.begin.AddDate(0, 0, d).Add(time.Minute), func(ctx context.Context) error {
			if err := r.engine.Sweep(ctx); err != nil {
				return err
			}
			return r.deliver(ctx)
		})
	}
	const q = `select patient from intent where outreach = $1 and assignment in ('treat', 'holdout') order by patient`
	drawn, err := db.All(ctx, r.DB, db.Value[string], q, r.outreach)
	if err != nil {
		return err
	}
	for _, id := range drawn {
		p := r.by[id]
		if when, ok := r.Town.Truth.Calls(p, r.outreach); ok {
			r.at(r.hours(when), func(ctx context.Context) error { return r.call(ctx, p) })
		}
	}
	return nil
}

// hours returns a time within the first ten days of the window, when the
// clinic is open.
func (r *replay) hours(u float64) time.Time {
	day := r.begin.AddDate(0, 0, int(u*10))
	return day.Add(time.Duration(u*1e4) % 360 * time.Minute)
}

// at has do done at a time of then. The first error ends the run.
func (r *replay) at(at time.Time, do func(context.Context) error) {
	heap.Push(&r.todo, task{at, func(ctx context.Context) { r.failed = do(ctx) }})
}

// deliver lets the engine send what is due and has the people answer.
func (r *replay) deliver(ctx context.Context) error {
	if n, err := r.due(ctx); err != nil || n == 0 {
		return err
	}
	sending, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() {
		defer close(done)
		done <- r.engine.RunSender(sending)
	}()
	err := r.drain(ctx, done)
	stop()
	<-done // it was told to stop; nothing was left to do
	if err != nil {
		return err
	}
	r.mu.Lock()
	sent := r.sent
	r.sent = nil
	r.mu.Unlock()
	for _, h := range sent {
		if err := r.answer(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// due counts what is to be sent, or on its way.
func (r *replay) due(ctx context.Context) (int64, error) {
	const q = `select count(*) from message where outreach = $1 and (state = 'scheduled' and not_before <= $2 or state = 'handing_off')`
	return db.One(ctx, r.DB, db.Value[int64], q, r.outreach, r.clock.Now().UnixMicro())
}

// drain waits until nothing is due any more, then ends the sender.
func (r *replay) drain(ctx context.Context, done <-chan error) error {
	for {
		n, err := r.due(ctx)
		if err != nil || n == 0 {
			return err
		}
		select {
		case err := <-done:
			return errors.Join(errSender, err)
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

var errSender = errors.New("residents: the sender ended early")

// answer has the person who got h do what is planted.
func (r *replay) answer(ctx context.Context, h reach.Handoff) error {
	patient, err := db.One(ctx, r.DB, db.Value[string], `select patient from message where id = $1`, h.Message)
	if err != nil {
		return err
	}
	token := "" // in the inbox there is none
	if found := linkIn.FindStringSubmatch(h.Text); found != nil {
		token = found[1]
	}
	p, channel := r.by[patient], r.via[h.Message]
	truth := r.Town.Truth
	wait := time.Duration(3+truth.Draw(p, r.outreach, "delay "+channel)*160) * time.Minute
	at := r.clock.Now().Add(wait)
	if channel == town.SMS {
		receipt := reach.Receipt{Message: h.Message, Channel: reach.SMS, Kind: "delivered", At: r.clock.Now().Add(4 * time.Second), Actor: reach.Machine, Dedupe: "past " + h.Message}
		if err := r.engine.Receipt(ctx, receipt); err != nil {
			return err
		}
	}
	switch act := truth.Response(p, r.outreach, channel); act {
	case town.Reads, town.Books:
		r.at(at, func(ctx context.Context) error { return r.open(ctx, p, h.Message, token, act == town.Books) })
	case town.SaysStop:
		stop := reach.Receipt{Channel: reach.SMS, From: h.To, Text: "STOP", Kind: "replied", At: at, Actor: reach.Human, Dedupe: "past stop " + h.Message}
		r.at(at, func(ctx context.Context) error { return r.engine.Receipt(ctx, stop) })
	}
	return nil
}

// reader is p as she reads a message: by a link, or signed in.
func (r *replay) reader(ctx context.Context, p town.Resident, token string) (access.Actor, string, error) {
	if token == "" {
		return access.Actor{Kind: access.Patient, Proof: access.Proof{Zone: access.PortalZone}, ID: "past-" + p.Patient, Patient: p.Patient}, "portal", nil
	}
	o, err := r.links.Open(ctx, token, p.Born, "")
	return access.LinkActor(o.Link, o.Patient, access.ReadMessage, access.BookVisits), "link", err
}

// open reads a message, and books if books.
func (r *replay) open(ctx context.Context, p town.Resident, message, token string, books bool) error {
	reader, via, err := r.reader(ctx, p, token)
	if errs.KindOf(err) == errs.NotFound {
		return nil // it was taken back, because she called
	}
	if err != nil {
		return err
	}
	pass, err := r.doors.Check(ctx, reader, access.ReadMessage, p.Patient)
	if err != nil {
		return err
	}
	for _, kind := range []string{"factor_passed", "revealed"} {
		if err := r.engine.Mark(ctx, pass, message, kind, nil); err != nil {
			return err
		}
	}
	if !books || r.booked[p.Patient] {
		return nil
	}
	book, err := r.doors.Check(ctx, reader, access.BookVisits, p.Patient)
	if err != nil {
		return err
	}
	if err := r.book(ctx, book, p, visit.How{Via: via, Ref: message}); err != nil {
		return err
	}
	return r.engine.Mark(ctx, pass, message, "acted", nil)
}

// call books by telephone.
func (r *replay) call(ctx context.Context, p town.Resident) error {
	if r.booked[p.Patient] {
		return nil
	}
	pass, err := r.doors.Check(ctx, access.SystemActor("telephone", access.BookVisits), access.BookVisits, p.Patient)
	if err != nil {
		return err
	}
	return r.book(ctx, pass, p, visit.How{Via: "phone"})
}

func (r *replay) book(ctx context.Context, pass access.Pass, p town.Resident, how visit.How) error {
	slots, err := r.visits.Slots(ctx, town.BloodPressure, r.clock.Now().Add(time.Hour), 60)
	if err != nil {
		return err
	}
	if len(slots) == 0 {
		return errFull
	}
	v, err := r.visits.Book(ctx, pass, slots[int(r.Town.Truth.Draw(p, r.outreach, "slot")*float64(len(slots)))].ID, how)
	if err != nil {
		return err
	}
	r.booked[p.Patient] = true
	r.visitIDs = append(r.visitIDs, v.ID)
	return nil
}

// fulfil notes that those who booked came, and puts the clock back to now.
func (r *replay) fulfil(ctx context.Context) error {
	r.clock.set(r.Town.Day)
	desk := access.SystemActor("front desk", access.ReadVisits)
	pass, err := r.doors.CheckAll(ctx, desk, access.ReadVisits)
	if err != nil {
		return err
	}
	return r.DB.Tx(ctx, func(tx *db.Tx) error {
		drafts := make([]record.Draft, 0, len(r.visitIDs))
		for _, id := range r.visitIDs {
			a, err := r.records.GetIn(ctx, tx, pass, "Appointment", id)
			if err != nil {
				return err
			}
			body := bytes.Replace(a.Body, []byte(`"status":"booked"`), []byte(`"status":"fulfilled"`), 1)
			drafts = append(drafts, record.Draft{Type: "Appointment", ID: id, Body: body, IfVersion: a.Version})
		}
		_, err := r.records.PutAll(ctx, tx, record.Source{Actor: desk}, drafts)
		return err
	})
}

// post is a gateway of then: it takes everything except mail that bounces.
type post struct {
	r       *replay
	channel reach.Channel
}

// Channel is the post's channel.
func (g *post) Channel() reach.Channel { return g.channel }

// Capability says that mail went out under verified TLS.
func (g *post) Capability(context.Context, string) (reach.Capability, error) {
	return reach.Capability{OK: true, Level: policy.L2, Detail: "then"}, nil
}

// Validate finds nothing wrong.
func (g *post) Validate(reach.Handoff) []reach.Problem { return nil }

// Send takes h.
func (g *post) Send(_ context.Context, h reach.Handoff) reach.Result {
	if carrier.MannerOf(h.To) == "bounce" || carrier.MannerOf(h.To) == "busy" || carrier.MannerOf(h.To) == "lost" {
		return reach.Result{Outcome: reach.Rejected, Code: "no_such_number"}
	}
	if mailbox.MannerOf(h.To) == "bounce" || mailbox.MannerOf(h.To) == "full" {
		return reach.Result{Outcome: reach.Rejected, Code: "550 5.1.1", Detail: "No such mail box here"}
	}
	g.r.mu.Lock()
	defer g.r.mu.Unlock()
	g.r.sent = append(g.r.sent, h)
	g.r.via[h.Message] = string(g.channel)
	return reach.Result{Outcome: reach.Accepted, Ref: h.Key, Peer: "then"}
}

// Reconcile knows nothing more.
func (g *post) Reconcile(context.Context, reach.Handoff) (reach.Result, bool) {
	return reach.Result{}, false
}
