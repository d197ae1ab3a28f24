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

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/ncruces/go-sqlite3"

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

	reads, writes *statements // compiled; SQLite only
	commits       commits     // SQLite only
	line          line        // before the one connection that writes; SQLite only
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
	if d.reads != nil && len(args) > 0 { // a text without arguments may be a whole script
		rows, err := d.reads.query(ctx, d.text(q), args)
		return rows, Sorted(err)
	}
	rows, err := d.read.QueryContext(ctx, d.text(q), args...)
	return rows, Sorted(err)
}

// ExecContext runs one statement that writes, in a transaction of its own.
func (d *DB) ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error) {
	if d.engine == SQLite {
		conn, free, err := d.writer(ctx)
		if err != nil {
			return nil, Sorted(err)
		}
		defer free()
		defer d.commits.add("") // before the connection is free again
		res, err := conn.ExecContext(ctx, d.text(q), args...)
		return res, Sorted(err)
	}
	res, err := d.write.ExecContext(ctx, d.text(q), args...)
	return res, Sorted(err)
}

// Migrate runs fn with the handle that may change the schema.
func (d *DB) Migrate(fn func(*sql.DB) error) error {
	defer d.commits.add("")
	return fn(d.write)
}

// Tx runs fn in one transaction. It commits if fn returns nil and rolls back
// otherwise.
func (d *DB) Tx(ctx context.Context, fn func(*Tx) error) error {
	t, kept := &Tx{db: d}, false
	defer func() {
		for _, fn := range t.ended {
			fn(kept)
		}
	}()
	if err := d.run(ctx, t, fn); err != nil {
		return err
	}
	kept = true
	for _, fn := range t.after {
		fn()
	}
	return nil
}

// writer returns a connection that writes, and what gives it back. On SQLite
// whoever asked first has it first.
func (d *DB) writer(ctx context.Context) (*sql.Conn, func(), error) {
	leave := func() {}
	if d.engine == SQLite {
		if err := d.line.enter(ctx); err != nil {
			return nil, nil, err
		}
		leave = d.line.leave
	}
	conn, err := d.write.Conn(ctx)
	if err != nil {
		leave()
		return nil, nil, err
	}
	return conn, func() { _ = conn.Close(); leave() }, nil
}

func (d *DB) run(ctx context.Context, t *Tx, fn func(*Tx) error) error {
	defer t.learn(ctx) // when the connection is free again
	conn, free, err := d.writer(ctx)
	if err != nil {
		return Sorted(fmt.Errorf("db: begin: %w", err))
	}
	defer free()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return Sorted(fmt.Errorf("db: begin: %w", err))
	}
	defer tx.Rollback() // does nothing after Commit
	t.conn, t.tx = conn, tx
	defer t.closeStatements()
	if err := fn(t); err != nil {
		return Sorted(err)
	}
	t.closeStatements()
	defer d.commits.add(t.aside) // whether it is kept or nobody knows; before the connection is free again
	if err := tx.Commit(); err != nil {
		return Sorted(fmt.Errorf("db: commit: %w", err))
	}
	return nil
}

var errRace = errs.New(errs.Conflict, "Somebody else changed this at the same moment. Nothing was changed by you; please look again.")

var errNoRoom = errs.New(errs.Unavailable, "We cannot keep anything at the moment, so nothing was changed. Please try again in a while, or call us.")

// noRoom says whether the disk is full.
func noRoom(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.HasPrefix(e.Code, pgResources)
	}
	return errors.Is(err, sqlite3.FULL) || errors.Is(err, sqlite3.IOERR_WRITE)
}

// Sorted tells an error that only a race can cause, a row that another made
// first or two transactions in each other's way, one of a full disk, and one
// of a database that is not there, from a fault of ours.
func Sorted(err error) error {
	if err == nil || errs.KindOf(err) != errs.Internal {
		return err
	}
	if noRoom(err) {
		return errNoRoom.Because(err)
	}
	if away(err) {
		return errAway.Because(err)
	}
	race := errors.Is(err, sqlite3.CONSTRAINT_UNIQUE) || errors.Is(err, sqlite3.CONSTRAINT_PRIMARYKEY)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		race = e.Code == pgUnique || e.Code == pgSerialization || e.Code == pgDeadlock
	}
	if race {
		return errRace.Because(err)
	}
	return err
}

// What PostgreSQL calls them: https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	pgUnique        = "23505"
	pgSerialization = "40001"
	pgDeadlock      = "40P01"
	pgResources     = "53" // disk full, out of memory, too many connections
)

// text returns q as the engine reads it.
func (d *DB) text(q string) string {
	if d.engine == SQLite {
		return numbered(q)
	}
	return q
}
