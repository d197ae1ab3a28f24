package db

import (
	"context"
	"database/sql"
	"sync"
)

// most is how many compiled statements are kept for a pool: those that a busy
// server runs all day, few enough for their memory not to count.
const most = 128

// statements keeps what SQLite has compiled of the statements that are run
// again and again; it would compile every text anew. pgx has a cache of its
// own, so on PostgreSQL there is none.
type statements struct {
	pool *sql.DB

	mu    sync.Mutex
	known map[string]*statement
	tick  int64
}

// statement is a text that was run, and compiled if that was more than once.
type statement struct {
	stmt *sql.Stmt // nil: seen once
	used int64
}

// get returns the compiled q, nil if it is not kept, and whether q is worth
// keeping: it was run before.
func (s *statements) get(q string) (stmt *sql.Stmt, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick++
	if k := s.known[q]; k != nil {
		k.used = s.tick
		return k.stmt, true
	}
	if s.known == nil {
		s.known = map[string]*statement{}
	}
	s.known[q] = &statement{used: s.tick}
	s.shrink()
	return nil, false
}

// shrink drops the statement that was longest not used, if there are too
// many. Whoever runs it at the moment may finish.
func (s *statements) shrink() {
	if len(s.known) <= most {
		return
	}
	oldest := ""
	for q, k := range s.known {
		if oldest == "" || k.used < s.known[oldest].used {
			oldest = q
		}
	}
	if stmt := s.known[oldest].stmt; stmt != nil {
		_ = stmt.Close()
	}
	delete(s.known, oldest)
}

// keep compiles q for the pool, unless somebody did at the same moment.
func (s *statements) keep(ctx context.Context, q string) (*sql.Stmt, error) {
	stmt, err := s.pool.PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.known[q]
	switch {
	case k == nil: // it was dropped in the meantime
		s.known[q] = &statement{stmt: stmt, used: s.tick}
		s.shrink()
	case k.stmt == nil:
		k.stmt = stmt
	default:
		_ = stmt.Close()
		return k.stmt, nil
	}
	return stmt, nil
}

// query runs q, compiled if it is run often.
func (s *statements) query(ctx context.Context, q string, args []any) (*sql.Rows, error) {
	stmt, again := s.get(q)
	if stmt == nil && again {
		var err error
		if stmt, err = s.keep(ctx, q); err != nil {
			return nil, err
		}
	}
	if stmt == nil {
		return s.pool.QueryContext(ctx, q, args...)
	}
	return stmt.QueryContext(ctx, args...)
}
