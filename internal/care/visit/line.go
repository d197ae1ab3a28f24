package visit

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// waitURL keeps a wish with the appointment, for whoever reads the record.
const waitURL = "https://hale.example/fhir/earlier-time"

// Join puts a visit into the line for an earlier time, or changes what would
// suit. The place in the line stays.
func (s *Store) Join(ctx context.Context, pass access.Pass, id string, w Wish) error {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return err
	}
	if err := w.valid(); err != nil {
		return err
	}
	w.By = pass.Actor().ID
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		v, err := s.hold(ctx, tx, pass, patient, id)
		if err != nil {
			return err
		}
		draft, err := s.changed(ctx, tx, pass, "Appointment", id, map[string]any{
			"requestedPeriod": []any{map[string]any{
				"start": stamp(s.now()), "end": stamp(v.Start),
				"extension": []any{map[string]string{"url": waitURL, "valueString": fmt.Sprintf("days %d parts %d notice %d", w.Days, w.Parts, w.Notice)}},
			}},
		})
		if err != nil {
			return err
		}
		if err := s.put(ctx, tx, pass, "", "", draft); err != nil {
			return err
		}
		if err := s.queue(ctx, tx, v, w); err != nil {
			return err
		}
		return s.events.Add(ctx, tx, happened("visit.waiting", v))
	})
	if err != nil {
		return failed("wait for", id, err)
	}
	return nil
}

// queue writes the place in the line.
func (s *Store) queue(ctx context.Context, tx *db.Tx, v Visit, w Wish) error {
	with := ""
	if w.Same {
		var err error
		if with, err = db.One(ctx, tx, db.Value[string], `select practitioner from slot where id = $1`, v.Slot); err != nil {
			with = ""
		}
	}
	const q = `
		insert into wait_entry (visit, patient, account, service, start_at, practitioner, days, parts, notice, since, state, offer, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'waiting', '', $10)
		on conflict (visit) do update set
			days = excluded.days, parts = excluded.parts, notice = excluded.notice, practitioner = excluded.practitioner, start_at = excluded.start_at,
			account = excluded.account, since = case when wait_entry.state = 'waiting' then wait_entry.since else excluded.since end,
			state = 'waiting', updated_at = excluded.updated_at`
	_, err := tx.ExecContext(ctx, q, v.ID, v.Patient, w.By, v.Service, v.Start.UnixMicro(), with, w.Days, w.Parts, w.Notice, s.now().UnixMicro())
	return err
}

// Leave takes a visit out of the line. An offer that is open goes to the next.
func (s *Store) Leave(ctx context.Context, pass access.Pass, id string) error {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		v, err := s.hold(ctx, tx, pass, patient, id)
		if err != nil {
			return err
		}
		if err := s.end(ctx, tx, pass, id, "left", OfferDeclined); err != nil {
			return err
		}
		draft, err := s.changed(ctx, tx, pass, "Appointment", id, map[string]any{"requestedPeriod": nil})
		if err != nil {
			return err
		}
		if err := s.put(ctx, tx, pass, "", "", draft); err != nil {
			return err
		}
		return s.events.Add(ctx, tx, happened("visit.waits-no-more", v))
	})
	if err != nil {
		return failed("leave", id, err)
	}
	return nil
}

// end takes a visit out of the line, and gives what it was offered to the
// next.
func (s *Store) end(ctx context.Context, tx *db.Tx, pass access.Pass, visit, state string, offer OfferState) error {
	const q = `update wait_entry set state = $2, updated_at = $3 where visit = $1 and state = 'waiting'`
	if _, err := tx.ExecContext(ctx, q, visit, state, s.now().UnixMicro()); err != nil {
		return err
	}
	return s.giveBack(ctx, tx, pass, visit, offer, time.Time{})
}

// giveBack ends the open offer of a visit, if it begins at a time or later,
// and gives its slot to the next.
func (s *Store) giveBack(ctx context.Context, tx *db.Tx, pass access.Pass, visit string, state OfferState, from time.Time) error {
	const q = `
		select o.id, o.slot from wait_entry w join wait_offer o on o.id = w.offer join slot v on v.id = o.slot
		where w.visit = $1 and o.state = 'open' and v.start_at >= $2`
	type held struct{ offer, slot string }
	list, err := db.All(ctx, tx, func(scan db.Scan) (h held, err error) { return h, scan(&h.offer, &h.slot) }, q, visit, max(from.UnixMicro(), 0))
	if err != nil || len(list) == 0 {
		return err
	}
	if ok, err := s.shut(ctx, tx, list[0].offer, state); err != nil || !ok {
		return err
	}
	return s.release(ctx, tx, pass, list[0].slot)
}

