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
	Inbox Channel = "inbox" // the portal's own
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

// Purpose is why somebody is written to. Law and manners hang on it.
type Purpose struct {
	Key           string
	Name          string
	Words         string // for the trail: "a care reminder"
	Sensitivity   Class  // what its content is taken to be at least
	Holdout       bool   // people may be held out to measure the effect
	Authorization bool   // needs a signed authorisation (marketing)
	Caps          string // which caps count it: care, marketing, or "" for none
	AnyHour       bool   // may arrive at night
	InDoubt       InDoubt
	NextAfter     time.Duration // unseen for so long: the next channel
}

// Purposes returns every purpose, as the desk lists them.
func Purposes() []Purpose {
	const day = 24 * time.Hour
	return []Purpose{
		{Key: "care", Name: "Care reminder", Words: "a care reminder", Sensitivity: S2, Holdout: true, Caps: "care", InDoubt: PreferDuplicate, NextAfter: 2 * day},
		{Key: "appointment", Name: "Appointment", Words: "about a visit", Sensitivity: S1, Holdout: true, Caps: "care", InDoubt: PreferDuplicate, NextAfter: 4 * time.Hour},
		{Key: "clinical_result", Name: "Test result", Words: "about a result", Sensitivity: S3, Caps: "care", InDoubt: PreferDuplicate, NextAfter: day},
		{Key: "billing", Name: "Bill", Words: "about a bill", Sensitivity: S2, Holdout: true, Caps: "care", InDoubt: PreferDuplicate, NextAfter: 3 * day},
		{Key: "education", Name: "Education", Words: "health education", Sensitivity: S2, Holdout: true, Caps: "care", InDoubt: PreferMiss, NextAfter: 3 * day},
		{Key: "survey", Name: "Survey", Words: "a survey", Sensitivity: S1, Holdout: true, Caps: "care", InDoubt: PreferMiss, NextAfter: 3 * day},
		{Key: "marketing", Name: "Offer", Words: "marketing", Sensitivity: S1, Holdout: true, Authorization: true, Caps: "marketing", InDoubt: PreferMiss, NextAfter: 7 * day},
		{Key: "security", Name: "Security", Words: "about the security of an account", Sensitivity: S0, AnyHour: true, InDoubt: PreferMiss, NextAfter: day},
	}
}

// PurposeOf returns the purpose named key.
func PurposeOf(key string) (Purpose, bool) {
	for _, p := range Purposes() {
		if p.Key == key {
			return p, true
		}
	}
	return Purpose{}, false
}
