package visit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/store/db"
)

// Opening is a rule for times that can be booked: on these days of the week,
// from one hour to another, again and again until the last day.
type Opening struct {
	Room    string // Schedule.id
	First   time.Time
	Last    time.Time // both are days, in the clinic's zone
	Days    int       // bit 0 is Sunday
	From    int       // minutes after midnight
	To      int
	Minutes int // of one time
}

// mostSlots is how many times one opening may make.
const mostSlots = 1000

var (
	errRoom     = errs.New(errs.Invalid, "Please choose whose times these are.")
	errSpan     = errs.New(errs.Invalid, "The times have to end after they begin.")
	errLength   = errs.New(errs.Invalid, "One time is between 5 minutes and 4 hours long.")
	errDates    = errs.New(errs.Invalid, "The last day cannot be before the first, nor in the past, nor more than a year away.")
	errManyOpen = errs.New(errs.Invalid, "That would be more than 1,000 times at once. Please choose fewer weeks.")
	errNoTimes  = errs.New(errs.Invalid, "No new time comes of this: the days do not fit, or all the times are there already.")
	errInUse    = errs.New(errs.Conflict, "Somebody has this time now. Cancel or move the visit first.")
)

func (o Opening) valid(now time.Time) error {
	switch {
	case o.Days&127 == 0:
		return errNoDay
	case o.To <= o.From || o.From < 0 || o.To > 24*60:
		return errSpan
	case o.Minutes < 5 || o.Minutes > 240:
		return errLength
	case o.Last.Before(o.First) || o.Last.AddDate(0, 0, 1).Before(now) || o.Last.After(now.AddDate(1, 0, 1)):
		return errDates
	}
	return nil
}

// times are when the slots of an opening begin, in the future. A day on which
// clocks change keeps its hours.
func (o Opening) times(now time.Time, zone *time.Location) []time.Time {
	var list []time.Time
	for day := o.First; !day.After(o.Last) && len(list) <= mostSlots; day = day.AddDate(0, 0, 1) {
		y, m, d := day.Date()
		if o.Days&(1<<int(time.Date(y, m, d, 12, 0, 0, 0, zone).Weekday())) == 0 {
			continue
		}
		for at := o.From; at+o.Minutes <= o.To; at += o.Minutes {
			if t := time.Date(y, m, d, at/60, at%60, 0, 0, zone); t.After(now) {
				list = append(list, t)
			}
		}
	}
	return list
}

// AddRoom adds a schedule: who, for what, and where. With is a reference to
// the clinician, or empty with a name.
func (s *Store) AddRoom(ctx context.Context, pass access.Pass, r Room) (string, error) {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return "", err
	}
	if r.Service == "" || r.With == "" && r.Ref == "" {
		return "", errRoom
	}
	id := s.ids.New()
	actor := []any{reference(r.Ref, "Practitioner")}
	if r.Ref == "" {
		actor = []any{reference(r.With, "Practitioner")}
	} else if r.With != "" {
		actor = []any{map[string]string{"reference": r.Ref, "display": r.With}}
	}
	if r.Where != "" {
		actor = append(actor, reference(r.Where, "Location"))
	}
	body, err := json.Marshal(map[string]any{
		"resourceType": "Schedule", "id": id, "active": true, "actor": actor,
		"serviceType": []any{map[string]any{"coding": []any{map[string]string{"system": System, "code": r.Service, "display": r.Title}}, "text": r.Title}},
	})
	if err != nil {
		return "", err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		return s.put(ctx, tx, pass, "", "", record.Draft{Type: "Schedule", ID: id, Body: body})
	})
	return id, failedOr("add room", id, err)
}

