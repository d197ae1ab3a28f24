package desk

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	forms "hale/internal/care/form"
	"hale/internal/care/task"
	"hale/internal/face/question"
	std "hale/internal/standard/form"
)

// Forms is what the desk needs of package form.
type Forms interface {
	List(ctx context.Context, pass access.Pass) ([]forms.Form, error)
	Get(ctx context.Context, pass access.Pass, id string) (forms.Version, forms.Use, error)
	New(ctx context.Context, pass access.Pass, title string) (forms.Version, error)
	AddReady(ctx context.Context, pass access.Pass, key string) (forms.Version, error)
	Import(ctx context.Context, pass access.Pass, body []byte) (forms.Version, error)
	Revise(ctx context.Context, pass access.Pass, id string) (forms.Version, error)
	Change(ctx context.Context, pass access.Pass, id string, stored int64, change func(*std.Questionnaire) error) error
	Publish(ctx context.Context, pass access.Pass, id string) error
	Retire(ctx context.Context, pass access.Pass, id string) error
	SetUse(ctx context.Context, pass access.Pass, u forms.Use) error
	Consent(ctx context.Context, u forms.Use) (forms.Consent, error)
	SetConsent(ctx context.Context, pass access.Pass, u forms.Use, in map[string]string) error
	AgreedTo(ctx context.Context, pass access.Pass, id string) (words, lang string, err error)
	Mine(ctx context.Context, pass access.Pass, n int) ([]forms.Ask, error)
	Assign(ctx context.Context, pass access.Pass, form string, due time.Time) (forms.Ask, error)
	Withdraw(ctx context.Context, pass access.Pass, id string) error
	Came(ctx context.Context, pass access.Pass, reviewed bool, n int) ([]forms.Ask, error)
	Whose(ctx context.Context, pass access.Pass, id string) (patient, ask string, err error)
	Response(ctx context.Context, pass access.Pass, id string) (forms.Reading, error)
	Review(ctx context.Context, pass access.Pass, id, answer string) error
	Leads(ctx context.Context, pass access.Pass, n int) ([]forms.Lead, error)
	Lead(ctx context.Context, pass access.Pass, id string) (forms.Lead, error)
	Enrol(ctx context.Context, pass access.Pass, id string) (patient string, err error)
	Link(ctx context.Context, pass access.Pass, id string) (forms.Ask, error)
	Drop(ctx context.Context, pass access.Pass, id, reason string) error
}

// FormNews tells a patient that a form waits for them.
type FormNews interface {
	FormAsked(ctx context.Context, patient string) error
	FormSent(ctx context.Context, pass access.Pass, ask string) error // with a link to it
}

const formsPath = "/desk/forms"

// formsCame is how many forms that came are listed.
const formsCame = 50

// formRoutes adds the pages of forms.
func (d *Desk) formRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET "+formsPath, d.listForms)
	page("POST "+formsPath, d.newForm)
	page("POST "+formsPath+"/import", d.importForm)
	page("GET "+formsPath+"/responses/{id}", d.showResponse)
	page("POST "+formsPath+"/responses/{id}", d.reviewResponse)
	page("GET "+formsPath+"/leads/{id}", d.showLead)
	page("POST "+formsPath+"/leads/{id}", d.settleLead)
	page("GET "+formsPath+"/{id}", d.showForm)
	page("POST "+formsPath+"/{id}", d.saveForm)
	page("POST "+formsPath+"/{id}/do/add", d.addItem)
	page("POST "+formsPath+"/{id}/do/move", d.moveForm)
	page("POST "+formsPath+"/{id}/do/use", d.useForm)
	page("GET "+formsPath+"/{id}/do/export", d.exportForm)
	page("GET "+formsPath+"/{id}/try/{page}", d.tryForm)
	page("POST "+formsPath+"/{id}/try/{page}", d.tryForm)
	page("GET "+formsPath+"/{id}/items/{n}", d.editItem)
	page("POST "+formsPath+"/{id}/items/{n}", d.saveItem)
	page("POST "+formsPath+"/{id}/items/{n}/move", d.moveItem)
	page("GET /desk/patients/{id}/forms", d.patientForms)
	page("POST /desk/patients/{id}/forms", d.assignForm)
	page("POST /desk/patients/{id}/forms/{ask}/withdraw", d.withdrawForm)
}

