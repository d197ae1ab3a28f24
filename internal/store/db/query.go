package db

import (
	"context"
	"database/sql"
	"errors"
	"math/bits"
	"strconv"
	"strings"
	"sync"

	"hale/internal/base/errs"
)

// Scan is one row's Scan method.
type Scan func(dest ...any) error

// All returns every row of q, each read by read.
func All[T any](ctx context.Context, c Conn, read func(Scan) (T, error), q string, args ...any) ([]T, error) {
	rows, err := c.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := read(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, Sorted(rows.Err())
}

// ErrNone is what One returns where All would return nothing.
var ErrNone = errs.New(errs.NotFound, "We could not find that.")

// One returns the only row of q, or ErrNone.
func One[T any](ctx context.Context, c Conn, read func(Scan) (T, error), q string, args ...any) (T, error) {
	var zero T
	all, err := All(ctx, c, read, q, args...)
	switch {
	case err != nil:
		return zero, err
	case len(all) == 0:
		return zero, ErrNone
	case len(all) > 1:
		return zero, errors.New("db: one row wanted, got more")
	}
	return all[0], nil
}

// Value reads a row of one column.
func Value[T any](scan Scan) (v T, err error) {
	err = scan(&v)
	return v, err
}

// Changed returns how many rows res changed.
func Changed(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// chunk is the most rows of one insert statement: enough to make the cost of
// a statement small, few enough for both engines' parameter limits.
const chunk = 64

// InsertMany runs head (values …) tail for rows of width values each, which
// lie in args one row after the other.
func InsertMany(ctx context.Context, c Conn, head, tail string, width int, args []any) error {
	if tx, ok := c.(*Tx); ok && tail == "" && tx.db.engine == Postgres && len(args) >= chunk*width {
		return tx.copyIn(ctx, head, width, args)
	}
	for len(args) > 0 {
		n := rows(len(args) / width)
		if _, err := c.ExecContext(ctx, insertText(head, tail, n, width), args[:n*width]...); err != nil {
			return err
		}
		args = args[n*width:]
	}
	return nil
}

// InsertDistinct is InsertMany of rows of which no two are the same to the
// conflict that tail speaks of.
func InsertDistinct(ctx context.Context, tx *Tx, head, tail string, width int, args []any) error {
	if tx.db.engine == Postgres && len(args) >= chunk*width {
		if done, err := tx.unnestIn(ctx, head, tail, width, args); done || err != nil {
			return err
		}
	}
	return InsertMany(ctx, tx, head, tail, width, args)
}

// InsertReturning is InsertMany with a returning clause in tail, each row of
// which is read by read. The rows come in no order.
func InsertReturning[T any](ctx context.Context, tx *Tx, read func(Scan) (T, error), head, tail string, width int, args []any) ([]T, error) {
	var all []T
	for len(args) > 0 {
		n := rows(len(args) / width)
		list, err := All(ctx, tx, read, insertText(head, tail, n, width), args[:n*width]...)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		args = args[n*width:]
	}
	return all, nil
}

// rows returns how many of n rows go in one statement: a power of two, so
// that there are few different texts to compile.
func rows(n int) int {
	if n >= chunk {
		return chunk
	}
	return 1 << (bits.Len(uint(n)) - 1)
}

var inserts sync.Map // an insert's head, tail, rows and width → its text; a cache, filled once per text

type insertKey struct {
	head, tail  string
	rows, width int
}

func insertText(head, tail string, rows, width int) string {
	key := insertKey{head, tail, rows, width}
	if t, ok := inserts.Load(key); ok {
		return t.(string)
	}
	t := head + " values " + values(rows, width) + " " + tail
	inserts.Store(key, t)
	return t
}

// values returns rows of placeholders: ($1,$2),($3,$4).
func values(rows, width int) string {
	var b strings.Builder
	n := 0
	for r := range rows {
		if r > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for c := range width {
			if c > 0 {
				b.WriteByte(',')
			}
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		}
		b.WriteByte(')')
	}
	return b.String()
}

// In returns n placeholders from $first on, for "id in (" + In(…) + ")".
func In(first, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(first + i))
	}
	return b.String()
}

// Args returns list as statement arguments.
func Args[T any](list []T) []any {
	args := make([]any, len(list))
	for i, v := range list {
		args[i] = v
	}
	return args
}

var texts sync.Map // a statement's text → the same for SQLite; a cache, filled once per text

// numbered turns $1 into ?1: SQLite reads $1 as a name and would number
// parameters by where they first stand. No text in Hale holds a $ otherwise.
func numbered(q string) string {
	if t, ok := texts.Load(q); ok {
		return t.(string)
	}
	t := strings.ReplaceAll(q, "$", "?")
	texts.Store(q, t)
	return t
}
