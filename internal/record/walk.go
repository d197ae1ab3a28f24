package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Walk says what of the record to walk over, in the order in which resources
// came into it. It sees them as they were at one moment: what was changed
// later comes as it was, and what came later does not come.
type Walk struct {
	At      time.Time // the moment: what was written before it counts
	Since   time.Time // only what was written from then on; zero: all
	Types   []string  // empty: every one
	Patient int64     // only this patient's, by number; 0: everyone's, and what is nobody's
	People  bool      // only what is some patient's
	After   int64     // only resources that came after this one; 0: from the first
	To      int64     // and up to this one
	Deleted bool      // what was deleted by then, in place of what was there

	ids []string // only these
}

// Stored is a resource on a walk.
type Stored struct {
	N        int64 // where it stands on every walk
	Type, ID string
	Patient  int64 // whose it is, by number; 0: nobody's
	Version  int64
	Updated  int64  // microseconds
	Body     []byte // good until the next one; none of what was deleted
}

// Newest returns the number of the resource that came last, after every
// transaction that wrote when it was called has ended.
func (s *Store) Newest(ctx context.Context) (int64, error) {
	if err := s.db.Settle(ctx); err != nil {
		return 0, fmt.Errorf("record: newest: %w", err)
	}
	n, err := db.One(ctx, s.db, db.Value[int64], `select coalesce(max(n), 0) from resource`)
	if err != nil {
		return 0, fmt.Errorf("record: newest: %w", err)
	}
	return n, nil
}

// errWalk says that a walk is only for who may see the whole population.
var errWalk = errs.New(errs.NotFound, "We could not find that record.")

// Walk calls fn with every resource of w that pass, which must be one for
// everyone, shows. It leaves out no type for the scopes of an app: see
// Pass.Reaches.
func (s *Store) Walk(ctx context.Context, pass access.Pass, w Walk, fn func(Stored) error) error {
	if pass.OpenAll(access.ReadRecord) != nil {
		return errWalk
	}
	if err := s.walk(ctx, pass, w, fn); err != nil {
		return fmt.Errorf("record: walk: %w", err)
	}
	return nil
}

// WalkTo is Walk to those of ids alone, in no order.
func (s *Store) WalkTo(ctx context.Context, pass access.Pass, w Walk, ids []string, fn func(Stored) error) error {
	const most = 256
	for len(ids) > 0 {
		w.ids = ids[:min(most, len(ids))]
		if err := s.Walk(ctx, pass, w, fn); err != nil {
			return err
		}
		ids = ids[len(w.ids):]
	}
	return nil
}

// walked is the beginning of a walk's statement.
const walked = `select r.n, r.typ, r.id, r.patient, r.version, r.updated, r.deleted, r.body from resource r where `

