package db

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Tx is one transaction, used by one goroutine.
type Tx struct {
	db    *DB
	conn  *sql.Conn
	tx    *sql.Tx
	stmts map[string]*sql.Stmt // SQLite: what this transaction runs again and again
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
	stmt, err := t.tx.PrepareContext(ctx, t.db.text(q))
	if err != nil {
		return nil, err
	}
	if t.stmts == nil {
		t.stmts = map[string]*sql.Stmt{}
	}
	t.stmts[q] = stmt
	return stmt, nil
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
