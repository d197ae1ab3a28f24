package desk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/access/client"
	"hale/internal/base/errs"
	"hale/internal/base/intake"
	"hale/internal/base/lang"
	"hale/internal/care/visit"
	"hale/internal/face/web"
	"hale/internal/standard/smart"
)

// Apps is what the desk needs of package client.
type Apps interface {
	All(ctx context.Context, pass access.Pass) ([]client.Client, error)
	Get(ctx context.Context, id string) (client.Client, error)
	Add(ctx context.Context, pass access.Pass, c client.Client) (made client.Client, secret string, err error)
	Approve(ctx context.Context, pass access.Pass, id string, d client.Decision) error
	Refuse(ctx context.Context, pass access.Pass, id string) error
	Suspend(ctx context.Context, pass access.Pass, id string) error
	SetLogo(ctx context.Context, pass access.Pass, id, media string, body []byte) error
	Rotate(ctx context.Context, pass access.Pass, id string) (secret string, err error)
	OfClient(ctx context.Context, id string) (int, error)
	Waits(ctx context.Context) (int, error)
	Launchable(ctx context.Context) ([]client.Client, error)
	Open(ctx context.Context, pass access.Pass, id, encounter, fhir string) (to string, err error)
}

// Encounters finds the visits that a launch can be about.
type Encounters interface {
	Encounters(ctx context.Context, pass access.Pass, n int) ([]visit.Visit, error)
}

// appRoutes are the pages about the apps that may ask for records.
func (d *Desk) appRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/apps", d.listApps)
	page("POST /desk/apps", d.addApp)
	page("GET /desk/apps/{app}", d.showApp)
	page("POST /desk/apps/{app}/approve", d.approveApp)
	page("POST /desk/apps/{app}/refuse", d.appDoes("refused", d.refuseApp))
	page("POST /desk/apps/{app}/suspend", d.appDoes("suspended", d.suspendApp))
	page("POST /desk/apps/{app}/secret", d.newSecret)
	page("POST /desk/apps/{app}/logo", d.setLogo)
	page("GET /desk/patients/{id}/apps", d.listLaunches)
	page("POST /desk/patients/{id}/apps", d.launch)
}

// appForm is what was typed about a new app.
type appForm struct {
	Name, Website, Contact, Auth, Redirects, Launch, Scopes, Keys, KeysURL string
	Native, Backend, Verified                                              bool
	Labels                                                                 access.Label
	Error                                                                  string
}

func (d *Desk) listApps(w http.ResponseWriter, r *http.Request) error {
	return d.showApps(w, r, http.StatusOK, appForm{Auth: string(client.None), Scopes: client.DefaultScopes})
}

func (d *Desk) showApps(w http.ResponseWriter, r *http.Request, status int, f appForm) error {
	pass, err := d.all(r, access.ManageUsers)
	if err != nil {
		return err
	}
	list, err := d.Apps.All(r.Context(), pass)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, status, appsPage(d.view(r, "Apps", "settings"), list, f))
}

// addApp registers an app by hand. Its secret is shown this once.
func (d *Desk) addApp(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.ManageUsers)
	if err != nil {
		return err
	}
	f := readApp(r)
	made, secret, err := d.Apps.Add(r.Context(), pass, f.client())
	if fail, ok := errors.AsType[*smart.Fail](err); ok {
		f.Error = sentenceCase(fail.Say) + "."
		return d.showApps(w, r, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, addedPage(d.view(r, made.Name+" can ask now", "settings"), made, secret))
}

func readApp(r *http.Request) appForm {
	_ = r.ParseForm() // a form that cannot be read has nothing in it
	text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	return appForm{Name: text("name"), Website: text("website"), Contact: text("contact"), Auth: text("auth"), Redirects: text("redirects"),
		Launch: text("launch"), Scopes: text("scopes"), Keys: text("keys"), KeysURL: text("keysurl"),
		Native: text("native") != "", Backend: text("backend") != "", Verified: text("verified") != "", Labels: labels(r)}
}

// client returns the app that was typed.
func (f appForm) client() client.Client {
	c := client.Client{Name: f.Name, Website: f.Website, Contact: f.Contact, Auth: client.Method(f.Auth), Launch: f.Launch, Scopes: f.Scopes,
		JWKS: f.Keys, JWKSURI: f.KeysURL, Native: f.Native, Backend: f.Backend, Verified: f.Verified, Labels: f.Labels}
	for line := range strings.FieldsSeq(f.Redirects) {
		c.Redirects = append(c.Redirects, line)
	}
	return c
}

