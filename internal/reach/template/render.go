package template

import (
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"

	"hale/internal/reach/policy"
)

// Compiled is a template ready to write messages.
type Compiled struct {
	parts []compiled
}

type compiled struct {
	Part
	subject, body []node
}

// Compile parses t. It fails where Lint would name a text that cannot be
// read.
func (t Template) Compile() (*Compiled, error) {
	c := &Compiled{}
	for _, p := range t.Parts {
		subject, err := parse(p.Subject)
		if err != nil {
			return nil, fmt.Errorf("template: %s/%s: %w", p.Channel, p.Lang, err)
		}
		body, err := parse(p.Body)
		if err != nil {
			return nil, fmt.Errorf("template: %s/%s: %w", p.Channel, p.Lang, err)
		}
		c.parts = append(c.parts, compiled{Part: p, subject: subject, body: body})
	}
	return c, nil
}

// Want says what is to be written.
type Want struct {
	Channel policy.Channel
	Mode    policy.Mode
	Lang    string // the reader's, BCP 47
	Shared  bool   // others use the address: name whom it is for
	Values  map[string]string
	Address string // the clinic's postal address
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
	m := Message{Lang: page.Lang}
	values := maps.Clone(w.Values)
	delete(values, "link") // a page holds no link to itself
	var missing [2]string
	m.Title, missing[0] = fill(page.subject, values)
	m.Page, missing[1] = fill(page.body, values)
	if m.Missing = missing[0] + missing[1]; m.Missing != "" {
		return m
	}
	switch w.Channel {
	case policy.SMS:
		m.Text, m.Missing = c.text(w, page.Lang)
	case policy.Email:
		c.email(w, page, &m)
	default:
		m.Subject, m.Text = m.Title, m.Page
	}
	return m
}

// part returns the part for channel in the language closest to lang: that
// language, English, or whatever there is.
func (c *Compiled) part(channel, lang string) (compiled, bool) {
	tag, _, _ := strings.Cut(strings.ToLower(lang), "-")
	for _, want := range []string{tag, "en", ""} {
		i := slices.IndexFunc(c.parts, func(p compiled) bool {
			return p.Channel == channel && (want == "" || p.Lang == want)
		})
		if i >= 0 {
			return c.parts[i], true
		}
	}
	return compiled{}, false
}

// text writes a text message: the author's, or the neutral one.
func (c *Compiled) text(w Want, lang string) (text, missing string) {
	p, ok := c.part(SMS, lang)
	if ok && p.Lang == lang && !w.Shared && w.Mode != policy.Generic {
		text, missing = fill(p.body, w.Values)
		return GSM(withStop(text, lang)), missing
	}
	say := notices(lang)
	head := say.care
	switch {
	case w.Mode == policy.Generic:
		head = say.generic
	case w.Shared && clean(w.Values["first_name"]) != "":
		head = strings.ReplaceAll(say.named, "%", clean(w.Values["first_name"]))
	}
	return GSM(withStop(clean(w.Values["clinic"])+": "+head+" "+w.Values["link"], lang)), ""
}

// withStop adds how to stop, unless the author did.
func withStop(text, lang string) string {
	if strings.Contains(text, "STOP") {
		return text
	}
	return strings.TrimSpace(text) + " " + notices(lang).stop
}

// email writes an e-mail: everything, or a notice.
func (c *Compiled) email(w Want, page compiled, m *Message) {
	say := notices(page.Lang)
	clinic := clean(w.Values["clinic"])
	if w.Mode == policy.Full {
		p, ok := c.part(Email, page.Lang)
		if !ok || p.Lang != page.Lang {
			p = page
		}
		var missing [2]string
		m.Subject, missing[0] = fill(p.subject, w.Values)
		m.Text, missing[1] = fill(p.body, w.Values)
		if m.Missing = missing[0] + missing[1]; m.Missing != "" {
			return
		}
	} else {
		m.Subject = strings.ReplaceAll(say.subject, "%", clinic)
		head := say.careMail
		if w.Mode == policy.Generic {
			head = say.genericMail
		}
		if name := clean(w.Values["first_name"]); w.Shared && name != "" {
			head = strings.ReplaceAll(say.namedMail, "%", name)
		}
		m.Text = head + "\n\n" + say.prove
	}
	foot := strings.TrimSpace(clinic+"\n"+clean(w.Address)) + "\n" + clean(w.Values["clinic_phone"]) + "\n\n" + say.stopMail
	body, link := m.Text, w.Values["link"]
	m.HTML = layout(page.Lang, m.Subject, body, link, say.open, foot)
	if link != "" && !strings.Contains(body, link) {
		body += "\n\n" + say.open + ":\n" + link
	}
	m.Text = body + "\n\n-- \n" + foot + "\n"
}

// layout lays an e-mail out in HTML that every reader shows: no image, no
// script, nothing fetched.
func layout(lang, title, body, link, open, foot string) string {
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="` + html.EscapeString(lang) + `"><head><meta charset="utf-8"><title>` + html.EscapeString(title) + `</title></head>` +
		`<body style="margin:0;padding:24px;background:#faf8f4;color:#1f2421;font:18px/1.5 Verdana,sans-serif"><div style="max-width:34em;margin:auto">`)
	for p := range strings.SplitSeq(body, "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			b.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(p), "\n", "<br>") + "</p>")
		}
	}
	if link != "" {
		b.WriteString(`<p><a href="` + html.EscapeString(link) + `" style="display:inline-block;padding:12px 20px;border-radius:8px;background:#1d5b4f;color:#ffffff">` + html.EscapeString(open) + `</a></p>`)
	}
	b.WriteString(`<p style="font-size:15px;color:#4c544f">` + strings.ReplaceAll(html.EscapeString(foot), "\n", "<br>") + "</p></div></body></html>")
	return b.String()
}
