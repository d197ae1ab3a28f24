package desk

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
)

func TestAudienceRoundTrip(t *testing.T) {
	has := func(c string, months int) segment.Expr {
		return segment.Expr{Has: &segment.Has{Concept: c, Months: months}}
	}
	not := func(e segment.Expr) segment.Expr { return segment.Expr{Not: &e} }
	tests := []struct {
		name string
		in   segment.Expr
		want segment.Expr // what the form makes of it
		ok   bool
	}{
		{name: "everyone", in: segment.Expr{}, want: segment.Expr{}, ok: true},
		{name: "one line", in: has("diabetes", 0), want: segment.Expr{All: []segment.Expr{has("diabetes", 0)}}, ok: true},
		{name: "and, not", in: segment.Expr{All: []segment.Expr{has("diabetes", 0), not(has("eye-exam", 12))}},
			want: segment.Expr{All: []segment.Expr{has("diabetes", 0), not(has("eye-exam", 12))}}, ok: true},
		{name: "or inside and", in: segment.Expr{All: []segment.Expr{{Any: []segment.Expr{has("diabetes", 0), {Lang: "es"}}}, {Age: &segment.Range{Min: 18, Max: 80}}}},
			want: segment.Expr{All: []segment.Expr{{Any: []segment.Expr{has("diabetes", 0), {Lang: "es"}}}, {Age: &segment.Range{Min: 18, Max: 80}}}}, ok: true},
		{name: "every kind of line", in: segment.Expr{All: []segment.Expr{{Sex: "female"}, {City: "Riverside"}, {SignedIn: "30d"},
			{Has: &segment.Has{Type: "Immunization", Query: map[string][]string{"vaccine-code": {"88"}}, Label: "flu shot", Months: 6}}}},
			want: segment.Expr{All: []segment.Expr{{Sex: "female"}, {City: "Riverside"}, {SignedIn: "30d"},
				{Has: &segment.Has{Type: "Immunization", Query: map[string][]string{"vaccine-code": {"88"}}, Label: "flu shot", Months: 6}}}}, ok: true},
		{name: "a list of people is not for the form", in: segment.Expr{Patients: []string{"maria"}}},
		{name: "and inside or is not", in: segment.Expr{Any: []segment.Expr{{All: []segment.Expr{has("diabetes", 0), has("asthma", 0)}}, {Lang: "es"}}}},
		{name: "twice not is not", in: not(not(has("diabetes", 0)))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, ok := fromExpr(tt.in)
			if ok != tt.ok {
				t.Fatalf("fromExpr ok = %v, want %v", ok, tt.ok)
			}
			if !ok {
				return
			}
			a = parseAudience(formOf(a))
			got, complete := a.expr(knownConcept)
			if !complete || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("through the form: %+v (complete %v), want %+v", got, complete, tt.want)
			}
		})
	}
}

// formOf is what a browser sends of a.
func formOf(a audience) url.Values {
	f := url.Values{}
	for g, group := range a.Groups {
		for _, l := range group.Lines {
			p := "l" + intText(l.N) + "."
			for name, value := range map[string]string{"kind": l.Kind, "group": intText(g), "not": notValue(l.Not), "value": l.Value, "months": intText(l.Months),
				"min": l.Min, "max": l.Max, "type": l.Type, "code": l.Code, "label": l.Label} {
				f.Set(p+name, value)
			}
		}
	}
	return f
}

func TestAudienceEdit(t *testing.T) {
	f := url.Values{"l0.kind": {"has"}, "l0.value": {"diabetes"}, "l0.group": {"0"}, "l1.kind": {"age"}, "l1.min": {"18"}, "l1.group": {"1"},
		"add": {"has:eye-exam"}, "add.0": {"lang"}}
	tests := []struct {
		do     string
		took   bool
		groups []int // lines of each group
	}{
		{do: "and", took: true, groups: []int{1, 1, 1}},
		{do: "or.0", took: true, groups: []int{2, 1}},
		{do: "or.1", took: true, groups: []int{1, 1}}, // nothing chosen to add
		{do: "or.9", took: true, groups: []int{1, 1}},
		{do: "or.-1", took: true, groups: []int{1, 1}},
		{do: "drop.0", took: true, groups: []int{1}},
		{do: "drop.x", took: true, groups: []int{1, 1}},
		{do: "save", groups: []int{1, 1}},
		{do: "", groups: []int{1, 1}},
	}
	for _, tt := range tests {
		a := parseAudience(f)
		took := a.edit(tt.do, f)
		var groups []int
		for _, g := range a.Groups {
			groups = append(groups, len(g.Lines))
		}
		if took != tt.took || !reflect.DeepEqual(groups, tt.groups) {
			t.Errorf("edit(%q) = %v with groups %v, want %v with %v", tt.do, took, groups, tt.took, tt.groups)
		}
	}
}

