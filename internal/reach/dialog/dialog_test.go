package dialog_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/haletest"
	"hale/internal/reach/dialog"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

type world struct {
	t  *testing.T
	d  *db.DB
	s  *dialog.Store
	at time.Time
}

func open(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := &world{t: t, d: d, at: haletest.Noon}
	now := func() time.Time { return w.at }
	ring, err := keys.Open(t.Context(), keys.Config{DB: d, Roots: keys.Plain(haletest.Key), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	w.s = dialog.NewStore(d, ids.NewSource(now, rand.Reader), now, haletest.Key, ring)
	w.tx(func(ctx context.Context, tx *db.Tx) error {
		return db.InsertMany(ctx, tx, `insert into contact_point (patient, kind, value, updated_at)`, "", 4, []any{
			"ada", "sms", "+13125550101", 0, "ada", "email", "ada@mail.example", 0, "bob", "sms", "+13125550102", 0, "cy", "sms", "+13125550102", 0,
		})
	})
	return w
}

func (w *world) tx(fn func(context.Context, *db.Tx) error) {
	w.t.Helper()
	if err := w.d.Tx(w.t.Context(), func(tx *db.Tx) error { return fn(w.t.Context(), tx) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) heard(h dialog.Heard) {
	w.t.Helper()
	h.At = w.at
	w.tx(func(ctx context.Context, tx *db.Tx) error { return w.s.Heard(ctx, tx, h) })
}

func (w *world) list(f dialog.Filter) []dialog.Dialog {
	w.t.Helper()
	list, err := w.s.List(w.t.Context(), haletest.Everyone(w.t, w.d, access.AnswerPatients), f, 50)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// One person has one conversation, whatever they write by; a number that two
// have is nobody's until a message tells; and nothing counts twice.
func TestStoreHeard(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := open(t, d)
		for range 2 {
			w.heard(dialog.Heard{Channel: policy.SMS, From: "+13125550101", Text: "Can I come earlier?", Key: "1"})
		}
		w.at = w.at.Add(time.Hour)
		w.heard(dialog.Heard{Channel: policy.Email, From: "ada@mail.example", Text: "I wrote a text, too", Key: "2"})
		w.heard(dialog.Heard{Channel: dialog.Page, Patient: "ada", Text: "And here", Key: "3"})
		w.heard(dialog.Heard{Channel: policy.SMS, From: "+13125550102", Text: "Who is this", Key: "4"})
		w.heard(dialog.Heard{Channel: policy.SMS, From: "+13125550103", Text: "STOP", Key: "5", Meaning: "stop", Quiet: true})
		list := w.list(dialog.Open)
		if len(list) != 3 {
			t.Fatalf("%d conversations, want Ada's, the shared number's and a stranger's: %+v", len(list), list)
		}
		a := list[0]
		if a.Patient != "ada" || a.Unread != 3 || a.Snippet != "And here" || !a.Waiting.Equal(haletest.Noon) || !a.Due.Equal(haletest.Noon.Add(dialog.AnswerWithin)) {
			t.Errorf("Ada's = %+v", a)
		}
		if b := list[1]; b.Patient != "" || b.Contact != "+13125550102" || b.Unread != 1 {
			t.Errorf("the shared number's = %+v", b)
		}
		if c := list[2]; !c.Stop || c.Unread != 0 || !c.Due.IsZero() {
			t.Errorf("the stranger's = %+v, want one that waits for nobody", c)
		}
		w.tx(func(ctx context.Context, tx *db.Tx) error {
			if err := w.s.Heard(ctx, tx, dialog.Heard{Channel: policy.SMS, Text: "x"}); err == nil {
				t.Error("Heard took words of nobody")
			}
			return nil
		})
	})
}

func TestStoreDeeds(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := open(t, d)
		ctx := t.Context()
		w.heard(dialog.Heard{Channel: policy.SMS, From: "+13125550101", Text: "Hello?", Key: "1"})
		id := w.list(dialog.Open)[0].ID
		doors := haletest.Doors(d)
		pass := func(patient string) access.Pass {
			p, err := doors.Check(ctx, access.SystemActor("test", access.AnswerPatients), access.AnswerPatients, patient)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		ada := pass("ada")
		if _, err := w.s.Get(ctx, pass("bob"), id); err == nil {
			t.Error("another's pass opens Ada's conversation")
		}
		if err := w.s.Note(ctx, pass("bob"), id, "x"); err == nil {
			t.Error("another's pass notes in Ada's conversation")
		}
		if err := w.s.Assign(ctx, ada, id, "", "nurse-1", "taken"); err != nil {
			t.Fatal(err)
		}
		if err := w.s.Assign(ctx, ada, id, "", "nurse-2", "taken"); err == nil {
			t.Error("a page that is behind took the conversation away")
		}
		if err := w.s.Note(ctx, ada, id, "Knows the way"); err != nil {
			t.Fatal(err)
		}
		w.at = w.at.Add(25 * time.Hour)
		if n := len(w.list(dialog.Late)); n != 1 {
			t.Errorf("%d late, want one after a day", n)
		}
		one, err := w.s.Get(ctx, ada, id)
		if err != nil {
			t.Fatal(err)
		}
		w.tx(func(ctx context.Context, tx *db.Tx) error {
			return w.s.Said(ctx, tx, one, "nurse-1", policy.SMS, "m1", "Yes, at ten.")
		})
		if n := len(w.list(dialog.Late)); n != 0 {
			t.Errorf("%d late after an answer", n)
		}
		if others, err := w.s.Look(ctx, ada, one, "Test"); err != nil || len(others) != 0 {
			t.Errorf("Look = %v, %v", others, err)
		}
		if err := w.s.Close(ctx, ada, id, "bored"); err == nil {
			t.Error("closed for a reason that is none")
		}
		if err := w.s.Close(ctx, ada, id, "answered"); err != nil {
			t.Fatal(err)
		}
		lines, err := w.s.Entries(ctx, ada, one)
		var kinds []string
		for _, l := range lines {
			kinds = append(kinds, l.Kind+":"+l.Text)
		}
		if want := 5; err != nil || len(kinds) != want {
			t.Errorf("Entries = %q, %v", kinds, err)
		}
		if n := len(w.list(dialog.Closed)); n != 1 {
			t.Errorf("%d closed", n)
		}
		w.heard(dialog.Heard{Channel: policy.SMS, From: "+13125550101", Text: "Thanks", Key: "2"})
		if l := w.list(dialog.Open); len(l) != 1 || l[0].Unread != 1 {
			t.Errorf("what is heard does not open it again: %+v", l)
		}
	})
}
