package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"hale/internal/base/errs"
)

// errAway does not say that nothing was changed: where the connection broke
// during a commit, nobody here knows.
var errAway = errs.New(errs.Unavailable, "We cannot reach our records at the moment. Please look again in a minute, or call us.")

// What PostgreSQL calls a broken connection, and its own end.
const (
	pgConnection = "08"
	pgShutdown   = "57P"
)

// away says whether the database is not there, or has just gone.
func away(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.HasPrefix(e.Code, pgConnection) || strings.HasPrefix(e.Code, pgShutdown)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	_, dialled := errors.AsType[*pgconn.ConnectError](err)
	_, broken := errors.AsType[*net.OpError](err)
	gone := func(e error) bool { return errors.Is(err, e) }
	return dialled || broken || pgconn.SafeToRetry(err) ||
		slices.ContainsFunc([]error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF}, gone)
}

// durable are the settings of PostgreSQL without which a commit may be lost
// that was acknowledged, or a page be torn.
var durable = []string{"fsync", "full_page_writes", "synchronous_commit"}

// Lossy returns the settings of the server that let a power cut take what was
// acknowledged; none is as it should be. A SQLite file is asked when it is
// opened.
func (d *DB) Lossy(ctx context.Context) ([]string, error) {
	if d.engine == SQLite {
		return nil, nil
	}
	const q = `select s.name from pg_settings s where s.setting = 'off' order by s.name`
	off, err := All(ctx, d, Value[string], q)
	if err != nil {
		return nil, fmt.Errorf("db: settings: %w", err)
	}
	return slices.DeleteFunc(off, func(name string) bool { return !slices.Contains(durable, name) }), nil
}
