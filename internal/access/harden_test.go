package access_test

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
)

// What a code on a strange device opens: one's own visits, without any that
// is labelled or waits, and of nobody else's anything.
func TestCodeAloneOpensLittle(t *testing.T) {
	d := haletest.SQLite(t)
	low := access.Proof{Zone: access.LinkZone, At: haletest.Noon}
	self := access.Actor{Kind: access.Patient, ID: "s", Patient: "ada", Proof: low}
	open := map[access.Right]bool{access.ReadVisits: true, access.BookVisits: true}
	for _, right := range access.Rights() {
		p, err := doorsOf(d, &found{}).Check(t.Context(), self, right, "ada")
		if (err == nil) != open[right] {
			t.Errorf("%s by a code alone = %v, want %t", right, err, open[right])
		}
		if err == nil && (p.Hidden() != access.Every || p.SeesHeld() || p.Sees(access.Results) || p.Sees(access.Messages) || !p.Sees(access.Visits)) {
			t.Errorf("%s by a code alone hides %b of %b", right, p.Hidden(), access.Every)
		}
		if self.May(right, "ada") != open[right] {
			t.Errorf("May(%s) by a code alone = %t, want %t: pages lead nowhere", right, !open[right], open[right])
		}
	}
	grant := access.Grant{Patient: "ben", Rights: access.Rights(), Categories: access.Categories, Labels: access.Every}
	for _, a := range []access.Actor{
		{Kind: access.Proxy, ID: "p", Patient: "ada", Grants: []access.Grant{grant}, Proof: low},
		{Kind: access.Staff, ID: "n", Roles: []access.Role{access.Nurse}, Proof: low},
	} {
		if _, err := doorsOf(d, &found{}).Check(t.Context(), a, access.ReadVisits, "ben"); errs.KindOf(err) != errs.StepUp {
			t.Errorf("%s at somebody else's visits by a code alone = %v, want to be asked for more", a.Kind, err)
		}
		if a.May(access.ReadVisits, "ben") {
			t.Errorf("%s: pages lead to somebody else's visits", a.Kind)
		}
	}
}

// Records of a programme under 42 CFR Part 2 are shown to their own patient
// and to whom the patient named after a fresh proof alone; without one the
// pass says so.
func TestPart2WantsAProof(t *testing.T) {
	d := haletest.SQLite(t)
	grant := access.Grant{Patient: "ada", Rights: access.Rights(), Categories: access.Categories, Labels: access.Part2 | access.HIV}
	none := access.Grant{Patient: "ada", Rights: access.Rights(), Categories: access.Categories, Labels: access.HIV}
	tests := []struct {
		name  string
		a     access.Actor
		zone  access.Zone
		age   time.Duration
		sees  bool
		asked bool
	}{
		{"fresh", access.Actor{Kind: access.Patient, Patient: "ada"}, access.AccountZone, time.Minute, true, false},
		{"at the border", access.Actor{Kind: access.Patient, Patient: "ada"}, access.StepUpZone, access.StepUpAge, true, false},
		{"stale", access.Actor{Kind: access.Patient, Patient: "ada"}, access.AccountZone, access.StepUpAge + 1, false, true},
		{"from the future", access.Actor{Kind: access.Patient, Patient: "ada"}, access.AccountZone, -time.Hour, false, true},
		{"portal", access.Actor{Kind: access.Patient, Patient: "ada"}, access.PortalZone, 0, false, true},
		{"helper, fresh", access.Actor{Kind: access.Proxy, Grants: []access.Grant{grant}}, access.StepUpZone, 0, true, false},
		{"helper, stale", access.Actor{Kind: access.Proxy, Grants: []access.Grant{grant}}, access.PortalZone, 0, false, true},
		{"helper without it", access.Actor{Kind: access.Proxy, Grants: []access.Grant{none}}, access.PortalZone, 0, false, false},
	}
	for _, tt := range tests {
		tt.a.ID, tt.a.Proof = "a", access.Proof{Zone: tt.zone, At: haletest.Noon.Add(-tt.age)}
		p, err := doorsOf(d, &found{}).Check(t.Context(), tt.a, access.ReadRecord, "ada")
		if err != nil || (p.Hidden()&access.Part2 == 0) != tt.sees || p.NeedsProof() != tt.asked || p.Hidden()&access.HIV != 0 {
			t.Errorf("%s: hides %b, asked %t, %v, want to see %t, asked %t", tt.name, p.Hidden(), p.NeedsProof(), err, tt.sees, tt.asked)
		}
	}
}

// Birthdays around leap days: months and days count, not days of the year.
func TestAge(t *testing.T) {
	tests := []struct {
		born, at string
		want     int
	}{
		{"2007-03-01", "2024-02-29", 16}, {"2007-03-01", "2024-03-01", 17}, {"2007-03-01", "2025-02-28", 17},
		{"2008-02-29", "2026-02-28", 17}, {"2008-02-29", "2026-03-01", 18}, {"2008-12-31", "2026-12-30", 17}, {"2008-12-31", "2026-12-31", 18},
		{"2007-12-31", "2024-12-30", 16}, {"2008", "2026-01-01", 18}, {"2008-05", "2026-04-30", 17}, {"", "2026-01-01", access.Adult}, {"2008-13", "2026-01-01", access.Adult},
	}
	for _, tt := range tests {
		at, err := time.Parse(time.DateOnly, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := access.Age(tt.born, at); got != tt.want {
			t.Errorf("Age(%s, %s) = %d, want %d", tt.born, tt.at, got, tt.want)
		}
	}
	for day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2009; day = day.AddDate(0, 0, 1) {
		born := day.Format(time.DateOnly)
		if before := access.Age(born, time.Date(day.Year()+17, day.Month(), day.Day()-1, 0, 0, 0, 0, time.UTC)); before != 16 {
			t.Fatalf("born %s, the day before the 17th birthday: %d, want 16", born, before)
		}
	}
}
