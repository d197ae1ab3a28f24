package db_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// TestMark has a mark hold while nothing is written, or only what it leaves
// aside, and never longer: whoever writes, in this process or another.
func TestMark(t *testing.T) {
	url, key := "sqlite:"+filepath.Join(t.TempDir(), "mark.db"), seal.Key{}
	open := func() *db.DB {
		d, err := db.Open(t.Context(), url, key)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}
	here, there := open(), open()
	write := func(d *db.DB, name string, fail error) {
		t.Helper()
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			tx.Aside(name)
			if _, err := tx.ExecContext(t.Context(), `insert into word (w) values ($1)`, "x"); err != nil {
				return err
			}
			return fail
		})
		if !errors.Is(err, fail) {
			t.Fatal(err)
		}
	}
	if _, err := here.ExecContext(t.Context(), `create table word (w text)`); err != nil {
		t.Fatal(err)
	}
	still := func(m db.Mark) (ok bool) {
		t.Helper()
		err := here.Tx(t.Context(), func(tx *db.Tx) (err error) {
			tx.Aside("asking")
			ok, err = tx.Still(t.Context(), m)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	still(here.Mark()) // the connection gets known
	undone := errors.New("undone")
	for _, tt := range []struct {
		name  string
		write func()
		want  bool
	}{
		{"nothing", func() {}, true},
		{"what is left aside", func() { write(here, "bell", nil) }, true},
		{"what was not kept", func() { write(here, "", undone) }, true},
		{"something else", func() { write(here, "book", nil) }, false},
		{"nobody says what", func() { write(here, "", nil) }, false},
		{"outside a transaction", func() {
			_, err := here.ExecContext(context.Background(), `delete from word where w = $1`, "y")
			if err != nil {
				t.Fatal(err)
			}
		}, false},
		{"another process", func() { write(there, "bell", nil) }, false}, // it may say what it likes
	} {
		m := here.Mark("bell", "asking")
		tt.write()
		if got := still(m); got != tt.want {
			t.Errorf("after %s was written the mark holds: %v, want %v", tt.name, got, tt.want)
		}
	}
	if still(db.Mark{}) {
		t.Error("the zero mark holds")
	}
}

func TestMarkPostgres(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		if d.Engine() != db.Postgres {
			t.Skip("skipped: TestMark is about SQLite")
		}
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			if ok, err := tx.Still(t.Context(), d.Mark()); ok || err != nil {
				t.Errorf("Still = %v, %v; want false: others write at the same time", ok, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
