package result

import (
	"fmt"
	"math"
	"strings"
	"time"

	"hale/internal/base/lang"
)

// Basis says what a value is held against.
type Basis string

// The bases, the one to use first at the top.
const (
	ByGoal  Basis = "goal"  // the patient's own
	ByLab   Basis = "lab"   // came with the result
	ByUsual Basis = "usual" // built in
	ByNone  Basis = ""
)

// Meaning is what a value means, in words.
type Meaning struct {
	Value  string // 7.4 %
	Also   string // the same in a unit that more people use
	Chip   string // Above your goal of 7 %; empty where there is nothing to hold it against
	Watch  bool   // outside: worth a look, never alarming
	Line   string // one whole sentence: where the value lies
	Trend  string // one whole sentence: where it came from; empty for a first value
	About  string // one sentence: what it is
	Basis  Basis
	Band   Band   // what it is held against
	Limits string // the band in words: 70 – 99 mg/dL
}

// Explain says what r means to p, in the words of l. Previous is the one
// before, nil for none; goal is the patient's own for this kind, nil for
// none; now tells which year need not be named.
func Explain(l lang.Lang, r Result, p Person, previous *Result, goal *Goal, now time.Time) Meaning {
	var m Meaning
	k, _ := Lookup(r.Code)
	if k.About != "" {
		m.About = l.T(k.About)
	}
	m.Value = Value(l, r)
	m.Also = other(l, r)
	if upper, lower, ok := r.Pressure(); ok {
		return pressure(l, m, upper, lower, p.adult(r.At), previous, now)
	}
	if !r.HasValue {
		m.Line, m.Watch = flagged(l, r.Flag)
		return m
	}
	m.Basis, m.Band = against(r, k, p, goal)
	m.Limits = limits(l, m.Band, r.Unit)
	m.Chip, m.Line, m.Watch = placed(l, m.Basis, m.Band, r)
	if m.Basis == ByNone {
		m.Line, m.Watch = flagged(l, r.Flag)
		m.Chip = chipOf(l, r.Flag)
	}
	if previous != nil && previous.HasValue && sameUnit(previous.Unit, r.Unit) {
		m.Trend = trend(l, r, *previous, now)
	}
	return m
}

// against chooses what to hold a value against.
func against(r Result, k Known, p Person, goal *Goal) (Basis, Band) {
	if goal != nil && goal.Band.Is() {
		if b, ok := goal.Band.in(r.kept, r.Unit); ok && r.kept != "" {
			return ByGoal, b
		}
		return ByGoal, goal.Band
	}
	if r.Range.Is() {
		return ByLab, r.Range
	}
	if b, ok := k.band(p.Sex).in(k.Unit, r.Unit); ok && b.Is() && p.adult(r.At) {
		return ByUsual, b
	}
	return ByNone, Band{}
}

// placed says where a value lies beside its band.
func placed(l lang.Lang, basis Basis, b Band, r Result) (chip, line string, watch bool) {
	place := b.Place(r.Value)
	switch basis {
	case ByGoal:
		return goalChip(l, place, b, r), goalLine(l, place), place != Within
	case ByLab:
		chip = l.T(labChips[place+2])
		return chip, l.T(labLines[place+2]), place != Within
	case ByUsual:
		chip = l.T(labChips[place+2])
		return chip, l.T(usualLines[place+2]), place != Within
	}
	return "", "", false
}

var (
	labChips = [...]string{"Below the range", "Slightly below the range", "In the usual range", "Slightly above the range", "Above the range"}
	labLines = [...]string{
		"Below the lab’s range. Your care team can tell you what it means for you.",
		"Slightly below the lab’s range. This is common.",
		"In the lab’s usual range.",
		"Slightly above the lab’s range. This is common.",
		"Above the lab’s range. Your care team can tell you what it means for you."}
	usualLines = [...]string{
		"Below the usual range for adults. Your care team can tell you what it means for you.",
		"Slightly below the usual range for adults. This is common.",
		"In the usual range for adults.",
		"Slightly above the usual range for adults. This is common.",
		"Above the usual range for adults. Your care team can tell you what it means for you."}
)

// goalChip says where a value lies beside the patient's goal.
func goalChip(l lang.Lang, place Place, b Band, r Result) string {
	switch {
	case place > Within:
		return l.T("Above your goal of %s", amount(l, r.Code, b.High, r.Unit))
	case place < Within:
		return l.T("Below your goal of %s", amount(l, r.Code, b.Low, r.Unit))
	}
	return l.T("At your goal")
}

func goalLine(l lang.Lang, place Place) string {
	switch place {
	case Within:
		return l.T("This meets the goal in your care plan.")
	case Above:
		return l.T("This is a little above the goal in your care plan.")
	case Below:
		return l.T("This is a little below the goal in your care plan.")
	case FarAbove:
		return l.T("This is above the goal in your care plan.")
	}
	return l.T("This is below the goal in your care plan.")
}

// flagged says what the lab's own flag says, where there is no range.
//
// Codes: https://hl7.org/fhir/R4/v3/ObservationInterpretation
func flagged(l lang.Lang, flag string) (line string, watch bool) {
	switch flag {
	case "N":
		return l.T("The lab says this is as expected."), false
	case "H", "HH", "HU", "L", "LL", "LU", "A", "AA":
		return l.T("The lab marked this for a closer look. Your care team can tell you what it means for you."), true
	case "POS":
		return l.T("The lab found what it looked for. Your care team can tell you what it means for you."), true
	case "NEG":
		return l.T("The lab did not find what it looked for."), false
	}
	return "", false
}

