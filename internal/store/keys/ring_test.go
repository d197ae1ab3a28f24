package keys_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func ring(t testing.TB, d *db.DB, now func() time.Time) *keys.Ring {
	t.Helper()
	r, err := keys.Open(t.Context(), keys.Config{DB: d, Roots: keys.Plain(haletest.Key), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// add writes a message row whose body is sealed by r.
func add(ctx context.Context, d *db.DB, r *keys.Ring, id, text string) error {
	return d.Tx(ctx, func(tx *db.Tx) error {
		body, err := r.Seal(ctx, tx, keys.Messages, "message", "body", id, []byte(text))
		if err != nil {
			return err
		}
		return insert(ctx, tx, id, body)
	})
}

func insert(ctx context.Context, tx *db.Tx, id string, body []byte) error {
	const q = `
		insert into message (id, intent, outreach, patient, purpose, channel, step, state, state_at, mode, body, body_hash, key, not_before, expires_at, created_at)
		values ($1, $2, '', 'p', 'care', 'sms', 1, 'accepted', 0, 'full', $3, '', $4, 0, 0, 0)`
	_, err := tx.ExecContext(ctx, q, id, id, body, id)
	return err
}

func read(t testing.TB, d *db.DB, r *keys.Ring, id string) string {
	t.Helper()
	body, err := db.One(t.Context(), d, db.Value[[]byte], `select body from message where id = $1`, id)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := r.Open(t.Context(), body, "message", "body", id)
	if err != nil {
		t.Fatalf("Open(%s) = %v", id, err)
	}
	return string(plain)
}

func turn(t testing.TB, d *db.DB, r *keys.Ring, class keys.Class) string {
	t.Helper()
	var kid string
	err := d.Tx(t.Context(), func(tx *db.Tx) (err error) {
		kid, err = r.Turn(t.Context(), tx, class)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return kid
}

func states(t testing.TB, r *keys.Ring, class keys.Class) string {
	t.Helper()
	list, err := r.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, k := range list {
		if k.Class == class {
			out = append(out, string(k.State))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// Turning a class: another node seals under the new key within a second, the
// old key goes on opening, what is there is moved, and the old key is erased
// only a day after nothing is left.
func TestRingTurn(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := &clock{at: haletest.Noon}
		one, two := ring(t, d, c.now), ring(t, d, c.now)
		for i := range 250 {
			if err := add(t.Context(), d, two, fmt.Sprint("m", i), fmt.Sprint("text ", i)); err != nil {
				t.Fatal(err)
			}
		}
		kid := turn(t, d, one, keys.Messages)
		c.pass(time.Second)
		if err := add(t.Context(), d, two, "late", "late"); err != nil {
			t.Fatal(err)
		}
		body, err := db.One(t.Context(), d, db.Value[[]byte], `select body from message where id = 'late'`)
		if got, _ := seal.KIDOf(body); err != nil || got != kid {
			t.Errorf("a second later the other node seals under %s, %v, want %s", got, err, kid)
		}
		if left, err := one.Left(t.Context(), keys.Messages); err != nil || left != 250 {
			t.Errorf("Left = %d, %v, want 250", left, err)
		}
		if got := read(t, d, two, "m7"); got != "text 7" {
			t.Errorf("under the old key m7 = %q", got)
		}
		said := 0
		if n, err := one.Move(t.Context(), keys.Messages, func(n int) { said = n }); err != nil || n != 250 || said != 250 {
			t.Errorf("Move = %d, %v and said %d, want 250", n, err, said)
		}
		for _, wait := range []time.Duration{0, time.Hour, 22 * time.Hour} {
			c.pass(wait)
			if err := one.Settle(t.Context(), keys.Messages); err != nil {
				t.Fatal(err)
			}
			if got := states(t, one, keys.Messages); got != "active retired" {
				t.Errorf("before a day has passed: %s, want active retired", got)
			}
		}
		c.pass(3 * time.Hour)
		if err := one.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := states(t, one, keys.Messages); got != "active destroyed" {
			t.Errorf("after a day: %s, want active destroyed", got)
		}
		fresh := ring(t, d, c.now)
		for i := range 250 {
			if got := read(t, d, fresh, fmt.Sprint("m", i)); got != fmt.Sprint("text ", i) {
				t.Fatalf("m%d = %q", i, got)
			}
		}
	})
}

// A node that was late writes under a retired key: the key is not erased
// under it.
func TestRingLateWriter(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := &clock{at: haletest.Noon}
		r := ring(t, d, c.now)
		late, err := r.Seal(t.Context(), d, keys.Messages, "message", "body", "slow", []byte("slow"))
		if err != nil {
			t.Fatal(err)
		}
		turn(t, d, r, keys.Messages)
		c.pass(2 * time.Second)
		if err := r.Settle(t.Context(), keys.Messages); err != nil {
			t.Fatal(err)
		}
		c.pass(keys.Grace - time.Minute)
		if err := d.Tx(t.Context(), func(tx *db.Tx) error { return insert(t.Context(), tx, "slow", late) }); err != nil {
			t.Fatal(err)
		}
		c.pass(time.Hour)
		if err := r.Settle(t.Context(), keys.Messages); err != nil {
			t.Fatal(err)
		}
		if got := read(t, d, r, "slow"); got != "slow" {
			t.Errorf("slow = %q", got)
		}
		if err := r.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left, err := r.Left(t.Context(), keys.Messages); left != 0 || err != nil {
			t.Errorf("Left = %d, %v, want 0", left, err)
		}
	})
}

// What an earlier Hale sealed opens, and is brought under the ring.
func TestRingOld(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		body := haletest.Key.For("reach").For("message").Seal([]byte("from before"), "message/m1")
		if err := d.Tx(t.Context(), func(tx *db.Tx) error { return insert(t.Context(), tx, "m1", body) }); err != nil {
			t.Fatal(err)
		}
		c := &clock{at: haletest.Noon}
		r := ring(t, d, c.now)
		if got := read(t, d, r, "m1"); got != "from before" {
			t.Errorf("m1 = %q", got)
		}
		if got := states(t, r, keys.Messages); got != "active retired" {
			t.Errorf("messages: %s, want one that stands for what was there", got)
		}
		c.pass(time.Minute)
		if err := r.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		now, err := db.One(t.Context(), d, db.Value[[]byte], `select body from message where id = 'm1'`)
		if _, ok := seal.KIDOf(now); !ok || err != nil {
			t.Errorf("after Tidy the body is %q, %v, want an envelope", now, err)
		}
		if got := read(t, d, r, "m1"); got != "from before" {
			t.Errorf("moved m1 = %q", got)
		}
	})
}

// The root is changed by wrapping the few class keys anew; another node that
// runs reads the new root when it needs it; the old root opens nothing.
func TestRingTurnRoot(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := &clock{at: haletest.Noon}
		before := keys.Plain(haletest.Key)
		after := before
		after.Root, after.Before = seal.NewKey(), []seal.Key{before.Root}
		one := ring(t, d, c.now)
		other, err := keys.Open(t.Context(), keys.Config{DB: d, Roots: before, Now: c.now, Reload: func(context.Context) (keys.Roots, error) { return after, nil }})
		if err != nil {
			t.Fatal(err)
		}
		if err := add(t.Context(), d, other, "m1", "one"); err != nil {
			t.Fatal(err)
		}
		raw := func() []byte {
			b, err := db.One(t.Context(), d, db.Value[[]byte], `select body from message where id = 'm1'`)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		was := raw()
		if err := one.TurnRoot(t.Context(), after); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(was, raw()) {
			t.Error("changing the root changed a message: only keys are wrapped anew")
		}
		c.pass(time.Second)
		turn(t, d, other, keys.Messages)
		c.pass(time.Second)
		if err := add(t.Context(), d, other, "m2", "two"); err != nil {
			t.Fatal(err)
		}
		after.Before = nil
		fresh, err := keys.Open(t.Context(), keys.Config{DB: d, Roots: after, Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, d, fresh, "m1") + read(t, d, fresh, "m2"); got != "onetwo" {
			t.Errorf("under the new root: %q", got)
		}
		if _, err := keys.Open(t.Context(), keys.Config{DB: d, Roots: before, Now: c.now}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Open with the old root = %v, want a refusal that says so", err)
		}
	})
}

// A shredded patient: the sealed value does not open here, nor on another
// node half a second later, nor when a copy of it is put back.
func TestRingShred(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := &clock{at: haletest.Noon}
		one, two := ring(t, d, c.now), ring(t, d, c.now)
		sealFor := func(patient string) (out []byte) {
			err := d.Tx(t.Context(), func(tx *db.Tx) (err error) {
				out, err = one.SealFor(t.Context(), tx, patient, "resource", "body", "Condition/"+patient+"/1", []byte("secret of "+patient))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		a, b := sealFor("a"), sealFor("b")
		ka, _ := seal.KIDOf(a)
		if kb, _ := seal.KIDOf(b); ka == kb {
			t.Error("two patients share a key")
		}
		if again, _ := seal.KIDOf(sealFor("a")); again != ka {
			t.Error("a patient's second value is under another key")
		}
		open := func(r *keys.Ring, v []byte, patient string) error {
			_, err := r.Open(t.Context(), v, "resource", "body", "Condition/"+patient+"/1")
			return err
		}
		if err := errors.Join(open(one, a, "a"), open(two, a, "a"), open(two, b, "b")); err != nil {
			t.Fatal(err)
		}
		if err := d.Tx(t.Context(), func(tx *db.Tx) error { return one.Shred(t.Context(), tx, "a") }); err != nil {
			t.Fatal(err)
		}
		if err := open(one, a, "a"); !errors.Is(err, keys.ErrShredded) {
			t.Errorf("after Shred Open = %v, want ErrShredded", err)
		}
		c.pass(time.Second)
		if err := open(two, a, "a"); !errors.Is(err, keys.ErrShredded) {
			t.Errorf("after Shred on the other node Open = %v, want ErrShredded", err)
		}
		if err := open(two, b, "b"); err != nil {
			t.Errorf("another patient: %v", err)
		}
		if later, _ := seal.KIDOf(sealFor("a")); later == ka {
			t.Error("what comes after is sealed under the shredded key")
		}
		if live, gone, err := one.People(t.Context()); live != 2 || gone != 1 || err != nil {
			t.Errorf("People = %d, %d, %v, want 2 and 1", live, gone, err)
		}
	})
}

// A key made in a transaction that is undone is not used afterwards.
func TestRingOwnUndone(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		r := ring(t, d, haletest.Clock(haletest.Noon))
		stop := errors.New("stop")
		var lost []byte
		if err := d.Tx(t.Context(), func(tx *db.Tx) (err error) {
			lost, err = r.SealFor(t.Context(), tx, "a", "t", "c", "r", []byte("x"))
			return errors.Join(err, stop)
		}); !errors.Is(err, stop) {
			t.Fatal(err)
		}
		var kept []byte
		if err := d.Tx(t.Context(), func(tx *db.Tx) (err error) {
			kept, err = r.SealFor(t.Context(), tx, "a", "t", "c", "r", []byte("x"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := ring(t, d, haletest.Clock(haletest.Noon)).Open(t.Context(), kept, "t", "c", "r"); err != nil {
			t.Errorf("Open = %v", err)
		}
		if _, err := r.Open(t.Context(), lost, "t", "c", "r"); err == nil {
			t.Error("what was undone opens")
		}
	})
}

// Turning the class that wraps patients' keys wraps them anew and touches
// nothing they sealed.
func TestRingTurnPatients(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := &clock{at: haletest.Noon}
		r := ring(t, d, c.now)
		sealed := map[string][]byte{}
		for i := range 120 {
			p := fmt.Sprint("p", i)
			if err := d.Tx(t.Context(), func(tx *db.Tx) (err error) {
				sealed[p], err = r.SealFor(t.Context(), tx, p, "t", "c", p, []byte(p))
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		turn(t, d, r, keys.Patients)
		if n, err := r.Move(t.Context(), keys.Patients, func(int) {}); n != 120 || err != nil {
			t.Errorf("Move = %d, %v, want 120", n, err)
		}
		if left, err := r.Left(t.Context(), keys.Patients); left != 0 || err != nil {
			t.Errorf("Left = %d, %v", left, err)
		}
		fresh := ring(t, d, c.now)
		for p, v := range sealed {
			if plain, err := fresh.Open(t.Context(), v, "t", "c", p); err != nil || string(plain) != p {
				t.Fatalf("Open(%s) = %q, %v", p, plain, err)
			}
		}
	})
}
