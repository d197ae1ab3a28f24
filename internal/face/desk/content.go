package desk

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/result"
	"hale/internal/care/review"
)

// Phrases is what the desk needs of what the clinic says about results.
type Phrases interface {
	Phrases(ctx context.Context, pass access.Pass) ([]review.Phrase, error)
	Remarks(ctx context.Context, pass access.Pass, codes []string) ([]review.Phrase, error)
	Usable(ctx context.Context, pass access.Pass, key string) (review.Phrase, error)
	Write(ctx context.Context, pass access.Pass, p review.Phrase, was int64) (review.Phrase, error)
	Approve(ctx context.Context, pass access.Pass, key string, n int64) error
	Retire(ctx context.Context, pass access.Pass, key string) error
}

const contentPath = "/desk/content"

// contentRoutes are the pages of what the clinic says to patients in its own
// words.
func (d *Desk) contentRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	if d.Reviews == nil {
		return
	}
	page("GET "+contentPath, d.listContent)
	page("GET "+contentPath+"/phrases/{key}", d.showPhrase)
	page("POST "+contentPath+"/phrases/{key}", d.savePhrase)
	page("POST "+contentPath+"/phrases/{key}/approve", d.approvePhrase)
	page("POST "+contentPath+"/phrases/{key}/retire", d.retirePhrase)
}

// placeWords say where a phrase stands.
func placeWords(p review.Place) string {
	switch p {
	case review.Within:
		return "On the page of a result in its range"
	case review.Near:
		return "On the page of a result slightly outside its range"
	case review.Far:
		return "On the page of a result well outside its range"
	}
	return "Comment of whoever looks at results"
}

// phraseRow is one version of a phrase.
type phraseRow struct {
	Href, Key, Name, Place, For string
	N                           int64
	English, Spanish            string
	Warn                        []string // a text that is hard to read
	State, Tone                 string
	Wrote, Decided              string
	Draft, Counts, Comes        bool
}

// contentView is the page of what the clinic says.
type contentView struct {
	Said     string
	Phrases  []phraseRow
	Limits   string // who set the limits of readings, and when
	Readings bool
}

func (d *Desk) listContent(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	all, err := d.Reviews.Phrases(r.Context(), pass)
	if err != nil {
		return err
	}
	v := contentView{Readings: d.Readings != nil, Said: map[string]string{
		"approved": "Approved. Patients may read it from now on.", "retired": "Taken out of use. No patient gets it from now on."}[r.URL.Query().Get("note")]}
	names, seen := d.namer(r), map[string]bool{}
	for _, p := range all {
		if !seen[p.Key] {
			seen[p.Key] = true
			v.Phrases = append(v.Phrases, d.phraseRow(p, names))
		}
	}
	if d.Readings != nil {
		past, err := d.Readings.Past(r.Context(), pass, 1)
		if err != nil {
			return err
		}
		if v.Limits = "As they come with Hale. Nobody here has set them."; len(past) > 0 {
			v.Limits = "The clinic’s own, set by " + past[0].Name + ", " + d.clock(past[0].At) + "."
		}
	}
	if names.err != nil {
		return names.err
	}
	return d.Site.Render(w, r, http.StatusOK, contentPage(d.view(r, "What patients are told", "today"), v))
}

// phraseRow puts a version into words.
func (d *Desk) phraseRow(p review.Phrase, names *namer) phraseRow {
	row := phraseRow{Href: contentPath + "/phrases/" + url.PathEscape(p.Key), Key: p.Key, N: p.N, Name: p.Name, Place: placeWords(p.Place), For: codesWords(p.Codes),
		English: p.Text["en"], Spanish: p.Text["es"], Comes: p.N == 0}
	for _, tag := range [...]string{"en", "es"} {
		if g := p.Grade(tag); g > review.Easy {
			row.Warn = append(row.Warn, map[string]string{"en": "English", "es": "Spanish"}[tag]+": hard to read")
		}
	}
	switch {
	case !p.Over.IsZero():
		row.State, row.Decided = "out of use", "Taken out of use by "+names.of(p.Ended)+", "+d.clock(p.Over)
	case p.N == 0:
		row.State, row.Counts, row.Decided = "comes with Hale", true, "Nobody here has changed it. It is said only by a clinician who chooses it."
	case p.OK.IsZero():
		row.State, row.Tone, row.Draft = "draft", "watch", true
	default:
		row.State, row.Tone, row.Counts, row.Decided = "approved", "good", true, "Approved by "+names.of(p.Approved)+", "+d.clock(p.OK)
	}
	if p.N > 0 {
		row.Wrote = "Version " + strconv.FormatInt(p.N, 10) + ", written by " + names.of(p.By) + ", " + d.clock(p.At)
	}
	return row
}

// codesWords say for which tests a phrase is.
func codesWords(codes []string) string {
	if len(codes) == 0 {
		return "All results"
	}
	list := make([]string, len(codes))
	for i, c := range codes {
		list[i] = c
		if k, ok := result.Lookup(c); ok {
			list[i] = k.Name + " (" + c + ")"
		}
	}
	return strings.Join(list, ", ")
}

// easeWords say how hard a text is to read.
func easeWords(g float64) string {
	switch {
	case g == 0:
		return ""
	case g > review.Easy:
		return fmt.Sprintf("Reading grade %.0f: too hard for many patients. Use shorter words and sentences.", g)
	}
	return fmt.Sprintf("Reading grade %.0f: easy to read.", max(g, 1))
}

