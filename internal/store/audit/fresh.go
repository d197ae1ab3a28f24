package audit

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/store/db"
)

// Rows that many bring at the same moment go to the disk in pieces, which is
// where they are safe, and from there to the table, where they are found:
// its indexes are many pages, each of which a commit would have to write.

const (
	crowd  = 4  // so many rows at once go in pieces
	piece  = 32 // rows of one, at most
	pieces = 24 // that are sorted in one transaction: others wait for it
)

// put writes rows in pieces.
func (l *Log) put(ctx context.Context, c db.Conn, rows []Row) error {
	for part := range slices.Chunk(rows, piece) {
		if _, err := c.ExecContext(ctx, `insert into audit_fresh (id, rows) values ($1, $2)`, part[0].ID, pack(part)); err != nil {
			return fmt.Errorf("audit: add: %w", err)
		}
	}
	return nil
}

// Settle brings rows that came in pieces into the table. Whoever reads the
// table and wants what was just added calls it first.
func Settle(ctx context.Context, d *db.DB) error {
	for {
		list, err := db.All(ctx, d, db.Value[string], `select id from audit_fresh limit 1`)
		if err == nil && len(list) > 0 {
			err = d.Tx(ctx, func(tx *db.Tx) error {
				rows, err := unfold(ctx, tx)
				if err != nil {
					return err
				}
				return wait(ctx, tx, rows)
			})
		}
		if err != nil {
			return fmt.Errorf("audit: settle: %w", err)
		}
		if len(list) == 0 {
			return nil
		}
	}
}

// unfold moves the rows of the first pieces into the table and returns them
// in the order of their ids.
func unfold(ctx context.Context, tx *db.Tx) ([]Row, error) {
	if err := tx.Lock(ctx, "audit_fresh"); err != nil {
		return nil, err
	}
	const q = `delete from audit_fresh where id in (select id from audit_fresh order by id limit $1) returning rows`
	list, err := db.All(ctx, tx, db.Value[[]byte], q, pieces)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	var rows []Row
	for _, b := range list {
		if rows, err = unpack(rows, b); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.ID, b.ID) })
	return rows, keep(ctx, tx, rows)
}

// packing is how a piece begins: the version of what follows.
const packing = 1

// texts are the columns of r that are text, in the order of a piece.
func (r *Row) texts() [13]*string {
	return [...]*string{&r.ID, &r.ActorKind, &r.Actor, &r.Behalf, &r.Action, &r.Patient, &r.About, &r.Purpose, &r.Reason,
		&r.Digest, &r.Session, &r.Request, &r.Node}
}

// pack writes rows as one piece.
func pack(rows []Row) []byte {
	b := make([]byte, 1, 256*len(rows))
	b[0] = packing
	for i := range rows {
		r := &rows[i]
		b = binary.AppendVarint(b, r.At.UnixMicro())
		granted := byte(0)
		if r.Granted {
			granted = 1
		}
		b = append(b, granted)
		for _, s := range r.texts() {
			b = binary.AppendUvarint(b, uint64(len(*s)))
			b = append(b, *s...)
		}
	}
	return b
}

var errPiece = errors.New("audit: a piece of fresh rows is not what was written")

// unpack adds the rows of a piece to rows.
func unpack(rows []Row, b []byte) ([]Row, error) {
	if len(b) == 0 || b[0] != packing {
		return nil, errPiece
	}
	for b = b[1:]; len(b) > 0; {
		var r Row
		at, n := binary.Varint(b)
		if n <= 0 || n == len(b) || b[n] > 1 {
			return nil, errPiece
		}
		r.At, r.Granted = time.UnixMicro(at).UTC(), b[n] == 1
		b = b[n+1:]
		for _, s := range r.texts() {
			size, n := binary.Uvarint(b)
			if n <= 0 || size > uint64(len(b)-n) {
				return nil, errPiece
			}
			*s = string(b[n : n+int(size)])
			b = b[n+int(size):]
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// fresh returns how many rows lie in pieces, and the first piece that is not
// what was written.
func fresh(ctx context.Context, c db.Conn) (n int64, bent string, err error) {
	type lot struct {
		id   string
		rows []byte
	}
	scan := func(scan db.Scan) (l lot, err error) { return l, scan(&l.id, &l.rows) }
	list, err := db.All(ctx, c, scan, `select id, rows from audit_fresh order by id`)
	for _, l := range list {
		rows, err := unpack(nil, l.rows)
		if (err != nil || len(rows) == 0 || rows[0].ID != l.id) && bent == "" {
			bent = l.id
		}
		n += int64(len(rows))
	}
	return n, bent, err
}
