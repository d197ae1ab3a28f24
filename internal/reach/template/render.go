package template

import (
	"errors"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hale/internal/base/lang"
	"hale/internal/reach/policy"
)

// Compiled is a template ready to write messages: for each message only the
// values are filled in. Any number may write with it at once.
type Compiled struct {
	parts []compiled
	uses  map[string]bool
}

type compiled struct {
	Part
	tag                    lang.Lang
	class                  policy.Class // the most that its words can show
	subject, body, preview []op
}

// Compile reads t and checks it: names, types, what is said where a value is
// missing, and that no part can show more than its channel carries. The
// errors name the part and the place, and say what to do.
func (t Template) Compile() (*Compiled, error) {
	c := &Compiled{uses: map[string]bool{}}
	for _, p := range t.Parts {
		out := compiled{Part: p}
		if p.Lang == "es" {
			out.tag = lang.Spanish
		}
		for i, text := range []string{p.Subject, p.Body, p.Preview} {
			body, r, err := t.read(p, i, c.uses)
			if err != nil {
				where := [...]string{"title, ", "", "preview, "}[i]
				return nil, fmt.Errorf("template: %s/%s: %s%w", p.Channel, p.Lang, where, err)
			}
			if text == "" {
				continue
			}
			out.class = max(out.class, r.shown)
			*[...]*[]op{&out.subject, &out.body, &out.preview}[i] = emit(body)
		}
		c.parts = append(c.parts, out)
	}
	return c, nil
}

// The three texts of a part.
const (
	inSubject = iota
	inBody
	inPreview
)

// read parses one text of a part and checks what it can show.
func (t Template) read(p Part, which int, uses map[string]bool) ([]node, *parser, error) {
	text := [...]string{p.Subject, p.Body, p.Preview}[which]
	limit := t.limit(p.Channel)
	if p.Channel == Email && which != inBody {
		limit = min(limit, policy.S1) // it shows on locked screens
	}
	if len(text) > maxBody {
		return nil, nil, &Fault{Line: 1, Col: 1, Words: fmt.Sprintf("it is longer than %d characters", maxBody), Fix: "Shorten it."}
	}
	r, body, err := parse(text, t.fields())
	if err != nil {
		return nil, nil, err
	}
	if r.shown > limit {
		return nil, nil, r.tooMuch(limit)
	}
	for name := range r.uses {
		uses[name] = true
	}
	return body, r, nil
}

// tooMuch says that a text can show more than its channel carries.
func (p *parser) tooMuch(limit policy.Class) error {
	at := max(0, strings.Index(p.text, p.most.Name))
	return p.fault(pos(at), "Say it on the page behind the link.", "%s is level %d; here only level %d may stand", p.most.Name, p.most.Class, limit)
}

// Uses says whether any part names a field. It lets whoever fills in values
// look up only those that are shown.
func (c *Compiled) Uses(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return c.uses[n] })
}

// Want says what is to be written.
type Want struct {
	Channel policy.Channel
	Mode    policy.Mode
	Lang    string // the reader's, BCP 47
	Shared  bool   // others use the address: name whom it is for
	Values  map[string]string
	Lists   map[string][]map[string]string
	Address string         // the clinic's postal address
	Zone    *time.Location // of the clinic; nil: UTC
	Now     time.Time
	Look    *Look // nil: Hale's own
}

// Message is what one person gets.
type Message struct {
	Lang        string
	Title, Page string // behind the link and in the portal
	Subject     string // of the e-mail
	Text, HTML  string // over the channel
	Missing     string // a field without which there is no message
}

// Render writes a message. Missing names a required field the person has
// none of; then there is no message.
func (c *Compiled) Render(w Want) Message {
	page, ok := c.part(Page, w.Lang)
	if !ok {
		return Message{Missing: "page"}
	}
	if w.Look == nil {
		w.Look = standard
	}
	m := Message{Lang: page.Lang}
	s := w.writer(page)
	s.inPage = true // a page holds no link to itself
	m.Title = s.text(page.subject)
	m.Page = s.text(page.body)
	s.inPage = false
	if m.Missing = s.missing; m.Missing != "" {
		return m
	}
	switch w.Channel {
	case policy.SMS:
		m.Text, m.Missing = c.text(w, page)
	case policy.Email:
		c.email(w, page, &m)
	case policy.Post:
		w.paper(page, &m)
	default:
		m.Subject, m.Text = m.Title, m.Page
	}
	return m
}

