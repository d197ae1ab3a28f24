package portal

import (
	"context"
	"net/http"
	"time"

	"hale/internal/access"
	"hale/internal/care/task"
	"hale/internal/care/translation"
	"hale/internal/face/web"
)

// Tasks is what the portal needs of package task.
type Tasks interface {
	Ask(ctx context.Context, pass access.Pass, in task.New) (task.Task, error)
	Mine(ctx context.Context, pass access.Pass, n int) ([]task.Task, error)
	Get(ctx context.Context, pass access.Pass, id string) (task.Task, error)
	Cancel(ctx context.Context, pass access.Pass, id string) error
	Promise(ctx context.Context, k task.Kind) (team string, by time.Time, err error)
}

// The bounds of lists of what was asked.
const (
	askedMost = 100
	askedHome = 2                  // on the home page
	askedNews = 7 * 24 * time.Hour // an answer is news for so long
)

// askedRoutes adds the pages of what a patient asked of the clinic.
func (p *Portal) askedRoutes(both func(method, path string, h handler)) {
	both("GET", "/requests", p.askedList)
	both("GET", "/requests/{id}", p.asked)
	both("POST", "/requests/{id}/cancel", p.cancelAsked)
}

// askedList lists what was asked: what is open, then what is over.
func (p *Portal) askedList(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, p.first(r), "What you asked for", "more")
	if err != nil {
		return err
	}
	list, err := p.Tasks.Mine(r.Context(), pass, askedMost)
	if err != nil {
		return err
	}
	var open, over []task.Task
	for _, t := range list {
		if t.Status.Open() {
			open = append(open, t)
		} else {
			over = append(over, t)
		}
	}
	return p.render(w, r, askedPage(s, open, over, r.URL.Query().Get("done") == "cancelled"))
}

// asked shows one of them: how far it is, and what happened.
func (p *Portal) asked(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, p.first(r), "What you asked for", "more")
	if err != nil {
		return err
	}
	t, err := p.Tasks.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return s.orProve(err)
	}
	if to, err := p.overThere(r, s, pass, t); err != nil || to != "" {
		if err == nil {
			http.Redirect(w, r, to, http.StatusSeeOther)
		}
		return err
	}
	words, err := p.translated(r, pass, translation.Answer)
	if err != nil {
		return err
	}
	return p.render(w, r, askedOnePage(s, t, words.words(t.ID, t.Answer), r.URL.Query().Get("done") == "asked"))
}

