package portal

import (
	"context"
	"errors"
	"net/http"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/face/web"
)

// ask is the sign-in page. A session that only rested too long is opened
// again instead, unless somebody else wants to sign in.
func (s *SignIn) ask(w http.ResponseWriter, r *http.Request) error {
	next := web.Local(r.URL.Query().Get("next"), "")
	if a := web.Actor(r); a.ID != "" {
		to := home(a, next)
		if web.Session(r).Zone == access.NoZone {
			to = web.AgainPage + query(next)
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
	if web.Locked(r).ID != "" && r.URL.Query().Get("as") != "other" {
		http.Redirect(w, r, web.AgainPage+query(next), http.StatusSeeOther)
		return nil
	}
	return s.showAsk(w, r, http.StatusOK, next, "", "")
}

func (s *SignIn) showAsk(w http.ResponseWriter, r *http.Request, status int, next, typed, problem string) error {
	v := s.Site.View(r, web.Lang(r).T("Sign in"), "")
	return s.Site.Render(w, r, status, signInPage(v, signInView{
		next: next, typed: typed, problem: problem, passkeys: s.Passkeys != nil, demo: s.Demo,
	}))
}

// start sends a code to the address if somebody is there, and answers the
// same if nobody is. The sending has its own time, so that it does not show.
func (s *SignIn) start(w http.ResponseWriter, r *http.Request) error {
	next, to := web.Local(r.PostFormValue("next"), ""), r.PostFormValue("to")
	challenge, send, err := s.Accounts.StartCode(s.from(r), to)
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showAsk(w, r, statusOf(kind), next, to, errs.Say(err))
	}
	if err != nil {
		return err
	}
	s.send(r, send)
	s.Site.SetCookie(w, challengeCookie, challenge, int((2 * account.CodeLife).Seconds()))
	http.Redirect(w, r, "/signin/code"+query(next), http.StatusSeeOther)
	return nil
}

// send hands a code over beside the request.
func (s *SignIn) send(r *http.Request, d *account.Delivery) {
	if d == nil {
		return
	}
	if d.Lang == "" {
		d.Lang = web.Lang(r).Tag()
	}
	ctx := context.WithoutCancel(r.Context())
	s.sending.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		if err := s.Codes.SendCode(ctx, *d); err != nil {
			s.Log.Error("code not sent", "request", web.RequestID(r), "channel", d.Channel, "err", err)
		}
	})
}

// askCode is the page for the code.
func (s *SignIn) askCode(w http.ResponseWriter, r *http.Request) error {
	sent := ""
	switch r.URL.Query().Get("sent") {
	case "again":
		sent = web.Lang(r).T("We sent a new code. The one before still works too.")
	case "other":
		sent = web.Lang(r).T("If we know another way to reach you, a code is on its way there. The one before still works too.")
	}
	return s.showCode(w, r, http.StatusOK, web.Local(r.URL.Query().Get("next"), ""), "", sent)
}

func (s *SignIn) showCode(w http.ResponseWriter, r *http.Request, status int, next, problem, sent string) error {
	kind, masked, err := s.Accounts.Masked(r.Context(), s.Site.Cookie(r, challengeCookie))
	if err != nil { // it ran out, or never was
		http.Redirect(w, r, "/signin"+query(next), http.StatusSeeOther)
		return nil
	}
	v := s.Site.View(r, web.Lang(r).T("Enter your code"), "")
	return s.Site.Render(w, r, status, codePage(v, codeView{
		next: next, kind: kind, masked: masked, problem: problem, sent: sent, demo: len(s.Demo) > 0,
	}))
}

// sendAgain sends one more code, to the same place or to another that we
// know; the answer is the same whether we know one.
func (s *SignIn) sendAgain(w http.ResponseWriter, r *http.Request) error {
	next, sent := web.Local(r.PostFormValue("next"), ""), "again"
	resend := s.Accounts.SendAgain
	if r.PostFormValue("way") == "other" {
		resend, sent = s.Accounts.SendOther, "other"
	}
	send, err := resend(s.from(r), s.Site.Cookie(r, challengeCookie))
	switch errs.KindOf(err) {
	case errs.TooMany:
		return s.showCode(w, r, http.StatusTooManyRequests, next, errs.Say(err), "")
	case errs.Invalid:
		http.Redirect(w, r, "/signin"+query(next), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	s.send(r, send)
	http.Redirect(w, r, "/signin/code"+query(next, "sent", sent), http.StatusSeeOther)
	return nil
}

// finishCode takes the code.
func (s *SignIn) finishCode(w http.ResponseWriter, r *http.Request) error {
	next := web.Local(r.PostFormValue("next"), "")
	s.whose(w, r)
	e, err := s.Accounts.FinishCode(s.from(r), s.Site.Cookie(r, challengeCookie), r.PostFormValue("code"))
	if errors.Is(err, account.ErrBorn) {
		http.Redirect(w, r, "/signin/born"+query(next), http.StatusSeeOther)
		return nil
	}
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showCode(w, r, statusOf(kind), next, errs.Say(err), "")
	}
	if err != nil {
		return err
	}
	return s.enter(w, r, e, next)
}

// askBorn is the page for the date of birth.
func (s *SignIn) askBorn(w http.ResponseWriter, r *http.Request) error {
	return s.showBorn(w, r, http.StatusOK, web.Local(r.URL.Query().Get("next"), ""), "")
}

func (s *SignIn) showBorn(w http.ResponseWriter, r *http.Request, status int, next, problem string) error {
	others, err := s.Accounts.Others(r.Context(), s.Site.Cookie(r, challengeCookie))
	if errs.KindOf(err) == errs.Invalid {
		http.Redirect(w, r, "/signin"+query(next), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	v := s.Site.View(r, web.Lang(r).T("Your date of birth"), "")
	return s.Site.Render(w, r, status, bornPage(v, next, problem, others))
}

// finishBorn takes the date of birth.
func (s *SignIn) finishBorn(w http.ResponseWriter, r *http.Request) error {
	next := web.Local(r.PostFormValue("next"), "")
	date, ok := web.Born(r.PostForm)
	if !ok {
		return s.showBorn(w, r, http.StatusUnprocessableEntity, next, "Please enter the month, day and year as numbers.")
	}
	e, err := s.Accounts.FinishBorn(s.from(r), s.Site.Cookie(r, challengeCookie), date)
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showBorn(w, r, statusOf(kind), next, errs.Say(err))
	}
	if err != nil {
		return err
	}
	return s.enter(w, r, e, next)
}

// finishAs signs in as a caregiver or staff among several at one address.
func (s *SignIn) finishAs(w http.ResponseWriter, r *http.Request) error {
	e, err := s.Accounts.FinishAs(s.from(r), s.Site.Cookie(r, challengeCookie), r.PostFormValue("account"))
	if err != nil {
		return err
	}
	return s.enter(w, r, e, web.Local(r.PostFormValue("next"), ""))
}
