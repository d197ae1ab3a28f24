package account_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time      { return c.at }
func (c *clock) add(d time.Duration) { c.at = c.at.Add(d) }
func newClock() *clock               { return &clock{at: haletest.Noon} }
func newStore(d *db.DB, c *clock) *account.Store {
	return account.NewStore(d, haletest.IDs(), c.now, haletest.Key).WithDirectory(riverside)
}

// people is a directory of a few patients.
type people map[string]struct{ name, born, email, phone string }

var riverside = people{
	"ada": {name: "Ada Alvarez", born: "1961-04-27", email: "ada@example.org", phone: "+13125550142"},
	"bob": {name: "Bob Alvarez", born: "1958-01-02", email: "home@example.org", phone: "+13125550143"},
	"cyd": {name: "Cyd Alvarez", born: "1990-12-31", email: "home@example.org"},
	"tim": {name: "Tim Twin", born: "2001-05-05", email: "twins@example.org"},
	"tom": {name: "Tom Twin", born: "2001-05-05", email: "twins@example.org"},
}

func (p people) PatientsAt(_ context.Context, kind, value string) ([]string, error) {
	var list []string
	for id, one := range p {
		if kind == "email" && one.email == value || kind == "sms" && one.phone == value {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list, nil
}

func (p people) BornOn(_ context.Context, patient, date string) (bool, error) {
	return p[patient].born == date, nil
}

func (p people) Person(_ context.Context, patient string) (name, lang string, err error) {
	return p[patient].name, "es", nil
}

// enter begins a session that was strongly proved and returns its token.
func enter(t *testing.T, s *account.Store, id, agent string) (string, error) {
	t.Helper()
	in, err := s.Enter(t.Context(), s.Vouched(account.Account{ID: id}), account.Browser{Agent: agent})
	return in.Token, err
}

// strong returns such a session and its token.
func strong(t *testing.T, s *account.Store, id string) (account.Session, string) {
	t.Helper()
	token, err := enter(t, s, id, "")
	if err != nil {
		t.Fatal(err)
	}
	_, in, err := s.Actor(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return in, token
}

func add(t *testing.T, s *account.Store, a account.Account) account.Account {
	t.Helper()
	a, err := s.Add(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var nurse = account.Account{Kind: access.Staff, Name: "J. Okafor, RN", Roles: []access.Role{access.Nurse}, Email: "nurse@example.org"}

func TestStoreAdd(t *testing.T) {
	tests := []struct {
		name string
		in   account.Account
		ok   bool
	}{
		{name: "staff", in: nurse, ok: true},
		{name: "a patient", in: account.Account{Kind: access.Patient, Name: "Ada", Patient: "ada", Phone: "(312) 555-0142"}, ok: true},
		{name: "a caregiver without a record", in: account.Account{Kind: access.Proxy, Name: "Lu", Email: "Lu@Example.org"}, ok: true},
		{name: "a caregiver with one", in: account.Account{Kind: access.Proxy, Name: "Lu", Patient: "lu", Email: "lu2@example.org"}, ok: true},
		{name: "a patient without a record", in: account.Account{Kind: access.Patient, Name: "Ada"}},
		{name: "staff with a record", in: account.Account{Kind: access.Staff, Name: "Ada", Patient: "ada"}},
		{name: "nobody", in: account.Account{Kind: access.Staff, Name: " "}},
		{name: "a part of the system", in: account.Account{Kind: access.System, Name: "x"}},
		{name: "a phone where the email goes", in: account.Account{Kind: access.Staff, Name: "Ada", Email: "3125550142"}},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d, newClock())
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				a, err := s.Add(t.Context(), tt.in)
				if (err == nil) != tt.ok {
					t.Fatalf("Add = %v, want ok=%t", err, tt.ok)
				}
				if !tt.ok {
					return
				}
				got, err := s.Get(t.Context(), a.ID)
				if err != nil || got.Name != tt.in.Name || got.Patient != tt.in.Patient || !slices.Equal(got.Roles, tt.in.Roles) {
					t.Errorf("Get = %+v, %v", got, err)
				}
				for _, address := range []string{tt.in.Email, tt.in.Phone} {
					if address == "" {
						continue
					}
					if at, err := s.At(t.Context(), address); err != nil || len(at) != 1 || at[0].ID != a.ID {
						t.Errorf("At(%q) = %+v, %v, want the account", address, at, err)
					}
				}
			})
		}
	})
}

func TestStoreAddTwice(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d, newClock())
		ada := account.Account{Kind: access.Patient, Name: "Ada", Patient: "ada"}
		add(t, s, ada)
		if _, err := s.Add(t.Context(), ada); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Add of a second account for one record = %v, want conflict", err)
		}
	})
}

