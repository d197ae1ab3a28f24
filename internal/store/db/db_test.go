package db_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

const (
	make1 = `create table thing (id text primary key, n bigint not null)`
	add   = `insert into thing (n, id) values ($2, $1)` // parameters out of order on purpose
	count = `select count(*) from thing`
)

func TestTx(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		exec(t, d, make1)
		broken := errors.New("broken")
		if err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), add, "a", 1)
			return errors.Join(err, broken)
		}); !errors.Is(err, broken) {
			t.Fatalf("Tx = %v, want the error of its function", err)
		}
		if n := number(t, d, count); n != 0 {
			t.Errorf("after a failed Tx there are %d rows, want 0", n)
		}
		exec(t, d, add, "a", 7)
		if n := number(t, d, "select n from thing where id = $1", "a"); n != 7 {
			t.Errorf("n = %d, want 7", n)
		}
	})
}

// A row that another made first is a conflict, not a fault.
func TestTxConflict(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		exec(t, d, make1)
		exec(t, d, add, "a", 1)
		again := func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), add, "a", 2)
			return err
		}
		if err := d.Tx(t.Context(), again); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Tx = %v (kind %v), want a conflict", err, errs.KindOf(err))
		}
		if _, err := d.ExecContext(t.Context(), add, "a", 2); errs.KindOf(err) != errs.Conflict {
			t.Errorf("ExecContext = %v, want a conflict", err)
		}
		if _, err := d.ExecContext(t.Context(), `insert into thing (id) values ('b')`); err == nil || errs.KindOf(err) == errs.Conflict {
			t.Errorf("ExecContext without a value = %v, want a fault that is no conflict", err)
		}
	})
}

// Many writers at once never meet "database is locked", and none is lost.
func TestTxConcurrent(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		exec(t, d, make1)
		exec(t, d, add, "counter", 0)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 25 {
					if err := d.Tx(t.Context(), func(tx *db.Tx) error {
						_, err := tx.ExecContext(t.Context(), "update thing set n = n + 1 where id = $1", "counter")
						return err
					}); err != nil {
						t.Errorf("Tx = %v, want nil", err)
					}
				}
			})
		}
		wg.Wait()
		if n := number(t, d, "select n from thing where id = $1", "counter"); n != 200 {
			t.Errorf("counter = %d, want 200", n)
		}
	})
}

func TestInsertMany(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		for _, rows := range []int{0, 1, 63, 64, 65, 1000} {
			var args []any
			exec(t, d, "drop table if exists thing")
			exec(t, d, make1)
			for i := range rows {
				args = append(args, strings.Repeat("x", i+1), i)
			}
			if err := d.Tx(t.Context(), func(tx *db.Tx) error {
				return db.InsertMany(t.Context(), tx, "insert into thing (id, n)", "", 2, args)
			}); err != nil {
				t.Fatal(err)
			}
			if n := number(t, d, count); n != rows {
				t.Errorf("InsertMany of %d rows left %d", rows, n)
			}
		}
	})
}

func TestOne(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		exec(t, d, make1)
		if _, err := db.One(t.Context(), d, db.Value[int], "select n from thing"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("One of no row = %v, want not found", err)
		}
		exec(t, d, add, "a", 1)
		exec(t, d, add, "b", 2)
		if _, err := db.One(t.Context(), d, db.Value[int], "select n from thing"); err == nil {
			t.Error("One of two rows = nil error, want one")
		}
	})
}

// What lies on the disk shows nothing without the key, and says so.
func TestSQLiteEncrypted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hale.db")
	d, err := db.Open(t.Context(), "sqlite:"+path, haletest.Key)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, d, make1)
	exec(t, d, add, "Maria Alvarez", 1)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		raw, err := os.ReadFile(path + suffix)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("Alvarez")) || bytes.Contains(raw, []byte("SQLite format")) {
			t.Errorf("hale.db%s holds plain text", suffix)
		}
	}
	if d, err := db.Open(t.Context(), "sqlite:"+path, seal.NewKey()); errs.KindOf(err) != errs.Invalid {
		t.Errorf("Open with another key = %v, %v, want an error that says so", d, err)
	}
}

// A reader outside a transaction cannot write by accident.
func TestSQLiteReadersOnlyRead(t *testing.T) {
	d := haletest.SQLite(t)
	exec(t, d, make1)
	if _, err := db.All(t.Context(), d, db.Value[string], "insert into thing (id, n) values ($1, $2) returning id", "a", 1); err == nil {
		t.Error("a write through a reader = nil error, want one")
	}
}

func TestOpenUnknown(t *testing.T) {
	if _, err := db.Open(t.Context(), "mysql://x", haletest.Key); errs.KindOf(err) != errs.Invalid {
		t.Errorf("Open of another engine = %v, want invalid", err)
	}
}

func exec(t *testing.T, d *db.DB, q string, args ...any) {
	t.Helper()
	if _, err := d.ExecContext(t.Context(), q, args...); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
}

func number(t *testing.T, d *db.DB, q string, args ...any) int {
	t.Helper()
	n, err := db.One(t.Context(), d, db.Value[int], q, args...)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return n
}

// Many rows at once, some of which are there: the statement's own word about
// that holds, on both engines and for values of every usual type.
func TestInsertDistinct(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		exec(t, d, `create table tally (k text not null, small smallint not null, n bigint not null, primary key (k, small))`)
		var rows []any
		for i := range 300 {
			rows = append(rows, "k"+string(rune('a'+i%26))+string(rune('a'+i/26)), i%3, int64(1))
		}
		for range 2 {
			if err := d.Tx(t.Context(), func(tx *db.Tx) error {
				return db.InsertDistinct(t.Context(), tx, `insert into tally (k, small, n)`, `on conflict (k, small) do update set n = tally.n + excluded.n`, 3, rows)
			}); err != nil {
				t.Fatal(err)
			}
		}
		if n := number(t, d, `select count(*) from tally where n = 2`); n != 300 {
			t.Errorf("%d rows were counted twice, want 300", n)
		}
		mixed := append([]any(nil), rows...)
		mixed[1] = int64(7) // another type than the rest of its column
		if err := d.Tx(t.Context(), func(tx *db.Tx) error {
			return db.InsertDistinct(t.Context(), tx, `insert into tally (k, small, n)`, `on conflict (k, small) do nothing`, 3, mixed)
		}); err != nil {
			t.Fatal(err)
		}
		if n := number(t, d, `select count(*) from tally`); n != 301 {
			t.Errorf("%d rows, want 301", n)
		}
	})
}
