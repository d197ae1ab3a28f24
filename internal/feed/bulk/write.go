package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/store/db"
)

// perTx is how many lines of NDJSON go in one transaction.
const perTx = 1000

// write writes pieces in their order.
func (r *run) write(ctx context.Context, order <-chan *piece) error {
	for {
		p, err := r.next(ctx, order)
		if err != nil || p == nil {
			return err
		}
		switch {
		case p.written != nil:
			close(p.written)
		case p.atomic:
			err = r.writeBundles(ctx, p, order)
		case p.end:
			err = r.ended(p)
		default:
			err = r.writeLines(ctx, p, order)
		}
		if err != nil {
			return err
		}
	}
}

// next returns the next piece when it is ready, nil after the last.
func (r *run) next(ctx context.Context, order <-chan *piece) (*piece, error) {
	if p := r.held; p != nil {
		r.held = nil
		return p, nil
	}
	select {
	case p, ok := <-order:
		if !ok {
			return nil, ctx.Err()
		}
		select {
		case <-p.ready:
			return p, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ended notes the end of a file.
func (r *run) ended(p *piece) error {
	r.report.Bytes += p.bytes
	if p.bad != nil {
		r.report.Bad = append(r.report.Bad, *p.bad)
	}
	r.show(p.file.name, false)
	return p.fatal
}

// tally counts what one transaction did, to be added when it is kept.
type tally struct {
	counts    map[string]int
	unchanged int
	bytes     int64
}

func (r *run) keep(t tally, name string) {
	for typ, n := range t.counts {
		r.report.Counts[typ] += n
		r.report.Resources += n
	}
	r.report.Unchanged += t.unchanged
	r.report.Resources += t.unchanged
	r.report.Bytes += t.bytes
	r.show(name, false)
}

// put writes the good items of p and returns the bad ones.
func (r *run) put(ctx context.Context, tx *db.Tx, items []*item, t *tally) error {
	list := make([]record.Prepared, 0, len(items))
	for _, it := range items {
		switch {
		case it.skip && it.links != nil:
			t.unchanged++
		case it.bad == nil && !it.late && !it.skip:
			list = append(list, it.prepared)
		}
	}
	changes, err := r.store.PutPrepared(ctx, tx, r.src, list)
	if err != nil {
		return err
	}
	for _, c := range changes {
		t.counts[c.Type]++
	}
	t.unchanged += len(list) - len(changes)
	return nil
}

// outcome is what became of one bundle.
type outcome struct {
	tally
	bad []Bad
	end *piece
}

// writeBundles writes the bundles from the piece first on, several in one
// transaction: each commit costs the disk, and bundles touch the same pages.
// A bundle that is refused is taken back alone.
func (r *run) writeBundles(ctx context.Context, first *piece, order <-chan *piece) error {
	var done []outcome
	err := r.db.Tx(ctx, func(tx *db.Tx) error {
		p, written := first, 0
		for p != nil && p.atomic && written < 4*perTx {
			o, err := r.writeBundle(ctx, tx, p, order)
			if err != nil {
				return err
			}
			done = append(done, o)
			for _, n := range o.counts {
				written += n
			}
			if p, err = r.soon(ctx, order); err != nil {
				return err
			}
		}
		r.held = p
		return nil
	})
	if err != nil {
		return err
	}
	for _, o := range done {
		r.keep(o.tally, o.end.file.name)
		r.report.Bad = append(r.report.Bad, o.bad...)
		if err := r.ended(o.end); err != nil {
			return err
		}
	}
	return nil
}

// soon returns the next piece if it comes soon, so that nobody else waits for
// the database while a large file is being read.
func (r *run) soon(ctx context.Context, order <-chan *piece) (*piece, error) {
	select {
	case p, ok := <-order:
		if !ok {
			return nil, ctx.Err()
		}
		select {
		case <-p.ready:
			return p, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case <-time.After(50 * time.Millisecond):
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// writeBundle writes the bundle that begins with the piece p, or nothing of
// it.
func (r *run) writeBundle(ctx context.Context, tx *db.Tx, p *piece, order <-chan *piece) (outcome, error) {
	o := outcome{tally: tally{counts: map[string]int{}}}
	name := p.file.name
	if _, err := tx.ExecContext(ctx, "savepoint bundle"); err != nil {
		return o, fmt.Errorf("bulk: write %s: %w", name, err)
	}
	for !p.end {
		o.bytes += p.bytes
		for _, it := range p.items {
			if it.bad != nil {
				o.bad = append(o.bad, *it.bad)
			}
		}
		if len(o.bad) == 0 {
			err := r.put(ctx, tx, p.items, &o.tally)
			if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.Conflict {
				o.bad = append(o.bad, *r.reason(&item{file: name}, err))
			} else if err != nil {
				return o, fmt.Errorf("bulk: write %s: %w", name, err)
			}
		}
		var err error
		if p, err = r.next(ctx, order); err != nil || p == nil {
			return o, errors.Join(err, errUnfinished(p))
		}
	}
	o.end = p
	if len(o.bad) > 0 || p.bad != nil || p.fatal != nil {
		o.counts, o.unchanged = nil, 0
		if _, err := tx.ExecContext(ctx, "rollback to savepoint bundle"); err != nil {
			return o, fmt.Errorf("bulk: write %s: %w", name, err)
		}
	}
	if _, err := tx.ExecContext(ctx, "release savepoint bundle"); err != nil {
		return o, fmt.Errorf("bulk: write %s: %w", name, err)
	}
	return o, nil
}

// errUnfinished is the error of a bundle whose end never came.
func errUnfinished(p *piece) error {
	if p == nil {
		return errors.New("bulk: the reader stopped")
	}
	return nil
}

// writeLines writes pieces of NDJSON from first on in one transaction.
func (r *run) writeLines(ctx context.Context, first *piece, order <-chan *piece) error {
	var items []*item
	t := tally{counts: map[string]int{}}
	p := first
	for !p.end {
		items = append(items, p.items...)
		t.bytes += p.bytes
		if len(items) >= perTx || t.bytes >= 4*pieceBytes {
			break
		}
		var err error
		if p, err = r.next(ctx, order); err != nil || p == nil {
			return errors.Join(err, errUnfinished(p))
		}
	}
	err := r.db.Tx(ctx, func(tx *db.Tx) error { return r.put(ctx, tx, items, &t) })
	if err != nil {
		if err = r.oneByOne(ctx, items, err, &t); err != nil {
			return fmt.Errorf("bulk: write %s: %w", first.file.name, err)
		}
	}
	r.keep(t, first.file.name)
	r.noteLines(items)
	if p.end {
		return r.ended(p)
	}
	return nil
}

// noteLines keeps what is wrong with lines, and those to try again.
func (r *run) noteLines(items []*item) {
	for _, it := range items {
		switch {
		case it.bad != nil:
			r.report.Bad = append(r.report.Bad, *it.bad)
		case it.late && it.src.stream != nil:
			r.late = append(r.late, it)
		case it.late:
			r.wait(it)
		}
	}
}

// wait keeps a line of a file for the next round.
func (r *run) wait(it *item) {
	if len(it.src.pending) == 0 {
		r.mu.Lock()
		r.retry = append(r.retry, it.src)
		r.mu.Unlock()
	}
	it.src.pending = append(it.src.pending, int32(it.entry))
}

// oneByOne writes items each in a transaction of its own after together they
// were refused for err, to learn which one is bad.
func (r *run) oneByOne(ctx context.Context, items []*item, err error, t *tally) error {
	t.counts, t.unchanged = map[string]int{}, 0
	for _, it := range items {
		if kind := errs.KindOf(err); kind != errs.Invalid && kind != errs.Conflict {
			return err
		}
		one := tally{counts: map[string]int{}}
		each := r.db.Tx(ctx, func(tx *db.Tx) error { return r.put(ctx, tx, []*item{it}, &one) })
		if each != nil {
			if kind := errs.KindOf(each); kind != errs.Invalid && kind != errs.Conflict {
				return each
			}
			it.bad = r.reason(it, each)
			continue
		}
		for typ, n := range one.counts {
			t.counts[typ] += n
		}
		t.unchanged += one.unchanged
	}
	return nil
}

// leftovers writes the lines that referred to what was not there yet, as
// long as that brings something in, and then names what is missing.
func (r *run) leftovers(ctx context.Context) error {
	r.last = false
	for len(r.late) > 0 {
		list := r.late
		r.late = nil
		for part := range slices.Chunk(list, perTx) {
			for _, it := range part {
				it.late = false
				r.prepare(ctx, it)
			}
			t := tally{counts: map[string]int{}}
			err := r.db.Tx(ctx, func(tx *db.Tx) error { return r.put(ctx, tx, part, &t) })
			if err != nil {
				if err = r.oneByOne(ctx, part, err, &t); err != nil {
					return fmt.Errorf("bulk: write: %w", err)
				}
			}
			r.keep(t, "")
			r.noteLines(part)
		}
		r.last = len(r.late) == len(list)
	}
	return nil
}
