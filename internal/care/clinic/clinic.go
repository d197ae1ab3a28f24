// Package clinic keeps what the clinic says about itself: its name, address
// and telephone, when it is open, its colour and its logo. All of it can be
// changed while Hale runs, and taken back.
package clinic

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hale/internal/base/errs"
	"hale/internal/base/phone"
)

// Settings are what the clinic says about itself.
type Settings struct {
	Name, Phone, Address string
	Brand                string            // a colour of CSS: oklch(L C H); empty: Hale's own
	Open                 [7][]Span         // by weekday, Sunday first; a day without spans is closed
	Welcome              map[string]string // by language: a sentence on the first page
	Logo                 *Picture          // nil: none
	Units                string            `json:",omitempty"` // of amounts of the body: ByCountry, Customary or Metric
}

// Span is from when to when the clinic is open, in minutes after midnight.
type Span struct{ From, To int }

// Picture is a small picture, as browsers show it.
type Picture struct {
	Media string
	Body  []byte
}

// Version is what somebody said at a time.
type Version struct {
	N int64 // 0: nobody said anything yet, and what the configuration has counts
	Settings
	By string // the account
	At time.Time
}

// Limits of what is said.
const (
	longName    = 80
	longAddress = 200
	longWelcome = 300
	largeLogo   = 150_000 // bytes
)

// Check returns what is wrong with s, in words for who typed it, and s as it
// is kept.
func Check(s Settings) (Settings, error) {
	s.Name, s.Phone, s.Address = strings.TrimSpace(s.Name), strings.TrimSpace(s.Phone), strings.TrimSpace(s.Address)
	switch {
	case s.Name == "" || utf8.RuneCountInString(s.Name) > longName:
		return s, errs.New(errs.Invalid, "Write the clinic's name, up to 80 letters: patients see it on every page.")
	case utf8.RuneCountInString(s.Address) > longAddress:
		return s, errs.New(errs.Invalid, "The address has more than 200 letters.")
	}
	if s.Phone != "" {
		if _, err := phone.Parse(s.Phone, "US"); err != nil {
			return s, errs.New(errs.Invalid, "This is no telephone number that can be called. Write it like (312) 555-0100.")
		}
	}
	if s.Brand != "" {
		c, err := ParseColour(s.Brand)
		if err != nil {
			return s, err
		}
		s.Brand = c.CSS()
	}
	if s.Units != ByCountry && s.Units != Customary && s.Units != Metric {
		return s, errUnits
	}
	for lang, text := range s.Welcome {
		if text = strings.TrimSpace(text); utf8.RuneCountInString(text) > longWelcome {
			return s, errs.New(errs.Invalid, "The welcome has more than 300 letters.")
		}
		s.Welcome[lang] = text
	}
	if s.Logo != nil && len(s.Logo.Body) > largeLogo {
		return s, errs.New(errs.Invalid, "The logo is larger than 150 kB. Save it smaller, about 400 pixels wide.")
	}
	return s, s.hours()
}

// hours says what is wrong with the spans, and sorts them.
func (s *Settings) hours() error {
	for day, spans := range s.Open {
		slices.SortFunc(spans, func(a, b Span) int { return a.From - b.From })
		for i, p := range spans {
			if p.From < 0 || p.To > 24*60 || p.From >= p.To || i > 0 && spans[i-1].To > p.From {
				return errs.New(errs.Invalid, "On "+time.Weekday(day).String()+" the clinic would close before it opens. Write the hours anew.")
			}
		}
	}
	return nil
}

// Hours says whether the clinic said when it is open.
func (s Settings) Hours() bool {
	return slices.ContainsFunc(s.Open[:], func(list []Span) bool { return len(list) > 0 })
}

// OpenAt says whether the clinic is open at t, which is in its zone, and when
// it closes or opens next, within a week. Without hours it says nothing.
func (s Settings) OpenAt(t time.Time) (open bool, next time.Time) {
	midnight := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
	for day := range 8 {
		d := midnight.AddDate(0, 0, day)
		for _, p := range s.Open[d.Weekday()] {
			from := time.Date(d.Year(), d.Month(), d.Day(), 0, p.From, 0, 0, t.Location())
			to := time.Date(d.Year(), d.Month(), d.Day(), 0, p.To, 0, 0, t.Location())
			if !t.Before(from) && t.Before(to) {
				return true, to
			}
			if from.After(t) {
				return false, from
			}
		}
	}
	return false, time.Time{}
}
