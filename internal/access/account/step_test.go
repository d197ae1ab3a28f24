package account_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// told collects notices.
type told struct{ list []account.Notice }

func (n *told) Notify(_ context.Context, note account.Notice) error {
	n.list = append(n.list, note)
	return nil
}

// of returns the newest notice of a kind after a sweep.
func (n *told) of(t *testing.T, s *account.Store, kind account.NoticeKind) account.Notice {
	t.Helper()
	if _, err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, note := range slices.Backward(n.list) {
		if note.Kind == kind {
			return note
		}
	}
	t.Fatalf("no notice of %s among %d", kind, len(n.list))
	return account.Notice{}
}

func (n *told) has(kind account.NoticeKind) bool {
	return slices.ContainsFunc(n.list, func(note account.Notice) bool { return note.Kind == kind })
}

func session(t *testing.T, s *account.Store, token string) account.Session {
	t.Helper()
	_, in, err := s.Actor(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func digitsAt(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// invited makes a session by an invitation, as an administrator's first one.
func invited(t *testing.T, s *account.Store, id string) account.Entered {
	t.Helper()
	token, err := s.Invite(t.Context(), "console", id, account.InviteLife)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Invited(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Invited(t.Context(), token); errs.KindOf(err) != errs.Invalid {
		t.Errorf("an invitation used twice = %v, want invalid", err)
	}
	in, err := s.Enter(t.Context(), e, iphone)
	if err != nil || in.Zone != access.NoZone {
		t.Fatalf("Enter by invitation = zone %d, %v, want none before a passkey", in.Zone, err)
	}
	return in
}

// The first administrator comes in by a link from the console, once, makes a
// passkey or an app, and is in; a code to the mailbox opens nothing.
func TestStaffNeedTwoFactors(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		s := newStore(d, c)
		n := add(t, s, nurse)
		in := byCode(t, s, n.Email, account.Browser{})
		a, half, err := s.Actor(t.Context(), in.Token)
		if err != nil || in.Zone != access.NoZone || a.May(access.ReadRecord, "ada") || len(a.Roles) > 0 {
			t.Errorf("a nurse by code alone = %+v, %v, want nothing open", a, err)
		}
		if needs, err := s.Needs(t.Context(), half); err != nil || len(needs.Give) > 0 || !slices.Contains(needs.Enrol, account.PasskeyFactor) {
			t.Errorf("Needs = %+v, %v, want a passkey to make", needs, err)
		}
		first := invited(t, s, n.ID)
		app, err := s.NewTOTP(t.Context(), session(t, s, first.Token), "Riverside")
		if err != nil || !strings.HasPrefix(app.URL, "otpauth://totp/") {
			t.Fatalf("NewTOTP = %+v, %v", app, err)
		}
		if _, err := s.ConfirmTOTP(t.Context(), session(t, s, first.Token), first.Token, iphone, "000000"); errs.KindOf(err) != errs.Invalid {
			t.Errorf("ConfirmTOTP with other digits = %v, want invalid", err)
		}
		done, err := s.ConfirmTOTP(t.Context(), session(t, s, first.Token), first.Token, iphone, digitsAt(t, app.Secret, c.at))
		if err != nil || done.Zone != access.AccountZone || done.Token == first.Token {
			t.Fatalf("ConfirmTOTP = %+v, %v, want in, under a new token", done, err)
		}
		if _, _, err := s.Actor(t.Context(), first.Token); err == nil {
			t.Error("the token before is still good")
		}

		in = byCode(t, s, n.Email, account.Browser{})
		half = session(t, s, in.Token)
		if _, err := s.StepTOTP(t.Context(), half, iphone, digitsAt(t, app.Secret, c.at)); errs.KindOf(err) != errs.Invalid {
			t.Errorf("digits used before = %v, want invalid", err)
		}
		for _, off := range []time.Duration{-90 * time.Second, 90 * time.Second} {
			if _, err := s.StepTOTP(t.Context(), half, iphone, digitsAt(t, app.Secret, c.at.Add(off))); errs.KindOf(err) != errs.Invalid {
				t.Errorf("digits of %v = %v, want invalid", off, err)
			}
		}
		e, err := s.StepTOTP(t.Context(), half, iphone, digitsAt(t, app.Secret, c.at.Add(30*time.Second)))
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.StepUp(t.Context(), in.Token, e, iphone)
		if err != nil || out.Zone != access.AccountZone {
			t.Errorf("a code and the digits = %+v, %v, want in", out, err)
		}
	})
}

// Where the clinic asks for it an administrator needs a passkey, whatever
// else there is.
func TestAdminsNeedPasskeys(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		s := newStore(d, c).WithRules(account.Rules{AdminPasskey: true})
		p := newPasskeys(t, s)
		boss := add(t, s, account.Account{Kind: access.Staff, Name: "R. Lind", Roles: []access.Role{access.Admin}, Email: "admin@example.org"})
		first := invited(t, s, boss.ID)
		in := session(t, s, first.Token)
		if needs, err := s.Needs(t.Context(), in); err != nil || slices.Contains(needs.Enrol, account.TOTPFactor) {
			t.Errorf("Needs = %+v, %v, want no app", needs, err)
		}
		app, err := s.NewTOTP(t.Context(), in, "Riverside")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.ConfirmTOTP(t.Context(), in, first.Token, iphone, digitsAt(t, app.Secret, c.at)); err != nil || got.Zone != access.NoZone {
			t.Errorf("an administrator with an app = %+v, %v, want not in", got, err)
		}
		options, ceremony, err := p.BeginPasskey(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		key := newAuthenticator(t)
		got, err := p.FinishPasskey(t.Context(), in, first.Token, ceremony, iphone, key.create(t, options))
		if err != nil || got.Zone != access.AccountZone {
			t.Errorf("an administrator with a passkey = %+v, %v, want in", got, err)
		}
	})
}

// A proof is fresh for a while; a passkey makes it fresh again, under another
// token, and what could take the account over asks for it.
func TestStepUp(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		s := newStore(d, c)
		p := newPasskeys(t, s)
		a, key := add(t, s, ada), newAuthenticator(t)
		if err := register(t, s, p, a.ID, key); err != nil {
			t.Fatal(err)
		}
		e, err := login(t, p, key)
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.Enter(t.Context(), e, iphone)
		if err != nil || out.Zone != access.AccountZone {
			t.Fatalf("Enter = %+v, %v", out, err)
		}
		if _, err := s.MakeSheet(t.Context(), session(t, s, out.Token)); err != nil {
			t.Errorf("MakeSheet at once = %v", err)
		}
		c.add(access.AccountAge + time.Second)
		in := session(t, s, out.Token)
		changes := map[string]error{}
		_, changes["sheet"] = s.MakeSheet(t.Context(), in)
		changes["password"] = s.SetPassword(t.Context(), in, good)
		_, changes["app"] = s.NewTOTP(t.Context(), in, "Riverside")
		_, _, changes["passkey"] = p.BeginPasskey(t.Context(), in)
		changes["remove"] = s.RemovePasskey(t.Context(), in, b64(key.id))
		_, _, changes["move"] = s.BeginMove(t.Context(), in, "new@example.org")
		for what, err := range changes {
			if errs.KindOf(err) != errs.StepUp {
				t.Errorf("%s after %v = %v, want a fresh proof", what, access.AccountAge, err)
			}
		}
		options, ceremony, err := p.BeginStepUp(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		e, err = p.FinishStepUp(t.Context(), in, ceremony, key.get(t, options))
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.StepUp(t.Context(), out.Token, e, iphone)
		if err != nil || again.Token == out.Token {
			t.Fatalf("StepUp = %+v, %v", again, err)
		}
		if _, err := s.MakeSheet(t.Context(), session(t, s, again.Token)); err != nil {
			t.Errorf("MakeSheet after a fresh proof = %v", err)
		}
		if _, _, err := s.Actor(t.Context(), out.Token); err == nil {
			t.Error("the token before is still good")
		}
		if _, err := s.StepUp(t.Context(), out.Token, e, iphone); err == nil {
			t.Error("the token before can be proved again")
		}
	})
}

