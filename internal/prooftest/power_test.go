package prooftest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/care/consent"
	"hale/internal/care/result"
	"hale/internal/haletest"
	"hale/internal/prooftest/disk"
	"hale/internal/prooftest/figures"
	"hale/internal/reach"
	"hale/internal/reach/link"
	"hale/internal/reach/spend"
	"hale/internal/record"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// cutsInCI is how many times the power goes in an ordinary run; HALE_CUTS
// asks for more.
const cutsInCI = 300

// TestPowerCut writes as Hale does, and cuts the power again and again at
// any moment: within a transaction, within a checkpoint, while the database
// closes and opens. Whatever was acknowledged by then must be there after
// each cut, whole, and the file must be sound.
func TestPowerCut(t *testing.T) {
	want := cutsInCI
	if n, err := strconv.Atoi(os.Getenv("HALE_CUTS")); err == nil {
		want = n
	}
	began := time.Now()
	c := newCuts(t)
	rounds := 0
	for ; c.taken.Load() < int64(want); rounds++ {
		c.round(t, uint64(rounds), false)
	}
	c.wait()
	if c.lost.Load() > 0 || c.corrupt.Load() > 0 {
		t.Errorf("%d power cuts: %d lost what was acknowledged, %d left a file that is not sound, want none", c.taken.Load(), c.lost.Load(), c.corrupt.Load())
	}
	if c.acked.Load() == 0 || c.inTx.Load() == 0 {
		t.Errorf("%d acknowledged, %d cuts within a transaction: the proof proves nothing", c.acked.Load(), c.inTx.Load())
	}
	t.Logf("%d cuts in %d rounds, %d of them within a transaction, %d acknowledgements: %d lost, %d unsound (%.1f s)",
		c.taken.Load(), rounds, c.inTx.Load(), c.acked.Load(), c.lost.Load(), c.corrupt.Load(), time.Since(began).Seconds())
	figures.Write(t, figures.Run{Proof: "powercut", Counts: map[string]int64{
		"cuts": c.taken.Load(), "cuts within a transaction": c.inTx.Load(), "acknowledged": c.acked.Load(),
		"cuts that lost what was acknowledged": c.lost.Load(), "cuts that left the file unsound": c.corrupt.Load(),
	}, Millis: map[string]int64{"took": time.Since(began).Milliseconds()}})
}

// A storage that says "synced" and is not must show, or the proof is blind.
func TestPowerCutSeesLyingStorage(t *testing.T) {
	c := newCuts(t)
	for i := range uint64(3) {
		c.round(t, i, true)
	}
	c.wait()
	if c.lost.Load() == 0 {
		t.Errorf("%d cuts on storage that does not sync lost nothing: the simulation is blind", c.taken.Load())
	}
	t.Logf("storage that lies: %d of %d cuts lost what was acknowledged, %d unsound", c.lost.Load(), c.taken.Load(), c.corrupt.Load())
	figures.Write(t, figures.Run{Proof: "powercut-lying-storage", Counts: map[string]int64{
		"cuts": c.taken.Load(), "cuts that lost what was acknowledged": c.lost.Load(), "cuts that left the file unsound": c.corrupt.Load(),
	}})
}

// So must a database that does not wait for the disk at all.
func TestPowerCutSeesSynchronousOff(t *testing.T) {
	for _, tt := range []struct {
		mode string
		lost bool
	}{{"off", true}, {"normal", true}, {"full", false}} {
		dir := t.TempDir()
		dsk, unmount := disk.Mount(dir)
		defer unmount()
		d, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "a.db")+"?vfs=hale&hexkey="+plainKey+"&_pragma=journal_mode(wal)&_pragma=synchronous("+tt.mode+")")
		if err != nil {
			t.Fatal(err)
		}
		d.SetMaxOpenConns(1)
		if _, err := d.Exec("create table a (n integer primary key)"); err != nil {
			t.Fatal(err)
		}
		r, lost := mrand.New(mrand.NewPCG(1, 2)), 0
		for i := 1; i <= 60; i++ {
			if _, err := d.Exec("insert into a values (?)", i); err != nil {
				t.Fatal(err)
			}
			if n := countA(t, dsk.Cut(r)); n < i {
				lost++
			}
		}
		_ = d.Close()
		if (lost > 0) != tt.lost {
			t.Errorf("synchronous=%s: %d of 60 cuts lost what was acknowledged, want some: %v", tt.mode, lost, tt.lost)
		}
	}
}

// plainKey encrypts files of which only the count matters.
const plainKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// countA opens what a cut left and counts the rows of a.
func countA(t *testing.T, image disk.Image) (n int) {
	t.Helper()
	dir := lay(t, image)
	defer os.RemoveAll(dir)
	d, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "a.db")+"?vfs=hale&hexkey="+plainKey)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_ = d.QueryRow("select count(*) from a").Scan(&n) // an error is a loss of all
	return n
}

