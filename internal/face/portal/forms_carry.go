package portal

import (
	"net/http"

	"hale/internal/care/form"
)

// carriedData is what leads to a form elsewhere.
type carriedData struct {
	filling
	Link   string
	Square square
}

// carries says whether a form can go on elsewhere without signing in: the
// patient's own alone, since the link asks for their date of birth.
func (p *Portal) carries(f filling) bool {
	return p.Forms.Carry != nil && f.State == form.Open && f.pass.Actor().Patient == f.Patient
}

// formElsewhere shows a link to the form for another phone or computer, or
// sends it to the patient.
func (p *Portal) formElsewhere(w http.ResponseWriter, r *http.Request) error {
	s, f, err := p.fill(r)
	if err != nil {
		return err
	}
	if !p.carries(f) {
		return errNoForm
	}
	d := carriedData{filling: f}
	d.Link, err = p.Forms.Carry.Here(r.Context(), f.pass, f.ID)
	if err != nil {
		return err
	}
	if r.PostFormValue("to") == "me" && p.Forms.Tell != nil {
		if err := p.Forms.Tell(r.Context(), f.Patient, d.Link); err != nil {
			return err
		}
		http.Redirect(w, r, s.Link("/forms?linked="+f.ID), http.StatusSeeOther)
		return nil
	}
	if d.Square, err = newSquare(d.Link); err != nil {
		return err
	}
	s.Title = s.T("Go on with this on another phone or computer")
	w.Header().Set("Cache-Control", "no-store")
	return p.render(w, r, formCarriedPage(s, d))
}
