package desk

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/task"
	"hale/internal/care/thread"
	"hale/internal/care/translation"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// Talk is what the desk needs to answer messages of patients.
type Talk struct {
	Threads interface {
		Desk(ctx context.Context, pass access.Pass, f thread.Filter, n int) ([]thread.Thread, error)
		Whose(ctx context.Context, pass access.Pass, id string) (string, error)
		Get(ctx context.Context, pass access.Pass, id string) (thread.Thread, []thread.Line, error)
		See(ctx context.Context, pass access.Pass, id string) error
		AnswerTx(ctx context.Context, tx *db.Tx, pass access.Pass, id, message string, w thread.Words) error
		BeginTx(ctx context.Context, tx *db.Tx, pass access.Pass, in thread.New, message, once string) (id string, err error)
		Call(ctx context.Context, pass access.Pass, id, text string) error
		AddNote(ctx context.Context, pass access.Pass, id, text string) error
		Notes(ctx context.Context, pass access.Pass, id string) ([]thread.Note, error)
		Close(ctx context.Context, pass access.Pass, id, why string) error
		Reopen(ctx context.Context, pass access.Pass, id string) error
		ReadAt(ctx context.Context, pass access.Pass, id string) (time.Time, error)
		File(ctx context.Context, pass access.Pass, id, line string, n int) (thread.File, []byte, error)
		Fee(ctx context.Context) (string, error)
		SetFee(ctx context.Context, pass access.Pass, words string) error
	}
	Tells interface { // sends the notice of an answer
		WeighTelling(ctx context.Context, pass access.Pass, t reach.Telling) (reach.Sayable, error)
		Tell(ctx context.Context, pass access.Pass, t reach.Telling, keep reach.Keep) (reach.Sayable, error)
	}
	Tasks interface { // who has it
		Get(ctx context.Context, pass access.Pass, id string) (task.Task, error)
		Assign(ctx context.Context, pass access.Pass, id, account, name string) error
		Replies(ctx context.Context, k task.Kind) ([]task.Reply, error)
	}
}

const messagesPath = "/desk/messages"

func (d *Desk) threadRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET "+messagesPath, d.listThreads)
	page("GET "+messagesPath+"/fee", d.showFee)
	page("POST "+messagesPath+"/fee", d.saveFee)
	page("GET "+messagesPath+"/{id}", d.showThread)
	page("POST "+messagesPath+"/{id}/count", d.weighThread)
	page("POST "+messagesPath+"/{id}/reply", d.answerThread)
	page("POST "+messagesPath+"/{id}/call", d.callThread)
	page("POST "+messagesPath+"/{id}/note", d.noteThread)
	page("POST "+messagesPath+"/{id}/assign", d.assignThread)
	page("POST "+messagesPath+"/{id}/close", d.closeThread)
	page("POST "+messagesPath+"/{id}/open", d.reopenThread)
	page("GET "+messagesPath+"/{id}/file/{line}/{n}", d.threadFile)
	page("GET /desk/patients/{id}/write", d.showBegin)
	page("POST /desk/patients/{id}/write", d.beginThread)
	page("POST /desk/patients/{id}/write/count", d.weighBegin)
}

// threadFilterWords name the lists.
func threadFilterWords(f thread.Filter) string {
	switch f {
	case thread.Waits:
		return "Waiting for an answer"
	case thread.Opened:
		return "Answered or told"
	}
	return "Closed"
}

// listThreads lists the messages of patients.
func (d *Desk) listThreads(w http.ResponseWriter, r *http.Request) error {
	show := thread.Filter(cmp.Or(r.URL.Query().Get("show"), string(thread.Waits)))
	if !slices.Contains(thread.Filters(), show) {
		return errNowhere
	}
	var list []thread.Thread
	for _, right := range answerable(r) {
		pass, err := d.all(r, right)
		if err != nil {
			return err
		}
		more, err := d.Talk.Threads.Desk(r.Context(), pass, show, inboxMost+1)
		if err != nil {
			return err
		}
		list = append(list, more...)
	}
	v := inboxView{Show: string(show), Title: threadFilterWords(show), More: len(list) > inboxMost}
	for _, f := range thread.Filters() {
		v.Tabs = append(v.Tabs, inboxTab{Href: messagesPath + "?show=" + string(f), Name: threadFilterWords(f), Here: f == show})
	}
	list = list[:min(len(list), inboxMost)]
	ids := make([]string, len(list))
	for i, t := range list {
		ids[i] = t.Patient
	}
	people, err := d.named(r, ids...)
	if err != nil {
		return err
	}
	for _, t := range list {
		row := inboxRow{Href: messagesPath + "/" + t.ID, Who: people[t.Patient].Full, Icon: "messages-square", Channel: t.Title, Snippet: mask(firstWords(t.LastLine.Text, 90)), When: ago(t.Last, d.now())}
		row.Due, row.Late = threadDue(t, d.now())
		if !t.Open {
			row.Due = "closed: " + t.Why
		}
		v.Rows = append(v.Rows, row)
	}
	return d.Site.Render(w, r, http.StatusOK, threadsPage(d.view(r, "Messages", "inbox"), v))
}

