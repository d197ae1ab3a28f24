package desk

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/care/contact"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/dialog"
	"hale/internal/reach/policy"
)

// Dialogs is what the desk needs of package dialog.
type Dialogs interface {
	List(ctx context.Context, pass access.Pass, f dialog.Filter, n int) ([]dialog.Dialog, error)
	Counts(ctx context.Context, pass access.Pass) (map[dialog.Filter]int, error)
	Whose(ctx context.Context, id string) (string, error)
	Get(ctx context.Context, pass access.Pass, id string) (dialog.Dialog, error)
	Entries(ctx context.Context, pass access.Pass, d dialog.Dialog) ([]dialog.Entry, error)
	Look(ctx context.Context, pass access.Pass, d dialog.Dialog, name string) ([]dialog.Viewer, error)
	Others(ctx context.Context, pass access.Pass, d dialog.Dialog) ([]dialog.Viewer, error)
	Note(ctx context.Context, pass access.Pass, id, text string) error
	Assign(ctx context.Context, pass access.Pass, id, before, account, text string) error
	Close(ctx context.Context, pass access.Pass, id, reason string) error
	Reopen(ctx context.Context, pass access.Pass, id string) error
}

// Answers is what sends what the staff say in a conversation.
type Answers interface {
	Weigh(ctx context.Context, pass access.Pass, d dialog.Dialog, in reach.Saying) (reach.Sayable, error)
	Say(ctx context.Context, pass access.Pass, d dialog.Dialog, in reach.Saying) (reach.Sayable, error)
}

const inboxPath = "/desk/inbox"

// inboxMost is how many conversations a page shows.
const inboxMost = 100

// inboxRoutes adds the pages of conversations.
func (d *Desk) inboxRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET "+inboxPath, d.listDialogs)
	page("GET "+inboxPath+"/{id}", d.showDialog)
	page("POST "+inboxPath+"/{id}/here", d.amHere)
	page("POST "+inboxPath+"/{id}/count", d.weighReply)
	page("POST "+inboxPath+"/{id}/reply", d.sendReply)
	page("POST "+inboxPath+"/{id}/note", d.noteDialog)
	page("POST "+inboxPath+"/{id}/assign", d.assignDialog)
	page("POST "+inboxPath+"/{id}/close", d.closeDialog)
	page("POST "+inboxPath+"/{id}/open", d.reopenDialog)
}

// filterWords name the lists.
func filterWords(f dialog.Filter) string {
	switch f {
	case dialog.Mine:
		return "Mine"
	case dialog.Unassigned:
		return "Nobody’s"
	case dialog.Late:
		return "Late"
	case dialog.Closed:
		return "Closed"
	}
	return "Open"
}

// listDialogs shows the conversations.
func (d *Desk) listDialogs(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	show := dialog.Filter(r.URL.Query().Get("show"))
	if show == "" {
		show = dialog.Open
	}
	if !slices.Contains(dialog.Filters(), show) {
		return errNowhere
	}
	counts, err := d.Dialogs.Counts(r.Context(), pass)
	if err != nil {
		return err
	}
	list, err := d.Dialogs.List(r.Context(), pass, show, inboxMost+1)
	if err != nil {
		return err
	}
	v := inboxView{Show: string(show), Title: filterWords(show), More: len(list) > inboxMost, Said: inboxSaid(r.URL.Query().Get("note")), Portal: d.Talk != nil}
	for _, f := range dialog.Filters() {
		v.Tabs = append(v.Tabs, inboxTab{Href: inboxPath + "?show=" + string(f), Name: filterWords(f), N: counts[f], Here: f == show, Act: f == dialog.Late && counts[f] > 0})
	}
	ids := make([]string, len(list))
	for i, one := range list {
		ids[i] = one.Patient
	}
	people, err := d.named(r, ids...)
	if err != nil {
		return err
	}
	staff := map[string]string{}
	for _, one := range list[:min(len(list), inboxMost)] {
		row, err := d.dialogRow(r, one, people[one.Patient].Full, staff)
		if err != nil {
			return err
		}
		v.Rows = append(v.Rows, row)
	}
	return d.Site.Render(w, r, http.StatusOK, inboxPage(d.view(r, "Inbox", "inbox"), v))
}

// dialogRow puts a conversation into words.
func (d *Desk) dialogRow(r *http.Request, one dialog.Dialog, name string, staff map[string]string) (inboxRow, error) {
	row := inboxRow{
		Href: inboxPath + "/" + one.ID, Who: name, Icon: pathIcon(one.Channel), Channel: pathWords(one.Channel),
		Snippet: mask(one.Snippet), Unread: one.Unread, When: ago(one.Last, d.now()), Stop: one.Stop, Wrong: one.Wrong,
	}
	if one.Patient == "" {
		row.Who = contact.Mask(contact.Kind(one.Channel), one.Contact)
		if one.Channel == reach.SMS {
			row.Who = "A number ending in " + row.Who
		}
		row.Unknown = true
	}
	row.Due, row.Late = dueWords(one, d.now())
	if one.Assigned != "" {
		by, err := d.accountName(r, one.Assigned, staff)
		if err != nil {
			return row, err
		}
		row.Assigned = by
	}
	if !one.Open {
		row.Due = "closed: " + one.Reason
	}
	return row, nil
}

