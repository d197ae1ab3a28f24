package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/form"
	"hale/internal/care/saved"
	"hale/internal/face/question"
	"hale/internal/face/web"
	std "hale/internal/standard/form"
)

// Forms is what the portal needs for forms to be filled in.
type Forms struct {
	Store formStore
	Saved savedForms
	Carry carry    // nil: no form goes on elsewhere without signing in
	Tell  FormTold // sends the link to the ways that the patient is reached by
}

type carry interface {
	Here(ctx context.Context, pass access.Pass, ask string) (address string, err error)
}

// FormTold tells a patient where a form goes on.
type FormTold func(ctx context.Context, patient, address string) error

type formStore interface {
	Mine(ctx context.Context, pass access.Pass, n int) ([]form.Ask, error)
	Waiting(ctx context.Context, pass access.Pass, n int) ([]form.Ask, error)
	Offered(ctx context.Context, pass access.Pass) ([]form.Version, error)
	Begin(ctx context.Context, pass access.Pass, form string) (form.Ask, error)
	Asked(ctx context.Context, pass access.Pass, id string) (form.Ask, error)
	Reached(ctx context.Context, pass access.Pass, id string, page int) error
	Send(ctx context.Context, pass access.Pass, id string, in form.Sending) (form.Ask, error)
	Response(ctx context.Context, pass access.Pass, id string) (form.Reading, error)
}

type savedForms interface {
	Save(ctx context.Context, pass access.Pass, place string, values url.Values) (time.Time, error)
	Load(ctx context.Context, pass access.Pass, place string) (saved.Form, error)
	List(ctx context.Context, pass access.Pass) ([]saved.Form, error)
}

// formRoutes adds the pages of forms.
func (p *Portal) formRoutes(both func(method, path string, h handler)) {
	both("GET", "/forms", p.formList)
	both("POST", "/forms", p.formBegin)
	both("GET", "/forms/{id}", p.formGoOn)
	both("GET", "/forms/{id}/{page}", p.formPage)
	both("POST", "/forms/{id}/{page}", p.formNext)
	both("POST", "/forms/{id}/{page}/save", p.formSave)
	both("GET", "/forms/{id}/check", p.formCheck)
	if p.Forms.Carry != nil {
		both("POST", "/forms/{id}/elsewhere", p.formElsewhere)
	}
	both("POST", "/forms/{id}/send", p.formSend)
	both("GET", "/forms/{id}/done", p.formDone)
}

// formsMost is how many forms are listed, formsHome how many on the home
// page.
const (
	formsMost = 60
	formsHome = 5
)

// formListData is what the list of forms shows.
type formListData struct {
	Open, Sent []form.Ask
	Offered    []form.Version
	Begun      map[string]time.Time // when they were last saved, by id
}

// formList lists the forms that wait, those to choose, and those that were
// sent.
func (p *Portal) formList(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.SendMessages, "Forms", "more")
	if err != nil {
		return err
	}
	list, err := p.Forms.Store.Mine(r.Context(), pass, formsMost)
	if err != nil {
		return err
	}
	d := formListData{Begun: map[string]time.Time{}}
	open := map[string]bool{}
	for _, a := range list {
		if a.State == form.Open {
			d.Open = append(d.Open, a)
			open[a.Form] = true
		} else {
			d.Sent = append(d.Sent, a)
		}
	}
	offered, err := p.Forms.Store.Offered(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, v := range offered {
		if !open[v.ID] {
			d.Offered = append(d.Offered, v)
		}
	}
	begun, err := p.Forms.Saved.List(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, f := range begun {
		d.Begun[f.Place] = f.At
	}
	return p.render(w, r, formListPage(s, d))
}

// formBegin begins a form that is offered to all.
func (p *Portal) formBegin(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.SendMessages, "Forms", "more")
	if err != nil {
		return err
	}
	a, err := p.Forms.Store.Begin(r.Context(), pass, r.PostFormValue("form"))
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/forms/"+a.ID), http.StatusSeeOther)
	return nil
}

// filling is a form that somebody fills in.
type filling struct {
	form.Ask
	Form  *std.Questionnaire
	Typed url.Values
	Saved time.Time // zero: nothing was typed yet
	pass  access.Pass

	carried bool // it can go on elsewhere without signing in
}

// fill returns the form of a page with what was typed so far; before anything
// was, with what the record says.
func (p *Portal) fill(r *http.Request) (sheet, filling, error) {
	var also []access.Right
	if web.Actor(r).May(access.ReadRecord, web.Subject(r)) {
		also = append(also, access.ReadRecord)
	}
	s, pass, err := p.open(r, access.SendMessages, "Form", "more", also...)
	if err != nil {
		return s, filling{}, err
	}
	f := filling{pass: pass}
	if f.Ask, err = p.Forms.Store.Asked(r.Context(), pass, r.PathValue("id")); err != nil {
		return s, f, err
	}
	if f.Form, err = f.Read(); err != nil {
		return s, f, err
	}
	s.Title = f.Form.Title.Say(s.Lang.Tag())
	f.carried = p.carries(f)
	kept, err := p.Forms.Saved.Load(r.Context(), pass, f.Place())
	if err != nil {
		return s, f, err
	}
	if f.Typed, f.Saved = kept.Values, kept.At; !kept.At.IsZero() {
		return s, f, nil
	}
	if len(also) > 0 && f.State == form.Open {
		f.Typed, err = form.Prefill(r.Context(), p.Records, s.also[access.ReadRecord], f.Form, p.Now())
	}
	return s, f, err
}

