package medication

import (
	"slices"
	"strings"
	"time"

	"hale/internal/base/lang"
	"hale/internal/standard/fhir"
)

// period is a unit of time: how often in one, and every so many.
type period struct{ one, many, once, twice, times, every string }

// periods are the units of Timing.repeat.
//
// Spec: http://hl7.org/fhir/R4/valueset-units-of-time.html
var periods = map[string]period{
	"min": {"%s minute", "%s minutes", "every minute", "2 times a minute", "%s times a minute", "every %s minutes"},
	"h":   {"%s hour", "%s hours", "every hour", "2 times an hour", "%s times an hour", "every %s hours"},
	"d":   {"%s day", "%s days", "once a day", "twice a day", "%s times a day", "every %s days"},
	"wk":  {"%s week", "%s weeks", "once a week", "twice a week", "%s times a week", "every %s weeks"},
	"mo":  {"%s month", "%s months", "once a month", "twice a month", "%s times a month", "every %s months"},
	"a":   {"%s year", "%s years", "once a year", "twice a year", "%s times a year", "every %s years"},
}

// unitOfTime returns the unit of a Quantity of time.
func unitOfTime(q fhir.Node) (unit, bool) {
	p, ok := periods[q.Get("code").Text()]
	if !ok {
		p, ok = periods[map[string]string{"day": "d", "days": "d", "d": "d", "hour": "h", "hours": "h", "h": "h", "week": "wk", "weeks": "wk",
			"month": "mo", "months": "mo", "minutes": "min", "year": "a", "years": "a"}[strings.ToLower(q.Get("unit").Text())]]
	}
	return unit{p.one, p.many}, ok
}

// often reads out how often: twice a day, every 4 to 6 hours.
//
// Spec: https://hl7.org/fhir/R4/datatypes.html#Timing
func often(l lang.Lang, timing fhir.Node) string {
	r := timing.Get("repeat")
	length, ok := r.Get("period").Number()
	p, known := periods[r.Get("periodUnit").Text()]
	if !ok || !known || length <= 0 {
		return byCode(l, timing)
	}
	times, ok := r.Get("frequency").Number()
	if !ok {
		times = 1
	}
	if up, ok := r.Get("frequencyMax").Number(); ok && up > times && length == 1 {
		return l.T(p.times, l.T("%[1]s to %[2]s", number(l, times), number(l, up)))
	}
	if up, ok := r.Get("periodMax").Number(); ok && up > length && times == 1 {
		return l.T(p.every, l.T("%[1]s to %[2]s", number(l, length), number(l, up)))
	}
	switch {
	case times == 1 && length == 1:
		return l.T(p.once)
	case times == 2 && length == 1:
		return l.T(p.twice)
	case length == 1:
		return l.T(p.times, number(l, times))
	case times == 1 && length == 2 && p == periods["d"]:
		return l.T("every other day")
	case times == 1:
		return l.T(p.every, number(l, length))
	}
	return l.T("%s times in %s", number(l, times), count(l, length, p.one, p.many))
}

// byCode reads out a Timing.code, in our own words where it is a known
// abbreviation.
//
// Spec: http://hl7.org/fhir/R4/valueset-timing-abbreviation.html
func byCode(l lang.Lang, timing fhir.Node) string {
	code := timing.Get("code")
	for _, c := range code.Codings() {
		if words, ok := abbreviated(l, c.Code); ok {
			return words
		}
	}
	words, _ := Plain(l, code.Concept())
	if words != "" {
		words = strings.ToLower(words[:1]) + words[1:]
	}
	return words
}

// events are the moments of a day.
//
// Spec: http://hl7.org/fhir/R4/valueset-event-timing.html
var events = map[string]string{
	"MORN": "in the morning", "MORN.early": "early in the morning", "MORN.late": "late in the morning", "NOON": "at noon", "AFT": "in the afternoon",
	"AFT.early": "early in the afternoon", "AFT.late": "late in the afternoon", "EVE": "in the evening", "EVE.early": "early in the evening",
	"EVE.late": "late in the evening", "NIGHT": "at night", "PHS": "once you are asleep", "HS": "at bedtime", "WAKE": "when you wake up",
	"C": "with meals", "CM": "with breakfast", "CD": "with lunch", "CV": "with dinner", "AC": "before meals", "ACM": "before breakfast",
	"ACD": "before lunch", "ACV": "before dinner", "PC": "after meals", "PCM": "after breakfast", "PCD": "after lunch", "PCV": "after dinner",
}

var weekdays = map[string]string{"mon": "on Mondays", "tue": "on Tuesdays", "wed": "on Wednesdays", "thu": "on Thursdays", "fri": "on Fridays", "sat": "on Saturdays", "sun": "on Sundays"}

// moments says at which times of the day and on which days.
func moments(l lang.Lang, r fhir.Node) string {
	var list []string
	for n := range r.Get("when").Each() {
		words, ok := events[n.Text()]
		if !ok {
			continue
		}
		words = l.T(words)
		if before, ok := r.Get("offset").Number(); ok && before > 0 {
			words = l.T("%s minutes %s", number(l, before), words)
		}
		list = append(list, words)
	}
	for n := range r.Get("timeOfDay").Each() {
		if t, err := time.Parse(time.TimeOnly, n.Text()); err == nil {
			list = append(list, l.T("at %s", l.Clock(t)))
		}
	}
	for n := range r.Get("dayOfWeek").Each() {
		if words, ok := weekdays[n.Text()]; ok {
			list = append(list, l.T(words))
		}
	}
	return and(l, list)
}

// and joins words: in the morning, at noon and at bedtime.
func and(l lang.Lang, list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	last := len(list) - 1
	return l.T("%s and %s", strings.Join(slices.Clone(list[:last]), ", "), list[last])
}

// lasting says for how long, until when or how often in all.
func lasting(l lang.Lang, r fhir.Node) string {
	if n, ok := r.Get("boundsDuration", "value").Number(); ok {
		if u, known := unitOfTime(r.Get("boundsDuration")); known {
			return l.T("for %s", count(l, n, u.one, u.many))
		}
	}
	if end, ok := r.Get("boundsPeriod", "end").Date(); ok {
		return l.T("until %s", l.ShortDate(end.Low))
	}
	if n, ok := r.Get("count").Number(); ok && n > 0 {
		if n == 1 {
			return l.T("one time only")
		}
		return l.T("%s times in all", number(l, n))
	}
	return ""
}
