package audit

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/store/db"
	"hale/internal/store/schema"
)

// world is a log with a notary and a witness file.
type world struct {
	t      testing.TB
	db     *db.DB
	clock  *clock
	key    seal.Key
	log    *Log
	notary *Notary
	book   *Book
	file   File
}

type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

var start = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// Package haletest stands above this one, so the databases are opened here.
func eachDB(t *testing.T, test func(*testing.T, *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, openDB(t, "sqlite:"+filepath.Join(t.TempDir(), "hale.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, openDB(t, postgres(t))) })
}

func postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv("HALE_TEST_POSTGRES")
	if server == "" {
		t.Skip("skipped: HALE_TEST_POSTGRES names no server; make test starts one")
	}
	admin, err := db.Open(t.Context(), server, seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + strings.ToLower(ids.NewSource(time.Now, rand.Reader).New())
	if _, err := admin.Pool().Exec(t.Context(), "create database "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = admin.Pool().Exec(context.Background(), "drop database "+name+" with (force)")
		_ = admin.Close()
	})
	return server[:strings.LastIndex(server, "/")+1] + name
}

var testKey = seal.NewKey()

func openDB(t testing.TB, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url, testKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := schema.Up(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d
}

func newWorld(t testing.TB, d *db.DB) *world {
	w := &world{t: t, db: d, clock: &clock{start}, key: seal.NewKey(), file: File{filepath.Join(t.TempDir(), "checkpoints.txt")}}
	source := ids.NewSource(w.clock.now, rand.Reader)
	w.log = NewLog(d, source, w.clock.now).On("node-1")
	w.notary = NewNotary(d, source, w.clock.now, w.key, slog.New(slog.DiscardHandler), w.file)
	w.book = NewBook(d, w.key)
	return w
}

// grow adds n rows in several lots, each with a checkpoint that the witness
// takes.
func (w *world) grow(n int) {
	w.t.Helper()
	for i := range n {
		w.clock.at = w.clock.at.Add(time.Second)
		w.add(row(i))
		if i%17 == 16 || i == n-1 {
			w.settle()
		}
	}
}

func row(i int) Row {
	return Row{ActorKind: "staff", Actor: fmt.Sprintf("account-%d", i%5), Action: "record.read", Patient: fmt.Sprintf("patient-%d", i%7),
		About: fmt.Sprintf("Observation/o%d", i), Purpose: "treatment", Reason: "why \"it\" was\n needed", Granted: i%4 != 0, Session: "s1", Request: fmt.Sprintf("r%d", i), Digest: seal.Hash("x")}
}

func (w *world) add(rows ...Row) {
	w.t.Helper()
	if err := w.log.Add(w.t.Context(), rows...); err != nil {
		w.t.Fatal(err)
	}
}

// settle makes leaves, signs and tells the witnesses.
func (w *world) settle() {
	w.t.Helper()
	if _, err := w.notary.Sequence(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if err := w.notary.Sign(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if err := w.notary.Tell(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// witnessed returns what the witness file has.
func (w *world) witnessed() Copy {
	w.t.Helper()
	text, err := os.ReadFile(w.file.Path)
	if err != nil {
		w.t.Fatal(err)
	}
	return Copy{Name: w.file.Name(), Notes: SplitNotes(string(text)), All: true}
}

func (w *world) verify(copies ...Copy) Report {
	w.t.Helper()
	r, err := w.book.Verify(w.t.Context(), copies...)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) intact(copies ...Copy) {
	w.t.Helper()
	if r := w.verify(copies...); !r.Intact() {
		w.t.Fatalf("Verify = %+v, want nothing found", r.Findings)
	}
}
