package record

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/standard/fhir"
	"hale/internal/store/change"
	"hale/internal/store/db"
)

// looked is how many changes CheckNext looks at, mostFindings how many kinds
// of findings one resource keeps.
const (
	looked       = 500
	mostFindings = 10
)

// written is a resource as it is now, and who wrote it.
type written struct {
	stored
	deleted bool
	labels  int64
	source  Source
}

func readWritten(scan db.Scan) (w written, err error) {
	var kind string
	err = scan(&w.n, &w.typ, &w.id, &w.version, &w.deleted, &w.source.Feed, &kind, &w.source.Actor.ID, &w.labels, &w.body)
	w.source.Actor.Kind = access.Kind(kind)
	return w, err
}

// CheckNext looks at what was written since it was last called, as far as it
// came from sources whose policy is to flag what does not conform, and says
// whether there is more. It is done behind the writes, which wait for none of
// it; after a crash it goes on where it stopped.
func (s *Store) CheckNext(ctx context.Context) (more bool, err error) {
	if s.checker == nil {
		return false, nil
	}
	if err := change.Settle(ctx, s.db); err != nil {
		return false, fmt.Errorf("record: check: %w", err)
	}
	from, err := db.One(ctx, s.db, db.Value[int64], `select seq from finding_reached where one = 1`)
	if err != nil {
		return false, fmt.Errorf("record: check: %w", err)
	}
	const q = `select coalesce(max(seq), 0) from (select seq from change where seq > $1 order by seq limit $2) c`
	to, err := db.One(ctx, s.db, db.Value[int64], q, from, looked)
	if err != nil {
		return false, fmt.Errorf("record: check: %w", err)
	}
	again, err := s.again(ctx)
	if err != nil {
		return false, fmt.Errorf("record: check: %w", err)
	}
	if to <= from && len(again) == 0 {
		return false, nil
	}
	list, err := s.writtenIn(ctx, from, to, again)
	if err != nil {
		return false, fmt.Errorf("record: check: %w", err)
	}
	w := s.look(list)
	w.again = again
	err = s.db.Tx(ctx, func(tx *db.Tx) error { return w.keep(ctx, tx, from, to) })
	if err != nil {
		return false, fmt.Errorf("record: check: %w", err)
	}
	return true, nil
}

const writtenColumns = `
	select r.n, r.typ, r.id, r.version, r.deleted, v.feed, v.actor_kind, v.actor, coalesce(z.labels, 0), r.body
	from resource r join provenance v on v.id = r.provenance left join shield z on z.typ = r.typ and z.id = r.id`

// writtenIn returns what was written between two places of the feed, and what
// is to be looked at again, as it is now.
func (s *Store) writtenIn(ctx context.Context, from, to int64, again []int64) ([]written, error) {
	const q = writtenColumns + ` where r.n in (select c.resource from change c where c.seq > $1 and c.seq <= $2)`
	list, err := db.All(ctx, s.db, readWritten, q, from, to)
	if err != nil {
		return nil, err
	}
	if len(again) > 0 {
		more, err := db.All(ctx, s.db, readWritten, writtenColumns+` where r.n in (`+db.In(1, len(again))+`)`, db.Args(again)...)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	slices.SortStableFunc(list, func(a, b written) int { return cmp.Compare(a.n, b.n) })
	list = slices.CompactFunc(list, func(a, b written) bool { return a.n == b.n })
	for i := range list {
		if w := &list[i]; err == nil && !w.deleted && s.policy(w.source) == Flag {
			w.body, err = s.open(ctx, s.db, w.body, w.link, w.version)
		}
	}
	return list, err
}

// findings are what is to be kept of what was looked at.
type findings struct {
	resources   []int64
	again       []int64
	kinds, rows []any
	counts      counts
}

// look checks what is to be flagged.
func (s *Store) look(list []written) findings {
	f := findings{counts: counts{}}
	known := map[int64]bool{}
	for _, w := range list {
		f.resources = append(f.resources, w.n)
		if w.deleted || s.policy(w.source) != Flag {
			continue
		}
		node, err := fhir.Parse(w.body)
		if err != nil {
			continue // a body that was shredded
		}
		f.add(w, s.checker.Check(w.typ, node), known)
	}
	return f
}

// add adds what was found of one resource.
func (f *findings) add(w written, list []Finding, known map[int64]bool) {
	mine := map[int64]bool{}
	for _, one := range list {
		if one.Severity != "error" && one.Severity != "warning" || len(mine) == mostFindings {
			continue
		}
		place := unnumbered(one.Place)
		id := kindOf(w.typ, one.Severity, one.Rule, place, one.Text, one.Profile)
		if mine[id] {
			continue
		}
		mine[id] = true
		f.rows = append(f.rows, id, w.source.Feed, w.n, w.labels)
		f.counts[counted{id, w.source.Feed, w.labels}]++
		if !known[id] {
			known[id] = true
			f.kinds = append(f.kinds, id, w.typ, one.Severity, one.Rule, place, one.Text, one.Profile)
		}
	}
}

// kindOf is a number for a kind of finding.
func kindOf(parts ...string) int64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return int64(binary.BigEndian.Uint64(h.Sum(nil)) >> 1)
}

// unnumbered takes the numbers of list elements out of a place.
func unnumbered(place string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(place, "[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, place, _ = strings.Cut(rest, "]")
	}
}

// keep writes what was found, unless another did in the meantime.
func (f *findings) keep(ctx context.Context, tx *db.Tx, from, to int64) error {
	res, err := tx.ExecContext(ctx, `update finding_reached set seq = $1 where one = 1 and seq = $2`, to, from)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	for list := range slices.Chunk(f.resources, 64) {
		args := db.Args(list)
		for len(args) < 64 {
			args = append(args, list[0])
		}
		if err := f.counts.without(ctx, tx, args); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `delete from finding where resource in (`+db.In(1, len(args))+`)`, args...); err != nil {
			return err
		}
	}
	if err := db.InsertMany(ctx, tx, `insert into finding_kind (id, typ, severity, rule, place, say, profile)`, `on conflict do nothing`, 7, f.kinds); err != nil {
		return err
	}
	if err := db.InsertMany(ctx, tx, `insert into finding (kind, feed, resource, labels)`, `on conflict do nothing`, 4, f.rows); err != nil {
		return err
	}
	if err := f.counts.write(ctx, tx); err != nil {
		return err
	}
	return f.done(ctx, tx)
}

// FoundKind is a kind of finding and how many resources of a source it is
// in.
type FoundKind struct {
	ID      int64
	Feed    string // empty: a form of Hale
	Type    string
	Count   int
	Finding // Place without numbers; Code is empty
}
