// Package task holds what patients ask of the clinic: FHIR Tasks, each with a
// team that has it and a time by which somebody answers.
//
// Both sides see the same row: the patient what became of it and by when, the
// desk what waits. A clock counts the clinic's working hours alone, so nobody
// is promised an answer on a Sunday.
//
// Spec: https://hl7.org/fhir/R4/task.html
package task

import (
	"slices"
	"strings"
	"time"

	"hale/internal/base/errs"
)

// Status is how far a task came.
type Status string

// The states.
const (
	Received  Status = "received"
	Read      Status = "read"    // somebody opened it
	Claimed   Status = "claimed" // somebody has it
	Waiting   Status = "waiting" // for the patient, or for others
	Ready     Status = "ready"   // to be picked up
	Done      Status = "done"
	Declined  Status = "declined"
	Cancelled Status = "cancelled" // by the patient
)

// Open says whether the clinic still owes something.
func (s Status) Open() bool { return s != Done && s != Declined && s != Cancelled }

// standard is a status in the words of FHIR.
//
// Spec: https://hl7.org/fhir/R4/valueset-task-status.html
func (s Status) standard() string {
	switch s {
	case Read:
		return "received"
	case Claimed:
		return "accepted"
	case Waiting:
		return "on-hold"
	case Ready:
		return "in-progress"
	case Done:
		return "completed"
	case Declined:
		return "rejected"
	case Cancelled:
		return "cancelled"
	}
	return "requested"
}

// Reason is why a task was closed.
type Reason string

// The reasons.
const (
	Finished  Reason = "finished"  // it was done
	Called    Reason = "called"    // it was settled by phone or in person
	Duplicate Reason = "duplicate" // it was asked twice
	Mistaken  Reason = "mistaken"  // it came to the wrong place
	Refused   Reason = "refused"   // it cannot be done, and the answer says why
)

// Reasons are all of them, in the order in which they are offered.
var Reasons = []Reason{Finished, Called, Refused, Duplicate, Mistaken}

// to is the status that a task has when it is closed for r.
func (r Reason) to() Status {
	if r == Refused {
		return Declined
	}
	return Done
}

// Task is one thing that a patient asked.
type Task struct {
	ID, Patient string
	Kind        Kind
	Title       string // what the patient asked, in a few words
	Text        string // more, in the patient's words
	Focus       string // Type/id of what it is about
	Values      map[string]string
	Status      Status
	Team        string // who got it, to follow "with": the nurse team
	Owner       string // the account of who has it; empty: the team
	OwnerName   string
	AskedBy     string // who asked, by name; empty: the patient
	Asked       time.Time
	Due         time.Time // the answer is there by then
	Changed     time.Time
	Closed      time.Time // zero: open
	Reason      Reason
	Answer      string    // what was said back
	Raised      time.Time // when it was last raised because its time was over; zero: never
	RaisedTo    string    // the account of who leads the team; empty: all of the team
	RaisedName  string    // theirs, or the team
	Again       time.Time // by when, once it was raised, the answer is there; zero: it was not, or that is over, too
	Steps       []Step    // oldest first
}

// Step is one thing that happened to a task.
type Step struct {
	At     time.Time
	By     string // a name; empty: the patient, or whoever acts for them
	Status Status
	Note   string // the patient reads it
}

// Late says whether the time for an answer is over.
func (t Task) Late(now time.Time) bool { return t.owed() && now.After(t.Due) }

// owed says whether the clinic has to do the next step: what is ready waits to
// be picked up, and of an order for a medicine a question waits for the
// patient. The statements say it as owed does.
func (t Task) owed() bool {
	switch t.Status {
	case Ready:
		return false
	case Waiting:
		return t.Kind != Refill && t.Kind != Renewal
	}
	return t.Status.Open()
}

// Overdue says whether t is late and was raised for that.
func (t Task) Overdue(now time.Time) bool { return t.Late(now) && t.Raised.After(t.Due) }

// anew is the promise about what was raised: the end of the next working day.
var anew = Rule{Days: 1}

// again returns t with by when its answer is there now.
func (t Task) again(by, now time.Time) Task {
	if by.After(now) {
		t.Again = by
	}
	return t
}

