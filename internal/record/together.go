package record

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// The bounds of one transaction for several: as much as costs few
// milliseconds, so that nobody waits long for others.
const (
	groupWorks  = 128
	groupDrafts = 1000
)

// patience is how long a transaction may take before it is given up.
const patience = 30 * time.Second

// linger is how long a group waits for those who wrote in the one before and
// are about to come again: less than it takes to bring a group to the disk.
const linger = 300 * time.Microsecond

// together lets those who write at the same moment share a transaction and
// its way to the disk: while one is under way, what comes gathers for the
// next. Its zero value is ready.
type together struct {
	start sync.Once
	turns chan struct{} // a token for each transaction that may be under way

	mu    sync.Mutex
	next  *group
	crowd int // how many the last groups had
}

// group is what goes into one transaction.
type group struct {
	works  []*work
	drafts int
	wanted int           // with so many it need not wait
	full   chan struct{} // closed when there are so many
	done   chan struct{} // closed when each work has its err
}

// turnsOf is how many groups may be under way: SQLite has one writer, and
// PostgreSQL can bring several to the disk at once.
func turnsOf(e db.Engine) int {
	if e == db.SQLite {
		return 1
	}
	return 3
}

// add returns when w is on disk, or the reason why it is not. The first of a
// group writes it for all.
func (t *together) add(ctx context.Context, s *Store, w *work) error {
	t.start.Do(func() {
		t.turns = make(chan struct{}, turnsOf(s.db.Engine()))
		for range cap(t.turns) {
			t.turns <- struct{}{}
		}
	})
	g, first := t.join(w)
	if first {
		t.lead(ctx, s, g)
	}
	select {
	case <-g.done:
		return w.err
	case <-ctx.Done():
		return ctx.Err() // it may still be written
	}
}

func (t *together) join(w *work) (g *group, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first = t.next == nil || len(t.next.works) == groupWorks || t.next.drafts+len(w.steps) > groupDrafts
	if first {
		t.next = &group{done: make(chan struct{})}
	}
	g = t.next
	g.works = append(g.works, w)
	g.drafts += len(w.steps)
	if g.full != nil && len(g.works) == g.wanted {
		close(g.full)
	}
	return g, first
}

var errLost = errors.New("record: do: the write did not end")

// lead writes g. It does not end with the leader's own request, for others
// wait for it, too.
func (t *together) lead(ctx context.Context, s *Store, g *group) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	<-t.turns
	defer func() { t.turns <- struct{}{} }()
	works := t.gather(g)
	defer close(g.done)
	var live []*work
	for _, w := range works {
		if w.err = w.ctx.Err(); w.err == nil {
			w.err = errLost // should the write panic
			live = append(live, w)
		}
	}
	s.writeWorks(ctx, live)
}

// gather ends g and returns what is in it, once those who wrote together
// lately are in it or have had the time to be.
func (t *together) gather(g *group) []*work {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == g && len(g.works) < t.crowd {
		g.wanted, g.full = t.crowd, make(chan struct{})
		t.mu.Unlock()
		timer := time.NewTimer(linger)
		select {
		case <-g.full:
		case <-timer.C:
		}
		timer.Stop()
		t.mu.Lock()
	}
	if t.next == g {
		t.next = nil
	}
	t.crowd = max(len(g.works), t.crowd-1) // of one who writes alone it soon is one
	return g.works
}

// writeWorks writes works in one transaction. Each that fails, fails alone.
func (s *Store) writeWorks(ctx context.Context, works []*work) {
	if len(works) > 1 {
		err := s.db.Tx(ctx, func(tx *db.Tx) error {
			if err := s.writeIn(ctx, tx, works); err != nil {
				return err
			}
			return s.audit.Board(ctx, tx, askers(works)...)
		})
		if err == nil {
			works = slices.DeleteFunc(works, func(w *work) bool { return !retried(w.err) })
		} else if kind := errs.KindOf(err); kind == errs.Internal || kind == errs.Unavailable {
			for _, w := range works {
				w.err = err
			}
			return
		}
	}
	for _, w := range works {
		s.writeAlone(ctx, w)
	}
}

// askers returns the contexts of those who wait for works.
func askers(works []*work) []context.Context {
	list := make([]context.Context, len(works))
	for i, w := range works {
		list[i] = w.ctx
	}
	return list
}

// writeAlone writes w in a transaction of its own, once more where another
// one was in its way.
func (s *Store) writeAlone(ctx context.Context, w *work) {
	for range 3 {
		w.err = s.db.Tx(ctx, func(tx *db.Tx) error {
			if err := hold(ctx, tx, []*work{w}); err != nil {
				return err
			}
			if err := w.run(ctx, tx); err != nil {
				return err
			}
			return s.audit.Board(ctx, tx, w.ctx)
		})
		if !retried(w.err) {
			return
		}
	}
}

// writeIn writes works in tx: at once those that were made ready before, and
// then those that look at the record first, and those about the same
// resource as another, one after the other. Its error is about all of them.
func (s *Store) writeIn(ctx context.Context, tx *db.Tx, works []*work) error {
	if err := hold(ctx, tx, works); err != nil {
		return err
	}
	ready, rest := apart(works)
	if len(ready) > 1 {
		if err := s.writeReady(ctx, tx, ready); err != nil {
			if ctx.Err() != nil || errs.KindOf(err) == errs.Internal {
				return err
			}
			rest = append(ready, rest...) // one of them is to blame: find out which
		}
	} else {
		rest = append(ready, rest...)
	}
	for _, w := range rest {
		if _, err := tx.ExecContext(ctx, "savepoint work"); err != nil {
			return err
		}
		if w.err = db.Sorted(w.run(ctx, tx)); w.err != nil {
			if ctx.Err() != nil {
				return w.err
			}
			if _, err := tx.ExecContext(ctx, "rollback to savepoint work"); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "release savepoint work"); err != nil {
			return err
		}
	}
	return nil
}

// apart parts works into those that can be written at once and those that
// cannot.
func apart(works []*work) (ready, rest []*work) {
	taken := map[link]bool{}
	for _, w := range works {
		named := w.named()
		if w.alone || slices.ContainsFunc(named, func(l link) bool { return taken[l] }) {
			rest = append(rest, w)
			continue
		}
		for _, l := range named {
			taken[l] = true
		}
		ready = append(ready, w)
	}
	return ready, rest
}

// writeReady writes works at once. What stands against one of them is its
// error; an error about all of them takes all of them back.
func (s *Store) writeReady(ctx context.Context, tx *db.Tx, works []*work) error {
	var named []link
	for _, w := range works {
		w.reset()
		named = append(named, w.named()...)
	}
	known, err := s.standings(ctx, tx, named)
	if err != nil {
		return err
	}
	var lots []lot
	var good []*work
	for _, w := range works {
		if w.err = w.judge(known); w.err == nil {
			lots, good = append(lots, w.lot()), append(good, w)
		}
	}
	if _, err := tx.ExecContext(ctx, "savepoint ready"); err != nil {
		return err
	}
	changes, err := s.putLots(ctx, tx, lots)
	if err != nil {
		if _, back := tx.ExecContext(ctx, "rollback to savepoint ready"); back != nil {
			return back
		}
		return err
	}
	all := byLink(changes)
	for _, w := range good {
		w.settle(all)
	}
	_, err = tx.ExecContext(ctx, "release savepoint ready")
	return err
}
