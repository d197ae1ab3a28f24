package account_test

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// What one node ends, ends on the other with the next request.
func TestTwoNodes(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		one, two := newStore(d, c), newStore(d, c)
		n := add(t, one, nurse)
		in := func() string {
			t.Helper()
			token, err := enter(t, one, n.ID, "")
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := two.Actor(t.Context(), token); err != nil {
				t.Fatalf("the other node = %v, want the nurse", err)
			}
			return token
		}
		ends := map[string]func(string) error{
			"signing out": func(token string) error { return one.EndSession(t.Context(), token) },
			"revoking":    func(token string) error { return one.Revoke(t.Context(), n.ID, session(t, one, token).ID) },
			"revoking all": func(string) error {
				return one.RevokeAll(t.Context(), n.ID)
			},
			"signing everybody out": func(string) error { return one.RevokeEverybody(t.Context(), "boss") },
		}
		for name, end := range ends {
			token := in()
			if err := end(token); err != nil {
				t.Fatal(err)
			}
			if _, _, err := two.Actor(t.Context(), token); errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("the other node after %s = %v, want nobody", name, err)
			}
		}
		token := in()
		if err := one.Disable(t.Context(), n.ID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := two.Actor(t.Context(), token); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("the other node after disabling = %v, want nobody", err)
		}
		if err := one.Enable(t.Context(), n.ID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := two.Actor(t.Context(), token); err == nil {
			t.Error("enabling brought the session back")
		}
		in()
	})
}

// A session that rests is locked and opens again to a proof; one on a trusted
// device for ninety days, to a strong proof alone.
func TestLocked(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		s := newStore(d, c)
		p := newPasskeys(t, s)
		a, key := withPassword(t, s), newAuthenticator(t)
		if err := register(t, s, p, a.ID, key); err != nil {
			t.Fatal(err)
		}
		for _, trust := range []bool{false, true} {
			e, err := login(t, p, key)
			if err != nil {
				t.Fatal(err)
			}
			b := iphone
			b.Trust = trust
			out, err := s.Enter(t.Context(), e, b)
			if err != nil {
				t.Fatal(err)
			}
			c.add(account.PatientIdle)
			if _, _, err := s.Actor(t.Context(), out.Token); err != account.ErrLocked {
				t.Fatalf("Actor of a session that rests = %v, want locked", err)
			}
			in, who, err := s.Locked(t.Context(), out.Token)
			if err != nil || who.ID != a.ID {
				t.Fatalf("Locked = %+v, %v, want ada's", who, err)
			}
			e, err = s.StepPassword(t.Context(), in, b, good, "")
			if err != nil {
				t.Fatal(err)
			}
			opened, err := s.StepUp(t.Context(), out.Token, e, b)
			if (err == nil) == trust {
				t.Errorf("trusted=%t: a password opens the lock = %v", trust, err)
			}
			if err == nil {
				out = opened
			}
			if trust {
				c.add(account.TrustLife - 2*account.PatientIdle)
				if in, _, err = s.Locked(t.Context(), out.Token); err != nil {
					t.Fatalf("Locked after 90 days = %v", err)
				}
				options, ceremony, err := p.BeginStepUp(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				if e, err = p.FinishStepUp(t.Context(), in, ceremony, key.get(t, options)); err != nil {
					t.Fatal(err)
				}
				if _, err := s.StepUp(t.Context(), out.Token, e, b); err != nil {
					t.Errorf("a passkey opens the lock = %v", err)
				}
				c.add(account.PatientIdle)
			} else {
				c.add(account.PatientLife)
			}
			if _, _, err := s.Locked(t.Context(), out.Token); err == nil {
				t.Errorf("trusted=%t: the session outlived its life", trust)
			}
		}
	})
}

// A shared workstation locks sooner and never counts as known.
func TestShared(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		s := newStore(d, c)
		n := add(t, s, nurse)
		out, err := s.Enter(t.Context(), s.Vouched(n), account.Browser{Shared: true, Trust: true})
		if err != nil {
			t.Fatal(err)
		}
		c.add(account.SharedIdle - time.Second)
		if _, _, err := s.Actor(t.Context(), out.Token); err != nil {
			t.Errorf("Actor in time = %v", err)
		}
		c.add(account.SharedIdle)
		if _, _, err := s.Actor(t.Context(), out.Token); err != account.ErrLocked {
			t.Errorf("Actor after %v = %v, want locked", account.SharedIdle, err)
		}
		list, err := s.Devices(t.Context(), n.ID)
		if err != nil || len(list) != 1 || list[0].Trusted {
			t.Errorf("Devices = %+v, %v, want one that is not trusted", list, err)
		}
	})
}