func chipOf(l lang.Lang, flag string) string {
	switch flag {
	case "H", "HH", "HU":
		return l.T("Marked high by the lab")
	case "L", "LL", "LU":
		return l.T("Marked low by the lab")
	case "A", "AA":
		return l.T("Marked by the lab")
	}
	return ""
}

// trend says how a value moved since the one before.
func trend(l lang.Lang, r, previous Result, now time.Time) string {
	then := amount(l, r.Code, previous.Value, previous.Unit)
	when := l.Month(previous.At, now)
	if r.At.Sub(previous.At) < 45*24*time.Hour {
		when = l.ShortDate(previous.At)
	}
	switch move := r.Value - previous.Value; {
	case Round(r.Value) == Round(previous.Value) && DigitsIn(r.Value, r.Unit) == Digits(r.Value) || math.Abs(move) < least(previous):
		return l.T("It is about the same as in %s.", when)
	case move < 0:
		return l.T("It came down from %s in %s.", then, when)
	}
	return l.T("It went up from %s in %s.", then, when)
}

// least is the least move that is worth a word: a hundredth, and of a
// temperature what is one in Celsius.
func least(from Result) float64 {
	if simple(from.Unit) == "[degf]" {
		return math.Abs(from.Value-32) * 0.01
	}
	return math.Abs(from.Value) * 0.01
}

// pressure explains the two numbers of a blood pressure together.
//
// Limits: ACC/AHA guideline 2017, below 120 over 80.
func pressure(l lang.Lang, m Meaning, upper, lower float64, adult bool, previous *Result, now time.Time) Meaning {
	if previous != nil {
		if u, low, ok := previous.Pressure(); ok {
			m.Trend = l.T("The time before, in %s, it was %s.", l.Month(previous.At, now), pair(l, u, low))
		}
	}
	if !adult {
		return m
	}
	m.Basis, m.Limits = ByUsual, l.T("under 120/80 mmHg")
	m.Band = Between(90, 120)
	place := placePressure(upper, lower)
	m.Chip, m.Line, m.Watch = l.T(labChips[place+2]), l.T(usualLines[place+2]), place != Within
	return m
}

// placePressure returns where a blood pressure lies: the number that is
// further out counts, and up to stage 1 of the guideline is near.
func placePressure(upper, lower float64) Place {
	switch {
	case upper >= 140 || lower >= 90:
		return FarAbove
	case upper > 120 || lower > 80:
		return Above
	case upper < 80 || lower < 50:
		return FarBelow
	case upper < 90 || lower < 60:
		return Below
	}
	return Within
}

func pair(l lang.Lang, upper, lower float64) string {
	return l.Number(upper, 0) + "/" + l.Number(lower, 0) + " mmHg"
}

// Title returns what to call a result.
func Title(l lang.Lang, r Result) string {
	if k, ok := Lookup(r.Code); ok {
		return l.T(k.Name)
	}
	name, _, _ := strings.Cut(r.Name, " [")
	return strings.ReplaceAll(name, "\u200b", "")
}

// Value returns a result's value with its unit.
func Value(l lang.Lang, r Result) string {
	if upper, lower, ok := r.Pressure(); ok {
		return pair(l, upper, lower)
	}
	if r.HasValue {
		return amount(l, r.Code, r.Value, r.Unit)
	}
	if r.Said != "" {
		return r.Said
	}
	var parts []string
	for _, p := range r.Parts {
		switch {
		case p.HasValue:
			parts = append(parts, p.Name+" "+amount(l, p.Code, p.Value, p.Unit))
		case p.Said != "":
			parts = append(parts, p.Name+" "+p.Said)
		}
	}
	return strings.Join(parts, ", ")
}

// Round returns v with as many digits as a person can use.
func Round(v float64) float64 {
	p := math.Pow(10, float64(Digits(v)))
	return math.Round(v*p) / p
}

// Digits returns how many decimals of v a person can use: two below 2, one
// below 100, none above.
func Digits(v float64) int {
	switch a := math.Abs(v); {
	case a >= 100:
		return 0
	case a >= 2 || a == 0:
		return 1
	}
	return 2
}

// Unit returns a UCUM unit as people write it.
func Unit(l lang.Lang, unit string) string {
	switch simple(unit) {
	case "{score}", "1", "{ratio}":
		return ""
	case "cel":
		return "°C"
	case "kg/m2":
		return "kg/m²"
	case "10*3/ul":
		return l.T("thousand per µL")
	case "10*6/ul":
		return l.T("million per µL")
	case "mmhg":
		return "mmHg"
	case "/min":
		return l.T("per minute")
	case "ml/min":
		return "mL/min"
	case "m[iu]/l":
		return "mIU/L"
	case "[lb_av]":
		return "lb"
	case "[in_i]":
		return l.T("inches")
	case "[degf]":
		return "°F"
	}
	return unit
}

// limits returns a band in words.
func limits(l lang.Lang, b Band, unit string) string {
	u := Unit(l, unit)
	low, high := l.Number(b.Low, DigitsIn(b.Low, unit)), l.Number(b.High, DigitsIn(b.High, unit))
	switch {
	case b.HasLow && b.HasHigh:
		return strings.TrimSpace(fmt.Sprintf("%s – %s %s", low, high, u))
	case b.HasHigh:
		return strings.TrimSpace(l.T("up to %s", high) + " " + u)
	case b.HasLow:
		return strings.TrimSpace(l.T("%s or more", low+" "+u))
	}
	return ""
}
