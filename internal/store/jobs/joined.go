package jobs

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// joined is a pgx.Tx that lets River write through a connection whose
// transaction database/sql has begun and will end.
type joined struct{ conn *pgx.Conn }

var errNotOurs = errors.New("jobs: database/sql owns this transaction")

// Begin opens a savepoint, so that a statement of River's that fails does
// not take the cause with it.
func (j joined) Begin(ctx context.Context) (pgx.Tx, error) {
	if _, err := j.conn.Exec(ctx, "savepoint jobs"); err != nil {
		return nil, err
	}
	return savepoint{j}, nil
}

// Commit is not ours to do.
func (j joined) Commit(context.Context) error { return errNotOurs }

// Rollback is not ours to do.
func (j joined) Rollback(context.Context) error { return errNotOurs }

// CopyFrom loads rows.
func (j joined) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	return j.conn.CopyFrom(ctx, table, columns, src)
}

// SendBatch runs several statements in one round trip.
func (j joined) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return j.conn.SendBatch(ctx, b)
}

// LargeObjects is not used.
func (j joined) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

// Prepare compiles a statement.
func (j joined) Prepare(ctx context.Context, name, q string) (*pgconn.StatementDescription, error) {
	return j.conn.Prepare(ctx, name, q)
}

// Exec runs a statement.
func (j joined) Exec(ctx context.Context, q string, args ...any) (pgconn.CommandTag, error) {
	return j.conn.Exec(ctx, q, args...)
}

// Query runs a statement that returns rows.
func (j joined) Query(ctx context.Context, q string, args ...any) (pgx.Rows, error) {
	return j.conn.Query(ctx, q, args...)
}

// QueryRow runs a statement that returns a row.
func (j joined) QueryRow(ctx context.Context, q string, args ...any) pgx.Row {
	return j.conn.QueryRow(ctx, q, args...)
}

// Conn is the connection itself.
func (j joined) Conn() *pgx.Conn { return j.conn }

// savepoint is a part of a joined transaction that can fail alone.
type savepoint struct{ joined }

// Commit keeps what was done since Begin.
func (s savepoint) Commit(ctx context.Context) error {
	_, err := s.conn.Exec(ctx, "release savepoint jobs")
	return err
}

// Rollback undoes what was done since Begin.
func (s savepoint) Rollback(ctx context.Context) error {
	_, err := s.conn.Exec(ctx, "rollback to savepoint jobs")
	return err
}
