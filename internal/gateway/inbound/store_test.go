package inbound_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"testing"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/gateway/inbound"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// ledger is an engine that notes what it is told.
type ledger struct {
	took []reach.Receipt
	err  error
}

func (l *ledger) Receipt(_ context.Context, r reach.Receipt) error {
	if l.err != nil {
		return l.err
	}
	l.took = append(l.took, r)
	return nil
}

func open(t *testing.T, d *db.DB, now func() time.Time) *inbound.Store {
	t.Helper()
	source := ids.NewSource(now, rand.Reader)
	key := seal.NewKey()
	ring, err := keys.Open(t.Context(), keys.Config{DB: d, Now: now, Roots: keys.Plain(key)})
	if err != nil {
		t.Fatal(err)
	}
	return inbound.NewStore(d, source, now, key, ring, slog.New(slog.DiscardHandler))
}

func TestStore(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		at := haletest.Noon
		s := open(t, d, func() time.Time { return at })
		var l ledger
		keep := func(r inbound.Report) {
			t.Helper()
			r.Provider, r.At = "p", at
			if err := s.Keep(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		apply := func(want int) {
			t.Helper()
			l.took = nil
			if _, err := s.Apply(t.Context(), &l); err != nil {
				t.Fatal(err)
			}
			if len(l.took) != want {
				t.Errorf("applied %+v, want %d", l.took, want)
			}
		}
		// The same report, however often, is applied once.
		for range 3 {
			keep(inbound.Report{ID: "1", Kind: inbound.Replied, From: "+12025550110", Text: "Yes"})
		}
		apply(1)
		apply(0)
		// One about a message that nobody knows waits for it, and is found.
		keep(inbound.Report{ID: "2", Kind: inbound.Delivered, Ref: "r2"})
		apply(0)
		at = at.Add(2 * time.Second)
		apply(0)
		insert(t, d, "m2", "r2")
		at = at.Add(3 * time.Second)
		apply(1)
		// One that waits in vain is handed on after ten minutes, for the ledger
		// to keep, and ends.
		keep(inbound.Report{ID: "3", Kind: inbound.Delivered, Key: "none"})
		l.err = errs.New(errs.NotFound, "none")
		apply(0)
		at = at.Add(11 * time.Minute)
		apply(0)
		l.err = nil
		at = at.Add(time.Hour)
		apply(0)
		if waiting, unknown, err := s.Waiting(t.Context(), haletest.Noon); waiting != 0 || unknown != 1 || err != nil {
			t.Errorf("Waiting = %d, %d, %v, want one unknown", waiting, unknown, err)
		}
	})
}

// Parts join in their order, in whatever order they come; what never comes is
// marked.
func TestStoreParts(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		at := haletest.Noon
		s := open(t, d, func() time.Time { return at })
		var l ledger
		part := func(ref, seq int, text string) {
			t.Helper()
			r := inbound.Report{Provider: "p", ID: text, Kind: inbound.Replied, From: "+12025550110", To: "1", Text: text, At: at, Part: inbound.Part{Ref: ref, Total: 3, Seq: seq}}
			if err := s.Keep(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Apply(t.Context(), &l); err != nil {
				t.Fatal(err)
			}
		}
		part(7, 3, "three")
		part(7, 1, "one ")
		part(8, 2, "two of another ")
		if len(l.took) != 0 {
			t.Fatalf("took %+v before all parts were there", l.took)
		}
		part(7, 2, "two ")
		at = at.Add(11 * time.Minute)
		for range 2 {
			if _, err := s.Apply(t.Context(), &l); err != nil {
				t.Fatal(err)
			}
		}
		var texts []string
		for _, r := range l.took {
			texts = append(texts, r.Text)
		}
		if want := []string{"one two three", " […] two of another  […]"}; !slices.Equal(texts, want) {
			t.Errorf("texts = %q, want %q", texts, want)
		}
	})
}

func insert(t *testing.T, d *db.DB, id, ref string) {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `
			insert into message (id, intent, outreach, patient, purpose, channel, step, state, state_at, mode, body, body_hash, key, provider_ref, not_before, expires_at, created_at)
			values ($1, $1, '', 'p', 'care', 'sms', 1, 'accepted', 0, 'full', '', '', $1, $2, 0, 0, 0)`, id, ref)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
