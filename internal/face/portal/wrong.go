package portal

import (
	"net/http"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/task"
	"hale/internal/face/web"
)

// wrongChoice is a way in which an entry of the record can be wrong.
type wrongChoice struct{ Key, Text string }

// wrongChoices are the slips that the clinic can mend without a formal
// request, in the order in which they are offered.
var wrongChoices = []wrongChoice{
	{"spelling", "A name or a word is written wrong"},
	{"date", "A date is wrong"},
	{"over", "This is over, or I no longer have it"},
	{"twice", "This is listed twice"},
	{"not-me", "This is not about me"},
	{"other", "Something else"},
}

// wrongData is the form about something that is wrong.
type wrongData struct {
	About, Title string
	What, Words  string
	Team         string
	Due          time.Time
	Problem      string
}

// wrongAsk asks what is wrong with an entry of the record.
func (p *Portal) wrongAsk(w http.ResponseWriter, r *http.Request) error {
	if r.FormValue("about") == "" { // about nothing: whoever comes here chooses first
		http.Redirect(w, r, p.Site.View(r, "", "").Link("/health"), http.StatusSeeOther)
		return nil
	}
	s, d, err := p.wrongForm(r)
	if err != nil {
		return err
	}
	return p.render(w, r, wrongPage(s, d))
}

// wrongForm opens the form. It shows the entry only to whoever sees it.
func (p *Portal) wrongForm(r *http.Request) (s sheet, d wrongData, err error) {
	if s, _, _, err = p.openPart(r, "", "What is wrong?"); err != nil {
		return s, d, err
	}
	if !s.may(access.SendMessages) {
		return s, d, errNoPage
	}
	if d.About, d.Title, err = p.about(r, r.FormValue("about")); err != nil {
		return s, d, err
	}
	d.Team, d.Due, err = p.Tasks.Promise(r.Context(), task.Record)
	d.Team = s.T(d.Team)
	if d.Team != "" {
		d.Team = strings.ToUpper(d.Team[:1]) + d.Team[1:]
	}
	return s, d, err
}

// wrongSay tells the clinic what is wrong.
func (p *Portal) wrongSay(w http.ResponseWriter, r *http.Request) error {
	s, d, err := p.wrongForm(r)
	if err != nil {
		return err
	}
	d.What, d.Words = r.PostFormValue("what"), strings.TrimSpace(r.PostFormValue("words"))
	text := ""
	for _, c := range wrongChoices {
		if c.Key == d.What {
			text = c.Text
		}
	}
	again := func(status int, problem string) error {
		d.Problem = s.T(problem)
		return p.Site.Render(w, r, status, wrongPage(s, d))
	}
	switch {
	case text == "":
		return again(http.StatusUnprocessableEntity, "Please choose what is wrong.")
	case d.What == "other" && d.Words == "":
		return again(http.StatusUnprocessableEntity, "Please write a few words, so that we know what you mean.")
	case len(d.Words) > 2000:
		return again(http.StatusUnprocessableEntity, "That is too long. Please use fewer words.")
	}
	pass, err := p.Doors.Check(r.Context(), web.Actor(r), access.SendMessages, web.Subject(r))
	if err != nil {
		return err
	}
	made, err := p.Tasks.Ask(r.Context(), pass, task.New{Kind: task.Record, Title: shortened(d.Title+": "+text, 190), Text: d.Words, Focus: d.About,
		Values: map[string]string{"what": d.What}})
	if k := errs.KindOf(err); err != nil && (k == errs.Invalid || k == errs.TooMany || k == errs.Conflict) {
		return again(statusOf(k), errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/requests/"+made.ID+"?done=asked"), http.StatusSeeOther)
	return nil
}

// shortened keeps the beginning of a text.
func shortened(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
