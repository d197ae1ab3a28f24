// Package policy decides what may go to whom, by which channel, when, and
// says why.
//
// Decide is a pure function of the facts it is given and the time. Hard and
// legal gates come first, then the draw, then the channels: so who is held
// out never depends on who can be reached.
//
// Spec: 45 CFR 164.508 (authorisation), 47 CFR 64.1200 (calls and texts)
package policy

import "time"

// Channel is a way to reach a person.
type Channel string

// The channels.
const (
	Email Channel = "email"
	SMS   Channel = "sms"
	Inbox Channel = "inbox"  // the portal's own
	Voice Channel = "voice"  // somebody of the staff calls
	Post  Channel = "letter" // on paper, printed and mailed by the staff
)

// Class is how much a text gives away about a person.
type Class int

// The classes of sensitivity.
const (
	S0 Class = iota // public: the clinic is closed on Monday
	S1              // contact: is a patient here, has a visit
	S2              // care: a refill, a bill, a reminder of care that is due
	S3              // results and diagnoses
	S4              // specially protected: substance use, mental health, HIV, reproduction
)

// InDoubt says what to do with a message that may or may not have gone out.
type InDoubt string

// The two answers.
const (
	PreferDuplicate InDoubt = "prefer_duplicate" // send again: better twice than never
	PreferMiss      InDoubt = "prefer_miss"      // give up: better never than twice
)

// Basis is what permits a message: the law's reason, in its own words.
type Basis string

// The bases.
const (
	Treatment     Basis = "treatment"     // 45 CFR 164.506(c): care of this patient, no authorisation
	Payment       Basis = "payment"       // 45 CFR 164.506(c)
	Operations    Basis = "operations"    // 45 CFR 164.501: the clinic's own quality and business
	Authorization Basis = "authorization" // 45 CFR 164.508(a)(3): marketing, signed for
	VitalInterest Basis = "emergency"     // 45 CFR 164.510(b), 47 CFR 64.1200(a)(1): life and safety
	OwnAccount    Basis = "account"       // what the person asked of their own account
)

// Words says what b is, with its source.
func (b Basis) Words() string {
	switch b {
	case Treatment:
		return "treatment of this patient (45 CFR 164.506(c))"
	case Payment:
		return "payment for care (45 CFR 164.506(c))"
	case Operations:
		return "the clinic's own operations (45 CFR 164.501)"
	case Authorization:
		return "a signed permission (45 CFR 164.508(a)(3))"
	case VitalInterest:
		return "an emergency (45 CFR 164.510(b))"
	}
	return "an account the person keeps"
}

// Purpose is why somebody is written to. Law and manners hang on it.
type Purpose struct {
	Key           string
	Name          string
	Words         string // for the trail: "a care reminder"
	Class         string // what the law's rows call it
	Basis         Basis
	Sensitivity   Class   // what its content is taken to be at least
	Holdout       bool    // people may be held out to measure the effect
	HoldoutShare  float64 // proposed, as a share
	Authorization bool    // needs a signed authorisation (marketing)
	TLS           TLSMode // of its e-mails; zero is TLSForced
	Least         Level   // the full text goes over no worse a connection; zero: as the matrix says
	Caps          string  // which caps count it: care, marketing, or "" for none
	MustReach     bool    // somebody calls, or a letter goes, where no channel is left; passes soft caps
	Opens         bool    // its mails may carry the image that tells of an opening
	Digest        bool    // may wait for a daily message
	Fixed         bool    // nobody can stop the whole topic, only a channel
	AnyHour       bool    // may arrive at night
	InDoubt       InDoubt
	NextAfter     time.Duration // unseen for so long: the next channel
	Keep          int           // days after which the words are destroyed; 0: never
}

const day = 24 * time.Hour

// How long words are kept, in days, where the clinic says nothing else.
const (
	claims = 4 * 365  // in which a person may sue over a text or a call, 28 U.S.C. 1658(a)
	decade = 10 * 365 // as long as most states have records of care kept
)

