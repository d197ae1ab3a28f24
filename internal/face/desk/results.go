package desk

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/result"
	"hale/internal/care/review"
	"hale/internal/face/web"
)

// Reviews is what the desk needs of package review.
type Reviews interface {
	Waits(ctx context.Context, pass access.Pass, n int) ([]review.Wait, int, error)
	Turns(ctx context.Context, pass access.Pass, mark string, n int) ([]review.Turn, error)
	WaitsOf(ctx context.Context, pass access.Pass) ([]string, error)
	Look(ctx context.Context, pass access.Pass, l review.Look) error
	Phrases
}

// Results is what the desk needs of package result.
type Results interface {
	Get(ctx context.Context, pass access.Pass, id string) (result.Result, error)
	Trend(ctx context.Context, pass access.Pass, code string, n int) ([]result.Result, error)
}

// resultsShown is how many patients a page of the list has, and resultNames how
// many results it names of each.
const (
	resultsShown = 25
	resultNames  = 5
)

// resultRoutes are the pages about results that nobody has looked at.
func (d *Desk) resultRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/results", d.listResults)
	page("GET /desk/patients/{id}/results", d.showResults)
	page("POST /desk/patients/{id}/results", d.lookAtResults)
}

// resultPatient is one patient whose results wait.
type resultPatient struct {
	Href, Who, What, Since string
	Outside                int
}

// resultsView is the list of them.
type resultsView struct {
	Rows  []resultPatient
	Next  string // the page after this one; empty: there is none
	Later bool   // this is not the first page
	Said  string
}

// resultLine is one result that waits, in words.
type resultLine struct {
	ID, Code, Name, Value, Line, When string
	Watch, Chosen                     bool
}

// lookView is the form over one patient's results.
type lookView struct {
	Who, Action, Patient string
	Lines                []resultLine
	Phrases              []remarkChoice
	Phrase, Remark, Err  string
	Words                wordsChoice // of the remark
}

// resultTask is the line on the first page.
func (d *Desk) resultTask(r *http.Request) ([]taskRow, error) {
	if d.Reviews == nil || !may(r, access.AnswerPatients) {
		return nil, nil
	}
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return nil, err
	}
	list, n, err := d.Reviews.Waits(r.Context(), pass, 1)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	t := taskRow{Href: "/desk/results", Icon: "flask-conical", Title: "Results to review", Sub: "Nobody has looked at them yet", N: n}
	if list[0].Outside {
		t.Tone, t.Sub = "watch", "Some are out of range"
	}
	return []taskRow{t}, nil
}

// listResults lists the patients whose results nobody has looked at: those
// with something out of range first.
func (d *Desk) listResults(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	list, err := d.Reviews.Turns(r.Context(), pass, r.URL.Query().Get("after"), resultsShown+1)
	if err != nil {
		return err
	}
	v := resultsView{Later: r.URL.Query().Get("after") != ""}
	if r.URL.Query().Get("note") == "looked" {
		v.Said = "Noted. The patient sees who looked and what you wrote, and is told."
	}
	if len(list) > resultsShown {
		list = list[:resultsShown]
		v.Next = "/desk/results?after=" + url.QueryEscape(list[resultsShown-1].Mark())
	}
	var ids []string
	for _, one := range list {
		ids = append(ids, one.Patient)
	}
	people, err := d.named(r, ids...)
	if err != nil {
		return err
	}
	for _, one := range list {
		row := resultPatient{Href: "/desk/patients/" + one.Patient + "/results", Who: people[one.Patient].Full, Since: "taken " + d.day(one.Since), Outside: one.Outside}
		row.What = strings.Join(one.Names[:min(len(one.Names), resultNames)], ", ")
		if more := len(one.Names) - resultNames; more > 0 {
			row.What += " and " + counted(more, "more", "more")
		}
		v.Rows = append(v.Rows, row)
	}
	return d.Site.Render(w, r, http.StatusOK, resultsPage(d.view(r, "Results to review", "today"), v))
}

// showResults shows one patient's results that wait.
func (d *Desk) showResults(w http.ResponseWriter, r *http.Request) error {
	return d.resultsForm(w, r, http.StatusOK, "", nil)
}

