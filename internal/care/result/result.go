// Package result holds laboratory results and vital signs, from FHIR
// Observations, and says in words what a value means.
//
// A range that came with the result is used before the built-in one, and the
// built-in one only for adults and only where the unit is the one it is
// written in. A goal that the patient and the clinic set comes before both.
//
// Spec: https://hl7.org/fhir/R4/observation.html
package result

import (
	"math"
	"time"
)

// Category sorts results.
type Category string

// The categories, named as FHIR names them.
const (
	Laboratory Category = "laboratory"
	Vital      Category = "vital-signs"
)

// Result is one result.
type Result struct {
	ID        string
	Patient   string
	Category  Category
	Code      string // LOINC where there is one
	Name      string // as the sender calls it; Title is for people
	Status    string // registered, preliminary, final, amended, corrected, …
	At        time.Time
	Issued    time.Time
	Value     float64
	HasValue  bool
	Unit      string // UCUM, as sent
	Said      string // a value in words
	Range     Band   // the sender's own
	RangeText string
	Flag      string // HL7 interpretation code
	Performer string
	Note      string
	Parts     []Part
	Source    string
	Updated   time.Time

	kept string  // the unit that stands in the record, where Unit is another
	was  float64 // the value in it
}

// Part is one component of a result, such as the upper number of a blood
// pressure.
type Part struct {
	Code     string  `json:"code"`
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	HasValue bool    `json:"has"`
	Unit     string  `json:"unit"`
	Said     string  `json:"said,omitempty"`
}

// part returns the component with code.
func (r Result) part(code string) (Part, bool) {
	for _, p := range r.Parts {
		if p.Code == code && p.HasValue {
			return p, true
		}
	}
	return Part{}, false
}

// Pressure returns both numbers of a blood pressure.
func (r Result) Pressure() (upper, lower float64, ok bool) {
	u, okU := r.part(upperCode)
	l, okL := r.part(lowerCode)
	return u.Value, l.Value, okU && okL
}

// LOINC codes that a rule names.
const (
	a1cCode    = "4548-4"
	upperCode  = "8480-6"
	lowerCode  = "8462-4"
	weightCode = "29463-7"
	heightCode = "8302-2"
)

// Band is a range of values; a side that is not there is open.
type Band struct {
	Low, High       float64
	HasLow, HasHigh bool
}

// From returns the band from low up.
func From(low float64) Band { return Band{Low: low, HasLow: true} }

// To returns the band up to high.
func To(high float64) Band { return Band{High: high, HasHigh: true} }

// Between returns the band from low to high.
func Between(low, high float64) Band {
	return Band{Low: low, High: high, HasLow: true, HasHigh: true}
}

// Is says whether the band has any side.
func (b Band) Is() bool { return b.HasLow || b.HasHigh }

// Place is where a value lies beside a band.
type Place int

// The places, in order.
const (
	FarBelow Place = iota - 2
	Below
	Within
	Above
	FarAbove
)

// Place returns where v lies; up to a tenth beyond a side is near it.
func (b Band) Place(v float64) Place {
	switch {
	case b.HasLow && v < b.Low:
		if b.Low-v <= b.near(b.Low) {
			return Below
		}
		return FarBelow
	case b.HasHigh && v > b.High:
		if v-b.High <= b.near(b.High) {
			return Above
		}
		return FarAbove
	}
	return Within
}

// near returns how far beyond side is still near: a tenth of the side, or a
// quarter of the band's width where that is less, as with sodium.
func (b Band) near(side float64) float64 {
	n := math.Abs(side) / 10
	if b.HasLow && b.HasHigh {
		n = min(n, (b.High-b.Low)/4)
	}
	return n
}

// Goal is a value that the patient and the clinic agreed on.
type Goal struct {
	Code string
	Said string
	Band Band
}

// Person is what the built-in ranges need to know of the patient.
type Person struct {
	Sex  string
	Born string // YYYY-MM-DD
}

// adult says whether the person was 18 or older at a time. Who was born when
// is unknown counts as none: no range is better than a wrong one.
func (p Person) adult(at time.Time) bool {
	if len(p.Born) < 4 {
		return false
	}
	born, err := time.Parse("2006-01-02", (p.Born + "-01-01")[:10])
	return err == nil && !born.AddDate(18, 0, 0).After(at)
}
