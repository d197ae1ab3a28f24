package desk

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	forms "hale/internal/care/form"
	std "hale/internal/standard/form"
)

// formView is one version of a form, to be looked at or built.
type formView struct {
	forms.Version
	forms.Use
	Form     *std.Questionnaire
	Rows     []itemRow
	Groups   []itemRow
	Versions []forms.Version
	Edits    bool
	Base     string // what the address of a web form begins with
	Said     string
	Err      string
	Problems std.Problems
	Terms    forms.Consent // what strangers agree to
}

// itemRow is a line of the builder.
type itemRow struct {
	N, Depth             int
	Link, Text, What, If string
	Group                bool
}

// theForm returns the form of the address.
func (d *Desk) theForm(r *http.Request) (forms.Version, *std.Questionnaire, forms.Use, error) {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return forms.Version{}, nil, forms.Use{}, err
	}
	v, use, err := d.Forms.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return v, nil, use, err
	}
	q, err := v.Read()
	if p, ok := problemsOf(err); ok {
		err = errs.New(errs.Invalid, "This form came from another system and cannot be shown here: "+p[0].String()).Because(err)
	}
	return v, q, use, err
}

// problemsOf returns what is wrong with a form that cannot be used.
func problemsOf(err error) (std.Problems, bool) { return errors.AsType[std.Problems](err) }

// showForm shows a version: a draft to be built, another one to be read.
func (d *Desk) showForm(w http.ResponseWriter, r *http.Request) error {
	return d.renderForm(w, r, http.StatusOK, formView{Said: formSaid(r.URL.Query().Get("note"))})
}

func (d *Desk) renderForm(w http.ResponseWriter, r *http.Request, status int, v formView) error {
	version, q, use, err := d.theForm(r)
	if err != nil {
		return err
	}
	v.Version, v.Use, v.Form, v.Edits, v.Base = version, use, q, version.Status == forms.Draft, d.Base+"/f/"
	if v.Terms, err = d.Forms.Consent(r.Context(), use); err != nil {
		return err
	}
	n := 0
	q.Each(func(it *std.Item, depth int) bool {
		n++
		row := itemRow{N: n, Depth: depth, Link: it.LinkID, Text: it.Text.Words, What: kindOfItem(it), If: conditionWords(q, it), Group: it.Type == std.Group}
		v.Rows = append(v.Rows, row)
		if row.Group {
			v.Groups = append(v.Groups, row)
		}
		return true
	})
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	list, err := d.Forms.List(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, f := range list {
		if f.URL == version.URL {
			v.Versions = f.Versions
		}
	}
	return d.Site.Render(w, r, status, formPage(d.view(r, version.Title, "forms"), v))
}

// changeForm does something to the form of the page and shows it again.
func (d *Desk) changeForm(w http.ResponseWriter, r *http.Request, change func(q *std.Questionnaire) error) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	stored, err := strconv.ParseInt(r.PostFormValue("stored"), 10, 64)
	if err != nil {
		return errWhole.Because(err)
	}
	err = d.Forms.Change(r.Context(), pass, r.PathValue("id"), stored, change)
	return d.changedForm(w, r, "saved", err)
}

// changedForm shows the form after something was done to it, or why it was
// not.
func (d *Desk) changedForm(w http.ResponseWriter, r *http.Request, note string, err error) error {
	if p, ok := problemsOf(err); ok {
		return d.renderForm(w, r, http.StatusUnprocessableEntity, formView{Problems: p})
	}
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.Conflict {
		return d.renderForm(w, r, http.StatusUnprocessableEntity, formView{Err: errs.Say(err)})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, formsPath+"/"+r.PathValue("id")+"?note="+note, http.StatusSeeOther)
	return nil
}

// saveForm changes what stands above the questions.
func (d *Desk) saveForm(w http.ResponseWriter, r *http.Request) error {
	return d.changeForm(w, r, func(q *std.Questionnaire) error {
		bands, err := readBands(r.PostFormValue("bands"))
		if err != nil {
			return err
		}
		q.Title, q.About = spoken(r, "title"), spoken(r, "about")
		q.Signed, q.Bands = r.PostFormValue("signed") != "", bands
		return nil
	})
}

