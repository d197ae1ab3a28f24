package access_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// found is a lookup that finds what it is told, or fails.
type found struct {
	facts access.Facts
	err   error
	asked int
}

func (f *found) Facts(context.Context, access.Actor, string) (access.Facts, error) {
	f.asked++
	return f.facts, f.err
}

func doorsOf(d *db.DB, f *found) *access.Doors {
	now := haletest.Clock(haletest.Noon)
	return access.NewDoors(audit.NewLog(d, haletest.IDs(), now), f, now)
}

var proved = access.Proof{Zone: access.AccountZone, At: haletest.Noon}

// holders are who may use each right, written a second time, by hand. s is
// the patient, p a proxy whose grant names everything, n, m, a, o the nurse,
// the marketer, the administrator and the privacy officer, i the interpreter, f
// somebody at the front desk, b somebody of the billing office;
// capitals are over the whole population.
var holders = map[access.Right]string{
	access.ReadRecord: "spn", access.ReadVisits: "spnf", access.BookVisits: "spnf", access.ReadMessages: "spn", access.ReadMessage: "spn",
	access.SendMessages: "spn", access.EditContacts: "spnf", access.ReadContacts: "spnfba", access.WriteRecord: "", access.ReadDecisions: "na",
	access.ReadLooks: "sao", access.ManageProxies: "sno", access.SeeProxies: "snao", access.EndProxies: "sno", access.AskPrivacy: "sp", access.ExportRecord: "sp", access.ManageSecurity: "s",
	access.ReleaseResults: "n", access.BreakGlass: "n", access.AskMedicines: "sp", access.SendReadings: "sp", access.PayBills: "spnb",
	access.FindPatients: "nNfFbBaAoO", access.RunOutreach: "nNmM", access.ReadMeasure: "nNmMaAoO", access.ManageUsers: "aA",
	access.SetRules: "aAoO", access.ReadAudit: "aAoO", access.AnswerPatients: "nN", access.AnswerPrivacy: "oO", access.ReviewAccess: "oO",
	access.AnswerVisits: "nNfF", access.AnswerBills: "nNbB", access.Translate: "nNiI",
}

// Every right × kind of actor × role × whose record: each as written in
// holders, and nobody else.
func TestEveryRight(t *testing.T) {
	t.Parallel()
	d := haletest.SQLite(t)
	doors := doorsOf(d, &found{facts: access.Facts{Born: "1960-01-01"}})
	all := access.Rights()
	if len(all) != len(holders) {
		t.Errorf("there are %d rights, the test knows %d", len(all), len(holders))
	}
	staff := func(r access.Role) access.Actor {
		return access.Actor{Kind: access.Staff, ID: string(r), Roles: []access.Role{r}, Proof: proved}
	}
	actors := map[rune]access.Actor{
		's': {Kind: access.Patient, ID: "s", Patient: "ada", Proof: proved},
		'p': {Kind: access.Proxy, ID: "p", Proof: proved, Grants: []access.Grant{{Patient: "ada", Rights: all, Categories: access.Categories}}},
		'n': staff(access.Nurse), 'm': staff(access.Marketer), 'a': staff(access.Admin), 'o': staff(access.Privacy), 'i': staff(access.Interpreter),
		'f': staff(access.FrontDesk), 'b': staff(access.Billing),
		'z': {Kind: access.Staff, ID: "none", Proof: proved}, 'x': {Kind: "robot", ID: "x", Patient: "ada", Rights: all, Proof: proved},
	}
	for _, right := range all {
		who, known := holders[right]
		if !known {
			t.Errorf("%s has no line in the test", right)
		}
		for name, a := range actors {
			_, err := doors.Check(t.Context(), a, right, "ada")
			if want := slices.Contains([]rune(who), name); (err == nil) != want {
				t.Errorf("%c with %s on ada = %v, want %t", name, right, err, want)
			}
			_, err = doors.CheckAll(t.Context(), a, right)
			if want := slices.Contains([]rune(who), name-'a'+'A'); (err == nil) != want {
				t.Errorf("%c with %s on everyone = %v, want %t", name, right, err, want)
			}
			if _, err = doors.Check(t.Context(), a, right, "ben"); (name == 's' || name == 'p' || name == 'x') && errs.KindOf(err) != errs.NotFound {
				t.Errorf("%c with %s on ben = %v, want as if there were nobody", name, right, err)
			}
		}
		for _, other := range all {
			link, part := access.LinkActor("l", "ada", other), access.SystemActor("part", other)
			if link.May(right, "ada") != (right == other) || link.May(right, "ben") || link.May(right, "") || part.May(right, "ada") != (right == other) {
				t.Errorf("a link or a part for %s may not only that, or not that: %s", other, right)
			}
		}
	}
}

