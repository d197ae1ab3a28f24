package desk

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/thread"
	"hale/internal/care/translation"
	"hale/internal/face/web"
)

// Translations is what the desk needs of package translation.
type Translations interface {
	Of(ctx context.Context, pass access.Pass, typ string) (map[string]translation.Translation, error)
	Able(ctx context.Context, tag string) (bool, error)
	Waits(ctx context.Context, pass access.Pass, n int) ([]translation.Work, error)
	Lately(ctx context.Context, pass access.Pass, n int) ([]translation.Work, error)
	Whose(ctx context.Context, pass access.Pass, id string) (string, error)
	Get(ctx context.Context, pass access.Pass, id string) (translation.Text, error)
	Take(ctx context.Context, pass access.Pass, id string) error
	Sign(ctx context.Context, pass access.Pass, id string, in translation.Signed) error
	Refuse(ctx context.Context, pass access.Pass, id, why string) error
	Speaks(ctx context.Context, account string) ([]string, error)
	SetSpeaks(ctx context.Context, pass access.Pass, account string, tags []string) error
}

const translationsPath = "/desk/translations"

// translationRoutes adds the pages of what waits to be translated.
func (d *Desk) translationRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET "+translationsPath, d.listTranslations)
	page("GET "+translationsPath+"/{id}", d.showTranslation)
	page("POST "+translationsPath+"/{id}", d.signTranslation)
	page("POST "+translationsPath+"/{id}/take", d.takeTranslation)
	page("POST "+translationsPath+"/{id}/refuse", d.refuseTranslation)
	if d.Members != nil {
		page("POST /desk/users/{id}/languages", d.saveLanguages)
	}
}

// How what somebody writes is to reach a patient who reads another language.
const (
	inTheirs    = "theirs" // it is in that language
	byAnother   = "ask"    // somebody translates it
	asItIs      = "plain"  // in English alone
	ourLanguage = "en"
)

// wordsChoice asks in which language somebody writes to a patient.
type wordsChoice struct {
	Tag, Name string // of the patient's language; empty: nothing is asked
	How       string
	Able      bool // somebody here may translate into it
}

// choice returns what to ask about the words to a patient who reads tag.
func (d *Desk) choice(r *http.Request, tag, how string) (wordsChoice, error) {
	l, ok := translation.Of(tag)
	if !ok || d.Translations == nil {
		return wordsChoice{}, nil
	}
	able, err := d.Translations.Able(r.Context(), l.Tag)
	if err != nil {
		return wordsChoice{}, err
	}
	c := wordsChoice{Tag: l.Tag, Name: l.Name, How: how, Able: able}
	if how == "" {
		if c.How = inTheirs; able {
			c.How = byAnother
		}
	}
	return c, nil
}

// words returns text as a message in the language that was chosen.
func (c wordsChoice) words(text string) thread.Words {
	w := thread.Words{Text: text}
	w.Lang, w.Translate = c.langs()
	return w
}

// asks says whether somebody is to translate it.
func (c wordsChoice) asks() bool { return c.Tag != "" && c.How == byAnother }

// told returns what a message says that tells of text: where it is translated,
// that too, in the patient's language.
func (c wordsChoice) told(text string) string {
	if !c.asks() || strings.TrimSpace(text) == "" {
		return text
	}
	return strings.TrimSpace(text) + "\n\n" + lang.Pick("", c.Tag).T("A translation is coming. We tell you when it is here.")
}

// langs returns the language of what was written, and the one into which it is
// to be translated; empty where nobody said.
func (c wordsChoice) langs() (lang, into string) {
	switch {
	case c.Tag == "":
		return "", ""
	case c.How == inTheirs:
		return c.Tag, ""
	case c.How == byAnother:
		return ourLanguage, c.Tag
	case c.How == asItIs:
		return ourLanguage, ""
	}
	return "", ""
}

// translationLanguage names the language of a tag.
func translationLanguage(tag string) string {
	if l, ok := translation.Of(tag); ok {
		return l.Name
	}
	return tag
}

// translationSaid says how far the translation of something is.
func (d *Desk) translationSaid(t translation.Translation) string {
	name := translationLanguage(t.Lang)
	switch {
	case t.Refused:
		return "Not translated into " + name + ". The patient reads it as it is."
	case t.Late():
		return "A translation into " + name + " was asked for " + d.clock(t.Asked) + " and is late. The patient reads this until it is there, and was told."
	case t.Coming():
		return "A translation into " + name + " was asked for " + d.clock(t.Asked) + ". The patient reads this until it is there."
	case t.By == "":
		return "In " + name + ":"
	}
	return "In " + name + ", translated and signed by " + t.By + ", " + d.clock(t.At) + ":"
}

