package portal

import (
	"net/http"

	"github.com/a-h/templ"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
)

// framed draws a page of the settings in the frame that its reader knows.
func (s *SignIn) framed(w http.ResponseWriter, r *http.Request, status int, v web.View, body templ.Component) error {
	if v.Actor.Kind == access.Staff {
		return s.Site.Render(w, r, status, deskFrame(v, body))
	}
	if v.Actor.ID == "" {
		return s.Site.Render(w, r, status, openFrame(v, body))
	}
	return s.Site.Render(w, r, status, portalFrame(v, body))
}

// The addresses of a new authenticator app: where signing in wants one, and
// in the settings.
const (
	halfApp = "/signin/app"
	ownApp  = "/settings/app"
)

// beginApp begins adding an authenticator app.
func (s *SignIn) beginApp(at string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if web.Actor(r).ID == "" {
			return errSignIn
		}
		if _, err := s.Accounts.NewTOTP(r.Context(), web.Session(r), s.Site.Latest().Clinic.Name); err != nil {
			return err
		}
		http.Redirect(w, r, at+query(web.Local(r.PostFormValue("next"), "")), http.StatusSeeOther)
		return nil
	}
}

// askApp shows the code to scan.
func (s *SignIn) askApp(at string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		return s.showApp(w, r, http.StatusOK, at, web.Local(r.URL.Query().Get("next"), ""), "")
	}
}

func (s *SignIn) showApp(w http.ResponseWriter, r *http.Request, status int, at, next, problem string) error {
	if web.Actor(r).ID == "" {
		return errSignIn
	}
	app, err := s.Accounts.PendingTOTP(r.Context(), web.Session(r), s.Site.Latest().Clinic.Name)
	if err != nil {
		return err
	}
	code, err := newSquare(app.URL)
	if err != nil {
		return err
	}
	d := appView{action: at, next: next, secret: grouped(app.Secret), problem: problem, qr: code}
	v := s.Site.View(r, web.Lang(r).T("Add an authenticator app"), "more")
	if at == halfApp {
		return s.Site.Render(w, r, status, appPage(v, d))
	}
	return s.framed(w, r, status, v, appBody(v, d))
}

// grouped writes a key in groups of four, as people read it.
func grouped(secret string) string {
	var b []byte
	for i := range len(secret) {
		if i > 0 && i%4 == 0 {
			b = append(b, ' ')
		}
		b = append(b, secret[i])
	}
	return string(b)
}

// addApp takes the app's first digits.
func (s *SignIn) addApp(w http.ResponseWriter, r *http.Request) error {
	if web.Actor(r).ID == "" {
		return errSignIn
	}
	next, half := web.Local(r.PostFormValue("next"), ""), web.Session(r).Zone == access.NoZone
	in, err := s.Accounts.ConfirmTOTP(r.Context(), web.Session(r), s.Site.SessionToken(r), s.browser(w, r), r.PostFormValue("code"))
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showApp(w, r, statusOf(kind), r.URL.Path, next, errs.Say(err))
	}
	if err != nil {
		return err
	}
	actor, session, err := s.carry(w, r, in)
	switch {
	case err != nil:
		return err
	case session.Zone == access.NoZone:
		http.Redirect(w, r, web.AgainPage+query(next), http.StatusSeeOther)
	case half:
		http.Redirect(w, r, home(actor, next), http.StatusSeeOther)
	default:
		return s.secured(w, r, "app")
	}
	return nil
}

func (s *SignIn) removeApp(w http.ResponseWriter, r *http.Request) error {
	_, in, err := s.strongly(r)
	if err != nil {
		return err
	}
	if err := s.Accounts.RemoveTOTP(r.Context(), in); err != nil {
		return err
	}
	return s.secured(w, r, "noapp")
}

// askNewSheet says what a recovery sheet is before one is made.
func (s *SignIn) askNewSheet(w http.ResponseWriter, r *http.Request) error {
	a, in, err := signedIn(r)
	if err == nil {
		err = s.Accounts.MayMove(r.Context(), in)
	}
	if err != nil {
		return err
	}
	has, err := s.Accounts.Security(r.Context(), a.ID)
	if err != nil {
		return err
	}
	v := s.Site.View(r, web.Lang(r).T("Recovery sheet"), "more")
	return s.framed(w, r, http.StatusOK, v, newSheetBody(v, has.Sheet))
}

// makeSheet makes a sheet and shows it, this once.
func (s *SignIn) makeSheet(w http.ResponseWriter, r *http.Request) error {
	_, in, err := signedIn(r)
	if err != nil {
		return err
	}
	made, err := s.Accounts.MakeSheet(r.Context(), in)
	if err != nil {
		return err
	}
	code, err := newSquare(made.QR)
	if err != nil {
		return err
	}
	v := s.Site.View(r, web.Lang(r).T("Your recovery sheet"), "more")
	return s.framed(w, r, http.StatusOK, v, sheetBody(v, made.Groups, code))
}

// askAddress is the page for a new phone number or e-mail address.
func (s *SignIn) askAddress(w http.ResponseWriter, r *http.Request) error {
	return s.showAddress(w, r, http.StatusOK, "", "")
}

func (s *SignIn) showAddress(w http.ResponseWriter, r *http.Request, status int, typed, problem string) error {
	a, in, err := signedIn(r)
	if err == nil {
		err = s.Accounts.MayMove(r.Context(), in)
	}
	if err != nil {
		return err
	}
	acc, err := s.Accounts.Get(r.Context(), a.ID)
	if err != nil {
		return err
	}
	v := s.Site.View(r, web.Lang(r).T("New phone number or email"), "more")
	return s.framed(w, r, status, v, addressBody(v, acc, typed, problem))
}

// beginMove sends a code to the new address.
func (s *SignIn) beginMove(w http.ResponseWriter, r *http.Request) error {
	_, in, err := signedIn(r)
	if err != nil {
		return err
	}
	to := r.PostFormValue("to")
	id, send, err := s.Accounts.BeginMove(s.from(r), in, to)
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showAddress(w, r, statusOf(kind), to, errs.Say(err))
	}
	if err != nil {
		return err
	}
	s.send(r, send)
	http.Redirect(w, r, "/settings/address/"+id, http.StatusSeeOther)
	return nil
}

// askMoveCode is the page for the code that went to the new address.
func (s *SignIn) askMoveCode(w http.ResponseWriter, r *http.Request) error {
	return s.showMoveCode(w, r, http.StatusOK, "")
}

func (s *SignIn) showMoveCode(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	if _, _, err := signedIn(r); err != nil {
		return err
	}
	v := s.Site.View(r, web.Lang(r).T("Enter the code"), "more")
	return s.framed(w, r, status, v, moveCodeBody(v, r.PathValue("id"), problem))
}

func (s *SignIn) finishMove(w http.ResponseWriter, r *http.Request) error {
	_, in, err := signedIn(r)
	if err != nil {
		return err
	}
	_, err = s.Accounts.FinishMove(s.from(r), in, r.PathValue("id"), r.PostFormValue("code"))
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showMoveCode(w, r, statusOf(kind), errs.Say(err))
	}
	if err != nil {
		return err
	}
	return s.secured(w, r, "moving")
}

func (s *SignIn) cancelMove(w http.ResponseWriter, r *http.Request) error {
	_, in, err := signedIn(r)
	if err != nil {
		return err
	}
	if err := s.Accounts.CancelMove(r.Context(), in, r.PathValue("id")); err != nil {
		return err
	}
	return s.secured(w, r, "notmoving")
}
