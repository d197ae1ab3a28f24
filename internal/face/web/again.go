package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"hale/internal/access/draft"
)

// Drafts keeps forms until their writers have proved who they are.
type Drafts interface {
	Keep(ctx context.Context, account string, d draft.Draft) (token string, err error)
}

const draftCookie = "hale-draft"

// DraftToken returns the token of the form that waits for this browser.
func (s *Site) DraftToken(r *http.Request) string { return s.Cookie(r, draftCookie) }

// EndDraft takes that token away.
func (s *Site) EndDraft(w http.ResponseWriter) { s.SetCookie(w, draftCookie, "", 0) }

// The pages that a refused request leads to.
const (
	AgainPage = "/signin/again" // proves once more who somebody is
	KeptPage  = "/signin/kept"  // sends a form that was kept
)

// toAgain sends the browser to prove once more who it is, and back to where
// it was. What it sent is kept.
func (s *Site) toAgain(w http.ResponseWriter, r *http.Request) {
	s.sendTo(w, r, AgainPage, s.back(w, r, Actor(r).ID, true))
}

// toSignIn sends the browser to sign in and back to where it was. Where its
// session only rested too long, that is opened again, and what was sent is
// kept.
func (s *Site) toSignIn(w http.ResponseWriter, r *http.Request) {
	to, in := "/signin", Locked(r)
	if in.ID != "" {
		to = AgainPage
	}
	s.sendTo(w, r, to, s.back(w, r, in.Account, false))
}

// sendTo redirects to path, which leads on to next.
func (s *Site) sendTo(w http.ResponseWriter, r *http.Request, path, next string) {
	if next != "" && next != "/" {
		path += "?next=" + url.QueryEscape(next)
	}
	if r.Header.Get("HX-Request") != "" {
		w.Header().Set("HX-Redirect", path)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// back returns where the browser goes on after a proof: to the page that it
// asked for, or to the form that it sent, if that can be kept.
func (s *Site) back(w http.ResponseWriter, r *http.Request, account string, fresh bool) string {
	if r.Header.Get("HX-Request") != "" {
		return ""
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return Local(r.URL.RequestURI(), "")
	}
	form := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	if s.Drafts == nil || account == "" || !form || r.Method != http.MethodPost || r.ParseForm() != nil || !draft.Keepable(r.PostForm) {
		return ""
	}
	token, err := s.Drafts.Keep(r.Context(), account, draft.Draft{Action: r.URL.RequestURI(), Fresh: fresh, Form: r.PostForm})
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			s.log.Error("draft not kept", "request", RequestID(r), "route", r.Pattern, "err", err)
		}
		return ""
	}
	s.SetCookie(w, draftCookie, token, int(draft.Life.Seconds()))
	return KeptPage
}
