package portal

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/visit"
)

// waits is what the portal needs of package visit for the line of those who
// wait for an earlier time, and for what is said about the day.
type waits interface {
	Join(ctx context.Context, pass access.Pass, id string, w visit.Wish) error
	Leave(ctx context.Context, pass access.Pass, id string) error
	Waiting(ctx context.Context, pass access.Pass, id string) (visit.Wait, bool, error)
	Offers(ctx context.Context, pass access.Pass) ([]visit.Offer, error)
	Take(ctx context.Context, pass access.Pass, offer string, how visit.How) (visit.Visit, error)
	Decline(ctx context.Context, pass access.Pass, offer string) error
	About(ctx context.Context, pass access.Pass, message string) (visit.Notice, error)
	Detail(ctx context.Context, pass access.Pass, id string) (visit.Detail, error)
	Bring(ctx context.Context, pass access.Pass, id string, c visit.Company) error
	Advice(ctx context.Context, service string) (visit.Advice, error)
}

// waitRoutes adds the pages about an earlier time and about the day.
func (p *Portal) waitRoutes(both func(method, path string, h handler)) {
	both("GET", "/visits/{id}/waitlist", p.waitAsk)
	both("POST", "/visits/{id}/waitlist", p.wait)
	both("POST", "/visits/{id}/waitlist/leave", p.waitLeave)
	both("POST", "/visits/{id}/offer", p.takeOffer)
	both("POST", "/visits/{id}/offer/decline", p.declineOffer)
	both("GET", "/visits/{id}/company", p.companyAsk)
	both("POST", "/visits/{id}/company", p.company)
}

// waitData is the form of the line.
type waitForm struct {
	visit.Wish
	In      bool // the visit waits already
	Since   time.Time
	Problem string
}

// waitAsk asks which earlier times would suit.
func (p *Portal) waitAsk(w http.ResponseWriter, r *http.Request) error {
	s, pass, v, err := p.openVisit(r, access.BookVisits, "Tell me if an earlier time comes free")
	if err != nil {
		return err
	}
	now, in, err := p.Visits.Waiting(r.Context(), pass, v.ID)
	if err != nil {
		return err
	}
	f := waitForm{Wish: now.Wish, In: in, Since: now.Since}
	if !in {
		f.Wish = visit.Wish{Days: 0b0111110, Parts: visit.Morning | visit.Afternoon | visit.Evening, Notice: 2}
	}
	return p.render(w, r, waitPage(s, v, f))
}

// wait puts the visit into the line.
func (p *Portal) wait(w http.ResponseWriter, r *http.Request) error {
	s, pass, v, err := p.openVisit(r, access.BookVisits, "Tell me if an earlier time comes free")
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return err
	}
	f := waitForm{Wish: wishOf(r)}
	if err = p.Visits.Join(r.Context(), pass, v.ID, f.Wish); errs.KindOf(err) == errs.Invalid {
		f.Problem = s.T(errs.Say(err))
		s.Title = s.T("Please check: %s", s.Title)
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, waitPage(s, v, f))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/visits/"+v.ID+"?done=waiting"), http.StatusSeeOther)
	return nil
}

// wishOf reads the form.
func wishOf(r *http.Request) visit.Wish {
	var w visit.Wish
	for _, d := range r.PostForm["day"] {
		if n, err := strconv.Atoi(d); err == nil && n >= 0 && n < 7 {
			w.Days |= 1 << n
		}
	}
	for _, part := range r.PostForm["part"] {
		switch part {
		case "morning":
			w.Parts |= visit.Morning
		case "afternoon":
			w.Parts |= visit.Afternoon
		case "evening":
			w.Parts |= visit.Evening
		}
	}
	switch r.PostForm.Get("notice") {
	case "24":
		w.Notice = 24
	case "48":
		w.Notice = 48
	default:
		w.Notice = 2
	}
	w.Same = r.PostForm.Get("same") == "yes"
	return w
}

// waitLeave takes the visit out of the line.
func (p *Portal) waitLeave(w http.ResponseWriter, r *http.Request) error {
	s, pass, v, err := p.openVisit(r, access.BookVisits, "Your visit")
	if err != nil {
		return err
	}
	if err := p.Visits.Leave(r.Context(), pass, v.ID); err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/visits/"+v.ID+"?done=left"), http.StatusSeeOther)
	return nil
}

// takeOffer moves the visit to the earlier time.
func (p *Portal) takeOffer(w http.ResponseWriter, r *http.Request) error {
	s, pass, v, err := p.openVisit(r, access.BookVisits, "Your visit")
	if err != nil {
		return err
	}
	done := "moved"
	_, err = p.Visits.Take(r.Context(), pass, r.PostFormValue("offer"), how(r))
	switch errs.KindOf(err) {
	case errs.Conflict, errs.NotFound:
		done = "late" // somebody else has the time; the old one stays
	default:
		if err != nil {
			return err
		}
	}
	http.Redirect(w, r, s.Link("/visits/"+v.ID+"?done="+done), http.StatusSeeOther)
	return nil
}

// declineOffer gives the earlier time to the next in the line.
func (p *Portal) declineOffer(w http.ResponseWriter, r *http.Request) error {
	s, pass, v, err := p.openVisit(r, access.BookVisits, "Your visit")
	if err != nil {
		return err
	}
	err = p.Visits.Decline(r.Context(), pass, r.PostFormValue("offer"))
	if kind := errs.KindOf(err); err != nil && kind != errs.Conflict && kind != errs.NotFound {
		return err
	}
	http.Redirect(w, r, s.Link("/visits/"+v.ID+"?done=declined"), http.StatusSeeOther)
	return nil
}

