package audit

import (
	"fmt"
	"slices"
	"testing"

	"hale/internal/store/db"
)

// What many bring at once is safe in pieces, found by whoever looks, and in
// the tree when the notary has been there.
func TestPieces(t *testing.T) {
	eachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var rows []Row
		for i := range 3*piece + 1 {
			r := row(i)
			r.Patient = "patient-1"
			rows = append(rows, r)
		}
		w.add(rows...)
		if r := w.verify(); !r.Intact() || r.Waiting != int64(len(rows)) {
			t.Fatalf("Verify = %+v, want %d rows waiting", r, len(rows))
		}
		list, err := w.log.Of(t.Context(), "patient-1", 200)
		if err != nil || len(list) != len(rows) {
			t.Fatalf("Of = %d rows, %v, want %d", len(list), err, len(rows))
		}
		w.add(rows...)
		w.settle()
		if r := w.verify(w.witnessed()); !r.Intact() || r.Size != int64(2*len(rows)) || r.Waiting != 0 {
			t.Errorf("Verify = %+v, want %d rows in the tree", r, 2*len(rows))
		}
	})
}

// A piece that somebody changes before its rows have their places is found.
func TestPieceBent(t *testing.T) {
	eachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(row(1), row(2), row(3), row(4))
		exec(t, d, `update audit_fresh set rows = $1`, []byte{packing, 1})
		if r := w.verify(); r.Intact() {
			t.Error("Verify finds nothing, want the piece that was changed")
		}
		if _, err := w.notary.Sequence(t.Context()); err == nil {
			t.Error("Sequence takes a piece that is not what was written")
		}
	})
}

func TestPack(t *testing.T) {
	var rows []Row
	for i := range 9 {
		r := row(i)
		r.ID, r.At = fmt.Sprint(i), start
		rows = append(rows, r.clean())
	}
	b := pack(rows)
	got, err := unpack(nil, b)
	if err != nil || !slices.Equal(got, rows) {
		t.Fatalf("unpack = %v, %v, want what was packed", got, err)
	}
	for i := range b {
		if got, err := unpack(nil, b[:i]); err == nil && len(got) == len(rows) {
			t.Errorf("unpack takes the first %d bytes of %d as the whole", i, len(b))
		}
	}
}

// The rows of a request that writes go to the disk with what it writes, and
// by themselves where that is taken back.
func TestBoard(t *testing.T) {
	eachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		count := func() int {
			n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from audit`)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for i, kept := range []bool{true, false} {
			ctx, scope := Hold(t.Context())
			if err := w.log.Add(ctx, row(i)); err != nil || count() != i {
				t.Fatalf("Add = %v and %d rows, want the row to wait", err, count())
			}
			err := d.Tx(t.Context(), func(tx *db.Tx) error {
				if err := w.log.Board(t.Context(), tx, ctx); err != nil || kept {
					return err
				}
				return errLost
			})
			if (err == nil) != kept || kept && count() != i+1 {
				t.Errorf("Tx = %v and there are %d rows", err, count())
			}
			if err := scope.Flush(); err != nil || count() != i+1 {
				t.Errorf("Flush = %v and there are %d rows, want %d", err, count(), i+1)
			}
		}
		w.settle()
		w.intact(w.witnessed())
	})
}
