package visit

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/clinician"
	"hale/internal/store/db"
)

// Entry is one time of a clinician's day: free, blocked, kept for somebody who
// waits, or a visit.
type Entry struct {
	Slot    Slot   // without an ID where a visit has no slot of ours
	State   string // free, busy, busy-unavailable, busy-tentative: of the slot
	Ref     string // of the clinician, as a reference; empty: by name alone
	Visit   Visit  // without an ID: none, or one that the pass does not show
	Checkin string // steps of checking in that are done, with a space between
	Arrived time.Time
}

// Agenda returns the times and visits of everybody from begin up to end, in
// their order.
func (s *Store) Agenda(ctx context.Context, pass access.Pass, begin, end time.Time) ([]Entry, error) {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return nil, err
	}
	const slots = `select v.status, v.practitioner, ` + slotColumns + slotFrom + `
		where v.start_at >= $1 and v.start_at < $2 order by v.start_at, v.practitioner, v.id limit 5000`
	list, err := db.All(ctx, s.db, scanEntry, slots, begin.UnixMicro(), end.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("visit: agenda: %w", err)
	}
	const visits = `select coalesce(k.steps, ''), coalesce(k.arrived_at, 0), v.practitioner, ` + columns + from + `left join checkin k on k.visit = v.id
		where v.start_at >= $1 and v.start_at < $4 and ` + veil + ` and v.kind = 'appointment' and v.status not in ('cancelled', 'waitlist', 'proposed')
		order by v.start_at, v.id limit 5000`
	hidden, until := pass.Veil()
	booked, err := db.All(ctx, s.db, scanBooked, visits, begin.UnixMicro(), hidden, until, end.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("visit: agenda: %w", err)
	}
	return together(list, booked), nil
}

// Stage is how many visits of some days are equally far: in state Status,
// with the steps of checking in that were done.
type Stage struct {
	Status Status
	Steps  string // as package checkin keeps them
	N      int
}

// Stages counts the visits between two times that are still to be held, by
// how far they are.
func (s *Store) Stages(ctx context.Context, pass access.Pass, begin, end time.Time) ([]Stage, error) {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return nil, err
	}
	const q = `select v.status, coalesce(k.steps, ''), count(*) from visit v left join checkin k on k.visit = v.id
		where v.start_at >= $1 and v.start_at < $4 and ` + veil + ` and v.kind = 'appointment' and v.status in ('booked', 'arrived')
		group by v.status, coalesce(k.steps, '')`
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, func(row db.Scan) (g Stage, err error) { return g, row(&g.Status, &g.Steps, &g.N) },
		q, begin.UnixMicro(), hidden, until, end.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("visit: stages: %w", err)
	}
	return list, nil
}

// together puts each visit at its slot; those without one stand for
// themselves.
func together(slots, booked []Entry) []Entry {
	at := map[string]int{}
	for i, e := range slots {
		at[e.Slot.ID] = i
	}
	for _, b := range booked {
		i, ok := at[b.Visit.Slot]
		if b.Visit.Slot == "" || !ok {
			b.State = "busy"
			b.Slot = Slot{Service: b.Visit.Service, Title: b.Visit.Title, Start: b.Visit.Start, End: b.Visit.End, With: b.Visit.With, Where: b.Visit.Where}
			slots = append(slots, b)
			continue
		}
		b.Slot, b.State, b.Ref = slots[i].Slot, slots[i].State, slots[i].Ref
		slots[i] = b
	}
	return slots
}

func scanEntry(row db.Scan) (e Entry, err error) {
	e.Slot, err = scanSlot(func(to ...any) error { return row(append([]any{&e.State, &e.Ref}, to...)...) })
	return e, err
}

func scanBooked(row db.Scan) (e Entry, err error) {
	var arrived int64
	e.Visit, err = scan(func(to ...any) error { return row(append([]any{&e.Checkin, &arrived, &e.Ref}, to...)...) })
	e.Arrived = db.Time(arrived)
	return e, err
}

// Room is a schedule: one clinician, one service, one place.
type Room struct {
	ID, Service, Title string
	Ref, With          string // the clinician, as a reference and by name
	Where              string
}

