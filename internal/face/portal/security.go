package portal

import (
	"net/http"
	"slices"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/face/web"
)

// securityRoutes are the pages by which somebody manages how they sign in.
func (s *SignIn) securityRoutes(on taker) {
	on("GET /settings/security", s.security)
	on("POST /settings/passkey/begin", s.beginPasskey)
	on("POST /settings/passkey/finish", s.finishPasskey)
	on("GET /settings/passkey/{id}/remove", s.askRemovePasskey)
	on("POST /settings/passkey/{id}/remove", s.removePasskey)
	on("GET /settings/password", s.askNewPassword)
	on("POST /settings/password", s.setPassword)
	on("POST /settings/password/remove", s.removePassword)
	on("POST /settings/app/begin", s.beginApp(ownApp))
	on("GET /settings/app", s.askApp(ownApp))
	on("POST /settings/app", s.addApp)
	on("POST /settings/app/remove", s.removeApp)
	on("GET /settings/sheet", s.askNewSheet)
	on("POST /settings/sheet", s.makeSheet)
	on("GET /settings/address", s.askAddress)
	on("POST /settings/address", s.beginMove)
	on("GET /settings/address/{id}", s.askMoveCode)
	on("POST /settings/address/{id}", s.finishMove)
	on("POST /settings/address/{id}/cancel", s.cancelMove)
	on("POST /settings/device/signout", s.revoke)
	on("POST /settings/device/others", s.revokeOthers)
	on("POST /settings/device/forget", s.forget)
}

// securityData is what the security page shows.
type securityData struct {
	account    account.Account
	has        account.Security
	passkeysOn bool
	sessions   []account.Session
	current    string // id of this session
	devices    []account.Known
	device     string // id of this device
	events     []account.Event
	done       string
}

