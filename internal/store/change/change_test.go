package change_test

import (
	"context"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/store/change"
	"hale/internal/store/db"
)

func list(t *testing.T, d *db.DB) []int64 {
	t.Helper()
	if err := change.Settle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	all, err := db.All(t.Context(), d, db.Value[int64], `select resource from change order by seq`)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func add(ctx context.Context, tx *db.Tx, resource int64, at time.Time) error {
	return change.Add(ctx, tx, []change.Row{{Resource: resource, Version: 1, Verb: change.Create, At: at}})
}

// TestAddLate lets a transaction that began first end last.
func TestAddLate(t *testing.T) {
	d, ctx := haletest.Postgres(t), t.Context()
	wrote, read := make(chan bool), make(chan bool)
	ended := make(chan error)
	go func() {
		ended <- d.Tx(ctx, func(tx *db.Tx) error {
			err := add(ctx, tx, 1, haletest.Noon)
			close(wrote)
			<-read
			return err
		})
	}()
	<-wrote
	if err := d.Tx(ctx, func(tx *db.Tx) error { return add(ctx, tx, 2, haletest.Noon) }); err != nil {
		t.Fatal(err)
	}
	if got := list(t, d); len(got) != 1 || got[0] != 2 {
		t.Errorf("while the first is under way: %v, want 2", got)
	}
	close(read)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := list(t, d); len(got) != 2 || got[1] != 1 {
		t.Errorf("after it: %v, want 2 1", got)
	}
}

func TestTrim(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		err := d.Tx(ctx, func(tx *db.Tx) error {
			for i := range 4 {
				if err := add(ctx, tx, int64(i), haletest.Noon.Add(time.Duration(i)*time.Hour)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if more, err := change.Trim(ctx, d, haletest.Noon.Add(24*time.Hour), 0); err != nil || more || len(list(t, d)) != 4 {
			t.Errorf("Trim up to 0 = %v, %v, and %v are left, want all", more, err, list(t, d))
		}
		for hours, want := range []int{4, 3, 2, 1, 1} { // the newest stays
			more, err := change.Trim(ctx, d, haletest.Noon.Add(time.Duration(hours)*time.Hour), 9)
			if got := list(t, d); err != nil || more || len(got) != want || got[len(got)-1] != 3 {
				t.Errorf("after %d hours: %v, %v, %v, want the last %d", hours, got, more, err, want)
			}
		}
		if n, err := change.Last(ctx, d); err != nil || n != 4 {
			t.Errorf("Last = %d, %v, want 4", n, err)
		}
	})
}
