package background

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/care/clinician"
	"hale/internal/store/db"
)

// Store reads entries.
type Store struct{ db *db.DB }

// NewStore returns a store on d.
func NewStore(d *db.DB) *Store { return &Store{db: d} }

const columns = `b.id, b.kind, b.code, b.name, b.status, b.at, b.ended, b.person, coalesce(c.name, ''), b.body, b.source, b.updated_at`

// veil leaves out what the pass does not show, of one kind: $4 is its type.
const veil = ` not exists (select 1 from shield z where z.patient = b.patient and z.id = b.id and z.typ = $4
	and ((z.labels & $2) <> 0 or z.held_until > $3)) `

// List returns the newest n of one kind that pass opens.
func (s *Store) List(ctx context.Context, pass access.Pass, kind Kind, n int) ([]Entry, error) {
	const q = `
		select ` + columns + ` from background b left join clinician c on c.id = b.person
		where b.patient = $1 and b.kind = $5 and ` + veil + `
		order by b.at desc, b.name, b.id
		limit $6`
	return s.list(ctx, pass, kind, "list", q, string(kind), n)
}

// Get returns one entry of the patient whom pass opens.
func (s *Store) Get(ctx context.Context, pass access.Pass, kind Kind, id string) (Entry, error) {
	const q = `
		select ` + columns + ` from background b left join clinician c on c.id = b.person
		where b.patient = $1 and b.kind = $5 and b.id = $6 and ` + veil
	list, err := s.list(ctx, pass, kind, "get", q, string(kind), id)
	if err != nil {
		return Entry{}, err
	}
	if len(list) == 0 {
		return Entry{}, fmt.Errorf("background: get %s: %w", id, db.ErrNone)
	}
	return list[0], nil
}

// Pending returns the tests that were ordered after a time and have no result
// yet that pass shows, the one that is expected first first.
func (s *Store) Pending(ctx context.Context, pass access.Pass, after time.Time, n int) ([]Entry, error) {
	const q = `
		select ` + columns + ` from background b left join clinician c on c.id = b.person
		where b.patient = $1 and b.kind = 'order' and b.status in ('active', 'on-hold') and b.at > $5 and ` + veil + `
			and not exists (select 1 from order_answer a where a.patient = b.patient and a.request = b.id
				and not exists (select 1 from shield y where y.patient = a.patient and y.typ = a.typ and y.id = a.id
					and ((y.labels & $2) <> 0 or y.held_until > $3)))
		order by case when b.ended = 0 then 1 else 0 end, b.ended, b.at, b.id
		limit $6`
	return s.list(ctx, pass, Order, "pending", q, after.UnixMicro(), n)
}

// list runs q for the patient that pass opens.
func (s *Store) list(ctx context.Context, pass access.Pass, kind Kind, verb, q string, args ...any) ([]Entry, error) {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil || !pass.Sees(kind.Part()) {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scan, q, append([]any{patient, hidden, until, kind.Type()}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("background: %s %s: %w", verb, kind, err)
	}
	for i := range list {
		if err := s.name(ctx, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// name puts names where a care team has references alone; who has none is
// left out.
func (s *Store) name(ctx context.Context, e *Entry) error {
	kept := e.Detail.Members[:0]
	for _, m := range e.Detail.Members {
		if clinician.IsReference(m.Who) {
			name, err := db.One(ctx, s.db, db.Value[string], `select name from clinician where id = $1`, m.Who)
			if errors.Is(err, db.ErrNone) {
				continue
			}
			if err != nil {
				return fmt.Errorf("background: name: %w", err)
			}
			m.Who = name
		}
		kept = append(kept, m)
	}
	e.Detail.Members = kept
	return nil
}

// Counts returns the counts of all kinds that pass opens; of orders, none:
// Pending says which of them wait.
func (s *Store) Counts(ctx context.Context, pass access.Pass) (map[Kind]Count, error) {
	const q = `
		select b.kind, count(*), max(b.updated_at) from background b
		where b.patient = $1 and b.kind <> 'order' and not exists (select 1 from shield z where z.patient = b.patient and z.id = b.id
			and z.typ in ('Device', 'FamilyMemberHistory', 'Coverage', 'CareTeam', 'Goal', 'CarePlan') and ((z.labels & $2) <> 0 or z.held_until > $3))
		group by b.kind`
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return nil, err
	}
	hidden, until := pass.Veil()
	type counted struct {
		kind Kind
		Count
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (c counted, err error) {
		var at int64
		err = scan(&c.kind, &c.N, &at)
		c.Updated = db.Time(at)
		return c, err
	}, q, patient, hidden, until)
	if err != nil {
		return nil, fmt.Errorf("background: counts: %w", err)
	}
	counts := make(map[Kind]Count, len(list))
	for _, c := range list {
		if pass.Sees(c.kind.Part()) {
			counts[c.kind] = c.Count
		}
	}
	return counts, nil
}

func scan(row db.Scan) (e Entry, err error) {
	var person, name, body string
	var at, ended, updated int64
	if err = row(&e.ID, &e.Kind, &e.Code, &e.Name, &e.Status, &at, &ended, &person, &name, &body, &e.Source, &updated); err != nil {
		return e, err
	}
	e.At, e.Ended, e.Updated = db.Time(at), db.Time(ended), db.Time(updated)
	e.Person = clinician.Name(person, name)
	return e, json.Unmarshal([]byte(body), &e.Detail)
}