// lay puts an image into a folder of its own.
func lay(t *testing.T, image disk.Image) string {
	t.Helper()
	dir, err := os.MkdirTemp(memory(), "hale-cut")
	if err != nil {
		t.Error(err)
		return ""
	}
	for name, b := range image {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Error(err)
		}
	}
	return dir
}

// memory is a folder that is no disk, where there is one: the Disk decides
// what is safe, so a real one only makes it slow.
func memory() string {
	if _, err := os.Stat("/dev/shm"); err == nil {
		return "/dev/shm"
	}
	return ""
}

// promise is what had been acknowledged when the power went: how many of
// each kind, counted from 1 without a gap, and what a gateway had been given.
type promise struct {
	results, looks, consents, messages, pairs int64
}

// cuts takes images and looks at what is left in them.
type cuts struct {
	t        *testing.T
	template []byte
	images   chan left
	checkers sync.WaitGroup

	taken, inTx, acked, lost, corrupt atomic.Int64
}

// left is one cut: what lay on the disk, and what had been promised.
type left struct {
	round   uint64
	image   disk.Image
	promise promise
	handed  []string // keys that a gateway had been given
}

func newCuts(t *testing.T) *cuts {
	c := &cuts{t: t, images: make(chan left, 8)}
	for range 2 {
		c.checkers.Go(func() {
			for l := range c.images {
				c.check(l)
			}
		})
	}
	return c
}

func (c *cuts) wait() {
	close(c.images)
	c.checkers.Wait()
}

// round writes for a while on a disk of its own.
func (c *cuts) round(t *testing.T, n uint64, lies bool) {
	dir, err := os.MkdirTemp(memory(), "hale-power")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c.begin(t, dir)
	dsk, unmount := disk.Mount(dir)
	defer unmount()
	dsk.Lies = lies
	w := &writer{c: c, t: t, n: n, disk: dsk, draw: mrand.New(mrand.NewPCG(n, 7))}
	dsk.Op = w.perhapsCut
	for range 3 { // and closes and opens it again
		w.session(filepath.Join(dir, "hale.db"))
	}
	c.acked.Add(w.results.Load() + w.looks.Load() + w.consents.Load() + w.messages.Load() + w.pairs.Load())
}

// begin puts a migrated database at dir.
func (c *cuts) begin(t *testing.T, dir string) {
	t.Helper()
	if c.template == nil {
		path := filepath.Join(t.TempDir(), "hale.db")
		d := haletest.SQLiteAt(t, path)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if c.template, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "hale.db"), c.template, 0o600); err != nil {
		t.Fatal(err)
	}
}

// writer is a Hale at work.
type writer struct {
	c    *cuts
	t    *testing.T
	n    uint64
	disk *disk.Disk

	mu     sync.Mutex // of draw and handed
	draw   *mrand.Rand
	handed []string

	results, looks, consents, messages, pairs atomic.Int64
	within                                    atomic.Bool // a transaction is under way
}

// perhapsCut cuts the power at one in so many operations of the disk.
func (w *writer) perhapsCut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.draw.IntN(9) != 0 {
		return
	}
	l := left{round: w.n, handed: append([]string(nil), w.handed...), promise: promise{
		results: w.results.Load(), looks: w.looks.Load(), consents: w.consents.Load(), messages: w.messages.Load(), pairs: w.pairs.Load(),
	}}
	l.image = w.disk.Cut(w.draw)
	w.c.taken.Add(1)
	if w.within.Load() {
		w.c.inTx.Add(1)
	}
	w.c.images <- l
}

