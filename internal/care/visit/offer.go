package visit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/care/clinician"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

const offerColumns = `o.id, o.visit, o.patient, o.state, o.at, o.expires_at, coalesce(w.start_at, 0),
	v.id, v.service, v.title, v.start_at, v.end_at, v.practitioner, coalesce(c.name, ''), v.place, coalesce(p.name, '')`

const offerFrom = `
	from wait_offer o
		join slot v on v.id = o.slot
		left join wait_entry w on w.visit = o.visit
		left join clinician c on c.id = v.practitioner
		left join clinician p on p.id = v.place `

func scanOffer(row db.Scan) (o Offer, err error) {
	var at, expires, now, start, end int64
	var with, withName, where, whereName string
	err = row(&o.ID, &o.Visit, &o.Patient, &o.State, &at, &expires, &now, &o.Slot.ID, &o.Slot.Service, &o.Slot.Title, &start, &end, &with, &withName, &where, &whereName)
	o.At, o.Expires, o.Now, o.Slot.Start, o.Slot.End = db.Time(at), db.Time(expires), db.Time(now), db.Time(start), db.Time(end)
	o.Slot.With, o.Slot.Where = clinician.Name(with, withName), clinician.Name(where, whereName)
	return o, err
}

// Waiting returns the place in the line of a visit of the patient whom pass
// opens, with what is offered now. ok is false where it does not wait.
func (s *Store) Waiting(ctx context.Context, pass access.Pass, visit string) (w Wait, ok bool, err error) {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return w, false, err
	}
	const q = `select visit, patient, account, practitioner, days, parts, notice, since, offer from wait_entry where visit = $1 and patient = $2 and state = 'waiting'`
	var offer string
	w, err = db.One(ctx, s.db, func(scan db.Scan) (w Wait, err error) {
		var with string
		var since int64
		err = scan(&w.Visit, &w.Patient, &w.By, &with, &w.Days, &w.Parts, &w.Notice, &since, &offer)
		w.Same, w.Since = with != "", db.Time(since)
		return w, err
	}, q, visit, patient)
	if errors.Is(err, db.ErrNone) {
		return w, false, nil
	}
	if err != nil {
		return w, false, fmt.Errorf("visit: waiting %s: %w", visit, err)
	}
	if offer != "" {
		if w.Offer, err = s.offer(ctx, patient, offer); err != nil {
			return w, false, err
		}
	}
	return w, true, nil
}

// Offer returns an offer to the patient whom pass opens, whatever became of
// it.
func (s *Store) Offer(ctx context.Context, pass access.Pass, id string) (Offer, error) {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return Offer{}, err
	}
	return s.offer(ctx, patient, id)
}

// Offers returns what is offered to the patient whom pass opens just now.
func (s *Store) Offers(ctx context.Context, pass access.Pass) ([]Offer, error) {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		if patient, err = pass.Open(access.ReadVisits); err != nil {
			return nil, err
		}
	}
	const q = `select ` + offerColumns + offerFrom + `where w.patient = $1 and w.state = 'waiting' and o.id = w.offer and o.state = 'open' and o.expires_at > $2 order by o.expires_at`
	list, err := db.All(ctx, s.db, scanOffer, q, patient, s.now().UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("visit: offers: %w", err)
	}
	return list, nil
}

func (s *Store) offer(ctx context.Context, patient, id string) (Offer, error) {
	const q = `select ` + offerColumns + offerFrom + `where o.id = $1 and o.patient = $2`
	o, err := db.One(ctx, s.db, scanOffer, q, id, patient)
	if errors.Is(err, db.ErrNone) {
		return o, errOfferGone.Because(err)
	}
	if err != nil {
		return o, fmt.Errorf("visit: offer %s: %w", id, err)
	}
	if o.State == OfferOpen && !o.Expires.After(s.now()) {
		o.State = OfferLapsed // the next minute will say so
	}
	return o, nil
}

// Take moves a visit to the time that it was offered. The old time is given up
// in the same transaction, or not at all.
func (s *Store) Take(ctx context.Context, pass access.Pass, id string, how How) (Visit, error) {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return Visit{}, err
	}
	o, err := s.offer(ctx, patient, id)
	if err != nil {
		return Visit{}, err
	}
	var v Visit
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		old, err := s.hold(ctx, tx, pass, patient, o.Visit)
		if err != nil {
			return err
		}
		if err := s.take1(ctx, tx, id); err != nil {
			return err
		}
		const take = `update slot set status = 'busy' where id = $1 and status = 'busy-tentative'`
		n, err := db.Changed(tx.ExecContext(ctx, take, o.Slot.ID))
		if err != nil {
			return err
		}
		if n == 0 {
			return errTaken
		}
		taken, err := db.One(ctx, tx, scanRaw, `select id, service, title, start_at, end_at, practitioner, place from slot where id = $1`, o.Slot.ID)
		if err != nil {
			return err
		}
		v, err = s.shift(ctx, tx, pass, old, taken, how)
		return err
	})
	if err != nil {
		return Visit{}, failed("take", id, err)
	}
	return v, nil
}

