package reach

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach/approval"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// Threshold is from where on an outreach takes two people.
type Threshold struct {
	People int          // from so many in the audience; 0: never because of them
	Class  policy.Class // of a text that gives away so much; 0: never because of it
}

var errApproval = errs.New(errs.Forbidden, "A second person has to approve this outreach first. Ask for it on the page of the dry run.")

// Proposal is what a second person is asked to approve.
type Proposal struct {
	Subject string
	Content string // in lines that people read
	Sum     string
	Why     string // it takes two; empty: it does not
	Stands  bool   // somebody has approved exactly this
	History []approval.Approval
}

// Proposal returns what Start would need of a second person, for an outreach
// with people in its audience.
func (e *Engine) Proposal(ctx context.Context, pass access.Pass, id string, people int) (Proposal, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return Proposal{}, err
	}
	o, err := get(ctx, e.DB, id)
	if err != nil {
		return Proposal{}, err
	}
	content, err := contentOf(ctx, e.DB, o)
	if err != nil {
		return Proposal{}, err
	}
	p := Proposal{Subject: subjectOf(o.ID), Content: content, Why: e.takesTwo(o, people)}
	p.Sum = approval.Sum(p.Content)
	if e.Approvals == nil {
		return p, nil
	}
	if _, p.Stands, err = e.Approvals.Standing(ctx, e.DB, p.Subject, p.Sum); err != nil {
		return p, err
	}
	p.History, err = e.Approvals.History(ctx, p.Subject)
	return p, err
}

func subjectOf(outreach string) string { return "outreach/" + outreach }

// takesTwo says why an outreach takes two people, or nothing.
func (e *Engine) takesTwo(o Outreach, people int) string {
	if e.Approvals == nil {
		return ""
	}
	class := o.Template.Sensitivity
	for _, t := range o.templates() {
		class = max(class, t.Sensitivity)
	}
	switch {
	case e.Approve.Class > 0 && class >= e.Approve.Class:
		return fmt.Sprintf("It gives away class %d, and from class %d on two people have to agree.", class, e.Approve.Class)
	case e.Approve.People > 0 && people >= e.Approve.People:
		return fmt.Sprintf("It is for %d people, and from %d on two people have to agree.", people, e.Approve.People)
	}
	return ""
}

// approved refuses an outreach that takes two people and has one. Asked
// inside the transaction that starts it, about what is started.
func (e *Engine) approved(ctx context.Context, tx *db.Tx, o Outreach) error {
	return e.approvedFor(ctx, tx, o, o.ID)
}

// approvedFor is approved for the people of a run, which is a copy of o.
func (e *Engine) approvedFor(ctx context.Context, tx *db.Tx, o Outreach, run string) error {
	people, err := db.One(ctx, tx, db.Value[int], `select audience from outreach where id = $1`, run)
	if err != nil || e.takesTwo(o, people) == "" {
		return err
	}
	content, err := contentOf(ctx, tx, o)
	if err != nil {
		return err
	}
	_, ok, err := e.Approvals.Standing(ctx, tx, subjectOf(o.ID), approval.Sum(content))
	if err == nil && !ok {
		err = errApproval
	}
	return err
}

// contentOf is all of an outreach with the files that come with it. A file is
// named by its id, too: another one under the same name is a change.
func contentOf(ctx context.Context, c db.Conn, o Outreach) (string, error) {
	const q = `select name || ' (' || media || ', ' || cast(bytes as text) || ' bytes, ' || id || ')' from outreach_file where outreach = $1 order by at, id`
	files, err := db.All(ctx, c, db.Value[string], q, o.ID)
	if err != nil {
		return "", fmt.Errorf("reach: files of %s: %w", o.ID, err)
	}
	content := o.content()
	for _, f := range files {
		content += "File: " + strings.ReplaceAll(f, "\n", " ") + "\n"
	}
	return content, nil
}

// content is all of an outreach in lines that people read and compare. Its
// last line names the whole as the database keeps it: a change that no other
// line shows is one, too.
func (o *Outreach) content() string {
	var b strings.Builder
	line := func(what string, v any) { fmt.Fprintf(&b, "%s: %v\n", what, v) }
	line("Name", o.Name)
	line("What for", o.Purpose)
	if o.Exception != "" {
		line("Allowed by", o.Exception.words())
	}
	if o.Paid {
		line("Paid", "somebody pays the clinic for it")
	}
	if o.Service != "" {
		line("Visit to book", o.Service)
	}
	line("Who", segment.Sentence(o.Segment))
	line("Held out", fmt.Sprintf("%g %%", o.Holdout*100))
	line("Days to act", o.WindowDays)
	line("Days to keep trying", o.ExpireDays)
	if len(o.Channels) > 0 {
		line("Channels", o.Channels)
	}
	if o.Hours != (policy.Times{}) {
		line("Sent", o.Hours.Words())
		line("Spread over", fmt.Sprintf("%d hours", o.Hours.Spread))
	}
	for i, t := range o.templates() {
		if len(o.Variants) > 0 {
			line("Version", fmt.Sprintf("%s, %g %%", o.Variants[i].Key, o.Variants[i].Share*100))
		}
		b.WriteString(Lines(t))
	}
	text, err := o.text()
	if err != nil {
		text = err.Error()
	}
	line("Everything", approval.Sum(text)[:16])
	return b.String()
}

// Lines is a text, with how much it gives away, in lines that people read and
// compare.
func Lines(t template.Template) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Gives away: class %d\n", t.Sensitivity)
	parts := slices.Clone(t.Parts)
	slices.SortFunc(parts, func(a, b template.Part) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Lang, b.Lang))
	})
	for _, p := range parts {
		for _, text := range [...][2]string{{"title", p.Subject}, {"preview", p.Preview}, {"text", p.Body}} {
			for l := range strings.SplitSeq(text[1], "\n") {
				if strings.TrimSpace(l) != "" {
					fmt.Fprintf(&b, "%s in %s, %s: %v\n", p.Channel, p.Lang, text[0], l)
				}
			}
		}
	}
	return b.String()
}

// Propose returns what a second person would have to agree to of what gives
// away class, and whether it takes one.
func (e *Engine) Propose(ctx context.Context, pass access.Pass, subject, content string, class policy.Class) (Proposal, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return Proposal{}, err
	}
	p := Proposal{Subject: subject, Content: content, Sum: approval.Sum(content), Why: e.takesTwo(classed(class), 0)}
	if e.Approvals == nil {
		return p, nil
	}
	var err error
	if _, p.Stands, err = e.Approvals.Standing(ctx, e.DB, subject, p.Sum); err != nil {
		return p, err
	}
	p.History, err = e.Approvals.History(ctx, subject)
	return p, err
}

// Agreed says whether content, which gives away class, may go ahead: it takes
// one person only, or a second one has approved exactly it. Ask inside the
// transaction that acts on it.
func (e *Engine) Agreed(ctx context.Context, tx *db.Tx, subject, content string, class policy.Class) (bool, error) {
	if e.takesTwo(classed(class), 0) == "" {
		return true, nil
	}
	_, ok, err := e.Approvals.Standing(ctx, tx, subject, approval.Sum(content))
	return ok, err
}

// classed is an outreach of which only the class counts.
func classed(class policy.Class) Outreach {
	return Outreach{Template: template.Template{Sensitivity: class}}
}
