package visit

import (
	"context"
	"time"

	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Parts of the day that may suit, as bits of Wish.Parts.
const (
	Morning   = 1 << iota // up to noon
	Afternoon             // noon to 5 pm
	Evening               // from 5 pm
)

// Wish says which earlier times would suit.
type Wish struct {
	Days   int    // bit 0 is Sunday
	Parts  int    // Morning, Afternoon, Evening
	Notice int    // hours they need to come
	Same   bool   // only with the clinician of the visit
	By     string // the account that asked
}

// Wait is a place in the line.
type Wait struct {
	Wish
	Visit   string
	Patient string
	Since   time.Time
	Offer   Offer // the open one; its ID is empty: none
}

// Offer is an earlier time that is kept for somebody until it expires.
type Offer struct {
	ID      string
	Visit   string
	Patient string
	State   OfferState
	Slot    Slot
	Now     time.Time // when the visit is until then
	At      time.Time
	Expires time.Time
}

// OfferState is what became of an offer.
type OfferState string

// The states. A void offer was taken back: the visit was cancelled, or moved
// to a time that is earlier still.
const (
	OfferOpen     OfferState = "open"
	OfferTaken    OfferState = "taken"
	OfferDeclined OfferState = "declined"
	OfferLapsed   OfferState = "lapsed"
	OfferVoid     OfferState = "void"
)

// Notice is what a patient should be told about a visit.
type Notice struct {
	Kind    string // offer, cancelled, moved, booked
	Patient string
	Visit   string
	Offer   string
	Reason  string // of cancelled: what the clinic says of it
}

// The kinds of notices.
const (
	ToldOffer     = "offer"
	ToldCancelled = "cancelled"
	ToldMoved     = "moved"
	ToldBooked    = "booked"
)

// Teller puts notices on their way, in the transaction of their cause.
type Teller interface {
	TellVisit(ctx context.Context, tx *db.Tx, n Notice) error
}

// Tell returns a copy of s that has patients told by t.
func (s *Store) Tell(t Teller) *Store {
	told := *s
	told.teller = t
	return &told
}

// In returns a copy of s that reads days and hours in zone.
func (s *Store) In(zone *time.Location) *Store {
	there := *s
	there.zone = zone
	return &there
}

// The wish has to leave something to offer.
var (
	errNoDay     = errs.New(errs.Invalid, "Please choose at least one day.")
	errNoPart    = errs.New(errs.Invalid, "Please choose at least one time of day.")
	errOfferOver = errs.New(errs.Conflict, "This offer is over. You still have the time you had.")
	errOfferGone = errs.New(errs.NotFound, "This offer is over. You still have the time you had.")
)

// valid says whether a wish can be met.
func (w Wish) valid() error {
	switch {
	case w.Days&127 == 0:
		return errNoDay
	case w.Parts&(Morning|Afternoon|Evening) == 0:
		return errNoPart
	}
	return nil
}

// suits says whether a time suits, as the clocks in zone have it.
func (w Wish) suits(at, now time.Time, zone *time.Location) bool {
	l := at.In(zone)
	part := Morning
	switch h := l.Hour(); {
	case h >= 17:
		part = Evening
	case h >= 12:
		part = Afternoon
	}
	return w.Days&(1<<int(l.Weekday())) != 0 && w.Parts&part != 0 && !at.Before(now.Add(time.Duration(w.Notice)*time.Hour))
}

// How long an offer stands: a quarter of what is left until it begins, but
// long enough to be read and not so long that the next one gets no chance.
const (
	shortest = 30 * time.Minute
	longest  = 12 * time.Hour
	soonest  = 2 * time.Hour // before a time, nobody is asked any more
)

// Until returns when an offer of a time that begins at start expires, if it
// is made at a time.
func Until(at, start time.Time) time.Time {
	life := min(max(start.Sub(at)/4, shortest), longest)
	if last := start.Add(-soonest / 2); at.Add(life).After(last) {
		return last
	}
	return at.Add(life)
}
