package template_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"hale/internal/reach/policy"
	"hale/internal/reach/template"
)

// values are those of an ordinary person with two visits.
func values() template.Want {
	return template.Want{
		Channel: policy.Inbox, Mode: policy.Full, Lang: "en",
		Now:  time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC),
		Zone: time.FixedZone("clinic", -6*3600),
		Values: map[string]string{
			"first_name": "Ana", "last_name": "Ruiz", "service": "eye exam", "clinic": "Riverside", "clinic_phone": "+13125550100",
			"visit.date": "2026-03-10T02:30:00Z", "visit.place": "Main Street", "language": "en", "link": "https://x.example/m/abc", "owed": "123450", "points": "1",
		},
		Lists: map[string][]map[string]string{"visits": {
			{"date": "2026-03-10T02:30:00Z", "place": "Main Street"}, {"date": "2027-01-05"},
		}},
	}
}

// extra are fields that a program brings along.
var extra = []template.Field{{Name: "owed", Type: template.Money, Class: policy.S2}, {Name: "points", Type: template.Number, Class: policy.S1}}

func render(t *testing.T, body string, change func(*template.Want)) template.Message {
	t.Helper()
	c, err := template.Template{Sensitivity: policy.S2, Parts: []template.Part{page(body)}, Extra: extra}.Compile()
	if err != nil {
		t.Fatalf("Compile(%q) = %v", body, err)
	}
	w := values()
	if change != nil {
		change(&w)
	}
	return c.Render(w)
}

func TestLanguage(t *testing.T) {
	es := func(w *template.Want) { w.Lang = "es" }
	without := func(names ...string) func(*template.Want) {
		return func(w *template.Want) {
			for _, n := range names {
				delete(w.Values, n)
				delete(w.Lists, n)
			}
		}
	}
	tests := []struct {
		name, body string
		change     func(*template.Want)
		want       string
	}{
		{name: "words alone", body: "Hello.", want: "Hello."},
		{name: "a field", body: `Hi {{ first_name | default: "there" }}!`, want: "Hi Ana!"},
		{name: "a default", body: `Hi {{ first_name | default: "there" }}!`, change: without("first_name"), want: "Hi there!"},
		{name: "if there", body: "Hello{% if first_name %} {{ first_name }}{% endif %}.", want: "Hello Ana."},
		{name: "if not there", body: "Hello{% if first_name %} {{ first_name }}{% endif %}.", change: without("first_name"), want: "Hello."},
		{name: "else", body: "{% if first_name %}a{% else %}b{% endif %}", change: without("first_name"), want: "b"},
		{name: "elsif", body: `{% if language == "es" %}a{% elsif language == "en" %}b{% else %}c{% endif %}`, want: "b"},
		{name: "unless and its else", body: "{% unless first_name %}nobody{% else %}{{ first_name }}{% endunless %}", want: "Ana"},
		{name: "and", body: `{% if first_name and last_name %}{{ first_name }} {{ last_name }}{% endif %}`, want: "Ana Ruiz"},
		{name: "or", body: `{% if first_name or last_name %}known{% endif %}`, change: without("first_name"), want: "known"},
		{name: "contains", body: `{% if visit.place contains "main" %}here{% endif %}`, want: "here"},
		{name: "a number", body: `{% if points >= 2 %}many{% else %}few{% endif %}`, want: "few"},
		{name: "case", body: `{% case language %}{% when "es", "pt" %}a{% when "en" %}b{% else %}c{% endcase %}`, want: "b"},
		{name: "case, else", body: `{% case language %}{% when "es" %}a{% else %}c{% endcase %}`, want: "c"},
		{name: "a list", body: "Visits:\n{% for v in visits %}\n- {{ v.date }}\n{% endfor %}\nBye", want: "Visits:\n- Monday, March 9\n- Tuesday, January 5, 2027\nBye"},
		{name: "an empty list", body: "{% for v in visits %}{{ v.date }}{% else %}none{% endfor %}", change: without("visits"), want: "none"},
		{name: "a list, counted", body: "{{ visits | count | default: \"0\" }}", want: "2"},
		{name: "dates where the clinic is", body: `{{ visit.date | date: "short" | default: "" }} at {{ visit.date | time | default: "" }}`, want: "Mar 9, 2026 at 8:30 pm"},
		{name: "dates in Spanish", body: `{{ visit.date | date | default: "" }}`, change: es, want: "lunes, 9 de marzo"},
		{name: "weekday", body: `{{ visit.date | date: "weekday" | default: "" }}`, want: "Mon, Mar 9"},
		{name: "money", body: "{{ owed }}", want: "$1,234.50"},
		{name: "phone", body: "{{ clinic_phone }}", want: "(312) 555-0100"},
		{name: "possessive", body: `{{ first_name | possessive | default: "your" }} visit`, want: "Ana’s visit"},
		{name: "possessive in Spanish", body: `la visita {{ first_name | possessive | default: "" }}`, change: es, want: "la visita de Ana"},
		{name: "plural", body: `{{ points }} {{ points | plural: "point", "points" }}`, want: "1 point"},
		{name: "capitalize", body: `{{ service | capitalize | default: "" }}`, want: "Eye exam"},
		{name: "truncate", body: `{{ service | truncate: 4 | default: "" }}`, want: "eye…"},
		{name: "a comment", body: "a{% comment %} {{ secret }} {% endcomment %}b{% # more %}c", want: "abc"},
		{name: "white space taken away", body: "a \n {{- clinic -}} \n b", want: "aRiversideb"},
		{name: "a block that is left out", body: "One.\n\n{% if visit.place %}\nAt {{ visit.place }}.\n\n{% endif %}\nTwo.", change: without("visit.place"), want: "One.\n\nTwo."},
		{name: "a link with words", body: "Go: [Book]({{ link }}) now", want: "Go:  now"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			change := tt.change
			body := tt.body
			c := template.Template{Sensitivity: policy.S2, Extra: extra, Parts: []template.Part{page(body), {Channel: template.Page, Lang: "es", Subject: "x", Body: body}}}
			ready, err := c.Compile()
			if err != nil {
				t.Fatal(err)
			}
			w := values()
			if change != nil {
				change(&w)
			}
			if got := ready.Render(w); got.Page != tt.want || got.Missing != "" {
				t.Errorf("Render = %q, missing %q, want %q", got.Page, got.Missing, tt.want)
			}
		})
	}
}

