package account_test

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

func start(t *testing.T, s *account.Store, address string) (challenge, code string) {
	t.Helper()
	challenge, send, err := s.StartCode(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if send == nil {
		t.Fatalf("StartCode(%q) sends nothing", address)
	}
	return challenge, send.Code
}

// other returns a code that is not code.
func other(code string) string {
	if code[5] == '0' {
		return code[:5] + "1"
	}
	return code[:5] + "0"
}

func TestStoreFinishCode(t *testing.T) {
	type step struct {
		wait  time.Duration
		wrong int  // wrong tries before
		again bool // ask for another code, use the first
		fresh bool // ask for another code, use the new one
	}
	tests := []struct {
		name string
		step step
		ok   bool
	}{
		{name: "right", ok: true},
		{name: "right after four wrong", step: step{wrong: 4}, ok: true},
		{name: "right after five wrong", step: step{wrong: 5}},
		{name: "just in time", step: step{wait: account.CodeLife - time.Second}, ok: true},
		{name: "too late", step: step{wait: account.CodeLife}},
		{name: "the first of two", step: step{wait: time.Minute, again: true}, ok: true},
		{name: "the second of two", step: step{wait: time.Minute, fresh: true}, ok: true},
		{name: "a new code brings no new tries", step: step{wrong: 5, fresh: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				c := newClock()
				s := newStore(d, c)
				want := add(t, s, nurse)
				challenge, code := start(t, s, " Nurse@Example.org ")
				for range tt.step.wrong {
					if _, err := s.FinishCode(t.Context(), challenge, other(code)); errs.KindOf(err) != errs.Invalid {
						t.Fatalf("FinishCode of a wrong code = %v, want invalid", err)
					}
				}
				c.add(tt.step.wait)
				if tt.step.again || tt.step.fresh {
					send, err := s.SendAgain(t.Context(), challenge)
					if err != nil || send == nil {
						t.Fatalf("SendAgain = %v, %v", send, err)
					}
					if tt.step.fresh {
						code = send.Code
					}
				}
				got, err := s.FinishCode(t.Context(), challenge, code[:3]+" "+code[3:])
				if tt.ok && (err != nil || got.ID != want.ID || got.CodeSignIns != 1) {
					t.Errorf("FinishCode = %+v, %v, want the account", got, err)
				}
				if kind := errs.KindOf(err); !tt.ok && kind != errs.Invalid && kind != errs.TooMany {
					t.Errorf("FinishCode = %v, want a refusal", err)
				}
				if _, err := s.FinishCode(t.Context(), challenge, code); err == nil {
					t.Error("the code worked twice")
				}
			})
		})
	}
}

// A code works only in the browser that asked for it.
func TestStoreCodeIsBound(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d, newClock())
		add(t, s, nurse)
		_, code := start(t, s, nurse.Email)
		elsewhere, another := start(t, s, nurse.Email)
		if code == another {
			t.Skip("skipped: one in a million, both codes are the same")
		}
		if _, err := s.FinishCode(t.Context(), elsewhere, code); errs.KindOf(err) != errs.Invalid {
			t.Errorf("FinishCode with another browser's code = %v, want invalid", err)
		}
		if _, err := s.FinishCode(t.Context(), "", code); errs.KindOf(err) != errs.Invalid {
			t.Errorf("FinishCode without a challenge = %v, want invalid", err)
		}
	})
}

// Fifty submissions at the same moment sign in once.
func TestStoreFinishCodeAtOnce(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d, newClock())
		add(t, s, nurse)
		challenge, code := start(t, s, nurse.Email)
		var wg sync.WaitGroup
		var in atomic.Int32
		for range 50 {
			wg.Go(func() {
				_, err := s.FinishCode(t.Context(), challenge, code)
				switch errs.KindOf(err) {
				case errs.Invalid, errs.TooMany:
				default:
					if err != nil {
						t.Errorf("FinishCode = %v", err)
						return
					}
					in.Add(1)
				}
			})
		}
		wg.Wait()
		if in.Load() != 1 {
			t.Errorf("%d of 50 signed in, want 1", in.Load())
		}
	})
}

// Wrong tries at the same moment cannot be more than the tries there are.
func TestStoreTriesAtOnce(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d, newClock())
		add(t, s, nurse)
		challenge, code := start(t, s, nurse.Email)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { _, _ = s.FinishCode(t.Context(), challenge, other(code)) })
		}
		wg.Wait()
		n, err := db.One(t.Context(), d, db.Value[int], `select tries from account_challenge`)
		if err != nil || n != account.Tries {
			t.Errorf("%d tries were counted, %v, want %d", n, err, account.Tries)
		}
		if _, err := s.FinishCode(t.Context(), challenge, code); err == nil {
			t.Error("the right code still worked after twenty wrong ones")
		}
	})
}

