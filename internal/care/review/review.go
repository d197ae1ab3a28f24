// Package review holds who looked at results: the reports that they stand
// in, those that nobody has looked at yet, and what a clinician says about
// them.
//
// A look is a DiagnosticReport over the results with who interpreted them, so
// that other systems see it, too. What arrives older than Recent was looked at
// elsewhere or by nobody who is waited for.
//
// Spec: https://hl7.org/fhir/R4/diagnosticreport.html
package review

import (
	"strings"
	"time"

	"hale/internal/base/errs"
)

// Recent is how old a result may be when it arrives to be looked at here.
const Recent = 60 * 24 * time.Hour

// Panel is a report over results.
type Panel struct {
	ID       string
	Title    string
	Category string // HL7 table 0074: LAB, RAD …
	Status   string
	At       time.Time
	Reviewed bool   // somebody looked at it
	By       string // who; empty: the record has no name for them
	Looked   time.Time
	Remark   string
	Source   string
	Updated  time.Time
	Results  []string // ids of Observations, in the report's order
}

// State is what is known of who looked at one result.
type State struct {
	Looked  bool   // somebody did
	By      string // who; empty: the record has no name for them
	At      time.Time
	Remark  bool
	Waiting bool // nobody here has looked yet
	Panel   string
	Others  int // other results of that panel
}

// Wait is a result that nobody has looked at yet.
type Wait struct {
	Patient, Result string
	Outside         bool
	At              time.Time
	Name            string // as its sender calls it
}

// Look is what a clinician does with results.
type Look struct {
	Results []string // ids of Observations of one patient
	By      string   // the clinician's name
	Title   string   // what the results are called together
	Remark  string   // for the patient; may be empty

	Lang      string // of the remark, as BCP 47; empty: nobody said
	Translate string // the language into which it is translated; empty: none
}

// remarkMost is how long a remark may be.
const remarkMost = 4000

var (
	errNone = errs.New(errs.Invalid, "Please choose at least one result.")
	errMany = errs.New(errs.Invalid, "Please choose at most 50 results at once.")
	errLong = errs.New(errs.Invalid, "The comment is too long. Please use fewer words.")
	errGone = errs.New(errs.NotFound, "There is no such result, or it is not for you to see.")
	errDone = errs.New(errs.Conflict, "Somebody else has looked at these results in the meantime.")
)

// check tidies a look and refuses what cannot be kept.
func (l Look) check() (Look, error) {
	l.Remark = strings.TrimSpace(strings.ToValidUTF8(l.Remark, ""))
	switch {
	case len(l.Results) == 0:
		return l, errNone
	case len(l.Results) > 50:
		return l, errMany
	case len(l.Remark) > remarkMost:
		return l, errLong
	}
	return l, nil
}