// dueWords say how long somebody has waited, and when an answer is due.
func dueWords(one dialog.Dialog, now time.Time) (words string, late bool) {
	if one.Due.IsZero() {
		return "", false
	}
	left := one.Due.Sub(now)
	if left < 0 {
		return "late by " + span(-left), true
	}
	return "answer due in " + span(left), false
}

// span is a length of time in round words.
func span(d time.Duration) string {
	switch {
	case d < time.Hour:
		return counted(max(1, int(d/time.Minute)), "minute", "minutes")
	case d < 48*time.Hour:
		return counted(int(d/time.Hour), "hour", "hours")
	}
	return counted(int(d/(24*time.Hour)), "day", "days")
}

func pathIcon(c policy.Channel) string {
	switch c {
	case reach.SMS:
		return "smartphone"
	case reach.Email:
		return "mail"
	case reach.Inbox:
		return "inbox"
	case policy.Voice:
		return "phone"
	case policy.Post:
		return "file-text"
	}
	return "link"
}

func pathWords(c policy.Channel) string {
	if c == dialog.Page {
		return "on the page behind a link"
	}
	return "by " + strings.ToLower(c.Name())
}

func inboxSaid(note string) string {
	switch note {
	case "sent":
		return "Your answer is on its way as it is."
	case "linked":
		return "Your answer waits behind a link. A notice with the link is on its way."
	case "noted":
		return "The note is kept. The patient never sees it."
	case "assigned":
		return "Done. It says below who has this conversation."
	case "closed":
		return "Closed. It opens again by itself when they write."
	case "opened":
		return "Open again."
	}
	return ""
}

// talk is a conversation with the pass that opens it.
type talk struct {
	dialog.Dialog
	pass access.Pass
	name string
}

// talkOf opens the conversation of a page. Another's is not there.
func (d *Desk) talkOf(r *http.Request) (t talk, err error) {
	whose, err := d.Dialogs.Whose(r.Context(), r.PathValue("id"))
	if err != nil {
		return t, errNowhere
	}
	if whose == "" {
		t.pass, err = d.all(r, access.AnswerPatients)
	} else {
		t.pass, err = d.one(r, access.AnswerPatients, whose)
	}
	if err != nil {
		return t, err
	}
	if t.Dialog, err = d.Dialogs.Get(r.Context(), t.pass, r.PathValue("id")); err != nil {
		return t, err
	}
	if whose == "" {
		t.name = "Somebody we do not know"
		return t, nil
	}
	t.name, err = d.nameOf(r, whose)
	return t, err
}

// showDialog shows one conversation.
func (d *Desk) showDialog(w http.ResponseWriter, r *http.Request) error {
	t, err := d.talkOf(r)
	if err != nil {
		return err
	}
	return d.renderTalk(w, r, http.StatusOK, t, replyForm{})
}

// renderTalk renders a conversation with an answer as far as it is written.
func (d *Desk) renderTalk(w http.ResponseWriter, r *http.Request, status int, t talk, f replyForm) error {
	others, err := d.Dialogs.Others(r.Context(), t.pass, t.Dialog)
	if err != nil {
		return err
	}
	list, err := d.Dialogs.Entries(r.Context(), t.pass, t.Dialog)
	if err != nil {
		return err
	}
	v := talkView{
		Href: inboxPath + "/" + t.ID, Name: t.name, Open: t.Open, Stop: t.Stop, Wrong: t.Wrong, Reasons: dialog.Reasons(),
		Said: inboxSaid(r.URL.Query().Get("note")), Assigned: t.Assigned, Mine: t.Assigned == web.Actor(r).ID, Reply: f,
		Contact: contact.Mask(contact.Kind(t.Channel), t.Contact), Channel: pathWords(t.Channel), Here: viewerWords(others, d.now()),
	}
	if t.Channel == reach.SMS && v.Contact != "" {
		v.Contact = "ending in " + v.Contact
	}
	if t.Patient != "" {
		v.Patient = "/desk/patients/" + t.Patient
	}
	v.Due, v.Late = dueWords(t.Dialog, d.now())
	staff := map[string]string{}
	if t.Assigned != "" {
		if v.Who, err = d.accountName(r, t.Assigned, staff); err != nil {
			return err
		}
	}
	for _, e := range list {
		line, err := d.talkLine(r, e, t.name, staff)
		if err != nil {
			return err
		}
		v.Lines = append(v.Lines, line)
	}
	if v.Colleagues, err = d.colleagues(r, t.Assigned); err != nil {
		return err
	}
	if v.Reply.Href == "" {
		weighed, err := d.Answers.Weigh(r.Context(), t.pass, t.Dialog, reach.Saying{Text: f.Text, Private: f.Private})
		if err != nil {
			return err
		}
		v.Reply = replyOf(v.Href, f, weighed)
	}
	return d.Site.Render(w, r, status, talkPage(d.view(r, t.name, "inbox"), v))
}

