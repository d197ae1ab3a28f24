package haletest

import (
	"testing"
	"time"

	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Ring returns the ring of d under Key.
func Ring(t testing.TB, d *db.DB, now func() time.Time) *keys.Ring {
	t.Helper()
	r, err := keys.Open(t.Context(), keys.Config{DB: d, Roots: keys.Plain(Key), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
