package link

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// code makes a code for the only link.
func code(t testing.TB, s *Store, d *db.DB, other bool) string {
	t.Helper()
	var c string
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		id, err := db.One(t.Context(), tx, db.Value[string], `select id from link`)
		if err != nil {
			return err
		}
		c, err = s.NewCode(t.Context(), tx, id, other)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wrong(code string) string {
	if code == "111111" {
		return "222222"
	}
	return "111111"
}

// A link that asks for a code opens by the date and a code where it went, or
// by a code that went elsewhere; the browser needs a button alone afterwards.
func TestStoreEnter(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, c := newStore(d)
		s.WithKey(seal.NewKey())
		ctx, token := t.Context(), create(t, s, d, New{Factor: Code})
		if got := code(t, s, d, false); len(got) != 6 {
			t.Fatalf("NewCode = %q, want six digits", got)
		}
		c.t = c.t.Add(CodeEvery)
		o, err := s.Open(ctx, token, "1961-04-27", "")
		if err != nil || !o.Waits || o.Session == "" || o.Device != "" {
			t.Fatalf("Open = %+v, %v, want one that awaits its code", o, err)
		}
		if _, err := s.Session(ctx, token, o.Session); !errors.Is(err, ErrGone) {
			t.Errorf("Session before the code = %v, want that nothing shows", err)
		}
		first := code(t, s, d, false)
		c.t = c.t.Add(CodeEvery)
		second := code(t, s, d, false)
		if _, err := s.Enter(ctx, token, wrong(first), o.Session, ""); !errors.Is(err, ErrCode) {
			t.Errorf("Enter of a wrong code = %v", err)
		}
		if _, err := s.Enter(ctx, token, first, "", ""); !errors.Is(err, ErrCode) {
			t.Errorf("Enter without the date = %v, want a refusal: whoever has the link has this phone", err)
		}
		in, err := s.Enter(ctx, token, first, o.Session, "") // the one before the last is good as well
		if err != nil || in.Factor != "dob+code" || in.Browser != FirstBrowser || in.Device == "" {
			t.Fatalf("Enter = %+v, %v", in, err)
		}
		if _, err := s.Session(ctx, token, in.Session); err != nil {
			t.Errorf("Session after the code = %v", err)
		}
		if _, err := s.Enter(ctx, token, second, o.Session, ""); !errors.Is(err, ErrNoCode) {
			t.Errorf("Enter of a code after another was used = %v", err)
		}
		if again, err := s.Open(ctx, token, "", in.Device); err != nil || again.Factor != "device" || again.Browser != SameBrowser {
			t.Errorf("Open in the same browser = %+v, %v, want a button to be enough", again, err)
		}
		elsewhere, err := s.Open(ctx, token, "1961-04-27", "")
		if err != nil || !elsewhere.Waits {
			t.Errorf("Open in another browser = %+v, %v, want both factors again", elsewhere, err)
		}
	})
}

func TestStoreEnterElsewhere(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, c := newStore(d)
		s.WithKey(seal.NewKey())
		ctx, token := t.Context(), create(t, s, d, New{})
		for range TriesToDie { // somebody guesses
			_, _ = s.Open(ctx, token, "1950-01-01", "")
			c.t = c.t.Add(LockTime)
		}
		if got := code(t, s, d, false); got != "" {
			t.Error("a link that asks for a date gives a code to where it went")
		}
		sent := code(t, s, d, true)
		o, err := s.Enter(ctx, token, sent, "", "")
		if err != nil || o.Factor != "code" {
			t.Fatalf("Enter of a code that went elsewhere = %+v, %v, want the link back", o, err)
		}
		if _, err := s.Open(ctx, token, "1961-04-27", ""); err != nil {
			t.Errorf("Open afterwards = %v, want that the guesses are forgotten", err)
		}
		c.t = c.t.Add(time.Hour)
		old := code(t, s, d, true)
		c.t = c.t.Add(CodeLife)
		if _, err := s.Enter(ctx, token, old, "", ""); !errors.Is(err, ErrNoCode) {
			t.Errorf("Enter ten minutes later = %v", err)
		}
		last := code(t, s, d, true)
		for range CodeTries {
			if _, err := s.Enter(ctx, token, wrong(last), "", ""); !errors.Is(err, ErrCode) {
				t.Errorf("Enter of a wrong code = %v", err)
			}
		}
		if _, err := s.Enter(ctx, token, last, "", ""); !errors.Is(err, ErrNoCode) {
			t.Errorf("Enter of the right code after %d wrong ones = %v", CodeTries, err)
		}
		if _, err := s.Enter(ctx, "AAAAbbbb1111", "123456", "", ""); !errors.Is(err, ErrNoCode) {
			t.Errorf("Enter of no link = %v, want what a link says", err)
		}
	})
}

