package portal

import (
	"net/http"
	"slices"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach"
)

var errNoMessage = errs.New(errs.NotFound, "We could not find that message.")

// inbox lists the messages to a patient.
func (p *Portal) inbox(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadMessages, "Messages", "messages")
	if err != nil {
		return err
	}
	rows, err := p.letterRows(r, s, pass)
	if err != nil {
		return err
	}
	return p.render(w, r, inboxPage(s, rows, "", p.Talk != nil))
}

// writeBack returns the thread that was begun about a message of ours, or
// else the box to begin one in.
func (p *Portal) writeBack(r *http.Request, s sheet, pass access.Pass, message string) (string, *writeData, error) {
	if p.Talk == nil {
		return "", nil, nil
	}
	begun, err := p.Talk.Threads.About(r.Context(), pass, message)
	if err != nil || begun != "" || !s.may(access.SendMessages) {
		return begun, nil, err
	}
	send, err := p.Doors.Check(r.Context(), s.Actor, access.SendMessages, s.Patient)
	if err != nil {
		return "", nil, err
	}
	d := &writeData{Post: s.Link("/inbox/thread/" + message + "/reply"), Save: s.Link("/inbox/thread/" + message + "/save")}
	return "", d, p.unsent(r, s, send, "thread/"+message, d)
}

// message opens one message or thread. Reading it here is having seen it.
func (p *Portal) message(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadMessages, "Message", "messages")
	if err != nil {
		return err
	}
	list := s.Messages
	i := slices.IndexFunc(list, func(m reach.Content) bool { return m.Message == r.PathValue("id") })
	if i < 0 && p.Talk != nil {
		return p.thread(w, r, s, pass, r.PathValue("id"))
	}
	if i < 0 {
		return s.orProve(errNoMessage)
	}
	m := list[i]
	if m.SeenAt.IsZero() && s.Actor.ViewAs == "" && r.Method == http.MethodGet && r.Header.Get("Sec-Purpose") == "" {
		if err := p.Inbox.Mark(r.Context(), pass, m.Message, "revealed", nil); err != nil {
			return err
		}
		s.View = s.WithUnread(max(0, s.Unread-1))
	}
	s.Title = m.Title
	about, back, err := p.writeBack(r, s, pass, m.Message)
	if err != nil {
		return err
	}
	to, err := p.visitTold(r, s, m.Message)
	if err != nil {
		return err
	}
	return p.render(w, r, messagePage(s, m, answered(s, r.URL.Query().Get("done")), about, back, to))
}

// answers are what a reader may say to a message, and how it is noted; the
// pages behind a link take the same.
var answers = map[string]string{"call": "call_wanted", "elsewhere": "done_elsewhere"}

// answer notes what the reader says to a message.
func (p *Portal) answer(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadMessages, "Message", "messages")
	if err != nil {
		return err
	}
	id, say := r.PathValue("id"), r.PostFormValue("say")
	if !slices.ContainsFunc(s.Messages, func(m reach.Content) bool { return m.Message == id }) || answers[say] == "" {
		return errNoMessage
	}
	if err := p.Inbox.Mark(r.Context(), pass, id, answers[say], nil); err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/inbox/"+id+"?done="+say), http.StatusSeeOther)
	return nil
}

// answered says what happens next after an answer.
func answered(s sheet, say string) string {
	switch say {
	case "call":
		return s.T("Our team calls you by the end of the next working day. You do not need to do anything.")
	case "elsewhere":
		return s.T("Thank you, we noted it") + ". " + s.T("Your care team sees your answer. If we need proof of it, we ask the other clinic, not you.")
	}
	return ""
}

// more is everything that has no tab of its own.
func (p *Portal) more(w http.ResponseWriter, r *http.Request) error {
	s, _, err := p.open(r, p.first(r), "More", "more")
	if err != nil {
		return err
	}
	return p.render(w, r, morePage(s, p.Apps != nil, p.Take != nil, p.Tasks != nil, p.Bills != nil, p.Forms != nil))
}
