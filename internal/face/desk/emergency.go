package desk

import (
	"context"
	"net/http"
	"time"

	"hale/internal/access"
	"hale/internal/access/emergency"
	"hale/internal/base/errs"
	"hale/internal/face/web"
)

// Protected is what the desk needs of the record to say that there is more.
type Protected interface {
	Protected(ctx context.Context, pass access.Pass, patient string) (bool, error)
}

// Emergencies is what the desk needs of package emergency.
type Emergencies interface {
	Open(ctx context.Context, pass access.Pass, code, reason string) (emergency.Opening, error)
	End(ctx context.Context, a access.Actor, patient string) error
	Lasting(ctx context.Context, a access.Actor) ([]emergency.Opening, error)
	Waiting(ctx context.Context, pass access.Pass, n int) ([]emergency.Opening, error)
	Done(ctx context.Context, pass access.Pass, n int) ([]emergency.Opening, error)
	Get(ctx context.Context, pass access.Pass, id string) (emergency.Opening, error)
	Review(ctx context.Context, pass access.Pass, id string, v emergency.Verdict, note string) error
}

// mended says how to show a form again that a person can mend, and what to
// tell them. Every other error is answered by the site.
func mended(err error) (status int, say string, ok bool) {
	switch errs.KindOf(err) {
	case errs.Invalid:
		return http.StatusUnprocessableEntity, errs.Say(err), err != nil
	case errs.Conflict:
		return http.StatusConflict, errs.Say(err), err != nil
	}
	return 0, "", false
}

// lastingKey finds what the reader has open, in the context of a request.
type lastingKey struct{}

// watched remembers for the frame of every page what the reader has open in
// an emergency.
func (d *Desk) watched(r *http.Request) (*http.Request, error) {
	if d.Emergencies == nil {
		return r, nil
	}
	list, err := d.Emergencies.Lasting(r.Context(), web.Actor(r))
	if err != nil || len(list) == 0 {
		return r, err
	}
	return r.WithContext(context.WithValue(r.Context(), lastingKey{}, list)), nil
}

// lasting returns what the reader has open, for the frame.
func (d *Desk) lasting(r *http.Request) []web.Emergency {
	list, _ := r.Context().Value(lastingKey{}).([]emergency.Opening)
	var shown []web.Emergency
	for _, o := range list {
		at := "/desk/patients/" + o.Patient
		shown = append(shown, web.Emergency{Record: at, End: at + "/emergency/end", Until: o.Until.In(d.Site.Clinic.Zone)})
	}
	return shown
}

// askEmergency asks why somebody needs a record right now.
func (d *Desk) askEmergency(w http.ResponseWriter, r *http.Request) error {
	return d.emergencyPage(w, r, http.StatusOK, "")
}

func (d *Desk) emergencyPage(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	id := r.PathValue("id")
	if !opens(r, access.BreakGlass) {
		return errNowhere
	}
	people, err := d.named(r, id)
	if err != nil {
		return err
	}
	if people[id].Full == "" {
		return errNowhere
	}
	v := emergencyView{Who: people[id].Full, Sub: "born " + bornWords(people[id].Born), Patient: "/desk/patients/" + id, Err: wrong, Lasts: lasts(emergency.Lasts)}
	v.Code, v.Reason = r.PostFormValue("code"), r.PostFormValue("reason")
	for _, c := range emergency.Codes() {
		v.Codes = append(v.Codes, option{Value: c.ID, Text: c.Words})
	}
	return d.Site.Render(w, r, status, emergencyPage(d.view(r, "Emergency access", "patients"), v))
}

// openEmergency opens the record for an hour.
func (d *Desk) openEmergency(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	pass, err := d.one(r, access.BreakGlass, id)
	if err != nil {
		return err
	}
	_, err = d.Emergencies.Open(r.Context(), pass, in.Get("code"), in.Get("reason"))
	if status, say, ok := mended(err); ok {
		return d.emergencyPage(w, r, status, say)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/patients/"+id, http.StatusSeeOther)
	return nil
}

// endEmergency closes it again.
func (d *Desk) endEmergency(w http.ResponseWriter, r *http.Request) error {
	if err := d.Emergencies.End(r.Context(), web.Actor(r), r.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk?note=emergency-ended", http.StatusSeeOther)
	return nil
}

// overdueWords says how long a review may still take.
func (d *Desk) overdueWords(o emergency.Opening, now time.Time) (words, tone string) {
	if o.Overdue(now) {
		return "Overdue by " + lasts(now.Sub(o.Due())), "act"
	}
	return "Review within " + lasts(o.Due().Sub(now)), "watch"
}
