package portal

import (
	"net/http"

	"hale/internal/base/errs"
	"hale/internal/face/web"
)

// help is for those who cannot get in.
func (s *SignIn) help(w http.ResponseWriter, r *http.Request) error {
	return s.Site.Render(w, r, http.StatusOK, helpPage(s.Site.View(r, web.Lang(r).T("Can’t get in?"), "")))
}

// askPassword is the page for those who made a password.
func (s *SignIn) askPassword(w http.ResponseWriter, r *http.Request) error {
	return s.showPassword(w, r, http.StatusOK, web.Local(r.URL.Query().Get("next"), ""), "", "")
}

func (s *SignIn) showPassword(w http.ResponseWriter, r *http.Request, status int, next, typed, problem string) error {
	v := s.Site.View(r, web.Lang(r).T("Sign in with a password"), "")
	return s.Site.Render(w, r, status, passwordPage(v, next, typed, problem))
}

func (s *SignIn) password(w http.ResponseWriter, r *http.Request) error {
	next, to := web.Local(r.PostFormValue("next"), ""), r.PostFormValue("to")
	e, err := s.Accounts.Password(s.from(r), s.browser(w, r), to, r.PostFormValue("password"))
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showPassword(w, r, statusOf(kind), next, to, errs.Say(err))
	}
	if err != nil {
		return err
	}
	return s.enter(w, r, e, next)
}

// askSheet is the page for the words of a printed sheet.
func (s *SignIn) askSheet(w http.ResponseWriter, r *http.Request) error {
	return s.showSheet(w, r, http.StatusOK, "")
}

func (s *SignIn) showSheet(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	v := s.Site.View(r, web.Lang(r).T("Use your recovery sheet"), "")
	return s.Site.Render(w, r, status, sheetPage(v, problem))
}

func (s *SignIn) sheet(w http.ResponseWriter, r *http.Request) error {
	s.whose(w, r)
	e, err := s.Accounts.Sheet(s.from(r), r.PostFormValue("words"))
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showSheet(w, r, statusOf(kind), errs.Say(err))
	}
	if err != nil {
		return err
	}
	return s.enter(w, r, e, "")
}

// askAssisted is the page for a code that staff made in person.
func (s *SignIn) askAssisted(w http.ResponseWriter, r *http.Request) error {
	return s.showAssisted(w, r, http.StatusOK, "")
}

func (s *SignIn) showAssisted(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	v := s.Site.View(r, web.Lang(r).T("Use the code from our staff"), "")
	return s.Site.Render(w, r, status, assistedPage(v, problem))
}

func (s *SignIn) assisted(w http.ResponseWriter, r *http.Request) error {
	s.whose(w, r)
	e, err := s.Accounts.Assisted(s.from(r), r.PostFormValue("code"))
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showAssisted(w, r, statusOf(kind), errs.Say(err))
	}
	if err != nil {
		return err
	}
	return s.enter(w, r, e, "")
}

// invited greets whoever opens an invitation; opening it uses nothing up.
func (s *SignIn) invited(w http.ResponseWriter, r *http.Request) error {
	name, err := s.Accounts.InvitedName(s.from(r), r.PathValue("token"))
	if err != nil {
		return err
	}
	v := s.Site.View(r, web.Lang(r).T("Welcome"), "")
	return s.Site.Render(w, r, http.StatusOK, invitePage(v, name, r.PathValue("token")))
}

func (s *SignIn) takeInvite(w http.ResponseWriter, r *http.Request) error {
	s.whose(w, r)
	e, err := s.Accounts.Invited(s.from(r), r.PathValue("token"))
	if err != nil {
		return err
	}
	return s.enter(w, r, e, "")
}

// askCancel asks before a notice's link takes something back.
func (s *SignIn) askCancel(w http.ResponseWriter, r *http.Request) error {
	c, err := s.Accounts.CancelOf(s.from(r), r.PathValue("token"))
	if err != nil {
		return err
	}
	l := web.Lang(r)
	what := l.T("Somebody signed in to your account on a new device, or added a way to sign in.")
	switch c.Kind {
	case "recovery":
		what = l.T("Somebody used a recovery sheet or a code from our desk to get into your account.")
	case "move":
		what = l.T("Somebody asked to change the phone number or email of your account.")
	}
	return s.Site.Render(w, r, http.StatusOK, notMePage(s.Site.View(r, l.T("Was this not you?"), ""), what, r.PathValue("token")))
}

func (s *SignIn) cancel(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.Accounts.Cancel(s.from(r), r.PathValue("token")); err != nil {
		return err
	}
	http.Redirect(w, r, "/signin/cancelled", http.StatusSeeOther)
	return nil
}

func (s *SignIn) cancelled(w http.ResponseWriter, r *http.Request) error {
	return s.Site.Render(w, r, http.StatusOK, cancelledPage(s.Site.View(r, web.Lang(r).T("Done. It is taken back"), "")))
}

// askStaff is where the clinic's own people sign in.
func (s *SignIn) askStaff(w http.ResponseWriter, r *http.Request) error {
	v := s.Site.View(r, web.Lang(r).T("Staff sign-in"), "")
	d := staffView{next: web.Local(r.URL.Query().Get("next"), ""), passkeys: s.Passkeys != nil, shared: s.Site.Cookie(r, ownCookie) == "shared"}
	if s.SSO != nil {
		d.providers = s.SSO.Providers()
	}
	return s.Site.Render(w, r, http.StatusOK, staffPage(v, d))
}

// ssoCookie holds a single sign-on under way.
const ssoCookie = "hale-sso"

// startSSO leads to the provider. It is a POST: nobody is signed in by a
// link.
func (s *SignIn) startSSO(w http.ResponseWriter, r *http.Request) error {
	if s.SSO == nil {
		return errNoPage
	}
	s.whose(w, r)
	to, token, err := s.SSO.Begin(s.from(r), r.PathValue("provider"), web.Local(r.PostFormValue("next"), ""), web.Actor(r).ID != "")
	if err != nil {
		return err
	}
	s.Site.SetCookie(w, ssoCookie, token, 10*60)
	name := r.PathValue("provider")
	for _, p := range s.SSO.Providers() {
		if p.ID == name {
			name = p.Name
		}
	}
	// A form may lead to this site alone, so the page leads on.
	w.Header().Set("Refresh", "0; url="+to)
	return s.Site.Render(w, r, http.StatusOK, awayPage(s.Site.View(r, web.Lang(r).T("Going to %s", name), ""), name, to))
}

// finishSSO takes the provider's answer.
func (s *SignIn) finishSSO(w http.ResponseWriter, r *http.Request) error {
	if s.SSO == nil {
		return errNoPage
	}
	e, next, err := s.SSO.Finish(s.from(r), r.PathValue("provider"), s.Site.Cookie(r, ssoCookie), r.URL.Query())
	s.Site.SetCookie(w, ssoCookie, "", 0)
	if err != nil {
		return err
	}
	return s.enter(w, r, e, web.Local(next, ""))
}
