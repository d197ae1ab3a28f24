// Package recap says what came of a visit, from the Encounter and what hangs
// on it: why, what was found and done, which medicines changed, what was
// ordered, and what to do next. Of a stay in hospital it makes the plan for
// the time after it.
//
// A plan is a CarePlan about the encounter whose activities say by a code of
// System what they are: red flags, whom to call, follow-ups, things to do.
//
// Spec: https://hl7.org/fhir/R4/encounter.html, careplan.html
package recap

import (
	"strings"
	"time"

	"hale/internal/base/errs"
)

// System is the code system of what the activities of a plan are.
const System = "https://hale.example/fhir/discharge-plan"

// The codes of System.
const (
	RedFlag  = "red-flag"
	CallWho  = "call"
	FollowUp = "follow-up"
	ToDo     = "to-do"
)

// Recap is what came of one visit.
type Recap struct {
	Encounter string // Encounter.id
	Inpatient bool
	Start     time.Time
	End       time.Time
	With      string
	Where     string
	Why       []string
	Found     []string // conditions that were noted
	Done      []string // procedures
	Measured  []Value
	Notes     []Note
	Medicines []Medicine
	Orders    []string
	Plan      Plan
	Updated   time.Time // when anything of it changed last
}

// Value is one thing that was measured.
type Value struct{ Name, Value, ID string }

// Note is a document or report of the visit; ID is a DocumentReference's.
type Note struct{ ID, Title string }

// Change is what became of a medicine.
type Change string

// The changes.
const (
	New     Change = "new"
	Changed Change = "changed"
	Stopped Change = "stopped"
	Same    Change = "same"
)

// Medicine is one medicine as the visit left it.
type Medicine struct {
	ID     string
	Name   string
	How    string // how to take it, in words
	Was    string // of a change: how it was taken before
	Why    string // of a stop: the reason
	Change Change
}

// Plan is what to do after it.
type Plan struct {
	Flags  []string // signs to get help at once
	Calls  []string // whom to call for what
	Follow []Follow
	Items  []Item
}

// Follow is a visit that should follow.
type Follow struct {
	Text    string
	Service string // that can be booked here; may be empty
	Done    bool
	Key     string
}

// Item is one thing to do.
type Item struct {
	Key  string // CarePlan.id and the place in it
	Text string
	Done bool
}

// Empty says whether there is nothing to tell.
func (r Recap) Empty() bool {
	return len(r.Why)+len(r.Found)+len(r.Done)+len(r.Measured)+len(r.Notes)+len(r.Medicines)+len(r.Orders) == 0 && r.Plan.Empty()
}

// Empty says whether there is no plan.
func (p Plan) Empty() bool { return len(p.Flags)+len(p.Calls)+len(p.Follow)+len(p.Items) == 0 }

// Of are the medicines with one change.
func (r Recap) Of(c Change) []Medicine {
	var list []Medicine
	for _, m := range r.Medicines {
		if m.Change == c {
			list = append(list, m)
		}
	}
	return list
}

var (
	errNone = errs.New(errs.NotFound, "There is no summary of this visit.")
	errTick = errs.New(errs.Invalid, "We could not note that. Please load the page again.")
)

// alike says whether two names are of one medicine: the same first word, the
// substance, where no code says more.
func alike(a, b string) bool {
	first := func(s string) string {
		f := strings.Fields(strings.ToLower(s))
		if len(f) == 0 {
			return ""
		}
		return strings.Trim(f[0], ",.")
	}
	return first(a) != "" && first(a) == first(b)
}
