package portal

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/draft"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/contact"
	"hale/internal/face/web"
)

// Codes sends sign-in codes on their way.
type Codes interface {
	SendCode(ctx context.Context, d account.Delivery) error
}

// Contacts keeps how a patient wants to be reached.
type Contacts interface {
	Of(ctx context.Context, pass access.Pass) ([]contact.Point, error)
	Preferences(ctx context.Context, pass access.Pass) ([]contact.Preference, error)
	SetPreference(ctx context.Context, pass access.Pass, p contact.Preference) error
}

// DemoSignIn is a ready sign-in that a demo offers to visitors.
type DemoSignIn struct {
	Label   string // who that is: A patient
	Name    string // as in the account
	Address string // of the account
}

// parts returns who that is, and what there is to see: a label's words
// before and after its colon.
func (d DemoSignIn) parts(l lang.Lang) (role, does string) {
	role, does, _ = strings.Cut(l.T(d.Label), ": ")
	return role, does
}

// Provider is a place where the clinic's own people sign in.
type Provider struct{ ID, Name string }

// SingleSignOn signs staff in where the clinic already does.
type SingleSignOn interface {
	Providers() []Provider
	// Begin returns where to go, and a token for the browser's cookie. fresh
	// asks the provider to prove the person anew.
	Begin(ctx context.Context, provider, next string, fresh bool) (to, token string, err error)
	// Finish takes the provider's answer. The token counts once.
	Finish(ctx context.Context, provider, token string, answer url.Values) (e account.Entry, next string, err error)
}

// Drafts keeps forms until their writers have proved who they are.
type Drafts interface {
	Get(ctx context.Context, account, token string) (draft.Draft, error)
}

// SignInConfig is what signing in and the settings need.
type SignInConfig struct {
	Site     *web.Site
	Accounts *account.Store
	Passkeys *account.Passkeys // nil: none on this site
	SSO      SingleSignOn      // nil: staff sign in here alone
	Codes    Codes
	Drafts   Drafts // nil: none are kept
	Doors    *access.Doors
	Contacts Contacts     // nil leaves out how we reach you
	Phrases  Phrases      // nil leaves out the page about our messages
	Reports  Reports      // nil likewise
	Demo     []DemoSignIn // none but in a demo
	Log      *slog.Logger
}

// SignIn has the pages before and around the portal: the first page, signing
// in and out, choosing whom to act for, and the settings.
type SignIn struct {
	SignInConfig
	sending sync.WaitGroup // codes on their way
}

// NewSignIn returns the pages.
func NewSignIn(c SignInConfig) *SignIn { return &SignIn{SignInConfig: c} }

// Routes puts the pages on mux.
func (s *SignIn) Routes(mux web.Router) {
	on := func(pattern string, h func(http.ResponseWriter, *http.Request) error) {
		mux.Handle(pattern, s.Site.Page(h))
	}
	on("GET /{$}", s.landing)
	on("POST /link", s.openLink)
	on("POST /lang", s.setLang)
	on("GET /display", s.askDisplay)
	on("POST /display", s.setDisplay)
	on("GET /for", s.choose)
	on("POST /signout", s.signOut)
	on("GET /session", s.stay)
	on("POST /session/stay", s.stay)
	on("POST /session/lock", s.lock)
	s.ways(on)
	s.proofs(on)
	on("GET /settings", s.settings)
	on("POST /settings/language", s.setLanguage)
	on("POST /settings/reach", s.setReach)
	on("GET /settings/messages", s.askPhrase)
	on("POST /settings/phrase", s.setPhrase)
	on("POST /settings/reports", s.setReports)
	s.securityRoutes(on)
	if len(s.Demo) > 0 {
		on("POST /signin/demo", s.demo)
	}
}

// taker puts a page on a mux.
type taker = func(pattern string, h func(http.ResponseWriter, *http.Request) error)

// ways are the pages of all the ways to sign in.
func (s *SignIn) ways(on taker) {
	on("GET /signin", s.ask)
	on("POST /signin", s.start)
	on("GET /signin/code", s.askCode)
	on("POST /signin/code", s.finishCode)
	on("POST /signin/resend", s.sendAgain)
	on("GET /signin/born", s.askBorn)
	on("POST /signin/born", s.finishBorn)
	on("POST /signin/as", s.finishAs)
	on("POST /signin/passkey/begin", s.beginLogin)
	on("POST /signin/passkey/finish", s.finishLogin)
	on("GET /signin/password", s.askPassword)
	on("POST /signin/password", s.password)
	on("GET /signin/sheet", s.askSheet)
	on("POST /signin/sheet", s.sheet)
	on("GET /signin/assisted", s.askAssisted)
	on("POST /signin/assisted", s.assisted)
	on("GET /signin/invite/{token}", s.invited)
	on("POST /signin/invite/{token}", s.takeInvite)
	on("GET /signin/staff", s.askStaff)
	on("POST /signin/sso/{provider}", s.startSSO)
	on("GET /signin/sso/{provider}", s.finishSSO)
	on("GET /help/signin", s.help)
}

