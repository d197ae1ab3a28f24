package portal

import (
	"net/http"
	"strings"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/face/web"
)

// The cookies of a browser and of a sign-in under way.
const (
	challengeCookie = "hale-signin"
	secondCookie    = "hale-second"
	ceremonyCookie  = "hale-passkey"
	deviceCookie    = "hale-device" // by which we know the device again
	ownCookie       = "hale-own"    // whose device it is: own or shared
)

// deviceSeconds is how long a browser keeps what we know it by.
var deviceSeconds = int(account.DeviceLife.Seconds())

// whose keeps what the person said about whose device this is, and returns
// it: own, shared, or nothing.
func (s *SignIn) whose(w http.ResponseWriter, r *http.Request) string {
	own := r.PostFormValue("device")
	if own == "" {
		own = r.URL.Query().Get("device")
	}
	if own != "own" && own != "shared" {
		return s.Site.Cookie(r, ownCookie)
	}
	s.Site.SetCookie(w, ownCookie, own, deviceSeconds)
	return own
}

// browser is what r says about the device.
func (s *SignIn) browser(w http.ResponseWriter, r *http.Request) account.Browser {
	own := s.whose(w, r)
	return account.Browser{Agent: r.UserAgent(), Device: s.Site.Cookie(r, deviceCookie), Shared: own == "shared", Trust: own == "own"}
}

// enter signs in and goes on.
func (s *SignIn) enter(w http.ResponseWriter, r *http.Request, e account.Entry, next string) error {
	to, _, err := s.begin(w, r, e, next)
	if err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// begin starts a new session in place of the one before, if there was one,
// and returns where to go.
func (s *SignIn) begin(w http.ResponseWriter, r *http.Request, e account.Entry, next string) (string, account.Session, error) {
	if old := s.Site.SessionToken(r); old != "" {
		if err := s.Accounts.EndSession(r.Context(), old); err != nil {
			return "", account.Session{}, err
		}
	}
	in, err := s.Accounts.Enter(r.Context(), e, s.browser(w, r))
	if err != nil {
		return "", account.Session{}, err
	}
	actor, session, err := s.carry(w, r, in)
	if err != nil {
		return "", account.Session{}, err
	}
	s.Site.SetCookie(w, challengeCookie, "", 0)
	to := home(actor, next)
	if session.Zone == access.NoZone {
		return web.AgainPage + query(next), session, nil
	}
	return s.offer(r, e, session, to, next), session, nil
}

// carry makes the browser carry the session that begins or goes on.
func (s *SignIn) carry(w http.ResponseWriter, r *http.Request, in account.Entered) (access.Actor, account.Session, error) {
	actor, session, err := s.Accounts.Actor(r.Context(), in.Token)
	if err != nil {
		return actor, session, err
	}
	keep := 0 // until the browser closes
	if session.Trusted {
		keep = int(session.Expires.Sub(s.Site.Now()).Seconds())
	}
	s.Site.SetSession(w, in.Token, keep)
	s.Site.SetCookie(w, deviceCookie, in.Device, deviceSeconds)
	s.Site.SetCookie(w, ceremonyCookie, "", 0)
	return actor, session, nil
}

// offer leads by way of a passkey to those who signed in with a code and
// have none, the first times.
func (s *SignIn) offer(r *http.Request, e account.Entry, in account.Session, to, next string) string {
	code := in.How == account.ByCode || in.How == account.ByKnownDevice || in.How == account.ByCodes
	if s.Passkeys == nil || !code || in.Zone < access.PortalZone || in.Kind == access.Staff || e.CodeSignIns > 2 || s.Site.Cookie(r, ownCookie) == "shared" {
		return to
	}
	keys, err := s.Accounts.Passkeys(r.Context(), e.ID)
	if err != nil || len(keys) > 0 { // an offer may fail
		return to
	}
	return "/signin/passkey" + query(next)
}

// home returns where a belongs after signing in: next if that is a page for
// such people, else the first page they have.
func home(a access.Actor, next string) string {
	desk := next == "/desk" || strings.HasPrefix(next, "/desk/") || strings.HasPrefix(next, "/desk?")
	kept := next == web.KeptPage || next == "/signin/back" || strings.HasPrefix(next, "/signin/passkey")
	switch {
	case a.Low() && a.Patient != "" && (next == "" || next == "/home"): // what a code on a strange device opens
		return "/visits"
	case next == "/" || strings.HasPrefix(next, "/signin") && !kept:
	case kept, next != "" && desk == (a.Kind == access.Staff), strings.HasPrefix(next, "/settings"):
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

// errHalf is what somebody hears whose session still wants a factor.
var errHalf = errs.New(errs.StepUp, "Please finish signing in first.")

// signedIn returns who is signed in, wholly.
func signedIn(r *http.Request) (access.Actor, account.Session, error) {
	a, in := web.Actor(r), web.Session(r)
	switch {
	case a.ID == "":
		return a, in, errSignIn
	case in.Zone == access.NoZone:
		return a, in, errHalf
	}
	return a, in, nil
}

// strongly is signedIn for what could take an account over: proved a moment
// ago. Who has nothing strong yet goes on with what there is; what is made
// so stays weak.
func (s *SignIn) strongly(r *http.Request) (access.Actor, account.Session, error) {
	a, in, err := signedIn(r)
	if err != nil {
		return a, in, err
	}
	return a, in, s.Accounts.MayChange(r.Context(), in)
}
