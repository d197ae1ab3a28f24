package fhir

import (
	"errors"
	"time"
)

// Span is the time that a date of any precision covers: from Low until just
// before High.
type Span struct{ Low, High time.Time }

var errDate = errors.New("not a FHIR date, dateTime or instant")

// ParseDate reads a date, dateTime or instant of any precision: 2026,
// 2026-03, 2026-03-02, 2026-03-02T12:30, …:00, …:00.123, with an offset or
// without, which counts as UTC.
//
// Spec: https://hl7.org/fhir/R4/datatypes.html#dateTime and https://hl7.org/fhir/R4/search.html#date
func ParseDate(s string) (Span, error) {
	switch len(s) {
	case 4:
		t, err := time.Parse("2006", s)
		return span(t, t.AddDate(1, 0, 0), err)
	case 7:
		t, err := time.Parse("2006-01", s)
		return span(t, t.AddDate(0, 1, 0), err)
	case 10:
		t, err := time.Parse(time.DateOnly, s)
		return span(t, t.AddDate(0, 0, 1), err)
	}
	if len(s) < 16 || len(s) > 40 || s[10] != 'T' {
		return Span{}, errDate
	}
	return parseTime(s)
}

// parseTime reads a date with a time.
func parseTime(s string) (Span, error) {
	clock, zone := s[11:], "Z"
	for i := range len(clock) {
		if c := clock[i]; c == 'Z' || c == '+' || c == '-' {
			clock, zone = clock[:i], clock[i:]
			break
		}
	}
	width := time.Second
	switch {
	case len(clock) == 5:
		clock, width = clock+":00", time.Minute
	case len(clock) > 9 && clock[8] == '.':
		width = fraction(len(clock) - 9)
	case len(clock) != 8:
		return Span{}, errDate
	}
	t, err := time.Parse(time.RFC3339Nano, s[:11]+clock+zone)
	return span(t.UTC(), t.UTC().Add(width), err)
}

// fraction is how long a time with that many digits behind the point lasts;
// no shorter than a microsecond, which is what the database keeps.
func fraction(digits int) time.Duration {
	d := time.Second
	for range digits {
		d /= 10
	}
	return max(d, time.Microsecond)
}

func span(low, high time.Time, err error) (Span, error) {
	if err != nil || low.Year() < 1 || low.Year() > 9999 {
		return Span{}, errDate
	}
	return Span{low, high}, nil
}

// Date returns the time that n covers: a date as text, or a Period, Timing
// or list of dates. A side left open reaches to the edge of time.
func (n Node) Date() (Span, bool) {
	n = n.first()
	if n.IsText() {
		s, err := ParseDate(n.Text())
		return s, err == nil
	}
	if !n.IsObject() {
		return Span{}, false
	}
	start, low := n.Get("start").Date()
	end, high := n.Get("end").Date()
	if !low {
		start.Low = Earliest
	}
	if !high {
		end.High = Latest
	}
	return Span{start.Low, end.High}, low || high
}

// Earliest and Latest are the edges of time: what an open side of a Period
// reaches to.
var (
	Earliest = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	Latest   = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)
