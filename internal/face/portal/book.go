package portal

import (
	"net/http"
	"net/url"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/visit"
)

// timesData is what a choice of times shows.
type timesData struct {
	Title   string // what the times are for
	Step    string
	Heading string
	Action  string // where the choice goes
	Post    bool   // choosing is doing, as when moving
	Days    [][]visit.Slot
	Later   string // address of later times
	Earlier string // address of the first times
	Ref     string
	Problem string
	Same    string // with and where, if it is the same for all
	Back    string // address of the step before
	BackTo  string // what that step is
}

// slotsPerPage is how many times one page offers: two full days, or about a
// week of what is left over.
const slotsPerPage = 40

// services offers the kinds of visits.
func (p *Portal) services(w http.ResponseWriter, r *http.Request) error {
	s, _, err := p.open(r, access.BookVisits, "Book a visit", "visits")
	if err != nil {
		return err
	}
	list, err := p.Visits.Services(r.Context())
	if err != nil {
		return err
	}
	return p.render(w, r, servicesPage(s, list))
}

// times offers the free times of a service.
func (p *Portal) times(w http.ResponseWriter, r *http.Request) error {
	s, _, err := p.open(r, access.BookVisits, "Choose a time", "visits")
	if err != nil {
		return err
	}
	return p.offer(w, r, s, "")
}

// offer renders the free times of a service, with what went wrong before.
func (p *Portal) offer(w http.ResponseWriter, r *http.Request, s sheet, problem string) error {
	service := r.PathValue("service")
	d := timesData{Step: s.T("Step 2 of 3"), Heading: s.T("Choose a time"), Action: s.Link("/book/" + url.PathEscape(service) + "/check"),
		Ref: r.FormValue("ref"), Problem: problem, Back: s.Link("/book"), BackTo: s.T("Choose another kind of visit")}
	if err := p.addTimes(r, s, &d, service, s.Link("/book/"+url.PathEscape(service))); err != nil {
		return err
	}
	if problem != "" {
		w.Header().Set("Cache-Control", "no-store")
		return p.Site.Render(w, r, http.StatusConflict, timesPage(s, d))
	}
	return p.render(w, r, timesPage(s, d))
}

// addTimes adds the free times of a service from the day that the address
// asks for.
func (p *Portal) addTimes(r *http.Request, s sheet, d *timesData, service, here string) error {
	from := p.Now()
	if day, err := time.ParseInLocation(time.DateOnly, r.URL.Query().Get("from"), s.Zone); err == nil && day.After(from) {
		from, d.Earlier = day, here+withRef("", d.Ref)
	}
	list, err := p.Visits.Slots(r.Context(), service, from, slotsPerPage+1)
	if err != nil {
		return err
	}
	d.Title = s.T(title(service, ""))
	if len(list) > 0 {
		d.Title = s.T(title(service, list[0].Title))
	}
	if len(list) > slotsPerPage { // the last day may go on: it begins the next page
		last := list[slotsPerPage-1].Start.In(s.Zone)
		begin := time.Date(last.Year(), last.Month(), last.Day(), 0, 0, 0, 0, s.Zone)
		n := 0
		for n < len(list) && list[n].Start.Before(begin) {
			n++
		}
		if n == 0 {
			n, begin = slotsPerPage, begin.AddDate(0, 0, 1)
		}
		list, d.Later = list[:n], here+withRef("from="+begin.Format(time.DateOnly), d.Ref)
	}
	d.Days, d.Same = slotDays(list, s.Zone), same(s, list)
	return nil
}

// withRef returns the query of an address that keeps which message led here.
func withRef(query, ref string) string {
	if ref != "" {
		if query != "" {
			query += "&"
		}
		query += "ref=" + url.QueryEscape(ref)
	}
	if query == "" {
		return ""
	}
	return "?" + query
}

// slotDays parts times where the day changes.
func slotDays(list []visit.Slot, zone *time.Location) [][]visit.Slot {
	var days [][]visit.Slot
	last := ""
	for _, slot := range list {
		if day := slot.Start.In(zone).Format(time.DateOnly); day != last {
			days, last = append(days, nil), day
		}
		days[len(days)-1] = append(days[len(days)-1], slot)
	}
	return days
}

// same returns with whom and where, if that is one for all.
func same(s sheet, list []visit.Slot) string {
	if len(list) == 0 {
		return ""
	}
	for _, slot := range list {
		if slot.With != list[0].With || slot.Where != list[0].Where {
			return ""
		}
	}
	return withWhere(s, list[0].With, list[0].Where)
}

// bookCheck shows what is about to be booked.
func (p *Portal) bookCheck(w http.ResponseWriter, r *http.Request) error {
	s, _, err := p.open(r, access.BookVisits, "Is this right?", "visits")
	if err != nil {
		return err
	}
	id := r.URL.Query().Get("slot")
	if id == "" {
		return p.offer(w, r, s, s.T("Please choose a time."))
	}
	slot, err := p.Visits.Slot(r.Context(), id)
	if taken(err) {
		return p.offer(w, r, s, s.T(errs.Say(err)))
	}
	if err != nil {
		return err
	}
	cost, err := p.costs(r, slot.Service)
	if err != nil {
		return err
	}
	return p.render(w, r, checkPage(s, slot, r.URL.Query().Get("ref"), cost))
}

// book takes the time.
func (p *Portal) book(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.BookVisits, "Choose a time", "visits")
	if err != nil {
		return err
	}
	v, err := p.Visits.Book(r.Context(), pass, r.PostFormValue("slot"), how(r))
	if taken(err) {
		return p.offer(w, r, s, s.T(errs.Say(err)))
	}
	if err != nil {
		return err
	}
	p.acted(r, v)
	http.Redirect(w, r, s.Link("/visits/"+v.ID+"?done=booked"), http.StatusSeeOther)
	return nil
}

// moveAsk offers other times for a visit.
func (p *Portal) moveAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, v, err := p.openVisit(r, access.BookVisits, "Choose a new time")
	if err != nil {
		return err
	}
	return p.offerMove(w, r, s, v, "")
}

func (p *Portal) offerMove(w http.ResponseWriter, r *http.Request, s sheet, v visit.Visit, problem string) error {
	here := s.Link("/visits/" + v.ID + "/move")
	d := timesData{Step: s.T("Now: %s", s.long(v.Start)), Heading: s.T("Choose a new time"), Action: here, Post: true,
		Problem: problem, Back: s.Link("/visits/" + v.ID), BackTo: s.T("Keep the time I have")}
	if err := p.addTimes(r, s, &d, v.Service, here); err != nil {
		return err
	}
	if d.Title == s.T("Visit") {
		d.Title = s.T(serviceTitle(v))
	}
	if problem != "" {
		return p.Site.Render(w, r, http.StatusConflict, timesPage(s, d))
	}
	return p.render(w, r, timesPage(s, d))
}

// move moves a visit to the time that was chosen.
func (p *Portal) move(w http.ResponseWriter, r *http.Request) error {
	s, pass, v, err := p.openVisit(r, access.BookVisits, "Choose a new time")
	if err != nil {
		return err
	}
	slot := r.PostFormValue("slot")
	if slot == "" {
		return p.offerMove(w, r, s, v, s.T("Please choose a time."))
	}
	if _, err = p.Visits.Move(r.Context(), pass, v.ID, slot, how(r)); taken(err) {
		return p.offerMove(w, r, s, v, s.T(errs.Say(err)))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/visits/"+v.ID+"?done=moved"), http.StatusSeeOther)
	return nil
}
