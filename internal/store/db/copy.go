package db

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// copyIn has PostgreSQL read many rows in one stream, which costs it a
// fraction of what as many parameters do. head is insert into TABLE (COLUMNS).
func (t *Tx) copyIn(ctx context.Context, head string, width int, args []any) error {
	table, columns, err := target(head)
	if err != nil || len(columns) != width {
		return errors.Join(err, errHead)
	}
	n := len(args) / width
	err = t.PGX(func(c *pgx.Conn) error {
		_, err := c.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(n, func(i int) ([]any, error) {
			return args[i*width : (i+1)*width], nil
		}))
		return err
	})
	return Sorted(err)
}

var errHead = errors.New("db: insert: not insert into TABLE (COLUMNS)")

// target reads what head inserts into.
func target(head string) (table string, columns []string, err error) {
	before, inside, ok := strings.Cut(head, "(")
	inside, _, closed := strings.Cut(inside, ")")
	words := strings.Fields(before)
	if !ok || !closed || len(words) != 3 {
		return "", nil, errHead
	}
	for c := range strings.SplitSeq(inside, ",") {
		columns = append(columns, strings.TrimSpace(c))
	}
	return words[2], columns, nil
}

// unnestIn has PostgreSQL take many rows as one array for each column, where
// the tail keeps them from being copied. It returns false, and has done
// nothing, if a column holds values of several types, or of an unusual one.
func (t *Tx) unnestIn(ctx context.Context, head, tail string, width int, args []any) (done bool, err error) {
	columns, types := make([]any, width), make([]string, width)
	for c := range width {
		var ok bool
		if columns[c], types[c], ok = column(args, c, width); !ok {
			return false, nil
		}
		types[c] = "$" + strconv.Itoa(c+1) + "::" + types[c]
	}
	q := head + " select * from unnest(" + strings.Join(types, ",") + ") " + tail
	_, err = t.tx.ExecContext(ctx, q, columns...)
	return true, Sorted(err)
}

// column returns a column of rows as one list, with what PostgreSQL calls
// such a list.
func column(args []any, c, width int) (list any, name string, ok bool) {
	switch args[c].(type) {
	case string:
		list, ok = gather[string](args, c, width)
		return list, "text[]", ok
	case int:
		list, ok = gather[int](args, c, width)
		return list, "bigint[]", ok
	case int64:
		list, ok = gather[int64](args, c, width)
		return list, "bigint[]", ok
	}
	return nil, "", false
}

func gather[T any](args []any, c, width int) (list []T, ok bool) {
	list = make([]T, 0, len(args)/width)
	for ; c < len(args); c += width {
		v, ok := args[c].(T)
		if !ok {
			return nil, false
		}
		list = append(list, v)
	}
	return list, true
}
