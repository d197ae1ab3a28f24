package clinic

import (
	"slices"

	"hale/internal/base/errs"
	"hale/internal/base/phone"
)

// The units in which a clinic asks and says weight, height, lengths and
// temperature.
const (
	ByCountry = ""          // as people of its country know them
	Customary = "customary" // pounds, feet and inches, degrees Fahrenheit
	Metric    = "metric"    // kilograms, centimetres, degrees Celsius
)

// customary are the countries where people know customary units from home.
// Read only.
var customary = []string{"US", "LR", "MM", "PR", "GU", "VI", "AS", "MP"}

var errUnits = errs.New(errs.Invalid, "Choose the units from the list.")

// Country returns the country that the clinic is in, by its telephone; without
// one, the United States.
func (s Settings) Country() string {
	if n, err := phone.Parse(s.Phone, "US"); err == nil {
		if c := n.Region(); c != "" {
			return c
		}
	}
	return "US"
}

// Metric says whether amounts of the body are asked and said in metric units.
func (s Settings) Metric() bool {
	switch s.Units {
	case Customary:
		return false
	case Metric:
		return true
	}
	return !slices.Contains(customary, s.Country())
}
