package portal

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/intake"
	"hale/internal/care/saved"
	"hale/internal/care/task"
	"hale/internal/care/thread"
	"hale/internal/care/translation"
	"hale/internal/reach"
)

// Talk is what messages between patients and the clinic need.
type Talk struct {
	Threads interface {
		List(ctx context.Context, pass access.Pass) ([]thread.Thread, error)
		Search(ctx context.Context, pass access.Pass, words string) ([]thread.Thread, error)
		Unread(ctx context.Context, pass access.Pass) (int, error)
		Get(ctx context.Context, pass access.Pass, id string) (thread.Thread, []thread.Line, error)
		About(ctx context.Context, pass access.Pass, about string) (string, error)
		Looked(ctx context.Context, pass access.Pass, id string) error
		Start(ctx context.Context, pass access.Pass, in thread.New) (string, error)
		Add(ctx context.Context, pass access.Pass, id string, w thread.Words) error
		Withdraw(ctx context.Context, pass access.Pass, id string) error
		File(ctx context.Context, pass access.Pass, id, line string, n int) (thread.File, []byte, error)
		Fee(ctx context.Context) (string, error)
	}
	Files interface { // looks at what comes with a message
		Check(ctx context.Context, body []byte) (intake.File, error)
	}
	Drafts interface { // what was begun and not sent
		Save(ctx context.Context, pass access.Pass, place string, values url.Values) (time.Time, error)
		Load(ctx context.Context, pass access.Pass, place string) (saved.Form, error)
		Drop(ctx context.Context, pass access.Pass, place string) error
	}
	Promise func(ctx context.Context, k task.Kind) (team string, by time.Time, err error)
}

// threadRoutes adds the pages on which people write to the clinic.
func (p *Portal) threadRoutes(both func(method, path string, h handler)) {
	both("POST", "/inbox", p.shared(access.Messages, access.ReadMessages, p.findThreads))
	both("GET", "/inbox/new", p.shared(access.Messages, access.SendMessages, p.chooseReason))
	both("GET", "/inbox/new/{reason}", p.shared(access.Messages, access.SendMessages, p.writeNew))
	both("POST", "/inbox/new/{reason}", p.sendNew)
	both("POST", "/inbox/new/{reason}/save", p.saveNew)
	both("POST", "/inbox/thread/{id}/reply", p.replyThread)
	both("POST", "/inbox/thread/{id}/save", p.saveThread)
	both("POST", "/inbox/thread/{id}/close", p.closeThread)
	both("GET", "/inbox/thread/{id}/file/{line}/{n}", p.shared(access.Messages, access.ReadMessages, p.threadFile))
}

// letterRow is one row of the list of messages: a thread, or what we sent.
type letterRow struct {
	Href, Icon, Title, Sub, Last string
	At                           time.Time
	Unread                       bool
	State, Tone                  string // how far a thread is; empty: nothing to say
}

// threadUnread counts the threads with something new.
func (p *Portal) threadUnread(r *http.Request, pass access.Pass) (int, error) {
	if p.Talk == nil {
		return 0, nil
	}
	return p.Talk.Threads.Unread(r.Context(), pass)
}

// letterRows are the threads and what we sent by ourselves, newest first.
func (p *Portal) letterRows(r *http.Request, s sheet, pass access.Pass) ([]letterRow, error) {
	var rows []letterRow
	for _, m := range s.Messages {
		rows = append(rows, letterRow{Href: s.Link("/inbox/" + m.Message), Icon: "mail", Title: m.Title, Sub: joined(sender(s, m), s.day(m.SentAt)), At: m.SentAt, Unread: m.SeenAt.IsZero()})
	}
	if p.Talk != nil {
		list, err := p.Talk.Threads.List(r.Context(), pass)
		if err != nil {
			return nil, err
		}
		rows = append(rows, s.threadRows(list)...)
	}
	slices.SortStableFunc(rows, func(a, b letterRow) int { return b.At.Compare(a.At) })
	return rows, nil
}

func (s sheet) threadRows(list []thread.Thread) []letterRow {
	rows := make([]letterRow, 0, len(list))
	for _, t := range list {
		row := letterRow{Href: s.Link("/inbox/" + t.ID), Icon: "messages-square", Title: s.T(t.Title), Sub: joined(s.lineBy(t.LastLine, t.Team), s.day(t.LastLine.At)),
			Last: brief(t.LastLine.Text), At: t.Last, Unread: t.Unread}
		row.State, row.Tone = s.threadChip(t)
		rows = append(rows, row)
	}
	return rows
}

// brief is the beginning of what was said.
func brief(text string) string {
	list := []rune(strings.Join(strings.Fields(text), " "))
	if len(list) > 80 {
		short := string(list[:78])
		if at := strings.LastIndexByte(short, ' '); at > 40 {
			short = short[:at]
		}
		return strings.TrimRight(short, ",;:.") + "…"
	}
	return string(list)
}

