package audit

import (
	"context"
	"errors"
	"sync"
)

// Scope has the rows of one request that only reads. They are on their way
// to the disk while the answer is made, together with others' rows. Nothing
// may be answered before Flush.
type Scope struct {
	mu   sync.Mutex
	over bool
	ways []chan error // one for each lot that is on its way
}

type scopeKey struct{}

// Collect returns a context in which Add does not wait for the disk: Flush
// of the scope does, and must be called.
func Collect(ctx context.Context) (context.Context, *Scope) {
	s := &Scope{}
	return context.WithValue(ctx, scopeKey{}, s), s
}

// kept says whether a scope in ctx took rows.
func kept(ctx context.Context, l *Log, rows []Row) bool {
	s, _ := ctx.Value(scopeKey{}).(*Scope)
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	way := make(chan error, 1)
	s.ways = append(s.ways, way)
	go func() { way <- l.pen.add(context.WithoutCancel(ctx), rows) }()
	return true
}

// Flush returns when all rows are on disk, and an error if any is not. From
// then on Add waits itself.
func (s *Scope) Flush() error {
	s.mu.Lock()
	ways := s.ways
	s.over, s.ways = true, nil
	s.mu.Unlock()
	var all error
	for _, way := range ways {
		all = errors.Join(all, <-way)
	}
	return all
}
