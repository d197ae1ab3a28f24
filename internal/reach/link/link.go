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
	"time"

	"hale/internal/base/errs"
)

// The second factors.
const (
	DOB    = "dob"    // the patient's date of birth
	Code   = "code"   // the date of birth and a one-time code, or a code that went elsewhere
	None   = "none"   // a button alone, for messages that say nothing of health
	SignIn = "signin" // no link opens it: it is read after signing in, for what the law protects most
)

// New is a link to make.
type New struct {
	Message string
	Patient string
	Factor  string // DOB, Code, None or SignIn
	Expires time.Time
	Short   bool // for texts: 12 letters and digits instead of 32
	MaxUses int  // so often it opens, for half an hour each; 0: until it ends
	Alone   bool // only the browser that opened it first opens it again
}

// Opened is a link that somebody opened, and all that it opens.
type Opened struct {
	Link    string
	Message string
	Patient string
	Device  string // new token for the browser, good for DeviceLife; empty: it keeps the one it has
	Session string // new token for the pages of this link, good for SessionLife
	First   bool   // nobody had opened it before
	Waits   bool   // the date was right, and a code is awaited: nothing shows yet
	Died    bool   // this very answer was one wrong answer too many
	Factor  string // what opened it: none, dob, code, dob+code or device
	Browser string // First, Same or Another; empty: none is bound
}

// Which browser of a link's readers it was.
const (
	FirstBrowser   = "first"
	SameBrowser    = "same"
	AnotherBrowser = "another"
)

// Limits of a link.
const (
	TriesToLock = 3
	TriesToDie  = 6
	LockTime    = 15 * time.Minute
	DeviceLife  = 30 * 24 * time.Hour
	SessionLife = 30 * time.Minute
	CodeLife    = 10 * time.Minute
)

// Limits on codes for one link.
const (
	CodeEvery  = 30 * time.Second
	CodesAHour = 4
	CodesInAll = 12
	CodeTries  = 5 // wrong codes until the last ones are void
)

// Limits on fresh links for one message.
const (
	FreshEvery  = 10 * time.Minute
	FreshADay   = 3
	FreshInAll  = 6
	freshWindow = 24 * time.Hour
)

// The refusals. ErrGone says the same of a link that ended, that was taken
// back and that never was.
var (
	ErrAsk     = errs.New(errs.Invalid, "Please tell us your date of birth.")
	ErrWrong   = errs.New(errs.Invalid, "That date does not match what we have. Please check it and try again.")
	ErrLastTry = errs.New(errs.Invalid, "That date does not match what we have. You have one more try.")
	ErrLocked  = errs.New(errs.TooMany, "That was too many tries. Please wait 15 minutes, or call us.")
	ErrSignIn  = errs.New(errs.Invalid, "This message has extra protection. Please sign in to read it.")
	ErrOther   = errs.New(errs.Forbidden, "This message opens only on the phone or computer that opened it first. We can call you instead.")
	ErrCode    = errs.New(errs.Invalid, "That is not the code we sent last. Please check the six numbers and try again.")
	ErrNoCode  = errs.New(errs.Invalid, "This code no longer works. Please ask for a new one.")
	ErrGone    = errs.New(errs.NotFound, "This link no longer opens. We can send you a new one.")
)

// row is a link as it is kept.
type row struct {
	id, message, patient, factor string
	fails                        int
	expires, locked, dead        int64 // microseconds
	retracted                    int64
	code, alone                  bool
	bound                        string // hash of the browser that opened it first
	uses, most                   int
}

// state returns why nobody may open r at now, or nil.
func (r row) state(now time.Time) error {
	at := now.UnixMicro()
	switch {
	case r.id == "" || r.dead != 0 || r.retracted != 0 || r.expires <= at:
		return ErrGone
	case r.most > 0 && r.uses >= r.most:
		return ErrGone
	case r.locked > at:
		return ErrLocked
	}
	return nil
}

// afterWrong returns what to say after a wrong answer, fails in all.
func afterWrong(fails int) error {
	switch {
	case fails >= TriesToDie:
		return ErrGone
	case fails == TriesToLock:
		return ErrLocked
	case fails == TriesToLock-1, fails == TriesToDie-1:
		return ErrLastTry
	}
	return ErrWrong
}
