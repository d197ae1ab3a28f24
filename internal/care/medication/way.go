package medication

import "time"

// Way is what "I need more of this" becomes.
type Way string

// The ways.
const (
	Refill   Way = "refill"   // the pharmacy hands out more from the prescription that is there
	Renewal  Way = "renewal"  // somebody writes a new prescription
	Question Way = "question" // somebody has to think first
)

// Because is why it is that way.
type Because string

// The reasons.
const (
	Left       Because = "left"       // refills are left and the prescription is good
	NoneLeft   Because = "none-left"  // every refill was handed out
	Expired    Because = "expired"    // the prescription is too old
	NotSaid    Because = "not-said"   // the prescription does not say how many refills there are
	Stopped    Because = "stopped"    // it is no longer to be taken
	Held       Because = "on-hold"    // it is not to be taken for now
	Controlled Because = "controlled" // the law wants a closer look each time
	Elsewhere  Because = "elsewhere"  // nobody here prescribed it
	Unclear    Because = "unclear"    // the record does not say enough
)

// Valid is how long a prescription can be filled after it was written, where
// it does not say itself. It is the rule of most states for what is not
// controlled.
const Valid = 365 * 24 * time.Hour

// facts are what the way is decided by.
type facts struct {
	name       string
	status     string // of the request or the statement
	intent     string // of the request
	reported   bool
	controlled bool
	left       int       // refills left, -1: not said
	validUntil time.Time // zero: the record does not say when it was written
}

// way decides. What is in doubt becomes a question, and nobody is told that a
// refill is on its way which a pharmacy would refuse.
func (f facts) way(now time.Time) (Way, Because) {
	switch {
	case f.name == "":
		return Question, Unclear
	case f.reported:
		return Question, Elsewhere
	case f.status == "on-hold":
		return Question, Held
	case f.status == "stopped" || f.status == "cancelled" || f.status == "completed":
		return Question, Stopped
	case f.status != "active" || f.intent == "proposal" || f.intent == "plan":
		return Question, Unclear
	case f.controlled:
		return Question, Controlled
	case f.validUntil.IsZero() || f.left < 0:
		return Renewal, NotSaid
	case !now.Before(f.validUntil):
		return Renewal, Expired
	case f.left == 0:
		return Renewal, NoneLeft
	}
	return Refill, Left
}
