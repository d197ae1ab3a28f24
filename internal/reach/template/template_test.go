package template_test

import (
	"strings"
	"testing"

	"hale/internal/reach/policy"
	"hale/internal/reach/template"
)

func page(body string) template.Part {
	return template.Part{Channel: template.Page, Lang: "en", Subject: "Title", Body: body}
}

func TestTemplateLint(t *testing.T) {
	text := func(body string) template.Part { return template.Part{Channel: template.SMS, Lang: "en", Body: body} }
	tests := []struct {
		name  string
		class policy.Class
		parts []template.Part
		want  string // in a problem; empty: none
	}{
		{name: "a page", class: 2, parts: []template.Part{page(`Hello {{ first_name | default: "there" }}, your {{ service | require }}.`)}},
		{name: "no page", class: 2, parts: []template.Part{text("{{ clinic }}: {{ link }}")}, want: "Write the page"},
		{name: "two pages", class: 2, parts: []template.Part{page("a"), page("b")}, want: "two of these"},
		{name: "level below the purpose", class: 1, parts: []template.Part{page("a")}, want: "level 2 at least"},
		{name: "unknown field", class: 2, parts: []template.Part{page("{{ ssn }}")}, want: `no field "ssn"`},
		{name: "may be missing", class: 2, parts: []template.Part{page("Dear {{ first_name }},")}, want: "some people have no first_name"},
		{name: "never closed", class: 2, parts: []template.Part{page("{{ clinic ")}, want: "without }}"},
		{name: "never opened", class: 2, parts: []template.Part{page("clinic }}")}, want: "without {{"},
		{name: "another filter", class: 2, parts: []template.Part{page("{{ clinic | upcase }}")}, want: "default"},
		{name: "neutral text", class: 2, parts: []template.Part{page("a"), text("{{ clinic }}: a note for you is ready. {{ link }}")}},
		{name: "text without link", class: 2, parts: []template.Part{page("a"), text("{{ clinic }}: a note is ready.")}, want: "needs {{ link }}"},
		{name: "text names a service", class: 2, parts: []template.Part{page("a"), text("Time for your eye exam {{ link }}")}, want: "tell of health"},
		{name: "text names it in Spanish", class: 2, parts: []template.Part{page("a"), text("Su diabétes {{ link }}")}, want: "tell of health"},
		{name: "text with a name, care", class: 2, parts: []template.Part{page("a"), text(`Hi {{ first_name | default: "you" }} {{ link }}`)}, want: "level 1"},
		{name: "text with the service as a field", class: 2, parts: []template.Part{page("a"), text(`{{ service | require }} {{ link }}`)}, want: "level 2"},
		{name: "text too long", class: 2, parts: []template.Part{page("a"), text(strings.Repeat("A note is ready for you. ", 14) + "{{ link }}")}, want: "2 are the limit"},
		{name: "subject gives care away", class: 2, parts: []template.Part{page("a"), {Channel: template.Email, Lang: "en", Subject: "{{ service | require }}", Body: "b"}}, want: "only level 1"},
		{name: "subject of two lines", class: 2, parts: []template.Part{{Channel: template.Page, Lang: "en", Subject: "a\nb", Body: "b"}}, want: "one line"},
		{name: "a channel there is not", class: 2, parts: []template.Part{page("a"), {Channel: "fax", Lang: "en", Body: "b"}}, want: "for email or for texts"},
	}
	care, _ := policy.PurposeOf("care")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := template.Template{Sensitivity: tt.class, Parts: tt.parts}.Lint(care)
			if tt.want == "" && len(got) > 0 {
				t.Errorf("Lint = %+v, want nothing", got)
			}
			found := tt.want == ""
			for _, p := range got {
				found = found || strings.Contains(p.Words+" "+p.Fix, tt.want)
			}
			if !found {
				t.Errorf("Lint = %+v, want %q", got, tt.want)
			}
		})
	}
}

// hostile values stand for whatever a feed may bring.
var hostile = map[string]string{
	"first_name": "<script>alert(1)</script>\r\nBcc: x@y {{ link }} \u202eevil", "last_name": "O'Brien", "service": "eye exam",
	"clinic": "Riverside", "clinic_phone": "1", "link": "https://x.example/m/abc",
}

