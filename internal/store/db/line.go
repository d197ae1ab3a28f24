package db

import (
	"context"
	"slices"
	"sync"
)

// line lets one in after the other, in the order in which they came. A pool
// of connections takes those who wait at random, so that among many somebody
// may wait for very long.
type line struct {
	mu    sync.Mutex
	taken bool
	waits []chan struct{}
}

// enter waits until everybody who came before has left.
func (l *line) enter(ctx context.Context) error {
	l.mu.Lock()
	if !l.taken {
		l.taken = true
		l.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	l.waits = append(l.waits, turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	i := slices.Index(l.waits, turn)
	if i >= 0 {
		l.waits = slices.Delete(l.waits, i, i+1)
	}
	l.mu.Unlock()
	if i < 0 { // it was called at the same moment
		l.leave()
	}
	return ctx.Err()
}

// leave lets the next one in.
func (l *line) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waits) == 0 {
		l.taken = false
		return
	}
	close(l.waits[0])
	l.waits = slices.Delete(l.waits, 0, 1)
}