// formsView is the list of forms.
type formsView struct {
	Forms    []forms.Form
	Ready    []forms.Ready
	Leads    []forms.Lead
	Makes    bool // the reader makes and changes forms, too
	Came     []cameRow
	Said     string
	Err      string
	Problems std.Problems
	Text     string // what was to be imported
}

// cameRow is a form that came.
type cameRow struct {
	forms.Ask
	Who, When string
}

// listForms lists the forms, what came, and what strangers sent.
func (d *Desk) listForms(w http.ResponseWriter, r *http.Request) error {
	return d.renderForms(w, r, http.StatusOK, formsView{Said: formSaid(r.URL.Query().Get("note"))})
}

func (d *Desk) renderForms(w http.ResponseWriter, r *http.Request, status int, v formsView) error {
	pass, err := d.all(r, clerkRight(r))
	if err != nil {
		return err
	}
	v.Makes = may(r, access.AnswerPatients)
	if v.Forms, err = d.Forms.List(r.Context(), pass); err != nil {
		return err
	}
	if v.Ready, err = forms.ReadyForms(); err != nil {
		return err
	}
	if v.Leads, err = d.Forms.Leads(r.Context(), pass, formsCame); err != nil {
		return err
	}
	came, err := d.Forms.Came(r.Context(), pass, false, formsCame)
	if err != nil {
		return err
	}
	if v.Came, err = d.cameRows(r, came); err != nil {
		return err
	}
	return d.Site.Render(w, r, status, formsPage(d.view(r, "Forms", "forms"), v))
}

func (d *Desk) cameRows(r *http.Request, came []forms.Ask) ([]cameRow, error) {
	rows := make([]cameRow, len(came))
	if len(came) == 0 {
		return rows, nil
	}
	find, err := d.all(r, access.FindPatients)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(came))
	for i, a := range came {
		ids[i] = a.Patient
	}
	people, err := d.Patients.Named(r.Context(), find, ids)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, p := range people {
		names[p.ID] = p.Full
	}
	for i, a := range came {
		rows[i] = cameRow{a, names[a.Patient], d.clock(a.SentAt)}
	}
	return rows, nil
}

// formSaid says what was done.
func formSaid(note string) string {
	return map[string]string{
		"reviewed": "Noted: you have read it. The patient sees it, too.", "linked": "It is in the record now.", "enrolled": "There is a new patient, and the form is in the record.",
		"dropped": "Put away. What it said is gone.", "published": "Published. Patients fill in this version from now on.", "retired": "Retired. Nobody is asked to fill it in any more.",
		"saved": "Saved.", "asked": "Asked. The patient finds it on the home page.", "told": "Asked, and the patient is told that a form waits.", "withdrawn": "Taken back.",
	}[note]
}

// newForm makes a form, from nothing or from one that comes with Hale.
func (d *Desk) newForm(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	var v forms.Version
	if key := r.PostFormValue("ready"); key != "" {
		v, err = d.Forms.AddReady(r.Context(), pass, key)
	} else if title := strings.TrimSpace(r.PostFormValue("title")); title != "" {
		v, err = d.Forms.New(r.Context(), pass, cut(title, 200))
	} else {
		err = errs.New(errs.Invalid, "Please give the form a title.")
	}
	return d.madeForm(w, r, v, "", err)
}

// importForm makes a form of a Questionnaire as JSON.
func (d *Desk) importForm(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	text := r.PostFormValue("json")
	v, err := d.Forms.Import(r.Context(), pass, []byte(text))
	return d.madeForm(w, r, v, text, err)
}

// madeForm leads to a new form, or says why there is none.
func (d *Desk) madeForm(w http.ResponseWriter, r *http.Request, v forms.Version, text string, err error) error {
	if problems, ok := problemsOf(err); ok {
		return d.renderForms(w, r, http.StatusUnprocessableEntity, formsView{Problems: problems, Text: text})
	}
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.Conflict {
		return d.renderForms(w, r, http.StatusUnprocessableEntity, formsView{Err: errs.Say(err), Text: text})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, formsPath+"/"+v.ID, http.StatusSeeOther)
	return nil
}

