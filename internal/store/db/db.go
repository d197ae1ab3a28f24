// Package db opens SQLite or PostgreSQL behind one small face.
//
// Every statement in Hale runs unchanged on both: $1 parameters, ids and
// times made in Go. What only one of them knows stays in this package and in
// jobs. Outside a transaction a DB only reads; every write is inside a Tx.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
)

// Engine is one of the two databases.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Conn runs statements: a DB outside a transaction, a Tx inside one.
type Conn interface {
	ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error)
}

// DB is an open database.
type DB struct {
	engine Engine
	read   *sql.DB
	write  *sql.DB       // one connection on SQLite, the same pool as read on PostgreSQL
	pool   *pgxpool.Pool // PostgreSQL only
}

// Open opens the database that url names: sqlite:PATH or postgres://….
// SQLite files are encrypted with a key derived from key.
func Open(ctx context.Context, url string, key seal.Key) (*DB, error) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return openSQLite(ctx, path, key.For("sqlite"))
	}
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return openPostgres(ctx, url)
	}
	return nil, errs.New(errs.Invalid, "A database is named sqlite:PATH or postgres://….")
}

// Engine says which database this is.
func (d *DB) Engine() Engine { return d.engine }

// Pool returns the PostgreSQL pool for the work queue, nil on SQLite.
func (d *DB) Pool() *pgxpool.Pool { return d.pool }

// Close closes every connection.
func (d *DB) Close() error {
	err := d.read.Close()
	if d.write != d.read {
		err = errors.Join(err, d.write.Close())
	}
	if d.pool != nil {
		d.pool.Close()
	}
	return err
}

// QueryContext runs a statement that reads.
func (d *DB) QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	return d.read.QueryContext(ctx, d.text(q), args...)
}

// ExecContext runs one statement that writes, in a transaction of its own.
func (d *DB) ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error) {
	return d.write.ExecContext(ctx, d.text(q), args...)
}

// Migrate runs fn with the handle that may change the schema.
func (d *DB) Migrate(fn func(*sql.DB) error) error { return fn(d.write) }

// Tx runs fn in one transaction. It commits if fn returns nil and rolls back
// otherwise.
func (d *DB) Tx(ctx context.Context, fn func(*Tx) error) error {
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("db: begin: %w", err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("db: begin: %w", err)
	}
	defer tx.Rollback() // does nothing after Commit
	t := &Tx{db: d, conn: conn, tx: tx}
	defer t.closeStatements()
	if err := fn(t); err != nil {
		return err
	}
	t.closeStatements()
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("db: commit: %w", err)
	}
	return nil
}

// text returns q as the engine reads it.
func (d *DB) text(q string) string {
	if d.engine == SQLite {
		return numbered(q)
	}
	return q
}
