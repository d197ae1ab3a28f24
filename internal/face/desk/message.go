package desk

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"hale/internal/base/lang"
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
	var problems []template.Problem
	if len(o.Template.Parts) > 0 {
		problems = lint(o)
	}
	return d.showMessage(w, r, http.StatusOK, o, problems)
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
	o.Template, o.Service = parseMessage(in), d.knownService(field(in, "service"))
	problems := lint(o)
	if len(problems) > 0 {
		return d.showMessage(w, r, http.StatusUnprocessableEntity, o, problems)
	}
	if in.Get("do") == "stay" {
		return d.showMessage(w, r, http.StatusOK, o, nil)
	}
	if o, err = d.Reach.Save(r.Context(), pass, o); err != nil {
		return err
	}
	toStep(w, r, o, "plan")
	return nil
}

// lint asks what has to change in o's texts.
func lint(o reach.Outreach) []template.Problem {
	purpose, _ := policy.PurposeOf(o.Purpose)
	return o.Template.Lint(purpose)
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

// parseMessage reads the texts from the form; empty ones are none.
func parseMessage(f url.Values) template.Template {
	var t template.Template
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
			if p.Subject+p.Body != "" {
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

func (d *Desk) showMessage(w http.ResponseWriter, r *http.Request, status int, o reach.Outreach, problems []template.Problem) error {
	v := messageView{Sensitivity: o.Template.Sensitivity, Service: o.Service, Classes: classOptions(), Fields: fieldHelps(), Back: path(o.ID) + "/edit/audience"}
	for _, s := range d.Services {
		v.Services = append(v.Services, option{s.Code, s.Name})
	}
	v.Problems = findings(problems)
	for i, l := range languages() {
		f := d.langForm(o, l)
		f.Open = i == 0 || f.PageBody != ""
		v.Langs = append(v.Langs, f)
	}
	a := author(o, "message")
	if status != http.StatusOK {
		a.Err = "The points below come first."
	}
	return d.Site.Render(w, r, status, messagePage(d.view(r, "Message: "+o.Name, "outreach"), a, v))
}

// langForm is the texts of one language, with the text message as a phone
// shows it.
func (d *Desk) langForm(o reach.Outreach, l option) langForm {
	f := langForm{Key: l.Value, Name: l.Text}
	for _, p := range o.Template.Parts {
		if p.Lang != l.Value {
			continue
		}
		switch p.Channel {
		case template.Page:
			f.PageTitle, f.PageBody = p.Subject, p.Body
		case template.Email:
			f.MailTitle, f.MailBody = p.Subject, p.Body
		case template.SMS:
			f.Text = p.Body
		}
	}
	if l.Value == "en" && f.PageBody != "" {
		f.Grade = gradeWords(lang.Grade(f.PageBody))
	}
	f.TextShown, f.TextNote = d.textPreview(o, l.Value)
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

// textPreview is the text message to a made-up patient, and what it takes.
func (d *Desk) textPreview(o reach.Outreach, language string) (shown, note string) {
	t := o.Template
	if !hasPage(t, language) { // a text is written with the page it leads to
		t.Parts = append(t.Parts[:len(t.Parts):len(t.Parts)], template.Part{Channel: template.Page, Lang: language, Subject: "–", Body: "–"})
	}
	c, err := t.Compile()
	if err != nil {
		return "", "The text can be shown once the points above are settled."
	}
	mode := policy.Notice
	if t.Sensitivity <= policy.S1 {
		mode = policy.Full
	}
	m := c.Render(template.Want{Channel: policy.SMS, Mode: mode, Lang: language, Values: map[string]string{
		"first_name": "Alex", "last_name": "Sample", "service": "a visit", "clinic": d.Site.Clinic.Name,
		"clinic_phone": d.Site.Clinic.Phone, "link": "https://portal.example/m/7Qk2xxxxxxxx",
	}})
	n, wide := template.Segments(m.Text)
	letters, room := len([]rune(m.Text)), 160
	if wide {
		room = 70
	}
	note = fmt.Sprintf("%s, %d letters; one text holds %d.", counted(n, "text", "texts"), letters, room)
	if wide {
		note += " Some letters are not in the phone alphabet, which makes it longer."
	}
	return mask(m.Text), note
}

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
		all = append(all, finding{Where: where, Words: sentence(p.Words)})
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

// fieldHelps are the fields that a text may use.
func fieldHelps() []fieldHelp {
	var list []fieldHelp
	for _, f := range template.Fields() {
		name := "{{ " + f.Name + " }}"
		if f.Missing {
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
	}
	return ""
}
