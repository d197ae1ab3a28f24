// Package dialog holds conversations: what people answered by text, by e-mail
// or on a page, and what the staff answered, noted and did about it.
//
// There is one conversation for each patient, whatever the channel; and one
// for each address of which nobody knows whose it is. What Hale sent of
// itself is read from the messages and is kept nowhere twice. Words lie
// sealed.
package dialog

import (
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/intake"
	"hale/internal/reach/policy"
)

// Page is the channel of what was written on the page behind a link.
const Page policy.Channel = "page"

// Heard is one thing that somebody said to us.
type Heard struct {
	Channel     policy.Channel // email, sms, or Page
	From        string         // the address it came from; empty on a page
	Patient     string         // who said it; empty: found by Message or From
	Message     string         // the message it answers, its id; empty: none is known
	Subject     string         // of an e-mail
	Text        string
	Meaning     string // what was understood: stop, help, confirm, …; empty: words for a person
	At          time.Time
	Key         string // the same when it is brought again
	Attachments []Attachment
	Files       []intake.File // for the thread that it answers, looked at already
	Quiet       bool          // it was dealt with and waits for nobody
	Here        bool          // it answers what the staff said in a conversation; Heard sets it
}

// Attachment is a file that came with what was heard.
type Attachment struct {
	Name string `json:"name"`
	Type string `json:"type"` // a media type
	Size int64  `json:"size"` // bytes
	Ref  string `json:"ref"`  // where the file is kept: a blob's name
}

// AnswerWithin is how long somebody waits for an answer before it is late.
const AnswerWithin = 24 * time.Hour

var (
	errHeard = errs.New(errs.Invalid, "What was heard says from whom, or about which message, and when.")
	errFiles = errs.New(errs.Conflict, "Files for a thread came without one.")
)
