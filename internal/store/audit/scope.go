package audit

import (
	"context"
	"sync"
)

// Scope keeps the rows of one request that only reads, so that they are
// written together. Nothing may be answered before Flush.
type Scope struct {
	mu   sync.Mutex
	over bool
	log  *Log
	rows []Row
}

type scopeKey struct{}

// Collect returns a context in which Add keeps rows for the scope to Flush.
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
	if s.over || s.log != nil && s.log.pen != l.pen {
		return false
	}
	s.log = l
	s.rows = append(s.rows, rows...)
	return true
}

// Flush writes what was kept and returns when it is on disk. From then on
// rows are written at once.
func (s *Scope) Flush(ctx context.Context) error {
	s.mu.Lock()
	log, rows := s.log, s.rows
	s.over, s.rows = true, nil
	s.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	return log.pen.add(ctx, rows)
}
