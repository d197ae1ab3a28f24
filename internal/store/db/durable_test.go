package db

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hale/internal/base/seal"
)

// A database that would lose commits in a power cut is refused at the start.
func TestAssertDurable(t *testing.T) {
	key := seal.NewKey()
	register()
	for _, tt := range []struct {
		name, from, to string
		ok             bool
	}{
		{"as Hale opens it", "", "", true},
		{"synchronous=extra", "synchronous(full)", "synchronous(extra)", true},
		{"synchronous=normal", "synchronous(full)", "synchronous(normal)", false},
		{"synchronous=off", "synchronous(full)", "synchronous(off)", false},
		{"no write-ahead log", "journal_mode(wal)", "journal_mode(memory)", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(dsn(filepath.Join(t.TempDir(), "a.db"), key, "immediate", writerCache), tt.from, tt.to, 1)
			d, err := sql.Open("sqlite3", text)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if err := assertDurable(t.Context(), d); (err == nil) != tt.ok {
				t.Errorf("assertDurable = %v, want it to pass: %v", err, tt.ok)
			}
		})
	}
}

// The folder is synced when the log's name is in it already.
func TestOpenMakesTheLogFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hale.db")
	d, err := Open(context.Background(), "sqlite:"+path, seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := os.Stat(path + "-wal"); err != nil {
		t.Errorf("after Open: %v, want the log there", err)
	}
}

// A log whose last block was cut short opens with all that was committed.
func TestOpenBlockCutShort(t *testing.T) {
	dir := t.TempDir()
	path, key := filepath.Join(dir, "hale.db"), seal.NewKey()
	d, err := Open(t.Context(), "sqlite:"+path, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"create table a (n bigint)", "insert into a values (7)"} {
		if _, err := d.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	again := t.TempDir() // as it lies there, without a tidy end
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if suffix == "-wal" {
			b = append(b, make([]byte, 3*block+512)...)
		}
		if err := os.WriteFile(filepath.Join(again, "hale.db"+suffix), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	cut, err := Open(t.Context(), "sqlite:"+filepath.Join(again, "hale.db"), key)
	if err != nil {
		t.Fatalf("Open = %v, want it open", err)
	}
	defer cut.Close()
	if n, err := One(t.Context(), cut, Value[int], "select n from a"); n != 7 || err != nil {
		t.Errorf("n = %d, %v; want 7", n, err)
	}
}

// The log grows ahead, so that most commits write over what is there.
func TestLogGrowsAhead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hale.db")
	d, err := Open(t.Context(), "sqlite:"+path, seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	length := func(q string) int64 {
		if _, err := d.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		f, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return f.Size()
	}
	first := length("create table a (n bigint)")
	if first < ahead || first%block != 0 {
		t.Errorf("after a commit the log has %d bytes, want whole blocks and %d or more", first, ahead)
	}
	for range 50 {
		if n := length("insert into a values (7)"); n != first {
			t.Fatalf("a small commit made the log %d bytes long, want still %d", n, first)
		}
	}
}
