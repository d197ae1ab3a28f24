// Package emergency opens one record for one hour to somebody who could not
// open it otherwise, and makes sure that it is looked at afterwards.
//
// Each opening says why, is told to the privacy officers at once, stays on
// every page while it lasts, and must be reviewed within a day.
//
// Spec: 45 CFR 164.312(a)(2)(ii) (emergency access procedure),
// ONC § 170.315(d)(6)
package emergency

import (
	"slices"
	"time"

	"hale/internal/base/errs"
)

// The bounds.
const (
	Lasts    = time.Hour
	ReviewIn = 24 * time.Hour
	shortest = 10 // letters of a reason
	longest  = 500
)

// Code is a sort of reason.
type Code struct{ ID, Words string }

// Codes are the sorts of reasons.
func Codes() []Code {
	return []Code{
		{"life", "Life or limb is in danger"},
		{"unable", "The patient cannot speak for themselves"},
		{"cover", "I cover for somebody who cannot be reached"},
		{"transfer", "Another hospital or ambulance asks right now"},
		{"other", "Something else"},
	}
}

// Words returns what a code says.
func Words(code string) string {
	all := Codes()
	i := slices.IndexFunc(all, func(c Code) bool { return c.ID == code })
	if i < 0 {
		return ""
	}
	return all[i].Words
}

// Verdict is what a review found.
type Verdict string

// The verdicts.
const (
	Unreviewed  Verdict = ""
	Appropriate Verdict = "appropriate"
	Not         Verdict = "not"
)

// Opening is one emergency access.
type Opening struct {
	ID, Account, Patient string
	Code, Reason         string
	At, Until, Closed    time.Time // Closed is zero until it is ended early
	Reviewed             time.Time
	Reviewer             string
	Verdict              Verdict
	Note                 string
}

// Open says whether it lasts at now.
func (o Opening) Open(now time.Time) bool { return o.Closed.IsZero() && o.Until.After(now) }

// Due is when it must have been reviewed.
func (o Opening) Due() time.Time { return o.At.Add(ReviewIn) }

// Overdue says whether nobody reviewed it in time.
func (o Opening) Overdue(now time.Time) bool {
	return o.Reviewed.IsZero() && now.After(o.Due())
}

// The refusals.
var (
	errCode     = errs.New(errs.Invalid, "Please choose what has happened.")
	errReason   = errs.New(errs.Invalid, "Please say in a sentence why you need this record now. The patient can read that you opened it.")
	errVerdict  = errs.New(errs.Invalid, "Please choose whether the access was appropriate.")
	errNote     = errs.New(errs.Invalid, "Please write a few words on what you found.")
	errOwn      = errs.New(errs.Conflict, "Somebody else must review your own access.")
	errReviewed = errs.New(errs.Conflict, "Somebody else has reviewed this in the meantime.")
	errNotOpen  = errs.New(errs.NotFound, "This emergency access is over.")
)