// translated returns the translations of a patient's things of one sort; none
// where nothing is translated here.
func (d *Desk) translated(r *http.Request, pass access.Pass, typ string) (map[string]translation.Translation, error) {
	if d.Translations == nil {
		return nil, nil
	}
	return d.Translations.Of(r.Context(), pass, typ)
}

// translationRow is one translation in a list.
type translationRow struct {
	Href, Title, Sub, Due, Owner string
	Late, Mine, Fits             bool
}

// translationsView is the list.
type translationsView struct {
	Said   string
	Speaks string // the languages of the reader; empty: none
	Rows   []translationRow
	Done   []translationRow
}

// translationTitle says what is to be translated.
func translationTitle(w translation.Work) string {
	if w.Type == translation.Report {
		return "What was said about a result, into " + translationLanguage(w.Lang)
	}
	if w.Type == translation.Answer {
		return "An answer to a request, into " + translationLanguage(w.Lang)
	}
	return "A message, into " + translationLanguage(w.Lang)
}

// raisedTranslation says whom a late translation was raised to.
func raisedTranslation(w translation.Work) string {
	if w.RaisedTo == "" {
		return "all who translate"
	}
	return w.RaisedName
}

// listTranslations lists what waits to be translated.
func (d *Desk) listTranslations(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.Translate)
	if err != nil {
		return err
	}
	list, err := d.Translations.Waits(r.Context(), pass, queueMost)
	if err != nil {
		return err
	}
	done, err := d.Translations.Lately(r.Context(), pass, 20)
	if err != nil {
		return err
	}
	speaks, err := d.Translations.Speaks(r.Context(), web.Actor(r).ID)
	if err != nil {
		return err
	}
	v := translationsView{Said: translationNote(r.URL.Query().Get("note")), Speaks: languageNames(speaks)}
	names := map[string]string{}
	for _, one := range list {
		row, err := d.translationRow(r, one, speaks, names)
		if err != nil {
			return err
		}
		v.Rows = append(v.Rows, row)
	}
	for _, one := range done {
		by, err := d.accountName(r, one.ClosedBy, names)
		if err != nil {
			return err
		}
		row := translationRow{Href: translationsPath + "/" + one.ID, Title: translationTitle(one), Sub: "Signed by " + by + ", " + d.clock(one.Closed)}
		if one.Why != "" {
			row.Sub = "Not translated: " + one.Why
		}
		v.Done = append(v.Done, row)
	}
	return d.Site.Render(w, r, http.StatusOK, translationsPage(d.view(r, "Translations", "queue"), v))
}

func (d *Desk) translationRow(r *http.Request, one translation.Work, speaks []string, names map[string]string) (row translationRow, err error) {
	row = translationRow{Href: translationsPath + "/" + one.ID, Title: translationTitle(one), Fits: slices.Contains(speaks, one.Lang), Mine: one.Owner == web.Actor(r).ID}
	row.Due, row.Late = d.clockOf(one.Due)
	by, err := d.accountName(r, one.AskedBy, names)
	if err == nil && one.Owner != "" {
		row.Owner, err = d.accountName(r, one.Owner, names)
	}
	row.Sub = "Asked by " + by + ", " + d.clock(one.Asked)
	if !one.Raised.IsZero() {
		row.Sub += ", raised to " + raisedTranslation(one) + ", " + d.clock(one.Raised) + "; the patient was told that it is late"
	}
	return row, err
}

// translationRows are those in the queue.
func (d *Desk) translationRows(r *http.Request, pass access.Pass) ([]queueRow, error) {
	if d.Translations == nil {
		return nil, nil
	}
	list, err := d.Translations.Waits(r.Context(), pass, queueMost)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	var rows []queueRow
	for _, one := range list {
		row := queueRow{Href: translationsPath + "/" + one.ID, Icon: "message-square", Title: translationTitle(one), Sub: "asked " + ago(one.Asked, d.now()), patient: one.Patient,
			Mine: one.Owner != "" && one.Owner == web.Actor(r).ID}
		if !may(r, access.FindPatients) {
			row.Who = "For a patient"
		}
		if one.Owner != "" {
			if row.Owner, err = d.accountName(r, one.Owner, names); err != nil {
				return nil, err
			}
		}
		rows = append(rows, d.dated(row, one.Due))
	}
	return rows, nil
}

