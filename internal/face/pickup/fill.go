package pickup

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/form"
	"hale/internal/care/saved"
	asked "hale/internal/face/question"
	"hale/internal/face/web"
	"hale/internal/reach/carry"
	"hale/internal/reach/link"
	std "hale/internal/standard/form"
)

// Forms is what filling in a form by link is made of.
type Forms struct {
	Store formStore
	Saved *saved.Store
	Carry carried
	Files asked.Files
}

// formStore is what it needs of package form.
type formStore interface {
	Asked(ctx context.Context, pass access.Pass, id string) (form.Ask, error)
	Reached(ctx context.Context, pass access.Pass, id string, page int) error
	Send(ctx context.Context, pass access.Pass, id string, in form.Sending) (form.Ask, error)
}

// carried says what a link to a form is for.
type carried interface {
	Of(ctx context.Context, o link.Opened) (carry.Target, error)
}

// fillRoutes are the pages on which somebody fills in a form without signing
// in.
func (p *Pickup) fillRoutes(get, post func(path string, h handler)) {
	get("/fill/{token}", p.fillGate)
	post("/fill/{token}", p.fillOpen)
	get("/fill/{token}/{page}", p.fillPage)
	post("/fill/{token}/{page}", p.fillNext)
	post("/fill/{token}/{page}/save", p.fillSave)
	get("/fill/{token}/check", p.fillCheck)
	post("/fill/{token}/send", p.fillSend)
	get("/fill/{token}/done", p.fillDone)
}

// fillView is what the pages show.
type fillView struct {
	gateView
	form.Ask
	Form    *std.Questionnaire
	Answers url.Values
	At      time.Time // when something was saved; zero: nothing was
	Sign    string
	Problem string
	saved   *saved.Store
	pass    access.Pass
}

func (v fillView) at(page string) string {
	to := carry.Path + url.PathEscape(v.Token)
	if page != "" {
		to += "/" + page
	}
	return to
}

func (v fillView) to(page string) templ.SafeURL { return templ.SafeURL(v.at(page)) }

// place says which page of how many one is on.
func (v fillView) place(q *asked.Sheet) string {
	n, of := q.Place()
	if title := v.Form.Title.Say(v.Lang.Tag()); of > 1 {
		return v.T("%s, page %d of %d", title, n, of)
	}
	return v.Form.Title.Say(v.Lang.Tag())
}

// multipart is how a page that asks for files is sent.
func multipart(q *asked.Sheet) templ.Attributes {
	if !q.Files() {
		return nil
	}
	return templ.Attributes{"enctype": "multipart/form-data"}
}

// step is where the form goes on after a page.
func (v fillView) step(after int) string {
	if n := asked.Next(v.Form, v.Answers, after); n > 0 {
		return v.at(strconv.Itoa(n))
	}
	return v.at("check")
}

func (p *Pickup) fillFrame(r *http.Request, title string) fillView {
	v := fillView{}
	v.View, v.Token = p.Site.View(r, web.Lang(r).T(title), ""), r.PathValue("token")
	v.View.Card = web.Lang(r).T("A form for you")
	return v
}

// fillGate answers every token alike.
func (p *Pickup) fillGate(w http.ResponseWriter, r *http.Request) error {
	v := p.fillFrame(r, "A form for you")
	h := r.Header
	p.Links.Fetched(v.Token, link.LookOf(r.Method, h.Get("User-Agent"), h.Get("Accept-Language"), h.Get("Sec-Purpose"), h.Get("Purpose"), h.Get("X-Moz")))
	known, err := p.Links.Known(r.Context(), v.Token, p.Site.Cookie(r, deviceCookie))
	if err != nil {
		return err
	}
	v.Button = known
	return p.Site.Render(w, r, http.StatusOK, fillGatePage(v))
}