// raise returns t as somebody was told of that its time is over.
func (t Task) raise(to, name string, now time.Time) Task {
	t.Raised, t.RaisedTo, t.RaisedName = now, to, name
	return t
}

// Cancellable says whether the patient may take it back.
func (t Task) Cancellable() bool { return t.Status.Open() && t.Status != Ready }

// New is what somebody asks.
type New struct {
	Kind   Kind
	Title  string
	Text   string
	Focus  string // Type/id of a resource in the patient's record; may be empty
	Values map[string]string
	Due    time.Time // zero: what the rule of its kind says
	Team   string    // one of Teams; empty: what the rule of its kind says
}

// The bounds of what is asked and answered.
const (
	maxTitle  = 200
	maxText   = 4000
	maxValues = 60
	openMost  = 40 // open tasks of one patient
)

// The refusals.
var (
	errKind   = errs.New(errs.NotFound, "We cannot take that here. Please call us.")
	errWords  = errs.New(errs.Invalid, "Please write a few words, so that we know what you mean.")
	errLong   = errs.New(errs.Invalid, "That is too long. Please use fewer words.")
	errMany   = errs.New(errs.TooMany, "You have many open requests. Please wait for our answer, or call us.")
	errTwice  = errs.New(errs.Conflict, "You have already asked for this. You can see how far it is under your requests.")
	errOver   = errs.New(errs.Conflict, "This request is already closed.")
	errStatus = errs.New(errs.Invalid, "Please choose how far this is.")
	errReason = errs.New(errs.Invalid, "Please choose why this is closed.")
	errAnswer = errs.New(errs.Invalid, "Please write to the patient why not. They read it.")
	errLate   = errs.New(errs.Conflict, "This can no longer be cancelled here. Please call us.")
	errOpen   = errs.New(errs.Conflict, "This request is open.")
)

// check tidies what is asked and refuses what cannot be taken.
func (n New) check() (New, error) {
	if !n.Kind.known() {
		return n, errKind
	}
	n.Title, n.Text = tidy(n.Title), tidy(n.Text)
	switch {
	case n.Title == "":
		return n, errWords
	case len(n.Title) > maxTitle || len(n.Text) > maxText || len(n.Values) > maxValues:
		return n, errLong
	}
	for k, v := range n.Values {
		if len(k) > maxTitle || len(v) > maxText {
			return n, errLong
		}
	}
	return n, nil
}

func tidy(s string) string { return strings.TrimSpace(strings.ToValidUTF8(s, "")) }

// begin returns a task as it is when it has just been asked.
func begin(id, patient string, in New, by, team string, now, due time.Time) Task {
	if !in.Due.IsZero() {
		due = in.Due
	}
	return Task{
		ID: id, Patient: patient, Kind: in.Kind, Title: in.Title, Text: in.Text, Focus: in.Focus, Values: in.Values, Status: Received, Team: team,
		AskedBy: by, Asked: now, Due: due, Changed: now, Steps: []Step{{At: now, By: by, Status: Received}},
	}
}

// step returns t one step further.
func (t Task) step(to Status, by, note string, now time.Time) (Task, error) {
	if !t.Status.Open() {
		return t, errOver
	}
	if note = tidy(note); len(note) > maxText {
		return t, errLong
	}
	t.Status, t.Changed = to, now
	t.Steps = append(slices.Clone(t.Steps), Step{At: now, By: by, Status: to, Note: note})
	return t, nil
}

// close returns t closed for a reason.
func (t Task) close(why Reason, by, answer string, now time.Time) (Task, error) {
	if !slices.Contains(Reasons, why) {
		return t, errReason
	}
	answer = tidy(answer)
	if why == Refused && answer == "" {
		return t, errAnswer
	}
	t, err := t.step(why.to(), by, answer, now)
	if err != nil {
		return t, err
	}
	t.Closed, t.Reason, t.Answer = now, why, answer
	return t, nil
}

// reopen returns t as open as it was before it was closed.
func (t Task) reopen(by, note string, now time.Time) (Task, error) {
	if t.Status.Open() {
		return t, errOpen
	}
	t.Closed, t.Reason, t.Answer, t.Status = time.Time{}, "", "", Received
	to := Read
	if t.Owner != "" {
		to = Claimed
	}
	return t.step(to, by, note, now)
}
