package pickup

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/face/wishes"
	"hale/internal/reach/choice"
	"hale/internal/reach/link"
)

// choices is what the pages of links need of package choice.
type choices interface {
	Of(ctx context.Context, pass access.Pass, signedIn bool) (choice.Choices, error)
	Save(ctx context.Context, read, edit access.Pass, c choice.Choices, signedIn bool, method, evidence string) error
	SaveLess(ctx context.Context, read, edit access.Pass, c choice.Choices, method, evidence string) (left bool, err error)
}

// wishRoutes are the pages on which people choose what they want, by the
// link in each message. GET shows the same to everybody; what holds is shown
// after a POST, and never names what the law protects more.
func (p *Pickup) wishRoutes(get, post func(string, handler)) {
	get("/w/{token}", p.wishes)
	post("/w/{token}", p.showWishes)
	post("/w/{token}/save", p.saveWishes)
	get("/w/{token}/saved", p.savedWishes)
}

func (p *Pickup) wishes(w http.ResponseWriter, r *http.Request) error {
	return p.Site.Render(w, r, http.StatusOK, wishesPage(p.view(r, "Choose how we write to you"), r.PathValue("token")))
}

// wisher returns passes to read and to change what the patient of the
// request's link chose.
func (p *Pickup) wisher(r *http.Request) (o link.Opened, read, edit access.Pass, err error) {
	if o, err = p.Links.Whose(r.Context(), r.PathValue("token")); err != nil {
		return o, read, edit, err
	}
	if read, err = p.act(r, o, access.ReadContacts, access.ReadContacts); err != nil {
		return o, read, edit, err
	}
	edit, err = p.act(r, o, access.EditContacts, access.EditContacts)
	return o, read, edit, err
}

func (p *Pickup) showWishes(w http.ResponseWriter, r *http.Request) error {
	r, _ = p.Site.Speak(w, r)
	_, read, _, err := p.wisher(r)
	if errors.Is(err, link.ErrGone) {
		return p.noWishes(w, r)
	}
	if err != nil {
		return err
	}
	c, err := p.Choices.Of(r.Context(), read, false)
	if err != nil {
		return err
	}
	token := r.PathValue("token")
	return p.Site.Render(w, r, http.StatusOK, wishFormPage(p.view(r, "Your choices"), token, wishes.Data{Choices: c, Action: "/w/" + token + "/save"}))
}

// noWishes answers a link that is not there.
func (p *Pickup) noWishes(w http.ResponseWriter, r *http.Request) error {
	p.limits.miss(p.Site.Remote(r))
	return p.Site.Render(w, r, http.StatusOK, noWishesPage(p.view(r, "This link does not work any more"), r.PathValue("token")))
}

func (p *Pickup) saveWishes(w http.ResponseWriter, r *http.Request) error {
	r, _ = p.Site.Speak(w, r)
	c, err := wishes.Parse(r)
	if err != nil {
		return errForm.Because(err)
	}
	o, read, edit, err := p.wisher(r)
	if errors.Is(err, link.ErrGone) {
		return p.noWishes(w, r)
	}
	if err != nil {
		return err
	}
	// What takes something away counts at once; what gives something back only
	// from the person: a mail with the link in it gets forwarded.
	evidence := "choices page of message " + o.Message
	left, err := p.Choices.SaveLess(r.Context(), read, edit, c, "link", evidence)
	if err != nil {
		return err
	}
	if left {
		by, ok, err := p.self(w, r)
		if err != nil || !ok {
			return err
		}
		if err := p.Choices.Save(r.Context(), read, edit, c, false, "link", evidence+", "+by); err != nil {
			return err
		}
	}
	http.Redirect(w, r, "/w/"+r.PathValue("token")+"/saved", http.StatusSeeOther)
	return nil
}

// wishProof asks whoever wants more again who they are, and carries what they
// chose.
type wishProof struct {
	gateView
	Action string
	Fields []web.Hidden
	Shut   bool // a date of birth does not do: they sign in, or call
}

// self says whether whoever chose is the person of the link, and how that is
// known. Where it is not, it asks.
func (p *Pickup) self(w http.ResponseWriter, r *http.Request) (by string, ok bool, err error) {
	token, device := r.PathValue("token"), p.Site.Cookie(r, deviceCookie)
	g := gateView{View: p.view(r, "Please show that it is you"), Token: token}
	born, by := "", "by a browser that proved it"
	if r.PostForm.Has("y") {
		g.Typed = typed{r.PostForm.Get("m"), r.PostForm.Get("d"), r.PostForm.Get("y")}
		if born, g.Wrong = parseBorn(g.Typed, p.Site.Now()); g.Wrong != nil {
			return "", false, p.askSelf(w, r, http.StatusUnprocessableEntity, g, nil)
		}
		by = "by date of birth"
	}
	o, err := p.Links.Self(r.Context(), token, born, device)
	if o.Died {
		if err := p.locked(r, o); err != nil {
			return "", false, err
		}
	}
	switch {
	case err == nil:
		return by, true, nil
	case errors.Is(err, link.ErrAsk):
		return "", false, p.askSelf(w, r, http.StatusOK, g, nil)
	}
	switch errs.KindOf(err) {
	case errs.Invalid, errs.NotFound, errs.TooMany, errs.Forbidden:
	default:
		return "", false, err
	}
	if born != "" {
		p.limits.miss(p.Site.Remote(r))
		if err := p.denied(r); err != nil {
			return "", false, err
		}
	}
	return "", false, p.askSelf(w, r, http.StatusUnprocessableEntity, g, err)
}

// askSelf asks for the date of birth, or says that it does not do.
func (p *Pickup) askSelf(w http.ResponseWriter, r *http.Request, status int, g gateView, refusal error) error {
	v := wishProof{gateView: g, Action: "/w/" + g.Token + "/save"}
	switch {
	case errors.Is(refusal, link.ErrSignIn), errors.Is(refusal, link.ErrGone):
		v.Shut = true
	case errors.Is(refusal, link.ErrLocked):
		v.Refused = errs.Say(refusal)
	case refusal != nil:
		v.Wrong = &wrongBox{"all", errs.Say(refusal)}
	}
	for _, name := range slices.Sorted(maps.Keys(r.PostForm)) {
		if name == "m" || name == "d" || name == "y" || web.Spoken(name) {
			continue
		}
		for _, value := range r.PostForm[name] {
			v.Fields = append(v.Fields, web.Hidden{Name: name, Value: value})
		}
	}
	return p.Site.Render(w, r, status, wishProofPage(v))
}

func (p *Pickup) savedWishes(w http.ResponseWriter, r *http.Request) error {
	return p.Site.Render(w, r, http.StatusOK, savedWishesPage(p.view(r, "Your choices are saved"), r.PathValue("token")))
}
