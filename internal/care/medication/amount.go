package medication

import (
	"strings"

	"hale/internal/base/lang"
	"hale/internal/standard/fhir"
)

// unit is what is counted, in English, for one and for several; both take the
// number.
type unit struct{ one, many string }

// units are what doses are counted in, by what senders call it.
var doseUnits = map[string]unit{
	"tablet": {"%s tablet", "%s tablets"}, "capsule": {"%s capsule", "%s capsules"}, "puff": {"%s puff", "%s puffs"}, "drop": {"%s drop", "%s drops"},
	"patch": {"%s patch", "%s patches"}, "spray": {"%s spray", "%s sprays"}, "unit": {"%s unit", "%s units"}, "ml": {"%s mL", "%s mL"}, "mg": {"%s mg", "%s mg"},
	"mcg": {"%s mcg", "%s mcg"}, "g": {"%s g", "%s g"}, "dose": {"%s dose", "%s doses"}, "teaspoon": {"%s teaspoon", "%s teaspoons"}, "pen": {"%s pen", "%s pens"},
}

// spelled is how senders spell these units.
var spelled = map[string]string{
	"tablets": "tablet", "tab": "tablet", "tabs": "tablet", "tbl": "tablet", "tabl": "tablet", "capsules": "capsule", "cap": "capsule", "caps": "capsule",
	"puffs": "puff", "actuat": "puff", "inhalation": "puff", "inhalations": "puff", "drops": "drop", "drp": "drop", "gtt": "drop", "patches": "patch",
	"sprays": "spray", "units": "unit", "u": "unit", "iu": "unit", "unt": "unit", "ug": "mcg", "doses": "dose", "teaspoons": "teaspoon", "tsp": "teaspoon", "pens": "pen",
}

// unitOf returns the unit of a Quantity.
func unitOf(q fhir.Node) unit {
	for _, name := range []string{q.Get("unit").Text(), q.Get("code").Text()} {
		key := strings.Trim(strings.ToLower(strings.TrimSpace(name)), "{}[]")
		if s, ok := spelled[key]; ok {
			key = s
		}
		if u, ok := doseUnits[key]; ok {
			return u
		}
		if name != "" {
			return unit{"%s " + name, "%s " + name}
		}
	}
	return doseUnits["dose"]
}

// count says so many of something.
func count(l lang.Lang, n float64, one, many string) string {
	text := many
	if n <= 1 {
		text = one
	}
	return l.T(text, number(l, n))
}

// number writes an amount: as few places as it needs, and quarters as such.
func number(l lang.Lang, n float64) string {
	whole := float64(int64(n))
	if part, ok := parts[n-whole]; ok {
		if whole == 0 {
			return part
		}
		return l.Number(whole, 0) + part
	}
	places := 0
	for places < 3 && n*pow10[places] != float64(int64(n*pow10[places])) {
		places++
	}
	return l.Number(n, places)
}

var (
	parts = map[float64]string{0.25: "¼", 0.5: "½", 0.75: "¾"}
	pow10 = [...]float64{1, 10, 100, 1000}
)

// quantity says a Quantity; half a tablet is what people call it.
func quantity(l lang.Lang, q fhir.Node) string {
	n, ok := q.Get("value").Number()
	if !ok || n < 0 {
		return ""
	}
	u := unitOf(q)
	if n == 0.5 && u == doseUnits["tablet"] {
		return l.T("half a tablet")
	}
	return count(l, n, u.one, u.many)
}

// amount says the dose of a doseAndRate.
func amount(l lang.Lang, n fhir.Node) string {
	if q := n.Get("doseQuantity"); q.Exists() {
		return quantity(l, q)
	}
	low, high := n.Get("doseRange", "low"), n.Get("doseRange", "high")
	a, okA := low.Get("value").Number()
	b, okB := high.Get("value").Number()
	switch {
	case okA && okB:
		u := unitOf(high)
		return l.T(u.many, l.T("%[1]s to %[2]s", number(l, a), number(l, b)))
	case okB:
		return l.T("up to %s", quantity(l, high))
	case okA:
		return l.T("%s or more", quantity(l, low))
	}
	return ""
}
