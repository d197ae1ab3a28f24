package desk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/patient"
	"hale/internal/care/task"
	"hale/internal/care/thread"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// beginView is the form in which the clinic writes to a patient first.
type beginView struct {
	Name, Home, Href string
	Reason, Title    string
	Reasons          []option
	Replies          []option
	Once             string
	Form             replyForm
}

// beginning is the page of somebody to whom the clinic writes.
type beginning struct {
	pass access.Pass
	who  patient.Person
	view beginView
}

// beginOf opens the form for the patient of a page, as far as it is filled in.
func (d *Desk) beginOf(r *http.Request, in url.Values) (b beginning, err error) {
	id := r.PathValue("id")
	if b.pass, err = d.one(r, access.AnswerPatients, id); err != nil {
		return b, err
	}
	people, err := d.named(r, id)
	if err != nil {
		return b, err
	}
	if b.who = people[id]; b.who.Deceased {
		return b, errNowhere // nobody is written to any more
	}
	home := "/desk/patients/" + id
	b.view = beginView{Name: b.who.Full, Home: home, Href: home + "/write", Reason: in.Get("reason"), Title: in.Get("title"), Once: cut(in.Get("once"), 40)}
	b.view.Form.Text, b.view.Form.Private = in.Get("text"), in.Get("private") == "yes"
	if b.view.Once == "" {
		b.view.Once = once()
	}
	if b.view.Form.Words, err = d.choice(r, b.who.Lang, in.Get("words")); err != nil {
		return b, err
	}
	for _, one := range thread.Reasons() {
		b.view.Reasons = append(b.view.Reasons, option{Value: one.Key, Text: one.Title + ", from " + one.Team})
	}
	list, err := d.Talk.Tasks.Replies(r.Context(), task.Message)
	for _, x := range list {
		b.view.Replies = append(b.view.Replies, option{Value: x.ID, Text: x.Title})
	}
	return b, err
}

// telling is what b would tell the patient.
func (b beginning) telling() reach.Telling {
	return reach.Telling{Patient: b.who.ID, Text: b.view.Form.Words.told(b.view.Form.Text), Private: b.view.Form.Private || b.view.Form.Words.asks(), First: true}
}

func (d *Desk) renderBegin(w http.ResponseWriter, r *http.Request, status int, b beginning) error {
	problem := b.view.Form.Err
	weighed, err := d.Talk.Tells.WeighTelling(r.Context(), b.pass, b.telling())
	if err != nil {
		return err
	}
	b.view.Form = threadReply(b.view.Href, b.view.Form, weighed)
	b.view.Form.Err = problem
	return d.Site.Render(w, r, status, beginPage(d.view(r, "Write to "+b.who.Full, "patients"), b.view))
}

// showBegin asks what the clinic writes to a patient.
func (d *Desk) showBegin(w http.ResponseWriter, r *http.Request) error {
	b, err := d.beginOf(r, url.Values{})
	if err != nil {
		return err
	}
	return d.renderBegin(w, r, http.StatusOK, b)
}

// weighBegin counts it while it is written.
func (d *Desk) weighBegin(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	b, err := d.beginOf(r, in)
	if err != nil {
		return err
	}
	if r.Header.Get("HX-Request") == "" {
		return d.renderBegin(w, r, http.StatusOK, b)
	}
	s, err := d.Talk.Tells.WeighTelling(r.Context(), b.pass, b.telling())
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, replyWeight(threadReply(b.view.Href, b.view.Form, s)))
}

// insertReply puts a saved text in front of what is written.
func (d *Desk) insertReply(r *http.Request, b *beginning, id string) error {
	list, err := d.Talk.Tasks.Replies(r.Context(), task.Message)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(x task.Reply) bool { return x.ID == id })
	if i < 0 {
		return nil // none was chosen
	}
	b.view.Form.Text = strings.TrimSpace(list[i].For(b.who.Call()) + "\n\n" + b.view.Form.Text)
	return nil
}

// beginThread writes to the patient: the words stand in a new thread, and the
// patient is told by the way they are reached.
func (d *Desk) beginThread(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	b, err := d.beginOf(r, in)
	if err != nil {
		return err
	}
	switch in.Get("do") {
	case "insert":
		if err := d.insertReply(r, &b, in.Get("saved")); err != nil {
			return err
		}
		return d.renderBegin(w, r, http.StatusOK, b)
	case "count":
		return d.renderBegin(w, r, http.StatusOK, b)
	}
	begun := ""
	s, err := d.Talk.Tells.Tell(r.Context(), b.pass, b.telling(), func(ctx context.Context, tx *db.Tx, message string) (err error) {
		begun, err = d.Talk.Threads.BeginTx(ctx, tx, b.pass, thread.New{Reason: b.view.Reason, Title: b.view.Title, Words: b.view.Form.Words.words(b.view.Form.Text)}, message, b.view.Once)
		return err
	})
	if errors.Is(err, thread.ErrTwice) {
		http.Redirect(w, r, messagesPath+"/"+begun+"?note=twice", http.StatusSeeOther)
		return nil
	}
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict || kind == errs.NotFound) {
		b.view.Form.Err = errs.Say(err)
		return d.renderBegin(w, r, http.StatusUnprocessableEntity, b)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, messagesPath+"/"+begun+"?note="+howTold(s)+"#end", http.StatusSeeOther)
	return nil
}

// howTold is by which way a patient is told of words that stand in a thread.
func howTold(s reach.Sayable) string {
	switch {
	case s.Refused != "":
		return "kept"
	case s.Mode != "full":
		return "linked"
	}
	return "sent"
}
