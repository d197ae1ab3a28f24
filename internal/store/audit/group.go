package audit

import (
	"context"
	"errors"
	"sync"
	"time"
)

// patience is how long a write may take before the answer is refused.
const patience = 15 * time.Second

// most is how many rows go into one transaction.
const most = 1000

// group lets those who write at the same moment share a transaction: while
// one is on its way to the disk, the rows that come gather for the next.
type group struct {
	write func(context.Context, []Row) error
	turn  chan struct{} // holds one token: one transaction at a time

	mu   sync.Mutex
	next *batch
}

// batch is the rows of one transaction.
type batch struct {
	rows []Row
	done chan struct{} // closed when err is final
	err  error
}

func newGroup(write func(context.Context, []Row) error) *group {
	g := &group{write: write, turn: make(chan struct{}, 1)}
	g.turn <- struct{}{}
	return g
}

// add returns when rows are on disk. The first of a batch writes it for all.
func (g *group) add(ctx context.Context, rows []Row) error {
	b, first := g.join(rows)
	if first {
		g.lead(ctx, b)
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err() // the rows may still be written; what they tell is not shown
	}
}

func (g *group) join(rows []Row) (b *batch, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	first = g.next == nil || len(g.next.rows)+len(rows) > most
	if first {
		g.next = &batch{done: make(chan struct{})}
	}
	g.next.rows = append(g.next.rows, rows...)
	return g.next, first
}

// lead writes b. It does not end with the leader's own request, for others
// wait for it, too.
func (g *group) lead(ctx context.Context, b *batch) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	<-g.turn
	defer func() { g.turn <- struct{}{} }()
	g.mu.Lock()
	if g.next == b {
		g.next = nil
	}
	g.mu.Unlock()
	b.err = errLost // should write panic
	defer close(b.done)
	b.err = g.write(ctx, b.rows)
}

var errLost = errors.New("audit: add: the write did not end")