// take1 ends an offer as taken, and the waiting with it.
func (s *Store) take1(ctx context.Context, tx *db.Tx, id string) error {
	now := s.now().UnixMicro()
	const end = `update wait_offer set state = 'taken', ended_at = $2 where id = $1 and state = 'open' and expires_at > $2`
	n, err := db.Changed(tx.ExecContext(ctx, end, id, now))
	if err != nil {
		return err
	}
	if n == 0 {
		return errOfferOver
	}
	_, err = tx.ExecContext(ctx, `update wait_entry set state = 'got', offer = '', updated_at = $2 where offer = $1`, id, now)
	return err
}

// Decline gives an offer to the next in the line. Nothing else changes: the
// old time stays, and so does the place in the line.
func (s *Store) Decline(ctx context.Context, pass access.Pass, id string) error {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return err
	}
	o, err := s.offer(ctx, patient, id)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		ok, err := s.shut(ctx, tx, id, OfferDeclined)
		if err != nil {
			return err
		}
		if !ok {
			return errOfferOver
		}
		e := event.Event{Kind: "visit.offer-declined", Patient: patient, Subject: o.Visit, Data: map[string]string{"offer": id}}
		if err := s.events.Add(ctx, tx, e); err != nil {
			return err
		}
		return s.release(ctx, tx, pass, o.Slot.ID)
	})
	if err != nil {
		return failed("decline", id, err)
	}
	return nil
}

// Lapse ends the offers that nobody answered in time, and offers their slots
// to the next. It returns how many those were.
func (s *Store) Lapse(ctx context.Context, pass access.Pass) (int, error) {
	if err := pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients); err != nil {
		return 0, err
	}
	type late struct{ id, slot string }
	const q = `select id, slot from wait_offer where state = 'open' and expires_at <= $1 order by expires_at, id limit 500`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (l late, err error) { return l, scan(&l.id, &l.slot) }, q, s.now().UnixMicro())
	if err != nil {
		return 0, fmt.Errorf("visit: lapse: %w", err)
	}
	n := 0
	for _, l := range list {
		err := s.db.Tx(ctx, func(tx *db.Tx) error {
			ok, err := s.shut(ctx, tx, l.id, OfferLapsed)
			if err != nil || !ok {
				return err
			}
			n++
			return s.release(ctx, tx, pass, l.slot)
		})
		if err != nil {
			return n, fmt.Errorf("visit: lapse %s: %w", l.id, err)
		}
	}
	return n, nil
}

// Noticed writes down which visit, and which offer, a message is about. From
// when an offer's message may leave, the offer has its time to be answered.
func (s *Store) Noticed(ctx context.Context, tx *db.Tx, message string, n Notice, leaves time.Time) error {
	const add = `insert into visit_notice (message, patient, visit, offer, kind, at) values ($1, $2, $3, $4, $5, $6)`
	if _, err := tx.ExecContext(ctx, add, message, n.Patient, n.Visit, n.Offer, n.Kind, s.now().UnixMicro()); err != nil {
		return err
	}
	if n.Offer == "" {
		return nil
	}
	start, err := db.One(ctx, tx, db.Value[int64], `select v.start_at from wait_offer o join slot v on v.id = o.slot where o.id = $1`, n.Offer)
	if err != nil {
		return err
	}
	const told = `update wait_offer set told_at = $2, expires_at = $3 where id = $1 and state = 'open'`
	_, err = tx.ExecContext(ctx, told, n.Offer, s.now().UnixMicro(), Until(leaves, db.Time(start)).UnixMicro())
	return err
}

// About returns which visit, and which offer, a message to the patient whom
// pass opens is about; an empty Visit means none.
func (s *Store) About(ctx context.Context, pass access.Pass, message string) (Notice, error) {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return Notice{}, err
	}
	const q = `select kind, patient, visit, offer from visit_notice where message = $1 and patient = $2`
	n, err := db.One(ctx, s.db, func(scan db.Scan) (n Notice, err error) {
		return n, scan(&n.Kind, &n.Patient, &n.Visit, &n.Offer)
	}, q, message, patient)
	if errors.Is(err, db.ErrNone) {
		return Notice{}, nil
	}
	return n, err
}
