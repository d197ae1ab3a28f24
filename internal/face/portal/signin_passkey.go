package portal

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/face/web"
)

var errNoPasskeys = errs.New(errs.NotFound, "Passkeys are not set up on this site.")

// offerPasskey asks, after a code, whether to make the next time easier.
func (s *SignIn) offerPasskey(w http.ResponseWriter, r *http.Request) error {
	a, _, err := signedIn(r)
	if err != nil {
		return err
	}
	if s.Passkeys == nil {
		return errNoPasskeys
	}
	to := home(a, web.Local(r.URL.Query().Get("next"), ""))
	return s.Site.Render(w, r, http.StatusOK, offerPage(s.Site.View(r, web.Lang(r).T("Sign in faster next time"), ""), to))
}

// beginLogin and what follows answer the scripts in JSON.
func (s *SignIn) beginLogin(w http.ResponseWriter, r *http.Request) error {
	if s.Passkeys == nil {
		return s.fault(w, r, errNoPasskeys)
	}
	options, ceremony, err := s.Passkeys.BeginLogin(s.from(r))
	if err != nil {
		return s.fault(w, r, err)
	}
	return s.options(w, options, ceremony)
}

func (s *SignIn) finishLogin(w http.ResponseWriter, r *http.Request) error {
	if s.Passkeys == nil {
		return s.fault(w, r, errNoPasskeys)
	}
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		return s.fault(w, r, err)
	}
	e, err := s.Passkeys.FinishLogin(s.from(r), s.Site.Cookie(r, ceremonyCookie), answer)
	if err != nil {
		return s.fault(w, r, err)
	}
	to, in, err := s.begin(w, r, e, web.Local(r.URL.Query().Get("next"), ""))
	if err != nil {
		return s.fault(w, r, err)
	}
	return answerJSON(w, http.StatusOK, s.passage(to, in))
}

// passage tells a script where to go and, should it want to stay, whose the
// session is and for how many seconds it may rest.
func (s *SignIn) passage(to string, in account.Session) map[string]any {
	return map[string]any{"to": to, "who": web.Who(in.Account), "left": int(s.Site.Left(in).Seconds())}
}

// again is the session that a proof is for: that of who is signed in, or the
// one that rested too long.
func again(r *http.Request) (account.Session, error) {
	in := web.Session(r)
	if web.Actor(r).ID == "" {
		in = web.Locked(r)
	}
	if in.ID == "" {
		return in, errSignIn
	}
	return in, nil
}

// beginAgain starts proving by a passkey who is signed in already.
func (s *SignIn) beginAgain(w http.ResponseWriter, r *http.Request) error {
	in, err := again(r)
	if err == nil && s.Passkeys == nil {
		err = errNoPasskeys
	}
	if err != nil {
		return s.fault(w, r, err)
	}
	options, ceremony, err := s.Passkeys.BeginStepUp(s.from(r), in)
	if err != nil {
		return s.fault(w, r, err)
	}
	return s.options(w, options, ceremony)
}

func (s *SignIn) finishAgain(w http.ResponseWriter, r *http.Request) error {
	in, err := again(r)
	if err == nil && s.Passkeys == nil {
		err = errNoPasskeys
	}
	if err != nil {
		return s.fault(w, r, err)
	}
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		return s.fault(w, r, err)
	}
	e, err := s.Passkeys.FinishStepUp(s.from(r), in, s.Site.Cookie(r, ceremonyCookie), answer)
	if err != nil {
		return s.fault(w, r, err)
	}
	to, now, err := s.stepUp(w, r, e, web.Local(r.URL.Query().Get("next"), ""))
	if err != nil {
		return s.fault(w, r, err)
	}
	return answerJSON(w, http.StatusOK, s.passage(to, now))
}

func (s *SignIn) beginPasskey(w http.ResponseWriter, r *http.Request) error {
	if web.Actor(r).ID == "" {
		return s.fault(w, r, errSignIn)
	}
	if s.Passkeys == nil {
		return s.fault(w, r, errNoPasskeys)
	}
	options, ceremony, err := s.Passkeys.BeginPasskey(r.Context(), web.Session(r))
	if err != nil {
		return s.fault(w, r, err)
	}
	return s.options(w, options, ceremony)
}

func (s *SignIn) finishPasskey(w http.ResponseWriter, r *http.Request) error {
	if web.Actor(r).ID == "" {
		return s.fault(w, r, errSignIn)
	}
	if s.Passkeys == nil {
		return s.fault(w, r, errNoPasskeys)
	}
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		return s.fault(w, r, err)
	}
	half := web.Session(r).Zone == access.NoZone
	in, err := s.Passkeys.FinishPasskey(r.Context(), web.Session(r), s.Site.SessionToken(r), s.Site.Cookie(r, ceremonyCookie), s.browser(w, r), answer)
	if err != nil {
		return s.fault(w, r, err)
	}
	actor, session, err := s.carry(w, r, in)
	if err != nil {
		return s.fault(w, r, err)
	}
	to := web.Local(r.URL.Query().Get("next"), "/settings/security?done=passkey")
	switch {
	case session.Zone == access.NoZone:
		to = web.AgainPage + query(web.Local(r.URL.Query().Get("next"), ""))
	case half:
		to = home(actor, web.Local(r.URL.Query().Get("next"), ""))
	}
	return answerJSON(w, http.StatusOK, s.passage(to, session))
}

// options answers with what the browser's passkey call needs.
func (s *SignIn) options(w http.ResponseWriter, options []byte, ceremony string) error {
	s.Site.SetCookie(w, ceremonyCookie, ceremony, 5*60)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(options)
	return nil
}

// fault answers the script; the error is said there as it would be on a page.
func (s *SignIn) fault(w http.ResponseWriter, r *http.Request, err error) error {
	status := http.StatusInternalServerError
	answer := map[string]string{"say": web.Lang(r).T(errs.Say(err))}
	switch errs.KindOf(err) {
	case errs.Invalid:
		status = http.StatusUnprocessableEntity
	case errs.Unauthenticated:
		status = http.StatusUnauthorized
	case errs.StepUp:
		status = http.StatusForbidden
		answer["to"] = web.AgainPage + query(web.Local(r.URL.Query().Get("from"), ""))
	case errs.NotFound:
		status = http.StatusNotFound
	case errs.Conflict:
		status = http.StatusConflict
	case errs.TooMany:
		status = http.StatusTooManyRequests
	default:
		if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
			status = http.StatusRequestEntityTooLarge
			break
		}
		s.Log.Error("failed", "request", web.RequestID(r), "route", r.Pattern, "err", err)
	}
	return answerJSON(w, status, answer)
}

func answerJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the browser may have gone
	return nil
}