// The sheet is good once, as typed or scanned, makes way for a new passkey,
// and for three days nothing takes the account over; a click takes it back.
func TestSheet(t *testing.T) {
	for _, back := range []bool{false, true} {
		haletest.EachDB(t, func(t *testing.T, d *db.DB) {
			c, n := newClock(), &told{}
			s := newStore(d, c).WithNotices(n)
			p := newPasskeys(t, s)
			a := add(t, s, ada)
			in, _ := strong(t, s, a.ID)
			sheet, err := s.MakeSheet(t.Context(), in)
			if err != nil || len(sheet.Groups) != 6 {
				t.Fatalf("MakeSheet = %+v, %v", sheet, err)
			}
			typed := strings.ToUpper(strings.Join(sheet.Groups, " - "))
			if back {
				typed = sheet.QR
			}
			wrong := strings.Replace(typed, typed[:3], "abs", 1)
			if _, err := s.Sheet(t.Context(), wrong); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Sheet(%q) = %v, want invalid", wrong, err)
			}
			c.add(time.Hour)
			e, err := s.Sheet(t.Context(), typed)
			if err != nil || e.ID != a.ID {
				t.Fatalf("Sheet(%q) = %v, want ada", typed, err)
			}
			if _, err := s.Sheet(t.Context(), typed); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Sheet twice = %v, want invalid", err)
			}
			half, err := s.Enter(t.Context(), e, iphone)
			if err != nil || half.Zone != access.NoZone {
				t.Fatalf("Enter = %+v, %v, want a passkey first", half, err)
			}
			note := n.of(t, s, account.RecoveryBegun)
			key := newAuthenticator(t)
			options, ceremony, err := p.BeginPasskey(t.Context(), session(t, s, half.Token))
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.FinishPasskey(t.Context(), session(t, s, half.Token), half.Token, ceremony, iphone, key.create(t, options))
			if err != nil {
				t.Fatal(err)
			}
			in = session(t, s, got.Token)
			if _, err := s.MakeSheet(t.Context(), in); in.Zone != access.StepUpZone || err == nil {
				t.Errorf("on hold zone %d, MakeSheet = %v, want no taking over", in.Zone, err)
			}
			if back {
				if _, err := s.Cancel(t.Context(), note.Cancel); err != nil {
					t.Fatal(err)
				}
				if _, _, err := s.Actor(t.Context(), got.Token); err == nil {
					t.Error("the session outlived the cancelling")
				}
				if _, err := login(t, p, key); err == nil {
					t.Error("the passkey outlived the cancelling")
				}
				if _, err := s.Cancel(t.Context(), note.Cancel); errs.KindOf(err) != errs.NotFound {
					t.Errorf("Cancel twice = %v, want not found", err)
				}
				return
			}
			c.add(73 * time.Hour)
			e, err = login(t, p, key)
			if err != nil {
				t.Fatal(err)
			}
			if got, err = s.Enter(t.Context(), e, iphone); err != nil || got.Zone != access.AccountZone || session(t, s, got.Token).Zone != access.AccountZone {
				t.Errorf("after the hold = %+v, %v, want all open", got, err)
			}
		})
	}
}