// paper writes a letter: the page, or that something waits behind its link.
func (w *Want) paper(page *compiled, m *Message) {
	if m.Subject, m.Text = m.Title, m.Page; w.Mode == policy.Full {
		return
	}
	say := notices(page.Lang)
	m.Subject = strings.ReplaceAll(say.subject, "%", clean(w.Values["clinic"]))
	if m.Text = say.careMail; w.Mode == policy.Generic {
		m.Text = say.genericMail
	}
}

// writer returns a writer in the language of a part.
func (w *Want) writer(p *compiled) *writer {
	zone := w.Zone
	if zone == nil {
		zone = time.UTC
	}
	return &writer{env: env{lang: p.tag, zone: zone, now: w.Now}, values: w.Values, lists: w.Lists, bg: w.Look.Brand, ink: w.Look.Ink}
}

// text writes ops as plain text.
func (w *writer) text(list []op) string {
	if w.missing != "" {
		return ""
	}
	w.reset(false, 256)
	w.run(list)
	return strings.TrimSpace(w.String())
}

// reset begins another text.
func (w *writer) reset(asHTML bool, room int) {
	w.Reset()
	w.Grow(room)
	w.html = asHTML
	w.cur, w.pend, w.mark, w.any, w.linked, w.rounds, w.steps = none, 0, none, false, false, 0, 0
}

// part returns the part for channel in the language closest to lang: that
// language, English, or whatever there is.
func (c *Compiled) part(channel, lang string) (*compiled, bool) {
	tag, _, _ := strings.Cut(strings.ToLower(lang), "-")
	for _, want := range [...]string{tag, "en", ""} {
		for i := range c.parts {
			if p := &c.parts[i]; p.Channel == channel && (want == "" || p.Lang == want) {
				return p, true
			}
		}
	}
	return nil, false
}

// text writes a text message: the author's, or the neutral one.
func (c *Compiled) text(w Want, page *compiled) (text, missing string) {
	p, ok := c.part(SMS, page.Lang)
	if ok && p.Lang == page.Lang && !w.Shared && (w.Mode == policy.Full || w.Mode == policy.Notice && p.class == policy.S0) {
		s := w.writer(p)
		text = s.text(p.body)
		return GSM(withStop(tidy(text, clean(w.Values["link"])), page.Lang)), s.missing
	}
	say := notices(page.Lang)
	head := say.care
	switch {
	case w.Mode == policy.Generic:
		head = say.generic
	case w.Shared && clean(w.Values["first_name"]) != "":
		head = strings.ReplaceAll(say.named, "%", clean(w.Values["first_name"]))
	}
	return GSM(withStop(clean(w.Values["clinic"])+": "+head+" "+w.Values["link"], page.Lang)), ""
}

// tidy keeps what follows an address from becoming part of it: phones take a
// full stop for its last letter.
func tidy(text, link string) string {
	if link == "" {
		return text
	}
	before, after, ok := strings.Cut(text, link)
	if !ok {
		return text
	}
	if r, _ := utf8.DecodeRuneInString(after); unicode.IsPunct(r) && r != '(' {
		after = strings.TrimLeftFunc(after, unicode.IsPunct)
		if after != "" && !strings.HasPrefix(after, " ") && !strings.HasPrefix(after, "\n") {
			after = " " + after
		}
	}
	return before + link + after
}

// withStop adds how to stop, unless the author did.
func withStop(text, lang string) string {
	if strings.Contains(text, "STOP") {
		return text
	}
	return strings.TrimSpace(text) + " " + notices(lang).stop
}

// email writes an e-mail: everything, or a notice.
func (c *Compiled) email(w Want, page *compiled, m *Message) {
	say := notices(page.Lang)
	clinic, link := clean(w.Values["clinic"]), clean(w.Values["link"])
	l := mailing{look: w.Look, lang: page.Lang, clinic: clinic, link: link, stop: clean(w.Values["stop_link"])}
	l.preview = strings.ReplaceAll(say.subject, "%", clinic)
	s := w.writer(page)
	if w.Mode == policy.Full {
		p, ok := c.part(Email, page.Lang)
		if !ok || p.Lang != page.Lang {
			p = page
		}
		m.Subject = s.text(p.subject)
		if p.Preview != "" {
			l.preview = s.text(p.preview)
		}
		m.Text = s.text(p.body)
		l.linked = s.linked
		if m.Missing = s.missing; m.Missing != "" {
			return
		}
		l.ops = p.body
	} else {
		m.Subject = l.preview
		head := say.careMail
		if w.Mode == policy.Generic {
			head = say.genericMail
		}
		if name := clean(w.Values["first_name"]); w.Shared && name != "" {
			head = strings.ReplaceAll(say.namedMail, "%", name)
		}
		m.Text = head + "\n\n" + say.prove
		l.ops = emitText(m.Text)
	}
	l.subject, l.say = m.Subject, say
	l.foot = [...]string{clinic, clean(w.Address), clean(phoneNumber(w.Values["clinic_phone"], s.env))}
	m.HTML, m.Text = l.html(s, len(m.Text)), l.plain(m.Text)
	m.Missing = s.missing
}

