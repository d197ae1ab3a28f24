package journey

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach"
	"hale/internal/reach/hook"
	"hale/internal/store/db"
)

// Line is one step of a rehearsal.
type Line struct {
	At    time.Time
	Node  Node
	Words string // what would happen
}

// Course is what somebody is supposed to do in a rehearsal.
type Course string

// The courses.
const (
	Looks   Course = "looks"   // at the first message
	Ignores Course = "ignores" // everything
)

// Rehearse says what would happen to one person if the journey took them in
// at a time, and changes nothing. Conditions are asked of the record as it is
// now; a visit, where the journey is about one, would start at start.
func (s *Store) Rehearse(ctx context.Context, pass access.Pass, d Definition, patient string, at, start time.Time, as Course) ([]Line, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	if err := d.check(pass, at); err != nil {
		return nil, err
	}
	zone, err := db.All(ctx, s.DB, db.Value[string], `select zone from person where id = $1 and active = 1`, patient)
	if err != nil {
		return nil, fmt.Errorf("journey: rehearse: %w", err)
	}
	if len(zone) == 0 {
		return nil, errs.New(errs.NotFound, "There is no such patient.")
	}
	t := &traveller{patient: patient, zone: zone[0], node: d.Nodes[0].ID, fresh: true, data: map[string]string{"at": at.Format(time.RFC3339)}}
	if !start.IsZero() {
		t.data["start"] = start.Format(time.RFC3339)
	}
	r := &rehearsal{s: s, pass: pass, d: &d, t: t, as: as, w: &walk{s: s, pass: pass, now: at}}
	for range len(d.Nodes) + 1 {
		done, err := r.step(ctx)
		if err != nil || done {
			return r.lines, err
		}
	}
	return r.lines, nil
}

// rehearsal is a walk on paper.
type rehearsal struct {
	s     *Store
	pass  access.Pass
	d     *Definition
	t     *traveller
	w     *walk
	as    Course
	lines []Line
}

func (r *rehearsal) say(n *Node, words string) {
	r.lines = append(r.lines, Line{At: r.w.now, Node: *n, Words: words})
}

func (r *rehearsal) step(ctx context.Context) (done bool, err error) {
	i := 0
	for ; i < len(r.d.Nodes) && r.d.Nodes[i].ID != r.t.node; i++ {
	}
	if i == len(r.d.Nodes) {
		return true, nil
	}
	n := &r.d.Nodes[i]
	ways := r.d.ways(i)
	way := [2]string{}
	if len(ways) > 0 {
		way = ways[0]
	}
	switch n.Kind {
	case Wait:
		way = r.wait(n, ways)
	case Branch:
		in, err := r.s.within(ctx, r.s.DB, r.pass, *n.Segment, []string{r.t.patient}, r.w.now)
		if err != nil {
			return true, err
		}
		if !in[r.t.patient] {
			way = ways[1]
		}
		r.say(n, "The condition is "+map[bool]string{true: "met: yes.", false: "not met: no."}[in[r.t.patient]])
	case Check:
		if r.as == Ignores {
			way = ways[1]
		}
		r.say(n, "Supposed that somebody "+map[Course]string{Looks: "looks: yes.", Ignores: "ignores everything: no."}[r.as])
	case Split:
		r.say(n, fmt.Sprintf("A draw. Here the first way, %s, is followed.", way[0]))
	case Reach:
		way = r.reach(n, ways)
	case Task:
		r.say(n, "The staff is asked: "+n.Task)
	case Hook:
		if !r.s.told(ctx, r.pass, n.Hook) {
			way = ways[1]
			r.say(n, "Its webhook is switched off: nothing is told.")
			break
		}
		r.say(n, "A program of the clinic's own is told, by a signed call; if it does not answer, again for three days.")
	case Exit:
		r.say(n, "The journey ends.")
		return true, nil
	}
	if way[1] == "" {
		r.lines = append(r.lines, Line{At: r.w.now, Words: "The journey ends."})
		return true, nil
	}
	r.t.node, r.t.fresh = way[1], true
	return false, nil
}

// told says whether a webhook would be told.
func (s *Store) told(ctx context.Context, pass access.Pass, id string) bool {
	if s.Hooks == nil {
		return false
	}
	list, err := s.Hooks.List(ctx, pass)
	return err == nil && slices.ContainsFunc(list, func(h hook.Webhook) bool { return h.ID == id && h.State == "active" })
}

func (r *rehearsal) wait(n *Node, ways [][2]string) [2]string {
	at, missed := r.w.until(n, r.t)
	if missed && len(ways) > 1 && n.Until == "" {
		r.say(n, "The time for this has passed.")
		return ways[1]
	}
	if n.Until != "" {
		r.say(n, "Waits until: "+Choose(Events(), n.Until)+", but not longer than "+n.For+".")
		if r.as == Ignores {
			r.w.now = at
			return ways[1]
		}
		return ways[0]
	}
	if at.After(r.w.now) {
		r.say(n, "Waits.")
		r.w.now = at
	}
	return ways[0]
}

// pauses say how long each channel is waited for, where that was chosen.
func (m *Message) pauses() string {
	var words []string
	for _, c := range []reach.Channel{reach.SMS, reach.Email, reach.Inbox, reach.Voice} {
		if w := m.Waits[c]; w != "" {
			words = append(words, w+" after "+strings.ToLower(c.Name()))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return " The next channel has its turn " + strings.Join(words, ", ") + "."
}

func (r *rehearsal) reach(n *Node, ways [][2]string) [2]string {
	deadline := r.w.deadline(n.Reach, r.t)
	if !deadline.After(r.w.now) {
		r.say(n, "It is too late for this message: it is left out.")
		return ways[1]
	}
	r.say(n, fmt.Sprintf("A message goes out, by one channel after the other until it is %s.%s", goalWords(n.Reach), n.Reach.pauses()))
	if r.as == Ignores {
		r.w.now = deadline
		return ways[1]
	}
	return ways[0]
}
