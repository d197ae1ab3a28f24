package web

import (
	"context"
	"net/http"
)

// AsPatient returns r as a request of somebody of the staff who looks at the
// portal as a patient, called name, sees it.
func AsPatient(r *http.Request, patient, name string) *http.Request {
	v := seen(r)
	v.actor.ViewAs, v.mirror = patient, name
	return r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
}

// mirrored is the name of the patient whose portal the page shows to somebody
// of the staff; empty: nobody's.
func (v View) mirrored() string { return seen(v.Req).mirror }