func (d *Desk) resultsForm(w http.ResponseWriter, r *http.Request, status int, wrong string, chosen []string) error {
	id := r.PathValue("id")
	pass, err := d.one(r, access.ReadRecord, id)
	if err != nil {
		return err
	}
	person, err := d.Patients.Get(r.Context(), pass)
	if err != nil {
		return err
	}
	waits, err := d.Reviews.WaitsOf(r.Context(), pass)
	if err != nil {
		return err
	}
	v := lookView{Who: person.Full, Action: "/desk/patients/" + id + "/results", Patient: "/desk/patients/" + id, Err: wrong}
	if r.Method == http.MethodPost {
		v.Phrase, v.Remark = r.PostFormValue("phrase"), r.PostFormValue("remark")
	}
	if v.Words, err = d.choice(r, person.Lang, r.PostFormValue("words")); err != nil {
		return err
	}
	for _, one := range waits {
		line, err := d.resultLine(r, pass, one, result.Person{Sex: person.Sex, Born: person.Born})
		if errs.KindOf(err) == errs.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		line.Chosen = chosen == nil || slices.Contains(chosen, one)
		v.Lines = append(v.Lines, line)
	}
	if v.Phrases, err = d.remarkChoices(r, lineCodes(v.Lines), lang.Pick("", person.Lang)); err != nil {
		return err
	}
	return d.Site.Render(w, r, status, lookPage(d.view(r, "Results to review", "patients"), v))
}

// lineCodes are the codes of the tests.
func lineCodes(lines []resultLine) []string {
	var codes []string
	for _, line := range lines {
		if line.Code != "" {
			codes = append(codes, line.Code)
		}
	}
	return codes
}

// resultLine puts one result into words.
func (d *Desk) resultLine(r *http.Request, pass access.Pass, id string, who result.Person) (resultLine, error) {
	res, err := d.Results.Get(r.Context(), pass, id)
	if err != nil {
		return resultLine{}, err
	}
	var before *result.Result
	if res.Code != "" {
		trend, err := d.Results.Trend(r.Context(), pass, res.Code, 24)
		if err != nil {
			return resultLine{}, err
		}
		for i := range trend {
			if trend[i].At.Before(res.At) {
				before = &trend[i]
			}
		}
	}
	m := result.Explain(lang.English, res, who, before, nil, d.now())
	return resultLine{ID: id, Code: res.Code, Name: result.Title(lang.English, res), Value: m.Value, Line: strings.TrimSpace(m.Line + " " + m.Trend), When: d.day(res.At), Watch: m.Watch}, nil
}

// lookAtResults notes that somebody looked.
func (d *Desk) lookAtResults(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.one(r, access.AnswerPatients, r.PathValue("id"))
	if err != nil {
		return err
	}
	by, err := d.accountName(r, web.Actor(r).ID, map[string]string{})
	if err != nil {
		return err
	}
	look := review.Look{Results: in["result"], By: by, Title: "Review of results", Remark: in.Get("remark")}
	if err := d.remarkOf(r, in, &look); err != nil {
		if status, say, ok := mended(err); ok {
			return d.resultsForm(w, r, status, say, append([]string{}, look.Results...))
		}
		return err
	}
	if err := d.Reviews.Look(r.Context(), pass, look); err != nil {
		if status, say, ok := mended(err); ok {
			return d.resultsForm(w, r, status, say, append([]string{}, look.Results...))
		}
		return err
	}
	http.Redirect(w, r, "/desk/results?note=looked", http.StatusSeeOther)
	return nil
}

// remarkOf adds to look in which language its remark is: somebody's own words,
// or else the phrase that was chosen, which may be in the patient's own.
func (d *Desk) remarkOf(r *http.Request, in url.Values, look *review.Look) error {
	read, err := d.one(r, access.ReadRecord, r.PathValue("id"))
	if err != nil {
		return err
	}
	person, err := d.Patients.Get(r.Context(), read)
	if err != nil {
		return err
	}
	words, err := d.choice(r, person.Lang, in.Get("words"))
	if err != nil {
		return err
	}
	if in.Get("words") != "" {
		look.Lang, look.Translate = words.langs()
	}
	if strings.TrimSpace(look.Remark) != "" || in.Get("phrase") == "" {
		return nil
	}
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	p, err := d.Reviews.Usable(r.Context(), pass, in.Get("phrase"))
	if err != nil {
		return err
	}
	look.Remark = p.In(lang.Pick("", person.Lang))
	if p.Text[words.Tag] != "" { // it was written in it, and approved
		look.Lang, look.Translate = words.Tag, ""
	}
	return nil
}
