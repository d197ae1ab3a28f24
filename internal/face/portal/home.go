package portal

import (
	"net/http"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/document"
	"hale/internal/care/patient"
	"hale/internal/care/result"
	"hale/internal/care/task"
	"hale/internal/care/visit"
	"hale/internal/face/web"
)

// homeData is what the home page shows.
type homeData struct {
	Name      string
	Todo      []need
	Asked     []task.Task // of the clinic
	AskedMore bool
	New       []resultRow
	More      int                 // new results that are not listed
	Notes     []document.Document // new ones
	Waits     []waitData
	Since     time.Time
	Next      *visit.Visit
	Record    bool // the reader may see the record
	Visits    bool
	Book      bool
}

// asksFor says whether the page at an address is among the things to do.
func (d *homeData) asksFor(href string) bool {
	return slices.ContainsFunc(d.Todo, func(n need) bool { return n.Href == href })
}

// need is one thing that needs the reader.
type need struct{ Href, Icon, Title, Sub, Button string }

// home is the first page after signing in: what needs the patient, what is
// new, what comes next.
func (p *Portal) home(w http.ResponseWriter, r *http.Request) error {
	if a := web.Actor(r); a.Low() && a.Patient != "" && web.Subject(r) == a.Patient {
		http.Redirect(w, r, "/visits", http.StatusSeeOther)
		return nil
	}
	var also []access.Right // asked for together: their looks wait for the disk once
	if web.Actor(r).May(access.ReadVisits, web.Subject(r)) {
		also = append(also, access.ReadVisits)
	}
	if p.Bills != nil && web.Actor(r).May(access.PayBills, web.Subject(r)) {
		also = append(also, access.PayBills)
	}
	s, pass, err := p.open(r, p.first(r), "Home", "home", also...)
	if err != nil {
		return err
	}
	who, err := p.person(r, pass)
	if err != nil {
		return err
	}
	s.Zone = p.zone(who)
	d := homeData{Name: who.Call(), Record: s.may(access.ReadRecord), Visits: s.may(access.ReadVisits), Book: s.may(access.BookVisits)}
	if err := p.addThreads(r, s, &d); err != nil {
		return err
	}
	if d.Record {
		if err := p.addNew(r, pass, who, s.Lang, &d); err != nil {
			return err
		}
		if d.Waits, err = p.waits(r, s, pass); err != nil {
			return err
		}
	}
	if d.Visits {
		if err := p.addNext(r, s, &d); err != nil {
			return err
		}
	}
	if err := p.addAsked(r, s, pass, &d); err != nil {
		return err
	}
	forms, err := p.formTasks(r, s, pass)
	if err != nil {
		return err
	}
	d.Todo = append(d.Todo, forms...)
	owed, err := p.billNeeds(r, s)
	if err != nil {
		return err
	}
	d.Todo = slices.Concat(d.Todo, owed, unreadTasks(s)) // what somebody waits for goes before what there is to read
	return p.render(w, r, homePage(s, d))
}

// first returns the widest right that the reader has on the page's patient:
// somebody who only drives to visits has a home page too.
func (p *Portal) first(r *http.Request) access.Right {
	for _, right := range [...]access.Right{access.ReadRecord, access.ReadVisits, access.ReadMessages, access.PayBills} {
		if web.Actor(r).May(right, web.Subject(r)) {
			return right
		}
	}
	return access.ReadRecord
}

// unreadTasks returns a need for each message that was not read yet.
func unreadTasks(s sheet) []need {
	var list []need
	for _, m := range s.Messages {
		if m.SeenAt.IsZero() && len(list) < most {
			list = append(list, need{Href: s.Link("/inbox/" + m.Message), Icon: "message-square", Title: m.Title,
				Sub: joined(s.T("Message from %s", sender(s, m)), s.day(m.SentAt)), Button: s.T("Read")})
		}
	}
	return list
}

// near is how long before a visit it is time to get ready for it.
const near = 7 * 24 * time.Hour

// readyTask asks to get ready for a visit.
func readyTask(s sheet, d homeData, v visit.Visit) need {
	what := s.T("Get ready for your visit")
	if !s.own() {
		what = s.T("Get ready for %s’s visit", d.Name)
	}
	return need{Href: s.Link("/visits/" + v.ID), Icon: "calendar-check", Title: what, Sub: joined(s.long(v.Start), v.With), Button: s.T("See how")}
}

