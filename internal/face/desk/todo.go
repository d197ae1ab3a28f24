package desk

import (
	"context"
	"net/http"
	"time"

	"hale/internal/access"
	"hale/internal/care/patient"
	"hale/internal/reach/todo"
)

// Todos is what the desk needs of package todo.
type Todos interface {
	Counts(ctx context.Context, pass access.Pass) (map[todo.Kind]int, error)
	Tallies(ctx context.Context, pass access.Pass, k todo.Kind) ([]todo.Tally, error)
	Open(ctx context.Context, pass access.Pass, k todo.Kind, n int) ([]todo.Entry, error)
	Done(ctx context.Context, pass access.Pass, k todo.Kind, since time.Time, n int) ([]todo.Entry, error)
	Close(ctx context.Context, pass access.Pass, k todo.Kind, subject, word string) error
	Reopen(ctx context.Context, pass access.Pass, k todo.Kind, subject string) error
}

const (
	todoMost = 100                 // open entries of one page; the rest follows as these are closed
	todoBack = 14 * 24 * time.Hour // closed entries stay visible for so long
)

// todoWords are what a kind is called, and what it asks of the staff.
type todoWords struct{ Title, Sub, Icon, Tone string }

// wordsOf says what a kind of entry is.
func wordsOf(k todo.Kind) (todoWords, bool) {
	switch k {
	case todo.Call:
		return todoWords{"Asked for a call", "They pressed “Call me instead” on the page behind their link. Please call them.", "phone", "act"}, true
	case todo.Reply:
		return todoWords{"Answered in their own words", "They wrote back to a text. Please read it, and answer by phone.", "message-square", "act"}, true
	case todo.NotMe:
		return todoWords{"Said: this is not me", "Nothing goes to that number or address any more. Please find out the right one.", "user-round", "act"}, true
	case todo.Elsewhere:
		return todoWords{"Already done elsewhere", "They had it done at another clinic. Please ask for the report.", "circle-check", "watch"}, true
	case todo.Failed:
		return todoWords{"Could not be reached", "Every channel they allow was tried, and nothing arrived. A call or a letter may be needed.", "triangle-alert", "act"}, true
	case todo.Doubt:
		return todoWords{"Messages in doubt", "The connection broke at the moment of handing over, so the message may or may not have gone out. Each trail says more.", "circle-question-mark", "watch"}, true
	case todo.Stop:
		return todoWords{"Answered STOP", "They get no more texts. This is done already; it is here so that you know.", "ban", "watch"}, true
	}
	return todoWords{}, false
}

// todoRows say how much there is to do.
func (d *Desk) todoRows(r *http.Request, pass access.Pass) ([]taskRow, error) {
	counts, err := d.Todos.Counts(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	var rows []taskRow
	for _, k := range todo.Kinds() {
		if d.Calls != nil && (k == todo.Call || k == todo.Failed) {
			continue // they are on the list of calls
		}
		if counts[k] > 0 {
			rows = append(rows, kindRow(k, counts[k]))
		}
	}
	return rows, nil
}

func kindRow(k todo.Kind, n int) taskRow {
	w, _ := wordsOf(k)
	return taskRow{Href: todoPath(k), Icon: w.Icon, Tone: w.Tone, N: n, Title: w.Title, Sub: w.Sub}
}

// allTodo leads to every list, so that what was closed stays within reach.
func (d *Desk) allTodo(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	counts, err := d.Todos.Counts(r.Context(), pass)
	if err != nil {
		return err
	}
	var rows []taskRow
	for _, k := range todo.Kinds() {
		row := kindRow(k, counts[k])
		if row.N == 0 {
			row.Tone = ""
		}
		rows = append(rows, row)
	}
	more, err := d.trustRows(r)
	if err != nil {
		return err
	}
	strays, err := d.unplacedTask(r)
	if err != nil {
		return err
	}
	rows = append(append(rows, more...), strays...)
	return d.Site.Render(w, r, http.StatusOK, allTodoPage(d.view(r, "Answers and failures", "today"), rows))
}

func todoPath(k todo.Kind) string { return "/desk/todo/" + string(k) }

// listTodo shows who waits for an answer, or to those who see numbers only,
// how many.
func (d *Desk) listTodo(w http.ResponseWriter, r *http.Request) error {
	k := todo.Kind(r.PathValue("kind"))
	words, ok := wordsOf(k)
	if !ok {
		return errNowhere
	}
	v := todoView{Title: words.Title, Lead: words.Sub, Said: saidOf(r.URL.Query().Get("note"))}
	fill := d.fillTallies
	if may(r, access.AnswerPatients) {
		fill = d.fillTodo
	}
	if err := fill(r, k, &v); err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, todoPage(d.view(r, words.Title, "today"), v))
}

// saidOf is what just happened, for the reader of the page that follows.
func saidOf(note string) string {
	switch note {
	case "closed":
		return "Closed. It is under “Done in the last 14 days” below; you can open it again there."
	case "opened":
		return "Open again. It is back in its place in the list."
	}
	return ""
}