// Rooms returns the schedules there are.
func (s *Store) Rooms(ctx context.Context, pass access.Pass) ([]Room, error) {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return nil, err
	}
	const q = `
		select v.id, v.service, v.title, v.practitioner, coalesce(c.name, ''), v.place, coalesce(o.name, '')
		from schedule v left join clinician c on c.id = v.practitioner left join clinician o on o.id = v.place
		order by v.practitioner, v.title, v.id limit 500`
	list, err := db.All(ctx, s.db, func(row db.Scan) (r Room, err error) {
		var name, place, placeName string
		err = row(&r.ID, &r.Service, &r.Title, &r.Ref, &name, &place, &placeName)
		r.With, r.Where = clinician.Name(r.Ref, name), clinician.Name(place, placeName)
		return r, err
	}, q)
	if err != nil {
		return nil, fmt.Errorf("visit: rooms: %w", err)
	}
	return list, nil
}

// Lined is one who waits, as the staff sees it.
type Lined struct {
	Wait
	Service, Title string
	Now            time.Time // when their visit is
	Lapsed         int
	Offers         int // that were ever made
}

// Line returns who waits for an earlier time, in the order of the line.
func (s *Store) Line(ctx context.Context, pass access.Pass) ([]Lined, error) {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return nil, err
	}
	const q = `
		select w.visit, w.patient, w.account, w.practitioner, w.days, w.parts, w.notice, w.since, w.lapsed, w.service, w.start_at, v.title,
			(select count(*) from wait_offer a where a.visit = w.visit)
		from wait_entry w join visit v on v.id = w.visit
		where w.state = 'waiting' and w.start_at > $1 and ` + veil + `
		order by w.service, w.lapsed, w.since, w.visit limit 500`
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, func(row db.Scan) (l Lined, err error) {
		var with string
		var since, now int64
		err = row(&l.Visit, &l.Patient, &l.By, &with, &l.Days, &l.Parts, &l.Notice, &since, &l.Lapsed, &l.Service, &now, &l.Title, &l.Offers)
		l.Same, l.Since, l.Now = with != "", db.Time(since), db.Time(now)
		return l, err
	}, q, s.now().UnixMicro(), hidden, until)
	if err != nil {
		return nil, fmt.Errorf("visit: line: %w", err)
	}
	return list, nil
}

// Made returns the last n offers that were made, newest first.
func (s *Store) Made(ctx context.Context, pass access.Pass, n int) ([]Offer, error) {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return nil, err
	}
	const q = `select ` + offerColumns + offerFrom + `join visit k on k.id = o.visit
		where not exists (select 1 from shield z where z.patient = k.patient and z.id = k.id
			and z.typ in ('Appointment', 'Encounter') and ((z.labels & $1) <> 0 or z.held_until > $2))
		order by o.at desc, o.id desc limit $3`
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scanOffer, q, hidden, until, n)
	if err != nil {
		return nil, fmt.Errorf("visit: offers made: %w", err)
	}
	return list, nil
}

// Mark is what the staff notes of a visit.
type Mark string

// The marks.
const (
	MarkArrived Mark = "arrived"
	MarkNoShow  Mark = "noshow"
	MarkDone    Mark = "fulfilled"
	MarkBooked  Mark = "booked" // takes a mark back
)

var (
	errMark   = errs.New(errs.Conflict, "This visit cannot be marked that way now.")
	errEarly  = errs.New(errs.Conflict, "You can tell us that you are here on the day of your visit, from three hours before.")
	errReason = errs.New(errs.Invalid, "Please say why, in words that the patient may read.")
)

// Markable says whether a visit in one state may be marked with another.
func Markable(from Status, m Mark) bool {
	switch m {
	case MarkArrived:
		return from == Booked
	case MarkNoShow:
		return from == Booked || from == "arrived"
	case MarkDone:
		return from == Booked || from == "arrived" || from == "checked-in"
	case MarkBooked:
		return from == "arrived" || from == NoShow || from == Fulfilled
	}
	return false
}

