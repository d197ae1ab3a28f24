package residents

import (
	"context"
	"errors"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/visit"
	"hale/internal/demo/town"
	"hale/internal/store/db"
)

// running is an outreach that people may answer by calling.
type running struct {
	id, service string
	started     time.Time
}

const listenEvery = 3 * time.Second

// listen notices outreaches that begin, and has those people call the clinic
// who would have called anyway, held out or not.
func (p *People) listen(ctx context.Context, began time.Time) {
	tick := time.NewTicker(listenEvery)
	defer tick.Stop()
	for {
		p.failed(ctx, "listen", errors.Join(p.notice(ctx, began), p.inbox(ctx, began)))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// notice looks for people who were drawn since it looked last.
func (p *People) notice(ctx context.Context, began time.Time) error {
	const q = `select id, service, started_at from outreach where service <> '' and state <> 'draft' and started_at >= $1 order by started_at`
	list, err := db.All(ctx, p.DB, func(scan db.Scan) (o running, err error) {
		var started int64
		err = scan(&o.id, &o.service, &started)
		o.started = time.UnixMicro(started)
		return o, err
	}, q, began.Add(-10*time.Minute).UnixMicro())
	if err != nil {
		return err
	}
	for _, o := range list {
		const q = `select patient from intent where outreach = $1 and assignment in ('treat', 'holdout')`
		drawn, err := db.All(ctx, p.DB, db.Value[string], q, o.id)
		if err != nil {
			return err
		}
		for _, patient := range p.news(o.id, drawn) {
			p.plan(o, p.by[patient])
		}
	}
	return nil
}

// news returns those of drawn that were not known before.
func (p *People) news(outreach string, drawn []string) (list []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.known[outreach]
	if known == nil {
		known = map[string]bool{}
		p.known[outreach] = known
	}
	for _, patient := range drawn {
		if !known[patient] {
			known[patient] = true
			list = append(list, patient)
		}
	}
	return list
}

// plan has r call, if she is one who does.
func (p *People) plan(o running, r town.Resident) {
	when, ok := p.Town.Truth.Calls(r, o.id)
	if !ok || r.Patient == "" || visitors(r) {
		return
	}
	p.add(time.Duration(when*float64(p.CallSpan)), func(ctx context.Context) { p.call(ctx, o, r) })
}

// call books by telephone: somebody at the desk takes the call and writes the
// visit down.
func (p *People) call(ctx context.Context, o running, r town.Resident) {
	a := about{outreach: o.id, patient: r.Patient, service: o.service}
	if !p.claim(a) {
		return
	}
	did, err := p.callOnce(ctx, o, r)
	if err != nil {
		p.unclaim(a)
		p.failed(ctx, "call", err)
		return
	}
	if did {
		p.count(func(s *Stats) { s.Called++ })
	}
}

func (p *People) callOnce(ctx context.Context, o running, r town.Resident) (bool, error) {
	const q = `select count(*) from visit where patient = $1 and service = $2 and booked_at >= $3`
	n, err := db.One(ctx, p.DB, db.Value[int64], q, r.Patient, o.service, o.started.UnixMicro())
	if err != nil || n > 0 {
		return false, err // she has one already
	}
	u := p.Town.Truth.Draw(r, o.id, "call slot")
	return true, Phone(ctx, p.Doors, p.Visits, r.Patient, o.service, p.Now(), u)
}

// Phone books one of the next free times for patient, as a call to the
// clinic does. u in [0, 1) chooses which.
func Phone(ctx context.Context, doors *access.Doors, visits Visits, patient, service string, now time.Time, u float64) error {
	desk := access.SystemActor("telephone", access.BookVisits)
	pass, err := doors.Check(ctx, desk, access.BookVisits, patient)
	if err != nil {
		return err
	}
	for range 4 {
		slots, err := visits.Slots(ctx, service, now.Add(time.Hour), 60)
		if err != nil {
			return err
		}
		if len(slots) == 0 {
			return errFull
		}
		_, err = visits.Book(ctx, pass, slots[int(u*float64(len(slots)))].ID, visit.How{Via: "phone"})
		if errs.KindOf(err) != errs.Conflict { // somebody else was quicker
			return err
		}
	}
	return errFull
}

var errFull = errors.New("residents: no free time")

// inbox notices messages that lie in the portal's inbox and has their people
// read them, as if signed in.
func (p *People) inbox(ctx context.Context, began time.Time) error {
	if p.Reader == nil {
		return nil
	}
	const q = `
		select m.id, m.outreach, m.patient, o.service
		from message m
		join outreach o on o.id = m.outreach
		where m.channel = 'inbox' and m.state in ('accepted', 'delivered') and o.started_at >= $1`
	list, err := db.All(ctx, p.DB, func(scan db.Scan) (a about, err error) {
		err = scan(&a.message, &a.outreach, &a.patient, &a.service)
		return a, err
	}, q, began.Add(-10*time.Minute).UnixMicro())
	if err != nil {
		return err
	}
	for _, a := range list {
		r, ok := p.by[a.patient]
		if !ok || visitors(r) || len(p.news("inbox "+a.outreach, []string{a.patient})) == 0 {
			continue
		}
		if act := p.Town.Truth.Response(r, a.outreach, town.Inbox); act == town.Reads || act == town.Books {
			wait := p.delay(p.Town.Truth.Draw(r, a.outreach, "delay inbox"))
			p.add(wait, func(ctx context.Context) { p.failed(ctx, "inbox", p.read(ctx, r, a, act)) })
		}
	}
	return nil
}

// read reads a message in the inbox, and books from it.
func (p *People) read(ctx context.Context, r town.Resident, a about, act town.Act) error {
	self := access.Actor{Kind: access.Patient, Proof: access.Proof{Zone: access.PortalZone}, ID: "resident-" + r.Patient, Patient: r.Patient}
	pass, err := p.Doors.Check(ctx, self, access.ReadMessage, r.Patient)
	if err != nil {
		return err
	}
	if err := p.Reader.Mark(ctx, pass, a.message, "revealed", nil); err != nil {
		return err
	}
	p.count(func(s *Stats) { s.Inbox++ })
	if act != town.Books || a.service == "" || !p.claim(a) {
		return nil
	}
	book, err := p.Doors.Check(ctx, self, access.BookVisits, r.Patient)
	if err != nil {
		return err
	}
	slots, err := p.Visits.Slots(ctx, a.service, p.Now().Add(time.Hour), 40)
	if err != nil || len(slots) == 0 {
		return errors.Join(err, errFull)
	}
	u := p.Town.Truth.Draw(r, a.outreach, "slot 0")
	if _, err := p.Visits.Book(ctx, book, slots[int(u*float64(len(slots)))].ID, visit.How{Via: "portal", Ref: a.message}); err != nil {
		p.unclaim(a)
		return err
	}
	p.count(func(s *Stats) { s.Booked++ })
	return p.Reader.Mark(ctx, pass, a.message, "acted", nil)
}
