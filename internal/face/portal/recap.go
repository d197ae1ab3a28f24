package portal

import (
	"context"
	"net/http"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/recap"
	"hale/internal/care/visit"
)

// Recaps is what the portal needs to say what came of a visit.
type Recaps interface {
	Of(ctx context.Context, pass access.Pass, v visit.Visit, l lang.Lang) (recap.Recap, error)
	Tick(ctx context.Context, read, act access.Pass, encounter string, keys []string) error
}

func (p *Portal) recapRoutes(both func(method, path string, h handler)) {
	both("GET", "/visits/{id}/summary", p.summary)
	both("GET", "/visits/{id}/discharge", p.discharge)
	both("POST", "/visits/{id}/discharge", p.tick)
}

// recapData is what the pages of a recap show.
type recapData struct {
	recap.Recap
	Visit visit.Visit
	Next  []visit.Visit // what is booked
	None  bool          // there is no summary, or not yet
	Saved bool          // the list was saved just now
	Ticks bool          // the reader may tick things off
}

// recapOf reads what came of the visit of the page.
func (p *Portal) recapOf(r *http.Request, title string) (sheet, recapData, error) {
	s, pass, err := p.open(r, access.ReadRecord, title, "visits", access.ReadVisits)
	if err != nil {
		return s, recapData{}, err
	}
	visits := s.also[access.ReadVisits]
	d := recapData{Ticks: s.may(access.SendMessages)}
	if d.Visit, err = p.Visits.Get(r.Context(), visits, r.PathValue("id")); err != nil {
		return s, d, s.orProve(err)
	}
	d.Recap, err = p.Recaps.Of(r.Context(), pass, d.Visit, s.Lang)
	if errs.KindOf(err) == errs.NotFound {
		d.None, err = true, nil
	}
	if err != nil {
		return s, d, err
	}
	d.Next, err = p.Visits.Upcoming(r.Context(), visits, 5)
	return s, d, err
}

// summary is what came of a visit.
func (p *Portal) summary(w http.ResponseWriter, r *http.Request) error {
	s, d, err := p.recapOf(r, "Summary of your visit")
	if err != nil {
		return err
	}
	return p.render(w, r, summaryPage(s, d))
}

// discharge is the plan for the time after a stay.
func (p *Portal) discharge(w http.ResponseWriter, r *http.Request) error {
	s, d, err := p.recapOf(r, "Your plan for home")
	if err != nil {
		return err
	}
	if d.None || !d.Inpatient && d.Plan.Empty() {
		http.Redirect(w, r, s.Link("/visits/"+d.Visit.ID+"/summary"), http.StatusSeeOther)
		return nil
	}
	d.Saved = r.URL.Query().Get("done") == "saved"
	return p.render(w, r, dischargePage(s, d))
}

// tick keeps what the patient has done of the plan.
func (p *Portal) tick(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	s, act, err := p.open(r, access.SendMessages, "Your plan for home", "visits", access.ReadVisits, access.ReadRecord)
	if err != nil {
		return err
	}
	v, err := p.Visits.Get(r.Context(), s.also[access.ReadVisits], r.PathValue("id"))
	if err != nil {
		return s.orProve(err)
	}
	read := s.also[access.ReadRecord]
	rc, err := p.Recaps.Of(r.Context(), read, v, s.Lang)
	if err != nil {
		return err
	}
	if err := p.Recaps.Tick(r.Context(), read, act, rc.Encounter, r.PostForm["done"]); err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/visits/"+v.ID+"/discharge?done=saved#list"), http.StatusSeeOther)
	return nil
}

// changeWord is what became of a medicine.
func changeWord(l lang.Lang, c recap.Change) (word, tone string) {
	switch c {
	case recap.New:
		return l.T("New"), "brand"
	case recap.Changed:
		return l.T("Changed"), "watch"
	case recap.Stopped:
		return l.T("Stop taking it"), "act"
	}
	return l.T("Same as before"), ""
}