// security shows how the person signs in, where, and what happened lately.
func (s *SignIn) security(w http.ResponseWriter, r *http.Request) error {
	a, in, err := signedIn(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	d := securityData{passkeysOn: s.Passkeys != nil, current: in.ID, device: account.Own(s.Site.Cookie(r, deviceCookie)), done: done(web.Lang(r), r.URL.Query().Get("done"))}
	if d.account, err = s.Accounts.Get(ctx, a.ID); err != nil {
		return err
	}
	if d.has, err = s.Accounts.Security(ctx, a.ID); err != nil {
		return err
	}
	if d.sessions, err = s.Accounts.Sessions(ctx, a.ID); err != nil {
		return err
	}
	if d.devices, err = s.Accounts.Devices(ctx, a.ID); err != nil {
		return err
	}
	if d.events, err = s.Accounts.Recent(ctx, a.ID, 10); err != nil {
		return err
	}
	v := s.Site.View(r, web.Lang(r).T("Security"), "more")
	return s.framed(w, r, http.StatusOK, v, securityBody(v, d))
}

// askRemovePasskey asks before a passkey goes, and says what is left.
func (s *SignIn) askRemovePasskey(w http.ResponseWriter, r *http.Request) error {
	a, _, err := s.strongly(r)
	if err != nil {
		return err
	}
	has, err := s.Accounts.Security(r.Context(), a.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(has.Passkeys, func(p account.Passkey) bool { return p.ID == r.PathValue("id") })
	if i < 0 {
		return errNoPage
	}
	last := len(has.Passkeys) == 1 && !has.Password
	v := s.Site.View(r, web.Lang(r).T("Remove this passkey?"), "more")
	return s.framed(w, r, http.StatusOK, v, removeBody(v, has.Passkeys[i], last, a.Kind == access.Staff && !has.TOTP))
}

// removePasskey takes a passkey away. The last way in goes only when the
// person saw that it is the last.
func (s *SignIn) removePasskey(w http.ResponseWriter, r *http.Request) error {
	a, in, err := s.strongly(r)
	if err != nil {
		return err
	}
	has, err := s.Accounts.Security(r.Context(), a.ID)
	if err != nil {
		return err
	}
	if len(has.Passkeys) == 1 && !has.Password && r.PostFormValue("sure") == "" {
		http.Redirect(w, r, "/settings/passkey/"+r.PathValue("id")+"/remove", http.StatusSeeOther)
		return nil
	}
	if err := s.Accounts.RemovePasskey(r.Context(), in, r.PathValue("id")); err != nil {
		return err
	}
	return s.secured(w, r, "removed")
}

// askNewPassword is the page for a password of one's own making.
func (s *SignIn) askNewPassword(w http.ResponseWriter, r *http.Request) error {
	return s.showNewPassword(w, r, http.StatusOK, "")
}

func (s *SignIn) showNewPassword(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	a, _, err := s.strongly(r)
	if err != nil {
		return err
	}
	has, err := s.Accounts.Security(r.Context(), a.ID)
	if err != nil {
		return err
	}
	acc, err := s.Accounts.Get(r.Context(), a.ID)
	if err != nil {
		return err
	}
	name := acc.Email
	if name == "" {
		name = acc.Phone
	}
	v := s.Site.View(r, web.Lang(r).T("Your password"), "more")
	return s.framed(w, r, status, v, passwordBody(v, has, name, problem))
}

func (s *SignIn) setPassword(w http.ResponseWriter, r *http.Request) error {
	a, in, err := s.strongly(r)
	if err != nil {
		return err
	}
	err = s.Accounts.SetPassword(r.Context(), in, r.PostFormValue("password"), s.Site.Latest().Clinic.Name, a.Name)
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
		return s.showNewPassword(w, r, statusOf(kind), errs.Say(err))
	}
	if err != nil {
		return err
	}
	return s.secured(w, r, "password")
}

func (s *SignIn) removePassword(w http.ResponseWriter, r *http.Request) error {
	_, in, err := s.strongly(r)
	if err != nil {
		return err
	}
	if err := s.Accounts.RemovePassword(r.Context(), in); err != nil {
		return err
	}
	return s.secured(w, r, "nopassword")
}

// revoke signs one of the person's devices out.
func (s *SignIn) revoke(w http.ResponseWriter, r *http.Request) error {
	a, _, err := signedIn(r)
	if err != nil {
		return err
	}
	if err := s.Accounts.Revoke(r.Context(), a.ID, r.PostFormValue("id")); err != nil {
		return err
	}
	return s.secured(w, r, "device")
}

// revokeOthers signs out everywhere but here.
func (s *SignIn) revokeOthers(w http.ResponseWriter, r *http.Request) error {
	a, in, err := signedIn(r)
	if err != nil {
		return err
	}
	if err := s.Accounts.RevokeOthers(r.Context(), a.ID, in.ID); err != nil {
		return err
	}
	return s.secured(w, r, "others")
}

// forget makes a device unknown: the next time, a code alone is not enough
// there.
func (s *SignIn) forget(w http.ResponseWriter, r *http.Request) error {
	_, in, err := signedIn(r)
	if err != nil {
		return err
	}
	if err := s.Accounts.ForgetDevice(r.Context(), in, r.PostFormValue("id")); err != nil {
		return err
	}
	return s.secured(w, r, "forgotten")
}

// secured goes back to the security page, which says what was done.
func (s *SignIn) secured(w http.ResponseWriter, r *http.Request, what string) error {
	http.Redirect(w, r, "/settings/security?done="+what, http.StatusSeeOther)
	return nil
}

// eventWords says what happened to an account.
func eventWords(l lang.Lang, e account.Event) string {
	if !e.Granted {
		return l.T("Somebody tried to sign in and did not get in")
	}
	words := map[string]string{
		account.SignedIn: "You signed in", account.SteppedUp: "You proved again that it is you", account.PasskeyAdded: "A passkey was added",
		account.PasskeyRemoved: "A passkey was removed", account.PasswordSet: "The password was set", account.PasswordGone: "The password was removed",
		account.TOTPAdded: "An authenticator app was added", account.TOTPRemoved: "The authenticator app was removed",
		account.SheetMade: "A recovery sheet was made", account.Recovered: "Help to get back in was used", account.Revoked: "Devices were signed out",
		account.Moving: "A new phone number or email was entered", account.Moved: "A phone number or email was changed",
		account.MoveCancelled: "A new phone number or email was taken back", account.DeviceGone: "A device was forgotten",
		account.Cancelled: "A change was taken back", account.WasReset: "The clinic reset how you sign in", account.Assisting: "The clinic helped you sign in",
		account.Inviting: "The clinic sent an invitation", account.Enabled: "The account was opened again", account.Disabled: "The account was closed",
		account.Linked: "The clinic’s own sign-in was linked", account.Unlinked: "The clinic’s own sign-in was unlinked",
	}[e.Action]
	if words == "" {
		words = "Something about your sign-in changed"
	}
	return l.T(words)
}
