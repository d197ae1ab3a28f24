package desk

import (
	"net/http"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/approval"
	"hale/internal/reach/journey"
)

// answered is how long an answer to somebody's own question is news.
const answered = 30 * 24 * time.Hour

// about names what an approval is about, with where it is shown.
func (d *Desk) about(r *http.Request, subject string) (name, href string) {
	if id, ok := strings.CutPrefix(subject, journey.Subject("")); ok && d.Journeys != nil {
		if pass, err := d.all(r, access.RunOutreach); err == nil {
			if j, err := d.Journeys.Get(r.Context(), pass, id); err == nil {
				return j.Name, journeyPath(id)
			}
		}
		return "a journey that is gone", ""
	}
	id, ok := strings.CutPrefix(subject, "outreach/")
	if !ok {
		return sentence(strings.ReplaceAll(subject, "/", ", ")), ""
	}
	if pass, err := d.all(r, access.RunOutreach); err == nil {
		if o, err := d.Reach.Get(r.Context(), pass, id); err == nil {
			return o.Name, path(id)
		}
	}
	return "an outreach that is gone", ""
}

// approvalState is a state in words.
func approvalState(s approval.State) (word, tone string) {
	switch s {
	case approval.Asked:
		return "waiting", "watch"
	case approval.Approved:
		return "approved", "good"
	case approval.Refused:
		return "refused", "act"
	case approval.Withdrawn:
		return "taken back", ""
	}
	return "replaced by a later question", ""
}

func (d *Desk) approvalRow(r *http.Request, a approval.Approval) approvalRow {
	name, _ := d.about(r, a.Subject)
	row := approvalRow{Href: "/desk/approvals/" + a.ID, Name: name, Sub: "Asked by " + a.AskedName + ", " + d.clock(a.AskedAt)}
	if a.EndedName != "" {
		row.Sub += "; answered by " + a.EndedName + ", " + d.clock(a.EndedAt)
	}
	row.Chip, row.Tone = approvalState(a.State)
	return row
}

// listApprovals shows what waits for a second person.
func (d *Desk) listApprovals(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.all(r, access.RunOutreach); err != nil {
		return err
	}
	waiting, err := d.Writing.Approvals.Waiting(r.Context())
	if err != nil {
		return err
	}
	mine, err := d.Writing.Approvals.Answered(r.Context(), web.Actor(r).ID, d.now().Add(-answered))
	if err != nil {
		return err
	}
	var open, done []approvalRow
	for _, a := range waiting {
		open = append(open, d.approvalRow(r, a))
	}
	for _, a := range mine {
		done = append(done, d.approvalRow(r, a))
	}
	said := map[string]string{"approve": "Approved. It can be sent as you saw it.", "refuse": "Refused. Whoever asked reads your word on it.", "withdraw": "The question is taken back."}[r.URL.Query().Get("note")]
	return d.Site.Render(w, r, http.StatusOK, approvalsPage(d.view(r, "Approvals", "outreach"), said, open, done))
}

// askApproval asks for a second person's word on a draft.
func (d *Desk) askApproval(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	p, err := d.Writing.Engine.Proposal(r.Context(), pass, o.ID, 0)
	if err != nil {
		return err
	}
	if _, err := d.Writing.Approvals.Ask(r.Context(), web.Actor(r), p.Subject, p.Content, long(in, "note", 500)); err != nil {
		return err
	}
	http.Redirect(w, r, path(o.ID)+"/edit/check", http.StatusSeeOther)
	return nil
}

// showApproval shows what is asked, and what changed since it was last
// approved.
func (d *Desk) showApproval(w http.ResponseWriter, r *http.Request) error {
	return d.approval(w, r, http.StatusOK, "")
}

func (d *Desk) approval(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	if _, err := d.all(r, access.RunOutreach); err != nil {
		return err
	}
	a, err := d.Writing.Approvals.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	history, err := d.Writing.Approvals.History(r.Context(), a.Subject)
	if err != nil {
		return err
	}
	v := approvalView{Href: "/desk/approvals/" + a.ID, Sum: a.Sum, Note: a.Note, Asked: "Asked by " + a.AskedName + ", " + d.clock(a.AskedAt), Err: wrong}
	v.About, v.AboutHref = d.about(r, a.Subject)
	v.Title = "Approve: " + v.About
	v.State, v.Tone = approvalState(a.State)
	if a.EndedName != "" {
		v.Word = a.EndedName + ", " + d.clock(a.EndedAt) + "."
		if a.Reason != "" {
			v.Word += " “" + a.Reason + "”"
		}
	}
	v.Lines = linesOf(approval.Diff(a.Content, a.Content))
	for _, h := range history {
		if h.State == approval.Approved && h.ID != a.ID && h.AskedAt.Before(a.AskedAt) {
			v.Since, v.Lines = d.clock(h.EndedAt)+", when it was approved", linesOf(approval.Diff(h.Content, a.Content))
			break
		}
	}
	switch {
	case a.State != approval.Asked:
	case a.AskedBy == web.Actor(r).ID:
		v.CanWithdraw, v.Why = true, "You asked for this, so somebody else has to decide."
	default:
		v.CanDecide = true
		if changed := d.changedSince(r, a); changed {
			v.CanDecide, v.Why = false, "It was changed after this was asked. It has to be asked for again."
		}
	}
	return d.Site.Render(w, r, status, approvalPage(d.view(r, v.Title, "outreach"), v))
}

