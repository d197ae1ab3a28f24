package record

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"hale/internal/access"
	"hale/internal/store/change"
	"hale/internal/store/db"
)

// writtenBy is a source and the provenance that it has in a batch.
type writtenBy struct {
	Source
	id int64
}

// feeds says whether all that a source writes at a time is noted as one: that
// of a feed, and of a part of Hale.
func (s Source) feeds() bool {
	return (s.Actor.Kind == access.System || s.Actor.Kind == "") && s.Actor.App == nil
}

// join writes who wrote lots and returns what they wrote in one list.
func (b *batch) join(ctx context.Context, lots []lot) ([]Prepared, error) {
	n := 0
	for _, l := range lots {
		n += len(l.list)
	}
	list := make([]Prepared, 0, n)
	var args []any
	known := make([]int64, 0, len(lots))
	for _, l := range lots {
		if len(l.list) == 0 {
			continue
		}
		by := &writtenBy{l.src, b.provenance(l.src)}
		if !slices.Contains(known, by.id) {
			a := l.src.Actor
			args = append(args, by.id, l.src.Feed, string(a.Kind), a.ID, a.Name)
			known = append(known, by.id)
		}
		for _, p := range l.list {
			p.by = by
			list = append(list, p)
		}
	}
	return list, db.InsertMany(ctx, b.tx, `insert into provenance (id, feed, actor_kind, actor, name)`, `on conflict do nothing`, 5, args)
}

// provenance returns the number of a source: a digest of who it is.
func (b *batch) provenance(src Source) int64 {
	a := src.Actor
	h := sha256.New()
	for _, part := range []string{src.Feed, string(a.Kind), a.ID, a.Name} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	id := int64(binary.BigEndian.Uint64(h.Sum(nil)) >> 1)
	if src.feeds() {
		if n := b.store.fed.again(id, b.at); n > 0 {
			fmt.Fprintf(h, "%d@%d", n, b.at.UnixMicro())
			id = int64(binary.BigEndian.Uint64(h.Sum(nil)) >> 1)
		}
	}
	return id
}

// tell adds all to the change feed. Once it is on disk, it wakes who waits for
// it, and memory lets go of what was there before.
func (b *batch) tell(ctx context.Context, all []Change) error {
	if len(all) == 0 {
		return nil
	}
	rows := make([]change.Row, len(all))
	for i := range all {
		c := &all[i]
		rows[i] = change.Row{Resource: c.n, Patient: c.whose, Version: c.Version, At: c.At, Verb: change.Update}
		switch {
		case c.Deleted:
			rows[i].Verb = change.Delete
		case c.born:
			rows[i].Verb = change.Create
		}
	}
	b.tx.After(func() {
		for i := range all {
			if c := &all[i]; !c.Created {
				b.store.cache.forget(link{c.Type, c.ID})
			}
		}
		b.store.wake.all()
	})
	return change.Add(ctx, b.tx, rows)
}
