// Package journey takes a person along several steps that something in the
// record sets off: a visit that was booked, a result, a birthday.
//
// A journey is data. What is published is a version that never changes, and
// who is under way stays on theirs until somebody moves them. Each wait is a
// row with a time, each step one transaction, and one cause takes a person
// into a journey once.
package journey

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
)

// Definition is a journey as its author wrote it. Steps lead forward only:
// the first node is where everybody begins.
type Definition struct {
	Name    string  `json:"name"`
	Words   string  `json:"words,omitempty"` // what it is for
	Trigger Trigger `json:"trigger"`
	Goal    string  `json:"goal,omitempty"` // an event of Events that ends it well, wherever somebody is
	Late    string  `json:"late,omitempty"` // a cause older than this takes nobody in any more; empty: one day
	Nodes   []Node  `json:"nodes"`
}

// Trigger is what takes people in.
type Trigger struct {
	On      string        `json:"on"`                // one of Triggers
	Days    int           `json:"days,omitempty"`    // no sign-in, or no answer, for so long; or so long before a refill is due
	Service string        `json:"service,omitempty"` // of a visit; empty: any
	Segment *segment.Expr `json:"segment,omitempty"` // who enters or leaves it, or of whom alone the cause counts
}

// Kind is what a node does.
type Kind string

// The kinds of nodes.
const (
	Wait   Kind = "wait"
	Branch Kind = "branch"
	Split  Kind = "split"
	Reach  Kind = "reach"
	Check  Kind = "check"
	Task   Kind = "task"
	Hook   Kind = "hook"
	Exit   Kind = "exit"
)

// Node is one step.
type Node struct {
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	Name string `json:"name,omitempty"`
	Next string `json:"next,omitempty"` // empty: the node after it, or the end
	Else string `json:"else,omitempty"` // timeout, no, not reached; empty: as Next

	// Of a wait. Lengths are 90m, 4h, 3d, or 2wd for working days.
	For    string `json:"for,omitempty"`    // since the step was entered
	Before string `json:"before,omitempty"` // before the visit starts
	After  string `json:"after,omitempty"`  // after what set it off happened
	At     string `json:"at,omitempty"`     // and then until this time of day where the person is: 09:00
	Until  string `json:"until,omitempty"`  // an event of Events; For is its timeout

	Segment *segment.Expr `json:"segment,omitempty"` // of a branch: who goes on
	Is      string        `json:"is,omitempty"`      // of a check: an event of Events since the journey began
	Parts   []Part        `json:"parts,omitempty"`   // of a split

	Reach *Message `json:"reach,omitempty"`
	Task  string   `json:"task,omitempty"` // what the staff is to do
	Hook  string   `json:"hook,omitempty"` // the webhook that is told, its id
}

// Part is one way out of a split.
type Part struct {
	Share float64 `json:"share"`
	Next  string  `json:"next"`
}

// Message is what a reach node sends, by one channel after the other until
// its goal is met.
type Message struct {
	Purpose   string          `json:"purpose"`
	Service   string          `json:"service,omitempty"`
	Goal      reach.Goal      `json:"goal,omitempty"`     // empty: seen
	Deadline  string          `json:"deadline,omitempty"` // since the step was entered; empty: three days
	Before    string          `json:"before,omitempty"`   // or so long before the visit starts, if that is sooner
	Channels  []reach.Channel `json:"channels,omitempty"`
	NextAfter string          `json:"nextAfter,omitempty"`

	Waits map[reach.Channel]string `json:"waits,omitempty"` // after a message by this channel: 4h; others: NextAfter

	Holdout  float64           `json:"holdout,omitempty"`
	Template template.Template `json:"template"`
}

// The triggers.
const (
	VisitBooked    = "visit.booked" // or moved: every new time counts
	VisitMoved     = "visit.moved"
	VisitCancelled = "visit.cancelled"
	VisitMissed    = "visit.missed"
	ResultReady    = "result.released"
	Discharged     = "discharge"
	RefillDue      = "refill.due"
	Birthday       = "birthday"
	NoSignIn       = "no.sign-in"
	FormOpen       = "form.unanswered"
	Entered        = "segment.entered"
	Left           = "segment.left"
)

// Choice is a word and what it says.
type Choice struct{ Key, Words string }

// Triggers returns what can take people in.
func Triggers() []Choice {
	return []Choice{
		{VisitBooked, "A visit is booked or moved"}, {VisitMoved, "A visit is moved"}, {VisitCancelled, "A visit is cancelled"}, {VisitMissed, "A visit was missed"},
		{ResultReady, "A result can be seen"}, {Discharged, "Somebody goes home from hospital"}, {RefillDue, "A medicine runs out"},
		{Birthday, "A birthday"}, {NoSignIn, "No sign-in for some days"}, {FormOpen, "A form is not answered for some days"}, {Entered, "Somebody comes into a segment"},
		{Left, "Somebody leaves a segment"},
	}
}