// companyAsk asks who comes along and by which number to call.
func (p *Portal) companyAsk(w http.ResponseWriter, r *http.Request) error {
	s, pass, v, err := p.openVisit(r, access.BookVisits, "Who comes with you?")
	if err != nil {
		return err
	}
	d, err := p.Visits.Detail(r.Context(), pass, v.ID)
	if err != nil {
		return err
	}
	return p.render(w, r, companyPage(s, v, d.Company, ""))
}

// company writes it down.
func (p *Portal) company(w http.ResponseWriter, r *http.Request) error {
	s, pass, v, err := p.openVisit(r, access.BookVisits, "Who comes with you?")
	if err != nil {
		return err
	}
	c := visit.Company{Who: r.PostFormValue("who"), Phone: r.PostFormValue("phone")}
	if err = p.Visits.Bring(r.Context(), pass, v.ID, c); errs.KindOf(err) == errs.Invalid {
		s.Title = s.T("Please check: %s", s.Title)
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, companyPage(s, v, c, s.T(errs.Say(err))))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/visits/"+v.ID+"?done=company"), http.StatusSeeOther)
	return nil
}

// visitMore is what the page of a visit shows beside the visit.
type visitMore struct {
	visit.Detail
	Waits  bool
	Offer  visit.Offer
	Advice []string
	Note   string // what was just done, beside what the heading says
	Check  checkState
	Recap  bool // there may be a summary
}

// more reads it.
func (p *Portal) visitMore(r *http.Request, s sheet, pass access.Pass, v visit.Visit, done string) (m visitMore, err error) {
	m.Recap = p.Recaps != nil
	if m.Detail, err = p.Visits.Detail(r.Context(), pass, v.ID); err != nil || !v.Open(s.Now()) {
		return m, err
	}
	a, err := p.Visits.Advice(r.Context(), v.Service)
	if err != nil {
		return m, err
	}
	if m.Advice = a.Lines; s.Lang.Tag() == "es" && len(a.Spanish) > 0 {
		m.Advice = a.Spanish
	}
	m.Note = s.visitNote(done)
	if s.may(access.BookVisits) {
		wait, in, err := p.Visits.Waiting(r.Context(), pass, v.ID)
		if err != nil {
			return m, err
		}
		if m.Waits = in; wait.Offer.State == visit.OfferOpen {
			m.Offer = wait.Offer
		}
	}
	m.Check, err = p.checkState(r, s, pass, v)
	return m, err
}

// visitNote says what was just done where the heading does not.
func (s sheet) visitNote(done string) string {
	switch done {
	case "waiting":
		return s.T("You are on the list. We tell you when an earlier time comes free. Until then you keep this time.")
	case "left":
		return s.T("You are no longer on the list. You keep the time you have.")
	case "declined":
		return s.T("Thank you for telling us. You keep the time you have, and your place on the list.")
	case "late":
		return s.T("That time is no longer free. You keep the time you have.")
	case "company":
		return s.T("Saved. Thank you for telling us.")
	case "arrived":
		return s.T("Thank you. We know that you are here. Please take a seat.")
	}
	return ""
}

// offerTasks asks for an answer to each earlier time that is kept.
func (p *Portal) offerTasks(r *http.Request, s sheet, pass access.Pass) ([]need, error) {
	if !s.may(access.BookVisits) {
		return nil, nil
	}
	list, err := p.Visits.Offers(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	var tasks []need
	for _, o := range list {
		tasks = append(tasks, need{Href: s.Link("/visits/" + o.Visit), Icon: "calendar-plus", Title: s.T("An earlier time came free"),
			Sub: joined(s.long(o.Slot.Start), s.T("Answer by %s", s.long(o.Expires))), Button: s.T("See it")})
	}
	return tasks, nil
}

// visitLink leads from a message to the visit that it is about.
type visitLink struct{ Href, Title, Sub, Button string }

// visitTold returns where a message leads that tells of a visit: to an earlier
// time as long as it is kept, else to the visit.
func (p *Portal) visitTold(r *http.Request, s sheet, message string) (to visitLink, err error) {
	if !s.may(access.BookVisits) || !s.may(access.ReadVisits) {
		return to, nil
	}
	pass, err := p.Doors.Check(r.Context(), s.Actor, access.BookVisits, s.Patient)
	if err != nil {
		return to, err
	}
	n, err := p.Visits.About(r.Context(), pass, message)
	if err != nil || n.Visit == "" {
		return to, err
	}
	to = visitLink{Href: s.Link("/visits/" + n.Visit), Title: s.T("Your visit"), Button: s.T("See your visit")}
	if n.Offer == "" {
		return to, nil
	}
	to.Title, to.Sub = s.T("The earlier time"), s.T("It is no longer kept for you. Your visit stays as it is.")
	list, err := p.Visits.Offers(r.Context(), pass)
	for _, o := range list {
		if o.ID == n.Offer && o.State == visit.OfferOpen {
			to.Title, to.Sub = s.T("An earlier time came free"), joined(s.long(o.Slot.Start), s.T("Answer by %s", s.long(o.Expires)))
			to.Button = s.T("Take it or keep the time I have")
		}
	}
	return to, err
}
