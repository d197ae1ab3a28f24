// Package lead is where people who are not patients yet fill in a form: no
// account, no record, no puzzle to prove that one is a person.
//
// What they write is kept sealed until somebody at the clinic has looked. The
// browser carries a token; a link brings it to another device, and shows
// nothing before its button is pressed.
package lead

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"hale/internal/base/errs"
	"hale/internal/care/form"
	"hale/internal/face/question"
	"hale/internal/face/web"
	std "hale/internal/standard/form"
)

// Front is what the face needs of package form.
type Front interface {
	Form(ctx context.Context, slug string) (form.Public, error)
	Begin(ctx context.Context, slug, network string, agrees form.Agreed) (token string, err error)
	Open(ctx context.Context, slug, token string) (form.Begun, error)
	Keep(ctx context.Context, b form.Begun, typed url.Values) error
	Send(ctx context.Context, b form.Begun, in form.Sending) (alarm bool, err error)
}

// Face answers the pages.
type Face struct {
	Site  *web.Site
	Front Front
	Base  string // what links begin with
}

// Handler returns the pages.
func (f *Face) Handler() *web.Mux {
	mux := web.NewMux()
	on := func(pattern string, h func(http.ResponseWriter, *http.Request) error) {
		mux.Handle(pattern, f.Site.Page(h))
	}
	on("GET /f/{slug}", f.welcome)
	on("POST /f/{slug}", f.begin)
	on("GET /f/{slug}/{page}", f.page)
	on("POST /f/{slug}/{page}", f.next)
	on("POST /f/{slug}/save/{page}", f.save)
	on("GET /f/{slug}/check", f.check)
	on("POST /f/{slug}/send", f.send)
	on("GET /f/{slug}/done", f.done)
	on("GET /f/{slug}/go/{token}", f.goOn)
	on("POST /f/{slug}/go/{token}", f.carry)
	return mux
}

// cookie carries which form somebody fills in, and the token for it.
const (
	cookie     = "hale-form"
	cookieLife = 7 * 24 * 3600
)

// trap is a field that people do not see and programs fill in.
const trap = "website"

// view is what every page shows.
type view struct {
	web.View
	form.Public
	Form    *std.Questionnaire
	Begun   form.Begun
	Token   string
	Problem string
	Sign    string
	Agreed  bool
	Alarm   bool
}

// termsLang is the language in which the words stand that one agrees to.
func (v view) termsLang() string {
	if v.Terms.Say(v.Lang.Tag()) == v.Terms.Words {
		return "en"
	}
	return v.Lang.Tag()
}

func (v view) at(path string) string { return "/f/" + v.Slug + path }

func (f *Face) render(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	w.Header().Set("Cache-Control", "no-store")
	return f.Site.Render(w, r, status, page)
}

// public returns the form of the address.
func (f *Face) public(r *http.Request) (view, error) {
	p, err := f.Front.Form(r.Context(), r.PathValue("slug"))
	if err != nil {
		return view{}, err
	}
	v := view{Public: p}
	if v.Form, err = p.Read(); err != nil {
		return v, err
	}
	v.View = f.Site.View(r, v.Form.Title.Say(web.Lang(r).Tag()), "")
	return v, nil
}

// begun returns the form that the browser has begun.
func (f *Face) begun(r *http.Request) (view, error) {
	slug, token, _ := strings.Cut(f.Site.Cookie(r, cookie), ".")
	if slug != r.PathValue("slug") {
		token = ""
	}
	v, err := f.public(r)
	if err != nil {
		return v, err
	}
	v.Token = token
	if v.Begun, err = f.Front.Open(r.Context(), v.Slug, token); err != nil {
		return v, err
	}
	v.Form, err = v.Begun.Read() // the version that was begun
	return v, err
}

// welcome says what the form is, and what whoever fills it in agrees to.
func (f *Face) welcome(w http.ResponseWriter, r *http.Request) error {
	v, err := f.public(r)
	if err != nil {
		return err
	}
	return f.render(w, r, http.StatusOK, welcomePage(v))
}

// begin begins the form. A program that filled in the trap hears that all is
// well, and nothing is kept.
func (f *Face) begin(w http.ResponseWriter, r *http.Request) error {
	v, err := f.public(r)
	if err != nil {
		return err
	}
	if r.PostFormValue(trap) != "" {
		http.Redirect(w, r, v.at("/done"), http.StatusSeeOther)
		return nil
	}
	v.Agreed = r.PostFormValue("agree") != ""
	token, err := f.Front.Begin(r.Context(), v.Slug, f.Site.Remote(r), form.Agreed{Yes: v.Agreed, Key: r.PostFormValue("terms"), Lang: v.Lang.Tag()})
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany || kind == errs.Conflict {
		status := http.StatusUnprocessableEntity
		if kind == errs.TooMany {
			status = http.StatusTooManyRequests
		}
		if kind == errs.Conflict { // other words stand there now
			v.Agreed = false
		}
		v.Problem, v.Title = v.T(errs.Say(err)), v.T("Please check: %s", v.View.Title)
		return f.render(w, r, status, welcomePage(v))
	}
	if err != nil {
		return err
	}
	f.Site.SetCookie(w, cookie, v.Slug+"."+token, cookieLife)
	http.Redirect(w, r, v.at("/1"), http.StatusSeeOther)
	return nil
}

var errNoPage = errs.New(errs.NotFound, "This page of the form is not here. Please begin again.")

