// Package mailcheck is the public page that says how well mail to a domain is
// protected.
//
// Only a form that was sent makes Hale look; an address that is opened shows
// what is known already. Nobody can make it look often, or at servers that
// are not public.
package mailcheck

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/gateway/mx"
)

// Directory is what the page needs of package mx.
type Directory interface {
	Level(ctx context.Context, domain string) (mx.Report, error)
	Known(ctx context.Context, domain string) (mx.Report, bool)
}

// Config is what the face is made of.
type Config struct {
	Site *web.Site
	Mail Directory // nil: it says that it cannot look
	Now  func() time.Time
}

// Face answers the page.
type Face struct {
	Config
	pace *pace
}

// New returns a face made of c.
func New(c Config) *Face { return &Face{Config: c, pace: &pace{}} }

// Handler returns the routes.
func (f *Face) Handler() *web.Mux {
	mux := web.NewMux()
	mux.Handle("GET /check-tls", f.Site.Page(f.show))
	mux.Handle("POST /check-tls", f.Site.Page(f.look))
	return mux
}

// view is what the page shows.
type view struct {
	web.View
	Domain  string
	Problem string
	Found   bool
	Report  mx.Report
	Checked string
	Lines   []mx.Line
}

// lookTime bounds one look.
const lookTime = 40 * time.Second

// The refusals.
var (
	errDomain = errs.New(errs.Invalid, "Write the part of an e-mail address after the @, such as example.org.")
	errPace   = errs.New(errs.Unavailable, "Too many domains were looked at just now. Please try again in a minute.")
	errLook   = errs.New(errs.Unavailable, "The domain could not be looked at. Please try again later.")
)

// show is the form, with what is known of a domain.
func (f *Face) show(w http.ResponseWriter, r *http.Request) error {
	v := view{View: f.Site.View(r, web.Lang(r).T("How safe is mail to a domain?"), ""), Domain: r.URL.Query().Get("domain")}
	if len(v.Domain) > 254 {
		v.Domain = ""
	}
	if name, err := mx.Domain(v.Domain); err == nil && f.Mail != nil {
		if v.Report, v.Found = f.Mail.Known(r.Context(), name); v.Found {
			v.Domain, v.Lines = name, v.Report.Table()
			v.Checked = v.Report.Checked.In(f.Site.Clinic.Zone).Format("2006-01-02 15:04 MST")
			v.Title = v.headline()
		}
	}
	return f.Site.Render(w, r, http.StatusOK, page(v))
}

// headline says the outcome.
func (v view) headline() string {
	if !v.Report.Takes {
		return v.T("%s takes no mail", v.Domain)
	}
	return v.T("Mail to %s: %s", v.Domain, v.Report.Level.String())
}

// look looks at the domain that was sent, and leads to what was found.
func (f *Face) look(w http.ResponseWriter, r *http.Request) error {
	name, err := mx.Domain(r.PostFormValue("domain"))
	switch {
	case err != nil:
		return f.refuse(w, r, errDomain)
	case f.Mail == nil:
		return f.refuse(w, r, errLook)
	}
	if _, known := f.Mail.Known(r.Context(), name); !known {
		if !f.pace.take(f.Site.Remote(r), f.Now()) {
			w.Header().Set("Retry-After", "60")
			return f.refuse(w, r, errPace)
		}
		ctx, cancel := context.WithTimeout(r.Context(), lookTime)
		defer cancel()
		if _, err := f.Mail.Level(ctx, name); err != nil {
			return f.refuse(w, r, errLook)
		}
	}
	http.Redirect(w, r, "/check-tls?domain="+url.QueryEscape(name), http.StatusSeeOther)
	return nil
}

func (f *Face) refuse(w http.ResponseWriter, r *http.Request, err error) error {
	v := view{View: f.Site.View(r, web.Lang(r).T("How safe is mail to a domain?"), ""), Domain: r.PostFormValue("domain")}
	v.Problem = v.T(errs.Say(err))
	status := http.StatusUnprocessableEntity
	if errs.KindOf(err) == errs.Unavailable {
		status = http.StatusServiceUnavailable
	}
	if err == errPace {
		status = http.StatusTooManyRequests
	}
	return f.Site.Render(w, r, status, page(v))
}

// pace bounds how often looks are made: by one address, and by all.
type pace struct {
	mu  sync.Mutex
	by  map[netip.Prefix][]time.Time
	all []time.Time
}

// How many looks a minute.
const (
	mostOne = 6
	mostAll = 60
)

// take says whether address may look once more. Addresses of one network
// count as one.
func (p *pace) take(address string, now time.Time) bool {
	var key netip.Prefix
	if a, err := netip.ParseAddr(address); err == nil {
		bits := 32
		if a = a.Unmap(); a.Is6() {
			bits = 56
		}
		key, _ = a.Prefix(bits)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by == nil || len(p.by) > 4096 {
		p.by = map[netip.Prefix][]time.Time{}
	}
	p.all, p.by[key] = recent(p.all, now), recent(p.by[key], now)
	if len(p.all) >= mostAll || len(p.by[key]) >= mostOne {
		return false
	}
	p.all, p.by[key] = append(p.all, now), append(p.by[key], now)
	return true
}

// recent are the times of the last minute.
func recent(list []time.Time, now time.Time) []time.Time {
	for len(list) > 0 && now.Sub(list[0]) >= time.Minute {
		list = list[1:]
	}
	return list
}
