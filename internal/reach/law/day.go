package law

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Day is what holds on one day.
type Day struct {
	From, To int    // full hours; equal: not at all
	Name     string // of the row that narrows most
	Source   string
}

type dayKey struct {
	places, channel, class string
	date                   int // days since 1970
}

// maxDays bounds what is remembered.
const maxDays = 1 << 16

// Day returns in which hours of a date, somewhere that lies in all of places
// (US, US-FL; several where it is not known which), a message of class may
// come by channel. A date is a count of days since 1970.
func (b *Book) Day(places []string, channel, class string, date int) Day {
	k := dayKey{channel: channel, class: class, date: date}
	if len(places) == 1 {
		k.places = places[0]
	} else {
		k.places = strings.Join(places, ",")
	}
	b.mu.RLock()
	d, ok := b.days[k]
	b.mu.RUnlock()
	if ok {
		return d
	}
	d = b.day(places, channel, class, date)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.days) >= maxDays {
		clear(b.days)
	}
	b.days[k] = d
	return d
}

func (b *Book) day(places []string, channel, class string, date int) Day {
	at := time.Unix(int64(date)*24*3600, 0).UTC()
	text := at.Format(time.DateOnly)
	d := Day{From: 0, To: 24}
	for _, r := range b.Hours {
		if !holds(r.Where, r.ValidFrom, r.ValidTo, places, text) || !covers(r.Channels, channel) || !covers(r.Classes, class) || !covers(r.Days, weekdays[at.Weekday()]) {
			continue
		}
		if r.From > d.From || r.To < d.To {
			d.Name, d.Source = r.Name, r.Source
		}
		d.From, d.To = max(d.From, r.From), min(d.To, r.To)
	}
	for _, q := range b.QuietHolidays {
		if !holds(q.Where, q.ValidFrom, q.ValidTo, places, text) || !covers(q.Channels, channel) || !covers(q.Classes, class) {
			continue
		}
		if h, ok := b.holiday(places, at); ok {
			return Day{Name: h.Name, Source: q.Source}
		}
	}
	if d.From >= d.To {
		d.From, d.To = 0, 0
	}
	return d
}

// holiday returns the holiday that a date is, if it is one.
func (b *Book) holiday(places []string, at time.Time) (Holiday, bool) {
	text := at.Format(time.DateOnly)
	for _, h := range b.Holidays {
		if !holds(h.Where, h.ValidFrom, h.ValidTo, places, text) {
			continue
		}
		for _, y := range [2]int{at.Year(), at.Year() + 1} { // a New Year's Day is observed the year before
			if list, err := h.in(y); err == nil && slices.Contains(list, text) {
				return h, true
			}
		}
	}
	return Holiday{}, false
}

// in returns the dates of h in a year: itself, and when it is observed.
func (h Holiday) in(year int) ([]string, error) {
	day, err := h.on(year)
	if err != nil {
		return nil, err
	}
	list := []string{day.Format(time.DateOnly)}
	if h.Observed {
		switch day.Weekday() {
		case time.Saturday:
			list = append(list, day.AddDate(0, 0, -1).Format(time.DateOnly))
		case time.Sunday:
			list = append(list, day.AddDate(0, 0, 1).Format(time.DateOnly))
		}
	}
	return list, nil
}

func (h Holiday) on(year int) (time.Time, error) {
	bad := fmt.Errorf("%s: %q is no day of a year", h.Name, h.On)
	words := strings.Fields(h.On)
	switch {
	case len(words) == 1:
		day, err := time.Parse("2006-01-02", fmt.Sprintf("%04d-%s", year, h.On))
		if err != nil {
			return day, bad
		}
		return day, nil
	case len(words) == 2 && words[0] == "easter":
		n, err := strconv.Atoi(words[1])
		if err != nil || n < -100 || n > 100 {
			return time.Time{}, bad
		}
		return easter(year).AddDate(0, 0, n), nil
	case len(words) == 3:
		month, err := strconv.Atoi(words[2])
		weekday := slices.Index(weekdays, words[1])
		if err != nil || month < 1 || month > 12 || weekday < 0 {
			return time.Time{}, bad
		}
		if words[0] == "last" {
			last := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC)
			return last.AddDate(0, 0, -((int(last.Weekday()) - weekday + 7) % 7)), nil
		}
		n, err := strconv.Atoi(words[0])
		if err != nil || n < 1 || n > 4 {
			return time.Time{}, bad
		}
		first := time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
		return first.AddDate(0, 0, (weekday-int(first.Weekday())+7)%7+7*(n-1)), nil
	}
	return time.Time{}, bad
}

// easter is Easter Sunday of a year in the Gregorian calendar.
func easter(y int) time.Time {
	a, b, c := y%19, y/100, y%100
	h := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	l := (32 + 2*(b%4) + 2*(c/4) - h - c%4) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(y, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}

// Due returns the end of the nth working day after at, on the clock of loc:
// no Saturday, Sunday or federal holiday.
func (b *Book) Due(at time.Time, n int, loc *time.Location) time.Time {
	y, m, d := at.In(loc).Date()
	for k := 1; ; k++ {
		day := time.Date(y, m, d+k, 0, 0, 0, 0, time.UTC)
		if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			continue
		}
		if _, holiday := b.holiday([]string{"US"}, day); holiday {
			continue
		}
		if n--; n <= 0 {
			return time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, loc)
		}
	}
}
