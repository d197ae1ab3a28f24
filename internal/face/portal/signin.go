package portal

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
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

// SignInConfig is what signing in and the settings need.
type SignInConfig struct {
	Site     *web.Site
	Accounts *account.Store
	Passkeys *account.Passkeys // nil: none on this site
	Codes    Codes
	Doors    *access.Doors
	Contacts Contacts     // nil leaves out how we reach you
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
	on("GET /signin", s.ask)
	on("POST /signin", s.start)
	on("GET /signin/code", s.askCode)
	on("POST /signin/code", s.finishCode)
	on("POST /signin/again", s.sendAgain)
	on("GET /signin/born", s.askBorn)
	on("POST /signin/born", s.finishBorn)
	on("POST /signin/as", s.finishAs)
	on("GET /help/signin", s.help)
	on("POST /signout", s.signOut)
	on("GET /for", s.choose)
	on("GET /signin/passkey", s.offerPasskey)
	on("POST /signin/passkey/begin", s.beginLogin)
	on("POST /signin/passkey/finish", s.finishLogin)
	on("POST /settings/passkey/begin", s.beginPasskey)
	on("POST /settings/passkey/finish", s.finishPasskey)
	on("POST /settings/passkey/remove", s.removePasskey)
	on("GET /settings", s.settings)
	on("POST /settings/language", s.setLanguage)
	on("POST /settings/reach", s.setReach)
	on("POST /settings/device/signout", s.revoke)
	on("POST /settings/device/others", s.revokeOthers)
	if len(s.Demo) > 0 {
		on("POST /signin/demo", s.demo)
	}
}

// Wait returns when every code that was asked for is on its way.
func (s *SignIn) Wait() { s.sending.Wait() }

// The cookies of a sign-in under way.
const (
	challengeCookie = "hale-signin"
	ceremonyCookie  = "hale-passkey"
)

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

// ask is the sign-in page.
func (s *SignIn) ask(w http.ResponseWriter, r *http.Request) error {
	next := web.Local(r.URL.Query().Get("next"), "")
	if a := web.Actor(r); a.ID != "" {
		http.Redirect(w, r, home(a, next), http.StatusSeeOther)
		return nil
	}
	return s.showAsk(w, r, http.StatusOK, next, "", "")
}

func (s *SignIn) showAsk(w http.ResponseWriter, r *http.Request, status int, next, typed, problem string) error {
	v := s.Site.View(r, web.Lang(r).T("Sign in"), "")
	return s.Site.Render(w, r, status, signInPage(v, next, typed, problem, s.Passkeys != nil, s.Demo))
}

// start sends a code to the address if somebody is there, and answers the
// same if nobody is. The sending has its own time, so that it does not show.
func (s *SignIn) start(w http.ResponseWriter, r *http.Request) error {
	next, to := web.Local(r.PostFormValue("next"), ""), r.PostFormValue("to")
	challenge, send, err := s.Accounts.StartCode(s.from(r), to)
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showAsk(w, r, statusOf(kind), next, to, errs.Say(err))
	}
	if err != nil {
		return err
	}
	s.send(r, send)
	s.Site.SetCookie(w, challengeCookie, challenge, int((2 * account.CodeLife).Seconds()))
	http.Redirect(w, r, "/signin/code"+query(next), http.StatusSeeOther)
	return nil
}

// send hands a code over beside the request.
func (s *SignIn) send(r *http.Request, d *account.Delivery) {
	if d == nil {
		return
	}
	if d.Lang == "" {
		d.Lang = web.Lang(r).Tag()
	}
	ctx := context.WithoutCancel(r.Context())
	s.sending.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		if err := s.Codes.SendCode(ctx, *d); err != nil {
			s.Log.Error("code not sent", "request", web.RequestID(r), "channel", d.Channel, "err", err)
		}
	})
}

// askCode is the page for the code.
func (s *SignIn) askCode(w http.ResponseWriter, r *http.Request) error {
	sent := ""
	if r.URL.Query().Get("sent") == "again" {
		sent = web.Lang(r).T("We sent a new code. The one before still works too.")
	}
	return s.showCode(w, r, http.StatusOK, web.Local(r.URL.Query().Get("next"), ""), "", sent)
}

func (s *SignIn) showCode(w http.ResponseWriter, r *http.Request, status int, next, problem, sent string) error {
	kind, masked, err := s.Accounts.Masked(r.Context(), s.Site.Cookie(r, challengeCookie))
	if err != nil { // it ran out, or never was
		http.Redirect(w, r, "/signin"+query(next), http.StatusSeeOther)
		return nil
	}
	v := s.Site.View(r, web.Lang(r).T("Enter your code"), "")
	return s.Site.Render(w, r, status, codePage(v, next, kind, masked, problem, sent, len(s.Demo) > 0))
}

