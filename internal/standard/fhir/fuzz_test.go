package fhir_test

import (
	"testing"

	"hale/internal/standard/fhir"
)

// FuzzParseDate reads anything as a date: what it takes is a span that ends
// after it begins, in a year that has four digits.
func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2026", "2026-03", "2026-02-29", "2024-02-29", "2026-03-02T12:30", "2026-03-02T12:30:00.123456789+14:00", "2026-03-02T24:00:00Z", "0000", "-001", "9999-12-31T23:59:60Z", "2026-03-02T12:30:00,5Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		span, err := fhir.ParseDate(s)
		if err != nil {
			return
		}
		if !span.Low.Before(span.High) {
			t.Errorf("ParseDate(%q) = %v to %v, want it to end after it begins", s, span.Low, span.High)
		}
		if len(s) < 4 || len(s) > 40 {
			t.Errorf("ParseDate(%q) takes a date of %d characters", s, len(s))
		}
	})
}