// MarkAs notes that a patient has come, has not come, or is done.
func (s *Store) MarkAs(ctx context.Context, pass access.Pass, id string, m Mark) error {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return err
	}
	return failedOr("mark", id, s.db.Tx(ctx, func(tx *db.Tx) error { return s.mark(ctx, tx, pass, patient, id, m) }))
}

// Early is how long before a visit somebody may say that they have come.
const Early = 3 * time.Hour

// Arrive notes that the patient says they are here. To say so again changes
// nothing.
func (s *Store) Arrive(ctx context.Context, tx *db.Tx, pass access.Pass, id string) error {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return err
	}
	v, err := get(ctx, tx, pass, patient, id)
	if err != nil {
		return err
	}
	switch now := s.now(); {
	case v.Status == "arrived":
		return nil
	case v.Start.Sub(now) > Early || v.End.Before(now):
		return errEarly
	}
	return s.mark(ctx, tx, pass, patient, id, MarkArrived)
}

func (s *Store) mark(ctx context.Context, tx *db.Tx, pass access.Pass, patient, id string, m Mark) error {
	const lock = `update visit set updated_at = updated_at where patient = $1 and id = $2`
	if _, err := tx.ExecContext(ctx, lock, patient, id); err != nil {
		return err
	}
	v, err := get(ctx, tx, pass, patient, id)
	if err != nil {
		return err
	}
	if !Markable(v.Status, m) {
		return errMark
	}
	draft, err := s.changed(ctx, tx, pass, "Appointment", id, map[string]any{"status": string(m)})
	if err != nil {
		return err
	}
	if err := s.put(ctx, tx, pass, "", "", draft); err != nil {
		return err
	}
	if err := s.end(ctx, tx, pass, id, "left", OfferVoid); err != nil {
		return err
	}
	return s.events.Add(ctx, tx, happened("visit."+string(m), v))
}

// CancelFor cancels a visit for the clinic. The patient is told, with the
// reason.
func (s *Store) CancelFor(ctx context.Context, pass access.Pass, id, reason string) error {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return err
	}
	if reason == "" || len(reason) > 500 {
		return errReason
	}
	return failedOr("cancel for", id, s.db.Tx(ctx, func(tx *db.Tx) error {
		v, err := s.hold(ctx, tx, pass, patient, id)
		if err != nil {
			return err
		}
		draft, err := s.changed(ctx, tx, pass, "Appointment", id, map[string]any{
			"status": string(Cancelled), "cancelationReason": map[string]string{"text": reason},
		})
		if err != nil {
			return err
		}
		if err := s.giveUp(ctx, tx, pass, v, draft); err != nil {
			return err
		}
		return s.note(ctx, tx, Notice{Kind: ToldCancelled, Patient: patient, Visit: id, Reason: reason})
	}))
}

// BookFor books a free slot for a patient at the desk or on the phone. The
// patient is told.
func (s *Store) BookFor(ctx context.Context, pass access.Pass, slot, via string) (Visit, error) {
	v, err := s.Book(ctx, pass, slot, How{Via: via})
	if err != nil {
		return v, err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		return s.note(ctx, tx, Notice{Kind: ToldBooked, Patient: v.Patient, Visit: v.ID})
	})
	return v, failedOr("tell of", v.ID, err)
}

// MoveFor moves a visit at the desk. The patient is told.
func (s *Store) MoveFor(ctx context.Context, pass access.Pass, id, slot string) (Visit, error) {
	v, err := s.Move(ctx, pass, id, slot, How{Via: "desk"})
	if err != nil {
		return v, err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		return s.note(ctx, tx, Notice{Kind: ToldMoved, Patient: v.Patient, Visit: v.ID})
	})
	return v, failedOr("tell of", v.ID, err)
}

func (s *Store) note(ctx context.Context, tx *db.Tx, n Notice) error {
	if s.teller == nil {
		return nil
	}
	return s.teller.TellVisit(ctx, tx, n)
}

func failedOr(verb, id string, err error) error {
	if err == nil {
		return nil
	}
	return failed(verb, id, err)
}