// formGoOn leads to where whoever fills in a form had come.
func (p *Portal) formGoOn(w http.ResponseWriter, r *http.Request) error {
	s, f, err := p.fill(r)
	if err != nil {
		return err
	}
	to := "/done"
	if f.State == form.Open {
		to = p.step(f, max(f.Page, 1)-1)
	}
	http.Redirect(w, r, s.Link("/forms/"+f.ID+to), http.StatusSeeOther)
	return nil
}

// step returns where the form goes on after a page.
func (p *Portal) step(f filling, after int) string {
	if n := question.Next(f.Form, f.Typed, after); n > 0 {
		return "/" + strconv.Itoa(n)
	}
	return "/check"
}

// sheetOf returns the questions of the page that the address names. The
// address of a page that is not asked now leads to the next one.
func (p *Portal) sheetOf(r *http.Request, s sheet, f filling) (*question.Sheet, error) {
	n, err := strconv.Atoi(r.PathValue("page"))
	if err != nil {
		return nil, errNoForm.Because(err)
	}
	q, ok := question.New(s.View, f.Form, n, f.Typed)
	if !ok || f.State != form.Open {
		return nil, errNoForm
	}
	return q, nil
}

var errNoForm = errs.New(errs.NotFound, "This page of the form is not here. Please look under your forms.")

// formPage shows a page of a form.
func (p *Portal) formPage(w http.ResponseWriter, r *http.Request) error {
	s, f, err := p.fill(r)
	if err != nil {
		return err
	}
	if f.State != form.Open {
		http.Redirect(w, r, s.Link("/forms/"+f.ID+"/done"), http.StatusSeeOther)
		return nil
	}
	q, err := p.sheetOf(r, s, f)
	if err != nil {
		return err
	}
	return p.render(w, r, formFillPage(s, f, q))
}

// formNext takes a page and goes on to the next.
func (p *Portal) formNext(w http.ResponseWriter, r *http.Request) error {
	if err := p.formFiles().Read(w, r); err != nil {
		return err
	}
	s, f, err := p.fill(r)
	if err != nil {
		return err
	}
	q, err := p.sheetOf(r, s, f)
	if err != nil {
		return err
	}
	refused := p.formFiles().Take(r, f.pass, f.ID, f.Title, q)
	if at, ok := q.Turn(r.PostForm); ok {
		if _, err := p.Forms.Saved.Save(r.Context(), f.pass, f.Place(), q.Typed); err != nil {
			return err
		}
		http.Redirect(w, r, s.Link("/forms/"+f.ID+"/"+strconv.Itoa(q.Number))+"#"+at, http.StatusSeeOther)
		return nil
	}
	whole := q.Take(r.PostForm)
	for link, why := range refused {
		q.Wrong[link], whole = why, false
	}
	f.Typed = q.Typed
	if f.Saved, err = p.Forms.Saved.Save(r.Context(), f.pass, f.Place(), f.Typed); err != nil {
		return err
	}
	if r.PostForm.Has("later") {
		http.Redirect(w, r, s.Link("/forms?kept="+f.ID), http.StatusSeeOther)
		return nil
	}
	if !whole {
		s.Title = s.T("Please check: %s", s.Title)
		w.Header().Set("Cache-Control", "no-store")
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, formFillPage(s, f, q))
	}
	if err := p.Forms.Store.Reached(r.Context(), f.pass, f.ID, q.Number+1); err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/forms/"+f.ID+p.step(f, q.Number)), http.StatusSeeOther)
	return nil
}

// formSave keeps what was typed on a page while it is being typed.
func (p *Portal) formSave(w http.ResponseWriter, r *http.Request) error {
	if err := p.formFiles().Read(w, r); err != nil {
		return err
	}
	s, f, err := p.fill(r)
	if err != nil {
		return err
	}
	q, err := p.sheetOf(r, s, f)
	if err != nil {
		return err
	}
	at, err := p.Forms.Saved.Save(r.Context(), f.pass, f.Place(), q.Page().Merge(f.Typed, r.PostForm))
	if err != nil {
		return err
	}
	p.Site.Saved(w, r, at, s.Zone, s.Link("/forms/"+f.ID+"/"+strconv.Itoa(q.Number)))
	return nil
}

// formCheckData is what is read once more before it is sent.
type formCheckData struct {
	filling
	Lines   []question.Line
	Sign    string
	Problem string
}