func TestLanguageFaults(t *testing.T) {
	tests := []struct {
		name, body string
		line, col  int
		want, fix  string
	}{
		{name: "unknown, with a suggestion", body: "Dear\n{{ firstname }}", line: 2, col: 4, want: `no field "firstname"`, fix: "Did you mean first_name?"},
		{name: "no policy for what may be missing", body: "Dear {{ first_name }},", line: 1, col: 9, want: "some people have no first_name", fix: "{% if first_name %}"},
		{name: "tested elsewhere", body: "{% if last_name %}{{ first_name }}{% endif %}", line: 1, col: 22, want: "some people have no first_name"},
		{name: "tested in the other way", body: "{% if first_name %}a{% else %}{{ first_name }}{% endif %}", line: 1, col: 34, want: "some people have no first_name"},
		{name: "either is not both", body: "{% if first_name or last_name %}{{ first_name }}{% endif %}", line: 1, col: 36, want: "some people have no first_name"},
		{name: "an unknown filter", body: "{{ clinic | upcas }}", line: 1, col: 13, want: `no filter "upcas"`, fix: "There are:"},
		{name: "a filter that does not fit", body: `{{ clinic | date }}`, line: 1, col: 13, want: "date does not fit", fix: "It takes: date"},
		{name: "a filter without what it takes", body: `{{ points | plural: "a" }}`, line: 1, col: 13, want: "plural takes two things"},
		{name: "an unknown form", body: `{{ today | date: "big" }}`, line: 1, col: 18, want: `date does not know "big"`, fix: "long, short"},
		{name: "an unknown tag", body: "{% fi clinic %}", line: 1, col: 3, want: `no tag "fi"`},
		{name: "no end", body: "a{% if clinic %}b", line: 1, col: 4, want: "does not end", fix: "endif"},
		{name: "an end alone", body: "a{% endif %}", line: 1, col: 4, want: "ends nothing"},
		{name: "two elses", body: "{% if clinic %}{% else %}{% else %}{% endif %}", line: 1, col: 28, want: "does not belong"},
		{name: "a list that is none", body: "{% for c in clinic %}{% endfor %}", line: 1, col: 13, want: "clinic is not a list", fix: "visits"},
		{name: "a list shown", body: "{{ visits }}", line: 1, col: 4, want: "visits is a list", fix: "{% for"},
		{name: "a list in a list", body: "{% for v in visits %}{% for w in visits %}{% endfor %}{% endfor %}", line: 1, col: 24, want: "a list inside a list"},
		{name: "a field of another list", body: "{% for v in visits %}{{ v.dose }}{% endfor %}", line: 1, col: 25, want: `no field "v.dose"`},
		{name: "mixed", body: `{% if clinic and today or clinic %}{% endif %}`, line: 1, col: 24, want: "mixed"},
		{name: "dates compared", body: `{% if today == "x" %}{% endif %}`, line: 1, col: 13, want: "cannot be compared"},
		{name: "quotation not closed", body: `{{ clinic | default: "a }}`, line: 1, col: 22, want: "quotation is not closed"},
		{name: "code", body: `{{ clinic.Exec() }}`, line: 1, col: 15, want: "means nothing here"},
		{name: "a link to a name", body: `[x]({{ clinic }})`, line: 1, col: 7, want: "clinic is no address"},
		{name: "braces not closed", body: "a {{ clinic", line: 1, col: 3, want: "without }}"},
		{name: "too deep", body: strings.Repeat("{% if clinic %}", 9) + strings.Repeat("{% endif %}", 9), line: 1, col: 93, want: "deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := template.Template{Sensitivity: policy.S2, Parts: []template.Part{page(tt.body)}, Extra: extra}.Compile()
			f, ok := template.FaultOf(err)
			if !ok || f.Line != tt.line || f.Col != tt.col || !strings.Contains(f.Words, tt.want) || !strings.Contains(f.Fix, tt.fix) {
				t.Errorf("Compile = %v, want %d:%d %q, %q", err, tt.line, tt.col, tt.want, tt.fix)
			}
		})
	}
}

