package portal

import (
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/face/web"
)

// askAgain asks somebody who is signed in for one more proof: because a
// factor is missing, because the session rested too long, or because what
// comes next is sensitive.
func (s *SignIn) askAgain(w http.ResponseWriter, r *http.Request) error {
	return s.showAgain(w, r, http.StatusOK, web.Local(r.URL.Query().Get("next"), ""), "")
}

func (s *SignIn) showAgain(w http.ResponseWriter, r *http.Request, status int, next, problem string) error {
	in, err := again(r)
	if err != nil {
		http.Redirect(w, r, "/signin"+query(next), http.StatusSeeOther)
		return nil
	}
	d := proofView{next: next, problem: problem, action: web.AgainPage, signedOut: in.Zone == access.NoZone || web.Actor(r).ID == ""}
	if err := s.factors(r, in, &d); err != nil {
		return err
	}
	if d.takes(account.CodeFactor) {
		if _, masked, err := s.Accounts.Masked(r.Context(), s.Site.Cookie(r, secondCookie)); err == nil {
			d.sent = masked
		}
	}
	if s.SSO != nil && in.Kind == access.Staff {
		d.providers = s.SSO.Providers()
	}
	var title string
	title, d.why = reason(web.Lang(r), in, web.Actor(r).ID == "", s.aim(r, in, next))
	return s.Site.Render(w, r, status, proofPage(s.Site.View(r, title, ""), d))
}

// aim is where somebody wants to go: what a form that waits was sent to, else
// next.
func (s *SignIn) aim(r *http.Request, in account.Session, next string) string {
	if next != web.KeptPage || s.Drafts == nil {
		return next
	}
	d, err := s.Drafts.Get(r.Context(), in.Account, s.Site.DraftToken(r))
	if err != nil {
		return next // only a sentence depends on it
	}
	return d.Action
}

// factors fills in what the session's owner can prove it with.
func (s *SignIn) factors(r *http.Request, in account.Session, d *proofView) error {
	if in.Zone == access.NoZone {
		needs, err := s.Accounts.Needs(r.Context(), in)
		d.give, d.enrol, d.skip = needs.Give, needs.Enrol, needs.Skip
		if s.Passkeys == nil {
			is := func(f account.Factor) bool { return f == account.PasskeyFactor }
			d.give, d.enrol = slices.DeleteFunc(d.give, is), slices.DeleteFunc(d.enrol, is)
		}
		return err
	}
	has, err := s.Accounts.Security(r.Context(), in.Account)
	if err != nil {
		return err
	}
	if len(has.Passkeys) > 0 && s.Passkeys != nil {
		d.give = append(d.give, account.PasskeyFactor)
	}
	if has.Password {
		d.give = append(d.give, account.PasswordFactor)
	}
	if has.TOTP {
		d.give = append(d.give, account.TOTPFactor)
	}
	if in.Zone < access.PortalZone {
		a, err := s.Accounts.Get(r.Context(), in.Account)
		if err != nil {
			return err
		}
		if a.Email != "" && a.Phone != "" {
			d.give = append(d.give, account.CodeFactor)
		}
		if len(has.Passkeys) == 0 && s.Passkeys != nil { // it opens the portal when the hold is over
			d.enrol = append(d.enrol, account.PasskeyFactor)
		}
		d.waits = true
	}
	return nil
}

// reason says in one sentence why we ask.
func reason(l lang.Lang, in account.Session, locked bool, next string) (title, why string) {
	switch {
	case locked:
		return l.T("Welcome back"), l.T("You were away for a while. Show us that it is you, and go on where you were.")
	case in.Zone == access.NoZone:
		return l.T("One more step"), l.T("To protect the records here, signing in takes a second proof that it is you.")
	case in.Zone < access.PortalZone:
		return l.T("One more step"), l.T("We do not know this phone or computer yet, and a code alone can be read by others. Please prove in one more way that it is you.")
	}
	title = l.T("Is it still you?")
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(next, w) })
	}
	switch {
	case has("/settings"):
		return title, l.T("We ask because you want to change how you sign in or where we reach you.")
	case has("/people", "/for"):
		return title, l.T("We ask because this decides who else can see a record.")
	case has("/download", "/export", "/share", "/transmit"):
		return title, l.T("We ask because this takes a copy of a record out of here.")
	case has("/desk"):
		return title, l.T("We ask because this is among the things at the desk that need a fresh proof.")
	}
	return title, l.T("We ask because this part of a record is especially private.")
}