// sheet returns the questions of the page that the address names.
func (f *Face) sheet(r *http.Request) (view, *question.Sheet, error) {
	v, err := f.begun(r)
	if err != nil {
		return v, nil, err
	}
	n, err := strconv.Atoi(r.PathValue("page"))
	if err != nil {
		return v, nil, errNoPage.Because(err)
	}
	q, ok := question.New(v.View, v.Form, n, v.Begun.Typed)
	if !ok {
		return v, nil, errNoPage
	}
	return v, q, nil
}

// page shows a page of the form.
func (f *Face) page(w http.ResponseWriter, r *http.Request) error {
	v, q, err := f.sheet(r)
	if err != nil {
		return err
	}
	return f.render(w, r, http.StatusOK, fillPage(v, q, f.link(v)))
}

// link is the address by which a form goes on elsewhere.
func (f *Face) link(v view) string { return f.Base + v.at("/go/"+v.Token) }

// next takes a page and goes on.
func (f *Face) next(w http.ResponseWriter, r *http.Request) error {
	v, q, err := f.sheet(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errNoPage.Because(err)
	}
	if at, ok := q.Turn(r.PostForm); ok {
		if err := f.Front.Keep(r.Context(), v.Begun, q.Typed); err != nil {
			return err
		}
		http.Redirect(w, r, v.at("/"+strconv.Itoa(q.Number))+"#"+at, http.StatusSeeOther)
		return nil
	}
	whole := q.Take(r.PostForm)
	if err := f.Front.Keep(r.Context(), v.Begun, q.Typed); err != nil {
		return err
	}
	v.Begun.Typed = q.Typed
	if !whole {
		v.Title = v.T("Please check: %s", v.View.Title)
		return f.render(w, r, http.StatusUnprocessableEntity, fillPage(v, q, f.link(v)))
	}
	to := v.at("/check")
	if n := question.Next(v.Form, q.Typed, q.Number); n > 0 {
		to = v.at("/" + strconv.Itoa(n))
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// save keeps what was typed on a page while it is being typed.
func (f *Face) save(w http.ResponseWriter, r *http.Request) error {
	r, _ = f.Site.Speak(w, r)
	v, q, err := f.sheet(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errNoPage.Because(err)
	}
	if err := f.Front.Keep(r.Context(), v.Begun, q.Page().Merge(v.Begun.Typed, r.PostForm)); err != nil {
		return err
	}
	f.Site.Saved(w, r, v.Now(), f.Site.Clinic.Zone, v.at("/"+strconv.Itoa(q.Number)))
	return nil
}

// check shows everything once more.
func (f *Face) check(w http.ResponseWriter, r *http.Request) error {
	v, err := f.begun(r)
	if err != nil {
		return err
	}
	return f.render(w, r, http.StatusOK, checkPage(v, question.Lines(v.Lang, v.Form, v.Begun.Typed)))
}

// send puts the form before the desk.
func (f *Face) send(w http.ResponseWriter, r *http.Request) error {
	v, err := f.begun(r)
	if err != nil {
		return err
	}
	v.Sign = r.PostFormValue("sign")
	_, err = f.Front.Send(r.Context(), v.Begun, form.Sending{Typed: v.Begun.Typed, Sign: v.Sign, Lang: v.Lang.Tag(), Zone: f.Site.Clinic.Zone})
	if more, ok := errors.AsType[*form.Incomplete](err); ok {
		q, ok := question.New(v.View, v.Form, more.Page, v.Begun.Typed)
		if !ok {
			return errNoPage
		}
		q.Wrong = more.Wrong
		v.Title = v.T("Please check: %s", v.View.Title)
		return f.render(w, r, http.StatusUnprocessableEntity, fillPage(v, q, f.link(v)))
	}
	if errs.KindOf(err) == errs.Invalid {
		v.Problem, v.Title = v.T(errs.Say(err)), v.T("Please check: %s", v.View.Title)
		return f.render(w, r, http.StatusUnprocessableEntity, checkPage(v, question.Lines(v.Lang, v.Form, v.Begun.Typed)))
	}
	if err != nil {
		return err
	}
	f.Site.SetCookie(w, cookie, "", 0)
	http.Redirect(w, r, v.at("/done"), http.StatusSeeOther)
	return nil
}

// done says that the form came. Where an answer could not wait, everybody
// reads where there is help at once: the address tells nothing of an answer.
func (f *Face) done(w http.ResponseWriter, r *http.Request) error {
	v, err := f.public(r)
	if err != nil {
		return err
	}
	v.Alarm = v.Form.Alarms()
	return f.render(w, r, http.StatusOK, donePage(v))
}

// goOn shows a button and nothing else: whoever only looks at a link learns
// nothing.
func (f *Face) goOn(w http.ResponseWriter, r *http.Request) error {
	v, err := f.public(r)
	if err != nil {
		return err
	}
	v.Token = r.PathValue("token")
	return f.render(w, r, http.StatusOK, goOnPage(v))
}

// carry brings the form to this browser.
func (f *Face) carry(w http.ResponseWriter, r *http.Request) error {
	v, err := f.public(r)
	if err != nil {
		return err
	}
	token := r.PathValue("token")
	b, err := f.Front.Open(r.Context(), v.Slug, token)
	if err != nil {
		return err
	}
	f.Site.SetCookie(w, cookie, v.Slug+"."+token, cookieLife)
	n := 1
	if q, err := b.Read(); err == nil {
		n = max(question.Next(q, b.Typed, 0), 1)
	}
	http.Redirect(w, r, v.at("/"+strconv.Itoa(n)), http.StatusSeeOther)
	return nil
}

// place says which page of how many one is on.
func place(v view, q *question.Sheet) string {
	n, of := q.Place()
	if of == 1 {
		return v.Form.Title.Say(v.Lang.Tag())
	}
	return v.T("%s, page %d of %d", v.Form.Title.Say(v.Lang.Tag()), n, of)
}
