// Package thread holds the messages between patients, or those who act for
// them, and the teams of the clinic.
//
// The words are FHIR Communications in the record: the first one begins a
// thread, the others are part of it. Beside them stands how far the thread
// came: who waits since when, and whether the clinic has looked. A thread is
// the same wherever it goes on: in the portal, on the page behind a link, by
// text, by e-mail or by phone.
//
// Spec: https://hl7.org/fhir/R4/communication.html
package thread

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hale/internal/base/errs"
	"hale/internal/base/intake"
)

// Reason is what somebody writes about. The patient chooses it in plain
// words, and it finds the team.
type Reason struct {
	Key   string
	Ask   string // what the patient chooses: A medicine
	Title string // of a thread about it
	Team  string // who gets it, to follow "with": the nurse team
	Does  string // what that team does
	Care  bool   // a clinician answers, so that it may have a price
}

// Reasons are all there are, in the order in which they are offered.
func Reasons() []Reason {
	nurses, desk := "the nurse team", "the front desk"
	return []Reason{
		{"medicine", "A medicine", "About a medicine", nurses, "Nurses answer how to take a medicine, what it does to you, and what to do when you miss one.", true},
		{"result", "A test result", "About a test result", nurses, "Nurses go through a result with your doctor and tell you what it means.", true},
		{"appointment", "A visit", "About a visit", desk, "The front desk books, moves and cancels visits, and helps you get here.", false},
		{"bill", "A bill", "About a bill", "the billing office", "The billing office explains a bill, talks to your insurance, and finds a way to pay.", false},
		{"form", "A form or a letter", "About a form or a letter", desk, "The front desk gets forms and letters filled in, for work, school or insurance.", false},
		{"other", "Something else", "A question", nurses, "A nurse reads it first and brings it to whoever can help you.", true},
	}
}

// ReasonOf returns the reason with a key; false if there is none.
func ReasonOf(key string) (Reason, bool) {
	list := Reasons()
	i := slices.IndexFunc(list, func(r Reason) bool { return r.Key == key })
	if i < 0 {
		return Reason{}, false
	}
	return list[i], true
}

// team is who gets what has a reason; of one from elsewhere, the nurses.
func team(reason string) string {
	if r, ok := ReasonOf(reason); ok {
		return r.Team
	}
	return "the nurse team"
}

// Side is who wrote something.
type Side string

// The sides.
const (
	Patient   Side = "patient"
	Caregiver Side = "caregiver" // for the patient
	Clinic    Side = "clinic"
)

// Via is the way by which something was written.
type Via string

// The ways.
const (
	Portal Via = "portal"
	Page   Via = "page" // behind a link
	SMS    Via = "sms"
	Email  Via = "email"
	Phone  Via = "phone" // said on the phone, and noted by the staff
)

// File is what a list knows of a file in a message.
type File struct {
	Title string `json:"title"`
	Media string `json:"media"`
	Size  int    `json:"size"` // bytes
}

// Line is one message of a thread.
type Line struct {
	ID, Thread string
	At         time.Time
	Side       Side
	Name       string // of a caregiver, or of who answered
	Via        Via
	Text       string
	Files      []File
	Title      string // of the thread, if this began it
	Reason     string
}

// Thread is a thread without its lines.
type Thread struct {
	ID, Patient string
	Reason      string
	Title       string
	Team        string // to follow "with"
	About       string
	Open        bool
	Task        string // its id; empty: none
	Due         time.Time
	Heard       time.Time // last words of the patient's side
	HeardBy     string    // the account of a caregiver who wrote them
	Waiting     time.Time // zero: nobody waits for an answer
	Seen        time.Time // when the clinic looked at what waits
	Said        time.Time // last words of the clinic
	Last        time.Time
	Closed      time.Time
	Why         string
	LastLine    Line
	Unread      bool // the clinic wrote and the reader has not read it
}

// State is how far a thread came, for both sides.
type State string

// The states.
const (
	Received State = "received" // the clinic has it, and has not looked
	Read     State = "read"     // somebody at the clinic has read it
	Answered State = "answered"
	Told     State = "told" // the clinic wrote by itself
	Closed   State = "closed"
)

// State says how far a thread came.
func (t Thread) State() State {
	switch {
	case !t.Open:
		return Closed
	case !t.Waiting.IsZero() && !t.Seen.IsZero():
		return Read
	case !t.Waiting.IsZero():
		return Received
	case t.Heard.IsZero():
		return Told
	}
	return Answered
}

// Late says whether an answer is overdue.
func (t Thread) Late(now time.Time) bool {
	return !t.Waiting.IsZero() && !t.Due.IsZero() && now.After(t.Due)
}

// Words are what somebody writes.
type Words struct {
	Text      string
	Files     []intake.File // as intake opened them
	Lang      string        // of the text, as BCP 47; empty: nobody said
	Translate string        // the language into which the clinic has it translated; empty: none
}

// New is what begins a thread.
type New struct {
	Reason string // a key of Reasons
	Title  string // empty: the one of the reason
	About  string // the message of an outreach, or Type/id; may be empty
	Words
}

// What one message and one day may hold.
const (
	longest  = 5000 // letters
	MaxFiles = 3    // of a message
	dayLines = 40   // of one patient's side
	maxTitle = 120
	maxNote  = 4000
)

// CloseReasons are why the clinic closes a thread.
func CloseReasons() []string {
	return []string{"answered", "called", "visit booked", "nothing to answer", "passed on"}
}

// The refusals.
var (
	errReason   = errs.New(errs.NotFound, "Please choose what your message is about.")
	errWords    = errs.New(errs.Invalid, "Please write your message first.")
	errLong     = errs.New(errs.Invalid, "Your message is too long. Please make it shorter, or call us.")
	errFiles    = errs.New(errs.Invalid, "Please send at most three photos with one message.")
	errDay      = errs.New(errs.TooMany, "That is all we can take today. Please call us.")
	errNote     = errs.New(errs.Invalid, "Please write something first.")
	errWhy      = errs.New(errs.Invalid, "Please say why it is closed.")
	errClosed   = errs.New(errs.Conflict, "This thread is closed already.")
	errOpen     = errs.New(errs.Conflict, "This thread is open already.")
	errAnswered = errs.New(errs.Conflict, "Nothing waits for an answer here.")
	errNone     = errs.New(errs.NotFound, "We could not find that message.")
)

// check tidies words and refuses what cannot be taken.
func (w Words) check() (Words, error) {
	w.Text = tidy(w.Text)
	switch {
	case w.Text == "" && len(w.Files) == 0:
		return w, errWords
	case utf8.RuneCountInString(w.Text) > longest:
		return w, errLong
	case len(w.Files) > MaxFiles:
		return w, errFiles
	}
	return w, nil
}

// tidy leaves out what is no letter: signs that steer a screen or turn the
// direction of writing.
func tidy(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cc, r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, text))
}
