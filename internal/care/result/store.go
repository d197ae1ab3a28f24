package result

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/care/clinician"
	"hale/internal/store/db"
)

// Store reads results.
type Store struct{ db *db.DB }

// NewStore returns a store on d.
func NewStore(d *db.DB) *Store { return &Store{db: d} }

const columns = `r.patient, r.id, r.category, r.code, r.name, r.status, r.at, r.issued, r.value, r.unit, r.said, r.low, r.high, r.range_text,
	r.flag, r.performer, coalesce(c.name, ''), r.note, r.parts, r.source, r.updated_at`

const from = ` from result r left join clinician c on c.id = r.performer `

// veil leaves out what the pass does not show.
const veil = ` not exists (select 1 from shield z where z.patient = r.patient and z.id = r.id
	and z.typ = 'Observation' and ((z.labels & $2) <> 0 or z.held_until > $3)) `

// Recent returns the newest n results that pass opens, newest first, of one
// category or, where it is empty, of both.
func (s *Store) Recent(ctx context.Context, pass access.Pass, category Category, n int) ([]Result, error) {
	const q = `select ` + columns + from + `
		where r.patient = $1 and ` + veil + ` and ($4 = '' or r.category = $4)
		order by r.at desc, r.name, r.id
		limit $5`
	return s.list(ctx, pass, "recent", q, string(category), n)
}

// Since returns at most n results that reached the record after t, newest
// first.
func (s *Store) Since(ctx context.Context, pass access.Pass, t time.Time, n int) ([]Result, error) {
	const q = `select ` + columns + from + `
		where r.patient = $1 and ` + veil + ` and r.updated_at > $4
		order by r.at desc, r.name, r.id
		limit $5`
	return s.list(ctx, pass, "since", q, t.UnixMicro(), n)
}

// Trend returns the newest n results of one kind, oldest first.
func (s *Store) Trend(ctx context.Context, pass access.Pass, code string, n int) ([]Result, error) {
	const q = `select ` + columns + from + `
		where r.patient = $1 and ` + veil + ` and r.code = $4
		order by r.at desc, r.id desc
		limit $5`
	list, err := s.list(ctx, pass, "trend", q, code, n)
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list, err
}

// Get returns one result of the patient that pass opens.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Result, error) {
	const q = `select ` + columns + from + `where r.patient = $1 and r.id = $4 and ` + veil
	list, err := s.list(ctx, pass, "get", q, id)
	if err != nil {
		return Result{}, err
	}
	if len(list) == 0 {
		return Result{}, fmt.Errorf("result: get %s: %w", id, db.ErrNone)
	}
	return list[0], nil
}

// Count returns how many results pass opens, and when the record last
// changed one of them; zero for never.
func (s *Store) Count(ctx context.Context, pass access.Pass) (int, time.Time, error) {
	const q = `select count(*), coalesce(max(updated_at), 0) from result r where r.patient = $1 and ` + veil
	patient, err := pass.Open(access.ReadRecord)
	if err != nil || !pass.Sees(access.Results) {
		return 0, time.Time{}, err
	}
	hidden, until := pass.Veil()
	type row struct{ n, at int64 }
	r, err := db.One(ctx, s.db, func(scan db.Scan) (r row, err error) {
		err = scan(&r.n, &r.at)
		return r, err
	}, q, patient, hidden, until)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("result: count: %w", err)
	}
	return int(r.n), db.Time(r.at), nil
}

// Goals returns the patient's goals by the code they are about; the newest
// where there are two.
func (s *Store) Goals(ctx context.Context, pass access.Pass) (map[string]Goal, error) {
	const q = `
		select r.code, r.said, r.low, r.high from goal r
		where r.patient = $1 and not exists (select 1 from shield z where z.patient = r.patient and z.id = r.id
			and z.typ = 'Goal' and ((z.labels & $2) <> 0 or z.held_until > $3))
		order by r.updated_at, r.id`
	patient, err := pass.Open(access.ReadRecord)
	if err != nil || !pass.Sees(access.Results) || !pass.Sees(access.Conditions) {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, func(scan db.Scan) (g Goal, err error) {
		var low, high sql.NullFloat64
		err = scan(&g.Code, &g.Said, &low, &high)
		g.Band = band(low, high)
		return g, err
	}, q, patient, hidden, until)
	if err != nil {
		return nil, fmt.Errorf("result: goals: %w", err)
	}
	goals := make(map[string]Goal, len(list))
	for _, g := range list {
		goals[g.Code] = g
	}
	return goals, nil
}

// list runs q for the patient that pass opens.
func (s *Store) list(ctx context.Context, pass access.Pass, verb, q string, args ...any) ([]Result, error) {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil || !pass.Sees(access.Results) {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scan, q, append([]any{patient, hidden, until}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("result: %s: %w", verb, err)
	}
	return list, nil
}

func scan(row db.Scan) (r Result, err error) {
	var value, low, high sql.NullFloat64
	var at, issued, updated int64
	var performer, found, parts string
	err = row(&r.Patient, &r.ID, &r.Category, &r.Code, &r.Name, &r.Status, &at, &issued, &value, &r.Unit, &r.Said, &low, &high, &r.RangeText,
		&r.Flag, &performer, &found, &r.Note, &parts, &r.Source, &updated)
	if err != nil {
		return r, err
	}
	r.At, r.Issued, r.Updated = db.Time(at), db.Time(issued), db.Time(updated)
	r.Value, r.HasValue = value.Float64, value.Valid
	r.Range = band(low, high)
	r.Performer = clinician.Name(performer, found)
	if parts != "" {
		err = json.Unmarshal([]byte(parts), &r.Parts)
	}
	return r, err
}

func band(low, high sql.NullFloat64) Band {
	return Band{Low: low.Float64, High: high.Float64, HasLow: low.Valid, HasHigh: high.Valid}
}