// Add makes the times of an opening that are not there yet, and returns how
// many. Whoever waits for such a time is offered it.
func (s *Store) Add(ctx context.Context, pass access.Pass, o Opening) (int, error) {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return 0, err
	}
	if err := o.valid(s.now()); err != nil {
		return 0, err
	}
	times := o.times(s.now(), s.zone)
	switch {
	case len(times) > mostSlots:
		return 0, errManyOpen
	case len(times) == 0:
		return 0, errNoTimes
	}
	made := 0
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		who, err := db.One(ctx, tx, db.Value[string], `select practitioner from schedule where id = $1`, o.Room)
		if err != nil {
			return errRoom.Because(err)
		}
		drafts, err := s.missing(ctx, tx, o, who, times)
		if err != nil {
			return err
		}
		if made = len(drafts); made == 0 {
			return errNoTimes
		}
		if err := s.put(ctx, tx, pass, "", "", drafts...); err != nil {
			return err
		}
		for _, d := range drafts {
			if err := s.offerIfWanted(ctx, tx, pass, d.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return made, failedOr("add openings", o.Room, err)
}

// missing are the slots of an opening that lie across no other of the same
// clinician.
func (s *Store) missing(ctx context.Context, tx *db.Tx, o Opening, who string, times []time.Time) ([]record.Draft, error) {
	const q = `select start_at, end_at from slot where practitioner = $1 and end_at > $2 and start_at < $3 and ($1 <> '' or schedule = $4)`
	length := time.Duration(o.Minutes) * time.Minute
	type span struct{ from, to int64 }
	there, err := db.All(ctx, tx, func(scan db.Scan) (s span, err error) { return s, scan(&s.from, &s.to) }, q,
		who, times[0].UnixMicro(), times[len(times)-1].Add(length).UnixMicro(), o.Room)
	if err != nil {
		return nil, err
	}
	var drafts []record.Draft
next:
	for _, t := range times {
		from, to := t.UnixMicro(), t.Add(length).UnixMicro()
		for _, x := range there {
			if from < x.to && x.from < to {
				continue next
			}
		}
		id := s.ids.New()
		body, err := json.Marshal(map[string]any{
			"resourceType": "Slot", "id": id, "status": "free", "schedule": map[string]string{"reference": "Schedule/" + o.Room},
			"start": stamp(t), "end": stamp(t.Add(length)),
		})
		if err != nil {
			return nil, err
		}
		drafts = append(drafts, record.Draft{Type: "Slot", ID: id, Body: body})
	}
	return drafts, nil
}

// offerIfWanted offers a free slot to the first in the line whom it suits.
func (s *Store) offerIfWanted(ctx context.Context, tx *db.Tx, pass access.Pass, slot string) error {
	const q = `select count(*) from wait_entry w join slot v on v.service = w.service where v.id = $1 and w.state = 'waiting' and w.offer = '' and w.start_at > v.start_at`
	n, err := db.One(ctx, tx, db.Value[int], q, slot)
	if err != nil || n == 0 {
		return err
	}
	return s.release(ctx, tx, pass, slot)
}

// Close takes free times of one clinician away from booking, from a time up to
// another, and returns how many. With remove they are gone for good; else they
// are blocked and can be opened again. Visits there stay.
func (s *Store) Close(ctx context.Context, pass access.Pass, who string, from, to time.Time, remove bool) (int, error) {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return 0, err
	}
	if !to.After(from) {
		return 0, errSpan
	}
	status := "busy-unavailable"
	if remove {
		status = "entered-in-error"
	}
	n := 0
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `select id from slot where practitioner = $1 and start_at < $3 and end_at > $2 and (status = 'free' or $4 = 1 and status = 'busy-unavailable') order by start_at limit 1000`
		gone := 0
		if remove {
			gone = 1
		}
		list, err := db.All(ctx, tx, db.Value[string], q, who, from.UnixMicro(), to.UnixMicro(), gone)
		if err != nil {
			return err
		}
		for _, id := range list {
			ok, err := s.shutSlot(ctx, tx, pass, id, status)
			if err != nil {
				return err
			}
			if ok {
				n++
			}
		}
		return nil
	})
	return n, failedOr("close", "times", err)
}

// shutSlot takes one time away from booking unless somebody has just got it.
func (s *Store) shutSlot(ctx context.Context, tx *db.Tx, pass access.Pass, id, status string) (bool, error) {
	const lock = `update slot set status = 'busy-unavailable' where id = $1 and status in ('free', 'busy-unavailable')`
	n, err := db.Changed(tx.ExecContext(ctx, lock, id))
	if err != nil || n == 0 {
		return false, err
	}
	return true, s.put(ctx, tx, pass, id, status)
}

// Shut blocks or removes one free time.
func (s *Store) Shut(ctx context.Context, pass access.Pass, slot string, remove bool) error {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return err
	}
	status := "busy-unavailable"
	if remove {
		status = "entered-in-error"
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		ok, err := s.shutSlot(ctx, tx, pass, slot, status)
		if err == nil && !ok {
			err = errInUse
		}
		return err
	})
	return failedOr("shut", slot, err)
}

// Reopen opens a time that was blocked. Whoever waits for it is offered it.
func (s *Store) Reopen(ctx context.Context, pass access.Pass, slot string) error {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return err
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		const lock = `update slot set status = 'busy-tentative' where id = $1 and status = 'busy-unavailable'`
		n, err := db.Changed(tx.ExecContext(ctx, lock, slot))
		if err != nil {
			return err
		}
		if n == 0 {
			return errInUse
		}
		return s.release(ctx, tx, pass, slot)
	})
	if err != nil {
		return fmt.Errorf("visit: reopen: %w", err)
	}
	return nil
}

// Entry returns one time, whatever its state, without who has it.
func (s *Store) Entry(ctx context.Context, pass access.Pass, slot string) (Entry, error) {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return Entry{}, err
	}
	e, err := db.One(ctx, s.db, scanEntry, `select v.status, v.practitioner, `+slotColumns+slotFrom+`where v.id = $1`, slot)
	if err != nil {
		return Entry{}, fmt.Errorf("visit: entry %s: %w", slot, err)
	}
	return e, nil
}