// shut ends an open offer; ok is false where somebody else just did.
func (s *Store) shut(ctx context.Context, tx *db.Tx, offer string, state OfferState) (ok bool, err error) {
	const end = `update wait_offer set state = $2, ended_at = $3 where id = $1 and state = 'open'`
	n, err := db.Changed(tx.ExecContext(ctx, end, offer, string(state), s.now().UnixMicro()))
	if err != nil || n == 0 {
		return false, err
	}
	const free = `update wait_entry set offer = '', lapsed = lapsed + $2, updated_at = $3 where offer = $1`
	late := 0
	if state == OfferLapsed {
		late = 1
	}
	_, err = tx.ExecContext(ctx, free, offer, late, s.now().UnixMicro())
	return true, err
}

// release frees a slot, with what else is written with it: it is offered to
// the first in the line whom it suits, or is open to all.
func (s *Store) release(ctx context.Context, tx *db.Tx, pass access.Pass, slot string) error {
	if slot == "" {
		return nil
	}
	given, err := s.next(ctx, tx, slot)
	if err != nil {
		return err
	}
	status := "free"
	if given.ID != "" {
		status = "busy-tentative"
	}
	if err := s.put(ctx, tx, pass, slot, status); err != nil {
		return err
	}
	if given.ID == "" {
		return nil
	}
	e := event.Event{Kind: "visit.offered", Patient: given.Patient, Subject: given.Visit, Data: map[string]string{"offer": given.ID, "slot": slot}}
	if err := s.events.Add(ctx, tx, e); err != nil || s.teller == nil {
		return err
	}
	return s.teller.TellVisit(ctx, tx, Notice{Kind: ToldOffer, Patient: given.Patient, Visit: given.Visit, Offer: given.ID})
}

// inLine is a place in the line that may be offered a slot.
type inLine struct {
	Wish
	visit, patient string
}

// next offers a slot to the first whom it suits: those with fewer offers gone
// by unanswered come first, then who has waited longest. Nobody has two offers,
// and nobody is offered the same time twice.
func (s *Store) next(ctx context.Context, tx *db.Tx, id string) (Offer, error) {
	slot, err := db.One(ctx, tx, scanRaw, `select id, service, title, start_at, end_at, practitioner, place from slot where id = $1`, id)
	if err != nil {
		return Offer{}, err
	}
	now := s.now()
	if slot.Start.Before(now.Add(soonest)) {
		return Offer{}, nil
	}
	const line = `
		select w.visit, w.patient, w.days, w.parts, w.notice from wait_entry w
		where w.state = 'waiting' and w.service = $1 and w.offer = '' and w.start_at > $2 and (w.practitioner = '' or w.practitioner = $3)
			and not exists (select 1 from wait_offer o where o.visit = w.visit and o.slot = $4)
		order by w.lapsed, w.since, w.visit`
	list, err := db.All(ctx, tx, func(scan db.Scan) (l inLine, err error) {
		return l, scan(&l.visit, &l.patient, &l.Days, &l.Parts, &l.Notice)
	}, line, slot.Service, slot.Start.UnixMicro(), slot.With, id)
	if err != nil {
		return Offer{}, err
	}
	for _, l := range list {
		if !l.suits(slot.Start, now, s.zone) {
			continue
		}
		o := Offer{ID: s.ids.New(), Visit: l.visit, Patient: l.patient, Slot: slot, At: now, Expires: Until(now, slot.Start)}
		const lock = `update wait_entry set offer = $2, updated_at = $3 where visit = $1 and offer = '' and state = 'waiting'`
		n, err := db.Changed(tx.ExecContext(ctx, lock, l.visit, o.ID, now.UnixMicro()))
		if err != nil {
			return Offer{}, err
		}
		if n == 0 {
			continue // they were offered another time a moment ago
		}
		const add = `insert into wait_offer (id, visit, patient, slot, state, at, expires_at) values ($1, $2, $3, $4, 'open', $5, $6)`
		_, err = tx.ExecContext(ctx, add, o.ID, o.Visit, o.Patient, id, now.UnixMicro(), o.Expires.UnixMicro())
		return o, err
	}
	return Offer{}, nil
}
