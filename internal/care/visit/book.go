package visit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/care/clinician"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// Book takes a free slot for the patient that pass opens. Of many who try at
// once one gets it; the others are told that it is taken. A link leads to one visit
// at a time, however often its button is pressed.
func (s *Store) Book(ctx context.Context, pass access.Pass, slot string, how How) (Visit, error) {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return Visit{}, err
	}
	var v Visit
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.once(ctx, tx, patient, how); err != nil {
			return err
		}
		taken, err := s.take(ctx, tx, slot)
		if err != nil {
			return err
		}
		id := s.ids.New()
		body, err := json.Marshal(s.appointment(id, patient, taken, how))
		if err != nil {
			return err
		}
		if err := s.put(ctx, tx, pass, slot, "busy", record.Draft{Type: "Appointment", ID: id, Body: body}); err != nil {
			return err
		}
		if v, err = get(ctx, tx, pass, patient, id); err != nil {
			return err
		}
		return s.events.Add(ctx, tx, happened("visit.booked", v))
	})
	if err != nil {
		return Visit{}, failed("book", slot, err)
	}
	return v, nil
}

// Cancel gives up a visit and frees its time.
func (s *Store) Cancel(ctx context.Context, pass access.Pass, id string) error {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		v, err := s.hold(ctx, tx, pass, patient, id)
		if err != nil {
			return err
		}
		draft, err := s.changed(ctx, tx, pass, "Appointment", id, map[string]any{"status": string(Cancelled)})
		if err != nil {
			return err
		}
		return s.giveUp(ctx, tx, pass, v, draft)
	})
	if err != nil {
		return failed("cancel", id, err)
	}
	return nil
}

// giveUp writes a visit that is given up, and gives its time to others.
func (s *Store) giveUp(ctx context.Context, tx *db.Tx, pass access.Pass, v Visit, draft record.Draft) error {
	if err := s.put(ctx, tx, pass, "", "", draft); err != nil {
		return err
	}
	if err := s.end(ctx, tx, pass, v.ID, "left", OfferVoid); err != nil {
		return err
	}
	if err := s.release(ctx, tx, pass, v.Slot); err != nil {
		return err
	}
	return s.events.Add(ctx, tx, happened("visit.cancelled", v))
}

// Move moves a visit to another free slot of the same service. Nothing is
// given up unless the new time is got.
func (s *Store) Move(ctx context.Context, pass access.Pass, id, slot string, how How) (Visit, error) {
	patient, err := pass.Open(access.BookVisits)
	if err != nil {
		return Visit{}, err
	}
	var v Visit
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		old, err := s.hold(ctx, tx, pass, patient, id)
		if err != nil {
			return err
		}
		taken, err := s.take(ctx, tx, slot)
		if err != nil {
			return err
		}
		if taken.Service != old.Service {
			return errSameKind
		}
		v, err = s.shift(ctx, tx, pass, old, taken, how)
		return err
	})
	if err != nil {
		return Visit{}, failed("move", id, err)
	}
	return v, nil
}

// shift writes a visit at the slot that was taken for it, and gives the old
// time to others.
func (s *Store) shift(ctx context.Context, tx *db.Tx, pass access.Pass, old Visit, taken Slot, how How) (Visit, error) {
	set := map[string]any{
		"start": stamp(taken.Start), "end": stamp(taken.End), "slot": []any{reference("Slot/"+taken.ID, "")},
	}
	others, err := s.company(ctx, tx, pass, old.ID)
	if err != nil {
		return Visit{}, err
	}
	set["participant"] = append(participants(old.Patient, taken), others...)
	const later = `update wait_entry set start_at = $2, updated_at = $3 where visit = $1`
	if _, err := tx.ExecContext(ctx, later, old.ID, taken.Start.UnixMicro(), s.now().UnixMicro()); err != nil {
		return Visit{}, err
	}
	waits, err := db.One(ctx, tx, db.Value[int], `select count(*) from wait_entry where visit = $1 and state = 'waiting'`, old.ID)
	if err != nil {
		return Visit{}, err
	}
	if waits == 0 {
		set["requestedPeriod"] = nil
	}
	draft, err := s.changed(ctx, tx, pass, "Appointment", old.ID, set)
	if err != nil {
		return Visit{}, err
	}
	if err := s.put(ctx, tx, pass, taken.ID, "busy", draft); err != nil {
		return Visit{}, err
	}
	if err := s.giveBack(ctx, tx, pass, old.ID, OfferVoid, taken.Start); err != nil {
		return Visit{}, err
	}
	if err := s.release(ctx, tx, pass, old.Slot); err != nil {
		return Visit{}, err
	}
	v, err := get(ctx, tx, pass, old.Patient, old.ID)
	if err != nil {
		return Visit{}, err
	}
	v.Via, v.Ref = how.Via, how.Ref
	return v, s.events.Add(ctx, tx, happened("visit.moved", v))
}

// once refuses a second visit to which a link led the patient while there is
// one to come. In the portal, with an account, people may book as they like.
func (s *Store) once(ctx context.Context, tx *db.Tx, patient string, how How) error {
	if how.Via != "link" || how.Ref == "" {
		return nil
	}
	if err := s.records.Hold(ctx, tx, patient); err != nil {
		return err
	}
	const q = `select id from visit where patient = $1 and ref = $2 and status = 'booked' and end_at >= $3 limit 1`
	list, err := db.All(ctx, tx, db.Value[string], q, patient, how.Ref, s.now().UnixMicro())
	if err == nil && len(list) > 0 {
		err = errOnce
	}
	return err
}