// Events returns what can be waited for, checked, or be the goal.
func Events() []Choice {
	list := make([]Choice, len(happenings))
	for i, h := range happenings {
		list[i] = Choice{h.key, h.words}
	}
	return list
}

// Choose returns the words of a key.
func Choose(list []Choice, key string) string {
	for _, c := range list {
		if c.Key == key {
			return c.Words
		}
	}
	return key
}

// length reads 90m, 4h, 3d and 2wd.
type length struct {
	d    time.Duration
	days int // working days
}

var errLength = errs.New(errs.Invalid, "A length of time is a number with m, h, d or wd behind it: 90m, 4h, 3d, 2wd for working days.")

func parseLength(text string) (length, error) {
	for _, u := range []struct {
		mark string
		unit time.Duration
	}{{"wd", 0}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}} {
		digits, ok := strings.CutSuffix(strings.TrimSpace(text), u.mark)
		n := 0
		if _, err := fmt.Sscanf(digits, "%d", &n); !ok || err != nil || fmt.Sprint(n) != digits {
			continue
		}
		if n < 0 || n > 1000 && u.unit != time.Minute || n > 100_000 {
			return length{}, errLength
		}
		if u.unit == 0 {
			return length{days: n}, nil
		}
		return length{d: time.Duration(n) * u.unit}, nil
	}
	return length{}, errLength
}

// node returns the node named id.
func (d *Definition) node(id string) (*Node, bool) {
	i := slices.IndexFunc(d.Nodes, func(n Node) bool { return n.ID == id })
	if i < 0 {
		return nil, false
	}
	return &d.Nodes[i], true
}

// after returns where next leads from the node at i; empty: the end.
func (d *Definition) after(i int, next string) string {
	switch {
	case next != "":
		return next
	case d.Nodes[i].Kind == Exit || i+1 >= len(d.Nodes):
		return ""
	}
	return d.Nodes[i+1].ID
}

// ways returns the names of the ways out of the node at i and where they lead.
func (d *Definition) ways(i int) [][2]string {
	n := &d.Nodes[i]
	next := d.after(i, n.Next)
	other := n.Else
	if other == "" {
		other = next
	}
	switch n.Kind {
	case Exit:
		return nil
	case Wait:
		if n.Until != "" {
			return [][2]string{{"it happened", next}, {"time is up", other}}
		}
		if n.Before != "" && n.Else != "" {
			return [][2]string{{"in time", next}, {"too late", other}}
		}
	case Hook:
		return [][2]string{{"told", next}, {"switched off", other}}
	case Branch, Check:
		return [][2]string{{"yes", next}, {"no", other}}
	case Reach:
		return [][2]string{{goalWords(n.Reach), next}, {"not reached", other}}
	case Split:
		var list [][2]string
		for _, p := range n.Parts {
			list = append(list, [2]string{fmt.Sprintf("%.0f %%", p.Share*100), p.Next})
		}
		return list
	}
	return [][2]string{{"", next}}
}

func goalWords(m *Message) string {
	switch {
	case m == nil || m.Goal == "" || m.Goal == reach.Seen:
		return "seen"
	case m.Goal == reach.Acknowledged:
		return "confirmed"
	}
	return "acted"
}

func wrong(n Node, words string) error {
	return errs.New(errs.Invalid, fmt.Sprintf("Step %q: %s", n.ID, words))
}

var (
	errName    = errs.New(errs.Invalid, "Please give the journey a name.")
	errTrigger = errs.New(errs.Invalid, "Please choose what takes people in.")
	errDays    = errs.New(errs.Invalid, "Please say for how many days, 1 to 730.")
	errWho     = errs.New(errs.Invalid, "Please choose the segment that people come into or leave.")
	errAbout   = errs.New(errs.Invalid, "It waits for people to leave its segment, or to come into it: please choose the segment under “What sets it off”.")
	errEvent   = errs.New(errs.Invalid, "Nothing that can be waited for has that name.")
	errNodes   = errs.New(errs.Invalid, "A journey has 1 to 60 steps, each with a name of its own.")
	errGuarded = errs.New(errs.Forbidden, "A journey may not ask about information that the law protects more.")
)

