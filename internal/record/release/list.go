package release

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Waits returns what waits of everybody, the soonest first.
func (s *Store) Waits(ctx context.Context, pass access.Pass, n int) ([]Hold, error) {
	const q = `select ` + holdColumns + ` from release_hold where released_at = 0 and until_at > $1 order by until_at, id limit $2`
	return s.report(ctx, pass, q, s.Now().UnixMicro(), n)
}

// All returns every hold that was set after a time, the newest first: the
// report.
func (s *Store) All(ctx context.Context, pass access.Pass, since time.Time, n int) ([]Hold, error) {
	const q = `select ` + holdColumns + ` from release_hold where set_at >= $1 order by set_at desc, id limit $2`
	return s.report(ctx, pass, q, since.UnixMicro(), n)
}

func (s *Store) report(ctx context.Context, pass access.Pass, q string, args ...any) ([]Hold, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		if err := pass.OpenAll(access.ReviewAccess); err != nil {
			return nil, err
		}
	}
	list, err := db.All(ctx, s.DB, readHold, q, args...)
	if err != nil {
		return nil, fmt.Errorf("release: list: %w", err)
	}
	return list, nil
}

// Get returns one hold of the patient that pass opens.
func (s *Store) Get(ctx context.Context, pass access.Pass, id string) (Hold, error) {
	patient, err := pass.Open(access.ReleaseResults)
	if err != nil {
		return Hold{}, err
	}
	h, err := db.One(ctx, s.DB, readHold, `select `+holdColumns+` from release_hold where id = $1 and patient = $2`, id, patient)
	if err != nil {
		return h, fmt.Errorf("release: get %s: %w", id, err)
	}
	return h, nil
}

// Of returns what waits of one patient, for those who treat.
func (s *Store) Of(ctx context.Context, pass access.Pass) ([]Hold, error) {
	patient, err := pass.Open(access.ReleaseResults)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, patient)
}

func (s *Store) open(ctx context.Context, patient string) ([]Hold, error) {
	const q = `select ` + holdColumns + ` from release_hold where patient = $1 and released_at = 0 and until_at > $2 order by until_at, id`
	list, err := db.All(ctx, s.DB, readHold, q, patient, s.Now().UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("release: of: %w", err)
	}
	return list, nil
}

// Candidate is a result that may be held.
type Candidate struct {
	Type, ID, Name string
	At             time.Time
}

// Candidates returns the newest results of the patient, to choose from.
func (s *Store) Candidates(ctx context.Context, pass access.Pass, n int) ([]Candidate, error) {
	patient, err := pass.Open(access.ReleaseResults)
	if err != nil {
		return nil, err
	}
	const q = `
		select 'Observation', id, name, at from result r where patient = $1 and category = 'laboratory'
			and not exists (select 1 from shield z where z.typ = 'Observation' and z.id = r.id and ((z.labels & $2) <> 0 or z.held_until > $3))
		union all
		select case when kind = 'report' then 'DiagnosticReport' else 'DocumentReference' end, id, title, at from document d where patient = $1 and kind <> 'plan'
			and not exists (select 1 from shield z where z.patient = d.patient and z.id = d.id and ((z.labels & $2) <> 0 or z.held_until > $3))
		order by 4 desc, 2
		limit $4`
	read := func(scan db.Scan) (c Candidate, err error) {
		var at int64
		err = scan(&c.Type, &c.ID, &c.Name, &at)
		c.At = db.Time(at)
		return c, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.DB, read, q, patient, hidden, until, n)
	if err != nil {
		return nil, fmt.Errorf("release: candidates: %w", err)
	}
	return list, nil
}

// Name returns what the result of h is called in the record, empty where the
// views have no name for it.
func (s *Store) Name(ctx context.Context, pass access.Pass, h Hold) (string, error) {
	patient, err := pass.Open(access.ReleaseResults)
	if err != nil {
		return "", err
	}
	const q = `
		select name from result where patient = $1 and id = $2 and $3 = 'Observation'
			and not exists (select 1 from shield z where z.patient = $1 and z.id = $2 and z.typ = $3 and ((z.labels & $4) <> 0 or z.held_until > $5))
		union all
		select title from document where patient = $1 and id = $2 and $3 <> 'Observation'
			and not exists (select 1 from shield z where z.patient = $1 and z.id = $2 and z.typ = $3 and ((z.labels & $4) <> 0 or z.held_until > $5))`
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.DB, db.Value[string], q, patient, h.Resource, h.Type, hidden, until)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0], nil
}

// Wait is what a patient may know of a result that waits: neither its name
// nor what it is about.
type Wait struct {
	Rule   string
	Reason string // English; the key of its translation. Empty: ask for Rule's words
	Until  time.Time
	Early  bool // a call may show it sooner
}

// Waiting returns what waits of the patient that pass opens, as far as a rule
// allows saying so: one line for each rule, with the latest time of it.
func (s *Store) Waiting(ctx context.Context, pass access.Pass) ([]Wait, error) {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return nil, err
	}
	if !pass.Sees(access.Results) {
		return nil, nil
	}
	const q = `select ` + holdColumns + ` from release_hold h
		where patient = $1 and released_at = 0 and until_at > $2 and tell = 1
			and not exists (select 1 from shield z where z.typ = h.typ and z.id = h.resource and (z.labels & $3) <> 0)
		order by until_at, id`
	list, err := db.All(ctx, s.DB, readHold, q, patient, s.Now().UnixMicro(), int64(pass.Hidden()))
	if err != nil {
		return nil, fmt.Errorf("release: waiting: %w", err)
	}
	var waits []Wait
	at := map[string]int{}
	last := map[[2]string]string{} // of one result only the hold that lasts longest is told
	for _, h := range list {
		last[[2]string{h.Type, h.Resource}] = h.ID
	}
	for _, h := range list {
		if last[[2]string{h.Type, h.Resource}] != h.ID {
			continue
		}
		i, ok := at[h.Rule]
		if !ok {
			i = len(waits)
			at[h.Rule] = i
			w := Wait{Rule: h.Rule, Early: h.Early}
			if p, ok := s.Book.pack(h.Rule); ok {
				w.Reason = p.Reason
			}
			waits = append(waits, w)
		}
		waits[i].Until = h.Until // they come soonest first
	}
	return waits, nil
}
