// Package release decides when a result may be seen.
//
// A result is there for its patient as soon as it is final. It waits only
// where a named rule says so: a state's law, a clinician who fears harm, or
// the patient's own wish. Each hold has a basis, an end, and a row that stays.
// What waits is in table shield, through which everything reads: pages,
// messages, the API, exports and notices alike.
//
// Spec: 45 CFR 171.201 (preventing harm), 45 CFR 164.524(a)(3); Tex. Occ. Code § 159.0062
package release

import (
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/record"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// The rules that are no state's.
const (
	ByClinician = "clinician"
	ByWish      = "wish"
)

// The bounds. ClinicianMost is how long a clinician may hold a result
// altogether: 45 CFR 171.201(b) asks that it be no broader than is needed.
const (
	ClinicianMost = 14 * 24 * time.Hour
	WishMost      = 14 // days
	openEnd       = 30 * 24 * time.Hour
)

// Harm is why a clinician may hold a result.
type Harm struct{ ID, Words, Basis string }

// Harms are the reasons that the law knows.
//
// Spec: 45 CFR 171.201(c) and (d), 45 CFR 164.524(a)(3)
func Harms() []Harm {
	return []Harm{
		{"life", "Seeing it now may endanger somebody’s life or safety", "45 CFR 171.201(d)(3) with 45 CFR 164.524(a)(3)(i)"},
		{"other", "It names another person, whom it may harm seriously", "45 CFR 171.201(d)(2) with 45 CFR 164.524(a)(3)(ii)"},
		{"representative", "Somebody who acts for the patient would see it, and may do the patient serious harm", "45 CFR 171.201(d)(1) with 45 CFR 164.524(a)(3)(iii)"},
		{"wrong", "It may be mixed up or wrong, and is being checked", "45 CFR 171.201(c)(2)"},
	}
}

// harm returns the reason named id.
func harm(id string) (Harm, bool) {
	for _, h := range Harms() {
		if h.ID == id {
			return h, true
		}
	}
	return Harm{}, false
}

// Hold is one result that waits, or waited.
type Hold struct {
	ID, Patient    string
	Type, Resource string
	Sort           string // empty for an ordinary test
	Rule           string // a pack's id, clinician, wish
	Basis          string
	Reason         string
	SetBy          string // an account; empty: the rule did
	SetAt          time.Time
	Final          time.Time // zero: not final yet
	Until, Most    time.Time
	Early, Tell    bool
	ReleasedAt     time.Time
	ReleasedBy     string // an account, or Time
	Note           string
}

// Time is who released a hold whose time had come.
const Time = "time"

// Open says whether h still waits at now.
func (h Hold) Open(now time.Time) bool { return h.ReleasedAt.IsZero() && h.Until.After(now) }

// The refusals.
var (
	errLaw     = errs.New(errs.Conflict, "The law that holds this result names a day, and nobody may show it before. You may tell the patient yourself, by phone or in person.")
	errNote    = errs.New(errs.Invalid, "Please write a few words: the note stays with the result.")
	errHarm    = errs.New(errs.Invalid, "Please choose why. A result may wait only for a reason that the law knows.")
	errLong    = errs.New(errs.Invalid, "That is longer than the reason for this hold allows.")
	errPast    = errs.New(errs.Invalid, "That day is over. Please choose a day to come.")
	errGone    = errs.New(errs.Conflict, "This result has been released in the meantime.")
	errWaiting = errs.New(errs.Conflict, "This result waits already.")
	errWish    = errs.New(errs.Invalid, "Please choose one of the ways we offer.")
	errNothing = errs.New(errs.NotFound, "We could not find that result.")
)

// Config is all a Store needs.
type Config struct {
	DB     *db.DB
	IDs    *ids.Source
	Now    func() time.Time
	Events *event.Log
	Audit  *audit.Log
	Book   Book           // with the packs that are on
	Zone   *time.Location // the clinic's
}

// Store keeps holds and wishes.
type Store struct {
	Config
	types   map[string]bool
	records *record.Store // bound by Use
	tell    Teller        // bound by Use
	changed func()        // what waits is another now; may be nil
}

// New returns a store. Use binds the record afterwards, which asks this store
// about every change (Hold) and follows View.
func New(c Config) *Store {
	s := &Store{Config: c, types: map[string]bool{}}
	for _, t := range c.Book.types() {
		s.types[t] = true
	}
	return s
}

// Use binds the record that wishes are kept in, who is told what was
// released, and what is called when something begins or ends to wait.
func (s *Store) Use(records *record.Store, tell Teller, changed func()) {
	s.records, s.tell, s.changed = records, tell, changed
}

func (s *Store) touched() {
	if s.changed != nil {
		s.changed()
	}
}