// What each actor sees of each label.
func TestLabels(t *testing.T) {
	d := haletest.SQLite(t)
	const named = access.MentalHealth | access.PsychNotes | access.MinorConfidential
	child := access.Facts{Born: "2012-01-01"}
	grant := func(basis access.Basis) []access.Grant {
		return []access.Grant{{Patient: "ada", Rights: []access.Right{access.ReadRecord}, Categories: []access.Category{access.Results}, Labels: named, Basis: basis}}
	}
	nurse := access.Actor{Kind: access.Staff, ID: "n", Roles: []access.Role{access.Nurse}, Proof: proved}
	proxy := func(b access.Basis) access.Actor {
		return access.Actor{Kind: access.Proxy, ID: "p", Grants: grant(b), Proof: proved}
	}
	tests := []struct {
		name  string
		actor access.Actor
		facts access.Facts
		shown access.Label
		held  bool
	}{
		{"the patient", access.Actor{Kind: access.Patient, ID: "s", Patient: "ada", Proof: proved}, access.Facts{}, access.Every &^ access.PsychNotes, false},
		{"whom the patient asked", proxy(access.ByPatient), access.Facts{}, access.MentalHealth | access.MinorConfidential, false},
		{"a parent", proxy(access.AsParent), child, access.MentalHealth, false},
		{"a guardian", proxy(access.AsGuardian), child, access.MentalHealth | access.MinorConfidential, false},
		{"a nurse", nurse, access.Facts{}, access.Every &^ (access.Part2 | access.PsychNotes), true},
		{"a nurse of the programme", nurse, access.Facts{Treats: true, Programme: access.Part2}, access.Every &^ access.PsychNotes, true},
		{"a nurse in an emergency", nurse, access.Facts{VIP: true, Near: true, Emergency: haletest.Noon.Add(time.Minute)}, access.Every &^ access.PsychNotes, true},
		{"a nurse after it", nurse, access.Facts{Emergency: haletest.Noon}, access.Every &^ (access.Part2 | access.PsychNotes), true},
		{"a nurse who treats somebody known", nurse, access.Facts{VIP: true, Treats: true}, access.Every &^ (access.Part2 | access.PsychNotes), true},
		{"a link", access.LinkActor("l", "ada", access.ReadRecord), access.Facts{}, 0, false},
		{"outreach", access.SystemActor("reach", access.ReadRecord), access.Facts{}, access.Every &^ (access.Part2 | access.MinorConfidential | access.PsychNotes), false},
		{"the import", access.SystemActor("import", access.ReadRecord, access.WriteRecord), access.Facts{}, access.Every, true},
	}
	for _, tt := range tests {
		p, err := doorsOf(d, &found{facts: tt.facts}).Check(t.Context(), tt.actor, access.ReadRecord, "ada")
		if err != nil || access.Every&^p.Hidden() != tt.shown || p.SeesHeld() != tt.held {
			t.Errorf("%s sees %b, held %t, %v, want %b, %t", tt.name, access.Every&^p.Hidden(), p.SeesHeld(), err, tt.shown, tt.held)
		}
	}
	if (access.Pass{}).Hidden() != access.Every || (access.Pass{}).SeesHeld() || (access.Pass{}).Sees(access.Results) {
		t.Error("the zero pass shows something")
	}
	marketer := access.Actor{Kind: access.Staff, ID: "m", Roles: []access.Role{access.Marketer}, Proof: proved}
	if p, err := doorsOf(d, &found{}).CheckAll(t.Context(), marketer, access.RunOutreach); err != nil || p.Hidden() != access.Every {
		t.Errorf("a marketer's pass hides %b, %v, want everything that is labelled", p.Hidden(), err)
	}
}