func TestAudienceLinesSayWhatIsMissing(t *testing.T) {
	tests := []struct {
		name string
		line line
		ok   bool
	}{
		{"no age", line{Kind: "age"}, false},
		{"ages turned round", line{Kind: "age", Min: "80", Max: "18"}, false},
		{"not a number", line{Kind: "age", Min: "old"}, false},
		{"below zero", line{Kind: "age", Min: "-1"}, false},
		{"beyond life", line{Kind: "age", Max: "131"}, false},
		{"the oldest age there is", line{Kind: "age", Max: "130"}, true},
		{"same ages", line{Kind: "age", Min: "40", Max: "40"}, true},
		{"no sex", line{Kind: "sex"}, false},
		{"no language", line{Kind: "lang"}, false},
		{"no city", line{Kind: "city"}, false},
		{"an ingredient nobody knows", line{Kind: "has", Value: "magic"}, false},
		{"an unknown use of the portal", line{Kind: "signed", Value: "sometimes"}, false},
		{"a code of no type", line{Kind: "code", Code: "1", Label: "x"}, false},
		{"a code of a type that is not offered", line{Kind: "code", Type: "Patient", Code: "1", Label: "x"}, false},
		{"a code without words", line{Kind: "code", Type: "Condition", Code: "1"}, false},
		{"a code", line{Kind: "code", Type: "Condition", Code: "1", Label: "x"}, true},
		{"a kind that is not there", line{Kind: "sql"}, false},
	}
	for _, tt := range tests {
		if _, problem := tt.line.leaf(knownConcept); (problem == "") != tt.ok {
			t.Errorf("%s: problem = %q, want ok %v", tt.name, problem, tt.ok)
		}
	}
}

// FuzzAudience holds what a stranger's form becomes to the form's bounds, and
// to reading the same after it was shown and sent again.
func FuzzAudience(f *testing.F) {
	f.Add("l0.kind=has&l0.value=diabetes&do=and&add=age")
	f.Add("l0.kind=age&l0.min=18&l23.kind=lang&l23.value=es&l24.kind=sex&do=drop.0")
	f.Add("l0.kind=code&l0.code=%00%ff&l0.months=99999999999999999999&do=or.0&add.0=has:")
	f.Fuzz(func(t *testing.T, text string) {
		in, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		a := parseAudience(in)
		a.edit(in.Get("do"), in)
		if a.lines() > maxLines {
			t.Fatalf("%d lines, %d are the limit", a.lines(), maxLines)
		}
		again := parseAudience(formOf(a))
		again.number()
		if a.lines() > 0 && !reflect.DeepEqual(again, a) {
			t.Fatalf("read again: %+v, want %+v", again, a)
		}
		if e, ok := a.expr(knownConcept); ok {
			if _, _, err := segment.Compile(access.Pass{}, e, noon); err != nil {
				t.Fatalf("a complete form makes a segment that does not compile: %v", err)
			}
		}
	})
}

func TestParsePercent(t *testing.T) {
	tests := map[string]float64{"10": 0.1, "2.5": 0.025, "2,5": 0.025, "10 %": 0.1, "0": 0, "100": 1, ".5": 0.005,
		"": -1, "-1": -1, "101": -1, "ten": -1, "1e1": -1, "NaN": -1, "1.2.3": -1, "%": -1}
	for text, want := range tests {
		got, ok := parsePercent(text)
		if ok != (want >= 0) || ok && (got < want-1e-12 || got > want+1e-12) {
			t.Errorf("parsePercent(%q) = %v, %v, want %v", text, got, ok, want)
		}
	}
}