// fillOpen lets in who knows the date of birth, and leads to where they were.
func (p *Pickup) fillOpen(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	v := p.fillFrame(r, "A form for you")
	var born string
	if r.PostForm.Get("button") == "" {
		v.Typed = typed{r.PostForm.Get("m"), r.PostForm.Get("d"), r.PostForm.Get("y")}
		if born, v.Wrong = parseBorn(v.Typed, p.Site.Now()); v.Wrong != nil {
			return p.Site.Render(w, r, http.StatusUnprocessableEntity, fillGatePage(v))
		}
	}
	o, err := p.Links.Open(r.Context(), v.Token, born, p.Site.Cookie(r, deviceCookie))
	if err != nil {
		return p.fillRefuse(w, r, v, err)
	}
	if o.Waits { // a message that asks for a code, too, is opened as such
		return see(w, r, "")
	}
	p.Site.SetCookie(w, sessionCookie, o.Session, int(link.SessionLife.Seconds()))
	if o.Device != "" {
		p.Site.SetCookie(w, deviceCookie, o.Device, int(link.DeviceLife.Seconds()))
	}
	if v, err = p.fillOf(r, o); err != nil {
		return p.fillRefuse(w, r, p.fillFrame(r, "A form for you"), err)
	}
	to := v.at("done")
	if v.State == form.Open {
		to = v.step(max(v.Page, 1) - 1)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// fillRefuse shows the gate again and says why.
func (p *Pickup) fillRefuse(w http.ResponseWriter, r *http.Request, v fillView, err error) error {
	status := http.StatusUnprocessableEntity
	switch kind := errs.KindOf(err); {
	case errors.Is(err, link.ErrAsk):
		v.Button = false
		return p.Site.Render(w, r, status, fillGatePage(v))
	case kind == errs.NotFound, errors.Is(err, link.ErrSignIn):
		v.Ended, status = true, http.StatusNotFound
	case errors.Is(err, link.ErrLocked), kind == errs.Forbidden:
		v.Refused, status = errs.Say(err), http.StatusTooManyRequests
	case kind == errs.Invalid:
		v.Wrong = &wrongBox{"all", errs.Say(err)}
	default:
		return err
	}
	p.limits.miss(p.Site.Remote(r))
	if err := p.denied(r); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, fillGatePage(v))
}

// fillOf returns the form of an opened link, with what was saved.
func (p *Pickup) fillOf(r *http.Request, o link.Opened) (v fillView, err error) {
	v = p.fillFrame(r, "A form for you")
	t, err := p.Forms.Carry.Of(r.Context(), o)
	if err != nil {
		return v, err
	}
	if v.pass, err = p.act(r, o, access.SendMessages, access.SendMessages); err != nil {
		return v, err
	}
	if v.Ask, err = p.Forms.Store.Asked(r.Context(), v.pass, t.Ask); err != nil {
		return v, err
	}
	if v.Form, err = v.Read(); err != nil {
		return v, err
	}
	v.saved = p.Forms.Saved.As(t.Writer)
	kept, err := v.saved.Load(r.Context(), v.pass, v.Place())
	v.Answers, v.At = kept.Values, kept.At
	v.View.Title = v.Form.Title.Say(v.Lang.Tag())
	return v, err
}

// filling hands the form of the request's link to a page, for whoever opened
// it within the last half hour; others come to the gate, and a form that is
// with us already says so.
func (p *Pickup) filling(w http.ResponseWriter, r *http.Request, then func(v fillView) error) error {
	o, err := p.Links.Session(r.Context(), r.PathValue("token"), p.Site.Cookie(r, sessionCookie))
	if errors.Is(err, link.ErrGone) {
		http.Redirect(w, r, p.fillFrame(r, "").at(""), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	v, err := p.fillOf(r, o)
	if err != nil {
		return err
	}
	if v.State != form.Open {
		return p.Site.Render(w, r, http.StatusOK, fillDonePage(v))
	}
	return then(v)
}

var errNoPage = errs.New(errs.NotFound, "This page of the form is not here. Please begin again.")

// fillSheet hands the questions of a page on.
func (p *Pickup) fillSheet(w http.ResponseWriter, r *http.Request, then func(v fillView, q *asked.Sheet) error) error {
	return p.filling(w, r, func(v fillView) error {
		n, err := strconv.Atoi(r.PathValue("page"))
		if err != nil {
			return errNoPage.Because(err)
		}
		q, ok := asked.New(v.View, v.Form, n, v.Answers)
		if !ok {
			return errNoPage
		}
		if err := p.Forms.Files.Read(w, r); err != nil {
			return err
		}
		return then(v, q)
	})
}

// fillPage shows a page of the form.
func (p *Pickup) fillPage(w http.ResponseWriter, r *http.Request) error {
	return p.fillSheet(w, r, func(v fillView, q *asked.Sheet) error {
		return p.Site.Render(w, r, http.StatusOK, fillFormPage(v, q))
	})
}

// fillNext takes a page and goes on.
func (p *Pickup) fillNext(w http.ResponseWriter, r *http.Request) error {
	return p.fillSheet(w, r, func(v fillView, q *asked.Sheet) error {
		refused := p.Forms.Files.Take(r, v.pass, v.ID, v.Ask.Title, q)
		at, turned := q.Turn(r.PostForm)
		whole := turned || q.Take(r.PostForm)
		for link, why := range refused {
			if !turned {
				q.Wrong[link], whole = why, false
			}
		}
		var err error
		if v.At, err = v.saved.Save(r.Context(), v.pass, v.Place(), q.Typed); err != nil {
			return err
		}
		v.Answers = q.Typed
		if turned {
			http.Redirect(w, r, v.at(strconv.Itoa(q.Number))+"#"+at, http.StatusSeeOther)
			return nil
		}
		if !whole {
			v.View.Title = v.T("Please check: %s", v.View.Title)
			return p.Site.Render(w, r, http.StatusUnprocessableEntity, fillFormPage(v, q))
		}
		if err := p.Forms.Store.Reached(r.Context(), v.pass, v.ID, q.Number+1); err != nil {
			return err
		}
		http.Redirect(w, r, v.step(q.Number), http.StatusSeeOther)
		return nil
	})
}

// fillSave keeps what was typed on a page while it is being typed.
func (p *Pickup) fillSave(w http.ResponseWriter, r *http.Request) error {
	return p.fillSheet(w, r, func(v fillView, q *asked.Sheet) error {
		r, _ := p.Site.Speak(w, r)
		at, err := v.saved.Save(r.Context(), v.pass, v.Place(), q.Page().Merge(v.Answers, r.PostForm))
		if err != nil {
			return err
		}
		p.Site.Saved(w, r, at, p.Site.Clinic.Zone, v.at(strconv.Itoa(q.Number)))
		return nil
	})
}

// fillCheck shows everything once more.
func (p *Pickup) fillCheck(w http.ResponseWriter, r *http.Request) error {
	return p.filling(w, r, func(v fillView) error {
		return p.Site.Render(w, r, http.StatusOK, fillCheckPage(v, asked.Lines(v.Lang, v.Form, v.Answers)))
	})
}

// fillSend sends the form.
func (p *Pickup) fillSend(w http.ResponseWriter, r *http.Request) error {
	return p.filling(w, r, func(v fillView) error {
		v.Sign = r.PostFormValue("sign")
		_, err := p.Forms.Store.Send(r.Context(), v.pass, v.ID, form.Sending{Typed: v.Answers, Sign: v.Sign, Lang: v.Lang.Tag(), Zone: p.Site.Clinic.Zone})
		if more, ok := errors.AsType[*form.Incomplete](err); ok {
			q, ok := asked.New(v.View, v.Form, more.Page, v.Answers)
			if !ok {
				return errNoPage
			}
			q.Wrong = more.Wrong
			v.View.Title = v.T("Please check: %s", v.View.Title)
			return p.Site.Render(w, r, http.StatusUnprocessableEntity, fillFormPage(v, q))
		}
		if errs.KindOf(err) == errs.Invalid {
			v.Problem = v.T(errs.Say(err))
			v.View.Title = v.T("Please check: %s", v.View.Title)
			return p.Site.Render(w, r, http.StatusUnprocessableEntity, fillCheckPage(v, asked.Lines(v.Lang, v.Form, v.Answers)))
		}
		if err != nil && errs.KindOf(err) != errs.Conflict { // sent by a second tap
			return err
		}
		http.Redirect(w, r, v.at("done"), http.StatusSeeOther)
		return nil
	})
}

// fillDone says that the form came; one that was not sent goes on.
func (p *Pickup) fillDone(w http.ResponseWriter, r *http.Request) error {
	return p.filling(w, r, func(v fillView) error {
		http.Redirect(w, r, v.step(max(v.Page, 1)-1), http.StatusSeeOther)
		return nil
	})
}
