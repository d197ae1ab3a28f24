// Package dsn reads what mail servers send back: reports that a message did
// not arrive, arrives late or has arrived, complaints, and the automatic
// answers that are none of these.
//
// Many servers write no standard report, and many that do give a status that
// says less than their words. Reason and hardness therefore come from both:
// first what the words say, then the status, by tables that are data.
//
// Spec: RFC 3464 (delivery status), RFC 6522 (multipart/report), RFC 5965
// (complaints), RFC 3834 (automatic answers), RFC 3463 (status codes)
package dsn

// Kind is what a letter tells of one of ours.
type Kind string

// The kinds.
const (
	Bounce    Kind = "bounce"     // it did not arrive and will not
	Delayed   Kind = "delayed"    // the server still tries
	Delivered Kind = "delivered"  // it arrived
	Complaint Kind = "complaint"  // its reader called it unwanted
	AutoReply Kind = "auto_reply" // a machine answered for its reader
	None      Kind = "none"       // none of these
)

// Reason is why a message came back.
type Reason string

// The reasons.
const (
	UserUnknown     Reason = "userunknown"     // no such mailbox
	HostUnknown     Reason = "hostunknown"     // no such domain
	HasMoved        Reason = "hasmoved"        // the reader is elsewhere
	NotAccept       Reason = "notaccept"       // the domain takes no mail
	MailboxFull     Reason = "mailboxfull"     // no room
	Suspend         Reason = "suspend"         // the mailbox is shut, perhaps for a while
	Filtered        Reason = "filtered"        // the reader's own filter, or one that hides whether there is a reader
	Rejected        Reason = "rejected"        // refused for who sends
	Blocked         Reason = "blocked"         // refused for the sending server's address
	RequirePTR      Reason = "requireptr"      // refused because our address has no name
	AuthFailure     Reason = "authfailure"     // SPF, DKIM or DMARC failed
	SpamDetected    Reason = "spamdetected"    // taken for spam
	VirusDetected   Reason = "virusdetected"   // taken for a virus
	PolicyViolation Reason = "policyviolation" // against the receiver's rules
	SecurityError   Reason = "securityerror"   // sign-in or permission
	NoRelaying      Reason = "norelaying"      // the server does not pass mail on for us
	ContentError    Reason = "contenterror"    // the message is malformed
	NotCompliant    Reason = "notcompliantrfc" // it breaks a rule of RFC 5322
	TooBig          Reason = "mesgtoobig"      // too large for the server
	ExceedLimit     Reason = "exceedlimit"     // too large for the mailbox
	TooMany         Reason = "toomanyconn"     // too much at once
	Speeding        Reason = "speeding"        // too fast
	Expired         Reason = "expired"         // tried for as long as it may be
	NetworkError    Reason = "networkerror"    // names or routes did not work
	SystemError     Reason = "systemerror"     // the server's own trouble
	SystemFull      Reason = "systemfull"      // the server's disk is full
	MailerError     Reason = "mailererror"     // a program behind the mailbox failed
	SyntaxError     Reason = "syntaxerror"     // a command was not understood
	OnHold          Reason = "onhold"          // something failed, nobody says what
	Undefined       Reason = "undefined"       // nothing was said
	Feedback        Reason = "feedback"        // a complaint
	Arrived         Reason = "delivered"       // nothing went wrong
)

// Report is what one letter says.
type Report struct {
	Kind      Kind
	Items     []Item // one per recipient or complaint; at least one unless Kind is AutoReply or None
	MessageID string // of the message of ours that it is about, without brackets; empty: not said
	Subject   string // of that message; empty: not said
}

// Item is what a report says of one recipient.
type Item struct {
	Kind       Kind
	Hard       bool // the address itself is no good
	Reason     Reason
	Status     string // RFC 3463, 5.1.1; empty: not said
	Code       string // SMTP reply, 550; empty: not said
	Recipient  string // the address that failed, lower case; empty: not said
	Diagnostic string // the server's words, on one line
	Feedback   string // of a complaint: abuse, opt-out, …
}
