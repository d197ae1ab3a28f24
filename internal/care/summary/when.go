package summary

import (
	"slices"

	"hale/internal/standard/fhir"
)

// dated are the elements that say when something was, the best first. What
// begins and ends apart has its end in ends.
var dated = map[string][]string{
	"Condition":           {"onsetDateTime", "onsetPeriod", "recordedDate"},
	"AllergyIntolerance":  {"onsetDateTime", "onsetPeriod", "recordedDate"},
	"MedicationRequest":   {"authoredOn"},
	"MedicationStatement": {"effectiveDateTime", "effectivePeriod", "dateAsserted"},
	"Procedure":           {"performedDateTime", "performedPeriod"},
	"Immunization":        {"occurrenceDateTime", "recorded"},
	"Goal":                {"startDate"},
	"Appointment":         {"start", "created"},
}

// else dated.
var usually = []string{"effectiveDateTime", "effectivePeriod", "effectiveInstant", "performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod",
	"period", "billablePeriod", "servicedDate", "date", "dateTime", "authoredOn", "authored", "issued", "sent", "started", "whenHandedOver", "created", "recorded", "receivedTime"}

// lasting are the states in which something goes on.
var lasting = []string{"active", "recurrence", "relapse", "on-hold", "in-progress", "accepted", "proposed", "planned", "on-track"}

// when returns the time that a resource is about. What goes on reaches to
// the end of time.
func when(typ string, n fhir.Node) fhir.Span {
	names := dated[typ]
	if names == nil {
		names = usually
	}
	for _, name := range names {
		span, ok := n.Get(name).Date()
		if !ok {
			continue
		}
		switch typ {
		case "Condition", "AllergyIntolerance", "MedicationRequest", "Goal":
			span = lasts(n, span)
		}
		return span
	}
	return fhir.Span{}
}

// lasts returns a span up to where it ended, or without an end.
func lasts(n fhir.Node, span fhir.Span) fhir.Span {
	for _, name := range []string{"abatementDateTime", "abatementPeriod"} {
		if end, ok := n.Get(name).Date(); ok {
			span.High = end.High
			return span
		}
	}
	status := first(n.Get("clinicalStatus", "coding", "code").Text(), n.Get("lifecycleStatus").Text(), n.Get("status").Text())
	if status == "" || slices.Contains(lasting, status) {
		span.High = fhir.Latest
	}
	return span
}

// first returns the first text that says something.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
