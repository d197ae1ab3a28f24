package snoop

import (
	"slices"
	"testing"
	"time"
)

var chicago = func() *time.Location {
	z, err := time.LoadLocation("America/Chicago")
	if err != nil {
		panic(err)
	}
	return z
}()

// a Tuesday at ten in the morning
var morning = time.Date(2026, 3, 3, 10, 0, 0, 0, chicago)

func TestWeigh(t *testing.T) {
	nurse := Person{Patient: "own", Family: "okafor", Line: "12 elm st", Zip: "60546", Phones: []string{"+17085550101"}}
	night := time.Date(2026, 3, 3, 23, 0, 0, 0, chicago)
	tests := []struct {
		name  string
		at    time.Time
		rows  int
		facts Facts
		found bool
		signs []Sign
	}{
		{name: "a visit explains it", facts: Facts{Visit: true, Related: true}},
		{name: "a visit explains the night, too", at: night, facts: Facts{Visit: true, Related: true}},
		{name: "no visit is not enough by itself", facts: Facts{}, signs: []Sign{Unrelated}},
		{name: "no visit at night", at: night, facts: Facts{}, found: true, signs: []Sign{Unrelated, AfterHours}},
		{name: "own record", facts: Facts{Patient: Person{Patient: "own"}, Visit: true, Related: true}, found: true, signs: []Sign{Self}},
		{name: "own record in the care team", facts: Facts{Patient: Person{Patient: "own"}, Team: true}, found: true, signs: []Sign{Self}},
		{name: "same address", facts: Facts{Patient: Person{Line: "12 elm st", Zip: "60546"}, Visit: true, Related: true}, found: true, signs: []Sign{Household}},
		{name: "same street elsewhere", facts: Facts{Patient: Person{Line: "12 elm st", Zip: "10001"}, Visit: true, Related: true}},
		{name: "same phone", facts: Facts{Patient: Person{Phones: []string{"+17085550101"}}, Visit: true, Related: true}, found: true, signs: []Sign{Household}},
		{name: "rare name with a visit", facts: Facts{Patient: Person{Family: "okafor"}, Share: 0.001, Visit: true, Related: true}, signs: []Sign{Surname}},
		{name: "rare name without one", facts: Facts{Patient: Person{Family: "okafor"}, Share: 0.001}, found: true, signs: []Sign{Surname, Unrelated}},
		{name: "common name without one", facts: Facts{Patient: Person{Family: "okafor"}, Share: 0.02}, signs: []Sign{Surname, Unrelated}},
		{name: "watched", facts: Facts{VIP: true, Related: true}, found: true, signs: []Sign{VIP}},
		{name: "watched, in the care team", facts: Facts{VIP: true, Team: true}},
		{name: "watched, with a visit these days", facts: Facts{VIP: true, Visit: true, Related: true}},
		{name: "co-worker", facts: Facts{WorksHere: true, Related: true}, found: true, signs: []Sign{Coworker}},
		{name: "co-worker with a visit these days", facts: Facts{WorksHere: true, Visit: true, Related: true}},
		{name: "left the care team", facts: Facts{Former: true}, found: true, signs: []Sign{FormerTeam, Unrelated}},
		{name: "left the care team, and a message", facts: Facts{Former: true, Related: true}},
		{name: "many times without a visit", rows: often, facts: Facts{}, signs: []Sign{Unrelated, Often}},
		{name: "nobody knows the nurse", facts: Facts{Staff: Person{Patient: "-"}, Patient: Person{}}, signs: []Sign{Unrelated}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.facts.Staff.Patient == "" {
				tt.facts.Staff = nurse
			}
			at := tt.at
			if at.IsZero() {
				at = morning
			}
			score, signs := weigh(Look{Rows: max(tt.rows, 1), First: at, Last: at}, tt.facts, chicago)
			if (score >= Threshold) != tt.found || !slices.Equal(signs, tt.signs) {
				t.Errorf("weigh = %d %v, want found=%t %v", score, signs, tt.found, tt.signs)
			}
		})
	}
}

func TestLate(t *testing.T) {
	tests := map[string]struct {
		at   time.Time
		want bool
	}{
		"before six":   {time.Date(2026, 3, 3, 5, 59, 0, 0, chicago), true},
		"at six":       {time.Date(2026, 3, 3, 6, 0, 0, 0, chicago), false},
		"before eight": {time.Date(2026, 3, 3, 19, 59, 0, 0, chicago), false},
		"at eight":     {time.Date(2026, 3, 3, 20, 0, 0, 0, chicago), true},
		"Saturday":     {time.Date(2026, 3, 7, 10, 0, 0, 0, chicago), true},
	}
	for name, tt := range tests {
		if got := late(tt.at.UTC(), chicago); got != tt.want {
			t.Errorf("%s: late = %t, want %t", name, got, tt.want)
		}
	}
}

func TestUnusual(t *testing.T) {
	usual := []int{18, 20, 22, 19, 21, 20, 18, 22, 20, 20}
	if unusual(44, usual[:9]) {
		t.Error("unusual after nine days = true, want ten days to compare with")
	}
	if unusual(40, usual) {
		t.Error("unusual(40) = true among days of 20, want false: a full day happens")
	}
	if !unusual(60, usual) {
		t.Error("unusual(60) = false among days of 20, want true")
	}
	if unusual(39, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}) {
		t.Error("unusual(39) = true, want false: few records are few")
	}
}