// mailing is an e-mail being laid out.
type mailing struct {
	look             *Look
	say              notice
	lang, clinic     string
	link, stop       string
	subject, preview string
	ops              []op
	linked           bool // the author put the link somewhere
	foot             [3]string
}

// plain adds to the text what every e-mail ends with.
func (l *mailing) plain(body string) string {
	var b strings.Builder
	b.Grow(len(body) + 512)
	b.WriteString(body)
	if l.link != "" && !l.linked {
		b.WriteString("\n\n" + l.say.open + ":\n" + l.link)
	}
	b.WriteString("\n\n-- \n")
	for _, f := range l.foot {
		if f != "" {
			b.WriteString(f)
			b.WriteByte('\n')
		}
	}
	b.WriteString("\n" + strings.ReplaceAll(l.say.why, "%", l.clinic) + "\n")
	if l.stop != "" {
		b.WriteString(l.say.stopLink + ": " + l.stop + "\n")
	} else {
		b.WriteString(l.say.stopMail + "\n")
	}
	return b.String()
}

// html lays the e-mail out around what w writes.
func (l *mailing) html(w *writer, size int) string {
	f := l.look.of(l.lang)
	subject := html.EscapeString(l.subject)
	sign, _ := utf8.DecodeRuneInString(l.clinic)
	if sign == utf8.RuneError {
		sign = '•'
	}
	w.reset(true, 5632+size)
	for _, s := range [...]string{f.head, subject, f.label, subject, f.preview, html.EscapeString(l.preview), f.sign, html.EscapeString(string(unicode.ToUpper(sign))), f.name, html.EscapeString(l.clinic), f.title, subject, f.body} {
		w.WriteString(s)
	}
	w.run(l.ops)
	w.done()
	if web(l.link) && !l.linked {
		writeButton(&w.Builder, l.link, l.say.open, l.look.Brand, l.look.Ink)
	}
	w.WriteString(f.foot)
	for _, line := range l.foot {
		if line != "" {
			w.WriteString(html.EscapeString(line))
			w.WriteString("<br>")
		}
	}
	w.WriteString("<br>")
	w.WriteString(html.EscapeString(strings.ReplaceAll(l.say.why, "%", l.clinic)))
	w.WriteString("<br>")
	if web(l.stop) {
		w.WriteString(`<a class="a" style="color:#4c544f" href="`)
		w.WriteString(html.EscapeString(l.stop))
		w.WriteString(`">`)
		w.WriteString(html.EscapeString(l.say.stopLink))
		w.WriteString("</a>")
	} else {
		w.WriteString(html.EscapeString(l.say.stopMail))
	}
	w.WriteString(f.end)
	return w.String()
}

// clean keeps a value on one line and free of what could steer a terminal, a
// header or the direction of writing.
func clean(v string) string {
	plain := true
	for i := range len(v) {
		if c := v[i]; c < 0x20 || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return strings.TrimSpace(v)
	}
	v = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == 0x2028 || r == 0x2029 || r == 0x85:
			return ' '
		case r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff:
			return -1
		}
		return r
	}, v)
	return strings.TrimSpace(v)
}

// rtl says whether a value has letters that are written from the right.
func rtl(v string) bool {
	for _, r := range v {
		if r >= 0x590 && (unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana)) {
			return true
		}
	}
	return false
}

func itoa(n int) string { return strconv.Itoa(n) }

func atoi(v string) (int, bool) {
	n, err := strconv.Atoi(v)
	return n, err == nil
}

// FaultOf returns the place and the words of what Compile or Lint found, if
// it is about a place.
func FaultOf(err error) (*Fault, bool) {
	var f *Fault
	ok := errors.As(err, &f)
	return f, ok
}