// ConfirmAfter is after how many days a number has to be proven anew, where
// the clinic says nothing else: numbers that were given up go to somebody
// else (47 CFR 64.1200(l)).
const ConfirmAfter = 2 * 365

// purposes is every purpose, as the desk lists them.
var purposes = [...]Purpose{
	{Key: "care", Name: "Care reminder", Words: "a care reminder", Class: "care", Basis: Treatment, Sensitivity: S2, Holdout: true, Caps: "care", Digest: true, InDoubt: PreferDuplicate, NextAfter: 2 * day, Keep: decade},
	{Key: "appointment", Name: "Appointment", Words: "about a visit", Class: "appointment", Basis: Treatment, Sensitivity: S1, Holdout: true, Caps: "care", InDoubt: PreferDuplicate, NextAfter: 4 * time.Hour, Keep: claims},
	{Key: "refill", Name: "Refill", Words: "about a refill", Class: "refill", Basis: Treatment, Sensitivity: S2, Holdout: true, Caps: "care", Digest: true, InDoubt: PreferDuplicate, NextAfter: day, Keep: decade},
	{Key: "clinical_result", Name: "Test result", Words: "about a result", Class: "clinical_result", Basis: Treatment, Sensitivity: S3, Caps: "care", MustReach: true, InDoubt: PreferDuplicate, NextAfter: day, Keep: decade},
	{Key: "billing", Name: "Bill", Words: "about a bill", Class: "billing", Basis: Payment, Sensitivity: S2, Holdout: true, Caps: "care", Digest: true, InDoubt: PreferDuplicate, NextAfter: 3 * day, Keep: decade},
	{Key: "admin", Name: "Office", Words: "about the office", Class: "admin", Basis: Operations, Sensitivity: S1, Holdout: true, Caps: "care", Digest: true, InDoubt: PreferMiss, NextAfter: 3 * day, Keep: claims},
	{Key: "education", Name: "Education", Words: "health education", Class: "education", Basis: Treatment, Sensitivity: S2, Holdout: true, Caps: "care", Digest: true, InDoubt: PreferMiss, NextAfter: 3 * day, Keep: claims},
	{Key: "survey", Name: "Survey", Words: "a survey", Class: "survey", Basis: Operations, Sensitivity: S1, Holdout: true, Caps: "care", Opens: true, Digest: true, InDoubt: PreferMiss, NextAfter: 3 * day, Keep: claims},
	{Key: "marketing", Name: "Offer", Words: "marketing", Class: "marketing", Basis: Authorization, Sensitivity: S1, Holdout: true, Authorization: true, Caps: "marketing", Opens: true, Digest: true, InDoubt: PreferMiss, NextAfter: 7 * day, Keep: claims},
	{Key: "safety", Name: "Safety notice", Words: "a safety notice", Class: "safety", Basis: Treatment, Sensitivity: S2, Caps: "care", MustReach: true, Fixed: true, InDoubt: PreferDuplicate, NextAfter: 4 * time.Hour, Keep: decade},
	{Key: "recall", Name: "Recall", Words: "a recall", Class: "recall", Basis: Treatment, Sensitivity: S2, Caps: "care", MustReach: true, Fixed: true, InDoubt: PreferDuplicate, NextAfter: 4 * time.Hour, Keep: decade},
	{Key: "emergency", Name: "Emergency", Words: "an emergency", Class: "emergency", Basis: VitalInterest, Sensitivity: S0, MustReach: true, Fixed: true, AnyHour: true, InDoubt: PreferDuplicate, NextAfter: 15 * time.Minute, Keep: claims},
	{Key: "security", Name: "Security", Words: "about the security of an account", Class: "security", Basis: OwnAccount, Sensitivity: S0, Fixed: true, AnyHour: true, InDoubt: PreferMiss, NextAfter: day, Keep: 30},
}

// Purposes returns every purpose, as the desk lists them.
func Purposes() []Purpose { return append([]Purpose(nil), purposes[:]...) }

// PurposeOf returns the purpose named key.
func PurposeOf(key string) (Purpose, bool) {
	for i := range purposes {
		if purposes[i].Key == key {
			return purposes[i], true
		}
	}
	return Purpose{}, false
}