func TestCodeLeft(t *testing.T) {
	at := func(ago ...time.Duration) (list []int64) {
		for _, d := range ago {
			list = append(list, haletest.Noon.Add(-d).UnixMicro())
		}
		return list
	}
	tests := []struct {
		before []int64
		want   bool
	}{
		{nil, true},
		{at(CodeEvery - time.Second), false},
		{at(CodeEvery), true},
		{at(50*time.Minute, 40*time.Minute, 30*time.Minute, 20*time.Minute), false},
		{at(61*time.Minute, 40*time.Minute, 30*time.Minute, 20*time.Minute), true},
		{at(2*time.Hour, 3*time.Hour, 4*time.Hour, 5*time.Hour, 6*time.Hour, 7*time.Hour, 8*time.Hour, 9*time.Hour, 10*time.Hour, 11*time.Hour, 12*time.Hour, 13*time.Hour), false},
	}
	for i, tt := range tests {
		if got := codeLeft(tt.before, haletest.Noon); got != tt.want {
			t.Errorf("case %d: codeLeft = %t", i, got)
		}
	}
}

func TestStoreAloneAndUses(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, c := newStore(d)
		ctx, token := t.Context(), create(t, s, d, New{Alone: true, MaxUses: 2})
		o, err := s.Open(ctx, token, "1961-04-27", "")
		if err != nil || o.Browser != FirstBrowser {
			t.Fatalf("Open = %+v, %v", o, err)
		}
		if _, err := s.Open(ctx, token, "1961-04-27", ""); !errors.Is(err, ErrOther) {
			t.Errorf("Open in another browser = %v, want a refusal", err)
		}
		for range 5 { // what shows within the half hour is one use
			if _, err := s.Session(ctx, token, o.Session); err != nil {
				t.Fatal(err)
			}
		}
		c.t = c.t.Add(SessionLife)
		if again, err := s.Open(ctx, token, "1961-04-27", o.Device); err != nil || again.Browser != SameBrowser || again.Device == o.Device {
			t.Errorf("Open in the same browser = %+v, %v, want a new token for it", again, err)
		} else if _, err := s.Open(ctx, token, "", again.Device); !errors.Is(err, ErrGone) {
			t.Errorf("Open a third time = %v, want that it opened twice and no more", err)
		}
	})
}

func TestStoreProve(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, c := newStore(d)
		ctx, token := t.Context(), create(t, s, d, New{})
		o, err := s.Open(ctx, token, "1961-04-27", "")
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range []Mark{Revealed, Dwell5, Dwell30, Read} {
			c.t = haletest.Noon.Add(time.Duration(i+1) * time.Second)
			for n, want := range []bool{true, false} {
				if fresh, err := s.Prove(ctx, token, o.Session, m); fresh != want || err != nil {
					t.Errorf("Prove(%d) the %d. time = %t, %v", m, n+1, fresh, err)
				}
			}
		}
		if fresh, _ := s.Prove(ctx, token, "nobody", Read); fresh {
			t.Error("Prove without a session")
		}
		list, err := s.Proofs(ctx, nursePass(t, d, "maria"), "m1")
		want := Proof{Factor: "dob", Browser: FirstBrowser, Opened: haletest.Noon, Revealed: haletest.Noon.Add(time.Second),
			Dwell5: haletest.Noon.Add(2 * time.Second), Dwell30: haletest.Noon.Add(3 * time.Second), Read: haletest.Noon.Add(4 * time.Second)}
		if err != nil || len(list) != 1 || fmt.Sprint(list[0]) != fmt.Sprint(want) {
			t.Errorf("Proofs = %v, %v, want %v", list, err, want)
		}
		if list, err := s.Proofs(ctx, nursePass(t, d, "paul"), "m1"); err != nil || len(list) != 0 {
			t.Errorf("Proofs for another patient = %v, %v", list, err)
		}
	})
}
