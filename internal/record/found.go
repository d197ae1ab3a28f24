package record

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"hale/internal/access"
	"hale/internal/store/db"
)

// counted is what findings are counted by.
type counted struct {
	kind   int64
	feed   string
	labels int64 // of the resources they are in
}

// counts are how many more, or fewer, findings there are.
type counts map[counted]int64

// without takes away what resources have now. There are 64 of them.
func (c counts) without(ctx context.Context, tx *db.Tx, resources []any) error {
	type row struct {
		counted
		n int64
	}
	q := `select kind, feed, labels, count(*) from finding where resource in (` + db.In(1, len(resources)) + `) group by kind, feed, labels`
	list, err := db.All(ctx, tx, func(scan db.Scan) (r row, err error) { return r, scan(&r.kind, &r.feed, &r.labels, &r.n) }, q, resources...)
	for _, r := range list {
		c[r.counted] -= r.n
	}
	return err
}

// write adds c to what is counted, in one order, so that two who do never
// wait for each other.
func (c counts) write(ctx context.Context, tx *db.Tx) error {
	order := slices.SortedFunc(maps.Keys(c), func(a, b counted) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.feed, b.feed), cmp.Compare(a.labels, b.labels))
	})
	args := make([]any, 0, 4*len(order))
	for _, k := range order {
		if c[k] != 0 {
			args = append(args, k.kind, k.feed, k.labels, c[k])
		}
	}
	if len(args) == 0 {
		return nil
	}
	return db.InsertMany(ctx, tx, `insert into finding_count (kind, feed, labels, n)`,
		`on conflict (kind, feed, labels) do update set n = finding_count.n + excluded.n`, 4, args)
}

// again returns resources that are to be looked at although nobody wrote to
// them.
func (s *Store) again(ctx context.Context) ([]int64, error) {
	return db.All(ctx, s.db, db.Value[int64], `select resource from finding_again order by resource limit $1`, looked)
}

// done takes those that were away.
func (f *findings) done(ctx context.Context, tx *db.Tx) error {
	if len(f.again) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `delete from finding_again where resource in (`+db.In(1, len(f.again))+`)`, db.Args(f.again)...)
	return err
}

// lookAgain has what got other labels by the batch, and was not written by
// it, counted under these.
func (s *shields) lookAgain(ctx context.Context, all []Change) error {
	if s.b.store.checker == nil {
		return nil
	}
	wrote := map[link]bool{}
	for i := range all {
		wrote[link{all[i].Type, all[i].ID}] = !s.b.again
	}
	for key, g := range s.guards {
		if !g.fresh || g.labels == s.before[key].labels || wrote[key] {
			continue
		}
		const q = `insert into finding_again (resource) select r.n from resource r where r.typ = $1 and r.id = $2 on conflict do nothing`
		if _, err := s.b.tx.ExecContext(ctx, q, g.typ, g.id); err != nil {
			return err
		}
	}
	return nil
}

// FoundKinds returns the kinds of what does not conform, errors first and
// the most frequent first, in what pass shows of everyone's records. They are
// counted as it is found; what waits for its release, which are few, is left
// out here.
func (s *Store) FoundKinds(ctx context.Context, pass access.Pass) ([]FoundKind, error) {
	if err := pass.OpenAll(access.FindPatients); err != nil {
		return nil, err
	}
	const q = `
		select k.id, c.feed, k.typ, k.severity, k.rule, k.place, k.say, k.profile, cast(sum(c.n) as bigint)
		from finding_count c join finding_kind k on k.id = c.kind
		where c.n <> 0 and (c.labels & $1) = 0
		group by k.id, c.feed, k.typ, k.severity, k.rule, k.place, k.say, k.profile
		order by k.severity, sum(c.n) desc, k.id, c.feed
		limit 500`
	scan := func(scan db.Scan) (k FoundKind, err error) {
		return k, scan(&k.ID, &k.Feed, &k.Type, &k.Severity, &k.Rule, &k.Place, &k.Text, &k.Profile, &k.Count)
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scan, q, hidden)
	if err != nil {
		return nil, fmt.Errorf("record: findings: %w", err)
	}
	held, err := s.heldFindings(ctx, hidden, until)
	if err != nil {
		return nil, fmt.Errorf("record: findings: %w", err)
	}
	for i := range list {
		list[i].Count -= held[counted{kind: list[i].ID, feed: list[i].Feed}]
	}
	return slices.DeleteFunc(list, func(k FoundKind) bool { return k.Count <= 0 }), nil
}

// heldFindings counts what waits until after a time and has none of the
// hidden labels. The joins say in which order it looks: SQLite would go
// through every finding, since these stand in the order of the groups.
func (s *Store) heldFindings(ctx context.Context, hidden, until int64) (map[counted]int, error) {
	held := map[counted]int{}
	if until == math.MaxInt64 {
		return held, nil
	}
	const q = `
		select f.kind, f.feed, count(*)
		from shield z cross join resource r cross join finding f
		where z.held_until <> 0 and z.held_until > $1 and r.typ = z.typ and r.id = z.id and f.resource = r.n and (f.labels & $2) = 0
		group by f.kind, f.feed`
	type row struct {
		counted
		n int
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (r row, err error) { return r, scan(&r.kind, &r.feed, &r.n) }, q, until, hidden)
	for _, r := range list {
		held[r.counted] = r.n
	}
	return held, err
}

// Nonconform is a resource that a kind of finding is in.
type Nonconform struct {
	N                 int64 // its number, to go on after
	Type, ID, Patient string
}

// FoundIn returns the next n resources of a source, in what pass shows, that
// a kind of finding is in: those after number after.
func (s *Store) FoundIn(ctx context.Context, pass access.Pass, kind int64, feed string, after int64, n int) ([]Nonconform, error) {
	if err := pass.OpenAll(access.FindPatients); err != nil {
		return nil, err
	}
	const q = `
		select r.n, r.typ, r.id, coalesce(p.id, '')
		from finding f join resource r on r.n = f.resource left join patient_number p on p.n = r.patient
		where f.kind = $1 and f.feed = $2 and f.resource > $6 and r.deleted = 0
			and not exists (select 1 from shield z where z.typ = r.typ and z.id = r.id and ((z.labels & $3) <> 0 or z.held_until > $4))
		order by f.resource
		limit $5`
	scan := func(scan db.Scan) (f Nonconform, err error) { return f, scan(&f.N, &f.Type, &f.ID, &f.Patient) }
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scan, q, kind, feed, hidden, until, n, after)
	if err != nil {
		return nil, fmt.Errorf("record: findings: %w", err)
	}
	return list, nil
}
