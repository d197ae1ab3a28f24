package portal

import (
	"net/http"
	"slices"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/task"
	"hale/internal/care/translation"
	"hale/internal/care/visit"
)

// interpreterRoutes adds the pages on which somebody asks for an interpreter:
// for a visit, or to talk with us.
func (p *Portal) interpreterRoutes(both func(method, path string, h handler)) {
	both("GET", "/interpreter", p.shared(access.Messages, access.SendMessages, p.interpreterAsk))
	both("POST", "/interpreter", p.interpreter)
	both("GET", "/visits/{id}/interpreter", p.interpreterAsk)
	both("POST", "/visits/{id}/interpreter", p.interpreter)
}

// signed is the language of signs, which an interpreter speaks and nobody
// writes.
const signed = "ase"

// interpreterData is the page to ask on.
type interpreterData struct {
	Post, Back string
	Visit      visit.Visit // empty: to talk with us
	Languages  []translation.Language
	Chosen     string // the tag of a language
	Problem    string
}

// interpreterOf opens the page, for a visit or for talking with us.
func (p *Portal) interpreterOf(r *http.Request) (s sheet, pass access.Pass, d interpreterData, err error) {
	right := access.SendMessages
	if r.PathValue("id") != "" {
		right = access.BookVisits
		if s, pass, d.Visit, err = p.openVisit(r, right, "I need an interpreter"); err == nil && !d.Visit.Open(s.Now()) {
			err = errNoMessage
		}
		d.Back = "/visits/" + d.Visit.ID
		d.Post = d.Back + "/interpreter"
	} else {
		s, pass, err = p.open(r, right, "I need an interpreter", "messages")
		d.Back, d.Post = "/inbox", "/interpreter"
	}
	d.Languages = append(translation.Languages(), translation.Language{Tag: signed, Name: "American Sign Language"})
	return s, pass, d, err
}

// interpreterAsk asks for which language, with the one of the page chosen.
func (p *Portal) interpreterAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, d, err := p.interpreterOf(r)
	if err != nil {
		return err
	}
	if l, ok := translation.Of(s.Lang.Tag()); ok {
		d.Chosen = l.Tag
	}
	return p.render(w, r, interpreterPage(s, d))
}

// interpreter asks the front desk for an interpreter.
func (p *Portal) interpreter(w http.ResponseWriter, r *http.Request) error {
	s, pass, d, err := p.interpreterOf(r)
	if err != nil {
		return err
	}
	d.Chosen = r.PostFormValue("language")
	i := slices.IndexFunc(d.Languages, func(l translation.Language) bool { return l.Tag == d.Chosen })
	if i < 0 {
		d.Problem = s.T("Please choose a language.")
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, interpreterPage(s, d))
	}
	ask := task.New{Kind: task.Interpreter, Title: "An interpreter", Text: d.Languages[i].Name, Values: map[string]string{"language": d.Languages[i].Name, "for": "talking with us"}}
	if d.Visit.ID != "" {
		ask.Focus = "Appointment/" + d.Visit.ID
		ask.Values["for"] = serviceTitle(d.Visit) + ", " + d.Visit.Start.In(s.Zone).Format("Monday, January 2, 3:04 pm")
	}
	t, err := p.Tasks.Ask(r.Context(), pass, ask)
	if errs.KindOf(err) == errs.Conflict { // asked before: it says how far it is
		http.Redirect(w, r, s.Link("/requests"), http.StatusSeeOther)
		return nil
	}
	if errs.KindOf(err) == errs.TooMany {
		d.Problem = s.T(errs.Say(err))
		return p.Site.Render(w, r, http.StatusTooManyRequests, interpreterPage(s, d))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/requests/"+t.ID+"?done=asked"), http.StatusSeeOther)
	return nil
}