// Nothing in the answers tells whether an address is known.
func TestStoreStartCodeTellsNothing(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		s := newStore(d, c)
		add(t, s, nurse)
		type seen struct {
			challenge int
			start     errs.Kind
			kind      string
			finish    string
			again     errs.Kind
		}
		try := func(address string) (list []seen) {
			for range 7 { // beyond the limit of one address
				var one seen
				challenge, _, err := s.StartCode(t.Context(), address)
				one.challenge, one.start = len(challenge), errs.KindOf(err)
				one.kind, _, _ = s.Masked(t.Context(), challenge)
				_, err = s.FinishCode(t.Context(), challenge, "1234")
				one.finish = fmt.Sprint(err)
				_, err = s.SendAgain(t.Context(), challenge)
				one.again = errs.KindOf(err)
				list = append(list, one)
			}
			return list
		}
		known, unknown := try(nurse.Email), try("nobody@example.org")
		if !reflect.DeepEqual(known, unknown) {
			t.Errorf("a known address answers %+v,\nan unknown one %+v", known, unknown)
		}
		if _, send, err := s.StartCode(t.Context(), "stranger@example.org"); err != nil || send != nil {
			t.Errorf("StartCode of a stranger sends %v, %v, want nothing", send, err)
		}
	})
}

// Somebody on record gets an account by a code and the date of birth.
func TestStoreFinishBorn(t *testing.T) {
	tests := []struct {
		name    string
		address string
		born    []string
		want    string // patient
		kind    errs.Kind
	}{
		{name: "right", address: "(312) 555-0142", born: []string{"1961-04-27"}, want: "ada"},
		{name: "wrong once", address: "ada@example.org", born: []string{"1961-04-28", "1961-04-27"}, want: "ada"},
		{name: "wrong three times", address: "ada@example.org", born: []string{"1961-04-28", "1961-04-29", "1961-04-30", "1961-04-27"}, kind: errs.TooMany},
		{name: "one of a household", address: "home@example.org", born: []string{"1990-12-31"}, want: "cyd"},
		{name: "somebody else on record", address: "ada@example.org", born: []string{"1990-12-31"}, kind: errs.Invalid},
		{name: "twins", address: "twins@example.org", born: []string{"2001-05-05"}, kind: errs.Invalid},
		{name: "no date", address: "ada@example.org", born: []string{""}, kind: errs.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				s := newStore(d, newClock())
				challenge, code := start(t, s, tt.address)
				if _, err := s.FinishBorn(t.Context(), challenge, tt.born[0]); errs.KindOf(err) != errs.Invalid {
					t.Errorf("FinishBorn before the code = %v, want invalid", err)
				}
				if _, err := s.FinishCode(t.Context(), challenge, code); !errors.Is(err, account.ErrBorn) {
					t.Fatalf("FinishCode = %v, want that the date of birth follows", err)
				}
				var a account.Entry
				var err error
				for _, date := range tt.born {
					a, err = s.FinishBorn(t.Context(), challenge, date)
				}
				if tt.want == "" {
					if errs.KindOf(err) != tt.kind || err == nil {
						t.Errorf("FinishBorn = %+v, %v, want kind %d", a, err, tt.kind)
					}
					return
				}
				if err != nil || a.Patient != tt.want || a.Kind != access.Patient || a.Name != riverside[tt.want].name || a.Lang != "es" {
					t.Fatalf("FinishBorn = %+v, %v, want %s", a, err, tt.want)
				}
				if _, err := s.FinishBorn(t.Context(), challenge, tt.born[len(tt.born)-1]); err == nil {
					t.Error("the sign-in worked twice")
				}
				// The second time the account is there; alone at the address it needs no date.
				challenge, code = start(t, s, tt.address)
				again, err := s.FinishCode(t.Context(), challenge, code)
				if tt.name == "one of a household" {
					if !errors.Is(err, account.ErrBorn) {
						t.Fatalf("FinishCode in a household = %v, want that the date of birth follows", err)
					}
					again, err = s.FinishBorn(t.Context(), challenge, tt.born[0])
				}
				if err != nil || again.ID != a.ID || again.CodeSignIns != 2 {
					t.Errorf("the second sign-in = %+v, %v, want the same account", again, err)
				}
			})
		})
	}
}