// spoken reads a text with its Spanish.
func spoken(r *http.Request, name string) std.Text {
	t := std.Text{Words: strings.TrimSpace(cut(r.PostFormValue(name), std.MaxText))}
	if es := strings.TrimSpace(cut(r.PostFormValue(name+"_es"), std.MaxText)); es != "" {
		t.In = map[string]string{"es": es}
	}
	return t
}

var errBands = errs.New(errs.Invalid, "Please write what a sum means like this, one a line: 10 moderate")

// readBands reads what sums mean, one a line: from which number on, and what.
func readBands(text string) (list []std.Band, err error) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		number, words, _ := strings.Cut(line, " ")
		n, err := strconv.Atoi(number)
		if err != nil || strings.TrimSpace(words) == "" {
			return nil, errBands
		}
		list = append(list, std.Band{From: n, Words: strings.TrimSpace(words)})
	}
	return list, nil
}

func bandLines(list []std.Band) string {
	var b strings.Builder
	for _, x := range list {
		b.WriteString(strconv.Itoa(x.From) + " " + x.Words + "\n")
	}
	return b.String()
}

// addItem adds a question or a page, and leads to it.
func (d *Desk) addItem(w http.ResponseWriter, r *http.Request) error {
	text := strings.TrimSpace(cut(r.PostFormValue("text"), 1000))
	if text == "" {
		return d.renderForm(w, r, http.StatusUnprocessableEntity, formView{Err: "Please write the words of the question."})
	}
	return d.changeForm(w, r, func(q *std.Questionnaire) error {
		it := std.Item{Type: std.Type(r.PostFormValue("kind")), Text: std.Text{Words: text}}
		group := r.PostFormValue("group")
		switch {
		case it.Type == std.Group:
			it.Items = []std.Item{{LinkID: newLink(q), Type: std.String, Text: std.Text{Words: "Your question"}}}
			group = ""
		case it.Type.Chooses():
			it.Options = []std.Option{newOption("Yes"), newOption("No")}
		}
		q.Add(group, it)
		return nil
	})
}

// newLink is a link id that no item has, and none gets by Add beside it.
func newLink(q *std.Questionnaire) string {
	for n := 1; ; n++ {
		if link := "i" + strconv.Itoa(n); q.Item(link) == nil {
			return link
		}
	}
}

// moveForm publishes, retires or revises a version.
func (d *Desk) moveForm(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	switch r.PostFormValue("to") {
	case "publish":
		return d.changedForm(w, r, "published", d.Forms.Publish(r.Context(), pass, id))
	case "retire":
		return d.changedForm(w, r, "retired", d.Forms.Retire(r.Context(), pass, id))
	case "revise":
		v, err := d.Forms.Revise(r.Context(), pass, id)
		if err != nil {
			return d.changedForm(w, r, "", err)
		}
		http.Redirect(w, r, formsPath+"/"+v.ID, http.StatusSeeOther)
		return nil
	}
	return errNowhere
}

// useForm decides who may fill a form in.
func (d *Desk) useForm(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	_, _, use, err := d.theForm(r)
	if err != nil {
		return err
	}
	use.Open, use.Office = r.PostFormValue("open") != "", r.PostFormValue("office") != ""
	use.Slug, use.Consent = r.PostFormValue("slug"), r.PostFormValue("consent")
	if err = d.Forms.SetUse(r.Context(), pass, use); err == nil {
		err = d.Forms.SetConsent(r.Context(), pass, use, map[string]string{"es": r.PostFormValue("consent_es")})
	}
	return d.changedForm(w, r, "saved", err)
}

// exportForm sends a version as FHIR JSON, to be saved.
func (d *Desk) exportForm(w http.ResponseWriter, r *http.Request) error {
	v, _, _, err := d.theForm(r)
	if err != nil {
		return err
	}
	var body json.RawMessage = v.Body()
	text, err := json.MarshalIndent(body, "", "\t")
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/fhir+json")
	h.Set("Content-Disposition", `attachment; filename="questionnaire.json"`)
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Cache-Control", "no-store")
	_, err = w.Write(text)
	return err
}