// prove takes a proof that is typed: a password, an app's digits, a code.
func (s *SignIn) prove(w http.ResponseWriter, r *http.Request) error {
	next := web.Local(r.PostFormValue("next"), "")
	in, err := again(r)
	if err != nil {
		return err
	}
	b, code := s.browser(w, r), r.PostFormValue("code")
	var e account.Entry
	switch {
	case r.PostFormValue("way") == "code":
		e, err = s.Accounts.StepCode(s.from(r), in, s.Site.Cookie(r, secondCookie), code)
	case r.PostForm.Has("password"):
		e, err = s.Accounts.StepPassword(s.from(r), in, b, r.PostFormValue("password"), code)
	default:
		e, err = s.Accounts.StepTOTP(s.from(r), in, b, code)
	}
	to := ""
	if err == nil {
		to, _, err = s.stepUp(w, r, e, next)
	}
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany || kind == errs.StepUp {
		return s.showAgain(w, r, statusOf(kind), next, errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// stepUp proves the session again and returns where to go on.
func (s *SignIn) stepUp(w http.ResponseWriter, r *http.Request, e account.Entry, next string) (string, account.Session, error) {
	before, err := again(r)
	if err != nil {
		return "", before, err
	}
	in, err := s.Accounts.StepUp(r.Context(), s.Site.SessionToken(r), e, s.browser(w, r))
	if err != nil {
		return "", before, err
	}
	actor, session, err := s.carry(w, r, in)
	if err != nil {
		return "", session, err
	}
	s.Site.SetCookie(w, secondCookie, "", 0)
	if session.Zone == access.NoZone {
		return web.AgainPage + query(next), session, nil
	}
	to := home(actor, next)
	if before.Zone < access.PortalZone {
		to = s.offer(r, e, session, to, next)
	}
	return to, session, nil
}

// sendSecond sends a code to the other address.
func (s *SignIn) sendSecond(w http.ResponseWriter, r *http.Request) error {
	next := web.Local(r.PostFormValue("next"), "")
	in, err := again(r)
	if err != nil {
		return err
	}
	challenge, send, err := s.Accounts.SecondCode(s.from(r), in)
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showAgain(w, r, statusOf(kind), next, errs.Say(err))
	}
	if err != nil {
		return err
	}
	s.send(r, send)
	s.Site.SetCookie(w, secondCookie, challenge, int(account.CodeLife.Seconds()))
	http.Redirect(w, r, web.AgainPage+query(next), http.StatusSeeOther)
	return nil
}

// skip goes on without a passkey, for those whom staff helped in person.
func (s *SignIn) skip(w http.ResponseWriter, r *http.Request) error {
	in, err := again(r)
	if err != nil {
		return err
	}
	entered, err := s.Accounts.Skip(r.Context(), in, s.Site.SessionToken(r), s.browser(w, r))
	if err != nil {
		return err
	}
	actor, _, err := s.carry(w, r, entered)
	if err != nil {
		return err
	}
	http.Redirect(w, r, home(actor, web.Local(r.PostFormValue("next"), "")), http.StatusSeeOther)
	return nil
}

// keptField is a line of a kept form that its writer would know again.
type keptField struct{ text string }

// kept shows a form that waited for a proof. Looking sends nothing.
func (s *SignIn) kept(w http.ResponseWriter, r *http.Request) error {
	a, _, err := signedIn(r)
	if err != nil {
		return err
	}
	if s.Drafts == nil {
		return errNoPage
	}
	d, err := s.Drafts.Get(r.Context(), a.ID, s.Site.DraftToken(r))
	if errs.KindOf(err) == errs.NotFound {
		http.Redirect(w, r, home(a, ""), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	var shown []keptField
	for _, values := range sorted(d.Form) {
		for _, text := range values {
			if len(strings.Fields(text)) > 1 {
				shown = append(shown, keptField{text})
			}
		}
	}
	s.Site.EndDraft(w) // a reload does not send it twice
	v := s.Site.View(r, web.Lang(r).T("We kept what you wrote"), "")
	return s.Site.Render(w, r, http.StatusOK, keptPage(v, web.Local(d.Action, "/"), d.Fresh, d.Form, shown))
}

// sorted goes through a form in a fixed order.
func sorted(form url.Values) iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for _, name := range slices.Sorted(maps.Keys(form)) {
			if !yield(name, form[name]) {
				return
			}
		}
	}
}

// back tells who signed in in a tab of its own to go back.
func (s *SignIn) back(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := signedIn(r); err != nil {
		return err
	}
	return s.Site.Render(w, r, http.StatusOK, backPage(s.Site.View(r, web.Lang(r).T("You are signed in again"), "")))
}

// stay tells a page whose the session is and for how long it may rest. That
// it asks is a sign that somebody is there.
func (s *SignIn) stay(w http.ResponseWriter, r *http.Request) error {
	a := web.Actor(r)
	if a.ID == "" {
		return answerJSON(w, http.StatusUnauthorized, map[string]string{"say": web.Lang(r).T(errs.Say(errSignIn))})
	}
	return answerJSON(w, http.StatusOK, s.passage("", web.Session(r)))
}

// lock locks the session at once.
func (s *SignIn) lock(w http.ResponseWriter, r *http.Request) error {
	if token := s.Site.SessionToken(r); token != "" {
		if err := s.Accounts.Lock(r.Context(), token); err != nil {
			return s.fault(w, r, err)
		}
	}
	return answerJSON(w, http.StatusOK, map[string]string{})
}
