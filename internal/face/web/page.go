package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"hale/internal/base/errs"
	"hale/internal/base/lang"
)

// Page makes a handler of h. What h returns as an error is answered here,
// once for all pages: signing in where that would help, or a page that says
// what happened and what to do next.
func (s *Site) Page(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.Fail(w, r, err)
		}
	})
}

// Render writes the component as the whole response, or an error page if it
// cannot be drawn.
func (s *Site) Render(w http.ResponseWriter, r *http.Request, status int, c templ.Component) error {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		return fmt.Errorf("web: render: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser may have gone
	return nil
}

// Fail answers r with err.
func (s *Site) Fail(w http.ResponseWriter, r *http.Request, err error) {
	if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
		err = errTooBig.Because(err)
	}
	kind := errs.KindOf(err)
	switch {
	case kind == errs.Unauthenticated && Actor(r).ID == "" && r.Method != http.MethodHead && !strings.HasPrefix(r.URL.Path, "/signin"):
		s.toSignIn(w, r)
		return
	case kind == errs.StepUp && Actor(r).ID != "" && !strings.HasPrefix(r.URL.Path, "/signin/again"):
		s.toAgain(w, r)
		return
	}
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return // who asked is gone, and nobody reads an answer
	}
	status := statusOf(kind)
	if status >= http.StatusInternalServerError {
		s.log.Error("failed", "request", RequestID(r), "route", r.Pattern, "err", err)
	}
	if kind == errs.TooMany {
		w.Header().Set("Retry-After", "300")
	}
	if r.Header.Get("HX-Request") != "" { // a fragment's place is too small for this
		w.Header().Set("HX-Retarget", "body")
		w.Header().Set("HX-Reswap", "innerHTML")
	}
	l := Lang(r)
	page := ErrorPage(s.View(r, faults(l, kind).title, ""), faults(l, kind), l.T(errs.Say(err)))
	if err := s.Render(w, r, status, page); err != nil && r.Context().Err() == nil {
		s.log.Error("failed", "request", RequestID(r), "err", err)
		http.Error(w, "Something went wrong on our side.", http.StatusInternalServerError)
	}
}

var errTooBig = errs.New(errs.Invalid, "That was too large for us to take. Please send less at once.")

// errNoPage is said of an address that leads nowhere.
var errNoPage = errs.New(errs.NotFound, "There is no page at this address. It may have moved, or the link may be incomplete.")

// NotFound answers what no route takes.
func (s *Site) NotFound() http.Handler {
	return s.Page(func(http.ResponseWriter, *http.Request) error { return errNoPage })
}

// Local returns next if it is an address on this site, else fallback. What
// comes in a query may lead anywhere; this leads nowhere else.
func Local(next, fallback string) string {
	if len(next) > 1000 || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\x7f") ||
		strings.ContainsFunc(next, func(r rune) bool { return r < ' ' }) {
		return fallback
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "\\") {
		return fallback
	}
	u.Fragment, u.RawFragment = "", ""
	return u.String()
}

func statusOf(kind errs.Kind) int {
	switch kind {
	case errs.Invalid:
		return http.StatusUnprocessableEntity
	case errs.Unauthenticated:
		return http.StatusUnauthorized
	case errs.Forbidden, errs.StepUp:
		return http.StatusForbidden
	case errs.NotFound:
		return http.StatusNotFound
	case errs.Gone:
		return http.StatusGone
	case errs.Conflict, errs.Unmet:
		return http.StatusConflict
	case errs.TooMany:
		return http.StatusTooManyRequests
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// fault is how a kind of error looks: what it is called, and what to do next.
type fault struct {
	icon, title, next string
	ours              bool // show the request id, so that we can find it
	again             bool // it may work when tried again
}

func faults(l lang.Lang, kind errs.Kind) fault {
	switch kind {
	case errs.Invalid:
		return fault{icon: "pencil", title: l.T("Please check what you entered"), next: l.T("Go back, change it, and send it again.")}
	case errs.Unauthenticated:
		return fault{icon: "lock", title: l.T("Please sign in"), next: l.T("Sign in and try again.")}
	case errs.StepUp:
		return fault{icon: "lock", title: l.T("Please show us once more that it is you"), next: l.T("Go back, and confirm who you are.")}
	case errs.Forbidden:
		return fault{icon: "ban", title: l.T("That is not allowed"), next: l.T("If you think it should be, please call us.")}
	case errs.NotFound, errs.Gone:
		return fault{icon: "search", title: l.T("We could not find that"), next: l.T("Check the address, or start again from the first page.")}
	case errs.Conflict, errs.Unmet:
		return fault{icon: "refresh-cw", title: l.T("Something changed in the meantime"), next: l.T("Go back, look again, and choose once more.")}
	case errs.TooMany:
		return fault{icon: "clock", title: l.T("Please wait a little"), next: l.T("If it is urgent, please call us."), again: true}
	case errs.Unavailable:
		return fault{icon: "clock", title: l.T("We cannot do that right now"), next: l.T("Try again in a few minutes. If it is urgent, please call us."), ours: true, again: true}
	}
	return fault{icon: "triangle-alert", title: l.T("Something went wrong"), next: l.T("Try again in a minute. If it keeps happening, please call us and tell us the number below."), ours: true}
}