// changedSince says whether what a is about is something else by now.
func (d *Desk) changedSince(r *http.Request, a approval.Approval) bool {
	outreach, one := strings.CutPrefix(a.Subject, "outreach/")
	id, way := strings.CutPrefix(a.Subject, journey.Subject(""))
	if !one && (!way || d.Journeys == nil) {
		return false
	}
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return true
	}
	var p reach.Proposal
	if one {
		p, err = d.Writing.Engine.Proposal(r.Context(), pass, outreach, 0)
	} else {
		p, err = d.Journeys.Proposal(r.Context(), pass, id)
	}
	return err != nil || p.Sum != a.Sum
}

func linesOf(list []approval.Line) (out []diffLine) {
	for _, l := range list {
		out = append(out, diffLine{l.Change, mask(l.Text)})
	}
	return out
}

// decideApproval keeps a second person's word.
func (d *Desk) decideApproval(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.all(r, access.RunOutreach); err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	id, who, sum, word, do := r.PathValue("id"), web.Actor(r), in.Get("sum"), long(in, "reason", 1000), in.Get("do")
	switch do {
	case "approve":
		err = d.Writing.Approvals.Approve(r.Context(), who, id, sum, word)
	case "refuse":
		err = d.Writing.Approvals.Refuse(r.Context(), who, id, sum, word)
	case "withdraw":
		err = d.Writing.Approvals.Withdraw(r.Context(), who, id)
	default:
		return errNowhere
	}
	if errs.KindOf(err) == errs.Invalid {
		return d.approval(w, r, http.StatusUnprocessableEntity, errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/approvals?note="+do, http.StatusSeeOther)
	return nil
}

// approvalBox says on the last step of a draft what a second person said.
func (d *Desk) approvalBox(r *http.Request, pass access.Pass, o reach.Outreach, people int) (*approvalBox, error) {
	if d.Writing.Engine == nil {
		return nil, nil
	}
	p, err := d.Writing.Engine.Proposal(r.Context(), pass, o.ID, people)
	if err != nil || p.Why == "" {
		return nil, err
	}
	return d.boxOf(p, path(o.ID)+"/approval"), nil
}

// boxOf says what became of the questions about p; ask is where to ask.
func (d *Desk) boxOf(p reach.Proposal, ask string) *approvalBox {
	box := &approvalBox{Why: p.Why, Href: ask}
	for _, a := range p.History {
		switch {
		case p.Stands && a.State == approval.Approved && a.Sum == p.Sum:
			box.Stands = a.EndedName + " approved exactly this, " + d.clock(a.EndedAt) + "."
			return box
		case a.State == approval.Asked && a.Sum == p.Sum && box.Open == "":
			box.Open = "/desk/approvals/" + a.ID
		case a.State == approval.Refused && box.Last == "" && box.Open == "":
			box.Last = a.EndedName + " refused it, " + d.clock(a.EndedAt) + ": “" + a.Reason + "”"
		case a.State == approval.Approved && box.Last == "":
			box.Last = a.EndedName + " approved it before, " + d.clock(a.EndedAt) + "; it was changed since."
		}
	}
	return box
}

// approvalTasks are the rows of the first page about approvals.
func (d *Desk) approvalTasks(r *http.Request) ([]taskRow, error) {
	if d.Writing.Engine == nil || !may(r, access.RunOutreach) {
		return nil, nil
	}
	waiting, err := d.Writing.Approvals.Waiting(r.Context())
	if err != nil {
		return nil, err
	}
	var rows []taskRow
	n := 0
	for _, a := range waiting {
		if a.AskedBy != web.Actor(r).ID {
			n++
		}
	}
	if n > 0 {
		rows = append(rows, taskRow{Href: "/desk/approvals", Icon: "users", Tone: "watch", N: n, Title: "Wait for your approval", Sub: "A colleague cannot go on before a second person has looked."})
	}
	mine, err := d.Writing.Approvals.Answered(r.Context(), web.Actor(r).ID, d.now().Add(-3*24*time.Hour))
	if err != nil {
		return nil, err
	}
	for _, a := range mine[:min(len(mine), 3)] {
		word, tone := approvalState(a.State)
		name, href := d.about(r, a.Subject)
		if href == "" {
			href = "/desk/approvals/" + a.ID
		}
		if a.State == approval.Approved {
			tone = ""
		}
		rows = append(rows, taskRow{Href: href, Icon: "users", Tone: tone, Title: sentence(word) + " " + name, Sub: a.EndedName + ", " + d.clock(a.EndedAt) + " " + a.Reason})
	}
	return rows, nil
}
