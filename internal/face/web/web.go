// Package web is what every page of Hale shares: the frame around it, the
// headers that guard it, who is asking, and how an error is said.
//
// Nothing comes from a third party and nothing runs inline: scripts and style
// sheets carry the response's nonce, and no element has a style attribute.
//
// Spec: https://www.w3.org/TR/CSP3/, https://www.w3.org/TR/WCAG22/
package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/lang"
)

// Clinic is whose portal this is.
type Clinic struct {
	Name, Phone, Address string
	Brand                string // an oklch colour of CSS; empty: Hale's own
	Logo                 []byte // a picture; nil: none
	LogoMedia            string
	Welcome              map[string]string                             // by language: a sentence on the first page
	Open                 func(t time.Time) (open bool, next time.Time) // when the clinic is open; nil: nobody said
	Zone                 *time.Location
}

// Sessions says who a session cookie belongs to.
type Sessions interface {
	Actor(ctx context.Context, token string) (access.Actor, account.Session, error)
}

// lockers know the sessions that rested too long.
type lockers interface {
	Locked(ctx context.Context, token string) (account.Session, account.Account, error)
}

// Site is one clinic's pages.
type Site struct {
	Clinic   Clinic
	Proxies  []netip.Prefix // whose X-Forwarded-For is believed; none by default
	Passkeys bool           // the site takes passkeys
	Apart    []string       // patterns that pages of other sites may post to; nothing there believes a cookie
	Drafts   Drafts         // nil: a form that is refused for want of a proof is lost

	live  *atomic.Pointer[described] // how it is described now; shared by all copies
	brand brand

	accounts Sessions
	log      *slog.Logger
	now      func() time.Time
	secure   bool // https: cookies and headers say so
	assets   *assets
}

// NewSite returns a site. Secure says that people reach it by https.
func NewSite(c Clinic, accounts Sessions, log *slog.Logger, now func() time.Time, secure bool) *Site {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	return &Site{Clinic: c, accounts: accounts, log: log, now: now, secure: secure, assets: newAssets(), brand: newBrand(c), live: &atomic.Pointer[described]{}}
}

// described is what a clinic says about itself, and how that looks.
type described struct {
	clinic Clinic
	brand  brand
}

// Latest returns the site as the clinic describes itself now. A page that is
// being written keeps the one it began with.
func (s *Site) Latest() *Site {
	d := s.live.Load()
	if d == nil {
		return s
	}
	now := *s
	now.Clinic, now.brand = d.clinic, d.brand
	return &now
}

// Describe has all pages from now on say what c says of the clinic; its zone
// stays. It may be called at any time.
func (s *Site) Describe(c Clinic) {
	c.Zone = s.Clinic.Zone
	s.live.Store(&described{c, newBrand(c)})
}

// Now returns the time at the clinic.
func (s *Site) Now() time.Time { return s.now().In(s.Clinic.Zone) }

// visit is what is known about one request.
type visit struct {
	id      string // of the request
	nonce   string
	actor   access.Actor
	session account.Session
	locked  account.Session // the session that rested too long, if the browser has one
	lang    lang.Lang
	body    io.ReadCloser // of the request, without a limit
	mirror  string        // the name of the patient as whom somebody of the staff looks
}

type visitKey struct{}

// seen returns what Wrap found out about r.
func seen(r *http.Request) visit {
	v, _ := r.Context().Value(visitKey{}).(visit)
	return v
}

// Actor returns who is asking. The zero Actor is nobody.
func Actor(r *http.Request) access.Actor { return seen(r).actor }

// Session returns the session of who is asking.
func Session(r *http.Request) account.Session { return seen(r).session }

// Locked returns the session that rested too long, if that is what the
// browser has. Its owner can open it again.
func Locked(r *http.Request) account.Session { return seen(r).locked }

// Lang returns the language to answer in.
func Lang(r *http.Request) lang.Lang { return seen(r).lang }

// RequestID returns the request's id, for the log and the error page.
func RequestID(r *http.Request) string { return seen(r).id }

// Nonce returns the nonce that the response's scripts and styles must carry.
func Nonce(r *http.Request) string { return seen(r).nonce }

// Subject returns the id of the patient that the page is about: the one in
// the path of /for/{patient}/, or the actor's own.
func Subject(r *http.Request) string {
	if p := r.PathValue("patient"); p != "" {
		return p
	}
	return Actor(r).Patient
}
