package desk

import (
	"context"
	"net/http"

	"hale/internal/access"
	"hale/internal/face/web"
)

// Mirror is what the desk needs of package mirror.
type Mirror interface {
	Begin(ctx context.Context, pass access.Pass) error
	End(ctx context.Context, a access.Actor) error
}

// mirrorRoutes adds the pages where a look at a patient's portal begins and
// ends.
func (d *Desk) mirrorRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/patients/{id}/as", d.askMirror)
	page("POST /desk/patients/{id}/as", d.beginMirror)
	page("POST /desk/patients/{id}/as/end", d.endMirror)
}

// askMirror says what the look is, before it begins.
func (d *Desk) askMirror(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.one(r, access.ReadRecord, r.PathValue("id"))
	if err != nil {
		return err
	}
	who, err := d.Patients.Get(r.Context(), pass)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, mirrorPage(d.view(r, "See what the patient sees", "patients"), who.Full, "/desk/patients/"+who.ID))
}

// beginMirror begins it.
func (d *Desk) beginMirror(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	pass, err := d.one(r, access.ReadRecord, id)
	if err != nil {
		return err
	}
	if err := d.Mirror.Begin(r.Context(), pass); err != nil {
		return err
	}
	http.Redirect(w, r, "/for/"+id+"/home", http.StatusSeeOther)
	return nil
}

// endMirror ends it, whoever's it was.
func (d *Desk) endMirror(w http.ResponseWriter, r *http.Request) error {
	if err := d.Mirror.End(r.Context(), web.Actor(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/patients/"+r.PathValue("id")+"?note=mirror-ended", http.StatusSeeOther)
	return nil
}
