package desk

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

// check shows what an outreach would do, and sends nothing.
func (d *Desk) check(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	return d.showCheck(w, r, http.StatusOK, pass, o, "")
}

func (d *Desk) showCheck(w http.ResponseWriter, r *http.Request, status int, pass access.Pass, o reach.Outreach, changed string) error {
	v := checkView{Href: path(o.ID), Back: path(o.ID) + "/edit/plan", Named: opens(r, access.ReadRecord), Changed: changed}
	for _, s := range stepKeys() {
		if s.Value != "check" && !doneStep(o, s.Value) {
			v.Problems = append(v.Problems, finding{Where: s.Text, Words: "This step is not filled in yet."})
		}
	}
	v.Problems = append(v.Problems, findings(lint(o))...)
	if len(v.Problems) == 0 {
		f, err := d.Reach.DryRun(r.Context(), pass, o.ID)
		if errs.KindOf(err) == errs.Invalid {
			v.Problems = append(v.Problems, finding{Words: errs.Say(err)})
		} else if err != nil {
			return err
		}
		if err := d.fillCheck(r, &v, f); err != nil {
			return err
		}
	}
	v.Ready = len(v.Problems) == 0 && v.Treated > 0
	var err error
	if v.Two, err = d.approvalBox(r, pass, o, v.Audience); err != nil {
		return err
	}
	v.Ready = v.Ready && (v.Two == nil || v.Two.Stands != "")
	a, err := d.framed(r, author(o, "check"))
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, status, checkPage(d.view(r, "Dry run: "+o.Name, "outreach"), a, v))
}

// fillCheck puts a forecast into words.
func (d *Desk) fillCheck(r *http.Request, v *checkView, f reach.Forecast) error {
	v.Audience, v.Held, v.Treated = f.Audience, f.Held, f.Treated
	v.Unreached = max(0, f.Audience-f.Held-f.Treated)
	v.Sentence = sentence(f.Sentence)
	v.Problems = append(v.Problems, findings(f.Problems)...)
	for c, n := range f.ByChannel {
		if n > 0 {
			v.Channels = append(v.Channels, countRow{Label: channelLabel(string(c)), N: n, Of: f.Treated})
		}
	}
	for _, x := range f.Variants {
		v.Variants = append(v.Variants, variantCount{Name: strings.ToUpper(x.Key), Share: percent(x.Share), Href: v.Href + "/edit/message?text=" + x.Key, Treated: x.Treated, Held: x.Held})
	}
	slices.SortFunc(v.Channels, func(a, b countRow) int {
		if a.N != b.N {
			return b.N - a.N
		}
		return strings.Compare(a.Label, b.Label)
	})
	v.Blocked, v.Ways, v.Passed = reasonRows(f.Blocked), reasonRows(f.Ways), reasonRows(f.Passed)
	v.Notes = forecastNotes(f)
	v.Advice = findings(f.Warnings)
	for i, s := range f.Samples {
		named := v.Named && d.lookedAt(r, s.Patient)
		v.Samples = append(v.Samples, d.sampleOf(s, i, named, web.Nonce(r)))
	}
	if f.Audience > 0 && f.Treated == 0 && len(v.Problems) == 0 {
		v.Problems = append(v.Problems, finding{Words: "Nobody would get a message. The reasons are below."})
	}
	if f.Audience == 0 && len(v.Problems) == 0 {
		v.Problems = append(v.Problems, finding{Where: "Who", Words: "No patient matches the audience."})
	}
	return nil
}

// lookedAt keeps in the audit log that somebody sees what a patient would
// get, as a look at that record. Where the record may not be opened, the case
// is shown under a made-up name.
func (d *Desk) lookedAt(r *http.Request, patient string) bool {
	_, err := d.one(r, access.ReadMessages, patient)
	return err == nil
}

// forecastNotes are the smaller things a dry run says.
func forecastNotes(f reach.Forecast) []string {
	var notes []string
	if n := f.ByMode["notice"] + f.ByMode["generic"]; n > 0 {
		notes = append(notes, fmt.Sprintf("%s would get a short note with a secure link, because the words themselves may not go by that channel.", patients(n)))
	}
	if f.Later > 0 {
		notes = append(notes, fmt.Sprintf("%s would get it later, once their quiet hours are over.", patients(f.Later)))
	}
	if f.Segments > 0 {
		cost := "."
		if f.Cents > 0 {
			cost = fmt.Sprintf(", about $%.2f.", f.Cents/100)
		}
		notes = append(notes, fmt.Sprintf("Texting takes %s in all%s", counted(f.Segments, "text", "texts"), cost))
	}
	return notes
}

func reasonRows(list []reach.Reason) []countRow {
	var rows []countRow
	for _, r := range list {
		if r.N > 0 {
			rows = append(rows, countRow{Label: strings.TrimPrefix(r.Words, "Not sent: "), N: r.N})
		}
	}
	for i := range rows {
		rows[i].Label = sentence(rows[i].Label)
	}
	slices.SortStableFunc(rows, func(a, b countRow) int { return b.N - a.N })
	return rows
}

