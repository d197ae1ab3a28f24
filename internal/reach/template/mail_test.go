package template_test

import (
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"hale/internal/reach/policy"
	"hale/internal/reach/template"
)

const long = `Hello {{ first_name | default: "there" }},

# Your eye exam

it is time for your {{ service | default: "visit" }}. Diabetes can harm the eyes without pain, and a yearly exam finds it early.
It takes half an hour.

Please bring:

- your glasses
- a list of your medicines

[Choose a time]({{ link }})

{% if visit.date %}
Your next visit is on {{ visit.date }} at {{ visit.date | time }}.

{% endif %}
Thank you,
{{ clinic }}`

func mailOf(t testing.TB, lang string, w template.Want) template.Message {
	t.Helper()
	c, err := template.Template{Sensitivity: policy.S2, Parts: []template.Part{
		{Channel: template.Page, Lang: lang, Subject: "Time for your eye exam", Body: long},
	}}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	w.Channel, w.Lang, w.Address = policy.Email, lang, "1200 W Main St, Chicago, IL 60612"
	m := c.Render(w)
	if m.Missing != "" {
		t.Fatalf("missing %q", m.Missing)
	}
	return m
}

// walk calls f with every element of a document.
func walk(n *html.Node, f func(*html.Node)) {
	if n.Type == html.ElementNode {
		f(n)
	}
	for c := range n.ChildNodes() {
		walk(c, f)
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// The layout holds where mail is read: nothing is fetched, everything is
// inline, it fits, it says who writes and how to stop, and Outlook and the
// dark have their own.
func TestMail(t *testing.T) {
	for _, lang := range []string{"en", "es", "ar"} {
		for _, mode := range []policy.Mode{policy.Full, policy.Notice, policy.Generic} {
			w := values()
			w.Mode, w.Look = mode, template.NewLook("oklch(0.46 0.085 195)")
			w.Values["stop_link"] = "https://x.example/u/abc"
			m := mailOf(t, lang, w)
			if len(m.HTML) > 102_000 {
				t.Errorf("%s %s: %d bytes, more than Gmail shows", lang, mode, len(m.HTML))
			}
			for _, fetched := range []string{"src=", "url(", "@import", "<link", "<script", "background=", "<img", "<form", "http://"} {
				if strings.Contains(strings.ToLower(m.HTML), fetched) {
					t.Errorf("%s %s: the mail has %q", lang, mode, fetched)
				}
			}
			for _, has := range []string{"<!--[if mso]>", "v:roundrect", "prefers-color-scheme:dark", "max-width:600px", "mso-hide:all", "<title>", "1200 W Main St", "(312) 555-0100", "https://x.example/u/abc"} {
				if !strings.Contains(m.HTML, has) {
					t.Errorf("%s %s: the mail has no %q", lang, mode, has)
				}
			}
			doc, err := html.Parse(strings.NewReader(m.HTML))
			if err != nil {
				t.Fatal(err)
			}
			links, headings := 0, 0
			walk(doc, func(n *html.Node) {
				switch n.Data {
				case "html":
					if attr(n, "lang") != lang || attr(n, "dir") != map[string]string{"en": "ltr", "es": "ltr", "ar": "rtl"}[lang] {
						t.Errorf("html is %v", n.Attr)
					}
				case "table":
					if attr(n, "role") != "presentation" {
						t.Error("a table is read out as one")
					}
				case "a":
					links++
					if h := attr(n, "href"); h != "https://x.example/m/abc" && h != "https://x.example/u/abc" {
						t.Errorf("a link leads to %q", h)
					}
				case "h1":
					headings++
				case "p":
					if n.FirstChild == nil {
						t.Error("a paragraph is empty")
					}
					fallthrough
				case "td", "h2", "ul", "li":
					if attr(n, "style") == "" && n.Data != "td" {
						t.Errorf("%s has no style of its own", n.Data)
					}
				}
			})
			if links != 2 || headings != 1 {
				t.Errorf("%s %s: %d links and %d h1, want 2 and 1", lang, mode, links, headings)
			}
			if !strings.Contains(m.Text, "1200 W Main St") || !strings.Contains(m.Text, "https://x.example/u/abc") || !strings.Contains(m.Text, "https://x.example/m/abc") || strings.Contains(m.Text, "<") {
				t.Errorf("%s %s: the plain text is %q", lang, mode, m.Text)
			}
			first := regexp.MustCompile(`mso-hide:all">([^<]*)`).FindStringSubmatch(m.HTML)
			if first == nil || template.Health(strings.Split(first[1], "&#847;")[0]) != "" {
				t.Errorf("%s %s: the preview line tells of health: %v", lang, mode, first)
			}
			if mode != policy.Full && strings.Contains(m.HTML+m.Text, "eye exam") {
				t.Errorf("%s %s: a notice says what for", lang, mode)
			}
		}
	}
}

// Lists, headings, line ends and the button come out as they were written.
func TestMailBlocks(t *testing.T) {
	m := mailOf(t, "en", values())
	body := m.HTML[strings.Index(m.HTML, "</h1>"):]
	body = regexp.MustCompile(` style="[^"]*"`).ReplaceAllString(body, "")
	for _, want := range []string{
		"<p>Hello Ana,</p><h2>Your eye exam</h2><p>it is time for your eye exam. Diabetes can",
		"early.<br>It takes half an hour.</p><p>Please bring:</p><ul><li>your glasses</li><li>a list of your medicines</li></ul><table role",
		`</table><p>Your next visit is on Monday, March 9 at 8:30 pm.</p><p>Thank you,<br>Riverside</p></td>`,
		`<a href="https://x.example/m/abc">Choose a time</a>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the mail lacks %q:\n%s", want, body)
		}
	}
	if want := "Hello Ana,\n\nYour eye exam\n\nit is time for your eye exam."; !strings.HasPrefix(m.Text, want) {
		t.Errorf("the text begins %q, want %q", m.Text, want)
	}
	if !strings.Contains(m.Text, "\n- your glasses\n- a list of your medicines\n\nChoose a time: https://x.example/m/abc\n\nYour next") {
		t.Errorf("the text is %q", m.Text)
	}
}

// A value stays in its place in every context: no tag, no attribute, no
// header line, no direction of its own.
func TestMailHostile(t *testing.T) {
	w := values()
	for name := range w.Values {
		if name != "link" {
			w.Values[name] = "\"><img src=x onerror=alert(1)>\r\nBcc: a@b\r\n\r\n-->\u202e{{ link }} # <b>"
		}
	}
	w.Values["link"] = `https://x.example/m/"onmouseover="alert(1)`
	for _, mode := range []policy.Mode{policy.Full, policy.Notice} {
		w.Mode = mode
		m := mailOf(t, "en", w)
		doc, err := html.Parse(strings.NewReader(m.HTML))
		if err != nil {
			t.Fatal(err)
		}
		walk(doc, func(n *html.Node) {
			if n.Data == "img" || n.Data == "b" || attr(n, "onerror") != "" || attr(n, "onmouseover") != "" {
				t.Errorf("%s: a value became %s %v", mode, n.Data, n.Attr)
			}
		})
		if strings.ContainsAny(m.Subject, "\r\n") || strings.Contains(m.HTML+m.Text, "\u202e") || strings.Count(m.HTML, "<![endif]-->") != strings.Count(m.HTML, "<!--[if") {
			t.Errorf("%s: a value got out: %q", mode, m.HTML)
		}
	}
	w.Values["link"] = "javascript:alert(1)"
	if m := mailOf(t, "en", w); strings.Contains(m.HTML, `href="javascript`) {
		t.Error("a script is an address")
	}
}

func TestLook(t *testing.T) {
	tests := []struct{ brand, want, ink string }{
		{"", "#1d5b4f", "#ffffff"},
		{"#ABCDEF", "#abcdef", "#161a18"},
		{"oklch(0.6279 0.2577 29.23)", "#ff0000", "#161a18"},
		{"oklch(45.2% 0.3132 264.05)", "#0000ff", "#ffffff"},
		{"red; } body {", "#1d5b4f", "#ffffff"},
	}
	for _, tt := range tests {
		if l := template.NewLook(tt.brand); l.Brand != tt.want || l.Ink != tt.ink {
			t.Errorf("NewLook(%q) = %s on %s, want %s on %s", tt.brand, l.Ink, l.Brand, tt.ink, tt.want)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	c, err := template.Template{Sensitivity: policy.S2, Parts: []template.Part{
		{Channel: template.Page, Lang: "en", Subject: "Time for your eye exam", Body: long},
	}}.Compile()
	if err != nil {
		b.Fatal(err)
	}
	w := values()
	w.Channel, w.Look = policy.Email, template.NewLook("")
	size := 0
	for b.Loop() {
		size = len(c.Render(w).HTML)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "renders/s")
	b.ReportMetric(float64(size), "bytes")
}
