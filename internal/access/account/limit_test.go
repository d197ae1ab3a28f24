package account_test

import (
	"fmt"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

const good = "seven wet lamps sing loudly"

var ada = account.Account{Kind: access.Patient, Name: "Ada Alvarez", Patient: "ada", Email: "ada@example.org", Phone: "+13125550142"}

// withPassword adds a patient who has a proved password.
func withPassword(t *testing.T, s *account.Store) account.Account {
	t.Helper()
	a := add(t, s, ada)
	in, _ := strong(t, s, a.ID)
	if err := s.SetPassword(t.Context(), in, good, "Riverside Clinic"); err != nil {
		t.Fatal(err)
	}
	return a
}

// Thousands of tries in thirty days come to few that count, and none of them
// keeps the owner out: a passkey and a known device work at any time.
func TestPasswordTries(t *testing.T) {
	d := haletest.SQLite(t)
	c := newClock()
	s := newStore(d, c)
	p := newPasskeys(t, s)
	a := withPassword(t, s)
	phone := newAuthenticator(t)
	if err := register(t, s, p, a.ID, phone); err != nil {
		t.Fatal(err)
	}
	e, err := login(t, p, phone)
	if err != nil {
		t.Fatal(err)
	}
	home, err := s.Enter(t.Context(), e, iphone)
	if err != nil {
		t.Fatal(err)
	}
	thief := account.From(t.Context(), "203.0.113.9:1234")
	counted, tries := 0, 2_000
	if deep() {
		tries = 10_000
	}
	for i := range tries {
		c.add(30 * 24 * time.Hour / time.Duration(tries))
		switch _, err := s.Password(thief, account.Browser{}, "ada@example.org", fmt.Sprintf("wrong guess %d", i)); errs.KindOf(err) {
		case errs.Invalid:
			counted++
		case errs.TooMany:
		default:
			t.Fatalf("Password = %v", err)
		}
	}
	if counted < 5 || counted > 100 {
		t.Errorf("%d of %d tries in 30 days counted, want at most 100", counted, tries)
	}
	if e, err := login(t, p, phone); err != nil || e.ID != a.ID {
		t.Errorf("a passkey under attack = %+v, %v, want the owner in", e.Account, err)
	}
	if _, err := s.Password(t.Context(), account.Browser{}, "ada@example.org", good); errs.KindOf(err) != errs.TooMany {
		t.Errorf("the right password on a strange device under attack = %v, want that it waits", err)
	}
	if e, err := s.Password(t.Context(), account.Browser{Device: home.Device}, "ada@example.org", good); err != nil || e.ID != a.ID {
		t.Errorf("the right password on a known device under attack = %v, want the owner in", err)
	}
}

// The first tries are fast, then each waits longer; a restart forgives none.
func TestPasswordWaits(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		s := newStore(d, c)
		withPassword(t, s)
		try := func() errs.Kind {
			s = newStore(d, c) // each on a node that has just begun
			_, err := s.Password(t.Context(), account.Browser{}, "ada@example.org", "not it")
			return errs.KindOf(err)
		}
		for i := range 5 {
			if got := try(); got != errs.Invalid {
				t.Fatalf("try %d = kind %d, want wrong", i, got)
			}
		}
		for _, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute} {
			c.add(wait - time.Second)
			if got := try(); got != errs.TooMany {
				t.Errorf("a try a second before %v = kind %d, want that it waits", wait, got)
			}
			c.add(time.Second)
			if got := try(); got != errs.Invalid {
				t.Errorf("a try after %v = kind %d, want wrong", wait, got)
			}
		}
	})
}

// One network gets sixty tries a minute whatever the accounts are; the
// devices that accounts know are let through.
func TestNetworkTries(t *testing.T) {
	for _, remote := range [][2]string{{"203.0.113.9:1", "203.0.113.9:9"}, {"[2001:db8:0:1::5]:1", "[2001:db8:0:1:ffff::7]:1"}} {
		t.Run(remote[0], func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				c := newClock()
				s := newStore(d, c)
				let := 0
				for i := range 80 {
					from := account.From(t.Context(), remote[i%2])
					if _, err := s.Sheet(from, fmt.Sprintf("guess %d", i)); errs.KindOf(err) == errs.Invalid {
						let++
					}
				}
				if let != 60 {
					t.Errorf("%d of 80 tries in one second were looked at, want 60", let)
				}
				if _, err := s.Sheet(account.From(t.Context(), "198.51.100.7:1"), "x"); errs.KindOf(err) != errs.Invalid {
					t.Errorf("a try from elsewhere = %v, want it looked at", err)
				}
			})
		})
	}
}

// While the whole site is tried at, each network gets few tries.
func TestSiteUnderAttack(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		s := newStore(d, c)
		for i := range 650 { // from many networks
			_, _ = s.Sheet(account.From(t.Context(), fmt.Sprintf("198.51.%d.%d:1", i/200, i%200)), "x")
		}
		let := 0
		for range 60 {
			if _, err := s.Sheet(account.From(t.Context(), "203.0.113.9:1"), "x"); errs.KindOf(err) == errs.Invalid {
				let++
			}
		}
		if let != 5 {
			t.Errorf("%d of 60 tries were looked at under attack, want 5", let)
		}
		c.add(10 * time.Minute)
		let = 0
		for range 60 {
			if _, err := s.Sheet(account.From(t.Context(), "203.0.113.9:1"), "x"); errs.KindOf(err) == errs.Invalid {
				let++
			}
		}
		if let != 60 {
			t.Errorf("%d of 60 tries were looked at after the attack, want all", let)
		}
	})
}

// No more than two passwords are hashed at a time, and fifty wait; who comes
// then is sent away at once.
func TestPasswordGate(t *testing.T) {
	d := haletest.SQLite(t)
	s := newStore(d, newClock())
	kinds := make(chan errs.Kind, 120)
	for i := range 120 {
		go func() {
			_, err := s.Password(t.Context(), account.Browser{}, fmt.Sprintf("p%d@example.org", i), "x")
			kinds <- errs.KindOf(err)
		}()
	}
	count := map[errs.Kind]int{}
	for range 120 {
		count[<-kinds]++
	}
	if count[errs.Invalid]+count[errs.TooMany] != 120 || count[errs.Invalid] < 52 {
		t.Errorf("120 at once = %v, want at least 52 looked at and the others sent away", count)
	}
}
