// Package todo lists the patients whom somebody should call or know about:
// what they said to a message, and whom no message reached.
//
// An entry is read from the messages themselves, so none can be lost. Closing
// it takes a word and leaves it visible; what happens after that opens it
// again.
//
// Spec: NQF, Closing the Loop (2017): a message is done when somebody acted
package todo

import (
	"slices"
	"time"

	"hale/internal/base/errs"
)

// Kind is why an entry is there.
type Kind string

// The kinds.
const (
	Call      Kind = "call"      // asked for a call instead
	Reply     Kind = "reply"     // answered in words of their own
	NotMe     Kind = "notme"     // said that the message was not for them
	Elsewhere Kind = "elsewhere" // has had it done at another clinic
	Failed    Kind = "failed"    // no channel is left, and nothing arrived
	Doubt     Kind = "doubt"     // nobody knows yet whether it left
	Stop      Kind = "stop"      // answered STOP
)

// Kinds returns every kind, the most pressing first.
func Kinds() []Kind { return []Kind{Call, Reply, NotMe, Elsewhere, Failed, Doubt, Stop} }

// The words to close an entry with.
const (
	Called = "called"
	Noted  = "noted"
)

// Words returns the words that close an entry of k.
func (k Kind) Words() []string {
	if k == Doubt || k == Stop {
		return []string{Noted} // there is nobody to call, or nobody who wants it
	}
	return []string{Called, Noted}
}

// Entry is one patient and what happened.
type Entry struct {
	Kind     Kind
	Subject  string // the message, or of Failed the intent
	Patient  string
	Outreach string
	Name     string // of the outreach
	Channel  string
	At       time.Time
	Note     string // what the patient wrote
	Phone    string // to call; empty: none is known
	Word     string // with which it was closed; empty: open
	By       string // the account that closed it
	Closed   time.Time
	Live     bool // still so, and so can be opened again
}

// Tally is how many entries of one outreach are open.
type Tally struct {
	Outreach, Name string
	N              int
}

var (
	errKind = errs.New(errs.NotFound, "There is no such list.")
	errWord = errs.New(errs.Invalid, "Please say what was done: called or noted.")
)

// check says whether word closes an entry of k.
func (k Kind) check(word string) error {
	if !slices.Contains(k.Words(), word) {
		return errWord
	}
	return nil
}