// A part that could show more than its channel carries is not compiled,
// whichever way it would.
func TestLineage(t *testing.T) {
	sms := func(body string) template.Part { return template.Part{Channel: template.SMS, Lang: "en", Body: body} }
	for name, p := range map[string]template.Part{
		"shown":           sms(`{{ service | default: "visit" }} {{ link }}`),
		"tested":          sms(`{% if service == "hiv" %}Call us.{% endif %} {{ link }}`),
		"tested for none": sms(`{% unless medicines %}Call us.{% endunless %} {{ link }}`),
		"counted":         sms(`{{ visits | count | default: "0" }} {{ link }}`),
		"in a list":       sms(`{% for m in medicines %}{{ m.name }}{% endfor %} {{ link }}`),
		"in a case":       sms(`{% case service %}{% when "hiv" %}Call us.{% endcase %} {{ link }}`),
		"in a subject":    {Channel: template.Email, Lang: "en", Subject: `{{ service | default: "visit" }}`, Body: "b"},
		"in a preview":    {Channel: template.Email, Lang: "en", Subject: "a", Preview: `{{ service | default: "visit" }}`, Body: "b"},
	} {
		if _, err := (template.Template{Sensitivity: policy.S2, Parts: []template.Part{page("a"), p}}).Compile(); err == nil || !strings.Contains(err.Error(), "may stand") {
			t.Errorf("%s: Compile = %v, want it refused", name, err)
		}
	}
}

// random writes a text from the language, mostly one that can be read.
func random(r *rand.Rand, depth int) string {
	names := []string{"first_name", "last_name", "service", "clinic", "visit.date", "visit.place", "visit.clinician", "due_since", "clinician", "link", "language"}
	name := func() string { return names[r.IntN(len(names))] }
	var b strings.Builder
	for range 1 + r.IntN(4) {
		switch n := r.IntN(9); {
		case n < 3:
			fmt.Fprintf(&b, `{{ %s | default: "x" }} `, name())
		case n == 3:
			fmt.Fprintf(&b, "Word\n\n- ")
		case depth > 2:
			b.WriteString("end")
		case n == 4:
			f := name()
			fmt.Fprintf(&b, "{%% if %s %%}{{ %s }}%s{%% else %%}%s{%% endif %%}", f, f, random(r, depth+1), random(r, depth+1))
		case n == 5:
			fmt.Fprintf(&b, "{%% unless %s %%}%s{%% endunless %%}", name(), random(r, depth+1))
		case n == 6:
			fmt.Fprintf(&b, `{%% case language %%}{%% when "en" %%}%s{%% endcase %%}`, random(r, depth+1))
		case n == 7 && depth == 0:
			fmt.Fprintf(&b, "{%% for m in medicines %%}{{ m.name }} {{ m.dose | default: \"\" }}%s{%% endfor %%}", random(r, 2))
		case n == 8 && depth == 0:
			fmt.Fprintf(&b, "{%% for v in visits %%}{{ v.date }} {{ v.clinician | default: \"\" }}{%% endfor %%}")
		}
	}
	return b.String()
}

// canaries are values that name their own class: S2service…
func canaries() (map[string]string, map[string][]map[string]string) {
	of := func(f template.Field) string {
		return fmt.Sprintf("S%dcanary%s", f.Class, strings.ReplaceAll(f.Name, ".", ""))
	}
	flat, lists := map[string]string{}, map[string][]map[string]string{}
	for _, f := range template.Fields() {
		switch f.Type {
		case template.List:
			el := map[string]string{}
			for _, i := range f.Items {
				i.Class = max(i.Class, f.Class)
				el[i.Name] = of(i)
			}
			lists[f.Name] = []map[string]string{el}
		case template.Address:
			flat[f.Name] = "https://x.example/m/abc"
		case template.Date: // a date shows itself only as a date
			flat[f.Name] = fmt.Sprintf("20%d0-01-0%d", 5+f.Class, 1+f.Class)
		default:
			flat[f.Name] = of(f)
		}
	}
	flat["language"] = "en"
	return flat, lists
}