func TestCompiledRender(t *testing.T) {
	tpl := template.Template{Sensitivity: 2, Parts: []template.Part{
		{Channel: template.Page, Lang: "en", Subject: "Hi {{ first_name | default: \"you\" }}", Body: "Dear {{ first_name | default: \"you\" }}, your {{ service | default: \"visit\" }}."},
		{Channel: template.Page, Lang: "es", Subject: "Hola", Body: "Hola"},
	}}
	c, err := tpl.Compile()
	if err != nil {
		t.Fatal(err)
	}
	modes := []policy.Mode{policy.Full, policy.Notice, policy.Generic}
	for _, lang := range []string{"en-US", "es-MX", "vi", ""} {
		for _, mode := range modes {
			for _, shared := range []bool{false, true} {
				mail := c.Render(template.Want{Channel: policy.Email, Mode: mode, Lang: lang, Shared: shared, Values: hostile})
				if strings.ContainsAny(mail.Subject, "\r\n") || strings.Contains(mail.HTML, "<script") || strings.Contains(mail.HTML+mail.Text, "\u202e") {
					t.Errorf("%s %s: a value got out of its place: %q %q", lang, mode, mail.Subject, mail.HTML)
				}
				if !strings.Contains(mail.Text, "https://x.example/m/abc") || !strings.Contains(mail.HTML, `href="https://x.example/m/abc"`) {
					t.Errorf("%s %s: no link in %q", lang, mode, mail.Text)
				}
				if mode != policy.Full && (strings.Contains(mail.Text, "eye exam") || template.Health(mail.Subject+" "+mail.Text[:strings.Index(mail.Text, "http")]) != "") {
					t.Errorf("%s %s: a notice tells of health: %q", lang, mode, mail.Text)
				}
				text := c.Render(template.Want{Channel: policy.SMS, Mode: mode, Lang: lang, Shared: shared, Values: hostile})
				if strings.Contains(text.Text, "eye exam") || !strings.Contains(text.Text, "STOP") || !strings.Contains(text.Text, "/m/abc") {
					t.Errorf("%s %s: text = %q", lang, mode, text.Text)
				}
				if got := mail.Lang; got != map[string]string{"en-US": "en", "es-MX": "es", "vi": "en", "": "en"}[lang] {
					t.Errorf("language for %q = %q", lang, got)
				}
			}
		}
	}
	m := c.Render(template.Want{Channel: policy.Inbox, Lang: "en", Values: map[string]string{}})
	if m.Page != "Dear you, your visit." {
		t.Errorf("page with nothing known = %q", m.Page)
	}
	c, _ = template.Template{Sensitivity: 2, Parts: []template.Part{page("{{ service | require }}")}}.Compile()
	if m := c.Render(template.Want{Channel: policy.Inbox, Values: map[string]string{}}); m.Missing != "service" {
		t.Errorf("Missing = %q, want service", m.Missing)
	}
}

func TestSegments(t *testing.T) {
	tests := []struct {
		name string
		text string
		n    int
		wide bool
	}{
		{name: "nothing", n: 0},
		{name: "160", text: strings.Repeat("a", 160), n: 1},
		{name: "161", text: strings.Repeat("a", 161), n: 2},
		{name: "306", text: strings.Repeat("a", 306), n: 2},
		{name: "307", text: strings.Repeat("a", 307), n: 3},
		{name: "80 of two septets", text: strings.Repeat("€", 80), n: 1},
		{name: "81 of two septets", text: strings.Repeat("€", 81), n: 2},
		{name: "an escape is not split", text: strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), n: 3},
		{name: "70 wide", text: strings.Repeat("ж", 70), n: 1, wide: true},
		{name: "71 wide", text: strings.Repeat("ж", 71), n: 2, wide: true},
		{name: "a surrogate is not split", text: strings.Repeat("ж", 66) + "😀" + strings.Repeat("ж", 66), n: 3, wide: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if n, wide := template.Segments(tt.text); n != tt.n || wide != tt.wide {
				t.Errorf("Segments = %d, %t, want %d, %t", n, wide, tt.n, tt.wide)
			}
		})
	}
	if n, wide := template.Segments(template.GSM("“Está” – mañana…")); n != 1 || wide {
		t.Errorf("quotes and accents cost %d wide=%t", n, wide)
	}
}

// What can be compiled renders, and no value breaks out of it.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{"", "a", "{{ clinic }}", `{{ first_name | default: "you" }}`, "{{ link | require }}", "{{", "}}", "{{}}", "{{ | }}", `{{ clinic | default: "}}" }}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c, err := template.Template{Sensitivity: policy.S4, Parts: []template.Part{page(body)}}.Compile()
		if err != nil {
			return
		}
		m := c.Render(template.Want{Channel: policy.Email, Mode: policy.Full, Values: hostile})
		if m.Missing == "" && strings.Contains(m.HTML, "<script>alert(1)") {
			t.Errorf("%q renders as %q", body, m.HTML)
		}
	})
}