// phraseView is the page of one phrase: a form, and its versions.
type phraseView struct {
	Said, Err, Title, Action string
	Was                      int64
	Name, Codes              string
	Place                    review.Place
	English, Spanish         string
	Grades                   [2]string // of what was saved last
	Now                      *phraseRow
	Past                     []phraseRow
	Out                      bool // there is nothing to take out of use
}

// phraseOf returns the versions of the phrase that a page is about; none for
// a new one.
func (d *Desk) phraseOf(r *http.Request) ([]review.Phrase, access.Pass, error) {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil || r.PathValue("key") == "new" {
		return nil, pass, err
	}
	all, err := d.Reviews.Phrases(r.Context(), pass)
	if err != nil {
		return nil, pass, err
	}
	all = slices.DeleteFunc(all, func(p review.Phrase) bool { return p.Key != r.PathValue("key") })
	if len(all) == 0 {
		return nil, pass, errNowhere
	}
	return all, pass, nil
}

func (d *Desk) showPhrase(w http.ResponseWriter, r *http.Request) error {
	list, _, err := d.phraseOf(r)
	if err != nil {
		return err
	}
	return d.phrasePage(w, r, http.StatusOK, list, nil, "")
}

// phrasePage shows a phrase: as it stands, or as somebody typed it.
func (d *Desk) phrasePage(w http.ResponseWriter, r *http.Request, status int, list []review.Phrase, typed *review.Phrase, wrong string) error {
	v := phraseView{Title: "New phrase", Action: contentPath + "/phrases/new", Place: review.Remark, Err: wrong, Out: true}
	if r.URL.Query().Get("note") == "saved" {
		v.Said = "Saved as a draft. No patient reads it before somebody approves it."
	}
	names := d.namer(r)
	for i, p := range list {
		row := d.phraseRow(p, names)
		if i == 0 {
			v.Title, v.Action, v.Was, v.Now = p.Name, row.Href, p.N, &row
			v.Name, v.Codes, v.Place, v.English, v.Spanish = p.Name, strings.Join(p.Codes, " "), p.Place, p.Text["en"], p.Text["es"]
			v.Grades = [2]string{easeWords(p.Grade("en")), easeWords(p.Grade("es"))}
			v.Out = !p.Over.IsZero()
		}
		v.Past = append(v.Past, row)
	}
	if names.err != nil {
		return names.err
	}
	if typed != nil {
		v.Name, v.Codes, v.Place, v.English, v.Spanish = typed.Name, r.PostFormValue("codes"), typed.Place, typed.Text["en"], typed.Text["es"]
		v.Grades = [2]string{easeWords(typed.Grade("en")), easeWords(typed.Grade("es"))}
	}
	return d.Site.Render(w, r, status, phrasePage(d.view(r, v.Title, "today"), v))
}

// savePhrase keeps a draft.
func (d *Desk) savePhrase(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	list, pass, err := d.phraseOf(r)
	if err != nil {
		return err
	}
	p := review.Phrase{Place: review.Place(in.Get("place")), Name: in.Get("name"), Text: map[string]string{"en": in.Get("en"), "es": in.Get("es")},
		Codes: strings.FieldsFunc(in.Get("codes"), func(c rune) bool { return c == ' ' || c == ',' || c == ';' || c == '\n' || c == '\r' || c == '\t' })}
	if len(list) > 0 {
		p.Key = list[0].Key
	}
	was, _ := strconv.ParseInt(in.Get("was"), 10, 64)
	made, err := d.Reviews.Write(r.Context(), pass, p, was)
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict) {
		return d.phrasePage(w, r, http.StatusUnprocessableEntity, list, &p, errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, contentPath+"/phrases/"+url.PathEscape(made.Key)+"?note=saved", http.StatusSeeOther)
	return nil
}

// approvePhrase has a version count.
func (d *Desk) approvePhrase(w http.ResponseWriter, r *http.Request) error {
	return d.settlePhrase(w, r, "approved", func(pass access.Pass, key string, in url.Values) error {
		n, _ := strconv.ParseInt(in.Get("n"), 10, 64)
		return d.Reviews.Approve(r.Context(), pass, key, n)
	})
}

// retirePhrase takes a phrase out of use.
func (d *Desk) retirePhrase(w http.ResponseWriter, r *http.Request) error {
	return d.settlePhrase(w, r, "retired", func(pass access.Pass, key string, _ url.Values) error {
		return d.Reviews.Retire(r.Context(), pass, key)
	})
}

func (d *Desk) settlePhrase(w http.ResponseWriter, r *http.Request, note string, do func(pass access.Pass, key string, in url.Values) error) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	list, pass, err := d.phraseOf(r)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errNowhere
	}
	err = do(pass, list[0].Key, in)
	if errs.KindOf(err) == errs.Conflict && err != nil {
		return d.phrasePage(w, r, http.StatusConflict, list, nil, errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, contentPath+"?note="+note, http.StatusSeeOther)
	return nil
}

// remarkChoice is a phrase as the form over results offers it.
type remarkChoice struct{ Key, Name, Text, Theirs string }

// remarkChoices are the phrases that fit results of these codes, as the
// patient will read them.
func (d *Desk) remarkChoices(r *http.Request, codes []string, l lang.Lang) ([]remarkChoice, error) {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return nil, err
	}
	list, err := d.Reviews.Remarks(r.Context(), pass, codes)
	if err != nil {
		return nil, err
	}
	var out []remarkChoice
	for _, p := range list {
		c := remarkChoice{Key: p.Key, Name: p.Name, Text: p.Text["en"]}
		if theirs := p.In(l); theirs != c.Text {
			c.Theirs = theirs
		}
		out = append(out, c)
	}
	return out, nil
}