// session opens the database, writes, and closes it.
func (w *writer) session(path string) {
	ctx, t := context.Background(), w.t
	d, err := db.Open(ctx, "sqlite:"+path, haletest.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	h := newHale(d, w)
	send, stop := context.WithCancel(ctx)
	sent := make(chan error, 1)
	go func() { sent <- h.engine.RunSender(send) }()
	for range 12 {
		h.step(ctx, t)
	}
	time.Sleep(20 * time.Millisecond) // for the sender's results
	stop()
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// hale is what of Hale the writer needs.
type hale struct {
	w        *writer
	d        *db.DB
	audit    *audit.Log
	record   *record.Store
	consents *consent.Store
	engine   *reach.Engine
}

func newHale(d *db.DB, w *writer) *hale {
	const many = 1 << 30
	now := time.Now
	source := ids.NewSource(now, rand.Reader)
	events := event.NewLog(source, now)
	h := &hale{w: w, d: d, audit: audit.NewLog(d, source, now), consents: consent.NewStore(d, source, now)}
	h.record = record.New(d, source, now, events, result.View())
	h.engine = reach.New(reach.Config{
		DB: d, Doors: haletest.Doors(d), IDs: source, Now: now, Key: haletest.Key, Keys: haletest.Ring(w.t, d, now), Events: events,
		Links: link.NewStore(d, source, now, rand.Reader, nil), Gateways: []reach.Gateway{taker{w}},
		BaseURL: "https://rfm.example", Node: "power", Poll: 5 * time.Millisecond, Clinic: reach.Clinic{Name: "Riverside", Zone: time.UTC},
		Limits: spend.Limits{Hour: many, Prefix: many, Number: many, Day: many}, // the one number gets more than strangers could bring about
	})
	return h
}

// step does one of the things that Hale acknowledges, and notes it.
func (h *hale) step(ctx context.Context, t *testing.T) {
	w := h.w
	w.within.Store(true)
	defer w.within.Store(false)
	w.mu.Lock()
	what := w.draw.IntN(5)
	w.mu.Unlock()
	var err error
	var done *atomic.Int64
	switch what {
	case 0:
		done = &w.results
		err = h.arrives(ctx, done.Load()+1)
	case 1:
		done = &w.looks
		err = h.audit.Add(ctx, audit.Row{ActorKind: "staff", Actor: "power", Action: "record.read", Patient: fmt.Sprint("look-", done.Load()+1), Granted: true})
	case 2:
		done = &w.consents
		e := consent.Event{Patient: fmt.Sprint("consent-", done.Load()+1), Channel: "sms", Purpose: consent.Any, Action: consent.Revoke, Method: "sms_keyword", Actor: "power"}
		err = h.d.Tx(ctx, func(tx *db.Tx) error { return h.consents.AddIn(ctx, tx, e) })
	case 4:
		if err := h.together(ctx); err != nil {
			t.Errorf("step %d = %v", what, err)
		}
		return
	case 3:
		done = &w.messages
		err = h.engine.SendNow(ctx, reach.Direct{Patient: fmt.Sprint("message-", done.Load()+1), Channel: reach.SMS, To: "+13125550199", Text: "Your code is 123456."})
	}
	if err != nil {
		t.Errorf("step %d = %v", what, err)
		return
	}
	done.Add(1)
}

// together has four write a pair each at the same moment, in transactions
// that share their way to the disk. Each counts what was acknowledged to it.
func (h *hale) together(ctx context.Context) error {
	pass, err := haletest.Doors(h.d).CheckAll(ctx, access.SystemActor("pairs", access.WriteRecord), access.WriteRecord)
	if err != nil {
		return err
	}
	src := record.Source{Actor: pass.Actor()}
	var all sync.WaitGroup
	failed := make(chan error, 4)
	for range cap(failed) {
		all.Go(func() {
			one := record.Op{Verb: record.Create, Type: "Basic", Body: []byte(`{"resourceType":"Basic","code":{"text":"pair"}}`)}
			if _, err := h.record.Do(ctx, pass, src, []record.Op{one, one}); err != nil {
				failed <- err
				return
			}
			h.w.pairs.Add(1)
		})
	}
	all.Wait()
	close(failed)
	return <-failed
}

// arrives takes two observations in one transaction with their audit row,
// as a feed does.
func (h *hale) arrives(ctx context.Context, n int64) error {
	src := record.Source{Actor: access.SystemActor("lab", access.WriteRecord), Feed: "lab"}
	var drafts []record.Draft
	for _, part := range []string{"a", "b"} {
		id := fmt.Sprintf("result-%d-%s", n, part)
		drafts = append(drafts, record.Draft{Type: "Observation", ID: id, Body: fmt.Appendf(nil,
			`{"resourceType":"Observation","id":%q,"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],`+
				`"code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}]},"subject":{"reference":"Patient/p%d"},"effectiveDateTime":"2026-01-02","valueQuantity":{"value":7.%d,"unit":"%%"}}`, id, n%7, n%10)})
	}
	return h.d.Tx(ctx, func(tx *db.Tx) error {
		if _, err := h.record.PutAll(ctx, tx, src, drafts); err != nil {
			return err
		}
		return h.audit.AddIn(ctx, tx, audit.Row{ActorKind: "system", Actor: "lab", Action: "record.write", Patient: fmt.Sprint("result-", n), Granted: true})
	})
}

// taker is a gateway that remembers what it was given.
type taker struct{ w *writer }

func (taker) Channel() reach.Channel { return reach.SMS }
func (taker) Capability(context.Context, string) (reach.Capability, error) {
	return reach.Capability{OK: true}, nil
}
func (taker) Validate(reach.Handoff) []reach.Problem { return nil }
func (taker) Reconcile(context.Context, reach.Handoff) (reach.Result, bool) {
	return reach.Result{}, false
}
func (g taker) Send(_ context.Context, h reach.Handoff) reach.Result {
	g.w.mu.Lock()
	defer g.w.mu.Unlock()
	g.w.handed = append(g.w.handed, h.Key)
	return reach.Result{Outcome: reach.Accepted, Ref: "ref-" + h.Key}
}
