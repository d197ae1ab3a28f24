package desk

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"hale/internal/base/lang"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
)

// languages are those a message can be written in; everyone else gets the
// first.
func languages() []option { return []option{{"en", "English"}, {"es", "Spanish"}} }

// maxLong bounds a text that a form sends.
const maxLong = 20_000

// editMessage shows the texts.
func (d *Desk) editMessage(w http.ResponseWriter, r *http.Request) error {
	o, _, err := d.draft(r)
	if err != nil {
		return err
	}
	o, key := focus(o, r.URL.Query().Get("text"))
	return d.showMessage(w, r, http.StatusOK, o, messageSaid{key: key})
}

// saveMessage keeps the texts. What the linter finds is shown first; words
// that give away too much are never kept.
func (d *Desk) saveMessage(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	do, said := in.Get("do"), messageSaid{}
	o, said.key = focus(o, in.Get("variant"))
	if do == "take" && in.Get("text") != "" {
		if err := d.takeText(r, pass, &o, in.Get("text")); err != nil {
			return err
		}
		return d.showMessage(w, r, http.StatusOK, o, said)
	}
	o.Template, o.Service = parseMessage(in, o.Template), d.knownService(field(in, "service"))
	if channel, ok := strings.CutPrefix(do, "test-"); ok {
		if said.good, err = d.testSend(r, pass, o, reach.Channel(channel)); err != nil {
			return err
		}
		return d.showMessage(w, r, http.StatusOK, o, said)
	}
	said.typed, said.shares = parseShares(&o, in)
	if dropped, ok := strings.CutPrefix(do, "drop-"); ok {
		said.typed, said.shares = nil, "" // the others take its share
		if dropped == said.key {
			return d.keepText(w, r, pass, o, said, do)
		}
	}
	if said.shares != "" || len(lint(o)) > 0 {
		return d.showMessage(w, r, http.StatusUnprocessableEntity, o, said)
	}
	if do == "stay" {
		return d.showMessage(w, r, http.StatusOK, o, said)
	}
	return d.keepText(w, r, pass, o, said, do)
}

// messageSaid is what the page of the texts says beside them.
type messageSaid struct {
	key    string            // of the text that is open; empty: there is one
	good   string            // something was done
	wrong  string            // something stands in the way
	shares string            // what is wrong with the shares
	typed  map[string]string // the shares as they were written
}

// reviewMessage is the fragment that follows somebody who writes: what the
// linter says, and how it looks. Nothing is kept.
func (d *Desk) reviewMessage(w http.ResponseWriter, r *http.Request) error {
	o, _, err := d.draft(r)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	o, _ = focus(o, in.Get("variant"))
	o.Template, o.Service = parseMessage(in, o.Template), d.knownService(field(in, "service"))
	return d.Site.Render(w, r, http.StatusOK, messageReview(d.review(r, o)))
}

// lint asks what has to change in o's texts.
func lint(o reach.Outreach) []template.Problem {
	purpose, _ := policy.PurposeOf(o.Purpose)
	return o.Template.Lint(purpose)
}

// review is what the linter says of o's texts, and how they look.
func (d *Desk) review(r *http.Request, o reach.Outreach) (v wordsView) {
	if len(o.Template.Parts) == 0 {
		return v
	}
	o.Variants = nil // the others have pages of their own
	list := lint(o)
	if d.Writing.Engine != nil {
		list = d.Writing.Engine.Problems(o)
	}
	for _, f := range findings(list) {
		if f.Warning {
			v.Warnings = append(v.Warnings, f)
			continue
		}
		v.Errors = append(v.Errors, f)
	}
	if d.Writing.Engine == nil {
		return v
	}
	for _, l := range languages() {
		if !hasPage(o.Template, l.Value) {
			continue
		}
		s, err := d.Writing.Engine.Specimen(o.Template, o.Service, l.Value)
		if err != nil {
			v.Cannot = true
			return v
		}
		v.Shown = append(v.Shown, shown(s, l, web.Nonce(r)))
	}
	return v
}

// shown puts a specimen on the page.
func shown(s reach.Specimen, l option, nonce string) shownText {
	room := 160
	if s.Wide {
		room = 70
	}
	v := shownText{
		Key: l.Value, Name: l.Text, Subject: s.Mail.Subject, Mail: onPage(s.Mail.HTML, nonce), Notice: onPage(s.Notice.HTML, nonce),
		Text: mask(s.Text), Title: s.Title, Page: splitLines(s.Page), Over: s.Segments > 2,
		TextNote: fmt.Sprintf("%s, %d letters; one text holds %d.", counted(s.Segments, "text", "texts"), s.Letters, room),
	}
	if s.Wide {
		v.TextNote += " Some letters are not in the phone alphabet, which makes it longer."
	}
	return v
}