// lineBy says whose words a line has: both names where somebody writes for
// the patient.
func (s sheet) lineBy(l thread.Line, team string) string {
	switch {
	case l.Side == thread.Clinic && l.Name != "":
		return l.Name
	case l.Side == thread.Clinic:
		return s.Site.Clinic.Name
	case l.Side == thread.Caregiver && s.own():
		return s.T("%s, for you", l.Name)
	case l.Side == thread.Caregiver && l.Name == s.Actor.Name:
		return s.T("You, for %s", s.called())
	case l.Side == thread.Caregiver:
		return s.T("%s, for %s", l.Name, s.called())
	case s.own():
		return s.T("You")
	}
	return s.called()
}

// called is the name of whom the page is about.
func (s sheet) called() string {
	for _, g := range s.Actor.Grants {
		if g.Patient == s.Patient && g.Name != "" {
			return g.Name
		}
	}
	return s.Actor.Name
}

// lineVia says by which way words came, where that was not the portal.
func (s sheet) lineVia(v thread.Via) string {
	switch v {
	case thread.SMS:
		return s.T("by text")
	case thread.Email:
		return s.T("by email")
	case thread.Page:
		return s.T("on the page behind a link")
	case thread.Phone:
		return s.T("on the phone")
	}
	return ""
}

// threadChip is how far a thread is, in a word.
func (s sheet) threadChip(t thread.Thread) (word, tone string) {
	switch t.State() {
	case thread.Received:
		if t.Late(s.Now()) {
			return s.T("We are late"), "watch"
		}
		return s.T("Received"), "brand"
	case thread.Read:
		if t.Late(s.Now()) {
			return s.T("We are late"), "watch"
		}
		return s.T("We have read it"), "brand"
	case thread.Answered:
		return s.T("Answered"), "good"
	case thread.Closed:
		return s.T("Closed"), ""
	}
	return "", ""
}

// threadState says in one line how far a thread is: when it came, who has it,
// and by when they answer. The task behind it says who has it, and whom we
// asked where we are late.
func (s sheet) threadState(t thread.Thread, asked task.Task) string {
	k := task.Task{Status: task.Received, Team: t.Team, Asked: t.Waiting, Due: t.Due, OwnerName: asked.OwnerName,
		Raised: asked.Raised, RaisedTo: asked.RaisedTo, RaisedName: asked.RaisedName, Again: asked.Again}
	switch t.State() {
	case thread.Read:
		k.Status = task.Read
		return taskState(s, k)
	case thread.Received:
		if t.Due.IsZero() { // it came a moment ago, by text or mail
			return s.T("We got it on %s.", s.clock(t.Waiting)) + " " + s.T("It is with %s.", teamWords(s, t.Team))
		}
		return taskState(s, k)
	case thread.Answered:
		if t.Said.IsZero() {
			return s.T("You took your question back.")
		}
		return s.T("Answered on %s.", s.day(t.Said)) + " " + s.T("You can write back below.")
	case thread.Closed:
		return s.T("This is closed. If you write again, it opens again.")
	case thread.Told:
		return s.T("We wrote to you on %s.", s.day(t.Said)) + " " + s.T("You can write back below.")
	}
	return ""
}

// attached says in words what files a message has.
func (s sheet) attached(n int) string {
	if n == 1 {
		return s.T("1 attachment")
	}
	return s.T("%d attachments", n)
}

// fileWord is what a file is.
func (s sheet) fileWord(f thread.File) string {
	if f.Media == "application/pdf" {
		return s.T("PDF, %s", kilobytes(f.Size))
	}
	return s.T("Photo, %s", kilobytes(f.Size))
}

func kilobytes(n int) string {
	if n < 1<<20 {
		return strconv.Itoa(max(1, n>>10)) + " KB"
	}
	return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MB"
}

// findThreads lists the threads with some words in them. What is looked for
// stands in no address.
func (p *Portal) findThreads(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadMessages, "Messages", "messages")
	if err != nil {
		return err
	}
	words := strings.TrimSpace(r.PostFormValue("words"))
	if words == "" {
		http.Redirect(w, r, s.Link("/inbox"), http.StatusSeeOther)
		return nil
	}
	list, err := p.Talk.Threads.Search(r.Context(), pass, words)
	if err != nil {
		return err
	}
	rows := s.threadRows(list)
	want := strings.Fields(strings.ToLower(words))
	for _, m := range s.Messages {
		text := strings.ToLower(m.Title + " " + m.Body)
		if !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(text, w) }) {
			rows = append(rows, letterRow{Href: s.Link("/inbox/" + m.Message), Icon: "mail", Title: m.Title, Sub: joined(sender(s, m), s.day(m.SentAt)), At: m.SentAt, Unread: m.SeenAt.IsZero()})
		}
	}
	return p.render(w, r, inboxPage(s, rows, words, true))
}

