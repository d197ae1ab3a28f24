// Package link makes the links in texts and e-mails and decides who may open
// one.
//
// A link never gives itself away: looking one up by GET reads nothing, and
// only the right second factor, sent by POST, opens it. Of a token only the
// SHA-256 is kept.
//
// Spec: NIST SP 800-63B §5.2.2 (rate limiting)
package link

import (
	"context"
	"io"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/store/db"
)

// The second factors.
const (
	DOB  = "dob"  // the patient's date of birth
	None = "none" // a button alone, for messages that say nothing of health
)

// New is a link to make.
type New struct {
	Message string
	Patient string
	Factor  string // DOB or None
	Expires time.Time
	Short   bool // for texts: 12 letters and digits instead of 32
}

// Opened is a link that somebody opened, and all that it opens.
type Opened struct {
	Link    string
	Message string
	Patient string
	Device  string // new token for the browser, good for DeviceLife
	Session string // new token for the pages of this link, good for SessionLife
	First   bool   // nobody had opened it before
}

// Limits of a link.
const (
	TriesToLock = 3
	TriesToDie  = 6
	LockTime    = 15 * time.Minute
	DeviceLife  = 30 * 24 * time.Hour
	SessionLife = 30 * time.Minute
)

// The refusals. ErrGone says the same of a link that ended, that was taken
// back and that never was.
var (
	ErrWrong  = errs.New(errs.Invalid, "That date does not match what we have. Please check it and try again.")
	ErrLocked = errs.New(errs.TooMany, "That was too many tries. Please wait 15 minutes, or call us.")
	ErrGone   = errs.New(errs.NotFound, "This link no longer opens. We can send you a new one.")
)

// born is what links need of package patient.
type born interface {
	BornOn(ctx context.Context, patient, date string) (bool, error)
}

// Store keeps links.
type Store struct {
	db   *db.DB
	ids  *ids.Source
	now  func() time.Time
	rand io.Reader
	born born
}

// NewStore returns a store that takes randomness from rand and asks born for
// dates of birth.
func NewStore(d *db.DB, ids *ids.Source, now func() time.Time, rand io.Reader, born born) *Store {
	return &Store{db: d, ids: ids, now: now, rand: rand, born: born}
}

// Create makes a link in the transaction of its message and returns its
// token, which is kept nowhere.
func (s *Store) Create(ctx context.Context, tx *db.Tx, n New) (token string, err error) {
	return "", errs.New(errs.Unavailable, "not yet")
}

// Open opens the link of token for whoever knows the date of birth born
// (YYYY-MM-DD) or holds the device token of a browser that did.
func (s *Store) Open(ctx context.Context, token, born, device string) (Opened, error) {
	return Opened{}, errs.New(errs.Unavailable, "not yet")
}

// Retract takes back every link of message, inside the transaction of the
// cause: nobody opens them any more, and their pages stop showing.
func (s *Store) Retract(ctx context.Context, tx *db.Tx, message string) error {
	return errs.New(errs.Unavailable, "not yet")
}
