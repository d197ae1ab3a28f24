// Package haletest has what Hale's tests share. Only tests import it.
package haletest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/lookup"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/schema"
)

// Noon is the time in every test that does not care which.
var Noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// Clock stands still at t.
func Clock(t time.Time) func() time.Time { return func() time.Time { return t } }

// Key opens every test database.
var Key = seal.NewKey()

// IDs returns a source of ids at Noon.
func IDs() *ids.Source { return ids.NewSource(Clock(Noon), rand.Reader) }

// Data returns the path of a file or folder of the shared test data, or
// skips the test where HALE_TESTDATA names none.
func Data(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("HALE_TESTDATA")
	if dir == "" {
		t.Skip("skipped: HALE_TESTDATA names no folder of test data")
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped: no test data %s", name)
	}
	return path
}

// EachDB runs test on a new, migrated SQLite database, and on PostgreSQL
// where HALE_TEST_POSTGRES names a server (make test starts one).
func EachDB(t *testing.T, test func(*testing.T, *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite returns a new, migrated SQLite database.
func SQLite(t testing.TB) *db.DB {
	t.Helper()
	return SQLiteAt(t, filepath.Join(t.TempDir(), "hale.db"))
}

// SQLiteAt returns a new, migrated SQLite database in the file at path.
func SQLiteAt(t testing.TB, path string) *db.DB {
	t.Helper()
	template, err := sqliteTemplate()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, template, 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, "sqlite:"+path)
}

// sqliteTemplate migrates one database per test binary; each test gets a
// copy of its file.
var sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "hale-template")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "hale.db")
	d, err := db.Open(context.Background(), "sqlite:"+path, Key)
	if err != nil {
		return nil, err
	}
	if _, err := schema.Up(context.Background(), d); err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil { // moves the write-ahead log into the file
		return nil, err
	}
	return os.ReadFile(path)
})

// Postgres returns a new, migrated PostgreSQL database, or skips.
func Postgres(t testing.TB) *db.DB {
	t.Helper()
	server := os.Getenv("HALE_TEST_POSTGRES")
	if server == "" {
		t.Skip("skipped: HALE_TEST_POSTGRES names no server; make test starts one")
	}
	if err := postgresTemplate(); err != nil {
		t.Fatal(err)
	}
	name := "test_" + token()
	ctx := context.Background()
	if err := create(ctx, server, name, template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(ctx, server, name); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	return open(t, at(server, name))
}

// EmptyPostgres returns the address of a new PostgreSQL database without a
// table, or skips.
func EmptyPostgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv("HALE_TEST_POSTGRES")
	if server == "" {
		t.Skip("skipped: HALE_TEST_POSTGRES names no server; make test starts one")
	}
	name, ctx := "test_"+token(), context.Background()
	if err := create(ctx, server, name, "template0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(ctx, server, name); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	return at(server, name)
}

func open(t testing.TB, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url, Key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// at returns server's address with another database's name.
func at(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	u.Path = "/" + name
	return u.String()
}

func token() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// Doors returns doors that audit into d.
func Doors(d *db.DB) *access.Doors {
	return access.NewDoors(audit.NewLog(d, IDs(), Clock(Noon)), lookup.New(d, Clock(Noon)), Clock(Noon))
}

// Pass returns a pass for the patient herself.
func Pass(t testing.TB, d *db.DB, patient string, right access.Right) access.Pass {
	t.Helper()
	a := access.Actor{Kind: access.Patient, Proof: access.Proof{Zone: access.PortalZone}, ID: "account-" + patient, Patient: patient}
	p, err := Doors(d).Check(t.Context(), a, right, patient)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Everyone returns a pass over the whole population, for a part of Hale.
func Everyone(t testing.TB, d *db.DB, right access.Right) access.Pass {
	t.Helper()
	p, err := Doors(d).CheckAll(t.Context(), access.SystemActor("test", right), right)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
