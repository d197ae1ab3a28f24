// Package background holds what stands behind a patient's care: devices and
// implants, the health of the family, insurance, the care team, goals, care
// plans, and tests that were ordered.
//
// What was entered by mistake is not shown. An order waits until it has a
// result that is final and that its reader may see.
//
// Spec: https://hl7.org/fhir/R4/device.html, familymemberhistory.html,
// coverage.html, careteam.html, goal.html, careplan.html, servicerequest.html
package background

import (
	"time"

	"hale/internal/access"
)

// Kind sorts entries.
type Kind string

// The kinds.
const (
	Device    Kind = "device"
	Family    Kind = "family"
	Insurance Kind = "insurance"
	Team      Kind = "team"
	Goal      Kind = "goal"
	Plan      Kind = "plan"
	Order     Kind = "order" // a test that was asked for
)

// Kinds are all of them.
var Kinds = []Kind{Device, Family, Insurance, Team, Goal, Plan, Order}

// about says of which FHIR type a kind is, and which part of the record.
var about = map[Kind]struct {
	typ  string
	part access.Category
}{
	Device: {"Device", access.Conditions}, Family: {"FamilyMemberHistory", access.Conditions}, Insurance: {"Coverage", access.Bills},
	Team: {"CareTeam", access.Documents}, Goal: {"Goal", access.Conditions}, Plan: {"CarePlan", access.Documents}, Order: {"ServiceRequest", access.Results},
}

// Type returns the FHIR type of a kind.
func (k Kind) Type() string { return about[k].typ }

// Part returns the part of the record that a kind is in.
func (k Kind) Part() access.Category { return about[k].part }

// Entry is one of them.
type Entry struct {
	ID      string
	Kind    Kind
	Code    string
	Name    string // as the record calls it
	Status  string
	At      time.Time // put in, begun, asked for
	Ended   time.Time // order: by when a result is expected
	Person  string    // who asked for it, or who pays
	Detail  Detail
	Source  string
	Updated time.Time
}

// Ref names the entry's resource.
func (e Entry) Ref() string { return e.Kind.Type() + "/" + e.ID }

// Over says whether an entry is a thing of the past.
func (e Entry) Over(now time.Time) bool {
	if e.Kind == Family { // its completed says that all was asked, and not that it is past
		return false
	}
	switch e.Status {
	case "inactive", "cancelled", "completed", "rejected", "revoked":
		return true
	}
	return e.Kind != Order && e.Kind != Goal && !e.Ended.IsZero() && e.Ended.Before(now)
}

// Detail is what only one kind has.
type Detail struct {
	// Device.
	UDI    string `json:",omitempty"` // the number that people can read, else the one that is scanned
	Maker  string `json:",omitempty"`
	Model  string `json:",omitempty"`
	Lot    string `json:",omitempty"`
	Serial string `json:",omitempty"`
	Expiry string `json:",omitempty"` // YYYY-MM-DD

	// Family.
	Relation string    `json:",omitempty"` // code: FTH, MTH …
	Died     bool      `json:",omitempty"`
	Ailments []Ailment `json:",omitempty"`

	// Insurance.
	Member   string `json:",omitempty"`
	Group    string `json:",omitempty"`
	Holder   string `json:",omitempty"`
	Position int    `json:",omitempty"` // 1 is asked to pay first

	// Team.
	Members []Member `json:",omitempty"`
	Phone   string   `json:",omitempty"`

	// Goal.
	Said    string   `json:",omitempty"`
	Due     string   `json:",omitempty"` // YYYY-MM-DD
	Reached string   `json:",omitempty"` // achievement code
	Low     *float64 `json:",omitempty"`
	High    *float64 `json:",omitempty"`
	Unit    string   `json:",omitempty"`

	// Plan.
	Steps []Step `json:",omitempty"`
}

// Ailment is what somebody of the family had.
type Ailment struct {
	Code string `json:",omitempty"`
	Name string
	Age  int `json:",omitempty"` // when it began; 0: not said
}

// Member is somebody of a care team.
type Member struct {
	Who   string // a name; Type/id where the table of clinicians has none yet
	Role  string `json:",omitempty"` // as the record calls it
	Code  string `json:",omitempty"`
	Phone string `json:",omitempty"`
}

// Step is one thing to do by a care plan.
type Step struct {
	Text   string
	Status string `json:",omitempty"`
}

// Count is how many there are of one kind, and when the record last changed
// one.
type Count struct {
	N       int
	Updated time.Time
}
