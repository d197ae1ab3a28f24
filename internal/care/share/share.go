// Package share holds the SMART Health Links that patients hand out, and
// what they bring from elsewhere by such a link.
//
// A link carries the only key to what is behind it. A link for once holds
// the summary of the moment, encrypted; a lasting one is written anew at each
// opening, as far as a link may see: nothing that is specially protected or
// waits. Each opening is counted and shown.
//
// Spec: https://docs.smarthealthit.org/smart-health-links/spec/
package share

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/care/summary"
	"hale/internal/standard/shlink"
)

// The bounds of links.
const (
	Tries     = 5    // wrong passcodes, for the whole life of a link
	openings  = 1000 // after so many it ends
	alive     = 30   // links of one patient at a time
	FileLife  = 30 * time.Minute
	maxLabel  = 60
	tokenSize = 32 // random bytes in an address
)

// Days are how long a link may last.
var Days = []int{1, 7, 30, 365}

// New is a link to make.
type New struct {
	Label   string
	Days    int
	Live    bool // what is behind it follows the record
	Code    bool // a passcode is asked for
	All     bool // with what is specially protected, as far as the maker sees it
	Window  summary.Window
	Summary func(id string) ([]byte, error) // writes what a link for once holds
}

// Share is a link that was made.
type Share struct {
	ID, Patient, Account, Maker string
	Label, Flags                string
	Window                      summary.Window
	Made, Until, Ended          time.Time
	Tries                       int
	Opened                      int       // how often
	Last                        time.Time // zero: never
	LastBy                      string
}

// Works says whether it opens anything now.
func (s Share) Works(now time.Time) bool {
	return s.Ended.IsZero() && now.Before(s.Until) && (s.Tries > 0 || !s.Locked())
}

// Live says whether what is behind s follows the record.
func (s Share) Live() bool { return strings.Contains(s.Flags, "L") }

// Locked says whether s asks for a passcode.
func (s Share) Locked() bool { return strings.Contains(s.Flags, "P") }

// Direct says whether s is one file, by GET.
func (s Share) Direct() bool { return strings.Contains(s.Flags, "U") }

// Secret is what a link is made of, for whoever made it.
type Secret struct {
	Link string `json:"link"` // shlink:/…
	Code string `json:"code,omitempty"`
}

// Opening is one time that a link was opened, or that a passcode was wrong.
type Opening struct {
	At        time.Time
	Recipient string
	Opened    bool
}

// Opened is what a link opens.
type Opened struct {
	Share
	JWE     string // the encrypted file
	Updated time.Time
}

// WrongCode refuses a passcode.
type WrongCode struct{ Left int }

// Error says how many tries are left.
func (w WrongCode) Error() string { return fmt.Sprintf("share: wrong passcode, %d tries left", w.Left) }

// The refusals. ErrGone says the same of a link that never was, that ended
// and that was stopped.
var (
	ErrGone  = errs.New(errs.NotFound, "This link does not work any more. Please ask for a new one.")
	errDays  = errs.New(errs.Invalid, "Please choose how long the link should work.")
	errLabel = errs.New(errs.Invalid, "Please use fewer words for the name of the link.")
	errMany  = errs.New(errs.TooMany, "You have many links already. Please stop one that you do not need.")
)

// check tidies what somebody asks for.
func (n *New) check() error {
	n.Label = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(n.Label, "")))
	known := false
	for _, d := range Days {
		known = known || d == n.Days
	}
	switch {
	case !known:
		return errDays
	case len([]rune(n.Label)) > maxLabel:
		return errLabel
	}
	return nil
}

// flags are those of the link: one file by GET where nothing else is asked.
func (n New) flags() shlink.Link {
	return shlink.Link{Live: n.Live, Locked: n.Code, Direct: !n.Live && !n.Code}
}

// code draws a passcode of six digits.
func code() string {
	n, _ := rand.Int(rand.Reader, big.NewInt(1_000_000)) // never fails
	return fmt.Sprintf("%06d", n)
}

// uuid draws a random UUID, for a document.
//
// Spec: RFC 9562 §5.4
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
