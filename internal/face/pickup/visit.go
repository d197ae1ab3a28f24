package pickup

import (
	"context"
	"net/http"
	"slices"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/visit"
	"hale/internal/reach/link"
)

// meant finds the visit that a reminder is about.
type meant interface {
	Meant(ctx context.Context, pass access.Pass, message string, list []visit.Visit) (visit.Visit, bool, error)
}

// changes is what changes a visit from behind a link.
type changes interface {
	Get(ctx context.Context, pass access.Pass, id string) (visit.Visit, error)
	Upcoming(ctx context.Context, pass access.Pass, n int) ([]visit.Visit, error)
	Move(ctx context.Context, pass access.Pass, id, slot string, how visit.How) (visit.Visit, error)
	Cancel(ctx context.Context, pass access.Pass, id string) error
	About(ctx context.Context, pass access.Pass, message string) (visit.Notice, error)
	Offer(ctx context.Context, pass access.Pass, id string) (visit.Offer, error)
	Take(ctx context.Context, pass access.Pass, id string, how visit.How) (visit.Visit, error)
	Decline(ctx context.Context, pass access.Pass, id string) error
}

func (p *Pickup) visitRoutes(get, post func(path string, h handler)) {
	get("/m/{token}/move", p.moveAsk)
	post("/m/{token}/move", p.move)
	get("/m/{token}/cancel", p.cancelAsk)
	post("/m/{token}/cancel", p.cancel)
	post("/m/{token}/take", p.take)
	post("/m/{token}/decline", p.decline)
}

// told returns the visit that a message of the clinic is about, and what is
// offered in it, if that is still open.
func (p *Pickup) told(r *http.Request, o link.Opened, pass access.Pass) (v visit.Visit, offer visit.Offer, err error) {
	n, err := p.Visits.About(r.Context(), pass, o.Message)
	if err != nil {
		return v, offer, err
	}
	if n.Visit == "" {
		v, err = p.reminded(r, o)
		return v, offer, err
	}
	if v, err = p.Visits.Get(r.Context(), pass, n.Visit); err != nil || n.Offer == "" {
		return v, offer, err
	}
	offer, err = p.Visits.Offer(r.Context(), pass, n.Offer)
	return v, offer, err
}

// reminded returns the visit that a reminder is about, where that is certain.
func (p *Pickup) reminded(r *http.Request, o link.Opened) (visit.Visit, error) {
	if p.Meant == nil {
		return visit.Visit{}, nil
	}
	pass, err := p.act(r, o, access.ReadMessage, inside...)
	if err != nil {
		return visit.Visit{}, err
	}
	look, err := p.act(r, o, access.ReadVisits, append(slices.Clone(inside), access.ReadVisits)...)
	if err != nil {
		return visit.Visit{}, err
	}
	list, err := p.Visits.Upcoming(r.Context(), look, 5)
	if err != nil || len(list) == 0 {
		return visit.Visit{}, err
	}
	v, ok, err := p.Meant.Meant(r.Context(), pass, o.Message, list)
	if err != nil || !ok {
		return visit.Visit{}, err
	}
	return v, nil
}

// changing opens a page that changes the visit of a link. It goes back to the
// message where there is none, or it can be changed no more.
func (p *Pickup) changing(r *http.Request, title string) (v pageView, o link.Opened, pass access.Pass, ok bool, err error) {
	if v, o, err = p.page(r, title); err != nil {
		return v, o, pass, false, err
	}
	if pass, err = p.act(r, o, access.BookVisits, inside...); err != nil {
		return v, o, pass, false, err
	}
	v.Visit, err = p.visitOf(r, o)
	return v, o, pass, v.changeable(p.Now()), err
}

// moveAsk offers other times for the visit: each is one tap.
func (p *Pickup) moveAsk(w http.ResponseWriter, r *http.Request) error {
	v, _, _, ok, err := p.changing(r, "Choose a new time")
	if err != nil {
		return toGate(w, r, err)
	}
	if !ok {
		return see(w, r, "message")
	}
	free, err := p.free(r, v.Visit.Service, p.earliest())
	if err != nil {
		return err
	}
	v.Days = byDay(free, v.Zone)
	v.Days = v.Days[:min(len(v.Days), 3*daysShown)]
	v.Taken = r.URL.Query().Get("note") == "taken"
	return p.Site.Render(w, r, http.StatusOK, movePage(v))
}

// move takes the new time; the old one is given up with it or not at all.
func (p *Pickup) move(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	v, o, pass, ok, err := p.changing(r, "Choose a new time")
	if err != nil {
		return toGate(w, r, err)
	}
	if !ok {
		return see(w, r, "message")
	}
	_, err = p.Visits.Move(r.Context(), pass, v.Visit.ID, r.PostForm.Get("slot"), visit.How{Via: "link", Ref: o.Message})
	if errs.KindOf(err) == errs.Conflict {
		return see(w, r, "move?note=taken")
	}
	if err != nil {
		return err
	}
	return see(w, r, "booked?note=moved")
}

// cancelAsk asks once before a visit is given up.
func (p *Pickup) cancelAsk(w http.ResponseWriter, r *http.Request) error {
	v, _, _, ok, err := p.changing(r, "Cancel this visit?")
	if err != nil {
		return toGate(w, r, err)
	}
	if !ok {
		return see(w, r, "message")
	}
	return p.Site.Render(w, r, http.StatusOK, cancelPage(v))
}

// cancel gives up the visit.
func (p *Pickup) cancel(w http.ResponseWriter, r *http.Request) error {
	v, _, pass, ok, err := p.changing(r, "Cancel this visit?")
	if err != nil {
		return toGate(w, r, err)
	}
	if !ok {
		return see(w, r, "message")
	}
	if err := p.Visits.Cancel(r.Context(), pass, v.Visit.ID); err != nil {
		return err
	}
	return see(w, r, "thanks/cancel")
}

// take takes the earlier time that was offered.
func (p *Pickup) take(w http.ResponseWriter, r *http.Request) error {
	return p.answerOffer(w, r, func(pass access.Pass, o link.Opened, offer string) (string, error) {
		_, err := p.Visits.Take(r.Context(), pass, offer, visit.How{Via: "link", Ref: o.Message})
		return "booked?note=moved", err
	})
}

// decline gives it to the next.
func (p *Pickup) decline(w http.ResponseWriter, r *http.Request) error {
	return p.answerOffer(w, r, func(pass access.Pass, _ link.Opened, offer string) (string, error) {
		return "booked?note=kept", p.Visits.Decline(r.Context(), pass, offer)
	})
}

func (p *Pickup) answerOffer(w http.ResponseWriter, r *http.Request, do func(pass access.Pass, o link.Opened, offer string) (string, error)) error {
	_, o, err := p.page(r, "Your visit")
	if err != nil {
		return toGate(w, r, err)
	}
	pass, err := p.act(r, o, access.BookVisits, inside...)
	if err != nil {
		return err
	}
	n, err := p.Visits.About(r.Context(), pass, o.Message)
	if err != nil {
		return err
	}
	if n.Offer == "" {
		return see(w, r, "message")
	}
	next, err := do(pass, o, n.Offer)
	if kind := errs.KindOf(err); kind == errs.Conflict || kind == errs.NotFound {
		return see(w, r, "booked?note=late")
	}
	if err != nil {
		return err
	}
	if err := p.markInside(r, o, "acted", map[string]string{"visit": n.Visit}); err != nil {
		return err
	}
	return see(w, r, next)
}