// thread shows a thread and opens what is new in it.
func (p *Portal) thread(w http.ResponseWriter, r *http.Request, s sheet, pass access.Pass, id string) error {
	t, lines, err := p.Talk.Threads.Get(r.Context(), pass, id)
	if err != nil {
		return s.orProve(err)
	}
	if t.Unread && s.Actor.ViewAs == "" && r.Method == http.MethodGet && r.Header.Get("Sec-Purpose") == "" {
		if err := p.Talk.Threads.Looked(r.Context(), pass, id); err != nil {
			return err
		}
		s.View = s.WithUnread(max(0, s.Unread-1))
	}
	words, err := p.translated(r, pass, translation.Message)
	if err != nil {
		return err
	}
	var asked task.Task
	if p.Tasks != nil && t.Task != "" && !t.Waiting.IsZero() {
		if asked, err = p.Tasks.Get(r.Context(), pass, t.Task); err != nil && errs.KindOf(err) != errs.NotFound {
			return err
		}
	}
	s.Title = s.T(t.Title)
	d := writeData{Post: s.Link("/inbox/thread/" + id + "/reply"), Save: s.Link("/inbox/thread/" + id + "/save")}
	if s.may(access.SendMessages) {
		send, err := p.Doors.Check(r.Context(), s.Actor, access.SendMessages, s.Patient)
		if err != nil {
			return err
		}
		if err := p.unsent(r, s, send, "thread/"+id, &d); err != nil {
			return err
		}
	}
	return p.render(w, r, threadPage(s, t, asked, lines, words, d, s.threadDone(r)))
}

// threadDone says that something worked.
func (s sheet) threadDone(r *http.Request) string {
	switch r.URL.Query().Get("done") {
	case "sent":
		n, _ := strconv.Atoi(r.URL.Query().Get("files")) // anything else is none
		if n > 0 && n <= thread.MaxFiles {
			return s.T("Your message is with us.") + " " + s.attached(n) + "."
		}
		return s.T("Your message is with us.")
	case "closed":
		return s.T("Done. Nobody works on this any more.")
	}
	return ""
}

// replyThread adds to a thread. The id may be that of a message of ours: then
// a thread about it begins.
func (p *Portal) replyThread(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.SendMessages, "Write back", "messages")
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	m, err := p.readWritten(w, r)
	to := id
	if err == nil {
		to, err = p.reply(r, s, pass, id, m.words)
	}
	if asks(err) {
		d := writeData{Text: m.words.Text, Problem: s.T(errs.Say(err)), Files: m.chose, Post: s.Link("/inbox/thread/" + id + "/reply"), Save: s.Link("/inbox/thread/" + id + "/save")}
		return p.again(w, r, s, pass, "thread/"+id, d, err)
	}
	if err != nil {
		return err
	}
	if err := p.Talk.Drafts.Drop(r.Context(), pass, "thread/"+id); err != nil {
		return err
	}
	return p.sent(w, r, s, to, len(m.words.Files))
}

func (p *Portal) reply(r *http.Request, s sheet, pass access.Pass, id string, words thread.Words) (string, error) {
	i := slices.IndexFunc(s.Messages, func(m reach.Content) bool { return m.Message == id })
	if i < 0 {
		return id, p.Talk.Threads.Add(r.Context(), pass, id, words)
	}
	begun, err := p.Talk.Threads.About(r.Context(), pass, id)
	if err != nil {
		return "", err
	}
	if begun != "" {
		return begun, p.Talk.Threads.Add(r.Context(), pass, begun, words)
	}
	return p.Talk.Threads.Start(r.Context(), pass, thread.New{Reason: "other", About: id, Title: s.Messages[i].Title, Words: words})
}

// saveThread keeps a reply as far as it is written.
func (p *Portal) saveThread(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.SendMessages, "Write back", "messages")
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if !slices.ContainsFunc(s.Messages, func(m reach.Content) bool { return m.Message == id }) {
		if _, _, err := p.Talk.Threads.Get(r.Context(), pass, id); err != nil {
			return err
		}
	}
	return p.saveDraft(w, r, s, pass, "thread/"+id, "/inbox/"+id)
}

// closeThread takes back what waits for an answer.
func (p *Portal) closeThread(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.SendMessages, "Write back", "messages")
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if err := p.Talk.Threads.Withdraw(r.Context(), pass, id); err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/inbox/"+id+"?done=closed"), http.StatusSeeOther)
	return nil
}

// threadFile sends a file of a message to be saved.
func (p *Portal) threadFile(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadMessages, "Message", "messages")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil {
		return errNoMessage
	}
	f, body, err := p.Talk.Threads.File(r.Context(), pass, r.PathValue("id"), r.PathValue("line"), n)
	if err != nil {
		return s.orProve(err)
	}
	p.Site.Save(w, f.Media, body)
	return nil
}