// formCheck shows everything once more, to be signed and sent.
func (p *Portal) formCheck(w http.ResponseWriter, r *http.Request) error {
	s, f, err := p.fill(r)
	if err != nil {
		return err
	}
	if f.State != form.Open {
		http.Redirect(w, r, s.Link("/forms/"+f.ID+"/done"), http.StatusSeeOther)
		return nil
	}
	return p.render(w, r, formCheckPage(s, formCheckData{filling: f, Lines: question.Lines(s.Lang, f.Form, f.Typed)}))
}

// formSend sends a form.
func (p *Portal) formSend(w http.ResponseWriter, r *http.Request) error {
	s, f, err := p.fill(r)
	if err != nil {
		return err
	}
	sign := r.PostFormValue("sign")
	_, err = p.Forms.Store.Send(r.Context(), f.pass, f.ID, form.Sending{Typed: f.Typed, Sign: sign, Lang: s.Lang.Tag(), Zone: s.Zone})
	if more, ok := errors.AsType[*form.Incomplete](err); ok {
		q, ok := question.New(s.View, f.Form, more.Page, f.Typed)
		if !ok {
			return errNoForm
		}
		q.Wrong = more.Wrong
		s.Title = s.T("Please check: %s", s.Title)
		w.Header().Set("Cache-Control", "no-store")
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, formFillPage(s, f, q))
	}
	if errs.KindOf(err) == errs.Invalid {
		d := formCheckData{filling: f, Lines: question.Lines(s.Lang, f.Form, f.Typed), Sign: sign, Problem: s.T(errs.Say(err))}
		s.Title = s.T("Please check: %s", s.Title)
		w.Header().Set("Cache-Control", "no-store")
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, formCheckPage(s, d))
	}
	if err != nil && f.State == form.Open {
		return err
	}
	http.Redirect(w, r, s.Link("/forms/"+f.ID+"/done"), http.StatusSeeOther)
	return nil
}

// formDoneData is what is said of a form that was sent.
type formDoneData struct {
	filling
	Lines  []question.Line // where the reader may see the record
	Sign   std.Signature
	Due    time.Time // when somebody answers
	Answer string    // what the clinic said back
}

// formDone says that a form came, and shows what was sent.
func (p *Portal) formDone(w http.ResponseWriter, r *http.Request) error {
	s, f, err := p.fill(r)
	if err != nil {
		return err
	}
	if f.State != form.Sent {
		http.Redirect(w, r, s.Link("/forms/"+f.ID), http.StatusSeeOther)
		return nil
	}
	d := formDoneData{filling: f}
	if p.Tasks != nil {
		if t, err := p.Tasks.Get(r.Context(), f.pass, f.Task); err == nil && t.Status.Open() {
			d.Due = t.Due
		} else if err == nil {
			d.Answer = t.Answer
		}
	}
	if pass, ok := s.also[access.ReadRecord]; ok {
		switch read, err := p.Forms.Store.Response(r.Context(), pass, f.ID); {
		case err == nil:
			d.Lines, d.Sign = question.Filled(s.Lang, read.Form, read.Filled), read.Filled.Sign
		case errs.KindOf(err) != errs.NotFound: // what the reader may not see is left out
			return err
		}
	}
	return p.render(w, r, formDonePage(s, d))
}

// formTasks returns what there is to do about forms, for the home page.
func (p *Portal) formTasks(r *http.Request, s sheet, pass access.Pass) ([]need, error) {
	if p.Forms == nil || !s.may(access.SendMessages) {
		return nil, nil
	}
	list, err := p.Forms.Store.Waiting(r.Context(), pass, formsHome)
	if err != nil {
		return nil, err
	}
	var needs []need
	for _, a := range list {
		sub := s.T("Asked on %s", s.day(a.Asked))
		if !a.Due.IsZero() {
			sub = s.T("Please send it by %s", s.day(a.Due))
		}
		needs = append(needs, need{Href: s.Link("/forms/" + a.ID), Icon: "file-text", Title: s.T("Fill in: %s", a.Named(s.Lang.Tag())), Sub: sub, Button: s.T("Fill in")})
	}
	return needs, nil
}

// titleOf is the title of a form in the reader's language.
func titleOf(s sheet, v form.Version) string {
	if q, err := v.Read(); err == nil {
		return q.Title.Say(s.Lang.Tag())
	}
	return v.Title
}

// reviewed says whether somebody has read a form.
func reviewed(s sheet, a form.Ask) string {
	if a.Reviewed.IsZero() {
		return s.T("Not read yet")
	}
	return s.T("Read by your care team")
}

// place says which page of how many one is on.
func place(s sheet, q *question.Sheet) string {
	n, of := q.Place()
	if of == 1 {
		return q.Form.Title.Say(s.Lang.Tag())
	}
	return s.T("%s, page %d of %d", q.Form.Title.Say(s.Lang.Tag()), n, of)
}
