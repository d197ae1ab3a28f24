package account_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

func TestCheckPassword(t *testing.T) {
	tests := []struct {
		in    string
		least int
		ok    bool
	}{
		{in: "seven wet lamps", least: 15, ok: true},
		{in: "seven wet lamp", least: 15},
		{in: "ünïcödé ïs finé", least: 15, ok: true},
		{in: "u\u0308o\u0308a\u0308e\u0308i\u0308y\u0308", least: 8}, // six letters once composed
		{in: "qw8#kLp2", least: 8, ok: true},
		{in: "all lower case is fine", least: 15, ok: true},
		{in: "password", least: 8},
		{in: "Password", least: 8},
		{in: "password123!", least: 8},
		{in: "12345678", least: 8},
		{in: "iloveyou", least: 8},
		{in: "aaaaaaaaaaaaaaaa", least: 15},
		{in: "abcabcabcabcabcabc", least: 15},
		{in: "abcdefghijklmnop", least: 15},
		{in: "passwordpassword", least: 15},
		{in: "adaalvarez1", least: 8},
		{in: "RiversideClinic1", least: 15},
		{in: "riverside boats at night", least: 15, ok: true},
		{in: strings.Repeat("xy7 ", 32), least: 15},
		{in: strings.Repeat("word soup ", 12) + "12345678", least: 15, ok: true}, // 128
		{in: strings.Repeat("word soup ", 12) + "123456789", least: 15},
	}
	for _, tt := range tests {
		err := account.CheckPassword(tt.in, tt.least, "Ada Alvarez", "ada@example.org", "Riverside Clinic")
		if (err == nil) != tt.ok {
			t.Errorf("CheckPassword(%q, %d) = %v, want ok=%t", tt.in, tt.least, err, tt.ok)
		}
	}
}

func TestPassword(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		s := newStore(d, c)
		a := withPassword(t, s)
		kept, err := db.One(t.Context(), d, db.Value[string], `select hash from account_password`)
		if err != nil || !strings.HasPrefix(kept, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("kept = %q, %v, want an Argon2id hash of 19 MiB", kept, err)
		}
		for _, address := range []string{"ada@example.org", "(312) 555-0142"} {
			e, err := s.Password(t.Context(), iphone, address, good)
			if err != nil || e.ID != a.ID {
				t.Fatalf("Password(%q) = %v, want ada in", address, err)
			}
			if in, err := s.Enter(t.Context(), e, iphone); err != nil || in.Zone != access.PortalZone {
				t.Errorf("the zone of a password alone = %d, %v, want the portal", in.Zone, err)
			}
		}
		for _, wrong := range [][2]string{{"ada@example.org", "not this one at all"}, {"eve@example.org", good}, {"ada@example.org", ""}} {
			if _, err := s.Password(t.Context(), iphone, wrong[0], wrong[1]); err == nil || errs.KindOf(err) != errs.Invalid {
				t.Errorf("Password(%v) = %v, want it wrong", wrong, err)
			}
		}
		older := strings.Replace(kept, "t=2", "t=1", 1)
		if err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `update account_password set hash = $1`, account.HashWith(good, 8*1024, 1))
			return err
		}); err != nil || older == kept {
			t.Fatal(err)
		}
		if _, err := s.Password(t.Context(), iphone, "ada@example.org", good); err != nil {
			t.Fatalf("Password with older parameters = %v", err)
		}
		if kept, _ := db.One(t.Context(), d, db.Value[string], `select hash from account_password`); !strings.Contains(kept, "m=19456,t=2") {
			t.Errorf("kept after a sign-in = %q, want today's parameters", kept)
		}
		bob := add(t, s, account.Account{Kind: access.Patient, Name: "Bob", Patient: "bob", Email: "ada@example.org"})
		in, _ := strong(t, s, bob.ID)
		if err := s.SetPassword(t.Context(), in, good); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a second password at one address = %v, want a conflict", err)
		}
	})
}

// Whether an address is known shows in no waiting time: the middle half of
// the times for known and unknown addresses is the same.
func TestNoEnumerationByTime(t *testing.T) {
	n := 40
	if deep() {
		n = 1000
	}
	share := time.Duration(10) // a difference below a tenth is none
	if haletest.Race {
		share = 4 // reading a row of an account takes five times as long
	}
	d := haletest.SQLite(t)
	c := newClock()
	s := newStore(d, c)
	withPassword(t, s)
	ways := map[string]func(address string) error{
		"password": func(address string) error {
			_, err := s.Password(t.Context(), iphone, address, "a wrong password")
			return err
		},
		"code": func(address string) error {
			challenge, _, err := s.StartCode(t.Context(), address)
			if err == nil {
				_, err = s.FinishCode(t.Context(), challenge, "000000")
			}
			return err
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			const looks = 3 // a busy machine tells a difference once, a leak each time
			for look := range looks {
				known, unknown := timed(t, c, name, n, look*2*n, way)
				a, b := median(known), median(unknown)
				p := mannWhitney(known, unknown)
				t.Logf("%s: known %v, unknown %v, p = %.3f of %d each", name, a, b, p, n)
				least := max(2*time.Millisecond, b/share)
				if math.Abs(float64(a-b)) <= float64(least) || p >= 0.01 {
					return
				}
				if look == looks-1 {
					t.Errorf("%s: known addresses take %v, unknown ones %v, p = %.4f, %d times in a row: the time tells", name, a, b, p, looks)
				}
			}
		})
	}
}

// timed returns how long a way in takes for an address that has an account
// and for others, n times each, by turns; first numbers the others.
func timed(t *testing.T, c *clock, name string, n, first int, way func(address string) error) (known, unknown []time.Duration) {
	t.Helper()
	for i := range 2 * n {
		c.add(24 * time.Hour)
		address, list := "ada@example.org", &known
		if i%2 == 1 {
			address, list = fmt.Sprintf("n%d@example.org", first+i), &unknown
		}
		begin := time.Now()
		err := way(address)
		*list = append(*list, time.Since(begin))
		if kind := errs.KindOf(err); kind != errs.Invalid && kind != errs.TooMany {
			t.Fatalf("%s at %s = %v", name, address, err)
		}
		if errs.KindOf(err) == errs.TooMany && i < 80 {
			t.Fatalf("%s at %s: too many", name, address)
		}
	}
	return known, unknown
}

func median(list []time.Duration) time.Duration {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[len(list)/2]
}

// mannWhitney returns how probable it is that both lists are of one kind, by
// the normal approximation.
func mannWhitney(a, b []time.Duration) float64 {
	u := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				u++
			case x == y:
				u += 0.5
			}
		}
	}
	n, m := float64(len(a)), float64(len(b))
	z := (u - n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
	return math.Erfc(math.Abs(z) / math.Sqrt2)
}

func BenchmarkPassword(b *testing.B) {
	d := haletest.SQLite(b)
	c := newClock()
	s := newStore(d, c)
	a, err := s.Add(b.Context(), ada)
	if err != nil {
		b.Fatal(err)
	}
	e, err := s.Enter(b.Context(), s.Vouched(a), iphone)
	if err != nil {
		b.Fatal(err)
	}
	_, in, err := s.Actor(b.Context(), e.Token)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.SetPassword(b.Context(), in, good); err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			e, err := s.Password(b.Context(), iphone, ada.Email, good)
			if err == nil {
				_, err = s.Enter(b.Context(), e, iphone)
			}
			if err != nil && errs.KindOf(err) != errs.TooMany {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
}
