// Package request keeps what patients ask about their own records: a copy, a
// correction, a restriction, another way to be written to, an account of
// disclosures, a complaint.
//
// Each has a clock that the law or the clinic sets, counted in calendar days
// of the clinic; what was decided is carried out in the same transaction.
//
// Spec: 45 CFR 164.522, 164.524, 164.526, 164.528, 164.530(d)
package request

import (
	"slices"
	"strings"
	"time"

	"hale/internal/base/errs"
)

// Kind is what is asked.
type Kind string

// The kinds.
const (
	Access    Kind = "access"    // a copy of the record
	Amend     Kind = "amend"     // a correction
	Restrict  Kind = "restrict"  // somebody is kept from it
	Contact   Kind = "contact"   // another address or way
	Account   Kind = "account"   // to whom it was disclosed
	Complaint Kind = "complaint" // something went wrong
)

// Kinds are all of them, in the order in which people are asked.
var Kinds = []Kind{Amend, Access, Restrict, Contact, Account, Complaint}

// State says how far it came.
type State string

// The states.
const (
	Open      State = "open"
	Granted   State = "granted"
	Denied    State = "denied"
	Disputed  State = "disputed" // the patient disagrees with a denial
	Answered  State = "answered"
	Withdrawn State = "withdrawn"
)

// Waits says whether the office owes an answer.
func (s State) Waits() bool { return s == Open || s == Disputed }

// Act is what somebody does with a request.
type Act string

// The acts.
const (
	Ask      Act = "ask"
	Claim    Act = "claim"
	Extend   Act = "extend"
	Grant    Act = "grant"
	Deny     Act = "deny"
	Answer   Act = "answer"
	Withdraw Act = "withdraw"
	Disagree Act = "disagree"
	Rebut    Act = "rebut"
)

// move is one line of the state machine.
type move struct {
	from  State
	act   Act
	to    State
	staff bool // else whoever asked
	kinds []Kind
}

// moves is the whole state machine.
var moves = []move{
	{Open, Claim, Open, true, Kinds},
	{Disputed, Claim, Disputed, true, []Kind{Amend}},
	{Open, Extend, Open, true, []Kind{Access, Amend, Account}},
	{Open, Grant, Granted, true, []Kind{Amend, Restrict, Contact}},
	{Open, Deny, Denied, true, []Kind{Access, Amend, Restrict, Contact}},
	{Open, Answer, Answered, true, []Kind{Access, Account, Complaint}},
	{Open, Withdraw, Withdrawn, false, Kinds},
	{Denied, Disagree, Disputed, false, []Kind{Amend}},
	{Disputed, Rebut, Answered, true, []Kind{Amend}},
}

// find returns the move that act makes from here.
func find(k Kind, from State, act Act) (move, bool) {
	i := slices.IndexFunc(moves, func(m move) bool { return m.from == from && m.act == act && slices.Contains(m.kinds, k) })
	if i < 0 {
		return move{}, false
	}
	return moves[i], true
}

// Can says whether act is possible now.
func (r Request) Can(act Act) bool {
	_, ok := find(r.Kind, r.State, act)
	return ok && (act != Extend || r.Extended.IsZero())
}

// Clock says how many calendar days there are, and how many more, once, for
// a written reason.
type Clock struct {
	Days, More int
	Spec       string // empty: the clinic's own promise
}

// clocks are the days of each kind.
var clocks = map[Kind]Clock{
	Access:    {30, 30, "45 CFR 164.524(b)(2)"},
	Amend:     {60, 30, "45 CFR 164.526(b)(2)"},
	Restrict:  {Days: 30},
	Contact:   {Days: 10},
	Account:   {60, 30, "45 CFR 164.528(c)(1)"},
	Complaint: {Days: 30},
}

// ClockOf returns the clock of a kind.
func ClockOf(k Kind) Clock { return clocks[k] }

// rebutDays is how long the clinic gives itself to answer a disagreement.
const rebutDays = 30

// due returns the first moment that is too late: midnight after the last of
// so many calendar days, not counting the day of asking.
func due(asked time.Time, days int, zone *time.Location) time.Time {
	t := asked.In(zone)
	return time.Date(t.Year(), t.Month(), t.Day()+days+1, 0, 0, 0, 0, zone)
}

// Details is what was asked, in the patient's words.
type Details struct {
	Words   string // what the patient wrote
	Title   string `json:",omitempty"` // amend: what the entry is called
	Should  string `json:",omitempty"` // amend: what it should say
	From    string `json:",omitempty"` // access, account: YYYY-MM-DD
	To      string `json:",omitempty"`
	Form    string `json:",omitempty"` // access: paper, file, look
	Against string `json:",omitempty"` // restrict: helper, staff, plan
	Target  string `json:",omitempty"` // restrict: a helper's account
	Name    string `json:",omitempty"` // restrict: who or which plan, in words
	Paid    bool   `json:",omitempty"` // restrict: paid in full, by oneself
	Channel string `json:",omitempty"` // contact: email, sms, voice, letter, inbox
	Value   string `json:",omitempty"` // contact: the address
	Free    bool   `json:",omitempty"` // account: the first in twelve months
}

