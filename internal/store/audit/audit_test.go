package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

func TestVerify(t *testing.T) {
	eachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.intact() // an empty log is a log
		w.grow(700)
		r := w.verify(w.witnessed())
		if !r.Intact() || r.Size != 700 || r.Waiting != 0 || r.Last.Size != 700 || int64(r.Copies) != r.Checkpoints || r.Checkpoints != 42 {
			t.Fatalf("Verify = %+v, want 700 rows, 42 checkpoints, all of them witnessed", r)
		}
		w.add(row(1), row(2)) // wait for their place: no harm
		if r := w.verify(w.witnessed()); !r.Intact() || r.Waiting != 2 || r.Size != 700 {
			t.Errorf("Verify = %+v, want two rows waiting and nothing found", r)
		}
	})
}

// A leaf is written as RFC 8785 says, so that any tool can make it anew.
func TestLeaf(t *testing.T) {
	r := Row{ID: "01", At: start.Add(1500 * time.Microsecond), ActorKind: "staff", Actor: "a", Action: "record.read", Patient: "p",
		Reason: "\"é\\\u2028\n\x01<", Granted: true}
	const want = `{"about":"","action":"record.read","actor":"a","at":"2026-03-02T12:00:00.001500Z","behalf":"","digest":"","id":"01","kind":"staff","node":"",` +
		`"outcome":"granted","patient":"p","purpose":"","reason":"\"é\\` + "\u2028" + `\n\u0001<","request":"","session":"","v":1}`
	if got := string(r.Leaf()); got != want {
		t.Errorf("Leaf = %s\nwant   %s", got, want)
	}
	var back map[string]any
	if err := json.Unmarshal(r.Leaf(), &back); err != nil || back["reason"] != r.Reason {
		t.Errorf("Leaf is read as %q, %v, want what was written", back["reason"], err)
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("a\"b\\c\x00\x1f\u2028")
	f.Fuzz(func(t *testing.T, s string) {
		s = Row{Reason: s}.clean().Reason
		var back string
		if err := json.Unmarshal(append(append([]byte{'"'}, quote(nil, s)...), '"'), &back); err != nil || back != s {
			t.Errorf("quote(%q) is read as %q, %v", s, back, err)
		}
	})
}

// The tree that the notary grows is the one that a frontier computes.
func TestFrontier(t *testing.T) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) (list []tlog.Hash, err error) {
		for _, i := range at {
			list = append(list, stored[i])
		}
		return list, nil
	})
	var f frontier
	for n := range int64(200) {
		leaf := tlog.RecordHash(fmt.Append(nil, n))
		var mine []tlog.Hash
		f.add(leaf, func(h tlog.Hash) { mine = append(mine, h) })
		want, err := tlog.StoredHashesForRecordHash(n, leaf, reader)
		if err != nil || !slices.Equal(mine, want) {
			t.Fatalf("add %d emits %v, want %v, %v", n, mine, want, err)
		}
		stored = append(stored, want...)
		if root, err := tlog.TreeHash(n+1, reader); err != nil || root != f.root() {
			t.Fatalf("root of %d = %v, want %v, %v", n+1, f.root(), root, err)
		}
	}
}

