package desk

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/patient"
	"hale/internal/care/task"
	"hale/internal/care/translation"
	"hale/internal/face/web"
)

// taskView is one task for whoever works on it.
type taskView struct {
	task.Task
	Href, Patient string // the page's, and the record's
	Name, First   string
	Due           string
	Promised      string // when the patient was to hear from us
	RaisedWords   string // whom it was raised to; empty: nobody yet
	Late, Mine    bool
	Facts         [][2]string
	Steps         []eventRow
	Panel         panel
	Colleagues    []option
	Replies       []task.Reply
	Reasons       []option
	Answer        string // as far as it is written
	Words         wordsChoice
	Translated    string // what became of the translation of the answer; empty: none
	InTheirs      translation.Translation
	Reason        string
	Said, Err     string
}

// opened is a task with the pass that opens it.
type openedTask struct {
	task.Task
	pass access.Pass
	who  patient.Person
}

// taskOf opens the task of a page. Another's is not there. Its words are as
// protected as messages are.
func (d *Desk) taskOf(r *http.Request) (t openedTask, err error) {
	right, whose, err := d.taskRight(r, r.PathValue("id"))
	if err != nil {
		return t, err
	}
	passes, err := d.Doors.CheckMany(r.Context(), web.Actor(r), whose, right, wordsOfTask(right))
	if err != nil {
		return t, err
	}
	t.pass = passes[0]
	if t.Task, err = d.Tasks.Get(r.Context(), t.pass, r.PathValue("id")); err != nil {
		return t, err
	}
	people, err := d.named(r, whose)
	if err != nil {
		return t, err
	}
	t.who = people[whose]
	return t, nil
}

// answerable are the rights by which the reader answers; the one for all of
// it, to be refused and audited, where they have none.
func answerable(r *http.Request) []access.Right {
	if rights := answering(web.Actor(r)); len(rights) > 0 {
		return rights
	}
	return []access.Right{access.AnswerPatients}
}

// taskRight finds by which of the reader's rights a task is theirs to answer,
// and whose it is.
func (d *Desk) taskRight(r *http.Request, id string) (access.Right, string, error) {
	return d.theirs(r, id, d.Tasks.Whose)
}

// theirs does so for anything whose patient is found by a pass over everyone.
func (d *Desk) theirs(r *http.Request, id string, find func(context.Context, access.Pass, string) (string, error)) (access.Right, string, error) {
	var last error
	for _, right := range answerable(r) {
		all, err := d.all(r, right)
		if err != nil {
			return "", "", err
		}
		whose, err := find(r.Context(), all, id)
		if err == nil {
			return right, whose, nil
		}
		last = err
	}
	return "", "", last
}

// wordsOfTask is the right that protects what a task says: a record that is
// watched more closely asks for a reason before it.
func wordsOfTask(right access.Right) access.Right {
	switch right {
	case access.AnswerVisits:
		return access.ReadVisits
	case access.AnswerBills:
		return access.PayBills
	}
	return access.ReadMessages
}

// showTask shows one task. Opening it is having read it.
func (d *Desk) showTask(w http.ResponseWriter, r *http.Request) error {
	t, err := d.taskOf(r)
	if err != nil {
		return err
	}
	if t.Status == task.Received && r.Method == http.MethodGet && r.Header.Get("Sec-Purpose") == "" {
		if err := d.Tasks.Read(r.Context(), t.pass, t.ID); err != nil {
			return err
		}
		if t.Task, err = d.Tasks.Get(r.Context(), t.pass, t.ID); err != nil {
			return err
		}
	}
	answer := ""
	if id := r.URL.Query().Get("reply"); id != "" {
		reply, err := d.Tasks.Reply(r.Context(), id)
		if err != nil {
			return err
		}
		answer = reply.For(t.who.Call())
	}
	return d.renderTask(w, r, http.StatusOK, t, answer, "", "")
}