// viewerWords say who else has the conversation open.
func viewerWords(list []dialog.Viewer, _ time.Time) string {
	var names []string
	for _, v := range list {
		names = append(names, v.Name)
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0] + " has this conversation open, too. Agree on who answers."
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1] + " have this conversation open, too. Agree on who answers."
}

// amHere notes that the reader has the page open, and is answered with the part
// of it that says who else has.
func (d *Desk) amHere(w http.ResponseWriter, r *http.Request) error {
	t, err := d.talkOf(r)
	if err != nil {
		return err
	}
	others, err := d.Dialogs.Look(r.Context(), t.pass, t.Dialog, web.Actor(r).Name)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, talkHere(inboxPath+"/"+t.ID, viewerWords(others, d.now())))
}

// colleagues are those to whom a conversation can be given.
func (d *Desk) colleagues(r *http.Request, has string) ([]option, error) {
	if d.Members == nil {
		return nil, nil
	}
	list, err := d.Members.Members(r.Context())
	if err != nil {
		return nil, err
	}
	var out []option
	for _, m := range list {
		if m.ID != has && !m.Disabled && slices.Contains(m.Roles, access.Nurse) && m.ID != web.Actor(r).ID {
			out = append(out, option{Value: m.ID, Text: m.Name})
		}
	}
	return out, nil
}

// meanings are what Hale understood, and did.
var meanings = map[string]string{
	"stop": "Understood as STOP: texts have ended", "start": "Understood as START: texts come again", "help": "Asked for help, and was answered",
	"wrong_person": "Says that they are somebody else", "confirm": "Understood as yes: the visit is confirmed", "cancel": "Understood as no: the visit is cancelled",
}

// talkLine puts a line of a conversation into words.
func (d *Desk) talkLine(r *http.Request, e dialog.Entry, name string, staff map[string]string) (talkLine, error) {
	line := talkLine{Kind: e.Kind, Icon: pathIcon(e.Channel), Channel: pathWords(e.Channel), When: d.clock(e.At), Subject: e.Subject, Text: mask(e.Text), Understood: meanings[e.Meaning], State: stateWords(e.State, e.Reason)}
	switch e.Kind {
	case "heard":
		line.By = name
	case "sent":
		line.By, line.Mine = "Hale", true
		if e.Page != "" && e.Page != e.Text {
			line.Behind = mask(e.Page)
		}
	case "said":
		line.Mine = true
	}
	if e.By != "" {
		by, err := d.accountName(r, e.By, staff)
		if err != nil {
			return line, err
		}
		line.By = by
	}
	for _, a := range e.Attachments {
		f := talkFile{Name: a.Name, Size: fileSize(a.Size)}
		line.Files = append(line.Files, f)
	}
	return line, nil
}

// stateWords say where a message is.
func stateWords(state, reason string) string {
	switch state {
	case "scheduled", "handing_off":
		return "on its way"
	case "accepted":
		return "sent"
	case "delivered":
		return "arrived"
	case "seen", "acted":
		return "read"
	case "undelivered", "given_up":
		return "did not arrive"
	case "uncertain":
		return "not certain whether it left"
	case "cancelled", "suppressed":
		return strings.TrimSpace("not sent " + strings.ReplaceAll(reason, "_", " "))
	}
	return ""
}

func fileSize(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d kB", max(1, n>>10))
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}

// dialogTask says on the first page that somebody waits.
func (d *Desk) dialogTask(r *http.Request) ([]taskRow, error) {
	if d.Dialogs == nil || !may(r, access.AnswerPatients) {
		return nil, nil
	}
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return nil, err
	}
	counts, err := d.Dialogs.Counts(r.Context(), pass)
	if err != nil || counts[dialog.Open] == 0 {
		return nil, err
	}
	row := taskRow{Href: inboxPath, Icon: "messages-square", Tone: "watch", N: counts[dialog.Open], Title: "Conversations", Sub: counted(counts[dialog.Unassigned], "is nobody’s yet", "are nobody’s yet")}
	if n := counts[dialog.Late]; n > 0 {
		row.Tone, row.Sub = "act", counted(n, "answer is late", "answers are late")
	}
	return []taskRow{row}, nil
}
