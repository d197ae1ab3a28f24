// Package consent keeps what people agreed to and what they forbade.
//
// Events are only ever added; what holds now is their fold, in which a
// refusal wins over an older permission and the newest word on the same
// thing wins.
//
// Spec: 47 CFR 64.1200(a)(10) (revocation), 45 CFR 164.508 (authorisation)
package consent

import "time"

// Any stands for every channel or every purpose.
const Any = "*"

// Action is what an event says.
type Action string

// The actions.
const (
	Grant     Action = "grant"
	Revoke    Action = "revoke"
	WarnAck   Action = "warn_ack"  // knows that plain e-mail can be read by others, and wants it
	Authorize Action = "authorize" // signed an authorisation for marketing
)

// Event is one thing a person said.
type Event struct {
	ID       string
	Patient  string
	Channel  string // email, sms, …, or Any
	Purpose  string // care, marketing, …, or Any
	Action   Action
	Method   string // one of Methods
	Actor    string
	Evidence string
	At       time.Time
	Until    time.Time // zero: until revoked

	// Of a word that takes a permission back.
	Scope    string    // how far it was taken to go: topic, channel, calls, everything
	Received time.Time // when it came; zero: At
	Due      time.Time // by when the law wants it honoured; zero: ten working days
	Rule     string    // by which words it was read so
	Unsure   bool      // it may have meant something else: somebody has to look
	Message  string    // the one that was answered
}

// Methods are the ways by which a word can come, each of which is evidence of
// its own sort.
func Methods() []string {
	return []string{"form", "sms_keyword", "sms_freetext", "call_key", "staff", "email_reply", "one_click", "portal", "link", "complaint", "import"}
}

// dueDays is how many working days there are to honour a word.
//
// Spec: 47 CFR 64.1200(a)(10)
const dueDays = 10

// due is the end of the tenth day after at that is no Saturday or Sunday. A
// holiday gives no more time: sooner is never wrong.
func due(at time.Time) time.Time {
	for n := 0; n < dueDays; {
		at = at.Add(24 * time.Hour)
		if at.Weekday() != time.Saturday && at.Weekday() != time.Sunday {
			n++
		}
	}
	return at
}

// State is what holds now.
type State struct {
	last map[[3]string]Event // channel, purpose, kind of say → the newest
}

// Fold returns what events, oldest first, amount to.
func Fold(events []Event) State {
	s := State{last: map[[3]string]Event{}}
	for _, e := range events {
		s.last[[3]string{e.Channel, e.Purpose, e.about()}] = e
	}
	return s
}

// about is what an event is a word on: the warning, an authorisation, or
// being written to at all.
func (e Event) about() string {
	switch e.Action {
	case WarnAck:
		return "warning"
	case Authorize:
		return "authorization"
	}
	return "contact"
}

// Refused says whether the person does not want purpose on channel, and by
// which event. The newest word among those that cover both decides.
func (s State) Refused(channel, purpose string) (Event, bool) {
	var newest Event
	for _, c := range []string{channel, Any} {
		for _, p := range []string{purpose, Any} {
			e, ok := s.last[[3]string{c, p, "contact"}]
			if ok && (newest.At.IsZero() || e.At.After(newest.At) || e.At.Equal(newest.At) && e.Action == Revoke) {
				newest = e
			}
		}
	}
	return newest, newest.Action == Revoke
}

// Warned says whether the person knows the risk of plain e-mail and accepts
// it.
func (s State) Warned() bool {
	_, ok := s.last[[3]string{"email", Any, "warning"}]
	return ok
}

// Authorized says whether a signed authorisation for purpose holds at now
// and has not been revoked since.
func (s State) Authorized(purpose string, now time.Time) bool {
	_, ok := s.Signed(purpose, now)
	return ok
}

// Signed returns the authorisation for purpose that holds at now. Its Scope
// says whether it covers what somebody pays for.
func (s State) Signed(purpose string, now time.Time) (Event, bool) {
	e, ok := s.last[[3]string{Any, purpose, "authorization"}]
	if !ok || now.Before(e.At) || !e.Until.IsZero() && !now.Before(e.Until) {
		return e, false
	}
	for _, p := range []string{purpose, Any} {
		if r, ok := s.last[[3]string{Any, p, "contact"}]; ok && r.Action == Revoke && !r.At.Before(e.At) {
			return e, false
		}
	}
	return e, true
}
