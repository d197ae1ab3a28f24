// Package reach takes the care team's words to each person by the channel
// that person uses, and accounts for every one.
//
// One intent per patient and outreach, held-out patients included; under it
// one message per try; under that attempts. A message is decided, rendered
// and capped in one transaction, handed off after its attempt is committed,
// and never again without being listed as in doubt.
package reach

import (
	"context"
	"time"

	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
)

// Channel is a way to reach a person.
type Channel = policy.Channel

// The channels.
const (
	Email = policy.Email
	SMS   = policy.SMS
	Inbox = policy.Inbox
	Voice = policy.Voice
	Post  = policy.Post
)

// Handoff is what a gateway gets to send.
type Handoff struct {
	Message     string
	Key         string // the same in every attempt; what a Message-ID is made of
	Attempt     int
	To, From    string
	Subject     string
	Text, HTML  string
	Inline      []Inline     // pictures that HTML shows
	Unsubscribe string       // address of a one-click opt-out, empty for none
	ReturnPath  string       // where reports go, RFC 5321; empty: to From
	ReplyTo     string       // where answers go; empty: to From
	StopTo      string       // where a mail that opts out goes; empty: nowhere
	Level       policy.Level // the very connection must have it before the sender is named
	Expires     time.Time    // not worth delivering after it; zero: no end
}

// Throttled is the code of a Temp result that says nothing about the message:
// it was not its turn, and the try does not count.
const Throttled = "throttled"

// Outcome is what a gateway knows after trying.
type Outcome string

// The outcomes.
const (
	Accepted  Outcome = "accepted"  // the peer took it
	Rejected  Outcome = "rejected"  // the peer will never take it
	Temp      Outcome = "temp"      // the peer did not take it now
	Uncertain Outcome = "uncertain" // the peer may have taken it
)

// Result is one attempt's end.
type Result struct {
	Outcome    Outcome
	Ref        string // the peer's name for the message
	Code       string // tls_insufficient, or the peer's own
	Detail     string
	Peer       string // what is known of the connection, as evidence
	RetryAfter time.Duration
}

// Capability is what an address can take.
type Capability struct {
	OK     bool         // it can be reached at all
	Level  policy.Level // of the connection, as far as it is known
	Detail string
}

// Problem is a reason not to hand a message off.
type Problem struct{ Field, Reason string }

// Gateway speaks one channel's protocol. One that cannot know whether the
// peer took a message answers Uncertain; it never retries by itself.
type Gateway interface {
	Channel() Channel
	Capability(ctx context.Context, to string) (Capability, error)
	Validate(h Handoff) []Problem
	Send(ctx context.Context, h Handoff) Result
	// Reconcile asks the peer about a message in doubt; false: no answer.
	Reconcile(ctx context.Context, h Handoff) (Result, bool)
}

// State is where an outreach is.
type State string

// The states of an outreach.
const (
	Draft   State = "draft"
	Running State = "running"
	Paused  State = "paused"
	Stopped State = "stopped"
	Done    State = "done" // every intent has ended
)

// Outreach is one message to the people of one segment.
type Outreach struct {
	ID         string
	Name       string
	Purpose    string // a key of policy.Purposes
	Service    string // what can be booked from it: eye-exam
	State      State
	Segment    segment.Expr
	Template   template.Template
	Channels   []Channel // that may be used; empty: all
	Holdout    float64   // share held out at random
	Households bool      // people who share an address are drawn together
	Exception  Exception // of an offer: why it needs no signed permission; empty: it needs one
	Paid       bool      // somebody pays the clinic for it
	WindowDays int       // the effect is measured over so many days
	ExpireDays int       // no new message after so many days
	Tracking   Tracking
	Pickup     Pickup
	NextAfter  time.Duration             // a message is unseen for so long: the next channel; zero: as the purpose has it
	Waits      map[Channel]time.Duration // the same after a message by one channel
	Kind       Kind
	Parent     string    // of a run: what repeats; of a journey's step: the journey
	Variants   []Variant // several texts against each other; none: Template alone
	Goal       Goal      // what ends the waterfall; empty: seen
	Hours      policy.Times
	Audience   int // people in the snapshot taken at the start
	Planned    int // of these, decided on
	CreatedBy  string
	Created    time.Time
	Started    time.Time
	Ended      time.Time

	salt string // of the draw
}

// Variant is one of several texts of an outreach.
type Variant struct {
	Key      string            `json:"key"` // a, b, c
	Share    float64           `json:"share"`
	Template template.Template `json:"template"`
}