// responseView is a form that came.
type responseView struct {
	forms.Reading
	Who, Patient, When string
	Lines              []question.Line
	Said, Err          string
	Answers            bool
}

// readResponse returns a form that came, with a pass to answer it.
func (d *Desk) readResponse(r *http.Request) (responseView, error) {
	everyone, err := d.all(r, clerkRight(r))
	if err != nil {
		return responseView{}, err
	}
	patient, ask, err := d.Forms.Whose(r.Context(), everyone, r.PathValue("id"))
	if err != nil {
		return responseView{}, err
	}
	pass, err := d.paper(r, patient)
	if err != nil {
		return responseView{}, err
	}
	return d.responseOf(r, pass, ask)
}

func (d *Desk) responseOf(r *http.Request, pass access.Pass, ask string) (v responseView, err error) {
	if v.Reading, err = d.Forms.Response(r.Context(), pass, ask); err != nil {
		return v, err
	}
	people, err := d.named(r, v.Ask.Patient)
	if err != nil {
		return v, err
	}
	v.Who, v.Patient, v.When = people[v.Ask.Patient].Full, "/desk/patients/"+v.Ask.Patient, d.clock(v.SentAt)
	v.Lines = question.Filled(lang.English, v.Form, v.Filled)
	return v, nil
}

// showResponse shows a form that came, to be read, printed and reviewed.
func (d *Desk) showResponse(w http.ResponseWriter, r *http.Request) error {
	v, err := d.readResponse(r)
	if err != nil {
		return err
	}
	v.Said = formSaid(r.URL.Query().Get("note"))
	return d.Site.Render(w, r, http.StatusOK, responsePage(d.view(r, v.Title, "forms"), v))
}

// reviewResponse notes that somebody has read a form.
func (d *Desk) reviewResponse(w http.ResponseWriter, r *http.Request) error {
	v, err := d.readResponse(r)
	if err != nil {
		return err
	}
	pass, err := d.clerk(r, v.Ask.Patient)
	if err != nil {
		return err
	}
	if err := d.Forms.Review(r.Context(), pass, v.ID, cut(r.PostFormValue("answer"), 4000)); err != nil {
		return err
	}
	http.Redirect(w, r, formsPath+"/responses/"+v.ID+"?note=reviewed", http.StatusSeeOther)
	return nil
}

// panelOfForm shows a form on the page of its task.
func (d *Desk) panelOfForm(r *http.Request, _ access.Pass, t task.Task) (panel, error) {
	if d.Forms == nil || t.Values["form"] == "" {
		return panel{}, nil
	}
	pass, err := d.paper(r, t.Patient)
	if err != nil {
		return panel{}, err
	}
	v, err := d.responseOf(r, pass, t.Values["form"])
	if errs.KindOf(err) == errs.NotFound {
		return panel{}, nil
	}
	return panel{Body: responseBody(d.view(r, "", ""), v)}, err
}

// patientFormsView are the forms of one patient.
type patientFormsView struct {
	Who, Patient string
	Asks         []forms.Ask
	Forms        []forms.Version
	Said, Err    string
}

// patientForms lists the forms of a patient, and those that can be asked.
func (d *Desk) patientForms(w http.ResponseWriter, r *http.Request) error {
	return d.renderPatientForms(w, r, http.StatusOK, "")
}

func (d *Desk) renderPatientForms(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	id := r.PathValue("id")
	pass, err := d.paper(r, id)
	if err != nil {
		return err
	}
	people, err := d.named(r, id)
	if err != nil {
		return err
	}
	who := people[id]
	v := patientFormsView{Who: who.Full, Patient: "/desk/patients/" + id, Said: formSaid(r.URL.Query().Get("note")), Err: problem}
	if v.Asks, err = d.Forms.Mine(r.Context(), pass, 100); err != nil {
		return err
	}
	all, err := d.all(r, clerkRight(r))
	if err != nil {
		return err
	}
	list, err := d.Forms.List(r.Context(), all)
	if err != nil {
		return err
	}
	for _, f := range list {
		if n := f.Newest(); n.Status == forms.Published {
			v.Forms = append(v.Forms, n)
		}
	}
	return d.Site.Render(w, r, status, patientFormsPage(d.view(r, "Forms of "+who.Full, "patients"), v))
}

