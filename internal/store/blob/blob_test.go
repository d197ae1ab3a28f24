package blob

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

func folder(t *testing.T, d *db.DB, change func(*Config)) *Folder {
	t.Helper()
	c := Config{DB: d, Keys: haletest.Ring(t, d, time.Now), Path: filepath.Join(t.TempDir(), "blobs"), Room: 1, Now: time.Now, ID: haletest.IDs().New}
	if change != nil {
		change(&c)
	}
	f, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func read(t *testing.T, f *Folder, name string) ([]byte, error) {
	t.Helper()
	in, err := f.Open(t.Context(), name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(in)
}

const secret = "Maria Alvarez has a secret"

func TestFolder(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		f := folder(t, d, nil)
		text := strings.Repeat(secret, 10_000)
		n, err := f.Put(t.Context(), "export/a", strings.NewReader(text))
		if err != nil || n != int64(len(text)) {
			t.Fatalf("Put = %d, %v", n, err)
		}
		if got, err := read(t, f, "export/a"); err != nil || string(got) != text {
			t.Errorf("Open gives %d bytes, %v; want %d", len(got), err, len(text))
		}
		raw, err := os.ReadFile(f.path("export/a"))
		if err != nil || bytes.Contains(raw, []byte("Alvarez")) {
			t.Errorf("the file is in the open (%v)", err)
		}
		if _, err := f.Put(t.Context(), "other", strings.NewReader("")); err != nil {
			t.Fatal(err)
		}
		if list, err := f.List(t.Context(), "export/"); err != nil || len(list) != 1 || list[0].Name != "export/a" || list[0].Bytes != n {
			t.Errorf("List = %+v, %v", list, err)
		}
		for range 2 {
			if err := f.Delete(t.Context(), "export/a"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := read(t, f, "export/a"); !errors.Is(err, db.ErrNone) {
			t.Errorf("a deleted file: %v, want ErrNone", err)
		}
		if err := os.WriteFile(f.path("export/a"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(t, f, "export/a"); !errors.Is(err, db.ErrNone) {
			t.Errorf("a copy of a deleted file: %v, want ErrNone: its key is destroyed", err)
		}
	})
}

func TestBentFiles(t *testing.T) {
	d := haletest.SQLite(t)
	f := folder(t, d, nil)
	if _, err := f.Put(t.Context(), "a", strings.NewReader(strings.Repeat(secret, 10_000))); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Put(t.Context(), "b", strings.NewReader(strings.Repeat(secret, 10_000))); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(f.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(f.path("b"))
	if err != nil {
		t.Fatal(err)
	}
	bent := bytes.Clone(raw)
	bent[len(bent)/2] ^= 1
	for name, content := range map[string][]byte{"cut": raw[:len(raw)-1], "cut at a piece": raw[:65552], "empty": {}, "bent": bent, "another file": other, "longer": append(bytes.Clone(raw), 0)} {
		if err := os.WriteFile(f.path("a"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := read(t, f, "a"); err == nil {
			t.Errorf("%s: read %d bytes without an error", name, len(got))
		}
	}
}

// A crash before the row is committed leaves a file that nothing opens and
// that is swept away; the file that was there before stays readable until
// the new row is committed.
func TestCrash(t *testing.T) {
	d := haletest.SQLite(t)
	now := time.Now()
	f := folder(t, d, func(c *Config) { c.Now = func() time.Time { return now } })
	begin, err := f.Create(t.Context(), "begun")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := begin.Write([]byte(secret)); err != nil {
		t.Fatal(err)
	}
	done, err := f.Create(t.Context(), "finished")
	if err != nil {
		t.Fatal(err)
	}
	if err := done.Finish(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Put(t.Context(), "kept", strings.NewReader(secret)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"begun", "finished"} {
		if _, err := read(t, f, name); !errors.Is(err, db.ErrNone) {
			t.Errorf("%s: %v, want ErrNone", name, err)
		}
	}
	if n, err := f.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("Sweep = %d, %v; want none yet", n, err)
	}
	now = now.Add(stale + time.Hour)
	if n, err := f.Sweep(t.Context()); n != 2 || err != nil {
		t.Errorf("Sweep = %d, %v; want both leftovers", n, err)
	}
	if got, err := read(t, f, "kept"); err != nil || string(got) != secret {
		t.Errorf("kept: %q, %v", got, err)
	}
}

func TestFullDisk(t *testing.T) {
	d := haletest.SQLite(t)
	left := int64(100 << 20)
	f := folder(t, d, func(c *Config) {
		c.Room = 50 << 20
		c.Free = func(string) (int64, error) { return left, nil }
	})
	draft, err := f.Create(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	left = 10 << 20
	for range 30 {
		if _, err = draft.Write(make([]byte, 1<<20)); err != nil {
			break
		}
	}
	draft.Discard()
	if !errors.Is(err, ErrFull) {
		t.Errorf("Write = %v, want ErrFull", err)
	}
	if _, err := f.Create(t.Context(), "b"); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Create = %v, want a refusal", err)
	}
}

func TestNames(t *testing.T) {
	f := folder(t, haletest.SQLite(t), nil)
	for _, name := range []string{"", "../a", "a/../b", "/a", "a/", "a b", "a.b", strings.Repeat("a", 300)} {
		if _, err := f.Create(t.Context(), name); err == nil {
			t.Errorf("Create took %q", name)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	d := haletest.SQLite(b)
	f, err := Open(Config{DB: d, Keys: haletest.Ring(b, d, time.Now), Path: b.TempDir(), Room: 1, Now: time.Now, ID: haletest.IDs().New})
	if err != nil {
		b.Fatal(err)
	}
	part := make([]byte, 16<<20)
	b.SetBytes(int64(len(part)))
	for b.Loop() {
		if _, err := f.Put(b.Context(), "a", bytes.NewReader(part)); err != nil {
			b.Fatal(err)
		}
	}
}
