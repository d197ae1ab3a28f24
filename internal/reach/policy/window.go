package policy

import (
	"fmt"
	"strings"
	"time"
)

// The hours in which people are left in peace, where they are: the strictest
// that is common.
const (
	opens  = 8
	closes = 20
)

// margin ends a window a little early: a message claimed in the last moment
// still has to travel.
const margin = 2 * time.Minute

// Window is the hours in which a message may arrive: From to To on the
// clocks of all Zones at once. The zero Window is always open.
type Window struct {
	From, To int
	Zones    []string
}

// Zones loads time zones. LoadZone of package time reads a file each time.
type Zones func(name string) (*time.Location, error)

// String writes the window as ParseWindow reads it.
func (w Window) String() string {
	if w.To == 0 {
		return ""
	}
	return fmt.Sprintf("%d-%d %s", w.From, w.To, strings.Join(w.Zones, ","))
}

// ParseWindow reads what String wrote; "" is the window that is always open.
func ParseWindow(text string) (Window, error) {
	if text == "" {
		return Window{}, nil
	}
	var w Window
	var zones string
	if _, err := fmt.Sscanf(text, "%d-%d %s", &w.From, &w.To, &zones); err != nil {
		return w, fmt.Errorf("policy: window %q: %w", text, err)
	}
	w.Zones = strings.Split(zones, ",")
	return w, nil
}

// Next returns the first moment at or after t at which the window is open,
// and false if there is none within two weeks.
func (w Window) Next(t time.Time, load Zones) (time.Time, bool) {
	if w.To == 0 {
		return t, true
	}
	end := t.Add(14 * 24 * time.Hour)
	for moved := true; moved; {
		moved = false
		for _, name := range w.Zones {
			loc, err := load(name)
			if err != nil {
				return t, false
			}
			if open := w.open(t, loc); !open.Equal(t) {
				t, moved = open, true
			}
		}
		if t.After(end) {
			return t, false
		}
	}
	return t, true
}

// open returns t if the window is open at t in loc, else when it opens next.
func (w Window) open(t time.Time, loc *time.Location) time.Time {
	local := t.In(loc)
	y, m, d := local.Date()
	from := time.Date(y, m, d, w.From, 0, 0, 0, loc)
	to := time.Date(y, m, d, w.To, 0, 0, 0, loc).Add(-margin)
	switch {
	case local.Before(from):
		return from.In(t.Location())
	case local.Before(to):
		return t
	}
	return time.Date(y, m, d+1, w.From, 0, 0, 0, loc).In(t.Location())
}

// window is when f's person may be reached about p. A zone that is known
// decides alone; where none is, it has to be day in every zone the person
// may be in.
func window(f *Facts, p Purpose, s Settings) Window {
	if p.AnyHour {
		return Window{}
	}
	w := Window{From: opens, To: closes, Zones: zonesOf(f, s)}
	if pref := f.preference(p.Key); pref.HourTo > 0 {
		from, to := max(w.From, pref.HourFrom), min(w.To, pref.HourTo)
		if from < to {
			w.From, w.To = from, to
		}
	}
	return w
}

func zonesOf(f *Facts, s Settings) []string {
	if f.Zone != "" {
		if _, err := s.Load(f.Zone); err == nil {
			return []string{f.Zone}
		}
	}
	for _, p := range f.Points {
		if p.Zone == "" {
			continue
		}
		if _, err := s.Load(p.Zone); err == nil {
			return []string{p.Zone}
		}
	}
	return append([]string{s.Clinic}, s.Anywhere...)
}
