package portal

import (
	"net/http"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
)

// joinCookie keeps that a browser gave the code of an invitation.
const joinCookie = "hale-join"

// joinLife is how long it keeps that, in seconds.
const joinLife = 3600

func (p *Portal) joinView(r *http.Request, title string) sheet {
	return sheet{View: p.Site.View(r, web.Lang(r).T(title), ""), Zone: p.Site.Clinic.Zone}
}

// joinAsk is the page behind an invitation's link. It says nothing about
// anybody.
func (p *Portal) joinAsk(w http.ResponseWriter, r *http.Request) error {
	if err := p.Helpers.Asked(r.Context(), r.PathValue("token")); err != nil {
		return err
	}
	return p.render(w, r, joinPage(p.joinView(r, "Somebody asks you to help"), r.PathValue("token"), ""))
}

// joinCode takes the code that the person who asked has told.
func (p *Portal) joinCode(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	device, err := p.Helpers.Prove(r.Context(), token, r.PostFormValue("code"))
	if errs.KindOf(err) == errs.Invalid {
		s := p.joinView(r, "Somebody asks you to help")
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, joinPage(s, token, s.T(errs.Say(err))))
	}
	if err != nil {
		return err
	}
	p.Site.SetCookie(w, joinCookie, device, joinLife)
	http.Redirect(w, r, "/join/"+token+"/offer", http.StatusSeeOther)
	return nil
}

// joinOffer shows who asks and for what, to whoever gave the code.
func (p *Portal) joinOffer(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	by := web.Actor(r)
	by.Request = web.RequestID(r)
	offer, err := p.Helpers.Offered(r.Context(), token, p.Site.Cookie(r, joinCookie), by)
	if errs.KindOf(err) == errs.Invalid {
		http.Redirect(w, r, "/join/"+token, http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	return p.render(w, r, helpOfferPage(p.joinView(r, "Somebody asks you to help"), token, offer))
}

// joinYes says yes. Who is not signed in does that first, and comes back.
func (p *Portal) joinYes(w http.ResponseWriter, r *http.Request) error {
	token, a := r.PathValue("token"), web.Actor(r)
	if a.ID == "" {
		http.Redirect(w, r, "/signin?next=/join/"+token+"/offer", http.StatusSeeOther)
		return nil
	}
	h, err := p.Helpers.Join(r.Context(), token, p.Site.Cookie(r, joinCookie), a)
	if err != nil {
		return err
	}
	p.Site.SetCookie(w, joinCookie, "", 0)
	if h.State == "joined" {
		http.Redirect(w, r, "/for?done=waiting", http.StatusSeeOther)
		return nil
	}
	http.Redirect(w, r, "/for?done=joined", http.StatusSeeOther)
	return nil
}

func (p *Portal) joinNo(w http.ResponseWriter, r *http.Request) error {
	if err := p.Helpers.Refuse(r.Context(), r.PathValue("token"), p.Site.Cookie(r, joinCookie)); err != nil {
		return err
	}
	p.Site.SetCookie(w, joinCookie, "", 0)
	return p.render(w, r, refusedPage(p.joinView(r, "You said no")))
}

// shared shows h for what a helper may see, and else a page that says that
// it was not shared. An empty category is what no category holds.
func (p *Portal) shared(c access.Category, right access.Right, h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		a, patient := web.Actor(r), web.Subject(r)
		v := p.Site.View(r, web.Lang(r).T("Not shared with you"), "")
		if v.For == "" || (c == "" || a.Sees(c, patient)) && a.May(right, patient) {
			return h(w, r)
		}
		if err := p.Doors.Refuse(r.Context(), a, right, patient); errs.KindOf(err) != errs.NotFound {
			return err // it could not be noted
		}
		return p.Site.Render(w, r, http.StatusNotFound, notSharedPage(sheet{View: v, Zone: p.Site.Clinic.Zone}))
	}
}

// sees says whether the reader sees a category of the page's patient.
func (s sheet) sees(c access.Category) bool { return s.Actor.Sees(c, s.Patient) }