var inlineStyle = regexp.MustCompile(` style="([^"]*)"`)

// onPage makes the document of an e-mail fit to be shown inside a page: the
// page's rules let no element bring a style of its own, so each becomes a rule
// of the one sheet that carries the page's nonce. Scripts do not run there.
func onPage(mail, nonce string) string {
	var sheet strings.Builder
	seen := map[string]string{}
	mail = inlineStyle.ReplaceAllStringFunc(mail, func(m string) string {
		style := inlineStyle.FindStringSubmatch(m)[1]
		name := seen[style]
		if name == "" {
			name = strconv.Itoa(len(seen))
			seen[style] = name
			sheet.WriteString(`[data-s="` + name + `"]{` + html.UnescapeString(style) + "}")
		}
		return ` data-s="` + name + `"`
	})
	open := `<style nonce="` + html.EscapeString(nonce) + `">`
	mail = strings.ReplaceAll(mail, "<style>", open)
	return strings.Replace(mail, "</title>", "</title>"+open+strings.ReplaceAll(sheet.String(), "<", "")+"</style>", 1)
}

// knownService returns code if such a visit can be offered.
func (d *Desk) knownService(code string) string {
	for _, s := range d.Services {
		if s.Code == code {
			return code
		}
	}
	return ""
}

// parseMessage reads the texts from the form; empty ones are none. What was
// in a text and is not in the form stays.
func parseMessage(f url.Values, was template.Template) template.Template {
	t := template.Template{Extra: was.Extra}
	n, err := strconv.Atoi(f.Get("sensitivity"))
	if err != nil || n < int(policy.S0) || n > int(policy.S4) {
		n = int(policy.S2)
	}
	t.Sensitivity = policy.Class(n)
	for _, l := range languages() {
		for _, channel := range []string{template.Page, template.Email, template.SMS} {
			p := template.Part{Channel: channel, Lang: l.Value,
				Subject: long(f, channel+"."+l.Value+".title", 200), Body: long(f, channel+"."+l.Value+".body", maxLong)}
			p.Subject = strings.Join(strings.Fields(p.Subject), " ")
			if channel == template.Email {
				p.Preview = strings.Join(strings.Fields(long(f, "email."+l.Value+".first", 200)), " ")
			}
			if p.Subject+p.Body+p.Preview != "" {
				t.Parts = append(t.Parts, p)
			}
		}
	}
	return t
}

// long returns a form's text of at most n bytes, with the line ends that
// browsers send made plain.
func long(f url.Values, name string, n int) string {
	text := strings.ReplaceAll(f.Get(name), "\r\n", "\n")
	if len(text) > n {
		text = text[:n]
	}
	return strings.TrimSpace(strings.ToValidUTF8(text, ""))
}

func (d *Desk) showMessage(w http.ResponseWriter, r *http.Request, status int, o reach.Outreach, said messageSaid) error {
	v, err := d.messageView(r, o)
	if err != nil {
		return err
	}
	v.Back, v.Href, v.Said = path(o.ID)+"/edit/audience", path(o.ID)+"/edit/message", said.good
	v.Variants, v.SharesErr = d.variantRows(o, said.key, said.typed), said.shares
	if v.TestTo, err = d.ownAddresses(r); err != nil {
		return err
	}
	a, err := d.framed(r, author(o, "message"))
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		a.Err = "The points that are listed come first."
	}
	if e := said.wrong + said.shares; e != "" {
		a.Err = e
	}
	return d.Site.Render(w, r, status, messagePage(d.view(r, "Message: "+o.Name, "outreach"), a, v))
}

// messageView is the editor of o's texts.
func (d *Desk) messageView(r *http.Request, o reach.Outreach) (messageView, error) {
	v := messageView{Sensitivity: o.Template.Sensitivity, Service: o.Service, Classes: classOptions(), Fields: fieldHelps(o.Template), Review: d.review(r, o)}
	for _, s := range d.Services {
		v.Services = append(v.Services, option{s.Code, s.Name})
	}
	for i, l := range languages() {
		f := langFormOf(o.Template, l)
		f.Open = i == 0 || f.PageBody != ""
		v.Langs = append(v.Langs, f)
	}
	texts, err := d.usableTexts(r)
	v.Texts = texts
	return v, err
}

