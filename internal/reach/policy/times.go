package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/base/errs"
)

// Times are when the messages of one outreach may leave, by the clock of who
// gets them. They narrow what the law and the person's wishes leave, and
// never widen it. The zero Times narrow nothing.
type Times struct {
	Days   Days `json:"days,omitempty"` // empty: every day
	From   int  `json:"from,omitempty"` // full hours; To 0: all day
	To     int  `json:"to,omitempty"`
	Spread int  `json:"spread,omitempty"` // hours, while the window is open, over which first messages leave evenly; 0: as soon as may be
}

// Days are days of the week, a bit for each: 1<<time.Monday.
type Days uint8

// weekdays are all seven, from Monday.
var weekdays = [...]time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}

// Has says whether d is one of the days.
func (w Days) Has(d time.Weekday) bool { return w == 0 || w&(1<<d) != 0 }

// String names the days: "Monday to Friday", "Tuesday and Thursday".
func (w Days) String() string {
	var list []string
	first, last, run := time.Weekday(-1), time.Weekday(-1), true
	for i, d := range weekdays {
		if !w.Has(d) {
			continue
		}
		if len(list) > 0 && !w.Has(weekdays[i-1]) {
			run = false
		}
		if len(list) == 0 {
			first = d
		}
		last = d
		list = append(list, d.String())
	}
	switch n := len(list); {
	case n == 7:
		return "every day"
	case n > 2 && run:
		return first.String() + " to " + last.String()
	case n > 1:
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return strings.Join(list, "")
}

// MaxSpread is over how many hours an outreach may be spread: two weeks of
// working days.
const MaxSpread = 80

// The refusals.
var (
	errHours  = errs.New(errs.Invalid, "The hours begin before they end, between 0 and 24.")
	errDays   = errs.New(errs.Invalid, "Choose at least one day of the week.")
	errSpread = errs.New(errs.Invalid, fmt.Sprintf("An outreach is spread over at most %d hours, and no more than its hours make up in the days it keeps trying.", MaxSpread))
	errNever  = errs.New(errs.Invalid, "A message of this kind goes at any hour, so it takes no hours of its own.")
)

// Check says what is wrong with h for messages of p that are tried for so
// many days.
func (h Times) Check(p Purpose, days int) error {
	switch {
	case h == (Times{}):
		return nil
	case p.AnyHour:
		return errNever
	case h.Days >= 1<<7:
		return errDays
	case h.From < 0 || h.To > 24 || h.To == 0 && h.From > 0 || h.To > 0 && h.From >= h.To:
		return errHours
	case h.Spread < 0 || h.Spread > MaxSpread || h.Spread > h.room(days):
		return errSpread
	}
	return nil
}

// room is how many hours h leaves open in so many days, at most.
func (h Times) room(days int) int {
	hours, n := h.To-h.From, 0
	if h.To == 0 {
		hours = closes - opens
	}
	for d := range time.Weekday(7) {
		if h.Days.Has(d) {
			n++
		}
	}
	return hours * max(1, n*days/7)
}

// Words say h: "Monday to Friday, 9:00 to 17:00".
func (h Times) Words() string {
	text := h.Days.String()
	if h.To > 0 {
		text += fmt.Sprintf(", %d:00 to %d:00", h.From, h.To)
	}
	return text
}

// Turn is where in a spread outreach one person's first message stands.
type Turn struct {
	Since time.Time // the outreach began
	Share float64   // of the spread, from 0 to 1: the person's own, and always the same
}

// narrow puts h into the hours that are open anyway.
func (w Window) narrow(h Times) Window {
	w.Days = h.Days
	if h.To > 0 {
		w.From, w.To = max(w.From, h.From), min(w.To, h.To)
	}
	return w
}

// outside says whether the hours of the outreach, and not those of the
// person, are what keeps w shut at t.
func (a Ask) outside(t time.Time, w Window, s *Settings) bool {
	if a.Hours.Days == 0 && a.Hours.To == 0 {
		return false
	}
	for _, name := range w.Zones {
		loc, err := s.Load(name)
		if err != nil {
			continue
		}
		at := t.In(loc)
		if !a.Hours.Days.Has(at.Weekday()) || a.Hours.To > 0 && (at.Hour() < a.Hours.From || at.Hour() >= a.Hours.To) {
			return true
		}
	}
	return false
}

// never says whether w has no hour of any day.
func (w Window) never() bool { return w.To > 0 && w.From >= w.To }

// after returns the moment at which w will have been open for span since t,
// and false if that is more than eight weeks ahead.
func (w Window) after(t time.Time, span time.Duration, s *Settings) (time.Time, bool) {
	for end := t.Add(4 * ahead); t.Before(end); {
		start, ok := w.Next(t, s)
		if !ok {
			return t, false
		}
		shut := w.shuts(start, s)
		left := shut.Sub(start)
		if span < left {
			return start.Add(span), true
		}
		span, t = span-left, shut
	}
	return t, false
}

// shuts is when a window that is open at t closes: the earliest of all zones.
func (w Window) shuts(t time.Time, s *Settings) (end time.Time) {
	for _, name := range w.Zones {
		loc, err := s.Load(name)
		if err != nil {
			continue
		}
		y, m, d := t.In(loc).Date()
		_, to, _ := w.hours(y, m, d, s.Law)
		if at := time.Date(y, m, d, to, 0, 0, 0, loc).Add(-margin); end.IsZero() || at.Before(end) {
			end = at
		}
	}
	if !end.After(t) {
		end = t.Add(time.Minute)
	}
	return end
}

// turn is when it is somebody's turn in a spread outreach, at start at the
// earliest.
func (w Window) turn(start time.Time, a Ask, s *Settings) time.Time {
	if a.Hours.Spread == 0 || a.Turn.Since.IsZero() || len(a.Tried) > 0 {
		return start
	}
	if at, ok := w.after(a.Turn.Since, time.Duration(a.Turn.Share*float64(a.Hours.Spread)*float64(time.Hour)), s); ok && at.After(start) {
		return at
	}
	return start
}

// ParseDays reads days by their English names, whole or their first three
// letters.
func ParseDays(names []string) (days Days, ok bool) {
	for _, name := range names {
		i := slices.IndexFunc(weekdays[:], func(d time.Weekday) bool {
			return len(name) >= 3 && strings.HasPrefix(strings.ToLower(d.String()), strings.ToLower(name))
		})
		if i < 0 {
			return 0, false
		}
		days |= 1 << weekdays[i]
	}
	return days, true
}