// cancelAsked takes one back. Whoever may ask may take back.
func (p *Portal) cancelAsked(w http.ResponseWriter, r *http.Request) error {
	right := access.SendMessages
	if !web.Actor(r).May(right, web.Subject(r)) {
		right = access.BookVisits
	}
	s, pass, err := p.open(r, right, "What you asked for", "more")
	if err != nil {
		return err
	}
	if err := p.takeBack(r, pass, r.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/requests?done=cancelled"), http.StatusSeeOther)
	return nil
}

// addAsked adds to the home page what was asked and is open, or was answered
// lately; and to what there is to do what is ready.
func (p *Portal) addAsked(r *http.Request, s sheet, pass access.Pass, d *homeData) error {
	if p.Tasks == nil {
		return nil
	}
	list, err := p.Tasks.Mine(r.Context(), pass, askedMost)
	if err != nil {
		return err
	}
	for _, t := range list {
		if t.Status == task.Ready {
			d.Todo = append(d.Todo, readyFor(s, t))
		}
		if t.Status == task.Ready || d.asksFor(s.Link("/inbox/"+threadOf(t))) { // it is among the things to do
			continue
		}
		if !t.Status.Open() && (t.Status == task.Cancelled || p.Now().Sub(t.Closed) > askedNews) {
			continue
		}
		if len(d.Asked) == askedHome {
			d.AskedMore = true
			break
		}
		d.Asked = append(d.Asked, t)
	}
	return nil
}

func readyFor(s sheet, t task.Task) need {
	return need{Href: s.Link("/requests/" + t.ID), Icon: taskIcon(t.Kind), Title: s.T("Ready for you: %s", s.T(t.Title)),
		Sub: joined(taskKind(s, t.Kind), s.day(t.Changed)), Button: s.T("See how")}
}

// cancellable says whether the reader may take t back.
func (s sheet) cancellable(t task.Task) bool {
	return t.Cancellable() && (s.may(access.SendMessages) || s.may(access.BookVisits))
}

// taskKind is what a patient calls a kind.
func taskKind(s sheet, k task.Kind) string {
	switch k {
	case task.Message:
		return s.T("Message")
	case task.Refill:
		return s.T("More of a medicine")
	case task.Renewal:
		return s.T("A new prescription")
	case task.MedicineQuestion:
		return s.T("Question about a medicine")
	case task.Form, task.OfficeForm:
		return s.T("Form")
	case task.Booking:
		return s.T("Visit")
	case task.CheckIn:
		return s.T("Check-in")
	case task.Insurance:
		return s.T("Insurance")
	case task.Bill:
		return s.T("Bill")
	case task.Reading:
		return s.T("Reading from home")
	case task.Record:
		return s.T("Something wrong in your record")
	case task.Due:
		return s.T("What is due")
	case task.Interpreter:
		return s.T("An interpreter")
	}
	return s.T("Request")
}

func taskIcon(k task.Kind) string {
	switch k {
	case task.Message:
		return "message-square"
	case task.Refill, task.Renewal, task.MedicineQuestion:
		return "pill"
	case task.Booking, task.CheckIn:
		return "calendar-days"
	case task.Insurance, task.Bill:
		return "file-text"
	case task.Reading:
		return "activity"
	}
	return "clipboard-list"
}

// teamWords are who has something, to follow "with".
func teamWords(s sheet, team string) string {
	switch team {
	case "the nurse team":
		return s.T("the nurse team")
	case "the front desk":
		return s.T("the front desk")
	case "the billing office":
		return s.T("the billing office")
	case "the records office":
		return s.T("the records office")
	case "":
		return s.T("our team")
	}
	return team
}

// taskState says in one line how far something is: what was done with it, who
// has it, and by when they answer.
func taskState(s sheet, t task.Task) string {
	who := teamWords(s, t.Team)
	if t.OwnerName != "" {
		who = t.OwnerName
	}
	switch t.Status {
	case task.Done:
		return s.T("Answered on %s.", s.day(t.Closed))
	case task.Declined:
		return s.T("We could not do this. We wrote to you why on %s.", s.day(t.Closed))
	case task.Cancelled:
		return s.T("Taken back on %s.", s.day(t.Closed))
	case task.Ready:
		return s.T("It is ready for you.")
	case task.Waiting:
		return s.T("It is with %s, and waits for something.", who) + " " + duePromise(s, t)
	case task.Received:
		return s.T("We got it on %s.", s.clock(t.Asked)) + " " + s.T("It is with %s.", who) + " " + duePromise(s, t)
	}
	return s.T("We have read it.") + " " + s.T("It is with %s.", who) + " " + duePromise(s, t)
}

// duePromise says by when there is an answer, and does not hide that it is
// late.
func duePromise(s sheet, t task.Task) string {
	if t.Overdue(s.Now()) {
		words := s.T("We are late. We said you would hear from us by %s. We are sorry.", s.long(t.Due)) + " " +
			s.T("We asked %s to look at it.", raisedTo(s, t))
		if !t.Again.IsZero() {
			words += " " + s.T("You get an answer by %s.", s.long(t.Again))
		}
		return words
	}
	if t.Late(s.Now()) {
		return s.T("We are late. We said you would hear from us by %s. We are sorry.", s.long(t.Due))
	}
	return s.T("You get an answer by %s.", s.long(t.Due))
}

// raisedTo is who was asked to look at what is late.
func raisedTo(s sheet, t task.Task) string {
	if t.RaisedTo == "" {
		return teamWords(s, t.RaisedName)
	}
	return t.RaisedName
}

// taskChip is how far something is, in a word.
func taskChip(s sheet, t task.Task) (word, tone string) {
	switch {
	case t.Late(s.Now()):
		return s.T("We are late"), "watch"
	case t.Status == task.Done:
		return s.T("Answered"), "good"
	case t.Status == task.Declined:
		return s.T("Not possible"), ""
	case t.Status == task.Cancelled:
		return s.T("Taken back"), ""
	case t.Status == task.Ready:
		return s.T("Ready"), "good"
	case t.Status == task.Received:
		return s.T("We got it"), "brand"
	}
	return s.T("In progress"), "brand"
}

// taskStep says what happened.
func taskStep(s sheet, step task.Step) string {
	by := step.By
	switch step.Status {
	case task.Received:
		if by != "" {
			return s.T("%s asked for you", by)
		}
		return s.T("You asked, and we got it")
	case task.Read:
		if by == "" {
			return s.T("It went back to the team")
		}
		return s.T("%s read it", by)
	case task.Claimed:
		if by == "" {
			return s.T("Somebody works on it")
		}
		return s.T("%s works on it", by)
	case task.Waiting:
		return s.T("We wait for something")
	case task.Ready:
		return s.T("It was ready")
	case task.Done:
		return s.T("Answered and closed")
	case task.Declined:
		return s.T("We could not do this")
	case task.Cancelled:
		return s.T("Taken back")
	}
	return s.T("Something changed")
}
