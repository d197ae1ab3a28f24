package audit

import (
	"context"
	"errors"
	"sync"

	"hale/internal/store/db"
)

// Scope has the rows of one request that only reads. They are on their way
// to the disk while the answer is made, together with others' rows. Nothing
// may be answered before Flush.
type Scope struct {
	mu   sync.Mutex
	over bool
	ways []chan error // one for each lot that is on its way

	late   bool // rows wait for a transaction of the request's own
	held   []Row
	log    *Log // of held
	aboard sync.WaitGroup
}

type scopeKey struct{}

// Collect returns a context in which Add does not wait for the disk: Flush
// of the scope does, and must be called.
func Collect(ctx context.Context) (context.Context, *Scope) {
	s := &Scope{}
	return context.WithValue(ctx, scopeKey{}, s), s
}

// Hold is Collect for a request that writes: its rows wait for the
// transaction that takes them with it, and for Flush if none does.
func Hold(ctx context.Context) (context.Context, *Scope) {
	s := &Scope{late: true}
	return context.WithValue(ctx, scopeKey{}, s), s
}

// Board writes the rows that requests hold, which are known by their
// contexts, in tx. If tx is not kept they are held still.
func (l *Log) Board(ctx context.Context, tx *db.Tx, requests ...context.Context) error {
	var rows []Row
	for _, r := range requests {
		s, _ := r.Value(scopeKey{}).(*Scope)
		if s == nil || !s.late {
			continue
		}
		rows = append(rows, s.board(tx)...)
	}
	if len(rows) == 0 {
		return nil
	}
	return l.insert(ctx, tx, rows)
}

// board returns what s holds, which comes back if tx is not kept.
func (s *Scope) board(tx *db.Tx) []Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := s.held
	if s.over || len(rows) == 0 {
		return nil
	}
	s.held = nil
	s.aboard.Add(1)
	tx.Ended(func(kept bool) {
		defer s.aboard.Done()
		if !kept {
			s.mu.Lock()
			s.held = append(rows, s.held...)
			s.mu.Unlock()
		}
	})
	return rows
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
	if s.late && (s.log == nil || s.log == l) {
		s.held, s.log = append(s.held, rows...), l
		return true
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
	s.over = true
	s.mu.Unlock()
	s.aboard.Wait() // whoever left a request has not stopped its transaction
	s.mu.Lock()
	ways, held := s.ways, s.held
	s.ways, s.held = nil, nil
	s.mu.Unlock()
	var all error
	if len(held) > 0 {
		all = s.log.pen.add(context.Background(), held)
	}
	for _, way := range ways {
		all = errors.Join(all, <-way)
	}
	return all
}