// Rows of many at once share transactions, and each is there when Add
// returns.
func TestAddTogether(t *testing.T) {
	eachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var group sync.WaitGroup
		for i := range 20 {
			group.Go(func() {
				for k := range 10 {
					request := fmt.Sprintf("%d-%d", i, k)
					if err := w.log.Add(t.Context(), Row{Actor: "a", Action: "x.y", Request: request, Granted: true}, Row{Actor: "a", Action: "x.z", Request: request}); err != nil {
						t.Error(err)
						return
					}
					if err := Settle(t.Context(), d); err != nil {
						t.Error(err)
					}
					n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from audit where request = $1`, request)
					if err != nil || n != 2 {
						t.Errorf("after Add there are %d rows of %s, %v, want 2", n, request, err)
					}
				}
			})
		}
		group.Wait()
		w.settle()
		if r := w.verify(w.witnessed()); !r.Intact() || r.Size != 400 {
			t.Errorf("Verify = %+v, want 400 rows and nothing found", r)
		}
	})
}

// Several notaries at once make one tree, as several nodes do.
func TestNotariesTogether(t *testing.T) {
	eachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				other := NewNotary(d, w.notary.ids, w.clock.now, w.key, w.notary.log)
				for i := range 15 {
					w.add(row(i))
					if _, err := other.Sequence(t.Context()); err != nil {
						t.Error(err)
					}
					if err := other.Sign(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		w.settle()
		if r := w.verify(w.witnessed()); !r.Intact() || r.Size != 60 {
			t.Errorf("Verify = %+v, want 60 rows and nothing found", r)
		}
	})
}

func TestScope(t *testing.T) {
	eachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		count := func() int {
			n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from audit`)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		ctx, scope := Collect(t.Context())
		for i := range 3 {
			if err := w.log.Add(ctx, row(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := scope.Flush(); err != nil || count() != 3 {
			t.Errorf("after Flush = %v there are %d rows, want 3", err, count())
		}
		if err := w.log.Add(ctx, row(4)); err != nil || count() != 4 {
			t.Errorf("a row after Flush = %v, %d rows, want it at once", err, count())
		}
	})
}

// Where rows cannot be written, all who share the transaction hear of it.
func TestAddFails(t *testing.T) {
	broken := errors.New("disk full")
	l := &Log{ids: newWorld(t, openDB(t, "sqlite:"+t.TempDir()+"/hale.db")).notary.ids, now: func() time.Time { return start }}
	var writes atomic.Int32
	l.pen = newGroup(func(context.Context, []Row) error { writes.Add(1); return broken })
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			if err := l.Add(t.Context(), row(i)); !errors.Is(err, broken) {
				t.Errorf("Add = %v, want %v", err, broken)
			}
		})
	}
	group.Wait()
	if writes.Load() == 0 {
		t.Error("nothing was written")
	}
	ctx, scope := Collect(t.Context())
	if err := l.Add(ctx, row(1)); err != nil {
		t.Fatal(err)
	}
	if err := scope.Flush(); !errors.Is(err, broken) {
		t.Errorf("Flush = %v, want %v", err, broken)
	}
}

// In a scope Add does not wait for the disk, and Flush does: for all of it.
func TestScopeWaits(t *testing.T) {
	l := &Log{ids: newWorld(t, openDB(t, "sqlite:"+t.TempDir()+"/hale.db")).notary.ids, now: func() time.Time { return start }}
	turns, written := make(chan error), atomic.Int32{}
	l.pen = newGroup(func(_ context.Context, rows []Row) error {
		err := <-turns
		written.Add(int32(len(rows)))
		return err
	})
	ctx, cancel := context.WithCancel(t.Context())
	ctx, scope := Collect(ctx)
	for i := range 3 {
		if err := l.Add(ctx, row(i), row(i)); err != nil {
			t.Fatal(err)
		}
	}
	cancel() // the reader left: what was looked at is written all the same
	flushed := make(chan error)
	go func() { flushed <- scope.Flush() }()
	broken := errors.New("disk full")
	turns <- broken // of the first transaction alone
	for {
		select {
		case turns <- nil:
		case err := <-flushed:
			if !errors.Is(err, broken) || written.Load() != 6 {
				t.Errorf("Flush = %v after %d rows, want %v after 6", err, written.Load(), broken)
			}
			return
		}
	}
}

func TestProve(t *testing.T) {
	eachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(row(0))
		if _, err := w.book.Prove(t.Context(), "x"); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Prove before a checkpoint = %v, want conflict", err)
		}
		w.grow(300)
		all, err := db.All(t.Context(), d, db.Value[string], `select id from audit order by id`)
		if err != nil {
			t.Fatal(err)
		}
		p, err := w.book.Prove(t.Context(), all...)
		if err != nil || len(p.Rows) != 301 {
			t.Fatalf("Prove = %d rows, %v, want 301", len(p.Rows), err)
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ReadProof(text)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := back.Check(); err != nil || c.Size != 301 {
			t.Errorf("Check = %+v, %v, want size 301", c, err)
		}
		for name, bend := range map[string]func(*Proof){
			"another row":   func(p *Proof) { p.Rows[5].Leaf = strings.Replace(p.Rows[5].Leaf, "record.read", "record.rear", 1) },
			"another place": func(p *Proof) { p.Rows[5].Index++ },
			"another path":  func(p *Proof) { p.Rows[5].Hashes[0][3] ^= 1 },
			"another size":  func(p *Proof) { p.Checkpoint = strings.Replace(p.Checkpoint, "\n301\n", "\n300\n", 1) },
			"another key":   func(p *Proof) { p.Key = NewKeys(seal.NewKey()).Public("hale-audit/x") },
			"outside":       func(p *Proof) { p.Rows[5].Index = 301 },
		} {
			bent, err := ReadProof(text)
			if err != nil {
				t.Fatal(err)
			}
			bend(&bent)
			if _, err := bent.Check(); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%s: Check = %v, want that it does not hold", name, err)
			}
		}
		if _, err := w.book.Prove(t.Context(), "nobody"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Prove of an unknown row = %v, want not found", err)
		}
	})
}