// langFormOf is the texts of one language.
func langFormOf(t template.Template, l option) langForm {
	f := langForm{Key: l.Value, Name: l.Text}
	for _, p := range t.Parts {
		if p.Lang != l.Value {
			continue
		}
		switch p.Channel {
		case template.Page:
			f.PageTitle, f.PageBody = p.Subject, p.Body
		case template.Email:
			f.MailTitle, f.MailBody, f.MailFirst = p.Subject, p.Body, p.Preview
		case template.SMS:
			f.Text = p.Body
		}
	}
	if f.PageBody != "" {
		f.Grade = gradeWords(lang.GradeOf(l.Value, f.PageBody))
	}
	return f
}

// gradeWords says how hard a text is to read.
func gradeWords(grade float64) string {
	switch {
	case grade <= 6:
		return "Easy to read."
	case grade <= 8:
		return "Fairly easy to read: about grade " + strconv.Itoa(int(grade+0.5)) + "."
	}
	return "Hard to read: about grade " + strconv.Itoa(int(grade+0.5)) + ". Shorter sentences and words reach more patients; aim at grade 6."
}

// hasPage says whether t is written in a language.
func hasPage(t template.Template, language string) bool {
	for _, p := range t.Parts {
		if p.Channel == template.Page && p.Lang == language {
			return true
		}
	}
	return false
}

// findings puts what the linter says under the names of the fields.
func findings(list []template.Problem) []finding {
	var all []finding
	for _, p := range list {
		channel, language, _ := strings.Cut(p.Part, "/")
		where := ""
		switch channel {
		case template.Page:
			where = "Page behind the link"
		case template.Email:
			where = "Email"
		case template.SMS:
			where = "Text message"
		default:
			where = p.Part
		}
		for _, l := range languages() {
			if l.Value == language {
				where += " in " + l.Text
			}
		}
		if p.In != "" {
			where += ", " + p.In
		}
		if p.Line > 0 {
			where += fmt.Sprintf(", line %d, letter %d", p.Line, p.Col)
		}
		all = append(all, finding{Where: where, Words: sentence(p.Words), Fix: p.Fix, Warning: p.Severity == template.Warning})
	}
	return all
}

// classOptions are the classes of sensitivity in words.
func classOptions() []classOption {
	return []classOption{
		{Class: policy.S0, Value: "0", Name: "Nothing about a person", Words: "Anyone may read it: “We are closed on Monday.” Goes in full anywhere."},
		{Class: policy.S1, Value: "1", Name: "That somebody is a patient here", Words: "A visit's time and place, no specialty. Texts may say it."},
		{Class: policy.S2, Value: "2", Name: "Care", Words: "Care that is due, a refill, a bill. In full only in the portal, behind a link, or by email over verified encryption."},
		{Class: policy.S3, Value: "3", Name: "Results and diagnoses", Words: "Only in the portal or behind a link, after the date of birth."},
		{Class: policy.S4, Value: "4", Name: "Specially protected", Words: "Substance use, mental health, HIV, reproduction. Only neutral notes leave the clinic."},
	}
}

// givesAway is a class in a word or two.
func givesAway(c policy.Class) string {
	switch c {
	case policy.S0:
		return "nothing"
	case policy.S1:
		return "is a patient"
	case policy.S2:
		return "care"
	case policy.S3:
		return "results"
	}
	return "specially protected"
}

// fieldHelps are the fields that a text may use, those of lists with the
// loop around them.
func fieldHelps(t template.Template) []fieldHelp {
	var list []fieldHelp
	for _, f := range slices.Concat(template.Fields(), t.Extra) {
		name := "{{ " + f.Name + " }}"
		switch {
		case f.Type == template.List:
			name = "{% for v in " + f.Name + " %}\n- {{ v." + f.Items[0].Name + " }}\n{% endfor %}"
		case f.Type == template.Address:
			name = "[Choose a time]({{ " + f.Name + " }})"
		case f.Missing:
			name = "{{ " + f.Name + ` | default: "` + instead(f.Name) + `" }}`
		}
		list = append(list, fieldHelp{Name: name, Words: f.Words, Gives: givesAway(f.Class)})
	}
	return list
}

// instead is what to write for those who lack a field, as an example.
func instead(name string) string {
	switch name {
	case "first_name":
		return "there"
	case "service":
		return "a visit"
	case "visit.date", "due_since":
		return "soon"
	case "clinician", "visit.clinician":
		return "your care team"
	}
	return "…"
}
