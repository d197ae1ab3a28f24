package desk

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/face/web"
)

// Members is what the desk needs to look after who signs in.
type Members interface {
	Members(ctx context.Context) ([]account.Member, error)
	Add(ctx context.Context, a account.Account) (account.Account, error)
	Invite(ctx context.Context, by, account string, life time.Duration) (token string, err error)
	SetRoles(ctx context.Context, id string, roles []access.Role) error
	Disable(ctx context.Context, id string) error
	Enable(ctx context.Context, id string) error
	Reset(ctx context.Context, id string) error
	RevokeAll(ctx context.Context, account string) error
	Unlink(ctx context.Context, account, iss string) error
	OfPatient(ctx context.Context, patient string) (account.Account, error)
	Sessions(ctx context.Context, account string) ([]account.Session, error)
	Assist(ctx context.Context, pass access.Pass, account, proof, reason string) (account.Help, error)
	ApproveAssist(ctx context.Context, pass access.Pass, id string) (account.Help, error)
	Assists(ctx context.Context, pass access.Pass) ([]account.Help, error)
}

// userRoutes are the pages about who works here, and about helping patients
// to sign in.
func (d *Desk) userRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/users", d.listUsers)
	page("POST /desk/users", d.addUser)
	page("GET /desk/users/{id}", d.showUser)
	page("POST /desk/users/{id}/roles", d.setRoles)
	page("POST /desk/users/{id}/invite", d.inviteUser)
	page("POST /desk/users/{id}/disable", d.userDoes("disabled", d.Members.Disable))
	page("POST /desk/users/{id}/enable", d.userDoes("enabled", d.Members.Enable))
	page("POST /desk/users/{id}/signout", d.userDoes("signedout", d.Members.RevokeAll))
	page("GET /desk/users/{id}/reset", d.askReset)
	page("POST /desk/users/{id}/reset", d.userDoes("reset", d.Members.Reset))
	page("POST /desk/users/{id}/unlink", d.unlinkUser)
	d.assistRoutes(page)
}

// allRoles are those that somebody who works here can have.
func allRoles() []access.Role {
	return access.Roles()
}

// userForm is what was typed about somebody new.
type userForm struct {
	Name, Email, Phone string
	Roles              []access.Role
	Error              string
}

func (d *Desk) listUsers(w http.ResponseWriter, r *http.Request) error {
	return d.showUsers(w, r, http.StatusOK, userForm{Roles: []access.Role{access.Nurse}})
}

func (d *Desk) showUsers(w http.ResponseWriter, r *http.Request, status int, f userForm) error {
	pass, err := d.all(r, access.ManageUsers)
	if err != nil {
		return err
	}
	list, err := d.Members.Members(r.Context())
	if err != nil {
		return err
	}
	waiting, err := d.Members.Assists(r.Context(), pass)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, status, usersPage(d.view(r, "People who work here", "settings"), list, waiting, f))
}

