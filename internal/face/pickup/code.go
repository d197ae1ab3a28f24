package pickup

import (
	"errors"
	"net/http"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/reach/link"
)

// codeView is the page that asks for a code. It is the same whether or not
// there is a link, and whether or not a code was sent.
type codeView struct {
	web.View
	Token string
	Wrong string // what was wrong with the last one
}

// askCode asks for the code.
func (p *Pickup) askCode(w http.ResponseWriter, r *http.Request) error {
	return p.Site.Render(w, r, http.StatusOK, codePage(codeView{View: p.view(r, "Type your code"), Token: r.PathValue("token")}))
}

// sendCode sends a code to another number or address of the patient. The
// answer is the same whether or not there is one.
func (p *Pickup) sendCode(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	o, err := p.Links.Waiting(r.Context(), token, p.Site.Cookie(r, sessionCookie))
	if errors.Is(err, link.ErrGone) {
		o, err = p.Links.Whose(r.Context(), token)
	}
	switch {
	case errors.Is(err, link.ErrGone):
		p.limits.miss(p.Site.Remote(r))
		return see(w, r, "code")
	case err != nil:
		return err
	}
	if err := p.code(r, o, o.Waits); err != nil {
		return err
	}
	return see(w, r, "code")
}

// code sends a code for o; knows says that the date of birth was right.
func (p *Pickup) code(r *http.Request, o link.Opened, knows bool) error {
	pass, err := p.act(r, o, access.EditContacts, access.EditContacts)
	if err != nil {
		return err
	}
	return p.Reach.SendCode(r.Context(), pass, o.Link, o.Message, knows)
}

var errDigits = errs.New(errs.Invalid, "The code has six numbers. Please type all of them.")

// enterCode opens the link for who has the code.
func (p *Pickup) enterCode(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	token := r.PathValue("token")
	v := codeView{View: p.view(r, "Type your code"), Token: token}
	code := digits(r.PostForm.Get("code"))
	if len(code) != 6 {
		v.Wrong = errs.Say(errDigits)
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, codePage(v))
	}
	o, err := p.Links.Enter(r.Context(), token, code, p.Site.Cookie(r, sessionCookie), p.Site.Cookie(r, deviceCookie))
	switch {
	case err == nil:
		return p.letIn(w, r, o)
	case errors.Is(err, link.ErrCode), errors.Is(err, link.ErrNoCode):
		p.limits.miss(p.Site.Remote(r))
		if err := p.denied(r); err != nil {
			return err
		}
		v.Wrong = errs.Say(err)
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, codePage(v))
	}
	return p.refuse(w, r, gateView{View: p.view(r, "A message for you"), Token: token}, err)
}

// digits returns the numbers of what was typed, however they were set apart.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