// madeUp is the name under which those who may not open records see real
// cases. The engine writes the texts to the same name.
const madeUpGiven, madeUpFamily = "Alex", "Sample"

// sampleOf is one preview. Where names are not for the reader, every word of
// the patient's name is replaced, and nothing leads to the record.
func (d *Desk) sampleOf(s reach.Sample, i int, named bool, nonce string) sampleView {
	v := sampleView{Who: s.Name, Channel: string(s.Channel), Label: channelLabel(string(s.Channel)), Why: s.Why, Worst: s.Worst, Subject: s.Subject}
	if s.Blocked || s.Channel == "" {
		v.Channel, v.Label = "", "Not written to"
	}
	if tag, ok := strings.CutPrefix(s.Why, "Language not written in: "); ok {
		v.Why = "Reads " + languageName(tag) + ", which this is not written in"
	}
	text, page := s.Text, s.Page
	hide := func(t string) string { return t }
	if named {
		v.Href = "/desk/patients/" + s.Patient
	} else {
		v.Who = "Patient " + strconv.Itoa(i+1)
		hide = func(t string) string { return anonymous(t, s.Name, madeUpGiven, madeUpFamily) }
		text, page, v.Subject, v.Why = hide(text), hide(page), hide(v.Subject), hide(v.Why)
	}
	if v.Channel != "" {
		v.Text, v.Page = splitLines(mask(text)), splitLines(mask(page))
	}
	if v.Channel == string(reach.Inbox) {
		v.Page = nil // the portal shows the page itself
	}
	for _, way := range s.Ways {
		v.Ways = append(v.Ways, d.wayOf(way, hide, nonce))
	}
	return v
}

// wayOf is one channel of a preview.
func (d *Desk) wayOf(w reach.Way, hide func(string) string, nonce string) channelView {
	v := channelView{Channel: string(w.Channel), Label: channelLabel(string(w.Channel)), Why: sentence(w.Why), Subject: hide(w.Subject)}
	if w.Why != "" {
		return v
	}
	v.How = map[policy.Mode]string{policy.Full: "in full", policy.Notice: "a short note", policy.Generic: "a neutral note"}[w.Mode]
	if !w.Later.IsZero() {
		v.How += ", from " + d.clock(w.Later)
	}
	if w.For {
		v.How += ", to a caregiver"
	}
	v.Text = splitLines(mask(hide(w.Text)))
	if w.HTML != "" {
		v.Mail = onPage(hide(w.HTML), nonce)
	}
	return v
}

// anonymous replaces each word of name in text: the last by family, all
// others by given.
func anonymous(text, name, given, family string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !isNameRune(r) })
	for i, w := range words {
		by := given
		if i == len(words)-1 && i > 0 {
			by = family
		}
		if len([]rune(w)) < 2 {
			continue // a letter is no name, and stands in many texts
		}
		text = replaceWord(text, w, by)
	}
	return text
}

func isNameRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) }

// replaceWord replaces word where it stands by itself in text.
func replaceWord(text, word, by string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, word)
		if i < 0 || word == "" {
			b.WriteString(text)
			return b.String()
		}
		before, _ := lastRune(text[:i])
		after, _ := firstRune(text[i+len(word):])
		b.WriteString(text[:i])
		if isNameRune(before) || isNameRune(after) {
			b.WriteString(word)
		} else {
			b.WriteString(by)
		}
		text = text[i+len(word):]
	}
}

func firstRune(s string) (rune, bool) {
	for _, r := range s {
		return r, true
	}
	return ' ', false
}

func lastRune(s string) (rune, bool) {
	r, ok := ' ', false
	if n := len(s); n > 0 {
		rs := []rune(s[max(0, n-4):])
		r, ok = rs[len(rs)-1], true
	}
	return r, ok
}

// splitLines returns the lines of a text that say something.
func splitLines(text string) []string {
	var list []string
	for l := range strings.SplitSeq(text, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			list = append(list, l)
		}
	}
	return list
}

// channelIcon is the sign of a channel.
func channelIcon(channel string) string {
	switch channel {
	case "sms":
		return "smartphone"
	case "email":
		return "mail"
	case "inbox":
		return "inbox"
	case "call", "voice":
		return "phone"
	}
	return "ban"
}

// counted2 returns the words that go with n, without it.
func counted2(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// start sends, if what was confirmed is still what would happen.
func (d *Desk) start(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	if in.Get("sure") != "1" {
		return d.showCheck(w, r, http.StatusUnprocessableEntity, pass, o, "Tick the box that names the number of patients, then send.")
	}
	f, err := d.Reach.DryRun(r.Context(), pass, o.ID)
	if err != nil {
		return err
	}
	shown, err := strconv.Atoi(in.Get("treated"))
	if err != nil || shown != f.Treated || in.Get("audience") != strconv.Itoa(f.Audience) {
		return d.showCheck(w, r, http.StatusConflict, pass, o, fmt.Sprintf("The number has changed since you looked: it would now go to %s. Please look again and confirm.", patients(f.Treated)))
	}
	if err := d.Reach.Start(r.Context(), pass, o.ID); err != nil {
		return err
	}
	http.Redirect(w, r, path(o.ID), http.StatusSeeOther)
	return nil
}