// addUser makes an account and shows its invitation, this once.
func (d *Desk) addUser(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.all(r, access.ManageUsers); err != nil {
		return err
	}
	f := userForm{Name: strings.TrimSpace(r.PostFormValue("name")), Email: strings.TrimSpace(r.PostFormValue("email")),
		Phone: strings.TrimSpace(r.PostFormValue("phone")), Roles: chosenRoles(r)}
	if f.Name == "" || f.Email == "" || len(f.Roles) == 0 || len(f.Name) > 200 {
		f.Error = "Please give a name, a work email and at least one role."
		return d.showUsers(w, r, http.StatusUnprocessableEntity, f)
	}
	made, err := d.Members.Add(r.Context(), account.Account{Kind: access.Staff, Name: f.Name, Email: f.Email, Phone: f.Phone, Roles: f.Roles})
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.Conflict {
		f.Error = errs.Say(err)
		return d.showUsers(w, r, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return d.invite(w, r, made)
}

func chosenRoles(r *http.Request) []access.Role {
	_ = r.ParseForm() // a form that cannot be read has no role in it
	var list []access.Role
	for _, role := range allRoles() {
		if slices.Contains(r.PostForm["role"], string(role)) {
			list = append(list, role)
		}
	}
	return list
}

func (d *Desk) invite(w http.ResponseWriter, r *http.Request, a account.Account) error {
	token, err := d.Members.Invite(r.Context(), web.Actor(r).ID, a.ID, account.InviteLife)
	if err != nil {
		return err
	}
	link := d.Base + "/signin/invite/" + token
	return d.Site.Render(w, r, http.StatusOK, invitedPage(d.view(r, "Invitation for "+a.Name, "settings"), a, link))
}

// member finds the member of staff that a page is about.
func (d *Desk) member(r *http.Request) (account.Member, error) {
	if _, err := d.all(r, access.ManageUsers); err != nil {
		return account.Member{}, err
	}
	list, err := d.Members.Members(r.Context())
	if err != nil {
		return account.Member{}, err
	}
	i := slices.IndexFunc(list, func(m account.Member) bool { return m.ID == r.PathValue("id") })
	if i < 0 {
		return account.Member{}, errNowhere
	}
	return list[i], nil
}

func (d *Desk) showUser(w http.ResponseWriter, r *http.Request) error {
	m, err := d.member(r)
	if err != nil {
		return err
	}
	done := map[string]string{
		"disabled": "Shut out, and signed out everywhere.", "enabled": "Let in again. An invitation makes a new way to sign in.",
		"signedout": "Signed out everywhere.", "reset": "Every way to sign in is gone. Send an invitation next.",
		"roles": "The roles are changed. The person signs in again.", "unlinked": "The sign-on is unlinked.",
		"languages": "Kept. What waits in these languages is in their list.",
	}[r.URL.Query().Get("done")]
	languages, err := d.spokenBy(r, m.ID)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, userPage(d.view(r, m.Name, "settings"), m, m.ID == web.Actor(r).ID, done, languages))
}

var errYourself = errs.New(errs.Conflict, "You cannot do this to your own account. Ask another administrator.")

// userDoes makes a page that does something to a member of staff. Nobody
// does it to themselves: the last administrator would shut the door behind
// them.
func (d *Desk) userDoes(done string, act func(context.Context, string) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		m, err := d.member(r)
		if err != nil {
			return err
		}
		if m.ID == web.Actor(r).ID {
			return errYourself
		}
		if err := act(r.Context(), m.ID); err != nil {
			return err
		}
		return d.userDone(w, r, m.ID, done)
	}
}

func (d *Desk) userDone(w http.ResponseWriter, r *http.Request, id, done string) error {
	http.Redirect(w, r, "/desk/users/"+id+"?done="+done, http.StatusSeeOther)
	return nil
}

func (d *Desk) setRoles(w http.ResponseWriter, r *http.Request) error {
	roles := chosenRoles(r)
	return d.userDoes("roles", func(ctx context.Context, id string) error { return d.Members.SetRoles(ctx, id, roles) })(w, r)
}

func (d *Desk) unlinkUser(w http.ResponseWriter, r *http.Request) error {
	iss := r.PostFormValue("iss")
	return d.userDoes("unlinked", func(ctx context.Context, id string) error { return d.Members.Unlink(ctx, id, iss) })(w, r)
}

func (d *Desk) inviteUser(w http.ResponseWriter, r *http.Request) error {
	m, err := d.member(r)
	if err != nil {
		return err
	}
	if m.Disabled {
		return errShut
	}
	return d.invite(w, r, m.Account)
}

var errShut = errs.New(errs.Conflict, "This account is shut. Let the person in again first.")

func (d *Desk) askReset(w http.ResponseWriter, r *http.Request) error {
	m, err := d.member(r)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, resetPage(d.view(r, "Reset how "+m.Name+" signs in?", "settings"), m))
}

// waysWords says what somebody signs in with.
func waysWords(m account.Member) string {
	var words []string
	if m.Passkeys > 0 {
		words = append(words, counted(m.Passkeys, "passkey", "passkeys"))
	}
	if m.TOTP {
		words = append(words, "authenticator app")
	}
	if len(m.Linked) > 0 {
		words = append(words, "single sign-on")
	}
	if len(words) == 0 {
		return "Nothing yet: needs an invitation"
	}
	return sentenceCase(strings.Join(words, ", "))
}

// orNone says that nothing is kept where nothing is.
func orNone(s string) string {
	if s == "" {
		return "None"
	}
	return s
}
