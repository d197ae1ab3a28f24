// Package law holds what the law says about when and how people may be
// written to, as dated rows that a lawyer can read.
//
// Rows only ever narrow one another: what every row that covers somebody
// allows is allowed, and of states that differ the strictest counts. A clinic
// may lay its own file beside the one that comes with Hale.
//
// Spec: 47 CFR 64.1200 (calls and texts), 5 U.S.C. 6103 (holidays)
package law

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed data/*.json
var files embed.FS

// Rule says in which hours somebody may be reached.
type Rule struct {
	Where     string   `json:"where"`              // US, US-FL; *: everywhere
	Channels  []string `json:"channels,omitempty"` // empty: all
	Classes   []string `json:"classes,omitempty"`  // of messages; empty: all
	Days      []string `json:"days,omitempty"`     // mon, tue, …; empty: all
	From      int      `json:"from"`               // full hours on the person's clock
	To        int      `json:"to"`                 // From: not on that day at all
	ValidFrom string   `json:"validFrom"`          // YYYY-MM-DD
	ValidTo   string   `json:"validTo,omitempty"`  // the first day on which it no longer holds; empty: open
	Name      string   `json:"name"`
	Source    string   `json:"source"`
	Checked   string   `json:"checked,omitempty"` // the day on which its source was looked up
	Verify    string   `json:"verify,omitempty"`  // what is still to be confirmed about it
}

// Holiday is a day that comes back every year.
type Holiday struct {
	Where     string `json:"where"`
	Name      string `json:"name"`
	On        string `json:"on"`                 // 07-04, 3 mon 01, last mon 05, easter -47
	Observed  bool   `json:"observed,omitempty"` // on the Friday before or the Monday after, where it falls on a weekend
	ValidFrom string `json:"validFrom"`
	ValidTo   string `json:"validTo,omitempty"`
	Source    string `json:"source"`
	Checked   string `json:"checked,omitempty"`
	Verify    string `json:"verify,omitempty"`
}

// Quiet says what does not go out on holidays.
type Quiet struct {
	Where     string   `json:"where"`
	Channels  []string `json:"channels,omitempty"`
	Classes   []string `json:"classes,omitempty"`
	ValidFrom string   `json:"validFrom"`
	ValidTo   string   `json:"validTo,omitempty"`
	Source    string   `json:"source"`
}

// Reach is how far a STOP goes.
type Reach string

// The reaches, each of which holds the one before.
const (
	Topic   Reach = "topic"   // messages like the one that it answers
	Channel Reach = "channel" // all texts
	Calls   Reach = "calls"   // all texts and automated calls, whatever they are about
)

// Stop says how far a STOP goes at least, and how soon it has to be honoured.
type Stop struct {
	Where     string `json:"where"`
	Reach     Reach  `json:"reach"`
	Days      int    `json:"days"` // working days
	ValidFrom string `json:"validFrom"`
	ValidTo   string `json:"validTo,omitempty"`
	Name      string `json:"name"`
	Source    string `json:"source"`
	Checked   string `json:"checked,omitempty"`
	Verify    string `json:"verify,omitempty"`
}

// Book is everything the law says.
type Book struct {
	About         string    `json:"about,omitempty"`
	Hours         []Rule    `json:"hours"`
	Holidays      []Holiday `json:"holidays,omitempty"`
	QuietHolidays []Quiet   `json:"quietHolidays,omitempty"`
	Stops         []Stop    `json:"stops,omitempty"`

	places *places
	mu     sync.RWMutex
	days   map[dayKey]Day
	zones  map[string][]string
}

// Default returns the book that comes with Hale.
func Default() (*Book, error) {
	text, err := files.ReadFile("data/hours.json")
	if err != nil {
		return nil, fmt.Errorf("law: %w", err)
	}
	b, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if b.places, err = readPlaces(); err != nil {
		return nil, err
	}
	return b, nil
}

// Parse reads a book, and refuses one with a row that nobody could follow.
func Parse(text []byte) (*Book, error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	b := &Book{days: map[dayKey]Day{}}
	if err := d.Decode(b); err != nil {
		return nil, fmt.Errorf("law: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("law: something follows the end of the book")
	}
	if err := b.check(); err != nil {
		return nil, fmt.Errorf("law: %w", err)
	}
	return b, nil
}

// With returns b with the rows of a clinic's own book beside its own.
func (b *Book) With(own *Book) *Book {
	return &Book{
		About: b.About, places: b.places, days: map[dayKey]Day{},
		Hours: slices.Concat(b.Hours, own.Hours), Holidays: slices.Concat(b.Holidays, own.Holidays),
		QuietHolidays: slices.Concat(b.QuietHolidays, own.QuietHolidays), Stops: slices.Concat(b.Stops, own.Stops),
	}
}

func (b *Book) check() error {
	for _, r := range b.Hours {
		if err := dated(r.Where, r.ValidFrom, r.ValidTo, r.Source); err != nil {
			return err
		}
		if r.From < 0 || r.To > 24 || r.From > r.To {
			return fmt.Errorf("%s: from %d to %d are no hours of a day", r.Name, r.From, r.To)
		}
		for _, d := range r.Days {
			if !slices.Contains(weekdays, d) {
				return fmt.Errorf("%s: %q is no day", r.Name, d)
			}
		}
	}
	for _, h := range b.Holidays {
		if err := dated(h.Where, h.ValidFrom, h.ValidTo, h.Source); err != nil {
			return err
		}
		if _, err := h.in(2026); err != nil {
			return err
		}
	}
	for _, q := range b.QuietHolidays {
		if err := dated(q.Where, q.ValidFrom, q.ValidTo, q.Source); err != nil {
			return err
		}
	}
	for _, s := range b.Stops {
		if err := dated(s.Where, s.ValidFrom, s.ValidTo, s.Source); err != nil {
			return err
		}
		if s.Days < 0 || s.Days > 30 || !slices.Contains([]Reach{Topic, Channel, Calls}, s.Reach) {
			return fmt.Errorf("%s: %d days, %q", s.Name, s.Days, s.Reach)
		}
	}
	return nil
}

// dated says whether a row says where and when it holds, and by what.
func dated(where, from, to, source string) error {
	if where == "" || source == "" {
		return fmt.Errorf("a row without its place or its source: %q %q", where, source)
	}
	if _, err := time.Parse(time.DateOnly, from); err != nil {
		return fmt.Errorf("%s: valid from %q", source, from)
	}
	if _, err := time.Parse(time.DateOnly, to); to != "" && err != nil {
		return fmt.Errorf("%s: valid to %q", source, to)
	}
	if to != "" && to <= from {
		return fmt.Errorf("%s: ends before it begins", source)
	}
	return nil
}

// holds says whether a row covers a place on a date. The state's row covers
// its state, the federal one every state.
func holds(where, validFrom, validTo string, places []string, date string) bool {
	if date < validFrom || validTo != "" && date >= validTo {
		return false
	}
	if where == "*" || slices.Contains(places, where) {
		return true
	}
	return slices.ContainsFunc(places, func(p string) bool { return strings.HasPrefix(p, where+"-") })
}

func covers(list []string, one string) bool { return len(list) == 0 || slices.Contains(list, one) }

// Stop returns how far a STOP goes at least on a day, and by when it has to
// be honoured.
func (b *Book) Stop(at time.Time) Stop {
	var last Stop
	date := at.Format(time.DateOnly)
	for _, s := range b.Stops {
		if holds(s.Where, s.ValidFrom, s.ValidTo, []string{"US"}, date) && s.ValidFrom >= last.ValidFrom {
			last = s
		}
	}
	if last.Reach == "" {
		return Stop{Reach: Calls, Days: 10, Name: "no row covers this day: the strictest reading"}
	}
	return last
}