func staffPass(t *testing.T, d *db.DB, id string) access.Pass {
	t.Helper()
	doors := haletest.Doors(d)
	a := access.Actor{Kind: access.Staff, ID: id, Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}}
	pass, err := doors.CheckAll(t.Context(), a, access.AnswerPatients)
	if err != nil {
		t.Fatal(err)
	}
	return pass
}

// Help in person: a code for a quarter of an hour, two members of staff for
// those who are watched more closely, and the owner is told.
func TestAssist(t *testing.T) {
	for _, watched := range []bool{false, true} {
		haletest.EachDB(t, func(t *testing.T, d *db.DB) {
			c, n := newClock(), &told{}
			s := newStore(d, c).WithNotices(n).WithWatched(func(context.Context, string) (bool, error) { return watched, nil })
			a := add(t, s, ada)
			one, two := staffPass(t, d, "n1"), staffPass(t, d, "n2")
			if _, err := s.Assist(t.Context(), one, a.ID, "", "lost her phone"); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Assist without an ID = %v, want invalid", err)
			}
			h, err := s.Assist(t.Context(), one, a.ID, "driver’s license", "lost her phone")
			if err != nil || (h.Code == "") != watched {
				t.Fatalf("Assist = %+v, %v, want a code: %t", h, err, !watched)
			}
			if watched {
				if _, err := s.ApproveAssist(t.Context(), one, h.ID); errs.KindOf(err) != errs.Conflict {
					t.Errorf("one person twice = %v, want a conflict", err)
				}
				if h, err = s.ApproveAssist(t.Context(), two, h.ID); err != nil || h.Code == "" {
					t.Fatalf("ApproveAssist = %+v, %v", h, err)
				}
				if _, err := s.ApproveAssist(t.Context(), two, h.ID); errs.KindOf(err) != errs.NotFound {
					t.Errorf("ApproveAssist twice = %v, want not found", err)
				}
			}
			late, err := s.Assist(t.Context(), one, a.ID, "passport", "again")
			if err != nil {
				t.Fatal(err)
			}
			e, err := s.Assisted(t.Context(), strings.ToLower(strings.ReplaceAll(h.Code, "-", " ")))
			if err != nil || e.ID != a.ID {
				t.Fatalf("Assisted = %v, want ada", err)
			}
			if _, err := s.Assisted(t.Context(), h.Code); err == nil {
				t.Error("the code worked twice")
			}
			n.of(t, s, account.RecoveryBegun)
			in, err := s.Enter(t.Context(), e, iphone)
			if err != nil || in.Zone != access.NoZone {
				t.Fatalf("Enter = %+v, %v", in, err)
			}
			out, err := s.Skip(t.Context(), session(t, s, in.Token), in.Token, iphone)
			if err != nil || out.Zone != access.PortalZone {
				t.Errorf("Skip = %+v, %v, want the portal", out, err)
			}
			if got := byCode(t, s, a.Phone, account.Browser{Device: out.Device}); got.Zone != access.PortalZone {
				t.Errorf("a code on the device that staff saw = zone %d, want the portal", got.Zone)
			}
			c.add(account.AssistLife)
			if _, err := s.Assisted(t.Context(), late.Code); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Assisted too late = %v, want invalid", err)
			}
		})
	}
}