func TestSaveStepByStep(t *testing.T) {
	f := known()
	h := serve(t, f)
	post := func(target string, in url.Values, wantCode int, wantTo string) string {
		t.Helper()
		w := ask(t, h, "nurse", "POST", target, in)
		if w.Code != wantCode || w.Header().Get("Location") != wantTo {
			t.Fatalf("POST %s = %d to %q, want %d to %q", target, w.Code, w.Header().Get("Location"), wantCode, wantTo)
		}
		return w.Body.String()
	}
	post("/desk/outreach/new", url.Values{"name": {"  "}, "purpose": {"care"}}, http.StatusUnprocessableEntity, "")
	post("/desk/outreach/new", url.Values{"name": {"Recall"}, "purpose": {"security"}}, http.StatusUnprocessableEntity, "")
	post("/desk/outreach/new", url.Values{"name": {"Recall"}, "purpose": {"care"}}, http.StatusSeeOther, "/desk/outreach/new/edit/audience")
	post("/desk/outreach/new/edit/audience", url.Values{"do": {"save"}}, http.StatusUnprocessableEntity, "")
	page := post("/desk/outreach/new/edit/audience", url.Values{"do": {"and"}, "add": {"has:diabetes"}}, http.StatusOK, "")
	if !strings.Contains(page, `name="l0.value" value="diabetes"`) || !strings.Contains(page, "8,412 patients") {
		t.Error("after Add, the page lacks the line or the count")
	}
	post("/desk/outreach/new/edit/audience", url.Values{"do": {"save"}, "l0.kind": {"age"}}, http.StatusUnprocessableEntity, "")
	post("/desk/outreach/new/edit/audience", url.Values{"do": {"save"}, "l0.kind": {"has"}, "l0.value": {"diabetes"}, "l0.group": {"0"}}, http.StatusSeeOther, "/desk/outreach/new/edit/message")
	bad := post("/desk/outreach/new/edit/message", url.Values{"sensitivity": {"2"}, "page.en.title": {"Exam"}, "page.en.body": {"Hello {{ first_name }}"}}, http.StatusUnprocessableEntity, "")
	if !strings.Contains(bad, "Page behind the link in English") || !strings.Contains(bad, "Hello {{ first_name }}") {
		t.Error("the linter's words or the author's are not on the page")
	}
	post("/desk/outreach/new/edit/message", url.Values{"sensitivity": {"2"}, "page.en.title": {"Exam"}, "page.en.body": {"Please book."}, "service": {"nonsense"}}, http.StatusSeeOther, "/desk/outreach/new/edit/plan")
	for _, tt := range []url.Values{{"holdout": {"51"}, "window": {"90"}, "expire": {"30"}}, {"holdout": {"10"}, "window": {"0"}, "expire": {"30"}}, {"holdout": {"10"}, "window": {"90"}, "expire": {"366"}}} {
		post("/desk/outreach/new/edit/plan", tt, http.StatusUnprocessableEntity, "")
	}
	post("/desk/outreach/new/edit/plan", url.Values{"holdout": {"50"}, "window": {"1"}, "expire": {"365"}, "households": {"1"}}, http.StatusSeeOther, "/desk/outreach/new/edit/check")
	o := f.outreaches[len(f.outreaches)-1]
	if o.Name != "Recall" || o.Holdout != 0.5 || o.WindowDays != 1 || o.ExpireDays != 365 || !o.Households || o.Service != "" || o.Template.Sensitivity != policy.S2 || o.CreatedBy != "nurse" {
		t.Errorf("kept %+v", o)
	}
	if f.did[len(f.did)-1] != "save new" {
		t.Errorf("did %v, want saves only", f.did)
	}
}

func TestNoHoldoutWhereItIsNotAllowed(t *testing.T) {
	f := known()
	f.outreaches = append(f.outreaches, reach.Outreach{ID: "r", Name: "Results", Purpose: "clinical_result", State: reach.Draft, Segment: segment.Expr{Lang: "en"}})
	h := serve(t, f)
	w := ask(t, h, "nurse", "POST", "/desk/outreach/r/edit/plan", url.Values{"holdout": {"10"}, "window": {"90"}, "expire": {"30"}})
	if w.Code != http.StatusSeeOther || f.outreaches[len(f.outreaches)-1].Holdout != 0 {
		t.Errorf("status %d, holdout %v, want 303 and 0", w.Code, f.outreaches[len(f.outreaches)-1].Holdout)
	}
}

