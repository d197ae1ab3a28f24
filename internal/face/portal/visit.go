package portal

import (
	"net/http"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/visit"
	"hale/internal/face/web"
)

// openVisit returns the sheet of a page about one visit.
func (p *Portal) openVisit(r *http.Request, right access.Right, title string) (sheet, access.Pass, visit.Visit, error) {
	s, pass, err := p.open(r, right, title, "visits")
	if err != nil {
		return s, pass, visit.Visit{}, err
	}
	v, err := p.Visits.Get(r.Context(), pass, r.PathValue("id"))
	if err == nil && s.Actor.Low() && !v.Open(s.Now()) && v.Status != visit.Cancelled {
		err = errMore
	}
	return s, pass, v, s.orProve(err)
}

// errMore refuses what is in the record, such as visits that were, to who
// proved little.
var errMore = errs.New(errs.StepUp, "Please prove in one more way that it is you.")

// visitList lists what is coming and what was.
func (p *Portal) visitList(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadVisits, "Visits", "visits")
	if err != nil {
		return err
	}
	coming, err := p.Visits.Upcoming(r.Context(), pass, 50)
	if err != nil {
		return err
	}
	var past []visit.Visit
	if !s.Actor.Low() { // what was is part of the record
		if past, err = p.Visits.Past(r.Context(), pass, 60); err != nil {
			return err
		}
	}
	return p.render(w, r, visitsPage(s, coming, past))
}

// visit is one visit; done says what was just done with it.
func (p *Portal) visit(w http.ResponseWriter, r *http.Request) error {
	right := access.ReadVisits
	if web.Actor(r).May(access.BookVisits, web.Subject(r)) {
		right = access.BookVisits // the page offers what changes the visit
	}
	s, pass, v, err := p.openVisit(r, right, "Your visit")
	if err != nil {
		return err
	}
	heading := s.T(serviceTitle(v))
	done := r.URL.Query().Get("done")
	switch {
	case done == "booked" && v.Status == visit.Booked:
		heading = s.T("Your visit is booked")
	case done == "moved" && v.Status == visit.Booked:
		heading = s.T("Your visit has a new time")
	case done == "cancelled" && v.Status == visit.Cancelled:
		heading = s.T("Your visit is cancelled")
	default:
		done = ""
	}
	s.Title = heading
	more, err := p.visitMore(r, s, pass, v, r.URL.Query().Get("done"))
	if err != nil {
		return err
	}
	return p.render(w, r, visitPage(s, v, heading, done != "", more))
}

// cancelAsk asks once before a visit is given up.
func (p *Portal) cancelAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, v, err := p.openVisit(r, access.BookVisits, "Cancel this visit?")
	if err != nil {
		return err
	}
	return p.render(w, r, cancelPage(s, v))
}

// cancel gives up a visit.
func (p *Portal) cancel(w http.ResponseWriter, r *http.Request) error {
	s, pass, v, err := p.openVisit(r, access.BookVisits, "Cancel this visit?")
	if err != nil {
		return err
	}
	if err := p.Visits.Cancel(r.Context(), pass, v.ID); err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/visits/"+v.ID+"?done=cancelled"), http.StatusSeeOther)
	return nil
}

// calendar sends a visit as a file that calendars take.
func (p *Portal) calendar(w http.ResponseWriter, r *http.Request) error {
	s, _, v, err := p.openVisit(r, access.ReadVisits, "Your visit")
	if err != nil {
		return err
	}
	p.Site.Calendar(w, s.Lang, v)
	return nil
}

// titles are plain names of the services that every clinic of ours has; the
// schedule's own title is used for all others.
var titles = map[string]string{"eye-exam": "Eye exam", "follow-up": "Follow-up visit", "vaccine": "Vaccine visit", "mammogram": "Mammogram",
	"blood-pressure": "Blood pressure check"}

// serviceTitle returns the English name of what a visit is for.
func serviceTitle(v visit.Visit) string { return title(v.Service, v.Title) }

func title(service, given string) string {
	if t := titles[service]; t != "" {
		return t
	}
	given = strings.TrimPrefix(given, "Encounter for ") // as SNOMED CT begins them
	if given == "" || given == "Patient encounter procedure" {
		return "Visit"
	}
	if c := given[0]; c >= 'a' && c <= 'z' {
		given = strings.ToUpper(given[:1]) + given[1:]
	}
	return given
}

// withWhere says who and where, as far as is known.
func withWhere(s sheet, with, where string) string {
	switch {
	case with != "" && where != "":
		return with + " · " + where
	case with != "":
		return with
	case where != "":
		return where
	}
	return s.Site.Clinic.Name
}

// statusWord says what became of a visit that is over.
func statusWord(l lang.Lang, v visit.Visit) string {
	switch v.Status {
	case visit.Cancelled:
		return l.T("Cancelled")
	case visit.NoShow:
		return l.T("Missed")
	}
	return ""
}

// pastTitle names the list of visits that are over, of which some may have
// been cancelled before their day came.
func pastTitle(s sheet, past []visit.Visit) string {
	if slices.ContainsFunc(past, func(v visit.Visit) bool { return v.Status == visit.Cancelled }) {
		return s.T("Past and cancelled visits")
	}
	return s.T("Past visits")
}

// changeable says whether the page offers to move or cancel v.
func (s sheet) changeable(v visit.Visit) bool {
	return v.Status == visit.Booked && v.Start.After(s.Now()) && s.may(access.BookVisits)
}

// how says that a visit was booked here, and which message led to it.
func how(r *http.Request) visit.How {
	ref := r.FormValue("ref")
	if len(ref) > 64 {
		ref = ""
	}
	return visit.How{Via: "portal", Ref: ref}
}

// acted notes that the message which led here did what it was for. The visit
// is booked either way, so what goes wrong here is no error of the page.
func (p *Portal) acted(r *http.Request, v visit.Visit) {
	actor, subject := web.Actor(r), web.Subject(r)
	if p.Inbox == nil || v.Ref == "" || !actor.May(access.ReadMessages, subject) {
		return
	}
	pass, err := p.Doors.Check(r.Context(), actor, access.ReadMessages, subject)
	if err == nil {
		_ = p.Inbox.Mark(r.Context(), pass, v.Ref, "acted", map[string]string{"visit": v.ID})
	}
}

// taken says whether err means that somebody else was faster, so that the
// page shows other times and not an error.
func taken(err error) bool { return errs.KindOf(err) == errs.Conflict }