// Records of the known, of colleagues and of one's own household need a
// reason, and the refusal says so; whom a court keeps out is told nothing.
func TestGuardedRecords(t *testing.T) {
	d := haletest.SQLite(t)
	nurse := access.Actor{Kind: access.Staff, ID: "n", Roles: []access.Role{access.Nurse}, Proof: proved}
	proxy := access.Actor{Kind: access.Proxy, ID: "p", Proof: proved, Grants: []access.Grant{{Patient: "ada", Rights: access.Rights(), Categories: access.Categories}}}
	tests := []struct {
		name   string
		actor  access.Actor
		right  access.Right
		facts  access.Facts
		reason bool // it asks for one
		ok     bool
	}{
		{"a known person's", nurse, access.ReadRecord, access.Facts{VIP: true}, true, false},
		{"a colleague's", nurse, access.ReadVisits, access.Facts{Near: true}, true, false},
		{"a colleague's, even on the team", nurse, access.ReadRecord, access.Facts{Near: true, Treats: true}, true, false},
		{"the way in", nurse, access.BreakGlass, access.Facts{VIP: true, Near: true}, false, true},
		{"the patient does not want this nurse", nurse, access.ReadRecord, access.Facts{Restricted: true}, false, false},
		{"a court order", proxy, access.ReadVisits, access.Facts{Blocked: true}, false, false},
		{"without it", proxy, access.ReadVisits, access.Facts{}, false, true},
	}
	for _, tt := range tests {
		_, err := doorsOf(d, &found{facts: tt.facts}).Check(t.Context(), tt.actor, tt.right, "ada")
		if (err == nil) != tt.ok || access.NeedsReason(err) != tt.reason {
			t.Errorf("%s: %v, reason %t", tt.name, err, access.NeedsReason(err))
		}
	}
}

// narrower takes everything away, or adds what it must not.
type narrower struct{ rights []access.Right }

func (n narrower) Narrow(g access.Grant, born, state string, at time.Time) access.Grant {
	g.Rights = n.rights
	return g
}

func TestParents(t *testing.T) {
	d := haletest.SQLite(t)
	g := access.Grant{Patient: "kid", Rights: []access.Right{access.ReadVisits}, Categories: access.Categories, Basis: access.AsParent}
	parent := access.Actor{Kind: access.Proxy, ID: "p", Grants: []access.Grant{g}, Proof: proved}
	for born, ok := range map[string]bool{
		haletest.Noon.AddDate(-17, 0, -300).Format(time.DateOnly): true, haletest.Noon.AddDate(-18, 0, 1).Format(time.DateOnly): true,
		haletest.Noon.AddDate(-18, 0, 0).Format(time.DateOnly): false, "1980": false, "": false, "nonsense": false,
	} {
		f := &found{facts: access.Facts{Born: born}}
		if _, err := doorsOf(d, f).Check(t.Context(), parent, access.ReadVisits, "kid"); (err == nil) != ok {
			t.Errorf("parent of one born %q = %v, want %t", born, err, ok)
		}
		if _, err := doorsOf(d, f).WithAgeRules(narrower{}).Check(t.Context(), parent, access.ReadVisits, "kid"); err == nil {
			t.Errorf("parent of one born %q under a rule that leaves nothing = nil, want an error", born)
		}
	}
}

// Permission that is taken away ends within Fresh, and at once on the node
// that took it.
func TestFresh(t *testing.T) {
	d := haletest.SQLite(t)
	f, now := &found{}, haletest.Noon
	doors := access.NewDoors(audit.NewLog(d, haletest.IDs(), haletest.Clock(now)), f, func() time.Time { return now })
	proxy := access.Actor{Kind: access.Proxy, ID: "p", Proof: proved, Grants: []access.Grant{{Patient: "ada", Rights: access.Rights(), Categories: access.Categories}}}
	try := func() bool {
		_, err := doors.Check(t.Context(), proxy, access.ReadVisits, "ada")
		return err == nil
	}
	if first, second := try(), try(); !first || !second || f.asked != 1 {
		t.Fatalf("asked %d times for two looks, want once", f.asked)
	}
	f.facts.Blocked = true
	now = now.Add(access.Fresh - time.Millisecond)
	before := try()
	now = now.Add(time.Millisecond)
	if after := try(); !before || after {
		t.Errorf("before Fresh %t, after %t, want true, false", before, after)
	}
	f.facts.Blocked = false
	doors.Forget()
	if !try() {
		t.Error("after Forget the old refusal still stands")
	}
}