func (s *Store) walk(ctx context.Context, pass access.Pass, w Walk, fn func(Stored) error) error {
	p := params{first: 1}
	q := walked + w.where(&p, pass) + " and " + p.veil(pass, "r") + " order by r.n"
	rows, err := s.db.QueryContext(ctx, q, p.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var later []int64
	at, since := w.At.UnixMicro(), db.Micro(w.Since)
	var body sql.RawBytes
	for rows.Next() {
		var one Stored
		var deleted int
		if err := rows.Scan(&one.N, &one.Type, &one.ID, &one.Patient, &one.Version, &one.Updated, &deleted, &body); err != nil {
			return err
		}
		if one.Updated >= at {
			if one.Version > 1 {
				later = append(later, one.N)
			}
			continue
		}
		one.Body = body
		if err := s.step(ctx, w, one, since, deleted != 0, fn); err != nil {
			return err
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, n := range later {
		if err := s.before(ctx, pass, w, n, fn); err != nil {
			return err
		}
	}
	return nil
}

// where are the demands of w on a row r.
func (w Walk) where(p *params, pass access.Pass) string {
	q := "r.n > " + p.add(w.After) + " and r.n <= " + p.add(w.To)
	if w.Patient != 0 {
		q += " and r.patient = " + p.add(w.Patient)
	}
	if w.People {
		q += " and r.patient <> 0"
	}
	if len(w.Types) > 0 {
		q += " and r.typ in (" + p.list(w.Types) + ")"
	}
	if len(w.ids) > 0 {
		q += " and r.id in (" + p.list(w.ids) + ")"
	}
	if !w.Since.IsZero() {
		q += " and r.updated >= " + p.add(w.Since.UnixMicro())
	}
	if w.Deleted {
		q += " and (r.deleted <> 0 or r.updated >= " + p.add(w.At.UnixMicro()) + ")"
		hidden, until := pass.Veil() // what was deleted has no shield any more
		q += " and (r.deleted = 0 or length(r.body) = 0 and not exists (select 1 from resource_version w where w.resource = r.n and w.version = r.version - 1 and ((w.labels & " +
			p.add(hidden) + ") <> 0 or w.held_until > " + p.add(until) + ")))"
	}
	return q
}

// step hands over one version if w wants it.
func (s *Store) step(ctx context.Context, w Walk, one Stored, since int64, deleted bool, fn func(Stored) error) error {
	if deleted != w.Deleted || one.Updated < since {
		return nil
	}
	if deleted {
		one.Body = nil
		return fn(one)
	}
	if isSealed(one.Body) {
		plain, err := s.open(ctx, s.db, append([]byte(nil), one.Body...), link{one.Type, one.ID}, one.Version)
		if errors.Is(err, keys.ErrShredded) {
			return nil
		}
		if err != nil {
			return err
		}
		one.Body = plain
	}
	return fn(one)
}

// before hands over resource n as it was at the moment of w, if it was there.
func (s *Store) before(ctx context.Context, pass access.Pass, w Walk, n int64, fn func(Stored) error) error {
	p := params{first: 1}
	q := `
		select r.n, r.typ, r.id, r.patient, v.version, v.updated, v.deleted, v.body,
			v.labels | coalesce((select w.labels from resource_version w where v.deleted <> 0 and w.resource = v.resource and w.version = v.version - 1), 0)
		from resource r
		join resource_version v on v.resource = r.n
		where r.n = ` + p.add(n) + ` and v.updated < ` + p.add(w.At.UnixMicro()) + ` and ` + p.veil(pass, "r") + `
		order by v.version desc
		limit 1`
	type old struct {
		Stored
		deleted int
		labels  access.Label
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (o old, err error) {
		return o, scan(&o.N, &o.Type, &o.ID, &o.Patient, &o.Version, &o.Updated, &o.deleted, &o.Body, &o.labels)
	}, q, p.args...)
	if err != nil || len(list) == 0 {
		return err
	}
	if !pass.Shows(list[0].labels, time.Time{}) {
		return nil
	}
	if !isSealed(list[0].Body) && list[0].deleted == 0 && !showsBody(pass, list[0].Body) {
		return nil // it was more protected then
	}
	return s.step(ctx, w, list[0].Stored, db.Micro(w.Since), list[0].deleted != 0, fn)
}

// Numbers returns the numbers of patients by their ids: of those that are
// known.
func (s *Store) Numbers(ctx context.Context, patients []string) (map[string]int64, error) {
	found := make(map[string]int64, len(patients))
	type pair struct {
		n  int64
		id string
	}
	scan := func(scan db.Scan) (p pair, err error) { return p, scan(&p.n, &p.id) }
	err := inChunks(patients, func(args []any) error {
		list, err := db.All(ctx, s.db, scan, `select n, id from patient_number where id in (`+db.In(1, len(args))+`)`, args...)
		for _, p := range list {
			found[p.id] = p.n
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("record: numbers: %w", err)
	}
	return found, nil
}

// Names returns the ids of patients by their numbers.
func (s *Store) Names(ctx context.Context, numbers []int64) (map[int64]string, error) {
	found := make(map[int64]string, len(numbers))
	type pair struct {
		n  int64
		id string
	}
	scan := func(scan db.Scan) (p pair, err error) { return p, scan(&p.n, &p.id) }
	const most = 64
	for len(numbers) > 0 {
		part := numbers[:min(most, len(numbers))]
		args := make([]any, most)
		for i := range args {
			args[i] = part[min(i, len(part)-1)]
		}
		list, err := db.All(ctx, s.db, scan, `select n, id from patient_number where n in (`+db.In(1, most)+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("record: names: %w", err)
		}
		for _, p := range list {
			found[p.n] = p.id
		}
		numbers = numbers[len(part):]
	}
	return found, nil
}
