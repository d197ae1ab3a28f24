// Package reading takes what patients measure at home: blood pressure, weight
// and blood sugar, as FHIR Observations of their own.
//
// A value out of its limits becomes a task for the team in the transaction
// that writes it, so that none is shown to nobody. A dangerous one tells the
// patient at once to get help, and does not wait for the team.
//
// Spec: https://hl7.org/fhir/R4/observation.html
package reading

import (
	"time"

	"hale/internal/base/errs"
)

// Kind is what is measured.
type Kind string

// The kinds.
const (
	Pressure Kind = "pressure"
	Weight   Kind = "weight"
	Glucose  Kind = "glucose"
)

// Kinds are all of them, in the order in which they are offered.
var Kinds = []Kind{Pressure, Weight, Glucose}

// Part is one number that has limits.
type Part string

// The parts.
const (
	Upper Part = "upper" // systolic pressure, mmHg
	Lower Part = "lower" // diastolic pressure, mmHg
	Sugar Part = "glucose"
	Gain  Part = "gain" // of weight within a week, kg
)

// Parts are all of them, in the order of lists.
var Parts = []Part{Upper, Lower, Sugar, Gain}

// Limit is between which values a part is as expected. A bound of 0 is none.
type Limit struct {
	Low, High             float64
	DangerLow, DangerHigh float64
	Own                   bool `json:"-"` // for one patient, not the clinic's
}

// Usual are the limits of a clinic that set none. The dangerous ones are a
// hypertensive crisis and sugar of level 2; a clinic changes all of them to
// what its clinicians hold right.
//
// Spec: Whelton et al., 2017 ACC/AHA guideline, section 11.2; American
// Diabetes Association, Standards of Care, section 6
var Usual = map[Part]Limit{
	Upper: {Low: 90, High: 160, DangerLow: 80, DangerHigh: 180},
	Lower: {Low: 50, High: 100, DangerHigh: 120},
	Sugar: {Low: 70, High: 250, DangerLow: 54, DangerHigh: 400},
	Gain:  {High: 2.3},
}

// Level is how a value lies.
type Level int

// The levels. The higher one counts where a reading has several.
const (
	Expected Level = iota
	Out            // the team looks at it
	Danger         // the patient gets help at once
)

// of says how v lies.
func (l Limit) of(v float64) Level {
	switch {
	case l.DangerHigh > 0 && v >= l.DangerHigh, l.DangerLow > 0 && v < l.DangerLow:
		return Danger
	case l.High > 0 && v > l.High, l.Low > 0 && v < l.Low:
		return Out
	}
	return Expected
}

// check refuses limits that cross each other.
func (l Limit) check() error {
	for _, v := range [...]float64{l.Low, l.High, l.DangerLow, l.DangerHigh} {
		if v < 0 || v > 1000 {
			return errLimit
		}
	}
	if l.Low > 0 && l.High > 0 && l.Low >= l.High || l.DangerLow > 0 && l.Low > 0 && l.DangerLow > l.Low || l.DangerHigh > 0 && l.High > 0 && l.DangerHigh < l.High {
		return errLimit
	}
	return nil
}

// New is what somebody measured.
type New struct {
	Kind         Kind
	Upper, Lower float64 // mmHg
	Weight       float64 // kg
	Glucose      float64 // mg/dL
	At           time.Time
	Note         string
}

// Reading is one that was written down.
type Reading struct {
	ID    string
	Kind  Kind
	Level Level
	Low   bool // what is out is too low
	Task  string
	At    time.Time
}

// The refusals.
var (
	errKind     = errs.New(errs.NotFound, "We cannot take that here. Please call us.")
	errPressure = errs.New(errs.Invalid, "Please write both numbers of your blood pressure, the higher one first. For example: 130 and 80.")
	errWeight   = errs.New(errs.Invalid, "Please write your weight as a number. For example: 165.")
	errGlucose  = errs.New(errs.Invalid, "Please write your blood sugar as a number. For example: 110.")
	errWhen     = errs.New(errs.Invalid, "Please say when you measured it. It can be up to 30 days ago, and not in the future.")
	errNote     = errs.New(errs.Invalid, "That is too long. Please use fewer words.")
	errLimit    = errs.New(errs.Invalid, "These limits cross each other. Each low one lies below each high one, and the dangerous ones lie outside.")
	errTooMany  = errs.New(errs.TooMany, "You have sent many readings today. Please send more tomorrow, or call us.")
)

const (
	maxNote = 500
	oldest  = 30 * 24 * time.Hour
	maxDay  = 40 // readings of one patient in a day
)

// check refuses what no device shows, so that a slip of the finger is seen at
// once and not by the team.
func (n New) check(now time.Time) error {
	between := func(v, low, high float64) bool { return v >= low && v <= high }
	switch n.Kind {
	case Pressure:
		if !between(n.Upper, 50, 300) || !between(n.Lower, 20, 200) || n.Lower >= n.Upper {
			return errPressure
		}
	case Weight:
		if !between(n.Weight, 2, 450) {
			return errWeight
		}
	case Glucose:
		if !between(n.Glucose, 10, 1000) {
			return errGlucose
		}
	default:
		return errKind
	}
	if n.At.After(now.Add(5*time.Minute)) || now.Sub(n.At) > oldest {
		return errWhen
	}
	if len(n.Note) > maxNote {
		return errNote
	}
	return nil
}

// judge holds a reading against limits. Gain is how much more the weight is
// than a week ago, 0 where that is not known.
func (n New) judge(limits map[Part]Limit, gain float64) (level Level, low bool) {
	see := func(p Part, v float64) {
		if l := limits[p].of(v); l > level {
			level, low = l, limits[p].Low > 0 && v < limits[p].Low || limits[p].DangerLow > 0 && v < limits[p].DangerLow
		}
	}
	switch n.Kind {
	case Pressure:
		see(Upper, n.Upper)
		see(Lower, n.Lower)
	case Glucose:
		see(Sugar, n.Glucose)
	case Weight:
		if gain > 0 {
			see(Gain, gain)
		}
	}
	return level, low
}