// Request is one thing that a patient asks.
type Request struct {
	ID, Patient string
	Kind        Kind
	State       State
	About       string // Type/id of what an amendment is about
	Details     Details
	AskedKind   string // of the account
	AskedBy     string
	AskedName   string
	Asked       time.Time
	Due         time.Time // the first moment that is too late
	Extended    time.Time
	ExtendedWhy string
	ClaimedBy   string
	Decided     time.Time
	DecidedBy   string
	Answer      string
	Steps       []Step // oldest first; of Get alone
}

// LastDay is a moment of the last day on which an answer is in time.
func (r Request) LastDay() time.Time { return r.Due.Add(-time.Minute) }

// Late says whether an answer is overdue.
func (r Request) Late(now time.Time) bool { return r.State.Waits() && !now.Before(r.Due) }

// Soon says whether an answer is due within a week.
func (r Request) Soon(now time.Time) bool {
	return r.State.Waits() && !r.Late(now) && r.Due.Sub(now) <= 7*24*time.Hour
}

// MustGrant says whether the law leaves no choice: a health plan is kept from
// what the patient paid in full.
//
// Spec: 45 CFR 164.522(a)(1)(vi)
func (r Request) MustGrant() bool {
	return r.Kind == Restrict && r.Details.Against == "plan" && r.Details.Paid
}

// Step is one thing that happened.
type Step struct {
	At        time.Time
	ActorKind string
	Actor     string
	Name      string
	What      Act
	Note      string
}

// The refusals.
var (
	errNoSuch = errs.New(errs.NotFound, "We could not find that request.")
	errMove   = errs.New(errs.Conflict, "This request has moved on in the meantime. Please look at it again.")
	errKind   = errs.New(errs.NotFound, "There is no such request.")
	errWords  = errs.New(errs.Invalid, "Please write a few words, so that we know what you mean.")
	errLong   = errs.New(errs.Invalid, "That is too long. Please use fewer words.")
	errWrong  = errs.New(errs.Invalid, "Please write what is wrong, and what it should say.")
	errDates  = errs.New(errs.Invalid, "Please choose a first day that comes before the last day.")
	errWho    = errs.New(errs.Invalid, "Please say who should not see it.")
	errWay    = errs.New(errs.Invalid, "Please give the address or number that we should use.")
	errMany   = errs.New(errs.TooMany, "You have many open requests. Please wait for our answer, or call us.")
	errReason = errs.New(errs.Invalid, "Please write the reason. The patient reads it.")
	errMust   = errs.New(errs.Conflict, "This one must be granted: the care was paid in full by the patient, and a health plan is kept from it (45 CFR 164.522(a)(1)(vi)).")
	errTarget = errs.New(errs.Invalid, "Please choose whom the restriction is against.")
)

// most is how long what somebody writes may be.
const most = 4000

// check tidies what a patient asks and refuses what cannot be answered.
func (d Details) check(k Kind) (Details, error) {
	for _, f := range []*string{&d.Words, &d.Title, &d.Should, &d.Name, &d.Value} {
		*f = strings.TrimSpace(strings.ToValidUTF8(*f, ""))
		if len(*f) > most {
			return d, errLong
		}
	}
	days := func() error {
		for _, f := range []string{d.From, d.To} {
			if _, err := time.Parse(time.DateOnly, f); f != "" && err != nil {
				return errDates
			}
		}
		if d.From != "" && d.To != "" && d.From > d.To {
			return errDates
		}
		return nil
	}
	switch k {
	case Access:
		if !slices.Contains([]string{"paper", "file", "look"}, d.Form) {
			return d, errs.New(errs.Invalid, "Please choose how you want your copy.")
		}
		return d, days()
	case Account:
		return d, days()
	case Amend:
		if d.Words == "" || d.Should == "" {
			return d, errWrong
		}
	case Restrict:
		return d, d.checkRestrict()
	case Contact:
		return d.checkContact()
	case Complaint:
		if d.Words == "" {
			return d, errWords
		}
	default:
		return d, errKind
	}
	return d, nil
}

func (d Details) checkRestrict() error {
	switch {
	case !slices.Contains([]string{"helper", "staff", "plan"}, d.Against):
		return errWho
	case d.Against == "helper" && d.Target == "", d.Against != "helper" && d.Name == "":
		return errWho
	}
	return nil
}
