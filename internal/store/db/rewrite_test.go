package db_test

import (
	"path/filepath"
	"testing"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// A SQLite file under a new key: everything is there, the old key opens it
// no more, and a file in use is left alone.
func TestRewrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hale.db")
	after := seal.NewKey()
	d, err := db.Open(t.Context(), "sqlite:"+path, haletest.Key)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, d, make1)
	for i := range 500 {
		exec(t, d, add, string(rune('a'+i%26))+string(rune('0'+i/26)), i)
	}
	if err := db.Rewrite(t.Context(), path, haletest.Key, after); errs.KindOf(err) != errs.Conflict {
		t.Errorf("Rewrite of a file in use = %v, want a conflict", err)
	}
	if n := number(t, d, count); n != 500 {
		t.Errorf("after a Rewrite that was refused there are %d rows", n)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Rewrite(t.Context(), path, seal.NewKey(), after); errs.KindOf(err) != errs.Invalid {
		t.Errorf("Rewrite with a wrong key = %v, want a refusal", err)
	}
	if err := db.Rewrite(t.Context(), path, haletest.Key, after); err != nil {
		t.Fatal(err)
	}
	if d, err := db.Open(t.Context(), "sqlite:"+path, haletest.Key); err == nil {
		d.Close()
		t.Error("the old key still opens the file")
	}
	if d, err = db.Open(t.Context(), "sqlite:"+path, after); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n := number(t, d, count); n != 500 {
		t.Errorf("under the new key there are %d rows, want 500", n)
	}
	exec(t, d, add, "more", 1)
}
