// Package pickup is what opens from a link in a text or an e-mail: the gate,
// the message behind it, and something to do about it.
//
// GET and HEAD of a link answer every token alike and read nothing about it;
// a POST with the right second factor opens one message, for half an hour,
// in that browser.
//
// Spec: https://www.rfc-editor.org/rfc/rfc8058 (one-click unsubscribe)
package pickup

import (
	"context"
	"io"
	"net/http"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/thread"
	"hale/internal/care/visit"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/enclosure"
	"hale/internal/reach/link"
)

// Config is what the pages of links are made of.
type Config struct {
	Site    *web.Site
	Doors   doors
	Links   links
	Reach   engine
	Visits  visits
	Forms   *Forms     // nil: nobody fills forms in by link
	Choices choices    // what people choose about being written to
	Files   files      // that come with messages; nil: none do
	Bills   bills      // nil: nobody pays by link; it needs Collect and Base
	Collect targets    // what links to pay are for
	Base    string     // https://host
	PayHow  string     // how to pay otherwise, in the clinic's words; may be empty
	Hear    reach.Hear // keeps what people write back; nil: it stands with the message alone
	Now     func() time.Time

	// Shown hears that a message was read by somebody who passed the second
	// factor; nil: nobody else has to.
	Shown func(ctx context.Context, pass access.Pass, message string) error
	// Behind finds the thread that a message belongs to; nil: there are none.
	Behind func(ctx context.Context, pass access.Pass, message string) (Behind, error)
	// SaidFile opens the nth file of a line of that thread; nil: none can be
	// opened.
	SaidFile func(ctx context.Context, pass access.Pass, message, line string, n int) (thread.File, []byte, error)
	Meant    meant // the visit that a reminder is about; nil: none is known
}

type doors interface {
	Check(ctx context.Context, a access.Actor, right access.Right, patient string) (access.Pass, error)
}

type links interface {
	Open(ctx context.Context, token, born, device string) (link.Opened, error)
	Session(ctx context.Context, token, session string) (link.Opened, error)
	Whose(ctx context.Context, token string) (link.Opened, error)
	Self(ctx context.Context, token, born, device string) (link.Opened, error)
	Known(ctx context.Context, token, device string) (bool, error)
	Fresh(ctx context.Context, token string) (o link.Opened, ok bool, err error)
	Waiting(ctx context.Context, token, session string) (link.Opened, error)
	Enter(ctx context.Context, token, code, session, device string) (link.Opened, error)
	Prove(ctx context.Context, token, session string, m link.Mark) (bool, error)
	Fetched(token string, l link.Look)
}

type engine interface {
	Content(ctx context.Context, pass access.Pass, message string) (reach.Content, error)
	Mark(ctx context.Context, pass access.Pass, message, kind string, data any) error
	Renew(ctx context.Context, pass access.Pass, message string) error
	SendCode(ctx context.Context, pass access.Pass, link, message string, known bool) error
	Passed(ctx context.Context, pass access.Pass, message, factor, browser string, first bool) error
	Locked(ctx context.Context, pass access.Pass, message string) error
	Wrote(ctx context.Context, pass access.Pass, message, text string, hear reach.Hear) error
	Phrase(ctx context.Context, pass access.Pass) (string, error)
}

type files interface {
	Of(ctx context.Context, pass access.Pass, message string) ([]enclosure.File, error)
	Open(ctx context.Context, pass access.Pass, message, id string) (enclosure.File, io.ReadCloser, error)
}

type visits interface {
	Slots(ctx context.Context, service string, from time.Time, n int) ([]visit.Slot, error)
	Slot(ctx context.Context, id string) (visit.Slot, error)
	Book(ctx context.Context, pass access.Pass, slot string, how visit.How) (visit.Visit, error)
	Led(ctx context.Context, pass access.Pass, ref string) ([]visit.Visit, error)
	changes
}

// Pickup is the face that links open.
type Pickup struct {
	Config
	limits *limits
}

// New returns the face made of c.
func New(c Config) *Pickup { return &Pickup{Config: c, limits: newLimits(c.Now)} }