// What was bent is not signed over.
func TestSignRefuses(t *testing.T) {
	eachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.grow(40)
		exec(t, d, `update audit_hash set hashes = $1`, make([]byte, int(tlog.StoredHashCount(40))*tlog.HashSize))
		w.add(row(1))
		if _, err := w.notary.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.notary.Sign(t.Context()); !errors.Is(err, errBent) {
			t.Errorf("Sign = %v, want %v", err, errBent)
		}
	})
}

func exec(t testing.TB, d *db.DB, q string, args ...any) {
	t.Helper()
	if _, err := d.ExecContext(t.Context(), q, args...); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
}

// flaky is a witness that can be down.
type flaky struct {
	down bool
	pace time.Duration
	got  []int64
}

func (f *flaky) Name() string        { return "flaky" }
func (f *flaky) Pace() time.Duration { return f.pace }
func (f *flaky) Take(_ context.Context, c Checkpoint) error {
	if f.down {
		return errors.New("down")
	}
	f.got = append(f.got, c.Number)
	return nil
}

// A witness that was down gets everything it missed, in order.
func TestWitnessBacklog(t *testing.T) {
	eachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		f := &flaky{}
		w.notary.witnesses = append(w.notary.witnesses, f)
		w.grow(1)
		f.down = true
		for i := range 5 {
			w.add(row(i))
			if _, err := w.notary.Sequence(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := w.notary.Sign(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := w.notary.Tell(t.Context()); err == nil {
				t.Error("Tell a witness that is down = nil, want its error")
			}
		}
		s, err := w.book.Status(t.Context())
		if err != nil || len(s.Witnesses) != 2 || s.Witnesses[1].Behind != 5 || s.Witnesses[1].FailedAt.IsZero() || s.Witnesses[0].Behind != 0 {
			t.Errorf("Status = %+v, %v, want flaky 5 behind and the file up to date", s, err)
		}
		f.down = false
		w.settle()
		if want := []int64{1, 2, 3, 4, 5, 6}; !slices.Equal(f.got, want) {
			t.Errorf("the witness has %v, want %v", f.got, want)
		}
		if s, err := w.book.Status(t.Context()); err != nil || s.Witnesses[1].Behind != 0 || !s.Witnesses[1].FailedAt.IsZero() {
			t.Errorf("Status = %+v, %v, want nobody behind", s, err)
		}
	})
}

// A person hears of the newest checkpoint alone, and not too often.
func TestWitnessPace(t *testing.T) {
	w := newWorld(t, openDB(t, "sqlite:"+t.TempDir()+"/hale.db"))
	f := &flaky{pace: time.Hour}
	w.notary.witnesses = []Witness{f}
	for range 130 {
		w.clock.at = w.clock.at.Add(time.Minute)
		w.add(row(1))
		w.settle()
	}
	if want := []int64{1, 61, 121}; !slices.Equal(f.got, want) {
		t.Errorf("the witness has %v, want %v", f.got, want)
	}
}

// A file whose end a power cut tore goes on where it was whole.
func TestFileTorn(t *testing.T) {
	w := newWorld(t, openDB(t, "sqlite:"+t.TempDir()+"/hale.db"))
	w.grow(40)
	whole, err := os.ReadFile(w.file.Path)
	if err != nil {
		t.Fatal(err)
	}
	notes := SplitNotes(string(whole))
	if len(notes) != 3 {
		t.Fatalf("the file has %d notes, want 3", len(notes))
	}
	for cut := 1; cut < len(notes[2]); cut += 7 {
		if err := os.WriteFile(w.file.Path, whole[:len(whole)-cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := w.notary.Tell(t.Context()); err != nil {
			t.Fatal(err)
		}
		if again, _ := os.ReadFile(w.file.Path); string(again) != string(whole) {
			t.Fatalf("with %d bytes cut off, the file becomes %q", cut, again)
		}
	}
}

// A log that was put back to an older state is not what the witness has.
func TestWitnessFork(t *testing.T) {
	w := newWorld(t, openDB(t, "sqlite:"+t.TempDir()+"/hale.db"))
	w.grow(40)
	exec(t, w.db, `delete from audit_checkpoint where number = (select max(number) from audit_checkpoint)`)
	w.clock.at = w.clock.at.Add(time.Minute)
	w.add(row(3))
	if _, err := w.notary.Sequence(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.notary.Sign(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.notary.Tell(t.Context()); !errors.Is(err, errFork) {
		t.Errorf("Tell = %v, want %v", err, errFork)
	}
}
