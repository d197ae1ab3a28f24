package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/base/seal"
)

// maxBody is the most that a request may send.
const maxBody = 1 << 20

// Wrap puts around mux what every response needs: headers, session, request
// id, size limits, compression, a log line without patient data, and an
// answer when something breaks.
func (s *Site) Wrap(mux http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(s.Page(func(http.ResponseWriter, *http.Request) error { return errCrossSite }))
	for _, pattern := range s.Apart {
		guard.AddInsecureBypassPattern(pattern)
	}
	inner := guard.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.now()
		if strings.HasPrefix(r.URL.Path, "/static/") {
			s.harden(w.Header(), "")
			s.Static().ServeHTTP(w, r)
			return
		}
		v := visit{id: seal.Token(9), nonce: seal.Token(16), body: r.Body}
		s.harden(w.Header(), v.nonce)
		rec := &recorder{ResponseWriter: w, gzip: takesGzip(r)}
		failed := s.identify(r, &v)
		r = collect(rec, r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
		r.Body = http.MaxBytesReader(rec, r.Body, maxBody)
		defer s.finish(rec, r, start)
		if failed != nil {
			s.Fail(rec, r, failed)
			return
		}
		inner.ServeHTTP(rec, r)
		s.dress(rec, r)
	})
}

// dress shows a page where net/http refused in a word: an address that leads
// nowhere, or a method it does not take.
func (s *Site) dress(rec *recorder, r *http.Request) {
	status := rec.bare
	if status == 0 {
		return
	}
	rec.bare = 0
	l := Lang(r)
	f := faults(l, errs.NotFound)
	if err := s.Render(rec, r, status, ErrorPage(s.View(r, f.title, ""), f, l.T(errs.Say(errNoPage)))); err != nil {
		s.log.Error("failed", "request", RequestID(r), "err", err)
	}
}

var errCrossSite = errs.New(errs.Forbidden, "This request came from another site, so we did not carry it out. Please go back and try again.")

// harden sets the headers that hold for every response.
func (s *Site) harden(h http.Header, nonce string) {
	csp := "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'; " +
		"connect-src 'self'; font-src 'self'; img-src 'self' data:; manifest-src 'self'"
	if nonce != "" {
		csp += "; script-src 'nonce-" + nonce + "'; style-src 'self' 'nonce-" + nonce + "'"
		h.Set("Cache-Control", "no-store")
	}
	h.Set("Content-Security-Policy", csp)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()")
	h.Set("X-Frame-Options", "DENY")
	if s.secure {
		h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
}

// identify finds out who asks and in which language. An ended session is
// nobody; a session that could not be looked up is an error.
func (s *Site) identify(r *http.Request, v *visit) error {
	var preferred []string
	defer func() {
		if c := s.Cookie(r, langCookie); c != "" {
			preferred = append([]string{c}, preferred...)
		}
		v.lang = lang.Pick(r.Header.Get("Accept-Language"), preferred...)
	}()
	token := s.Cookie(r, sessionCookie)
	if token == "" || s.accounts == nil {
		return nil
	}
	actor, session, err := s.accounts.Actor(r.Context(), token)
	if errs.KindOf(err) == errs.Unauthenticated {
		return s.locked(r, token, v)
	}
	if err != nil {
		return fmt.Errorf("web: session: %w", err)
	}
	actor.Request = v.id
	v.actor, v.session = actor, session
	if session.Lang != "" {
		preferred = append(preferred, session.Lang)
	}
	return nil
}

// locked finds out whether the session that is nobody's only rested too long.
func (s *Site) locked(r *http.Request, token string, v *visit) error {
	l, ok := s.accounts.(lockers)
	if !ok {
		return nil
	}
	in, _, err := l.Locked(r.Context(), token)
	if k := errs.KindOf(err); k == errs.Unauthenticated || k == errs.NotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("web: session: %w", err)
	}
	v.locked = in
	return nil
}

// finish answers a panic, ends the compression and writes the log line. It
// names the route's pattern, never the path: that may hold a link's token.
func (s *Site) finish(rec *recorder, r *http.Request, start time.Time) {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler {
			rec.noted()
			panic(p)
		}
		text := fmt.Sprintf("%T", p) // its text might be patient data
		if e, ok := p.(runtime.Error); ok {
			text = e.Error()
		}
		s.log.Error("panic", "request", RequestID(r), "route", r.Pattern, "what", text, "stack", string(debug.Stack()))
		if rec.status == 0 {
			s.Fail(rec, r, errs.New(errs.Internal, errs.Say(nil)))
		}
	}
	s.unseen(rec, r)
	rec.close()
	level := slog.LevelInfo
	if rec.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	s.log.Log(r.Context(), level, "request", "request", RequestID(r), "method", method(r), "route", route,
		"status", rec.status, "bytes", rec.bytes, "ms", s.now().Sub(start).Milliseconds(), "who", string(Actor(r).Kind))
}

// method returns the request's method if it is one of HTTP's; a stranger may
// send any text.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// NewServer returns a server for h that no slow or greedy client can hold.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