// most is how many things to do the home page lists, mostNew how many new
// results and mostNotes how many new notes. What comes after them on the page
// has to be in reach of a thumb.
const (
	most      = 4
	mostNew   = 3
	mostNotes = 2
)

// addNew adds the results since the last look.
func (p *Portal) addNew(r *http.Request, pass access.Pass, who patient.Person, l lang.Lang, d *homeData) error {
	since, err := p.Looks.Look(r.Context(), pass)
	if err != nil {
		return err
	}
	taken := since.AddDate(-1, 0, 0) // what is older is no news, however late it came
	if d.Since = since; since.IsZero() {
		since = p.Now().AddDate(0, -1, 0)
		taken = since
	}
	if d.Notes, err = p.newNotes(r, pass, since, taken); err != nil {
		return err
	}
	list, err := p.Results.Recent(r.Context(), pass, "", 120)
	if err != nil {
		return err
	}
	goals, err := p.Results.Goals(r.Context(), pass)
	if err != nil {
		return err
	}
	rows := explained(l, list, who, goals, p.Now())
	listed := map[string]bool{} // the newest of each kind speaks for the older ones
	for _, category := range [...]result.Category{result.Laboratory, result.Vital} {
		for i, res := range list {
			if res.Category != category || !res.Updated.After(since) || res.At.Before(taken) {
				continue
			}
			if listed[rows[i].Title] {
				continue
			}
			listed[rows[i].Title] = true
			if len(d.New) == mostNew {
				d.More++
				continue
			}
			d.New = append(d.New, rows[i])
		}
	}
	return nil
}

// newNotes returns the newest notes and letters that came since then and are
// not from before taken.
func (p *Portal) newNotes(r *http.Request, pass access.Pass, since, taken time.Time) ([]document.Document, error) {
	list, err := p.Documents.List(r.Context(), pass, 20)
	if err != nil {
		return nil, err
	}
	var notes []document.Document
	for _, d := range list {
		if d.Kind == document.Note && d.Updated.After(since) && !d.At.Before(taken) && len(notes) < mostNotes {
			notes = append(notes, d)
		}
	}
	return notes, nil
}

// addNext adds the next visit, and asks to get ready for it when it is near.
func (p *Portal) addNext(r *http.Request, s sheet, d *homeData) error {
	list, err := p.Visits.Upcoming(r.Context(), s.also[access.ReadVisits], 1)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return nil
	}
	if d.Next = &list[0]; d.Next.Start.Before(p.Now().Add(near)) {
		d.Todo = append(d.Todo, readyTask(s, *d, *d.Next))
	}
	offers, err := p.offerTasks(r, s, s.also[access.ReadVisits])
	d.Todo = append(offers, d.Todo...)
	return err
}

// summary says in one sentence what there is to do.
func (d homeData) summary(l lang.Lang) string {
	n, news := len(d.Todo), len(d.New)+len(d.Notes) > 0
	switch {
	case n == 0 && news:
		return l.T("Nothing needs you now. There is something new to see.")
	case n == 0:
		return l.T("Nothing needs you now. You are up to date.")
	case n == 1 && news:
		return l.T("One thing needs you. There is something new to see, too.")
	case n == 1:
		return l.T("One thing needs you. Everything else is up to date.")
	case news:
		return l.T("%s things need you. There is something new to see, too.", word(l, n))
	}
	return l.T("%s things need you. Everything else is up to date.", word(l, n))
}

// word returns a small number that begins a sentence.
func word(l lang.Lang, n int) string {
	words := [...]string{2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six"}
	if n < len(words) && words[n] != "" {
		return l.T(words[n])
	}
	return l.Count(n)
}

// duty says the same to somebody who acts for the patient.
func (d homeData) duty(l lang.Lang) string {
	switch n := len(d.Todo); n {
	case 0:
		return l.T("There is nothing to do for %s now.", d.Name)
	case 1:
		return l.T("There is one thing to do for %s.", d.Name)
	default:
		return l.T("There are %d things to do for %s.", n, d.Name)
	}
}
