package db

import (
	"context"
	"database/sql"
	"errors"
	"hash/fnv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Tx is one transaction, used by one goroutine.
type Tx struct {
	db    *DB
	conn  *sql.Conn
	tx    *sql.Tx
	stmts map[string]*sql.Stmt // SQLite: what this transaction runs again and again
	often []string             // SQLite: what was compiled for this transaction and is worth keeping
	aside string               // what it writes; empty: anything
	after []func()
	ended []func(kept bool)
}

// Ended has fn run when the transaction is over, kept or not, by the one who
// ran it.
func (t *Tx) Ended(fn func(kept bool)) { t.ended = append(t.ended, fn) }

// After has fn run when the transaction is on disk, by the one who ran it. It
// is not run if the transaction is not kept.
func (t *Tx) After(fn func()) { t.after = append(t.after, fn) }

// Lock waits until no other transaction holds name, and holds it to its end.
// On SQLite a transaction that writes is alone anyway.
func (t *Tx) Lock(ctx context.Context, name string) error {
	if t.db.engine != Postgres {
		return nil
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	_, err := t.tx.ExecContext(ctx, `select pg_advisory_xact_lock($1)`, int64(h.Sum64()))
	return err
}

// Steady has PostgreSQL keep its plan of each statement that follows in this
// transaction: it would think anew of long lists that it finds the same way
// each time, which takes longer than to find them. SQLite does so anyway.
func (t *Tx) Steady(ctx context.Context) error {
	if t.db.engine != Postgres {
		return nil
	}
	_, err := t.tx.ExecContext(ctx, `set local plan_cache_mode = force_generic_plan`)
	return Sorted(err)
}

// Engine says which database this is.
func (t *Tx) Engine() Engine { return t.db.engine }

// ExecContext runs a statement that writes.
func (t *Tx) ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error) {
	stmt, err := t.prepared(ctx, q, args)
	if err != nil {
		return nil, err
	}
	if stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return t.tx.ExecContext(ctx, t.db.text(q), args...)
}

// QueryContext runs a statement that returns rows.
func (t *Tx) QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	stmt, err := t.prepared(ctx, q, args)
	if err != nil {
		return nil, err
	}
	if stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return t.tx.QueryContext(ctx, t.db.text(q), args...)
}

// prepared returns the compiled q on SQLite, which parses every text anew;
// pgx keeps its own cache. A text without arguments may be a whole script.
func (t *Tx) prepared(ctx context.Context, q string, args []any) (*sql.Stmt, error) {
	if t.db.engine != SQLite || len(args) == 0 {
		return nil, nil
	}
	if stmt := t.stmts[q]; stmt != nil {
		return stmt, nil
	}
	stmt, err := t.compiled(ctx, t.db.text(q))
	if err != nil {
		return nil, err
	}
	if t.stmts == nil {
		t.stmts = map[string]*sql.Stmt{}
	}
	t.stmts[q] = stmt
	return stmt, nil
}

// compiled returns what was compiled in an earlier transaction, or compiles
// text for this one.
func (t *Tx) compiled(ctx context.Context, text string) (*sql.Stmt, error) {
	stmt, again := t.db.writes.get(text)
	if stmt != nil {
		return t.tx.StmtContext(ctx, stmt), nil
	}
	if again {
		t.often = append(t.often, text)
	}
	return t.tx.PrepareContext(ctx, text)
}

// learn keeps what the transaction found worth keeping. It is not asked
// whether that works: the next transaction compiles it again.
func (t *Tx) learn(ctx context.Context) {
	for _, text := range t.often {
		_, _ = t.db.writes.keep(context.WithoutCancel(ctx), text)
	}
}

func (t *Tx) closeStatements() {
	for q, stmt := range t.stmts {
		_ = stmt.Close()
		delete(t.stmts, q)
	}
}

// PGX runs fn with the PostgreSQL connection that carries this transaction,
// so that the work queue can add a job inside it.
func (t *Tx) PGX(fn func(*pgx.Conn) error) error {
	if t.db.engine != Postgres {
		return errors.New("db: PGX outside PostgreSQL")
	}
	return t.conn.Raw(func(c any) error { return fn(c.(*stdlib.Conn).Conn()) })
}
