package rulebook_test

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/reach/policy"
	"hale/internal/reach/rulebook"
	"hale/internal/store/db"
)

func base() policy.Settings {
	return policy.Settings{Matrix: policy.Defaults(), Caps: policy.DefaultCaps(), Clinic: "America/Chicago", Load: time.LoadLocation}
}

func TestStoreChange(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		at := haletest.Noon
		s := rulebook.NewStore(d, haletest.IDs(), func() time.Time { at = at.Add(time.Second); return at })
		staff := func(id string, roles ...access.Role) access.Pass {
			t.Helper()
			a := access.Actor{Kind: access.Staff, ID: id, Name: id, Roles: roles, Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}}
			p, err := haletest.Doors(d).CheckAll(t.Context(), a, access.SetRules)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		admin, privacy := staff("admin", access.Admin), staff("privacy", access.Privacy)
		now := func() *policy.Settings {
			t.Helper()
			got, err := rulebook.Settings(t.Context(), d, base())
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		change := func(k rulebook.Kind, name, value string) (rulebook.Change, error) {
			return s.Change(t.Context(), admin, base(), rulebook.Change{Kind: k, Name: name, Value: value, Why: "a test"})
		}
		c, err := change(rulebook.Cell, "email_verified/2", "notice")
		if err != nil || c.Loosens || now().Matrix[policy.EmailVerified][policy.S2] != policy.Notice {
			t.Fatalf("a stricter cell = %+v, %v; now %s", c, err, now().Matrix[policy.EmailVerified][policy.S2])
		}
		if base().Matrix[policy.EmailVerified][policy.S2] != policy.Full {
			t.Error("the rules that Hale comes with changed")
		}
		c, err = change(rulebook.Cell, "email_verified/2", "full")
		if err != nil || !c.Loosens || now().Matrix[policy.EmailVerified][policy.S2] != policy.Notice {
			t.Fatalf("a looser cell counts before a second person agreed: %+v, %v", c, err)
		}
		if err := s.Agree(t.Context(), admin, base(), c.ID); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("who asked agrees with herself: %v", err)
		}
		if err := s.Agree(t.Context(), privacy, base(), c.ID); err != nil || now().Matrix[policy.EmailVerified][policy.S2] != policy.Full {
			t.Errorf("a second person agreed: %v, now %s", err, now().Matrix[policy.EmailVerified][policy.S2])
		}
		if err := s.Agree(t.Context(), privacy, base(), c.ID); errs.KindOf(err) != errs.Conflict {
			t.Errorf("agreed twice: %v", err)
		}
		for _, bad := range [][3]string{{"cell", "email_plain/4", "full"}, {"cell", "email_plain/9", "none"}, {"cell", "smoke/1", "none"}, {"cap", "cap_all", "0 hard"}, {"cap", "cap_none", "1 hard"},
			{"holdout", "recall", "0.1"}, {"holdout", "security", "0.1"}, {"holdout", "care", "0.6"}, {"holdout", "care", "NaN"}, {"tls", "care", "maybe"}, {"stop", "care", "topic"}, {"opens", "x", "on"}} {
			if c, err := change(rulebook.Kind(bad[0]), bad[1], bad[2]); err == nil {
				t.Errorf("%v = %+v, want a refusal", bad, c)
			}
		}
		for _, good := range []struct {
			kind        rulebook.Kind
			name, value string
			loosens     bool
		}{
			{rulebook.Cap, "cap_all", "4 hard", false}, {rulebook.Cap, "cap_text_week", "5 hard", true}, {rulebook.TLS, "marketing", "exclusive", false}, {rulebook.TLS, "care", "opportunistic", true},
			{rulebook.Opens, "survey", "off", false}, {rulebook.Opens, "care", "on", true}, {rulebook.Holdout, "*", "0.05", true}, {rulebook.Stop, "*", "topic", true},
		} {
			c, err := change(good.kind, good.name, good.value)
			if err != nil || c.Loosens != good.loosens || c.Waits() != good.loosens {
				t.Errorf("%+v = %+v, %v", good, c, err)
				continue
			}
			if c.Loosens {
				if err := s.Agree(t.Context(), privacy, base(), c.ID); err != nil {
					t.Error(err)
				}
			}
			if got, err := rulebook.Now(now(), good.kind, good.name); err != nil || got != good.value {
				t.Errorf("Now(%s %s) = %s, %v, want %s", good.kind, good.name, got, err, good.value)
			}
		}
		last, err := change(rulebook.Cap, "cap_all", "9 hard")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.TurnDown(t.Context(), admin, last.ID); err != nil {
			t.Error(err)
		}
		if list, err := s.Waiting(t.Context(), admin); err != nil || len(list) != 0 {
			t.Errorf("Waiting = %+v, %v", list, err)
		}
		if list, err := s.History(t.Context(), admin); err != nil || len(list) != 11 {
			t.Errorf("History has %d rows, %v, want 11", len(list), err)
		}
		salt, err := rulebook.Salt(t.Context(), d, at)
		if again, _ := rulebook.Salt(t.Context(), d, at); err != nil || salt == "" || again != salt {
			t.Errorf("Salt = %q, then %q, %v", salt, again, err)
		}
	})
}
