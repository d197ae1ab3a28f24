package visit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/care/clinician"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// records is what the store needs of the record.
type records interface {
	PutAll(ctx context.Context, tx *db.Tx, src record.Source, drafts []record.Draft) ([]record.Change, error)
	Get(ctx context.Context, pass access.Pass, typ, id string) (record.Resource, error)
	GetIn(ctx context.Context, tx *db.Tx, pass access.Pass, typ, id string) (record.Resource, error)
	Hold(ctx context.Context, tx *db.Tx, patient string) error
}

// Store reads and books visits.
type Store struct {
	db      *db.DB
	records records
	events  *event.Log
	ids     *ids.Source
	now     func() time.Time
	zone    *time.Location // of the clinic
	teller  Teller         // nil: nobody is told
}

// NewStore returns a store on d that writes through r.
func NewStore(d *db.DB, r records, events *event.Log, ids *ids.Source, now func() time.Time) *Store {
	return &Store{db: d, records: r, events: events, ids: ids, now: now, zone: time.UTC}
}

const columns = `v.id, v.patient, v.status, v.service, v.title, v.start_at, v.end_at, v.practitioner, coalesce(c.name, ''),
	v.place, coalesce(o.name, ''), v.slot, v.booked_at, v.via, v.ref, v.updated_at, v.kind`

const from = `
	from visit v
		left join clinician c on c.id = v.practitioner
		left join clinician o on o.id = v.place `

// veil leaves out what the pass does not show.
const veil = ` not exists (select 1 from shield z where z.patient = v.patient and z.id = v.id
	and z.typ in ('Appointment', 'Encounter') and ((z.labels & $2) <> 0 or z.held_until > $3)) `

// Upcoming returns the next n visits that pass opens, soonest first.
func (s *Store) Upcoming(ctx context.Context, pass access.Pass, n int) ([]Visit, error) {
	const q = `select ` + columns + from + `
		where v.patient = $1 and ` + veil + ` and v.end_at >= $4 and v.status in ('booked', 'pending', 'proposed', 'arrived', 'checked-in', 'waitlist')
		order by v.start_at, v.id
		limit $5`
	return s.list(ctx, pass, "upcoming", q, n)
}

// Past returns the last n visits that pass opens, newest first: what was, and
// what was cancelled.
func (s *Store) Past(ctx context.Context, pass access.Pass, n int) ([]Visit, error) {
	const q = `select ` + columns + from + `
		where v.patient = $1 and ` + veil + ` and (v.end_at < $4 or v.status not in ('booked', 'pending', 'proposed', 'arrived', 'checked-in', 'waitlist'))
		order by v.start_at desc, v.id
		limit $5`
	return s.list(ctx, pass, "past", q, n)
}

func (s *Store) list(ctx context.Context, pass access.Pass, verb, q string, n int) ([]Visit, error) {
	patient, err := pass.Open(access.ReadVisits)
	if err != nil || !pass.Sees(access.Visits) {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scan, q, patient, hidden, until, s.now().UnixMicro(), n)
	if err != nil {
		return nil, fmt.Errorf("visit: %s: %w", verb, err)
	}
	for i, v := range list {
		list[i] = v.told(pass)
	}
	return list, nil
}

// told leaves out why somebody was seen where pass is for staff who open no
// record: the front desk sees that there was a hospital stay, not what for.
func (v Visit) told(pass access.Pass) Visit {
	if a := pass.Actor(); v.kind == "encounter" && a.Kind == access.Staff && !a.May(access.ReadRecord, v.Patient) {
		v.Title, _, _ = strings.Cut(v.Title, whyMark)
	}
	return v
}

// Get returns one visit of the patient that pass opens to read or to book.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Visit, error) {
	patient, err := pass.Open(access.ReadVisits)
	if err != nil {
		if patient, err = pass.Open(access.BookVisits); err != nil {
			return Visit{}, err
		}
	}
	return get(ctx, s.db, pass, patient, id)
}

func get(ctx context.Context, c db.Conn, pass access.Pass, patient, id string) (Visit, error) {
	const q = `select ` + columns + from + `where v.patient = $1 and v.id = $4 and ` + veil
	if !pass.Sees(access.Visits) {
		return Visit{}, fmt.Errorf("visit: get %s: %w", id, db.ErrNone)
	}
	hidden, until := pass.Veil()
	v, err := db.One(ctx, c, scan, q, patient, hidden, until, id)
	if err != nil {
		return Visit{}, fmt.Errorf("visit: get %s: %w", id, err)
	}
	return v.told(pass), nil
}

const slotColumns = `v.id, v.service, v.title, v.start_at, v.end_at, v.practitioner, coalesce(c.name, ''), v.place, coalesce(o.name, '')`

const slotFrom = `
	from slot v
		left join clinician c on c.id = v.practitioner
		left join clinician o on o.id = v.place `

// Slots returns the next n free times of a service from a time on, soonest
// first.
func (s *Store) Slots(ctx context.Context, service string, from time.Time, n int) ([]Slot, error) {
	const q = `select ` + slotColumns + slotFrom + `
		where v.service = $1 and v.status = 'free' and v.start_at >= $2
		order by v.start_at, v.id
		limit $3`
	if now := s.now(); from.Before(now) {
		from = now
	}
	list, err := db.All(ctx, s.db, scanSlot, q, service, from.UnixMicro(), n)
	if err != nil {
		return nil, fmt.Errorf("visit: slots of %s: %w", service, err)
	}
	return list, nil
}

// Slot returns one time if it is still free.
func (s *Store) Slot(ctx context.Context, id string) (Slot, error) {
	const q = `select ` + slotColumns + slotFrom + `where v.id = $1 and v.status = 'free' and v.start_at >= $2`
	slot, err := db.One(ctx, s.db, scanSlot, q, id, s.now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		err = errTaken.Because(err)
	}
	if err != nil {
		return Slot{}, fmt.Errorf("visit: slot %s: %w", id, err)
	}
	return slot, nil
}

// Services returns what can be booked: the services with a free time.
func (s *Store) Services(ctx context.Context) ([]Service, error) {
	const q = `
		select service, max(title)
		from slot
		where status = 'free' and start_at >= $1 and service <> ''
		group by service
		order by max(title), service`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (v Service, err error) {
		err = scan(&v.Code, &v.Title)
		return v, err
	}, q, s.now().UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("visit: services: %w", err)
	}
	return list, nil
}

func scan(row db.Scan) (v Visit, err error) {
	var start, end, booked, updated int64
	var with, withName, where, whereName string
	err = row(&v.ID, &v.Patient, &v.Status, &v.Service, &v.Title, &start, &end, &with, &withName, &where, &whereName, &v.Slot,
		&booked, &v.Via, &v.Ref, &updated, &v.kind)
	v.Start, v.End, v.BookedAt, v.Updated = db.Time(start), db.Time(end), db.Time(booked), db.Time(updated)
	v.With, v.Where = clinician.Name(with, withName), clinician.Name(where, whereName)
	return v, err
}

func scanSlot(row db.Scan) (s Slot, err error) {
	var start, end int64
	var with, withName, where, whereName string
	err = row(&s.ID, &s.Service, &s.Title, &start, &end, &with, &withName, &where, &whereName)
	s.Start, s.End = db.Time(start), db.Time(end)
	s.With, s.Where = clinician.Name(with, withName), clinician.Name(where, whereName)
	return s, err
}

// failed keeps the sort of an error and names what failed.
func failed(verb, id string, err error) error {
	if errs.KindOf(err) == errs.Internal {
		return fmt.Errorf("visit: %s %s: %w", verb, id, err)
	}
	return err
}