// A lookup that fails opens nothing: not for staff, not for a proxy.
func TestLookupFails(t *testing.T) {
	d := haletest.SQLite(t)
	down := errors.New("down")
	for _, a := range []access.Actor{
		{Kind: access.Staff, ID: "n", Roles: []access.Role{access.Nurse}, Proof: proved},
		{Kind: access.Proxy, ID: "p", Proof: proved, Grants: []access.Grant{{Patient: "ada", Rights: access.Rights(), Categories: access.Categories}}},
	} {
		p, err := doorsOf(d, &found{err: down}).Check(t.Context(), a, access.ReadRecord, "ada")
		if !errors.Is(err, down) {
			t.Errorf("Check = %v, want what failed", err)
		}
		if _, err := p.Open(access.ReadRecord); err == nil {
			t.Error("the pass opens")
		}
	}
}

// Sensitive rights want a strong and fresh proof.
func TestZones(t *testing.T) {
	d := haletest.SQLite(t)
	tests := []struct {
		right access.Right
		zone  access.Zone
		age   time.Duration
		ok    bool
	}{
		{access.ReadRecord, access.PortalZone, 23 * time.Hour, true},
		{access.ReadRecord, access.LinkZone, 0, false},
		{access.ReadVisits, access.LinkZone, 0, true},
		{access.BookVisits, access.LinkZone, 24 * time.Hour, true},
		{access.ReadVisits, access.NoZone, 0, false},
		{access.ExportRecord, access.AccountZone, -time.Hour, false}, // a clock was set back
		{access.ManageProxies, access.AccountZone, -time.Hour, false},
		{access.ManageProxies, access.AccountZone, -time.Second, true},
		{access.ReadRecord, access.NoZone, 0, false},
		{access.ExportRecord, access.PortalZone, 0, false},
		{access.ExportRecord, access.AccountZone, access.StepUpAge, true},
		{access.ExportRecord, access.AccountZone, access.StepUpAge + 1, false},
		{access.ManageProxies, access.AccountZone, access.AccountAge, true},
		{access.ManageProxies, access.AccountZone, access.AccountAge + 1, false},
		{access.ManageProxies, access.StepUpZone, 0, false},
	}
	for _, tt := range tests {
		a := access.Actor{Kind: access.Patient, ID: "s", Patient: "ada", Proof: access.Proof{Zone: tt.zone, At: haletest.Noon.Add(-tt.age)}}
		_, err := doorsOf(d, &found{}).Check(t.Context(), a, tt.right, "ada")
		if (err == nil) != tt.ok || !tt.ok && errs.KindOf(err) != errs.StepUp {
			t.Errorf("%s in zone %d, %s old = %v, want %t", tt.right, tt.zone, tt.age, err, tt.ok)
		}
	}
}

// A smaller grant never shows more: for random pairs of grants.
func TestGrantsAreMonotone(t *testing.T) {
	d := haletest.SQLite(t)
	doors := doorsOf(d, &found{facts: access.Facts{Born: "2012-01-01"}})
	rng := rand.New(rand.NewPCG(1, 2))
	all := access.Rights()
	for range 2000 {
		big := access.Grant{Patient: "ada", Labels: access.Label(rng.Int64N(128)), Basis: access.AsParent}
		small := big
		small.Labels &= access.Label(rng.Int64N(128))
		for _, r := range all {
			if rng.IntN(2) == 0 {
				big.Rights = append(big.Rights, r)
				if rng.IntN(2) == 0 {
					small.Rights = append(small.Rights, r)
				}
			}
		}
		for _, c := range access.Categories {
			if rng.IntN(2) == 0 {
				big.Categories = append(big.Categories, c)
				if rng.IntN(2) == 0 {
					small.Categories = append(small.Categories, c)
				}
			}
		}
		right := all[rng.IntN(len(all))]
		check := func(g access.Grant) (access.Pass, error) {
			return doors.Check(t.Context(), access.Actor{Kind: access.Proxy, ID: "p", Grants: []access.Grant{g}, Proof: proved}, right, "ada")
		}
		more, errMore := check(big)
		less, errLess := check(small)
		if errLess == nil && (errMore != nil || more.Hidden()&^less.Hidden() != 0) {
			t.Fatalf("%+v opens what %+v does not", small, big)
		}
		for _, c := range access.Categories {
			if errLess == nil && less.Sees(c) && !more.Sees(c) {
				t.Fatalf("%+v shows %s, %+v does not", small, c, big)
			}
		}
	}
}