// Goal is what ends an intent well.
type Goal string

// The goals. A higher one is not met by a lower one.
const (
	Seen         Goal = "seen"
	Acknowledged Goal = "acknowledged"
	Acted        Goal = "acted"
)

// Forecast is what an outreach would do if it started now.
type Forecast struct {
	Audience  int // people in the segment
	Held      int // drawn to be held out
	Treated   int // would get a message
	ByChannel map[Channel]int
	ByMode    map[string]int // full, notice
	Later     int            // of those treated, after quiet hours
	Segments  int            // text-message segments in all
	Blocked   []Reason       // who gets nothing, each person once, under the reason that decided
	Ways      []Reason       // of the same people, why each of their channels is closed
	Passed    []Reason       // why a channel was passed over for somebody who is reached otherwise
	Samples   []Sample
	Sentence  string // the segment in words
	Problems  []template.Problem
	Warnings  []template.Problem
	Variants  []VariantForecast
	Cents     float64 // what the texts would cost, where the price of one is known
}

// VariantForecast is what one of several texts would do.
type VariantForecast struct {
	Key     string
	Share   float64
	Treated int // would get it
	Held    int // drawn for it, and held out
}

// Reason is why people are not reached, and how many.
type Reason struct {
	Code  string
	Words string
	N     int
}

// Sample is what one real person would get.
type Sample struct {
	Patient string
	Name    string
	Channel Channel
	Subject string
	Text    string
	HTML    string
	Page    string // what the link shows
	Why     string // why this person is shown, or why not reached
	Worst   bool   // a hard case, not a random one
	Blocked bool
	Lang    string // that it is read in
	Ways    []Way  // channel by channel
}

// Way is what one channel would carry to somebody, or why it is closed.
type Way struct {
	Channel Channel
	Mode    policy.Mode // none: closed
	For     bool        // somebody else gets it for the patient
	Later   time.Time   // not before then; zero: at once
	Subject string
	Text    string
	HTML    string
	Why     string // it is closed
}

// Progress is how far an outreach has come.
type Progress struct {
	State     State
	Audience  int
	Planned   int
	Intents   map[string]int             // by state
	Messages  map[Channel]map[string]int // by channel and state
	InDoubt   int                        // messages with an attempt whose end is not known
	Line      string                     // the reconciliation, in words
	Balanced  bool                       // every person of the audience is in exactly one state
	PerSecond float64
	ETA       time.Time // zero: done, or not known
}

// Trail is why one person did or did not get a message, and what became of
// it.
type Trail struct {
	Outreach   Outreach
	Intent     string
	Assignment string
	P          float64 // the probability of being held out
	State      string
	Decided    time.Time
	Steps      []Step
	Choices    []Choice
}

// Step is one line of a trail.
type Step struct {
	At      time.Time
	Kind    string // drawn, allowed, passed, sent, delivered, seen, acted, stopped, …
	Channel Channel
	Code    string
	Words   string
}

// Choice is what the person asked for.
type Choice struct{ Topic, Words string }

// Content is a message as its reader may see it.
type Content struct {
	Message  string
	Intent   string
	Outreach string
	Patient  string
	Channel  Channel
	From     string
	Title    string
	Body     string
	Text     string // what went over the channel itself
	Service  string
	State    string
	Mode     string
	SentAt   time.Time
	SeenAt   time.Time
	ToMasked string
	Lang     string
}

// Actor says who is behind an event.
type Actor string

// The classes of actors.
const (
	Human   Actor = "human"
	Machine Actor = "machine"
	Suspect Actor = "suspect"
	Unknown Actor = "unknown"
)

// Receipt is what a channel reports about a message, in any order and any
// number of times. Message or ProviderRef names it; a STOP may name none but
// its sender.
type Receipt struct {
	Message     string
	ProviderRef string
	Channel     Channel
	From        string // of a reply: the person's address
	Text        string // of a reply
	Kind        string // delivered, bounced, complaint, replied, …
	At          time.Time
	Actor       Actor
	Code        string
	Dedupe      string            // the peer's own name for this report
	Facts       map[string]string // kept with it: reason, status; never words or addresses
}

// Direct is one message outside any outreach, such as a sign-in code.
type Direct struct {
	Purpose string // security
	Channel Channel
	To      string
	Lang    string
	Subject string
	Text    string
	Patient string        // empty where nobody is known yet
	Within  time.Duration // not worth sending after it; zero: a quarter of an hour
}