// The owner is told of a new device, a changed credential, and a second
// factor that somebody did not give.
func TestNotices(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c, n := newClock(), &told{}
		s := newStore(d, c).WithNotices(n)
		a := add(t, s, nurse)
		byCode(t, s, a.Email, iphone)
		if note := n.of(t, s, account.NewDevice); note.Account.ID != a.ID || note.What != "Safari on iPhone" || note.Cancel == "" {
			t.Errorf("notice = %+v, want the new device and a way back", note)
		}
		if n.has(account.SecondUnfinished) {
			t.Error("told of the second factor at once")
		}
		c.add(account.UnfinishedAfter)
		n.of(t, s, account.SecondUnfinished)
		before := len(n.list)
		if _, err := s.Sweep(t.Context()); err != nil || len(n.list) != before {
			t.Errorf("told again: %d notices, %v, want %d", len(n.list), err, before)
		}
		in, _ := strong(t, s, a.ID)
		if err := s.SetPassword(t.Context(), in, good); err != nil {
			t.Fatal(err)
		}
		n.of(t, s, account.CredentialAdded)
		if err := s.SetPassword(t.Context(), in, good+" more"); err != nil {
			t.Fatal(err)
		}
		n.of(t, s, account.CredentialChanged)
		if err := s.RemovePassword(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		n.of(t, s, account.CredentialRemoved)
		for action, want := range map[string]int{account.PasswordSet: 2, account.PasswordGone: 1} {
			if got := audited(t, d, a.ID, action, "granted"); got != want {
				t.Errorf("audit rows %s = %d, want %d", action, got, want)
			}
		}
	})
}

// A new address comes into force days later; until then both addresses are
// told, the old one is good, and either can take it back.
func TestMove(t *testing.T) {
	for _, back := range []bool{false, true} {
		haletest.EachDB(t, func(t *testing.T, d *db.DB) {
			c, n := newClock(), &told{}
			s := newStore(d, c).WithNotices(n)
			a := add(t, s, ada)
			in, _ := strong(t, s, a.ID)
			id, send, err := s.BeginMove(t.Context(), in, "New@Example.org")
			if err != nil || send.To != "new@example.org" {
				t.Fatalf("BeginMove = %+v, %v", send, err)
			}
			if _, err := s.FinishMove(t.Context(), in, id, other(send.Code)); errs.KindOf(err) != errs.Invalid {
				t.Errorf("FinishMove with a wrong code = %v, want invalid", err)
			}
			m, err := s.FinishMove(t.Context(), in, id, send.Code)
			if err != nil || !m.Due.Equal(c.at.Add(72*time.Hour)) {
				t.Fatalf("FinishMove = %+v, %v", m, err)
			}
			note := n.of(t, s, account.AddressMoving)
			if len(note.Also) != 1 || note.Also[0].Value != "new@example.org" || note.Account.Email != ada.Email {
				t.Errorf("notice = %+v, want it at both addresses", note)
			}
			if got := session(t, s, byCode(t, s, ada.Email, account.Browser{}).Token); got.Account != a.ID {
				t.Errorf("a code at the old address = %+v", got)
			}
			if back {
				if _, err := s.Cancel(t.Context(), note.Cancel); err != nil {
					t.Fatal(err)
				}
			}
			c.add(72 * time.Hour)
			if _, err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, err := s.Get(t.Context(), a.ID)
			if want := map[bool]string{true: ada.Email, false: "new@example.org"}[back]; err != nil || got.Email != want {
				t.Errorf("back=%t: the address = %q, %v, want %q", back, got.Email, err, want)
			}
			if !back {
				n.of(t, s, account.AddressMoved)
			}
		})
	}
}

// A second code, to the other address, opens the portal on a strange device;
// one to the same address does not.
func TestSecondCode(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d, newClock())
		a := add(t, s, ada)
		byCode(t, s, a.Email, account.Browser{})
		in := byCode(t, s, a.Phone, account.Browser{})
		if in.Zone != access.LinkZone {
			t.Fatalf("a code on a strange device = zone %d, want the low one", in.Zone)
		}
		half := session(t, s, in.Token)
		challenge, send, err := s.SecondCode(t.Context(), half)
		if err != nil || send.To != a.Email {
			t.Fatalf("SecondCode = %+v, %v, want it to the mailbox", send, err)
		}
		same, code := start(t, s, a.Phone)
		if _, err := s.StepCode(t.Context(), half, same, code); err == nil {
			t.Error("two codes to one address count as two")
		}
		e, err := s.StepCode(t.Context(), half, challenge, send.Code)
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.StepUp(t.Context(), in.Token, e, iphone)
		if err != nil || out.Zone != access.PortalZone {
			t.Errorf("both codes = %+v, %v, want the portal", out, err)
		}
	})
}