var shownClass = regexp.MustCompile(`S([0-4])canary|20([5-9])0`)

// No rendering ever shows a field above its channel's class, whatever was
// written: property (d).
func TestNeverAbove(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	flat, lists := canaries()
	matrix := policy.Defaults()
	media := map[policy.Channel]policy.Medium{policy.SMS: policy.Text, policy.Email: policy.EmailVerified, policy.Inbox: policy.Portal}
	compiled, shown := 0, 0
	for range 6000 {
		class := policy.Class(r.IntN(5))
		tpl := template.Template{Sensitivity: class, Parts: []template.Part{
			{Channel: template.Page, Lang: "en", Subject: "Title", Body: random(r, 0)},
			{Channel: template.Email, Lang: "en", Subject: random(r, 3), Preview: random(r, 3), Body: random(r, 0)},
			{Channel: template.SMS, Lang: "en", Body: random(r, 0)},
		}}
		tpl.Parts = tpl.Parts[:1+r.IntN(3)]
		c, err := tpl.Compile()
		if err != nil {
			continue
		}
		compiled++
		for channel, medium := range media {
			mode, shared := matrix[medium][class], r.IntN(2) == 0
			m := c.Render(template.Want{Channel: channel, Mode: mode, Lang: "en", Values: flat, Lists: lists, Shared: shared})
			if m.Missing != "" {
				continue
			}
			limit := policy.S1 // a notice at a shared address names whom it is for
			if mode == policy.Full {
				limit = class
			}
			if shared {
				limit = max(limit, policy.S1)
			}
			check := func(what, text string, limit policy.Class) {
				for _, hit := range shownClass.FindAllStringSubmatch(text, -1) {
					n := policy.Class((hit[1] + hit[2])[0] - '0')
					if hit[2] != "" {
						n -= 5
					}
					shown++
					if n > limit {
						t.Fatalf("%s over %s at class %d shows class %d: %q\nin %+v", what, channel, class, n, text, tpl.Parts)
					}
				}
			}
			check("the text", m.Text, limit)
			check("the mail", m.HTML, limit)
			if channel == policy.Email {
				check("the subject", m.Subject, min(limit, policy.S1))
			}
		}
	}
	if compiled < 500 || shown < 500 {
		t.Errorf("%d templates compiled, %d values shown: the test tests nothing", compiled, shown)
	}
}

// A rendering ends, however much it is given.
func TestLimits(t *testing.T) {
	many := make([]map[string]string, 500)
	for i := range many {
		many[i] = map[string]string{"date": "2026-03-10", "place": strings.Repeat("x", 5000)}
	}
	list := func(w *template.Want) { w.Lists = map[string][]map[string]string{"visits": many} }
	if m := render(t, "{% for v in visits %}{{ v.date }}\n{% endfor %}", list); m.Missing != "" || strings.Count(m.Page, "\n") != template.MaxItems-1 {
		t.Errorf("a long list = %d lines, %q, want %d items", strings.Count(m.Page, "\n"), m.Missing, template.MaxItems)
	}
	if m := render(t, strings.Repeat("{% for v in visits %}{{ v.date }}{% endfor %}", 6), list); m.Missing != "too_long" {
		t.Errorf("six lists of twenty = %q, want too_long", m.Missing)
	}
	if m := render(t, strings.Repeat(`{% for v in visits %}{{ v.place | default: "" }}{% endfor %}`, 2), list); m.Missing != "too_long" {
		t.Errorf("200 kB = %q, want too_long", m.Missing)
	}
	body := "{% for v in visits %}" + strings.Repeat("{{ v.date }}", 1500) + "{% endfor %}"
	c, err := template.Template{Sensitivity: 2, Parts: []template.Part{page(body)}}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	w := values()
	list(&w)
	begin := time.Now()
	m := c.Render(w)
	if took := time.Since(begin); m.Missing != "too_long" || took > 200*time.Millisecond { // 5 ms on a machine that does nothing else
		t.Errorf("a million steps = %q in %v", m.Missing, took)
	}
}

// What is missing and required names itself; nothing is said instead.
func TestRequire(t *testing.T) {
	m := render(t, "{% if clinic %}{{ first_name | require }}{% endif %}", func(w *template.Want) { delete(w.Values, "first_name") })
	if m.Missing != "first_name" || m.Page != "" && m.Page != "Title" {
		t.Errorf("Render = %+v, want it missing", m)
	}
}