// sendAgain sends one more code.
func (s *SignIn) sendAgain(w http.ResponseWriter, r *http.Request) error {
	next := web.Local(r.PostFormValue("next"), "")
	send, err := s.Accounts.SendAgain(s.from(r), s.Site.Cookie(r, challengeCookie))
	switch errs.KindOf(err) {
	case errs.TooMany:
		return s.showCode(w, r, http.StatusTooManyRequests, next, errs.Say(err), "")
	case errs.Invalid:
		http.Redirect(w, r, "/signin"+query(next), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	s.send(r, send)
	http.Redirect(w, r, "/signin/code"+query(next, "sent", "again"), http.StatusSeeOther)
	return nil
}

// finishCode takes the code.
func (s *SignIn) finishCode(w http.ResponseWriter, r *http.Request) error {
	next := web.Local(r.PostFormValue("next"), "")
	a, err := s.Accounts.FinishCode(s.from(r), s.Site.Cookie(r, challengeCookie), r.PostFormValue("code"))
	if errors.Is(err, account.ErrBorn) {
		http.Redirect(w, r, "/signin/born"+query(next), http.StatusSeeOther)
		return nil
	}
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showCode(w, r, statusOf(kind), next, errs.Say(err), "")
	}
	if err != nil {
		return err
	}
	return s.enterByCode(w, r, a, next)
}

// askBorn is the page for the date of birth.
func (s *SignIn) askBorn(w http.ResponseWriter, r *http.Request) error {
	return s.showBorn(w, r, http.StatusOK, web.Local(r.URL.Query().Get("next"), ""), "")
}

func (s *SignIn) showBorn(w http.ResponseWriter, r *http.Request, status int, next, problem string) error {
	others, err := s.Accounts.Others(r.Context(), s.Site.Cookie(r, challengeCookie))
	if errs.KindOf(err) == errs.Invalid {
		http.Redirect(w, r, "/signin"+query(next), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	v := s.Site.View(r, web.Lang(r).T("Your date of birth"), "")
	return s.Site.Render(w, r, status, bornPage(v, next, problem, others))
}

// finishBorn takes the date of birth.
func (s *SignIn) finishBorn(w http.ResponseWriter, r *http.Request) error {
	next := web.Local(r.PostFormValue("next"), "")
	date, ok := web.Born(r.PostForm)
	if !ok {
		return s.showBorn(w, r, http.StatusUnprocessableEntity, next, "Please enter the month, day and year as numbers.")
	}
	a, err := s.Accounts.FinishBorn(s.from(r), s.Site.Cookie(r, challengeCookie), date)
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showBorn(w, r, statusOf(kind), next, errs.Say(err))
	}
	if err != nil {
		return err
	}
	return s.enterByCode(w, r, a, next)
}

// finishAs signs in as a caregiver or staff among several at one address.
func (s *SignIn) finishAs(w http.ResponseWriter, r *http.Request) error {
	a, err := s.Accounts.FinishAs(s.from(r), s.Site.Cookie(r, challengeCookie), r.PostFormValue("account"))
	if err != nil {
		return err
	}
	return s.enterByCode(w, r, a, web.Local(r.PostFormValue("next"), ""))
}

// enterByCode signs in, and the second time offers a passkey on the way.
func (s *SignIn) enterByCode(w http.ResponseWriter, r *http.Request, a account.Account, next string) error {
	to := next
	if a.CodeSignIns == 2 && s.Passkeys != nil {
		keys, err := s.Accounts.Passkeys(r.Context(), a.ID)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			to = "/signin/passkey" + query(next)
		}
	}
	to, err := s.enter(w, r, a, to)
	if err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// enter starts a new session in place of the one before, if there was one,
// and returns where to go.
func (s *SignIn) enter(w http.ResponseWriter, r *http.Request, a account.Account, next string) (string, error) {
	if old := s.Site.SessionToken(r); old != "" {
		if err := s.Accounts.EndSession(r.Context(), old); err != nil {
			return "", err
		}
	}
	token, err := s.Accounts.StartSession(r.Context(), a.ID, r.UserAgent())
	if err != nil {
		return "", err
	}
	actor, _, err := s.Accounts.Actor(r.Context(), token)
	if err != nil {
		return "", err
	}
	s.Site.SetSession(w, token)
	s.Site.SetCookie(w, challengeCookie, "", 0)
	s.Site.SetCookie(w, ceremonyCookie, "", 0)
	return home(actor, next), nil
}

// home returns where a belongs after signing in: next if that is a page for
// such people, else the first page they have.
func home(a access.Actor, next string) string {
	desk := next == "/desk" || strings.HasPrefix(next, "/desk/") || strings.HasPrefix(next, "/desk?")
	switch {
	case next == "/" || strings.HasPrefix(next, "/signin") && !strings.HasPrefix(next, "/signin/passkey"):
	case next != "" && desk == (a.Kind == access.Staff), strings.HasPrefix(next, "/signin/passkey"), strings.HasPrefix(next, "/settings"):
		return next
	}
	switch {
	case a.Kind == access.Staff:
		return "/desk"
	case a.Patient == "" || len(a.Grants) > 0:
		return "/for"
	}
	return "/home"
}

// help is for those who cannot get in.
func (s *SignIn) help(w http.ResponseWriter, r *http.Request) error {
	return s.Site.Render(w, r, http.StatusOK, helpPage(s.Site.View(r, web.Lang(r).T("Can’t get in?"), "")))
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
			to, err := s.enter(w, r, a, web.Local(r.PostFormValue("next"), ""))
			if err != nil {
				return err
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
			return nil
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
