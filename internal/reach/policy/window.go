package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/base/phone"
	"hale/internal/reach/law"
)

// margin ends a window a little early: a message claimed in the last moment
// still has to travel.
const margin = 2 * time.Minute

// Window is the hours in which a message may arrive: From to To on the
// clocks of all Zones at once, and of these what the law leaves for a
// message of Class by Channel to somebody in Places, on Days alone. The zero
// Window is always open.
type Window struct {
	From, To int
	Days     Days // empty: every day
	Zones    []string
	Places   []string // US-IL; several where it is not known which
	Channel  string
	Class    string
}

// Zones loads time zones. LoadZone of package time reads a file each time.
type Zones func(name string) (*time.Location, error)

// String writes the window as ParseWindow reads it.
func (w Window) String() string {
	if w.To == 0 {
		return ""
	}
	days := ""
	if w.Days != 0 {
		days = fmt.Sprintf("/%d", w.Days)
	}
	text := fmt.Sprintf("%d-%d%s %s", w.From, w.To, days, strings.Join(w.Zones, ","))
	if w.Class != "" {
		text += " " + w.Channel + "/" + w.Class + "@" + strings.Join(w.Places, ",")
	}
	return text
}

// ParseWindow reads what String wrote; "" is the window that is always open.
func ParseWindow(text string) (Window, error) {
	if text == "" {
		return Window{}, nil
	}
	var w Window
	words := strings.Split(text, " ")
	if len(words) != 2 && len(words) != 3 {
		return w, fmt.Errorf("policy: window %q", text)
	}
	hours, days, some := strings.Cut(words[0], "/")
	if _, err := fmt.Sscanf(hours, "%d-%d", &w.From, &w.To); err != nil {
		return w, fmt.Errorf("policy: window %q: %w", text, err)
	}
	if some {
		n, err := strconv.ParseUint(days, 10, 7)
		if err != nil {
			return w, fmt.Errorf("policy: window %q: %w", text, err)
		}
		w.Days = Days(n)
	}
	w.Zones = strings.Split(words[1], ",")
	if len(words) == 3 {
		about, places, ok := strings.Cut(words[2], "@")
		w.Channel, w.Class, _ = strings.Cut(about, "/")
		if !ok || w.Class == "" {
			return w, fmt.Errorf("policy: window %q", text)
		}
		w.Places = strings.Split(places, ",")
	}
	return w, nil
}

// ahead is how far a window is looked along for its next opening.
const ahead = 14 * 24 * time.Hour

// Next returns the first moment at or after t at which the window is open,
// and false if there is none within two weeks.
func (w Window) Next(t time.Time, s *Settings) (time.Time, bool) {
	at, _, ok := w.next(t, s)
	return at, ok
}

// next says as well which row of the law was in the way last, if one was.
func (w Window) next(t time.Time, s *Settings) (at time.Time, why law.Day, ok bool) {
	if w.To == 0 {
		return t, why, true
	}
	end := t.Add(ahead)
	for moved := true; moved; {
		moved = false
		for _, name := range w.Zones {
			loc, err := s.Load(name)
			if err != nil {
				return t, why, false
			}
			open, by := w.open(t, loc, s.Law)
			if by.Name != "" {
				why = by
			}
			if !open.Equal(t) {
				t, moved = open, true
			}
		}
		if t.After(end) {
			return t, why, false
		}
	}
	return t, why, true
}

// open returns t if the window is open at t in loc, else when it may open
// next, with the row of the law that keeps it shut.
func (w Window) open(t time.Time, loc *time.Location, book *law.Book) (time.Time, law.Day) {
	local := t.In(loc)
	y, m, d := local.Date()
	from, to, why := w.hours(y, m, d, book)
	if from < to {
		start := time.Date(y, m, d, from, 0, 0, 0, loc)
		end := time.Date(y, m, d, to, 0, 0, 0, loc).Add(-margin)
		switch {
		case local.Before(start):
			return start.In(t.Location()), why
		case local.Before(end):
			return t, law.Day{}
		}
	}
	return time.Date(y, m, d+1, w.From, 0, 0, 0, loc).In(t.Location()), why
}

// hours are the full hours of a date in which w is open.
func (w Window) hours(y int, m time.Month, d int, book *law.Book) (from, to int, why law.Day) {
	from, to = w.From, w.To
	if w.Days != 0 && !w.Days.Has(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Weekday()) {
		return 0, 0, why
	}
	if book == nil || w.Class == "" {
		return from, to, why
	}
	why = book.Day(w.Places, w.Channel, w.Class, int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()/(24*3600)))
	return max(from, why.From), min(to, why.To), why
}

// window is when f's person may be reached about p by c. A zone that is known
// decides alone; where none is, it has to be day in every zone the person
// may be in.
func window(f *Facts, p Purpose, s *Settings, c Channel) Window {
	if p.AnyHour {
		return Window{}
	}
	w := Window{From: 0, To: 24, Zones: zonesOf(f, s), Places: placesOf(f, s), Channel: string(c), Class: p.Class}
	if s.Law == nil || p.Class == "" {
		w.From, w.To = opens, closes
	}
	if pref := f.preference(p.Key); pref.HourTo > 0 {
		from, to := max(opens, pref.HourFrom), min(closes, pref.HourTo)
		if from < to {
			w.From, w.To = from, to
		}
	}
	return w
}

// The hours that hold where no book of the law is laid out.
const (
	opens  = 8
	closes = 20
)

// zonesOf are the zones the person may be in: the one that is known, else
// those of the ZIP code, of the area codes and of the clinic together.
func zonesOf(f *Facts, s *Settings) []string {
	if f.Zone != "" {
		if _, err := s.Load(f.Zone); err == nil {
			return []string{f.Zone}
		}
	}
	var list []string
	add := func(names ...string) {
		for _, z := range names {
			if slices.Contains(list, z) {
				continue
			}
			if _, err := s.Load(z); err == nil {
				list = append(list, z)
			}
		}
	}
	_, zip := s.Law.Zip(f.Zip)
	add(zip...)
	for _, p := range f.Points {
		switch {
		case p.Kind == "email":
		case p.Zone != "":
			add(p.Zone)
		default:
			add(s.Law.Zones(p.Value, phone.Number(p.Value).Zones)...)
		}
	}
	nothing := len(list) == 0
	add(s.Clinic)
	if nothing {
		add(s.Anywhere...)
	}
	return list
}

// placesOf are the states the person may be in: where the record says, else
// where the ZIP code is; and those of the area codes, for the law of calls
// looks at the number.
func placesOf(f *Facts, s *Settings) []string {
	list := make([]string, 0, 3)
	if home := s.Law.State(f.State); home != "" {
		list = append(list, home)
	} else if home, _ := s.Law.Zip(f.Zip); home != "" {
		list = append(list, home)
	}
	for _, p := range f.Points {
		if p.Kind == "email" {
			continue
		}
		if at := s.Law.Area(p.Value); at != "" && !slices.Contains(list, at) {
			list = append(list, at)
		}
	}
	if len(list) == 0 {
		list = append(list, "US")
	}
	return list
}

// zone is the one whose calendar counts what somebody gets on a day.
func (w Window) zone(s *Settings) string {
	if len(w.Zones) == 0 {
		return s.Clinic
	}
	return w.Zones[0]
}

// Whereabouts are the zones and the places that f's person may be in.
func Whereabouts(f *Facts, s *Settings) (zones, places []string) {
	return zonesOf(f, s), placesOf(f, s)
}
