// Package snoop finds looks at records that nothing explains: at oneself, at
// the family, at a co-worker, at somebody well known, at somebody who does
// not come to the clinic.
//
// It accuses nobody. A finding says what was seen and why that is unusual;
// a person reviews it.
//
// Spec: 45 CFR 164.308(a)(1)(ii)(D) (review of activity), 164.312(b)
package snoop

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Sign is one thing that makes a look unusual.
type Sign string

// The signs.
const (
	Self       Sign = "self"       // the record is the person's own
	Household  Sign = "household"  // the same address or phone
	Surname    Sign = "surname"    // the same family name
	VIP        Sign = "vip"        // a record that is watched more closely
	Coworker   Sign = "coworker"   // the record of somebody who works here
	FormerTeam Sign = "former"     // was in the care team, and is no more
	Unrelated  Sign = "unrelated"  // no visit, message or task
	AfterHours Sign = "afterhours" // at night, or at a weekend
	Often      Sign = "often"      // many times in one day
	Volume     Sign = "volume"     // many more records than on other days
)

// Words says what a sign means, for the reviewer.
func (s Sign) Words() string {
	switch s {
	case Self:
		return "It is their own record."
	case Household:
		return "The patient has the same address or phone as they do."
	case Surname:
		return "The patient has the same family name."
	case VIP:
		return "The record is watched more closely, and no visit or care team explains the look."
	case Coworker:
		return "The patient works here, and no visit or care team explains the look."
	case FormerTeam:
		return "They were in this patient’s care team, and are no longer."
	case Unrelated:
		return "There was no visit within 30 days, no message, and no care team."
	case AfterHours:
		return "It was outside the clinic’s hours."
	case Often:
		return "They opened it many times that day."
	case Volume:
		return "They opened many more records than on their other days."
	}
	return string(s)
}

// Threshold is the score from which a look is a finding.
const Threshold = 50

// The weights. They add up, to 100 at most.
const (
	weighSelf       = 80
	weighHousehold  = 55
	weighRare       = 25 // a family name that few have
	weighCommon     = 10
	weighVIP        = 60
	weighCoworker   = 55
	weighFormer     = 30
	weighUnrelated  = 30
	weighAfterHours = 20
	weighOften      = 10
	weighVolume     = 60
)

const (
	often     = 12    // rows of the log for one patient on one day
	rareShare = 0.004 // of all patients, with the same family name
)

// Person is what is compared between somebody of the staff and a patient.
type Person struct {
	Patient   string // the record's id
	Family    string // folded
	Line, Zip string // folded
	Phones    []string
}

// Look is what somebody of the staff saw of one patient on one day.
type Look struct {
	Account, Patient string
	Rows             int
	First, Last      time.Time
}

// Facts are what explains a look, or makes it stranger.
type Facts struct {
	Staff   Person
	Patient Person
	Share   float64 // of patients with the family name

	VIP       bool
	WorksHere bool // the patient is somebody else of the staff
	Team      bool // in the care team, or emergency access, on that day
	Former    bool // was in the care team before
	Visit     bool // a visit within 3 days
	Related   bool // a visit within 30 days, or a message
}

// Finding is a look that nothing explains.
type Finding struct {
	ID, Account string
	Patient     string // empty: it is about a whole day
	Day         string // YYYY-MM-DD at the clinic
	Score       int
	Signs       []Sign
	Looks       int
	First, Last time.Time
	Found       time.Time
	Reviewed    time.Time
	Reviewer    string
	Verdict     string
	Note        string
}

// weigh scores a look; the hours are the clinic's. It is pure.
func weigh(l Look, f Facts, zone *time.Location) (score int, signs []Sign) {
	add := func(s Sign, weight int) {
		score += weight
		signs = append(signs, s)
	}
	explained := f.Team || f.Visit
	same := f.Staff.Patient != "" && f.Staff.Patient == f.Patient.Patient
	switch {
	case same:
		add(Self, weighSelf)
	case f.Staff.livesWith(f.Patient):
		add(Household, weighHousehold)
	case f.Staff.Family != "" && f.Staff.Family == f.Patient.Family:
		add(Surname, surnameWeight(f.Share))
	}
	if f.VIP && !explained {
		add(VIP, weighVIP)
	}
	if f.WorksHere && !same && !explained {
		add(Coworker, weighCoworker)
	}
	related := f.Team || f.Related
	if f.Former && !related {
		add(FormerTeam, weighFormer)
	}
	if !related {
		add(Unrelated, weighUnrelated)
	}
	if score == 0 {
		return 0, nil // what is explained may be read at night, and often
	}
	if late(l.First, zone) || late(l.Last, zone) {
		add(AfterHours, weighAfterHours)
	}
	if l.Rows >= often {
		add(Often, weighOften)
	}
	return min(score, 100), signs
}

func surnameWeight(share float64) int {
	if share <= rareShare {
		return weighRare
	}
	return weighCommon
}

// livesWith says whether two people share an address or a phone.
func (p Person) livesWith(o Person) bool {
	if p.Line != "" && p.Line == o.Line && p.Zip == o.Zip {
		return true
	}
	return slices.ContainsFunc(p.Phones, func(n string) bool { return n != "" && slices.Contains(o.Phones, n) })
}

// The hours in which a clinic is open or finishing its notes.
const (
	opens  = 6
	closes = 20
)

// late says whether t is outside the clinic's hours.
func late(t time.Time, zone *time.Location) bool {
	if t.IsZero() {
		return false
	}
	t = t.In(zone)
	if day := t.Weekday(); day == time.Saturday || day == time.Sunday {
		return true
	}
	return t.Hour() < opens || t.Hour() >= closes
}

// The bounds of what is unusual in a day's volume.
const (
	fewestDays    = 10
	fewestRecords = 40
	deviations    = 5
)

// unusual says whether opening n records stands out among the days before.
func unusual(n int, before []int) bool {
	if n < fewestRecords || len(before) < fewestDays {
		return false
	}
	var sum, squares float64
	for _, b := range before {
		sum += float64(b)
		squares += float64(b) * float64(b)
	}
	days := float64(len(before))
	mean := sum / days
	spread := math.Sqrt(max(squares/days-mean*mean, mean)) // a count varies by its root at least
	return float64(n) > mean+deviations*spread
}

// Why says in plain words why a finding is one.
func (f Finding) Why() string {
	words := make([]string, len(f.Signs))
	for i, s := range f.Signs {
		words[i] = s.Words()
	}
	if slices.Contains(f.Signs, Volume) {
		words = append(words, fmt.Sprintf("That day it was %d records.", f.Looks))
	}
	return strings.Join(words, " ")
}