// firstWords returns the beginning of text on one line.
func firstWords(text string, n int) string {
	list := []rune(strings.Join(strings.Fields(text), " "))
	if len(list) > n {
		return string(list[:n-1]) + "…"
	}
	return string(list)
}

// threadDue says when an answer is due.
func threadDue(t thread.Thread, now time.Time) (words string, late bool) {
	switch {
	case t.Waiting.IsZero() || t.Due.IsZero():
		return "", false
	case t.Late(now):
		return "late by " + span(now.Sub(t.Due)), true
	}
	return "answer due in " + span(t.Due.Sub(now)), false
}

// opened is a thread with the pass that opens it.
type opened struct {
	thread.Thread
	lines []thread.Line
	pass  access.Pass
}

// threadOf opens the thread of a page. Another's is not there.
func (d *Desk) threadOf(r *http.Request) (o opened, err error) {
	right, whose, err := d.theirs(r, r.PathValue("id"), d.Talk.Threads.Whose)
	if err != nil {
		return o, err
	}
	passes, err := d.Doors.CheckMany(r.Context(), web.Actor(r), whose, right, wordsOfTask(right))
	if err != nil {
		return o, err
	}
	o.pass = passes[0]
	o.Thread, o.lines, err = d.Talk.Threads.Get(r.Context(), o.pass, r.PathValue("id"))
	o.Patient = whose
	return o, err
}

// threadView is one thread, opened.
type threadView struct {
	talkView
	Title, Team string
	Facts       [][2]string // of the patient
	Replies     []savedReply
	Read        string // up to when the patient's side has read
	Task        string // address; empty: none
	Owned       bool   // there is something to have
}

// savedReply is a text that answers again and again.
type savedReply struct{ Href, Title, Words string }