// labels reads the sensitive sorts that are ticked.
func labels(r *http.Request) (l access.Label) {
	for i, one := range web.Protected() {
		if slices.Contains(r.PostForm["label"], intText(i)) {
			l |= one
		}
	}
	return l
}

// appsWords says what to do about apps, on the page that leads there.
func (d *Desk) appsWords(r *http.Request) (string, error) {
	if d.Apps == nil {
		return "", nil
	}
	n, err := d.Apps.Waits(r.Context())
	if err != nil || n == 0 {
		return "Apps and systems that may ask for records", err
	}
	return counted(n, "app waits", "apps wait") + " for you to let in", nil
}

// theApp finds the app that a page is about.
func (d *Desk) theApp(r *http.Request) (client.Client, access.Pass, error) {
	pass, err := d.all(r, access.ManageUsers)
	if err != nil {
		return client.Client{}, pass, err
	}
	c, err := d.Apps.Get(r.Context(), r.PathValue("app"))
	if errs.KindOf(err) == errs.NotFound {
		err = errNowhere
	}
	return c, pass, err
}

func (d *Desk) showApp(w http.ResponseWriter, r *http.Request) error {
	return d.renderApp(w, r, http.StatusOK, "")
}

func (d *Desk) renderApp(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	c, _, err := d.theApp(r)
	if err != nil {
		return err
	}
	n, err := d.Apps.OfClient(r.Context(), c.ID)
	if err != nil {
		return err
	}
	done := map[string]string{
		"approved": "Saved. The app may ask for what is listed.", "refused": "Refused. The app cannot be used.",
		"suspended": "Stopped. Its keys open nothing from now on.", "logo": "The picture is changed.",
	}[r.URL.Query().Get("done")]
	return d.Site.Render(w, r, status, appPage(d.view(r, c.Name, "settings"), c, n, done, problem))
}

// approveApp lets an app in, or changes what it may ask for.
func (d *Desk) approveApp(w http.ResponseWriter, r *http.Request) error {
	c, pass, err := d.theApp(r)
	if err != nil {
		return err
	}
	f := readApp(r)
	err = d.Apps.Approve(r.Context(), pass, c.ID, client.Decision{Scopes: f.Scopes, Labels: f.Labels, Verified: f.Verified, Introspects: r.PostFormValue("introspects") != ""})
	if fail, ok := errors.AsType[*smart.Fail](err); ok {
		return d.renderApp(w, r, http.StatusUnprocessableEntity, sentenceCase(fail.Say)+".")
	}
	if err != nil {
		return err
	}
	return d.appDone(w, r, c.ID, "approved")
}

func (d *Desk) refuseApp(ctx context.Context, pass access.Pass, id string) error {
	return d.Apps.Refuse(ctx, pass, id)
}

func (d *Desk) suspendApp(ctx context.Context, pass access.Pass, id string) error {
	return d.Apps.Suspend(ctx, pass, id)
}

// appDoes makes a page that does something to an app.
func (d *Desk) appDoes(done string, act func(context.Context, access.Pass, string) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, pass, err := d.theApp(r)
		if err != nil {
			return err
		}
		if err := act(r.Context(), pass, c.ID); err != nil {
			return err
		}
		return d.appDone(w, r, c.ID, done)
	}
}

func (d *Desk) appDone(w http.ResponseWriter, r *http.Request, id, done string) error {
	http.Redirect(w, r, "/desk/apps/"+id+"?done="+done, http.StatusSeeOther)
	return nil
}

// newSecret gives an app another secret and shows it, this once.
func (d *Desk) newSecret(w http.ResponseWriter, r *http.Request) error {
	c, pass, err := d.theApp(r)
	if err != nil {
		return err
	}
	secret, err := d.Apps.Rotate(r.Context(), pass, c.ID)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, addedPage(d.view(r, "New secret for "+c.Name, "settings"), c, secret))
}

// mostLogo is the most that the picture of an app may have, in bytes.
const mostLogo = 256 << 10

var errLogo = errs.New(errs.Invalid, "Please choose a JPEG or PNG picture of at most 256 KB.")

