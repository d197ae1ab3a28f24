package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach"
	"hale/internal/reach/approval"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/store/db"
)

var errTwo = errs.New(errs.Forbidden, "A second person has to approve this journey first. Ask for it on the page of the journey.")

// Subject names a journey to whoever approves it.
func Subject(id string) string { return "journey/" + id }

// Proposal returns what publishing what is written of a journey would need of
// a second person.
func (s *Store) Proposal(ctx context.Context, pass access.Pass, id string) (reach.Proposal, error) {
	j, err := s.Get(ctx, pass, id)
	if err != nil {
		return reach.Proposal{}, err
	}
	p, err := s.Reach.Propose(ctx, pass, Subject(id), j.Draft.content(), j.Draft.class())
	if err != nil {
		return p, fmt.Errorf("journey: proposal %s: %w", id, err)
	}
	return p, nil
}

// agreed refuses a definition that takes two people and has one. Ask inside
// the transaction that publishes or starts it.
func (s *Store) agreed(ctx context.Context, tx *db.Tx, id string, d *Definition) error {
	ok, err := s.Reach.Agreed(ctx, tx, Subject(id), d.content(), d.class())
	if err == nil && !ok {
		err = errTwo
	}
	return err
}

// class is the most that any message of d gives away. Who gets it may tell
// what it is about.
func (d *Definition) class() policy.Class {
	var most policy.Class
	told := d.Trigger.Segment != nil && segment.Labels(*d.Trigger.Segment) != 0
	for _, n := range d.Nodes {
		told = told || n.Segment != nil && segment.Labels(*n.Segment) != 0
		if n.Kind == Reach && n.Reach != nil {
			p, _ := policy.PurposeOf(n.Reach.Purpose)
			most = max(most, n.Reach.Template.Sensitivity, p.Sensitivity)
		}
	}
	if told && most > 0 {
		return policy.S4
	}
	return most
}

// content is all of d in lines that people read and compare. Its last line
// names the whole as the database keeps it: a change that no other line shows
// is one, too.
func (d *Definition) content() string {
	var b strings.Builder
	line := func(what string, v any) {
		if v != "" && v != 0 {
			fmt.Fprintf(&b, "%s: %v\n", what, v)
		}
	}
	line("Journey", d.Name)
	line("What it is for", strings.Join(strings.Fields(d.Words), " "))
	line("It begins when", Choose(Triggers(), d.Trigger.On))
	line("Days", d.Trigger.Days)
	line("Only visits for", d.Trigger.Service)
	if d.Trigger.Segment != nil {
		line("Only people", segment.Sentence(*d.Trigger.Segment))
	}
	if d.Goal != "" {
		line("It ends well when", Choose(Events(), d.Goal))
	}
	line("Too late after", d.Late)
	for i, n := range d.Nodes {
		line(fmt.Sprintf("Step %d", i+1), fmt.Sprintf("%s (%s)", nameOf(n), n.Kind))
		line("For", n.For)
		line("Before the visit", n.Before)
		line("After it began", n.After)
		line("At", n.At)
		line("Until", n.Until)
		line("If", n.Is)
		if n.Segment != nil {
			line("If", segment.Sentence(*n.Segment))
		}
		line("To do", n.Task)
		line("Tells the webhook", n.Hook)
		if m := n.Reach; m != nil {
			line("What for", m.Purpose)
			if len(m.Channels) > 0 {
				line("Channels", fmt.Sprint(m.Channels))
			}
			if m.Holdout > 0 {
				line("Held out", fmt.Sprintf("%g %%", m.Holdout*100))
			}
			line("Next way after", m.NextAfter)
			for _, c := range slices.Sorted(maps.Keys(m.Waits)) {
				line("After "+strings.ToLower(c.Name()), m.Waits[c])
			}
			line("Given up after", m.Deadline)
			b.WriteString(reach.Lines(m.Template))
		}
		line("Then", n.Next)
		line("Else", n.Else)
	}
	text, err := json.Marshal(d)
	if err != nil {
		text = []byte(err.Error())
	}
	line("Everything", approval.Sum(string(text))[:16])
	return b.String()
}
