package portal

import (
	"context"
	"net/http"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/due"
	"hale/internal/care/problem"
)

// Dues is what the portal needs of package due.
type Dues interface {
	List(ctx context.Context, pass access.Pass) ([]due.Item, map[string]due.Answer, error)
	Say(ctx context.Context, read, writes access.Pass, a due.Answer) (due.Answer, error)
}

// dueRoutes are the pages of what is due.
func (p *Portal) dueRoutes(both func(method, path string, h handler)) {
	if p.Dues == nil || p.Tasks == nil {
		return
	}
	both("GET", "/health/due", p.shared("", access.ReadRecord, p.dueList))
	both("POST", "/health/due", p.shared("", access.ReadRecord, p.dueSay))
}

// dueData is what the page of due things shows.
type dueData struct {
	Open, Said []dueRow
	Writes     bool
	Book       string // where a visit is booked; empty: the reader books none
	Problem    string
	At         string // the thing that the problem is about
	Done       string
}

// dueRow is one due thing and what was said to it.
type dueRow struct {
	due.Item
	Answer due.Answer
}

func (p *Portal) openDue(r *http.Request) (s sheet, read access.Pass, d dueData, err error) {
	var also []access.Right
	may := p.Site.View(r, "", "")
	for _, right := range [...]access.Right{access.SendMessages} {
		if may.Actor.May(right, may.Patient) {
			also = append(also, right)
		}
	}
	if s, read, err = p.open(r, access.ReadRecord, "What is due", "record", also...); err != nil {
		return s, read, d, err
	}
	d.Writes = len(also) > 0
	if s.may(access.BookVisits) && p.Visits != nil {
		d.Book = s.Link("/book")
	}
	list, answers, err := p.Dues.List(r.Context(), read)
	for _, i := range list {
		row := dueRow{Item: i, Answer: answers[i.Ref]}
		if row.Answer.What == "" {
			d.Open = append(d.Open, row)
		} else {
			d.Said = append(d.Said, row)
		}
	}
	return s, read, d, err
}

// dueList lists what is due.
func (p *Portal) dueList(w http.ResponseWriter, r *http.Request) error {
	s, _, d, err := p.openDue(r)
	if err != nil {
		return err
	}
	switch due.Said(r.URL.Query().Get("done")) {
	case due.Elsewhere:
		d.Done = s.T("Thank you. We will put it into your record.")
	case due.NotNow:
		d.Done = s.T("Thank you for telling us. You can change your mind at any time.")
	case due.Again:
		d.Done = s.T("It is on your list again.")
	}
	return p.render(w, r, duePage(s, d))
}

// dueSay takes what somebody says to a due thing.
func (p *Portal) dueSay(w http.ResponseWriter, r *http.Request) error {
	s, read, d, err := p.openDue(r)
	if err != nil {
		return err
	}
	if !d.Writes {
		return errNoPage
	}
	a := due.Answer{Ref: r.FormValue("ref"), What: due.Said(r.FormValue("do")), Reason: r.FormValue("reason")}
	if a.What == due.Elsewhere {
		a.Day, _ = time.ParseInLocation(time.DateOnly, r.FormValue("day"), time.UTC)
		a.Reason = ""
	}
	_, err = p.Dues.Say(r.Context(), read, s.also[access.SendMessages], a)
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.TooMany || kind == errs.Conflict) {
		d.Problem, d.At = s.T(errs.Say(err)), a.Ref
		return p.Site.Render(w, r, statusOf(kind), duePage(s, d))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/health/due?done="+string(a.What)), http.StatusSeeOther)
	return nil
}

// dueName is what a due thing is called, in the words of the page of vaccines
// where it is one.
func dueName(s sheet, i due.Item) string {
	_, code, _ := strings.Cut(i.Ref, "#")
	if name := (problem.Problem{Kind: problem.Vaccine, Code: code}).Everyday(); i.Vaccine && name != "" {
		return s.T(name)
	}
	return s.T(i.Name)
}

// dueWhen says until when a thing is due.
func dueWhen(s sheet, i due.Item) string {
	switch {
	case i.Late && !i.By.IsZero():
		return s.T("It was due on %s", s.day(i.By))
	case i.Late:
		return s.T("It is past its time")
	case !i.By.IsZero():
		return s.T("Due by %s", s.day(i.By))
	case i.From.After(s.Now()):
		return s.T("From %s on", s.day(i.From))
	}
	return s.T("Due now")
}

// dueSaid says what somebody answered.
func dueSaid(s sheet, a due.Answer) string {
	if a.What == due.Elsewhere {
		return s.T("You told us that you had it on %s.", s.Lang.LongDate(a.Day))
	}
	for _, r := range due.Reasons() {
		if r[0] == a.Reason {
			return s.T("Not now: %s", s.T(r[1]))
		}
	}
	return s.T("Not now")
}
