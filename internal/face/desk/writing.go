package desk

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/approval"
	"hale/internal/reach/library"
	"hale/internal/reach/template"
)

// Writing is what the desk needs to write texts, to have them approved and to
// stop what goes wrong. The zero Writing leaves all that out.
type Writing struct {
	Engine    Writer
	Approvals Approvals
	Library   Library
}

// Writer is what writing needs of the engine.
type Writer interface {
	Problems(o reach.Outreach) []template.Problem
	Specimen(t template.Template, service, lang string) (reach.Specimen, error)
	TestSend(ctx context.Context, pass access.Pass, t template.Template, service, lang string, channel reach.Channel, to string) error
	Proposal(ctx context.Context, pass access.Pass, id string, people int) (reach.Proposal, error)
	Switch(ctx context.Context, pass access.Pass, c reach.Channel, stopped bool) error
	Halts(ctx context.Context) ([]reach.Halt, error)
}

// Approvals is what the desk needs of package approval.
type Approvals interface {
	Ask(ctx context.Context, who access.Actor, subject, content, note string) (approval.Approval, error)
	Approve(ctx context.Context, who access.Actor, id, sum, reason string) error
	Refuse(ctx context.Context, who access.Actor, id, sum, reason string) error
	Withdraw(ctx context.Context, who access.Actor, id string) error
	Get(ctx context.Context, id string) (approval.Approval, error)
	Waiting(ctx context.Context) ([]approval.Approval, error)
	History(ctx context.Context, subject string) ([]approval.Approval, error)
	Answered(ctx context.Context, account string, since time.Time) ([]approval.Approval, error)
}

// Library is what the desk needs of package library.
type Library interface {
	Save(ctx context.Context, pass access.Pass, t library.Text) (library.Text, error)
	Approve(ctx context.Context, pass access.Pass, id string) error
	Retire(ctx context.Context, pass access.Pass, id string) error
	Get(ctx context.Context, pass access.Pass, id string) (library.Text, error)
	Versions(ctx context.Context, pass access.Pass, key string) ([]library.Text, error)
	List(ctx context.Context, pass access.Pass) ([]library.Text, error)
	Usable(ctx context.Context, pass access.Pass) ([]library.Text, error)
}

// writingRoutes adds the pages of writing.
func (d *Desk) writingRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("POST /desk/outreach/{id}/edit/message/review", d.reviewMessage)
	if d.Writing.Engine == nil {
		return
	}
	page("GET /desk/halts", d.listHalts)
	page("POST /desk/halts", d.setHalt)
	page("POST /desk/outreach/{id}/approval", d.askApproval)
	page("GET /desk/approvals", d.listApprovals)
	page("GET /desk/approvals/{id}", d.showApproval)
	page("POST /desk/approvals/{id}", d.decideApproval)
	page("GET /desk/texts", d.listTexts)
	page("GET /desk/texts/new", d.newText)
	page("POST /desk/texts/new", d.saveText)
	page("POST /desk/texts/new/review", d.reviewText)
	page("GET /desk/texts/{id}", d.showText)
	page("GET /desk/texts/{id}/edit", d.editText)
	page("POST /desk/texts/{id}/edit", d.saveText)
	page("POST /desk/texts/{id}/edit/review", d.reviewText)
	page("POST /desk/texts/{id}/approve", d.endText)
	page("POST /desk/texts/{id}/retire", d.endText)
	page("POST /desk/texts/{id}/copy", d.copyText)
}

// ownAddresses are the addresses of the reader's own account, by channel.
func (d *Desk) ownAddresses(r *http.Request) ([]option, error) {
	if d.Writing.Engine == nil {
		return nil, nil
	}
	a, err := d.Accounts.Get(r.Context(), web.Actor(r).ID)
	if err != nil {
		return nil, err
	}
	var list []option
	if a.Email != "" {
		list = append(list, option{string(reach.Email), "Email to " + a.Email})
	}
	if a.Phone != "" {
		list = append(list, option{string(reach.SMS), "Text to my phone"})
	}
	return list, nil
}

// testSend sends what is written to the reader's own address, and says so.
func (d *Desk) testSend(r *http.Request, pass access.Pass, o reach.Outreach, channel reach.Channel) (string, error) {
	if d.Writing.Engine == nil {
		return "", errNowhere
	}
	a, err := d.Accounts.Get(r.Context(), web.Actor(r).ID)
	if err != nil {
		return "", err
	}
	to := a.Email
	if channel == reach.SMS {
		to = a.Phone
	}
	n := 0
	for _, l := range languages() {
		if !hasPage(o.Template, l.Value) {
			continue
		}
		if err := d.Writing.Engine.TestSend(r.Context(), pass, o.Template, o.Service, l.Value, channel, to); err != nil {
			return "", err
		}
		n++
	}
	return fmt.Sprintf("%s on the way to you. What you wrote is not saved yet.", counted(n, "test is", "tests are")), nil
}

// haltWords are the channels that can be switched off, as they are called.
func haltWords() []option {
	return []option{{"*", "Everything"}, {string(reach.Email), "Email"}, {string(reach.SMS), "Texts"}, {string(reach.Inbox), "Portal inbox"}, {string(reach.Voice), "Calls"}, {string(reach.Post), "Letters"}}
}

// halted are the banners of what is switched off.
func (d *Desk) halted(r *http.Request) []web.Halt {
	if d.Writing.Engine == nil || !may(r, access.RunOutreach) {
		return nil
	}
	list, err := d.Writing.Engine.Halts(r.Context())
	if err != nil {
		return []web.Halt{{Words: "Whether messages are stopped cannot be read at the moment."}}
	}
	var out []web.Halt
	for _, h := range list {
		by := "somebody"
		if a, err := d.Accounts.Get(r.Context(), h.By); err == nil {
			by = a.Name
		}
		words := "No " + haltNoun(h.Channel) + " leave the clinic."
		out = append(out, web.Halt{Channel: string(h.Channel), Words: words, Since: "Stopped by " + by + ", " + d.clock(h.At) + ". What waits stays where it is."})
	}
	return out
}

func haltNoun(c reach.Channel) string {
	switch c {
	case reach.Email:
		return "emails"
	case reach.SMS:
		return "texts"
	case reach.Inbox:
		return "portal messages"
	case reach.Voice:
		return "calls"
	case reach.Post:
		return "letters"
	}
	return "messages"
}

// listHalts shows the switches.
func (d *Desk) listHalts(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.all(r, access.RunOutreach); err != nil {
		return err
	}
	list, err := d.Writing.Engine.Halts(r.Context())
	if err != nil {
		return err
	}
	var rows []haltRow
	for _, o := range haltWords() {
		row := haltRow{Key: o.Value, Name: o.Text}
		for _, h := range list {
			row.Off = row.Off || string(h.Channel) == o.Value
			row.With = row.With || h.Channel == "*" && o.Value != "*"
		}
		rows = append(rows, row)
	}
	return d.Site.Render(w, r, http.StatusOK, haltsPage(d.view(r, "Stop messages", "outreach"), rows))
}

var errHalt = errs.New(errs.Invalid, "Please choose what to stop.")

// setHalt stops a channel, or lets it go on.
func (d *Desk) setHalt(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	channel := field(in, "channel")
	if !slices.ContainsFunc(haltWords(), func(o option) bool { return o.Value == channel }) {
		return errHalt
	}
	if err := d.Writing.Engine.Switch(r.Context(), pass, reach.Channel(channel), field(in, "do") == "stop"); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/halts", http.StatusSeeOther)
	return nil
}
