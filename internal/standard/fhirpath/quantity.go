package fhirpath

import (
	"strings"

	"hale/internal/standard/decimal"
	"hale/internal/standard/ucum"
)

// Whose unit a quantity has.
const (
	ucumUnit     = iota // 1 'wk'
	calendarUnit        // 1 week
	fhirUnit            // of an element, where UCUM's a and mo are years and months of the calendar too
)

// calendar are the words of the calendar, in the singular.
var calendar = map[string]string{
	"year": "year", "years": "year", "month": "month", "months": "month", "week": "week", "weeks": "week",
	"day": "day", "days": "day", "hour": "hour", "hours": "hour", "minute": "minute", "minutes": "minute",
	"second": "second", "seconds": "second", "millisecond": "millisecond", "milliseconds": "millisecond",
}

// clockCodes are the words of the calendar that always last the same, as
// UCUM writes them.
var clockCodes = map[string]string{"week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s", "millisecond": "ms"}

// looseCodes are those that do not.
var looseCodes = map[string]string{"year": "a", "month": "mo"}

// fromQuantity reads an element that is a Quantity. One in a unit that is
// not UCUM's stays the element it is.
//
// Spec: https://hl7.org/fhir/R4/fhirpath.html#quantity
func fromQuantity(v Value) Value {
	var value, code, unit, system string
	comparator := false
	for n := v.node.First(); n.Exists(); n = n.Next(v.node) {
		switch string(n.Key()) {
		case "value":
			value = n.Text()
		case "code":
			code = n.Text()
		case "unit":
			unit = n.Text()
		case "system":
			system = n.Text()
		case "comparator":
			comparator = true
		}
	}
	d, ok := decimal.Parse(value)
	switch {
	case !ok || comparator:
		return v
	case system == ucum.System && code != "":
		return quantity(d, code, fhirUnit)
	case system == "" && code == "" && unit == "":
		return quantity(d, "1", fhirUnit)
	}
	return v
}

func writeQuantity(v Value) string {
	s := v.more.dec.String()
	if v.num == calendarUnit {
		if s == "1" {
			return s + " " + v.text
		}
		return s + " " + v.text + "s"
	}
	return s + " '" + strings.ReplaceAll(v.text, "'", `\'`) + "'"
}

// parseQuantity reads 4 days, 1 'wk', 1.5.
func parseQuantity(s string) (Value, bool) {
	at := strings.IndexAny(s, " '")
	if at < 0 {
		at = len(s)
	}
	d, ok := decimal.Parse(s[:at])
	unit := strings.TrimSpace(s[at:])
	switch {
	case !ok:
		return Value{}, false
	case unit == "":
		return quantity(d, "1", ucumUnit), true
	case len(unit) > 2 && unit[0] == '\'' && unit[len(unit)-1] == '\'':
		return unitOf(d, unit[1:len(unit)-1]), true
	case calendar[unit] != "":
		return quantity(d, calendar[unit], calendarUnit), true
	}
	return Value{}, false
}

// unitOf makes a quantity of a unit in quotes: UCUM's, or a word of the
// calendar, which is none of UCUM's.
func unitOf(d decimal.Decimal, unit string) Value {
	if word := calendar[unit]; word != "" {
		return quantity(d, word, calendarUnit)
	}
	return quantity(d, unit, ucumUnit)
}

// code returns the unit as UCUM writes it, and whether it always lasts the
// same.
func (v Value) code() (code string, fixed bool) {
	if v.num != calendarUnit {
		return v.text, true
	}
	if c := clockCodes[v.text]; c != "" {
		return c, true
	}
	return looseCodes[v.text], false
}

// compareQuantities returns how a stands to b, and whether that is known: it
// is not between different measures, or between a year of the calendar and
// one of UCUM.
func compareQuantities(a, b Value) (order int, known bool) {
	if a.text == b.text && a.num == b.num {
		return a.more.dec.Cmp(b.more.dec), true
	}
	x, fixedX := a.code()
	y, fixedY := b.code()
	if x == y && (fixedX == fixedY || a.num == fhirUnit || b.num == fhirUnit) {
		return a.more.dec.Cmp(b.more.dec), true
	}
	if fixedX != fixedY && a.num != fhirUnit && b.num != fhirUnit {
		return 0, false
	}
	p, unitP, okP := ucum.Canonical(a.more.dec, x)
	q, unitQ, okQ := ucum.Canonical(b.more.dec, y)
	if !okP || !okQ || unitP != unitQ {
		return 0, false
	}
	return p.Cmp(q), true
}

// similarQuantities says whether a and b are the same to the digits that
// both were written with.
func similarQuantities(a, b Value) bool {
	x, _ := a.code()
	y, _ := b.code()
	if x == y {
		return similar(a.more.dec, b.more.dec)
	}
	c, ok := ucum.Convert(b.more.dec, y, x)
	if !ok {
		return false
	}
	if b.more.dec.Scale() < a.more.dec.Scale() {
		back, ok := ucum.Convert(a.more.dec, x, y)
		return ok && back.Round(b.more.dec.Scale(), decimal.Nearest).Cmp(b.more.dec) == 0
	}
	return c.Round(a.more.dec.Scale(), decimal.Nearest).Cmp(a.more.dec) == 0
}

// similar compares numbers to the digits that both have.
func similar(a, b decimal.Decimal) bool {
	a, b = a.Trim(), b.Trim()
	scale := min(a.Scale(), b.Scale())
	return a.Round(scale, decimal.Nearest).Cmp(b.Round(scale, decimal.Nearest)) == 0
}

// span returns a quantity of time in whole units of the calendar, with the
// nanoseconds of a fraction of a second.
func (v Value) span() (n, nano int64, unit string, ok bool) {
	unit = v.text
	if v.num != calendarUnit {
		unit = ""
		for word, code := range clockCodes {
			if code == v.text {
				unit = word
			}
		}
		if v.num == fhirUnit && unit == "" {
			for word, code := range looseCodes {
				if code == v.text {
					unit = word
				}
			}
		}
	}
	if unit == "" {
		return 0, 0, "", false
	}
	whole, fits := v.more.dec.Round(0, decimal.Cut).Int64()
	if !fits || whole > 1e11 || whole < -1e11 {
		return 0, 0, "", false
	}
	if unit == "second" {
		rest, _ := v.more.dec.Sub(decimal.Int(whole)).Mul(decimal.Int(1e9)).Round(0, decimal.Cut).Int64()
		nano = rest
	}
	return whole, nano, unit, true
}