func TestStart(t *testing.T) {
	tests := []struct {
		name string
		in   url.Values
		want int
		sent bool
	}{
		{name: "confirmed", in: url.Values{"sure": {"1"}, "treated": {"7471"}, "audience": {"8412"}}, want: http.StatusSeeOther, sent: true},
		{name: "box not ticked", in: url.Values{"treated": {"7471"}, "audience": {"8412"}}, want: http.StatusUnprocessableEntity},
		{name: "the number moved", in: url.Values{"sure": {"1"}, "treated": {"7470"}, "audience": {"8412"}}, want: http.StatusConflict},
		{name: "the audience moved", in: url.Values{"sure": {"1"}, "treated": {"7471"}, "audience": {"8413"}}, want: http.StatusConflict},
		{name: "no number", in: url.Values{"sure": {"1"}}, want: http.StatusConflict},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := known()
			w := ask(t, serve(t, f), "nurse", "POST", "/desk/outreach/draft/start", tt.in)
			sent := len(f.did) == 1 && f.did[0] == "start draft"
			if w.Code != tt.want || sent != tt.sent {
				t.Errorf("status %d, did %v, want %d, sent %v", w.Code, f.did, tt.want, tt.sent)
			}
		})
	}
}

func TestActionsByRole(t *testing.T) {
	actions := map[string]string{"recall/pause": "pause recall", "recall/resume": "resume recall", "recall/stop": "stop recall", "recall/duplicate": "save new", "draft/delete": "delete draft"}
	for target, want := range actions {
		for who, allowed := range map[string]bool{"nurse": true, "marketer": true, "admin": false, "patient": false, "": false} {
			f := known()
			w := ask(t, serve(t, f), who, "POST", "/desk/outreach/"+target, url.Values{"sure": {"1"}})
			did := len(f.did) == 1 && f.did[0] == want
			if did != allowed || !allowed && len(f.did) != 0 {
				t.Errorf("POST %s as %q = %d and did %v, want allowed %v", target, who, w.Code, f.did, allowed)
			}
		}
	}
}

func TestStartedCannotBeEdited(t *testing.T) {
	h := serve(t, known())
	for _, step := range []string{"basics", "audience", "message", "plan"} {
		if w := ask(t, h, "nurse", "POST", "/desk/outreach/recall/edit/"+step, url.Values{"name": {"x"}}); w.Code != http.StatusConflict {
			t.Errorf("POST edit/%s of a running outreach = %d, want %d", step, w.Code, http.StatusConflict)
		}
	}
}

func TestSheetIsSafe(t *testing.T) {
	tests := map[string]string{"=1+1": "'=1+1", "+1": "'+1", "-cmd": "'-cmd", "@x": "'@x", " =x": "' =x", "\t=x": "'\t=x", "％x": "％x", "＝x": "'＝x", "|x": "'|x",
		"-1.25": "-1.25", "12": "12", "": "", "plain": "plain", "\ufeff=x": "'\ufeff=x", "-": "'-", "-1-1": "'-1-1", "0.0680": "0.0680"}
	for in, want := range tests {
		if got := cell(in); got != want {
			t.Errorf("cell(%q) = %q, want %q", in, got, want)
		}
	}
	f := known()
	f.outreaches[0].Name = `=HYPERLINK("http://evil.example","x")`
	w := ask(t, serve(t, f), "nurse", "GET", "/desk/outreach/recall/counts.csv", nil)
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, c := range row {
			if strings.HasPrefix(c, "=") {
				t.Errorf("the sheet holds a formula: %q", c)
			}
		}
	}
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="outreach-hyperlink-http-evil-example-x.csv"` {
		t.Errorf("Content-Disposition = %s", got)
	}
}

// FuzzSheet holds every text to not starting a formula.
func FuzzSheet(f *testing.F) {
	for _, s := range []string{"=1", " \t=1", "-1", "x", "\u00a0@"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := cell(text)
		if got != text && got != "'"+text {
			t.Fatalf("cell(%q) = %q", text, got)
		}
		if strings.IndexAny(got, "=+@") == 0 {
			t.Fatalf("cell(%q) = %q starts a formula", text, got)
		}
	})
}