// A caregiver who shares the address with a patient is chosen by name.
func TestStoreFinishAs(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d, newClock())
		lu := add(t, s, account.Account{Kind: access.Proxy, Name: "Lu", Email: "ada@example.org"})
		stranger := add(t, s, nurse)
		challenge, code := start(t, s, "ada@example.org")
		if _, err := s.FinishAs(t.Context(), challenge, lu.ID); err == nil {
			t.Error("FinishAs before the code = nil error, want one")
		}
		if _, err := s.FinishCode(t.Context(), challenge, code); !errors.Is(err, account.ErrBorn) {
			t.Fatalf("FinishCode = %v, want that the date of birth follows", err)
		}
		if list, err := s.Others(t.Context(), challenge); err != nil || len(list) != 1 || list[0].ID != lu.ID {
			t.Errorf("Others = %+v, %v, want the caregiver", list, err)
		}
		if _, err := s.FinishAs(t.Context(), challenge, stranger.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("FinishAs of somebody at another address = %v, want not found", err)
		}
		if a, err := s.FinishAs(t.Context(), challenge, lu.ID); err != nil || a.ID != lu.ID {
			t.Errorf("FinishAs = %+v, %v, want the caregiver", a, err)
		}
		if _, err := s.FinishAs(t.Context(), challenge, lu.ID); err == nil {
			t.Error("the sign-in worked twice")
		}
	})
}

// The limits count in the database: another process, or this one after a
// restart, goes on where they were.
func TestStoreLimits(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		add(t, newStore(d, c), nurse)
		sent := 0
		for range 12 {
			switch _, _, err := newStore(d, c).StartCode(t.Context(), nurse.Email); errs.KindOf(err) {
			case errs.TooMany:
			default:
				if err != nil {
					t.Fatal(err)
				}
				sent++
			}
		}
		if sent != 5 {
			t.Errorf("%d codes went to one address at once, want 5", sent)
		}
		c.add(6 * time.Minute)
		if _, _, err := newStore(d, c).StartCode(t.Context(), nurse.Email); err != nil {
			t.Errorf("StartCode after a while = %v, want one more", err)
		}
		if _, _, err := newStore(d, c).StartCode(t.Context(), nurse.Email); errs.KindOf(err) != errs.TooMany {
			t.Errorf("StartCode at once again = %v, want too many", err)
		}
		// One network cannot ask for everybody.
		ctx, sent := account.From(t.Context(), "203.0.113.9:4711"), 0
		for i := range 60 {
			if _, _, err := newStore(d, c).StartCode(ctx, fmt.Sprintf("p%d@example.org", i)); err == nil {
				sent++
			}
		}
		if sent != 30 {
			t.Errorf("%d codes were asked for from one network at once, want 30", sent)
		}
		if _, _, err := newStore(d, c).StartCode(account.From(t.Context(), "203.0.113.10:4711"), "other@example.org"); err != nil {
			t.Errorf("StartCode from another network = %v, want one", err)
		}
	})
}

// What ran out is not kept: addresses least of all.
func TestStoreForgets(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		s := newStore(d, c)
		for i := range 5 {
			if _, _, err := s.StartCode(t.Context(), fmt.Sprintf("p%d@example.org", i)); err != nil {
				t.Fatal(err)
			}
		}
		c.add(24 * time.Hour)
		if _, _, err := s.StartCode(t.Context(), "last@example.org"); err != nil {
			t.Fatal(err)
		}
		for table, want := range map[string]int{"account_challenge": 1, "account_code": 1, "account_limit": 3} {
			if n, err := db.One(t.Context(), d, db.Value[int], "select count(*) from "+table); err != nil || n != want {
				t.Errorf("%s holds %d rows, %v, want %d", table, n, err, want)
			}
		}
	})
}

// Many who ask at once, while old limits are dropped, all get an answer.
func TestStoreStartCodeAtOnce(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		s := newStore(d, c)
		ask := func() {
			var wg sync.WaitGroup
			for i := range 24 {
				wg.Go(func() {
					ctx := account.From(t.Context(), fmt.Sprintf("203.0.113.%d:1", i%3))
					if _, _, err := s.StartCode(ctx, fmt.Sprintf("p%d@example.org", i%5)); err != nil && errs.KindOf(err) != errs.TooMany {
						t.Errorf("StartCode = %v", err)
					}
				})
			}
			wg.Wait()
		}
		for range 4 {
			ask()
			c.add(24 * time.Hour)
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"ada@example.org", "(312) 555-0142", "+44 20 7946 0018", "a@b", "@", "x@y.z\r\nBcc: q@r.s", "  ", "ada@ex ample.org", "０１２"} {
		f.Add(s)
	}
	d := haletest.SQLite(f)
	c := newClock()
	f.Fuzz(func(t *testing.T, text string) {
		c.add(time.Hour) // so that no limit is in the way
		challenge, send, err := newStore(d, c).StartCode(t.Context(), text)
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Fatalf("StartCode(%q) = %v, want a challenge or invalid", text, err)
			}
			return
		}
		if challenge == "" {
			t.Fatalf("StartCode(%q) gives no challenge", text)
		}
		if send != nil {
			for _, r := range send.To {
				if r <= ' ' || r == 0x7f {
					t.Fatalf("StartCode(%q) sends to %q", text, send.To)
				}
			}
		}
	})
}