func (d *Desk) renderTask(w http.ResponseWriter, r *http.Request, status int, t openedTask, answer, reason, problem string) error {
	v := taskView{
		Task: t.Task, Href: queuePath + "/" + t.ID, Patient: "/desk/patients/" + t.Patient, Name: t.who.Full, First: t.who.Call(), Answer: answer, Reason: reason, Err: problem,
		Mine: t.Owner == web.Actor(r).ID, Said: taskSaid(r.URL.Query().Get("note")), Reasons: reasonOptions(),
	}
	if v.Name == "" {
		v.Name = "A patient without a name"
	}
	v.Due, _ = d.clockOf(t.Due)
	v.Promised, v.Late = d.clock(t.Due), t.Late(d.now())
	if t.Overdue(d.now()) {
		v.RaisedWords = d.raisedWords(r, t.Task) + ", " + d.clock(t.Raised)
	}
	if !t.Status.Open() {
		v.Due, v.Late = reasonWords(t.Task), false
	}
	for _, k := range slices.Sorted(keysOf(t.Values)) {
		v.Facts = append(v.Facts, [2]string{sentenceCase(k), bornWords(t.Values[k])})
	}
	for _, s := range t.Steps {
		v.Steps = append(v.Steps, eventRow{When: d.clock(s.At), Words: stepLine(s)})
	}
	var err error
	if v.Panel, err = d.panelOf(r, t.pass, t.Task); err != nil {
		return err
	}
	if v.Colleagues, err = d.workers(r, t.Task); err != nil {
		return err
	}
	if v.Replies, err = d.Tasks.Replies(r.Context(), t.Kind); err != nil {
		return err
	}
	if err := d.wordsOf(r, t, &v); err != nil {
		return err
	}
	return d.Site.Render(w, r, status, taskPage(d.view(r, t.Title, "queue"), v))
}

// wordsOf adds in which language the patient reads an answer: what to ask
// about one that is written now, or what became of the one that was given.
func (d *Desk) wordsOf(r *http.Request, t openedTask, v *taskView) (err error) {
	if t.Status.Open() {
		v.Words, err = d.choice(r, t.who.Lang, r.PostFormValue("words"))
		return err
	}
	all, err := d.translated(r, t.pass, translation.Answer)
	if err != nil {
		return err
	}
	if one, ok := all[t.ID]; ok && t.Task.Answer != "" {
		v.Translated, v.InTheirs = d.translationSaid(one), one
	}
	return nil
}

// keysOf are the keys of values.
func keysOf(values map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range values {
			if !yield(k) {
				return
			}
		}
	}
}

// stepLine says what happened.
func stepLine(s task.Step) string {
	by := s.By
	if by == "" {
		by = "The patient"
	}
	words := map[task.Status]string{
		task.Received: by + " asked", task.Read: by + " read it", task.Claimed: by + " has it", task.Waiting: by + " set it waiting",
		task.Ready: by + " said that it is ready", task.Done: by + " closed it", task.Declined: by + " declined it", task.Cancelled: by + " took it back",
	}[s.Status]
	if s.Status == task.Read && s.By == "" {
		words = "Given back to the team"
	}
	if s.Note != "" {
		words += ": “" + s.Note + "”"
	}
	return words
}

// reasonOptions are why a task can be closed.
func reasonOptions() []option {
	var list []option
	for _, why := range task.Reasons {
		list = append(list, option{Value: string(why), Text: reasonText(why)})
	}
	return list
}

func reasonText(why task.Reason) string {
	switch why {
	case task.Finished:
		return "Done"
	case task.Called:
		return "Settled by phone or in person"
	case task.Duplicate:
		return "Asked twice"
	case task.Mistaken:
		return "Came to the wrong place"
	case task.Refused:
		return "Cannot be done"
	}
	return "Closed"
}

// reasonWords say how a closed task ended.
func reasonWords(t task.Task) string {
	if t.Status == task.Cancelled {
		return "Taken back by the patient"
	}
	return reasonText(t.Reason)
}