// take makes a free slot busy and returns it. The update is the lock: it
// changes one row for one transaction and none for any other.
func (s *Store) take(ctx context.Context, tx *db.Tx, slot string) (Slot, error) {
	const take = `update slot set status = 'busy' where id = $1 and status = 'free' and start_at > $2`
	n, err := db.Changed(tx.ExecContext(ctx, take, slot, s.now().UnixMicro()))
	if err != nil {
		return Slot{}, err
	}
	if n == 0 {
		return Slot{}, errTaken
	}
	return db.One(ctx, tx, scanRaw, `select id, service, title, start_at, end_at, practitioner, place from slot where id = $1`, slot)
}

// scanRaw reads a slot with references where scanSlot has names.
func scanRaw(row db.Scan) (s Slot, err error) {
	var start, end int64
	err = row(&s.ID, &s.Service, &s.Title, &start, &end, &s.With, &s.Where)
	s.Start, s.End = time.UnixMicro(start).UTC(), time.UnixMicro(end).UTC()
	return s, err
}

// hold returns a visit that may be changed, and keeps others from changing
// it until the transaction ends.
func (s *Store) hold(ctx context.Context, tx *db.Tx, pass access.Pass, patient, id string) (Visit, error) {
	const lock = `update visit set updated_at = updated_at where patient = $1 and id = $2`
	if _, err := tx.ExecContext(ctx, lock, patient, id); err != nil {
		return Visit{}, err
	}
	v, err := get(ctx, tx, pass, patient, id)
	if err != nil {
		return Visit{}, err
	}
	return v, v.movable(s.now())
}

// put writes drafts, and the slot with its new status.
func (s *Store) put(ctx context.Context, tx *db.Tx, pass access.Pass, slot, status string, drafts ...record.Draft) error {
	if slot != "" {
		d, err := s.changed(ctx, tx, pass, "Slot", slot, map[string]any{"status": status})
		if err != nil {
			return err
		}
		drafts = append(drafts, d)
	}
	if len(drafts) == 0 {
		return nil
	}
	_, err := s.records.PutAll(ctx, tx, record.Source{Actor: pass.Actor()}, drafts)
	return err
}

// changed returns a draft of a resource with some elements set anew; nil takes
// one away.
func (s *Store) changed(ctx context.Context, tx *db.Tx, pass access.Pass, typ, id string, set map[string]any) (record.Draft, error) {
	res, err := s.records.GetIn(ctx, tx, pass, typ, id)
	if err != nil {
		return record.Draft{}, err
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(res.Body, &body); err != nil {
		return record.Draft{}, fmt.Errorf("visit: read %s/%s: %w", typ, id, err)
	}
	for key, value := range set {
		if value == nil {
			delete(body, key)
			continue
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return record.Draft{}, err
		}
		body[key] = raw
	}
	text, err := json.Marshal(body)
	if err != nil {
		return record.Draft{}, err
	}
	return record.Draft{Type: typ, ID: id, Body: text, IfVersion: res.Version}, nil
}

// appointment returns the FHIR Appointment of a new visit.
func (s *Store) appointment(id, patient string, slot Slot, how How) map[string]any {
	a := map[string]any{
		"resourceType": "Appointment", "id": id, "status": string(Booked),
		"serviceType": []any{map[string]any{
			"coding": []any{map[string]string{"system": System, "code": slot.Service, "display": slot.Title}}, "text": slot.Title,
		}},
		"start": stamp(slot.Start), "end": stamp(slot.End), "created": s.now().UTC().Format("2006-01-02T15:04:05.000000Z"), // to the microsecond: measure compares it with the draw
		"slot":        []any{reference("Slot/"+slot.ID, "")},
		"participant": participants(patient, slot),
	}
	var ext []any
	for _, e := range [...][2]string{{viaURL, how.Via}, {refURL, how.Ref}} {
		if e[1] != "" {
			ext = append(ext, map[string]string{"url": e[0], "valueString": e[1]})
		}
	}
	if ext != nil {
		a["extension"] = ext
	}
	return a
}

func participants(patient string, slot Slot) []any {
	list := []any{map[string]any{"actor": reference("Patient/"+patient, ""), "status": "accepted"}}
	for _, p := range [...][2]string{{slot.With, "Practitioner"}, {slot.Where, "Location"}} {
		if p[0] != "" {
			list = append(list, map[string]any{"actor": reference(p[0], p[1]), "status": "accepted"})
		}
	}
	return list
}

// reference returns a FHIR reference of what a column kept: Type/id, or a
// name alone, which gets its type so that it is read back for what it is.
func reference(kept, typ string) map[string]string {
	if clinician.IsReference(kept) {
		return map[string]string{"reference": kept}
	}
	return map[string]string{"type": typ, "display": kept}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// happened returns the event for what became of a visit.
func happened(kind string, v Visit) event.Event {
	data := map[string]string{"service": v.Service, "via": v.Via, "ref": v.Ref, "slot": v.Slot, "start": stamp(v.Start)}
	return event.Event{Kind: kind, Patient: v.Patient, Subject: v.ID, Data: data}
}
