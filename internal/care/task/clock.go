package task

import "time"

// Hours are when the clinic works, in its own zone.
type Hours struct {
	Zone   *time.Location
	Open   map[time.Weekday]Span
	Closed func(day time.Time) bool // holidays; nil: none
}

// Span is from when to when, in minutes after midnight.
type Span struct{ From, To int }

// Usual returns the hours of a clinic that said nothing else: Monday to
// Friday, 8 to 5.
func Usual(zone *time.Location) Hours {
	h := Hours{Zone: zone, Open: map[time.Weekday]Span{}}
	for d := time.Monday; d <= time.Friday; d++ {
		h.Open[d] = Span{8 * 60, 17 * 60}
	}
	return h
}

// farthest is how many days are looked through for one of work: a clinic
// without any has no clock to keep, and gets what comes after them.
const farthest = 60

// Due returns by when something that was asked at a time is answered.
func (h Hours) Due(asked time.Time, r Rule) time.Time {
	if r.Days > 0 {
		return h.afterDays(asked, r.Days)
	}
	return h.afterHours(asked, time.Duration(r.Hours)*time.Hour)
}

// afterDays is the end of the working day that lies n working days after the
// day of asking. What comes after hours was asked on the next working day.
func (h Hours) afterDays(asked time.Time, n int) time.Time {
	day, left := asked.In(h.Zone), n
	_, to, works := h.of(day)
	if !works || !asked.Before(to) {
		left++ // the day of asking is the next one of work
	}
	for range farthest {
		if works && left == 0 {
			return to
		}
		day = next(day)
		if _, to, works = h.of(day); works {
			left--
		}
	}
	return day
}

// afterHours counts working time alone, up to the next quarter of an hour.
func (h Hours) afterHours(asked time.Time, left time.Duration) time.Time {
	day := asked.In(h.Zone)
	for range farthest {
		if from, to, works := h.of(day); works {
			if asked.After(from) {
				from = asked.In(h.Zone)
			}
			room := max(to.Sub(from), 0)
			if room >= left {
				return from.Add(left + quarter - time.Nanosecond).Truncate(quarter)
			}
			left -= room
		}
		day = next(day)
	}
	return day
}

const quarter = 15 * time.Minute

// of returns when the clinic opens and closes on a day.
func (h Hours) of(day time.Time) (from, to time.Time, works bool) {
	s, ok := h.Open[day.Weekday()]
	if !ok || s.To <= s.From || h.Closed != nil && h.Closed(day) {
		return from, to, false
	}
	at := func(minutes int) time.Time {
		return time.Date(day.Year(), day.Month(), day.Day(), minutes/60, minutes%60, 0, 0, h.Zone)
	}
	return at(s.From), at(s.To), true
}

func next(day time.Time) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, day.Location())
}