func taskSaid(note string) string {
	switch note {
	case "claimed":
		return "You have it now. The patient sees your name."
	case "assigned":
		return "Done. It says below who has it."
	case "stepped":
		return "Noted. The patient sees it."
	case "opened":
		return "Open again, with its clock as it was."
	}
	return ""
}

// moveTask does something with the task of the page and shows it again.
func (d *Desk) moveTask(w http.ResponseWriter, r *http.Request, note string, do func(t openedTask, in url.Values) error) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	t, err := d.taskOf(r)
	if err != nil {
		return err
	}
	err = do(t, in)
	if k := errs.KindOf(err); k == errs.Invalid || k == errs.Conflict {
		return d.renderTask(w, r, http.StatusUnprocessableEntity, t, in.Get("answer"), in.Get("reason"), errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, queuePath+"/"+t.ID+"?note="+note, http.StatusSeeOther)
	return nil
}

// claimTask makes the reader its owner.
func (d *Desk) claimTask(w http.ResponseWriter, r *http.Request) error {
	return d.moveTask(w, r, "claimed", func(t openedTask, _ url.Values) error { return d.Tasks.Claim(r.Context(), t.pass, t.ID) })
}

// assignTask gives it to a colleague, or back to the team.
func (d *Desk) assignTask(w http.ResponseWriter, r *http.Request) error {
	return d.moveTask(w, r, "assigned", func(t openedTask, in url.Values) error {
		to, name := in.Get("to"), ""
		if to != "" {
			list, err := d.workers(r, t.Task)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(list, func(o option) bool { return o.Value == to })
			if i < 0 {
				return errNowhere
			}
			name = list[i].Text
		}
		return d.Tasks.Assign(r.Context(), t.pass, t.ID, to, name)
	})
}

// workers are the others who may answer a task.
func (d *Desk) workers(r *http.Request, t task.Task) ([]option, error) {
	if d.Members == nil {
		return nil, nil
	}
	list, err := d.Members.Members(r.Context())
	if err != nil {
		return nil, err
	}
	var out []option
	for _, m := range list {
		if m.ID != t.Owner && m.ID != web.Actor(r).ID && !m.Disabled && t.For(access.Actor{Kind: access.Staff, ID: m.ID, Roles: m.Roles}) {
			out = append(out, option{Value: m.ID, Text: m.Name})
		}
	}
	return out, nil
}

// stepTask says how far it is, with a note for the patient.
func (d *Desk) stepTask(w http.ResponseWriter, r *http.Request) error {
	return d.moveTask(w, r, "stepped", func(t openedTask, in url.Values) error {
		to := task.Status(in.Get("to"))
		if to != task.Waiting && to != task.Ready && to != task.Claimed {
			return errNowhere
		}
		return d.Tasks.Step(r.Context(), t.pass, t.ID, to, in.Get("note"))
	})
}

// answerTask closes it with a reason and an answer, and goes on with the rest.
func (d *Desk) answerTask(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	t, err := d.taskOf(r)
	if err != nil {
		return err
	}
	words, err := d.choice(r, t.who.Lang, in.Get("words"))
	if err != nil {
		return err
	}
	answer := task.Answer{Why: task.Reason(in.Get("reason")), Words: in.Get("answer")}
	_, answer.Translate = words.langs()
	err = d.Tasks.Answer(r.Context(), t.pass, t.ID, answer)
	if k := errs.KindOf(err); k == errs.Invalid || k == errs.Conflict {
		return d.renderTask(w, r, http.StatusUnprocessableEntity, t, in.Get("answer"), in.Get("reason"), errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, queuePath+"?note=closed&closed="+t.ID, http.StatusSeeOther)
	return nil
}

// reopenTask takes that back.
func (d *Desk) reopenTask(w http.ResponseWriter, r *http.Request) error {
	return d.moveTask(w, r, "opened", func(t openedTask, _ url.Values) error { return d.Tasks.Reopen(r.Context(), t.pass, t.ID) })
}