// check says what is wrong with d as pass sees it.
func (d *Definition) check(pass access.Pass, now time.Time) error {
	if d.Name = strings.TrimSpace(d.Name); d.Name == "" || len(d.Name) > 200 {
		return errName
	}
	if err := d.Trigger.check(pass, now); err != nil {
		return err
	}
	if d.Late != "" {
		if _, err := parseLength(d.Late); err != nil {
			return err
		}
	}
	if d.Goal != "" && !known(d.Goal) {
		return errEvent
	}
	if d.Trigger.Segment == nil && d.asksOfSegment() {
		return errAbout
	}
	if len(d.Nodes) == 0 || len(d.Nodes) > 60 {
		return errNodes
	}
	seen := map[string]int{}
	for i, n := range d.Nodes {
		if _, twice := seen[n.ID]; twice || n.ID == "" || len(n.ID) > 40 {
			return errNodes
		}
		seen[n.ID] = i
	}
	for i, n := range d.Nodes {
		if err := n.check(pass, now); err != nil {
			return err
		}
		for _, w := range d.ways(i) {
			if at, ok := seen[w[1]]; w[1] != "" && (!ok || at <= i) {
				return wrong(n, "it leads to "+w[1]+", which has to be a later step.")
			}
		}
	}
	return nil
}

func (t *Trigger) check(pass access.Pass, now time.Time) error {
	if Choose(Triggers(), t.On) == t.On {
		return errTrigger
	}
	if days := t.On == NoSignIn || t.On == FormOpen; days && t.Days < 1 || t.Days < 0 || t.Days > 730 {
		return errDays
	}
	if (t.On == Entered || t.On == Left) && t.Segment == nil {
		return errWho
	}
	return checkSegment(pass, t.Segment, now)
}

func checkSegment(pass access.Pass, e *segment.Expr, now time.Time) error {
	if e == nil {
		return nil
	}
	if segment.Labels(*e) != 0 {
		return errGuarded
	}
	_, _, err := segment.Compile(pass, *e, now)
	return err
}

func (n *Node) check(pass access.Pass, now time.Time) error {
	for _, text := range []string{n.For, n.Before, n.After} {
		if _, err := parseLength(text); text != "" && err != nil {
			return wrong(*n, errs.Say(err))
		}
	}
	switch n.Kind {
	case Wait:
		return n.checkWait()
	case Branch:
		if n.Segment == nil {
			return wrong(*n, "it needs a condition.")
		}
		return checkSegment(pass, n.Segment, now)
	case Check:
		if !known(n.Is) {
			return wrong(*n, "it needs an event to look for.")
		}
	case Split:
		return n.checkSplit()
	case Reach:
		return n.checkReach()
	case Task:
		if n.Task = strings.TrimSpace(n.Task); n.Task == "" || len(n.Task) > 500 {
			return wrong(*n, "it has to say what the staff is to do.")
		}
	case Hook:
		if n.Hook == "" || len(n.Hook) > 60 {
			return wrong(*n, "it needs a webhook to tell.")
		}
	case Exit:
	default:
		return wrong(*n, "there is no such kind of step.")
	}
	return nil
}

func (n *Node) checkWait() error {
	if n.For == "" && n.Before == "" && n.After == "" && n.At == "" {
		return wrong(*n, "it has to say how long.")
	}
	if n.Until != "" && (!known(n.Until) || n.For == "") {
		return wrong(*n, "an event that is waited for needs a time after which to go on.")
	}
	if _, err := time.Parse("15:04", n.At); n.At != "" && err != nil {
		return wrong(*n, "a time of day is written 09:00.")
	}
	return nil
}

func (n *Node) checkSplit() error {
	sum := 0.0
	for _, p := range n.Parts {
		sum += p.Share
		if p.Share <= 0 || p.Next == "" {
			return wrong(*n, "each way has a share and a next step.")
		}
	}
	if len(n.Parts) < 2 || sum < 0.999 || sum > 1.001 {
		return wrong(*n, "the shares have to make 100 % together.")
	}
	return nil
}

func (n *Node) checkReach() error {
	m := n.Reach
	if m == nil {
		return wrong(*n, "it has no message.")
	}
	if _, ok := policy.PurposeOf(m.Purpose); !ok {
		return wrong(*n, "please choose what it is for.")
	}
	for _, text := range []string{m.Deadline, m.Before, m.NextAfter} {
		if _, err := parseLength(text); text != "" && err != nil {
			return wrong(*n, errs.Say(err))
		}
	}
	for c, text := range m.Waits {
		if l, err := parseLength(text); err != nil || l == (length{}) {
			return wrong(*n, "after "+strings.ToLower(c.Name())+": "+errs.Say(errLength))
		}
	}
	switch m.Goal {
	case "", reach.Seen, reach.Acknowledged, reach.Acted:
		return nil
	}
	return wrong(*n, "its goal is seen, acknowledged or acted.")
}

// Ways returns the ways out of the node at i: what each is called, and where
// it leads; empty for the end.
func (d *Definition) Ways(i int) [][2]string { return d.ways(i) }
