// Package call is the list of people whom the staff should call: a step of an
// outreach by voice, a call that a patient asked for, and those whom no
// message reached.
//
// A call is never lost: what there is to call is read from the messages
// themselves, again and again, and a row here is the work on it. What comes of
// a call goes into the same ledger as every other try.
package call

import (
	"slices"
	"time"

	"hale/internal/base/errs"
	"hale/internal/reach"
)

// Kind is why somebody should be called.
type Kind string

// The kinds.
const (
	Message   Kind = "message"   // the step of an outreach
	Asked     Kind = "asked"     // they asked to be called
	Unreached Kind = "unreached" // no channel is left, and nothing arrived
)

// The states of a call.
const (
	Open   = "open"
	Done   = "done"     // somebody was reached, or nobody ever will be there
	GaveUp = "given_up" // tried often enough
	Ended  = "ended"    // not needed any more
)

// Entry is one call to make, or made.
type Entry struct {
	ID        string
	Kind      Kind
	Message   string
	Patient   string
	Outreach  string
	Name      string // of the outreach
	Purpose   string
	NotBefore time.Time
	Expires   time.Time
	Tries     int
	State     string
	Outcome   string
	TakenBy   string    // the account that has it open
	TakenTill time.Time // until then
	Created   time.Time
	Closed    time.Time
}

// Try is one time that somebody dialled.
type Try struct {
	N       int
	Outcome reach.Called
	Note    string
	By      string
	At      time.Time
	Next    time.Time
}

// Result is what a caller says of a try.
type Result struct {
	Outcome reach.Called
	Number  string    // that was dialled
	Note    string    // for whoever calls next
	At      time.Time // of Later: when the person wants to be called
}

// Outcomes returns what a caller can say, the best first.
func Outcomes() []reach.Called {
	return []reach.Called{reach.Told, reach.Later, reach.LeftVoice, reach.NoAnswer, reach.OtherPerson, reach.OutOfService, reach.NoMoreCalls}
}

const (
	mostTries  = 4
	mostVoice  = 2 // of these, messages left
	takenFor   = 10 * time.Minute
	mostNote   = 1000 // characters
	askedLife  = 14 * 24 * time.Hour
	longestPut = 30 * 24 * time.Hour // how far ahead a person may be put off
)

var (
	errOutcome = errs.New(errs.Invalid, "Please say what came of the call.")
	errNote    = errs.New(errs.Invalid, "The note is too long. 1,000 characters are enough for whoever calls next.")
	errWhen    = errs.New(errs.Invalid, "Please say when to call again: a time to come, within 30 days.")
	errClosed  = errs.New(errs.Conflict, "This call is closed already.")
	errTaken   = errs.New(errs.Conflict, "A colleague has this call open. Please look again in a few minutes.")
)

// check says what is wrong with a result at now.
func (r Result) check(now time.Time) error {
	switch {
	case !slices.Contains(Outcomes(), r.Outcome):
		return errOutcome
	case len([]rune(r.Note)) > mostNote:
		return errNote
	case r.Outcome == reach.Later && (!r.At.After(now) || r.At.After(now.Add(longestPut))):
		return errWhen
	}
	return nil
}

// next says when to dial again after the n-th try with this outcome, of which
// left messages were left; the zero time: not again. A second try is made at
// another hour of the day, for who works mornings is at home in the evening.
func next(r Result, n, left int, now time.Time) time.Time {
	switch r.Outcome {
	case reach.Later:
		return r.At
	case reach.LeftVoice:
		if left < mostVoice && n < mostTries {
			return now.Add(24 * time.Hour)
		}
	case reach.NoAnswer:
		if n < mostTries {
			return now.Add([...]time.Duration{3 * time.Hour, 21 * time.Hour, 45 * time.Hour}[min(n, mostTries-1)-1])
		}
	}
	return time.Time{}
}