// setLogo takes a picture for an app, drawn anew.
func (d *Desk) setLogo(w http.ResponseWriter, r *http.Request) error {
	c, pass, err := d.theApp(r)
	if err != nil {
		return err
	}
	in, _, err := r.FormFile("logo")
	if err != nil {
		return errLogo.Because(err)
	}
	defer in.Close()
	body, err := io.ReadAll(io.LimitReader(in, mostLogo+1))
	if err != nil || len(body) > mostLogo {
		return errLogo
	}
	file, err := intake.Open(body)
	if err != nil || !strings.HasPrefix(file.Media, "image/") || len(file.Body) > 2*mostLogo {
		return errLogo
	}
	if err := d.Apps.SetLogo(r.Context(), pass, c.ID, file.Media, file.Body); err != nil {
		return err
	}
	return d.appDone(w, r, c.ID, "logo")
}

// listLaunches shows the apps in which a record can be opened.
func (d *Desk) listLaunches(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.one(r, access.ReadRecord, r.PathValue("id"))
	if err != nil {
		return err
	}
	who, err := d.Patients.Get(r.Context(), pass)
	if err != nil {
		return err
	}
	list, err := d.Apps.Launchable(r.Context())
	if err != nil {
		return err
	}
	visits, err := d.encounters(r)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, launchesPage(d.view(r, "Open in an app", "patients"), r.PathValue("id"), who.Full, list, visits))
}

// launch opens a record in an app. The browser goes on from a page of its
// own, because no form here leads to another site.
func (d *Desk) launch(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.one(r, access.ReadRecord, r.PathValue("id"))
	if err != nil {
		return err
	}
	encounter, err := d.encounter(r)
	if err != nil {
		return err
	}
	c, err := d.Apps.Get(r.Context(), r.PostFormValue("app"))
	if err != nil {
		return err
	}
	to, err := d.Apps.Open(r.Context(), pass, c.ID, encounter, d.Base+"/fhir")
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, launchPage(d.view(r, "Opening "+c.Name, "patients"), c.Name, to))
}

// encounters returns the visits that a launch can be about.
func (d *Desk) encounters(r *http.Request) ([]visit.Visit, error) {
	pass, err := d.one(r, access.ReadVisits, r.PathValue("id"))
	if err != nil || d.Encounters == nil {
		return nil, err
	}
	return d.Encounters.Encounters(r.Context(), pass, 10)
}

// encounter returns the visit that was chosen, if it is the patient's.
func (d *Desk) encounter(r *http.Request) (string, error) {
	chosen := r.PostFormValue("encounter")
	if chosen == "" {
		return "", nil
	}
	list, err := d.encounters(r)
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(list, func(e visit.Visit) bool { return e.ID == chosen }) {
		return "", errNowhere
	}
	return chosen, nil
}

// appState says how far an app has come.
func appState(s client.Status) (words, tone string) {
	switch s {
	case client.Waiting:
		return "Waits for you", "watch"
	case client.Approved:
		return "Let in", "good"
	case client.Suspended:
		return "Stopped", "act"
	}
	return "Refused", ""
}

// appKind says what sort of app it is.
func appKind(c client.Client) string {
	switch {
	case c.Backend:
		return "A system that asks in its own name"
	case c.Native:
		return "An app on a device"
	}
	return "A web app"
}

// authWords says how an app proves itself.
func authWords(m client.Method) string {
	switch m {
	case client.None:
		return "Not at all: a public app, held by PKCE"
	case client.KeyJWT:
		return "By its own key (private_key_jwt)"
	case client.Post:
		return "By a secret in the form"
	}
	return "By a secret (HTTP Basic)"
}

// appPairs is what is known about an app.
func appPairs(c client.Client, n int) [][2]string {
	list := [][2]string{{"Kind", appKind(c)}, {"Proves itself", authWords(c.Auth)}, {"Client id", c.ID}, {"Website", orNone(c.Website)}, {"Contact", orNone(c.Contact)},
		{"Answers go to", orNone(strings.Join(c.Redirects, " "))}, {"Opens from the desk at", orNone(c.Launch)}, {"Registered", c.Created.Format("Jan 2, 2006")}, {"In use by", counted(n, "person or system", "people or systems")}}
	if c.JWKSURI != "" {
		list = append(list, [2]string{"Keys at", c.JWKSURI})
	}
	return list
}

// protectedWords names a sensitive sort for staff.
func protectedWords(l access.Label) string { return web.LabelWords(lang.English, l) }
