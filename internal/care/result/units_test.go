package result

import (
	"math"
	"testing"
	"time"

	"hale/internal/base/lang"
)

// Amounts of the body are said in the clinic's units with the other beside;
// what is no amount of the body stays.
func TestUnits(t *testing.T) {
	vital := func(code string, v float64, unit string) Result {
		return Result{Category: Vital, Code: code, Value: v, HasValue: true, Unit: unit}
	}
	tests := []struct {
		name        string
		in          Result
		units       Units
		value, also string
	}{
		{"weight", vital(weightCode, 74.8, "kg"), Customary, "165 lb", "74.8 kg"},
		{"a light weight", vital(weightCode, 3.4, "kg"), Customary, "7.5 lb", "3.4 kg"},
		{"a newborn's, in grams", vital("8339-4", 3400, "g"), Customary, "7.5 lb", "3.4 kg"},
		{"height", vital(heightCode, 162, "cm"), Customary, "5 ft 4 in", "162 cm"},
		{"a height near six feet", vital(heightCode, 182.6, "cm"), Customary, "6 ft 0 in", "183 cm"},
		{"a head", vital("9843-4", 35, "cm"), Customary, "13.8 inches", "35 cm"},
		{"a fever", vital("8310-5", 38, "Cel"), Customary, "100.4 °F", "38 °C"},
		{"no fever", vital("8310-5", 37, "Cel"), Customary, "98.6 °F", "37 °C"},
		{"pounds at a metric clinic", vital(weightCode, 165, "[lb_av]"), Metric, "74.8 kg", "165 lb"},
		{"Fahrenheit at a metric clinic", vital("8310-5", 100.4, "[degF]"), Metric, "38 °C", "100.4 °F"},
		{"metric at a metric clinic", vital(weightCode, 74.8, "kg"), Metric, "74.8 kg", "165 lb"},
		{"as kept", vital(weightCode, 74.8, "kg"), AsKept, "74.8 kg", "165 lb"},
		{"a pulse", vital("8867-4", 60, "/min"), Customary, "60 per minute", ""},
		{"a laboratory's gram", Result{Category: Laboratory, Code: "x", Value: 12, HasValue: true, Unit: "g"}, Customary, "12 g", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := Explain(lang.English, tt.units.Of(tt.in), Person{}, nil, nil, time.Now())
			if m.Value != tt.value || m.Also != tt.also {
				t.Errorf("%q (%q), want %q (%q)", m.Value, m.Also, tt.value, tt.also)
			}
			if kept := tt.units.Of(tt.in).Kept(); math.Abs(kept-tt.in.Value) > 1e-9 {
				t.Errorf("Kept() = %v, want %v", kept, tt.in.Value)
			}
		})
	}
}

// What a value is held against, and how it moved, is said in the same unit.
func TestUnitsOfRanges(t *testing.T) {
	now := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	at := func(v float64, days int) Result {
		return Customary.Of(Result{Category: Vital, Code: "8310-5", Value: v, HasValue: true, Unit: "Cel", At: now.AddDate(0, 0, -days)})
	}
	before := at(37, 10)
	m := Explain(lang.English, at(38.2, 0), Person{Sex: "female", Born: "1950-01-01"}, &before, nil, now)
	if m.Value != "100.8 °F" || m.Limits != "97 – 99 °F" || !m.Watch || m.Trend != "It went up from 98.6 °F in Nov 8, 2026." {
		t.Errorf("a fever is %+v", m)
	}
	if m := Explain(lang.English, at(37.2, 0), Person{}, &before, nil, now); m.Trend != "It is about the same as in Nov 8, 2026." {
		t.Errorf("a third of a degree is %q", m.Trend)
	}
	weight := Customary.Of(Result{Category: Vital, Code: weightCode, Value: 80, HasValue: true, Unit: "kg", At: now})
	m = Explain(lang.English, weight, Person{}, nil, &Goal{Code: weightCode, Band: To(75)}, now)
	if m.Chip != "Above your goal of 165 lb" || m.Band.Place(weight.Value) != Above {
		t.Errorf("a goal in kilograms is %+v", m)
	}
	own := Customary.Of(Result{Category: Vital, Code: weightCode, Value: 80, HasValue: true, Unit: "kg", Range: Between(60, 90)})
	if m := Explain(lang.English, own, Person{}, nil, nil, now); m.Limits != "132 – 198 lb" {
		t.Errorf("the sender's range is %q", m.Limits)
	}
	parts := Result{Category: Vital, Parts: []Part{{Code: weightCode, Name: "Weight", Value: 10, HasValue: true, Unit: "kg"}}}
	if Customary.Of(parts); parts.Parts[0].Unit != "kg" {
		t.Error("saying a result in other units changed the result itself")
	}
}
