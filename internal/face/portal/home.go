package portal

import (
	"net/http"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/patient"
	"hale/internal/care/result"
	"hale/internal/care/visit"
	"hale/internal/face/web"
	"hale/internal/reach"
)

// homeData is what the home page shows.
type homeData struct {
	Name   string
	Todo   []reach.Content
	New    []resultRow
	More   int // new results that are not listed
	Since  time.Time
	Next   *visit.Visit
	Record bool // the reader may see the record
	Visits bool
	Book   bool
}

// home is the first page after signing in: what needs the patient, what is
// new, what comes next.
func (p *Portal) home(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, p.first(r), "Home", "home")
	if err != nil {
		return err
	}
	who, err := p.person(r, pass)
	if err != nil {
		return err
	}
	s.Zone = p.zone(who)
	d := homeData{Name: who.Call(), Record: s.may(access.ReadRecord), Visits: s.may(access.ReadVisits), Book: s.may(access.BookVisits)}
	d.Todo = todo(s.Messages)
	if d.Record {
		if err := p.addNew(r, pass, who, s.Lang, &d); err != nil {
			return err
		}
	}
	if d.Visits {
		if err := p.addNext(r, &d); err != nil {
			return err
		}
	}
	return p.render(w, r, homePage(s, d))
}

// first returns the widest right that the reader has on the page's patient:
// somebody who only drives to visits has a home page too.
func (p *Portal) first(r *http.Request) access.Right {
	for _, right := range [...]access.Right{access.ReadRecord, access.ReadVisits, access.ReadMessages} {
		if web.Actor(r).May(right, web.Subject(r)) {
			return right
		}
	}
	return access.ReadRecord
}

// todo returns the messages that were not read yet.
func todo(list []reach.Content) []reach.Content {
	var todo []reach.Content
	for _, m := range list {
		if m.SeenAt.IsZero() && len(todo) < 5 {
			todo = append(todo, m)
		}
	}
	return todo
}

// most is how many new results the home page lists.
const most = 5

// addNew adds the results since the last look.
func (p *Portal) addNew(r *http.Request, pass access.Pass, who patient.Person, l lang.Lang, d *homeData) error {
	since, err := p.Looks.Look(r.Context(), pass)
	if err != nil {
		return err
	}
	if d.Since = since; since.IsZero() {
		since = p.Now().AddDate(0, -1, 0)
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
			if res.Category != category || !res.Updated.After(since) || res.At.Before(since.AddDate(-1, 0, 0)) {
				continue
			}
			if listed[rows[i].Title] {
				continue
			}
			listed[rows[i].Title] = true
			if len(d.New) == most {
				d.More++
				continue
			}
			d.New = append(d.New, rows[i])
		}
	}
	return nil
}

// addNext adds the next visit.
func (p *Portal) addNext(r *http.Request, d *homeData) error {
	pass, err := p.Doors.Check(r.Context(), web.Actor(r), access.ReadVisits, web.Subject(r))
	if err != nil {
		return err
	}
	list, err := p.Visits.Upcoming(r.Context(), pass, 1)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		d.Next = &list[0]
	}
	return nil
}

// summary says in one sentence what there is to do.
func (d homeData) summary(l lang.Lang) string {
	switch n := len(d.Todo); n {
	case 0:
		if len(d.New) > 0 {
			return l.T("Nothing needs you now. There is something new to see.")
		}
		return l.T("Nothing needs you now. You are up to date.")
	case 1:
		return l.T("One thing needs you.")
	default:
		return l.T("%d things need you.", n)
	}
}