// translationView is one translation, opened.
type translationView struct {
	Href, Title, Language, Lang string
	By, Asked, Due, Owner       string
	Late, Mine, Fits, Closed    bool
	Original, Text, Err, Why    string
	Version                     string
	Said                        string
	Patient                     string // the record's page; empty: the reader opens no records
}

// textOf opens the translation of a page. Another's is not there.
func (d *Desk) textOf(r *http.Request) (access.Pass, translation.Text, error) {
	all, err := d.all(r, access.Translate)
	if err != nil {
		return all, translation.Text{}, err
	}
	whose, err := d.Translations.Whose(r.Context(), all, r.PathValue("id"))
	if err != nil {
		return all, translation.Text{}, err
	}
	pass, err := d.one(r, access.Translate, whose)
	if err != nil {
		return pass, translation.Text{}, err
	}
	t, err := d.Translations.Get(r.Context(), pass, r.PathValue("id"))
	return pass, t, err
}

// showTranslation shows the words to be translated, with a box beside them.
func (d *Desk) showTranslation(w http.ResponseWriter, r *http.Request) error {
	_, t, err := d.textOf(r)
	if err != nil {
		return err
	}
	return d.renderTranslation(w, r, http.StatusOK, t, "", "")
}

func (d *Desk) renderTranslation(w http.ResponseWriter, r *http.Request, status int, t translation.Text, text, problem string) error {
	speaks, err := d.Translations.Speaks(r.Context(), web.Actor(r).ID)
	if err != nil {
		return err
	}
	names := map[string]string{}
	asked, err := d.accountName(r, t.AskedBy, names)
	if err != nil {
		return err
	}
	v := translationView{Href: translationsPath + "/" + t.ID, Title: translationTitle(t.Work), Language: translationLanguage(t.Lang), Lang: t.Lang, By: t.By, Original: t.Original,
		Asked: asked + ", " + d.clock(t.Asked), Text: text, Err: problem, Why: t.Why, Closed: !t.Closed.IsZero(), Version: strconv.FormatInt(t.Version, 10),
		Fits: slices.Contains(speaks, t.Lang), Mine: t.Owner == web.Actor(r).ID, Said: translationNote(r.URL.Query().Get("note"))}
	v.Due, v.Late = d.clockOf(t.Due)
	if t.Owner != "" {
		if v.Owner, err = d.accountName(r, t.Owner, names); err != nil {
			return err
		}
	}
	if opens(r, access.ReadRecord) {
		v.Patient = "/desk/patients/" + t.Patient
	}
	return d.Site.Render(w, r, status, translationPage(d.view(r, v.Title, "queue"), v))
}

// signTranslation takes a translation, with the name of who signs it.
func (d *Desk) signTranslation(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, t, err := d.textOf(r)
	if err != nil {
		return err
	}
	version, _ := strconv.ParseInt(in.Get("version"), 10, 64) // no number is no version
	err = d.Translations.Sign(r.Context(), pass, t.ID, translation.Signed{Text: in.Get("text"), Version: version, Agreed: in.Get("agreed") == "yes"})
	return d.afterTranslation(w, r, t, in.Get("text"), "signed", err)
}

// refuseTranslation says that nobody translates it.
func (d *Desk) refuseTranslation(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, t, err := d.textOf(r)
	if err != nil {
		return err
	}
	return d.afterTranslation(w, r, t, "", "refused", d.Translations.Refuse(r.Context(), pass, t.ID, in.Get("why")))
}

// afterTranslation goes back to the list, or shows what could not be taken.
func (d *Desk) afterTranslation(w http.ResponseWriter, r *http.Request, t translation.Text, text, note string, err error) error {
	if status, say, ok := mended(err); ok {
		return d.renderTranslation(w, r, status, t, text, say)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, translationsPath+"?note="+note, http.StatusSeeOther)
	return nil
}

// takeTranslation makes the reader the one who does it, or lets it go.
func (d *Desk) takeTranslation(w http.ResponseWriter, r *http.Request) error {
	pass, t, err := d.textOf(r)
	if err != nil {
		return err
	}
	if err := d.Translations.Take(r.Context(), pass, t.ID); err != nil {
		return err
	}
	http.Redirect(w, r, translationsPath+"/"+t.ID, http.StatusSeeOther)
	return nil
}

func translationNote(note string) string {
	switch note {
	case "signed":
		return "Signed. The patient reads the translation first, and is told that it is there."
	case "refused":
		return "Noted. The patient keeps the words as they were written."
	}
	return ""
}