// What a caregiver may do ends when the grant does, on the next request.
func TestStoreGrant(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		s := newStore(d, c)
		lu := add(t, s, account.Account{Kind: access.Proxy, Name: "Lu", Email: "lu@example.org"})
		grant := access.Grant{Patient: "ada", Name: "Ada Alvarez", Rights: []access.Right{access.ReadRecord, access.BookVisits}, Categories: access.Categories}
		if err := s.Grant(t.Context(), lu.ID, grant, c.at.Add(10*time.Minute)); err != nil {
			t.Fatal(err)
		}
		token, err := enter(t, s, lu.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		actor := func() access.Actor {
			t.Helper()
			a, _, err := s.Actor(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		a := actor()
		if !a.May(access.BookVisits, "ada") || a.May(access.SendMessages, "ada") || a.May(access.ReadRecord, "bob") || a.Grants[0].Name != "Ada Alvarez" {
			t.Errorf("Actor = %+v, want the grant and nothing more", a)
		}
		c.add(10 * time.Minute)
		if a := actor(); a.May(access.ReadRecord, "ada") {
			t.Error("the grant outlived its end")
		}
		if err := s.Grant(t.Context(), lu.ID, grant, c.at.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if !actor().May(access.ReadRecord, "ada") {
			t.Error("the second grant did not take the place of the first")
		}
		if err := s.Ungrant(t.Context(), lu.ID, "ada"); err != nil {
			t.Fatal(err)
		}
		if actor().May(access.ReadRecord, "ada") {
			t.Error("the grant outlived Ungrant")
		}
	})
}

func TestStoreSession(t *testing.T) {
	tests := []struct {
		name  string
		who   account.Account
		steps []time.Duration // rests between uses
		ok    bool
	}{
		{name: "staff, just used", who: nurse, steps: []time.Duration{14 * time.Minute}, ok: true},
		{name: "staff, rested too long", who: nurse, steps: []time.Duration{15 * time.Minute}},
		{name: "a patient rests longer", who: account.Account{Kind: access.Patient, Name: "Ada", Patient: "ada"}, steps: []time.Duration{29 * time.Minute, 29 * time.Minute}, ok: true},
		{name: "a patient, rested too long", who: account.Account{Kind: access.Patient, Name: "Ada", Patient: "ada"}, steps: []time.Duration{30 * time.Minute}},
		{name: "staff, a whole shift", who: nurse, steps: slices.Repeat([]time.Duration{14 * time.Minute}, 52)}, // over 12 hours
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				c := newClock()
				s := newStore(d, c)
				who := add(t, s, tt.who)
				token, err := enter(t, s, who.ID, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Mobile Safari/604.1")
				if err != nil {
					t.Fatal(err)
				}
				var a access.Actor
				for _, rest := range tt.steps {
					c.add(rest)
					if a, _, err = s.Actor(t.Context(), token); err != nil {
						break
					}
				}
				if tt.ok && (err != nil || a.ID != who.ID || a.Kind != who.Kind || a.Patient != who.Patient) {
					t.Errorf("Actor = %+v, %v, want the person", a, err)
				}
				if !tt.ok && errs.KindOf(err) != errs.Unauthenticated {
					t.Errorf("Actor = %v, want nobody", err)
				}
			})
		})
	}
}

func TestStoreRevoke(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d, newClock())
		ada := add(t, s, account.Account{Kind: access.Patient, Name: "Ada", Patient: "ada"})
		bob := add(t, s, account.Account{Kind: access.Patient, Name: "Bob", Patient: "bob"})
		tokens := map[string]string{}
		for _, device := range []string{"phone", "laptop", "tablet"} {
			token, err := enter(t, s, ada.ID, device)
			if err != nil {
				t.Fatal(err)
			}
			tokens[device] = token
		}
		in := func(device string) bool {
			_, _, err := s.Actor(t.Context(), tokens[device])
			return err == nil
		}
		_, phone, err := s.Actor(t.Context(), tokens["phone"])
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Revoke(t.Context(), bob.ID, phone.ID); errs.KindOf(err) != errs.NotFound || !in("phone") {
			t.Errorf("Revoke of another's session = %v, want not found", err)
		}
		if list, err := s.Sessions(t.Context(), ada.ID); err != nil || len(list) != 3 {
			t.Errorf("Sessions = %d, %v, want 3", len(list), err)
		}
		if list, err := s.Sessions(t.Context(), bob.ID); err != nil || len(list) != 0 {
			t.Errorf("Sessions of another = %d, %v, want none", len(list), err)
		}
		if err := s.Revoke(t.Context(), ada.ID, phone.ID); err != nil || in("phone") || !in("laptop") {
			t.Errorf("Revoke = %v, want the phone signed out and the laptop not", err)
		}
		_, laptop, _ := s.Actor(t.Context(), tokens["laptop"])
		if err := s.RevokeOthers(t.Context(), ada.ID, laptop.ID); err != nil || in("tablet") || !in("laptop") {
			t.Errorf("RevokeOthers = %v, want only the laptop left", err)
		}
		if err := s.EndSession(t.Context(), tokens["laptop"]); err != nil || in("laptop") {
			t.Errorf("EndSession = %v, want nobody signed in", err)
		}
		token, err := enter(t, s, ada.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Disable(t.Context(), ada.ID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Actor(t.Context(), token); err == nil {
			t.Error("a disabled account is still signed in")
		}
		if _, err := enter(t, s, ada.ID, ""); err == nil {
			t.Error("a disabled account signed in")
		}
		if n := audited(t, d, ada.ID, account.Disabled, "granted"); n != 1 {
			t.Errorf("audit rows for shutting ada out = %d, want 1", n)
		}
	})
}

// The database holds no token that would open a session.
func TestStoreKeepsNoToken(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d, newClock())
		ada := add(t, s, account.Account{Kind: access.Patient, Name: "Ada", Patient: "ada"})
		token, err := enter(t, s, ada.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from account_session where token_hash = $1 or id = $1`, token)
		if err != nil || n != 0 || len(token) < 43 {
			t.Errorf("%d rows hold the token of %d characters, %v, want none and at least 43", n, len(token), err)
		}
	})
}

func TestDevice(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1", "Safari on iPhone"},
		{"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36", "Chrome on Android"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0", "Edge on Windows"},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox on Linux"},
		{"", "a browser"},
		{"<script>", "a browser"},
	}
	for _, tt := range tests {
		if got := account.Device(tt.in); got != tt.want {
			t.Errorf("Device(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