// assignForm asks a patient to fill in a form, and tells them if that is
// wanted.
func (d *Desk) assignForm(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	pass, err := d.clerk(r, id)
	if err != nil {
		return err
	}
	var due time.Time
	if day := strings.TrimSpace(r.PostFormValue("due")); day != "" {
		t, err := time.ParseInLocation(time.DateOnly, day, d.Site.Clinic.Zone)
		if err != nil || t.Before(d.now().AddDate(0, 0, -1)) {
			return d.renderPatientForms(w, r, http.StatusUnprocessableEntity, "Please give a day that is still to come.")
		}
		due = t.Add(17 * time.Hour)
	}
	ask, err := d.Forms.Assign(r.Context(), pass, r.PostFormValue("form"), due)
	if err != nil {
		if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany || kind == errs.NotFound {
			return d.renderPatientForms(w, r, http.StatusUnprocessableEntity, errs.Say(err))
		}
		return err
	}
	note := "asked"
	if r.PostFormValue("tell") != "" && d.FormNews != nil {
		err, note = d.tellOfForm(r, pass, ask.ID), "told"
		if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooMany {
			return d.renderPatientForms(w, r, http.StatusUnprocessableEntity, errs.Say(err))
		}
		if err != nil {
			return err
		}
	}
	http.Redirect(w, r, "/desk/patients/"+id+"/forms?note="+note, http.StatusSeeOther)
	return nil
}

// tellOfForm tells a patient that a form waits, with a link to it if that is
// wanted.
func (d *Desk) tellOfForm(r *http.Request, pass access.Pass, ask string) error {
	if r.PostFormValue("open") != "" {
		return d.FormNews.FormSent(r.Context(), pass, ask)
	}
	return d.FormNews.FormAsked(r.Context(), r.PathValue("id"))
}

// withdrawForm takes back what a patient was asked.
func (d *Desk) withdrawForm(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	pass, err := d.clerk(r, id)
	if err != nil {
		return err
	}
	if err := d.Forms.Withdraw(r.Context(), pass, r.PathValue("ask")); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/patients/"+id+"/forms?note=withdrawn", http.StatusSeeOther)
	return nil
}

// tried is what the desk typed to try a form out.
func tried(in url.Values) url.Values {
	typed := url.Values{}
	for k, list := range in {
		if name, ok := strings.CutPrefix(k, "was:"); ok {
			typed[name] = list
		}
	}
	return typed
}

// tryForm shows a form as a patient sees it. Nothing of it is kept: what was
// typed goes with the page.
func (d *Desk) tryForm(w http.ResponseWriter, r *http.Request) error {
	v, q, _, err := d.theForm(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errs.New(errs.Invalid, "The page did not arrive whole. Please send it once more.").Because(err)
	}
	view := d.view(r, "Try out: "+v.Title, "forms")
	if l := r.FormValue("lang"); l == "es" {
		view.Lang = lang.Pick("", "es")
	}
	n, err := whole(r.PathValue("page"))
	if err != nil {
		return err
	}
	sheet, ok := question.New(view, q, n, tried(r.PostForm))
	if !ok {
		return errNowhere
	}
	if _, turned := sheet.Turn(r.PostForm); turned {
		if sheet, ok = question.New(view, q, n, sheet.Typed); !ok {
			return errNowhere
		}
	} else if r.Method == http.MethodPost && sheet.Take(r.PostForm) {
		next := question.Next(q, sheet.Typed, n)
		if next == 0 {
			return d.Site.Render(w, r, http.StatusOK, triedFormPage(view, v, question.Lines(view.Lang, q, sheet.Typed), scoreOf(q, sheet.Typed)))
		}
		typed := sheet.Typed
		if sheet, ok = question.New(view, q, next, typed); !ok {
			return errNowhere
		}
	}
	return d.Site.Render(w, r, http.StatusOK, tryFormPage(view, v, sheet))
}

func scoreOf(q *std.Questionnaire, typed url.Values) std.Score {
	q = q.Unfold(typed)
	return q.Score(q.Read(typed))
}