// showThread shows a thread. What waits in it is read by that.
func (d *Desk) showThread(w http.ResponseWriter, r *http.Request) error {
	o, err := d.threadOf(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodGet && r.Header.Get("Sec-Purpose") == "" && !o.Waiting.IsZero() && o.Seen.IsZero() {
		if err := d.Talk.Threads.See(r.Context(), o.pass, o.ID); err != nil {
			return err
		}
	}
	f := replyForm{}
	if id := r.URL.Query().Get("saved"); id != "" {
		if f.Text, err = d.savedText(r, o, id); err != nil {
			return err
		}
	}
	return d.renderThread(w, r, http.StatusOK, o, f)
}

// savedText returns the words of a saved reply for the patient of o.
func (d *Desk) savedText(r *http.Request, o opened, id string) (string, error) {
	list, err := d.Talk.Tasks.Replies(r.Context(), task.Message)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(list, func(x task.Reply) bool { return x.ID == id })
	if i < 0 {
		return "", errNowhere
	}
	people, err := d.named(r, o.Patient)
	if err != nil {
		return "", err
	}
	return list[i].For(people[o.Patient].Call()), nil
}

func (d *Desk) renderThread(w http.ResponseWriter, r *http.Request, status int, o opened, f replyForm) error {
	if f.Words.Tag == "" {
		var err error
		if f, err = d.inWords(r, o, f, url.Values{}); err != nil {
			return err
		}
	}
	v := threadView{Title: o.Title, Team: o.Team}
	v.Href, v.Patient, v.Open, v.Reasons, v.Reply = messagesPath+"/"+o.ID, "/desk/patients/"+o.Patient, o.Open, thread.CloseReasons(), f
	v.Said = threadSaid(r.URL.Query().Get("note"))
	v.Due, v.Late = threadDue(o.Thread, d.now())
	if err := d.threadPatient(r, o, &v); err != nil {
		return err
	}
	if err := d.threadOwner(r, o, &v); err != nil {
		return err
	}
	if err := d.threadLines(r, o, &v); err != nil {
		return err
	}
	list, err := d.Talk.Tasks.Replies(r.Context(), task.Message)
	if err != nil {
		return err
	}
	for _, x := range list {
		v.Replies = append(v.Replies, savedReply{Href: v.Href + "?saved=" + url.QueryEscape(x.ID) + "#text", Title: x.Title, Words: x.Words})
	}
	if v.Reply.Href == "" {
		weighed, err := d.Talk.Tells.WeighTelling(r.Context(), o.pass, telling(o, f))
		if err != nil {
			return err
		}
		v.Reply = threadReply(v.Href, f, weighed)
	}
	return d.Site.Render(w, r, status, threadPage(d.view(r, v.Name, "inbox"), v))
}

// threadPatient adds who the patient is.
func (d *Desk) threadPatient(r *http.Request, o opened, v *threadView) error {
	people, err := d.named(r, o.Patient)
	if err != nil {
		return err
	}
	p := people[o.Patient]
	if v.Name = p.Full; v.Name == "" {
		v.Name = "A patient"
	}
	if p.Born != "" {
		born := bornWords(p.Born)
		if n, ok := p.Age(d.now()); ok {
			born += ", " + counted(n, "year", "years") + " old"
		}
		v.Facts = append(v.Facts, [2]string{"Born", born})
	}
	if p.MRN != "" {
		v.Facts = append(v.Facts, [2]string{"Number", p.MRN})
	}
	if l, ok := translation.Of(p.Lang); ok {
		v.Facts = append(v.Facts, [2]string{"Language", "Reads " + l.Name})
	}
	return nil
}

// threadOwner adds who has it.
func (d *Desk) threadOwner(r *http.Request, o opened, v *threadView) error {
	if o.Task == "" || o.Waiting.IsZero() {
		return nil
	}
	t, err := d.Talk.Tasks.Get(r.Context(), o.pass, o.Task)
	if noRight(err) {
		return nil
	}
	if err != nil {
		return err
	}
	v.Owned, v.Assigned, v.Who, v.Mine = t.Status.Open(), t.Owner, t.OwnerName, t.Owner == web.Actor(r).ID
	v.Colleagues, err = d.workers(r, t)
	return err
}

// threadLines adds what was said, and between it what was noted.
func (d *Desk) threadLines(r *http.Request, o opened, v *threadView) error {
	type placed struct {
		at   time.Time
		line talkLine
	}
	words, err := d.translated(r, o.pass, translation.Message)
	if err != nil {
		return err
	}
	var all []placed
	for _, l := range o.lines {
		line := talkLine{Kind: "heard", By: v.Name, When: d.clock(l.At), Channel: threadVia(l.Via), Text: l.Text, Mine: l.Side == thread.Clinic}
		switch l.Side {
		case thread.Caregiver:
			line.By = l.Name + ", for " + v.Name
		case thread.Clinic:
			line.Kind, line.By = "said", cmp.Or(l.Name, d.Site.Clinic.Name)
		}
		if t, ok := words[l.ID]; ok {
			line.Translation, line.Lang, line.Words = d.translationSaid(t), t.Lang, t.Text
		}
		for i, f := range l.Files {
			href := ""
			if opens(r, access.ReadMessages) {
				href = fmt.Sprintf("%s/%s/file/%s/%d", messagesPath, o.ID, l.ID, i)
			}
			line.Files = append(line.Files, talkFile{Name: f.Title, Size: fileSize(int64(f.Size)), Href: href, Picture: web.Pictured(f.Media)})
		}
		all = append(all, placed{l.At, line})
	}
	notes, err := d.Talk.Threads.Notes(r.Context(), o.pass, o.ID)
	if err != nil {
		return err
	}
	staff := map[string]string{}
	for _, n := range notes {
		by, err := d.accountName(r, n.By, staff)
		if err != nil {
			return err
		}
		all = append(all, placed{n.At, talkLine{Kind: "note", By: by, When: d.clock(n.At), Text: n.Text}})
	}
	slices.SortStableFunc(all, func(a, b placed) int { return a.at.Compare(b.at) })
	for _, p := range all {
		v.Lines = append(v.Lines, p.line)
	}
	read, err := d.Talk.Threads.ReadAt(r.Context(), o.pass, o.ID)
	if err == nil && !o.Said.IsZero() {
		v.Read = "Your last answer is not read yet."
		if !read.Before(o.Said) {
			v.Read = "Your last answer was read, " + d.clock(read) + "."
		}
	}
	return err
}

// threadVia says by which way words came.
func threadVia(v thread.Via) string {
	switch v {
	case thread.SMS:
		return "by text"
	case thread.Email:
		return "by email"
	case thread.Page:
		return "on the page behind a link"
	case thread.Phone:
		return "on the phone"
	}
	return "in the portal"
}

func threadSaid(note string) string {
	switch note {
	case "sent":
		return "Your words stand in the thread. They are on their way as they are."
	case "linked":
		return "Your words stand in the thread. A notice with a link is on its way."
	case "kept":
		return "Your words stand in the thread. No notice could go out: please call if it cannot wait."
	case "twice":
		return "This was sent already, once. Here it stands."
	case "called":
		return "The call is noted. The patient reads it in the thread."
	}
	return inboxSaid(note)
}

// inWords asks in which language f is, where the patient reads another than
// ours.
func (d *Desk) inWords(r *http.Request, o opened, f replyForm, in url.Values) (replyForm, error) {
	people, err := d.named(r, o.Patient)
	if err == nil {
		f.Words, err = d.choice(r, people[o.Patient].Lang, in.Get("words"))
	}
	return f, err
}

// telling is an answer for whoever wrote last.
func telling(o opened, f replyForm) reach.Telling {
	return reach.Telling{Patient: o.Patient, Writer: o.HeardBy, Text: f.Words.told(f.Text), Private: f.Private || f.Words.asks()}
}

// hard is the reading grade above which an answer is too hard.
const hard = 8

// threadReply says how an answer would go, and whether it reads easily.
func threadReply(href string, f replyForm, s reach.Sayable) replyForm {
	f = replyOf(href, f, s)
	if f.Refused != "" {
		f.Refused += " Your words stand in the portal all the same."
	}
	if g := lang.Grade(f.Text); len(strings.Fields(f.Text)) > 12 && g > hard {
		f.Why = strings.TrimSpace(f.Why + " This reads like grade " + strconv.Itoa(int(g)) + ". Shorter words and sentences help everybody.")
	}
	return f
}

// weighThread counts an answer while it is written.
func (d *Desk) weighThread(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	o, err := d.threadOf(r)
	if err != nil {
		return err
	}
	f, _ := written(in)
	if f, err = d.inWords(r, o, f, in); err != nil {
		return err
	}
	s, err := d.Talk.Tells.WeighTelling(r.Context(), o.pass, telling(o, f))
	if err != nil {
		return err
	}
	f = threadReply(messagesPath+"/"+o.ID, f, s)
	if r.Header.Get("HX-Request") == "" {
		return d.renderThread(w, r, http.StatusOK, o, f)
	}
	return d.Site.Render(w, r, http.StatusOK, replyWeight(f))
}

// answerThread answers: the words stand in the thread, and the patient is
// told by the way they are reached.
func (d *Desk) answerThread(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	if in.Get("do") == "count" {
		return d.weighThread(w, r)
	}
	o, err := d.threadOf(r)
	if err != nil {
		return err
	}
	f, _ := written(in)
	if f, err = d.inWords(r, o, f, in); err != nil {
		return err
	}
	s, err := d.Talk.Tells.Tell(r.Context(), o.pass, telling(o, f), func(ctx context.Context, tx *db.Tx, message string) error {
		return d.Talk.Threads.AnswerTx(ctx, tx, o.pass, o.ID, message, f.Words.words(f.Text))
	})
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.Conflict {
		f = threadReply(messagesPath+"/"+o.ID, f, s)
		f.Err = errs.Say(err)
		return d.renderThread(w, r, http.StatusUnprocessableEntity, o, f)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, messagesPath+"/"+o.ID+"?note="+howTold(s)+"#end", http.StatusSeeOther)
	return nil
}
