package medication

import (
	"fmt"
	"strconv"
	"strings"

	"hale/internal/standard/fhir"
)

// dose returns how to take a medicine in words: what the prescriber wrote,
// else the coded parts read out.
//
// Spec: https://hl7.org/fhir/R4/dosage.html
func dose(list fhir.Node) string {
	var said []string
	for n := range list.Each() {
		if text := one(n); text != "" {
			said = append(said, text)
		}
	}
	return strings.Join(said, ". ")
}

func one(n fhir.Node) string {
	for _, key := range [...]string{"patientInstruction", "text"} {
		if t := n.Get(key).Text(); t != "" {
			return t
		}
	}
	var words []string
	add := func(s string) {
		if s != "" {
			words = append(words, s)
		}
	}
	add(amount(n.Get("doseAndRate", "doseQuantity")))
	add(often(n.Get("timing")))
	if n.Get("asNeededBoolean").Text() == "true" {
		add("as needed")
	}
	if why := n.Get("asNeededCodeableConcept").Concept(); why != "" {
		add("as needed for " + why)
	}
	text := strings.Join(words, ", ")
	if text != "" {
		text = "Take " + text
	}
	if more := n.Get("additionalInstruction").Concept(); more != "" {
		if text != "" {
			text += ". "
		}
		text += strings.TrimSuffix(more, ".")
	}
	return text
}

func amount(q fhir.Node) string {
	v, ok := q.Get("value").Number()
	if !ok {
		return ""
	}
	unit := q.Get("unit").Text()
	if unit == "" {
		unit = "dose"
		if v != 1 {
			unit = "doses"
		}
	}
	return strconv.FormatFloat(v, 'f', -1, 64) + " " + unit
}

// often reads out Timing.repeat: 2 times a day, every 8 hours.
func often(timing fhir.Node) string {
	if code := timing.Get("code").Concept(); code != "" && !timing.Get("repeat", "frequency").Exists() {
		return code
	}
	r := timing.Get("repeat")
	times, ok := r.Get("frequency").Number()
	period, okP := r.Get("period").Number()
	unit, okU := periods[r.Get("periodUnit").Text()]
	if !ok || !okP || !okU {
		return ""
	}
	switch {
	case times == 1 && period == 1:
		return "once a " + unit
	case times == 2 && period == 1:
		return "twice a " + unit
	case period == 1:
		return fmt.Sprintf("%g times a %s", times, unit)
	case times == 1:
		return fmt.Sprintf("every %g %ss", period, unit)
	}
	return fmt.Sprintf("%g times every %g %ss", times, period, unit)
}

var periods = map[string]string{"h": "hour", "d": "day", "wk": "week", "mo": "month", "min": "minute"}