// proofs are the pages for whoever is signed in and proves it once more, and
// for what a notice takes back.
func (s *SignIn) proofs(on taker) {
	on("GET /signin/again", s.askAgain)
	on("POST /signin/again", s.prove)
	on("POST /signin/again/code", s.sendSecond)
	on("POST /signin/again/begin", s.beginAgain)
	on("POST /signin/again/finish", s.finishAgain)
	on("POST /signin/skip", s.skip)
	on("POST /signin/app/begin", s.beginApp(halfApp))
	on("GET /signin/app", s.askApp(halfApp))
	on("POST /signin/app", s.addApp)
	on("GET /signin/passkey", s.offerPasskey)
	on("GET /signin/kept", s.kept)
	on("GET /signin/back", s.back)
	on("GET /signin/cancel/{token}", s.askCancel)
	on("POST /signin/cancel/{token}", s.cancel)
	on("GET /signin/cancelled", s.cancelled)
}

// Wait returns when every code that was asked for is on its way.
func (s *SignIn) Wait() { s.sending.Wait() }

// from adds the network address of r to its context, for the limits.
func (s *SignIn) from(r *http.Request) context.Context {
	return account.From(r.Context(), s.Site.Remote(r))
}

// landing is the first page; who is signed in goes on.
func (s *SignIn) landing(w http.ResponseWriter, r *http.Request) error {
	if a := web.Actor(r); a.ID != "" {
		http.Redirect(w, r, home(a, ""), http.StatusSeeOther)
		return nil
	}
	return s.Site.Render(w, r, http.StatusOK, landingPage(s.Site.View(r, "", ""), r.URL.Query().Get("link") == "wrong", len(s.Demo) > 0))
}

// openLink takes what somebody typed from a text or a letter, the whole link
// or its last part, to the page behind it.
func (s *SignIn) openLink(w http.ResponseWriter, r *http.Request) error {
	text := strings.TrimSpace(r.PostFormValue("link"))
	if i := strings.LastIndex(text, "/"); i >= 0 {
		text = text[i+1:]
	}
	strange := func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	if len(text) < 8 || len(text) > 100 || strings.ContainsFunc(text, strange) {
		http.Redirect(w, r, "/?link=wrong", http.StatusSeeOther)
		return nil
	}
	http.Redirect(w, r, "/m/"+text, http.StatusSeeOther)
	return nil
}

// setLang changes the language of the pages for this browser.
func (s *SignIn) setLang(w http.ResponseWriter, r *http.Request) error {
	s.Site.SetLang(w, lang.Pick("", r.PostFormValue("lang")).Tag())
	http.Redirect(w, r, web.Local(r.PostFormValue("next"), "/"), http.StatusSeeOther)
	return nil
}

// signOut ends the session here.
func (s *SignIn) signOut(w http.ResponseWriter, r *http.Request) error {
	if token := s.Site.SessionToken(r); token != "" {
		if err := s.Accounts.EndSession(r.Context(), token); err != nil {
			return err
		}
	}
	s.Site.EndSession(w)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// choose lets a caregiver choose for whom to act.
func (s *SignIn) choose(w http.ResponseWriter, r *http.Request) error {
	a := web.Actor(r)
	if a.ID == "" {
		return errSignIn
	}
	return s.Site.Render(w, r, http.StatusOK, choosePage(s.Site.View(r, web.Lang(r).T("Who is this about?"), "more")))
}

var errSignIn = errs.New(errs.Unauthenticated, "Please sign in.")

// demo signs a visitor of the demo in as one of the ready people.
func (s *SignIn) demo(w http.ResponseWriter, r *http.Request) error {
	i, err := strconv.Atoi(r.PostFormValue("who"))
	if err != nil || i < 0 || i >= len(s.Demo) {
		return errNoDemo
	}
	list, err := s.Accounts.At(r.Context(), s.Demo[i].Address)
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.Name == s.Demo[i].Name {
			return s.enter(w, r, s.Accounts.Vouched(a), web.Local(r.PostFormValue("next"), ""))
		}
	}
	return errNoDemo
}

var errNoDemo = errs.New(errs.NotFound, "This person is not in the demo.")

// query returns next and more pairs as a query string, or nothing.
func query(next string, pairs ...string) string {
	q := url.Values{}
	if next != "" {
		q.Set("next", next)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

func statusOf(kind errs.Kind) int {
	if kind == errs.TooMany {
		return http.StatusTooManyRequests
	}
	return http.StatusUnprocessableEntity
}
