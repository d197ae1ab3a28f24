package portal

import (
	"context"
	"net/http"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
)

// Mirror is what the portal needs of package mirror.
type Mirror interface {
	Of(ctx context.Context, a access.Actor) (patient string, err error)
}

// The refusals, for staff.
var (
	errNoMirror = errs.New(errs.NotFound, "There is no page at this address. To see what a patient sees, begin at their page at the desk.")
	errLookOnly = errs.New(errs.Forbidden, "You see this page as the patient sees it. Nothing can be changed here. Stop looking first, and do it at the desk.")
)

// asSeen lets staff open a patient's pages only while they look at them as the
// patient sees them, which begins and ends at the desk, and lets them change
// nothing.
func (p *Portal) asSeen(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		a, patient := web.Actor(r), r.PathValue("patient")
		if a.Kind != access.Staff || patient == "" || p.Mirror == nil {
			return h(w, r)
		}
		of, err := p.Mirror.Of(r.Context(), a)
		switch {
		case err != nil:
			return err
		case of != patient:
			return errNoMirror
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			return errLookOnly
		}
		pass, err := p.Doors.Check(r.Context(), a, access.ReadRecord, patient)
		if err != nil {
			return err
		}
		who, err := p.People.Get(r.Context(), pass)
		if err != nil {
			return err
		}
		return h(w, web.AsPatient(r, patient, who.Full))
	}
}
