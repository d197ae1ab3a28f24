package portal

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"hale/internal/base/errs"
	"hale/internal/face/web"
)

var errNoPasskeys = errs.New(errs.NotFound, "Passkeys are not set up on this site.")

// offerPasskey asks, after the second code, whether to make the next time
// easier.
func (s *SignIn) offerPasskey(w http.ResponseWriter, r *http.Request) error {
	a := web.Actor(r)
	if a.ID == "" {
		return errSignIn
	}
	if s.Passkeys == nil {
		return errNoPasskeys
	}
	to := home(a, web.Local(r.URL.Query().Get("next"), ""))
	return s.Site.Render(w, r, http.StatusOK, offerPage(s.Site.View(r, web.Lang(r).T("Sign in faster next time"), ""), to))
}

// beginLogin and what follows answer the script passkey.js in JSON.
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
	a, err := s.Passkeys.FinishLogin(s.from(r), s.Site.Cookie(r, ceremonyCookie), answer)
	if err != nil {
		return s.fault(w, r, err)
	}
	to, err := s.enter(w, r, a, web.Local(r.URL.Query().Get("next"), ""))
	if err != nil {
		return s.fault(w, r, err)
	}
	return answerJSON(w, http.StatusOK, map[string]string{"to": to})
}

func (s *SignIn) beginPasskey(w http.ResponseWriter, r *http.Request) error {
	a := web.Actor(r)
	if a.ID == "" {
		return s.fault(w, r, errSignIn)
	}
	if s.Passkeys == nil {
		return s.fault(w, r, errNoPasskeys)
	}
	options, ceremony, err := s.Passkeys.BeginPasskey(r.Context(), a.ID)
	if err != nil {
		return s.fault(w, r, err)
	}
	return s.options(w, options, ceremony)
}

func (s *SignIn) finishPasskey(w http.ResponseWriter, r *http.Request) error {
	a := web.Actor(r)
	if a.ID == "" {
		return s.fault(w, r, errSignIn)
	}
	if s.Passkeys == nil {
		return s.fault(w, r, errNoPasskeys)
	}
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		return s.fault(w, r, err)
	}
	err = s.Passkeys.FinishPasskey(r.Context(), a.ID, s.Site.Cookie(r, ceremonyCookie), r.UserAgent(), answer)
	if err != nil {
		return s.fault(w, r, err)
	}
	s.Site.SetCookie(w, ceremonyCookie, "", 0)
	return answerJSON(w, http.StatusOK, map[string]string{"to": web.Local(r.URL.Query().Get("next"), "/settings?done=passkey")})
}

// removePasskey is a plain form.
func (s *SignIn) removePasskey(w http.ResponseWriter, r *http.Request) error {
	a := web.Actor(r)
	if a.ID == "" {
		return errSignIn
	}
	if err := s.Accounts.RemovePasskey(r.Context(), a.ID, r.PostFormValue("id")); err != nil {
		return err
	}
	return s.settled(w, r, "removed")
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
	switch errs.KindOf(err) {
	case errs.Invalid:
		status = http.StatusUnprocessableEntity
	case errs.Unauthenticated:
		status = http.StatusUnauthorized
	case errs.NotFound:
		status = http.StatusNotFound
	case errs.TooMany:
		status = http.StatusTooManyRequests
	default:
		if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
			status = http.StatusRequestEntityTooLarge
			break
		}
		s.Log.Error("failed", "request", web.RequestID(r), "route", r.Pattern, "err", err)
	}
	return answerJSON(w, status, map[string]string{"say": web.Lang(r).T(errs.Say(err))})
}

func answerJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the browser may have gone
	return nil
}
