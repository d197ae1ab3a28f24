// Package arrival knows how far each source of the records has come: when it
// last brought everything, when it last failed, when the next run is due.
//
// What has not arrived must not look like what is not there, so each list of
// a record asks here what it may say of itself.
package arrival

import (
	"slices"
	"strings"
	"time"

	"hale/internal/access"
)

// Feed is one source of the records.
type Feed struct {
	Name   string            // as the provenance of what it brings names it
	Title  string            // in plain words; empty: Name
	Brings []access.Category // the parts of the record; empty: all of them
	Every  time.Duration     // between runs that are expected; 0: no schedule
	Began  time.Time         // the newest run
	Good   time.Time         // the newest run that ended well; zero: none yet
	Failed time.Time         // the first run that failed after that; zero: none
	Reason string            // why it failed, for the staff
}

// Called is what people read.
func (f Feed) Called() string {
	if f.Title != "" {
		return f.Title
	}
	return f.Name
}

// For says whether the feed brings any of some parts of the record.
func (f Feed) For(parts ...access.Category) bool {
	return len(f.Brings) == 0 || len(parts) == 0 ||
		slices.ContainsFunc(parts, func(c access.Category) bool { return slices.Contains(f.Brings, c) })
}

// State is what can be said of a source.
type State int

// The states, from the best to the worst.
const (
	Whole  State = iota // everything it had is here
	Coming              // its first run is not over
	Away                // it failed, or is late
)

// State returns how a feed stands now, and since when.
func (f Feed) State(now time.Time) (State, time.Time) {
	switch {
	case !f.Failed.IsZero():
		return Away, f.Failed
	case f.Good.IsZero():
		return Coming, f.Began
	case f.Every > 0 && now.Sub(f.Good) > f.Every+f.Every/2:
		return Away, f.Good.Add(f.Every)
	}
	return Whole, f.Good
}

// Standing is what a list of the record says of itself.
type Standing struct {
	State State
	Feed  Feed      // the one that stands worst
	Since time.Time // of State
	Whole time.Time // everything up to then is here, from every feed; zero: not known
	From  []string  // the names of the feeds
}

// Of returns how feeds stand together for a list of some parts of the record.
func Of(feeds []Feed, now time.Time, parts ...access.Category) Standing {
	var s Standing
	unknown := false
	for _, f := range feeds {
		if !f.For(parts...) {
			continue
		}
		s.From = append(s.From, f.Called())
		state, since := f.State(now)
		if state > s.State {
			s.State, s.Feed, s.Since = state, f, since
		}
		if unknown = unknown || f.Good.IsZero(); unknown {
			s.Whole = time.Time{}
		} else if s.Whole.IsZero() || f.Good.Before(s.Whole) {
			s.Whole = f.Good
		}
	}
	return s
}

// written writes parts as the table has them.
func written(parts []access.Category) string {
	list := make([]string, len(parts))
	for i, c := range parts {
		list[i] = string(c)
	}
	return strings.Join(list, ",")
}

// read is the other way round; what is no part is left out.
func read(text string) []access.Category {
	var list []access.Category
	for word := range strings.SplitSeq(text, ",") {
		if c := access.Category(word); slices.Contains(access.Categories, c) {
			list = append(list, c)
		}
	}
	return list
}