// Cookies of the browser: one for the half hour of a link, one that spares
// the second factor for 30 days.
const (
	sessionCookie = "hale-link"
	deviceCookie  = "hale-device"
)

// Handler returns the pages. Site.Wrap goes around the whole server.
func (p *Pickup) Handler() *web.Mux {
	mux := web.NewMux()
	get := func(path string, h handler) { mux.Handle("GET "+path, p.Site.Page(h)) }
	post := func(path string, h handler) { mux.Handle("POST "+path, p.Site.Page(p.slowly(h))) }
	get("/m/{token}", p.gate)
	post("/m/{token}", p.open)
	get("/m/{token}/code", p.askCode)
	post("/m/{token}/code", p.enterCode)
	post("/m/{token}/code/send", p.sendCode)
	post("/m/{token}/shown", p.shown)
	post("/m/{token}/dwell", p.dwell)
	get("/m/{token}/reply", p.replyAsk)
	post("/m/{token}/reply", p.reply)
	get("/m/{token}/file/{file}", p.file)
	get("/m/{token}/said/{line}/{n}", p.saidFile)
	get("/m/{token}/call", p.ask(askCall))
	post("/m/{token}/call", p.call)
	get("/m/{token}/not-me", p.ask(askNotMe))
	post("/m/{token}/not-me", p.notMe)
	get("/m/{token}/stop", p.ask(askStop))
	post("/m/{token}/stop", p.stop)
	post("/m/{token}/fresh", p.fresh)
	get("/m/{token}/thanks/{what}", p.thanks)
	get("/m/{token}/message", p.message)
	get("/m/{token}/times", p.times)
	post("/m/{token}/book", p.book)
	get("/m/{token}/booked", p.booked)
	get("/m/{token}/visit.ics", p.calendar)
	get("/m/{token}/elsewhere", p.elsewhereAsk)
	post("/m/{token}/elsewhere", p.elsewhere)
	post("/m/{token}/read", p.read)
	get("/u/{token}", p.ask(askStop))
	post("/u/{token}", p.stop)
	p.visitRoutes(get, post)
	p.wishRoutes(get, post)
	if p.Bills != nil && p.Collect != nil {
		p.payRoutes(get, post)
	}
	if p.Forms != nil {
		p.fillRoutes(get, post)
	}
	return mux.Around(quiet)
}

type handler = func(http.ResponseWriter, *http.Request) error

// quiet keeps links out of referrers, caches and search engines.
func quiet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
		next.ServeHTTP(w, r)
	})
}

var errSlow = errs.New(errs.TooMany, "Please wait a few minutes, then try again.")

// slowly lets an address answer only so often.
func (p *Pickup) slowly(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !p.limits.allow(r.Context(), p.Site.Remote(r)) {
			return errSlow
		}
		return h(w, r)
	}
}

// act returns a pass for right on the patient of a link, for whoever holds
// it with these rights. The look is audited.
func (p *Pickup) act(r *http.Request, o link.Opened, right access.Right, rights ...access.Right) (access.Pass, error) {
	a := access.LinkActor(o.Link, o.Patient, rights...)
	a.Request = web.RequestID(r)
	return p.Doors.Check(r.Context(), a, right, o.Patient)
}

// inside are the rights of somebody who passed the second factor.
var inside = []access.Right{access.ReadMessage, access.BookVisits, access.EditContacts}

// enter returns the link of the request, which this browser opened within
// the last half hour, and a pass for right.
func (p *Pickup) enter(r *http.Request, right access.Right) (link.Opened, access.Pass, error) {
	o, err := p.Links.Session(r.Context(), r.PathValue("token"), p.Site.Cookie(r, sessionCookie))
	if err != nil {
		return link.Opened{}, access.Pass{}, err
	}
	pass, err := p.act(r, o, right, inside...)
	return o, pass, err
}

// path returns the address of a page of the request's link.
func path(r *http.Request, page string) string {
	if page == "" {
		return "/m/" + r.PathValue("token")
	}
	return "/m/" + r.PathValue("token") + "/" + page
}

func see(w http.ResponseWriter, r *http.Request, page string) error {
	http.Redirect(w, r, path(r, page), http.StatusSeeOther)
	return nil
}