// fillTallies adds the numbers per outreach.
func (d *Desk) fillTallies(r *http.Request, k todo.Kind, v *todoView) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	list, err := d.Todos.Tallies(r.Context(), pass, k)
	if err != nil {
		return err
	}
	for _, t := range list {
		v.Tallies = append(v.Tallies, tallyRow{Href: path(t.Outreach), Name: t.Name, N: t.N})
		v.N += t.N
	}
	return nil
}

// fillTodo adds the people.
func (d *Desk) fillTodo(r *http.Request, k todo.Kind, v *todoView) error {
	v.Named = true
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	open, err := d.Todos.Open(r.Context(), pass, k, todoMost+1)
	if err != nil {
		return err
	}
	if v.More = len(open) > todoMost; v.More {
		open = open[:todoMost]
	}
	done, err := d.Todos.Done(r.Context(), pass, k, d.now().Add(-todoBack), todoMost)
	if err != nil {
		return err
	}
	people, err := d.peopleOf(r, open, done)
	if err != nil {
		return err
	}
	staff := map[string]string{}
	for _, e := range open {
		v.Open = append(v.Open, d.todoRow(e, people[e.Patient]))
	}
	for _, e := range done {
		row := d.todoRow(e, people[e.Patient])
		who, err := d.accountName(r, e.By, staff)
		if err != nil {
			return err
		}
		row.Done = doneWord(e.Word) + " by " + who + ", " + d.clock(e.Closed)
		v.Done = append(v.Done, row)
	}
	v.N = len(v.Open)
	return nil
}

// peopleOf names the patients of entries.
func (d *Desk) peopleOf(r *http.Request, lists ...[]todo.Entry) (map[string]patient.Person, error) {
	by := map[string]patient.Person{}
	var ids []string
	for _, list := range lists {
		for _, e := range list {
			if _, asked := by[e.Patient]; !asked {
				by[e.Patient] = patient.Person{}
				ids = append(ids, e.Patient)
			}
		}
	}
	return by, d.name(r, ids, by)
}

// name adds the people of ids to by.
func (d *Desk) name(r *http.Request, ids []string, by map[string]patient.Person) error {
	if len(ids) == 0 {
		return nil
	}
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return err
	}
	people, err := d.Patients.Named(r.Context(), pass, ids)
	if err != nil {
		return err
	}
	for _, p := range people {
		by[p.ID] = p
	}
	return nil
}

// todoRow puts an entry into words.
func (d *Desk) todoRow(e todo.Entry, p patient.Person) todoRow {
	row := todoRow{
		Who: p.Full, Href: "/desk/patients/" + e.Patient, Trail: path(e.Outreach) + "/patients/" + e.Patient, Outreach: e.Name, When: d.clock(e.At), Ago: ago(e.At, d.now()),
		Note: mask(e.Note), Action: todoPath(e.Kind), Subject: e.Subject, Patient: e.Patient, CanOpen: e.Live,
	}
	if row.Who == "" {
		row.Who = "A patient without a name"
	}
	if p.Born != "" {
		row.Sub = "born " + bornWords(p.Born)
	}
	if e.Phone != "" && !p.Deceased {
		row.Phone, row.Tel = phoneWords(e.Phone), "tel:"+e.Phone
	}
	if p.Deceased {
		row.Warn = "Recorded as deceased: do not call"
	}
	for _, word := range e.Kind.Words() {
		row.Words = append(row.Words, option{Value: word, Text: doneWord(word)})
	}
	return row
}

// doneWord is a closing word as a button says it.
func doneWord(word string) string { return sentenceCase(word) }

// closeTodo closes an entry with a word.
func (d *Desk) closeTodo(w http.ResponseWriter, r *http.Request) error {
	return d.moveTodo(w, r, "closed", func(pass access.Pass, k todo.Kind, subject, word string) error {
		return d.Todos.Close(r.Context(), pass, k, subject, word)
	})
}

// reopenTodo takes it back.
func (d *Desk) reopenTodo(w http.ResponseWriter, r *http.Request) error {
	return d.moveTodo(w, r, "opened", func(pass access.Pass, k todo.Kind, subject, _ string) error {
		return d.Todos.Reopen(r.Context(), pass, k, subject)
	})
}

func (d *Desk) moveTodo(w http.ResponseWriter, r *http.Request, note string, do func(pass access.Pass, k todo.Kind, subject, word string) error) error {
	k := todo.Kind(r.PathValue("kind"))
	if _, ok := wordsOf(k); !ok {
		return errNowhere
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.one(r, access.AnswerPatients, in.Get("patient"))
	if err != nil {
		return err
	}
	if err := do(pass, k, in.Get("subject"), in.Get("word")); err != nil {
		return err
	}
	http.Redirect(w, r, todoPath(k)+"?note="+note, http.StatusSeeOther)
	return nil
}
