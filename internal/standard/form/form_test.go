package form_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"hale/internal/standard/form"
)

func parse(t testing.TB, items string) *form.Questionnaire {
	t.Helper()
	q, err := form.Parse([]byte(`{"resourceType":"Questionnaire","status":"active","url":"https://a.example/q","version":"2","title":"T","item":[` + items + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// Every ready form is read, written and read again as the same form.
func TestParseBack(t *testing.T) {
	files, _ := filepath.Glob("../../care/form/ready/*.json")
	if len(files) < 5 {
		t.Fatalf("%d forms", len(files))
	}
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		again(t, body)
		q, _ := form.Parse(body)
		q.Each(func(it *form.Item, _ int) bool {
			if it.Text.Say("es-MX") == it.Text.Words {
				t.Errorf("%s: %s has no Spanish", f, it.LinkID)
			}
			for _, o := range it.Options {
				if o.Value.In["es"] == "" {
					t.Errorf("%s: an option of %s has no Spanish", f, it.LinkID)
				}
			}
			return true
		})
	}
}

func again(t testing.TB, body []byte) {
	t.Helper()
	q, err := form.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	first, err := q.Body()
	if err != nil {
		t.Fatal(err)
	}
	r, err := form.Parse(first)
	if err != nil {
		t.Fatalf("what was written cannot be read: %v\n%s", err, first)
	}
	if second, err := r.Body(); err != nil || string(first) != string(second) {
		t.Fatalf("it is written anew:\n%s\n%s\n%v", first, second, err)
	}
}

// What is not known of a form is kept.
func TestParseKeeps(t *testing.T) {
	q := parse(t, `{"linkId":"a","type":"choice","text":"A","definition":"http://d.example#a","extension":[{"url":"http://x.example","valueString":"kept"}],
		"answerOption":[{"valueString":"one","extension":[{"url":"http://y.example","valueBoolean":true}]}]}`)
	body, err := q.Body()
	for _, want := range []string{`"definition":"http://d.example#a"`, `"valueString":"kept"`, `"url":"http://y.example"`} {
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("Body has no %s: %s, %v", want, body, err)
		}
	}
}

// A form that cannot be used is refused at the place where it is wrong.
func TestParseRefuses(t *testing.T) {
	form1 := func(items string) string {
		return `{"resourceType":"Questionnaire","status":"draft","title":"T","item":[` + items + `]}`
	}
	tests := map[string]struct{ body, place, why string }{
		"no JSON":          {`{"a":`, "the file", "not JSON"},
		"another resource": {`{"resourceType":"Patient"}`, "resourceType", "not a Questionnaire"},
		"no title":         {`{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","type":"display","text":"x"}]}`, "title", "title"},
		"nothing in it":    {form1(``), "item", "no questions"},
		"no link id":       {form1(`{"type":"string","text":"x"}`), "item[0].linkId", "linkId"},
		"a link id twice":  {form1(`{"linkId":"1","type":"string","text":"x"},{"linkId":"1","type":"string","text":"x"}`), "item[1].linkId", "twice"},
		"a strange type":   {form1(`{"linkId":"1","type":"reference","text":"x"}`), "item[0].type", "reference"},
		"a group that repeats in one that does": {form1(`{"linkId":"1","type":"group","text":"x","repeats":true,"item":[{"linkId":"2","type":"group","item":[{"linkId":"3","type":"group","repeats":true,"item":[{"linkId":"4","type":"string","text":"x"}]}]}]}`),
			"item[0].item[0].item[0].repeats", "inside another"},
		"a link id of a copy":       {form1(`{"linkId":"1‖2","type":"string","text":"x"}`), "item[0].linkId", "‖"},
		"a value set that it lacks": {form1(`{"linkId":"1","type":"choice","text":"x","answerValueSet":"#mine"}`), "item[0].answerValueSet", "mine"},
		"a value set of a text":     {form1(`{"linkId":"1","type":"string","text":"x","answerValueSet":"http://v.example"}`), "item[0].answerValueSet", "Only a choice"},
		"a value set and options":   {form1(`{"linkId":"1","type":"choice","text":"x","answerValueSet":"http://v.example","answerOption":[{"valueString":"a"}]}`), "item[0].answerValueSet", "not both"},
		"a choice of nothing":       {form1(`{"linkId":"1","type":"choice","text":"x"}`), "item[0].answerOption", "options"},
		"an option twice":           {form1(`{"linkId":"1","type":"choice","text":"x","answerOption":[{"valueString":"a"},{"valueString":"a"}]}`), "item[0].answerOption[1]", "twice"},
		"no text":                   {form1(`{"linkId":"g","type":"group","item":[{"linkId":"1","type":"string"}]}`), "item[0].item[0].text", "no text"},
		"a condition on nobody": {form1(`{"linkId":"1","type":"string","text":"x","enableWhen":[{"question":"2","operator":"=","answerString":"a"}]}`),
			`item "1", enableWhen[0]`, `no question "2"`},
		"an unknown operator": {form1(`{"linkId":"1","type":"string","text":"x"},{"linkId":"2","type":"string","text":"x","enableWhen":[{"question":"1","operator":"~","answerString":"a"}]}`),
			`item "2", enableWhen[0]`, "operator"},
		"limits crossed": {form1(`{"linkId":"1","type":"integer","text":"x","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/minValue","valueInteger":5},{"url":"http://hl7.org/fhir/StructureDefinition/maxValue","valueInteger":3}]}`),
			"item[0].extension", "above"},
		"no number": {form1(`{"linkId":"1","type":"decimal","text":"x","initial":[{"valueDecimal":"many"}]}`), "item[0].initial[0].valueDecimal", "no value"},
	}
	for name, tt := range tests {
		_, err := form.Parse([]byte(tt.body))
		var p form.Problems
		if !errors.As(err, &p) || p[0].Place != tt.place || !strings.Contains(p[0].Why, tt.why) {
			t.Errorf("%s: Parse = %v, want %q at %s", name, err, tt.why, tt.place)
		}
	}
}

// Every operator, all and any, what stands in a group that is not asked, and
// what waits for itself.
func TestAsked(t *testing.T) {
	num := func(op, v string) string { return `{"question":"n","operator":"` + op + `","answerInteger":` + v + `}` }
	q := func(when, behaviour string) *form.Questionnaire {
		return parse(t, `{"linkId":"n","type":"integer","text":"N"},{"linkId":"c","type":"choice","text":"C","repeats":true,"answerOption":[{"valueCoding":{"system":"s","code":"x"}},{"valueCoding":{"system":"s","code":"y"}}]},
			{"linkId":"d","type":"date","text":"D"},{"linkId":"g","type":"group","enableBehavior":"`+behaviour+`","enableWhen":[`+when+`],"item":[{"linkId":"t","type":"string","text":"T"}]}`)
	}
	n := func(s string) form.Answers { return form.Answers{"n": {{Kind: "integer", Text: s}}} }
	x, y := form.Value{Kind: "Coding", System: "s", Text: "x"}, form.Value{Kind: "Coding", System: "s", Text: "y"}
	tests := []struct {
		name, when, behaviour string
		a                     form.Answers
		want                  bool
	}{
		{"equal", num("=", "5"), "all", n("5"), true}, {"not equal", num("=", "5"), "all", n("6"), false}, {"no answer", num("=", "5"), "all", nil, false},
		{"unequal", num("!=", "5"), "all", n("6"), true}, {"unequal to the same", num("!=", "5"), "all", n("5"), false}, {"unequal to nothing", num("!=", "5"), "all", nil, false},
		{"above", num(">", "5"), "all", n("6"), true}, {"not above", num(">", "5"), "all", n("5"), false},
		{"below", num("<", "5"), "all", n("4"), true}, {"not below", num("<", "5"), "all", n("5"), false},
		{"at least", num(">=", "5"), "all", n("5"), true}, {"not at least", num(">=", "5"), "all", n("4"), false},
		{"at most", num("<=", "5"), "all", n("5"), true}, {"not at most", num("<=", "5"), "all", n("6"), false},
		{"exists", `{"question":"n","operator":"exists","answerBoolean":true}`, "all", n("0"), true},
		{"does not exist", `{"question":"n","operator":"exists","answerBoolean":true}`, "all", nil, false},
		{"is missing", `{"question":"n","operator":"exists","answerBoolean":false}`, "all", nil, true},
		{"one of several", `{"question":"c","operator":"=","answerCoding":{"system":"s","code":"y"}}`, "all", form.Answers{"c": {x, y}}, true},
		{"none of several", `{"question":"c","operator":"=","answerCoding":{"system":"s","code":"y"}}`, "all", form.Answers{"c": {x}}, false},
		{"a later day", `{"question":"d","operator":">","answerDate":"2020-01-31"}`, "all", form.Answers{"d": {{Kind: "date", Text: "2020-02-01"}}}, true},
		{"an earlier day", `{"question":"d","operator":">","answerDate":"2020-01-31"}`, "all", form.Answers{"d": {{Kind: "date", Text: "2019-12-01"}}}, false},
		{"all of two", num(">", "1") + "," + num("<", "9"), "all", n("5"), true}, {"one of two", num(">", "1") + "," + num("<", "3"), "all", n("5"), false},
		{"any of two", num(">", "1") + "," + num("<", "3"), "any", n("5"), true}, {"any of none", num(">", "9") + "," + num("<", "3"), "any", n("5"), false},
	}
	for _, tt := range tests {
		asked := q(tt.when, tt.behaviour).Asked(tt.a)
		if asked["g"] != tt.want || asked["t"] != tt.want || !asked["n"] {
			t.Errorf("%s: asked %v, want %t", tt.name, asked, tt.want)
		}
	}
	round := parse(t, `{"linkId":"a","type":"string","text":"A","enableWhen":[{"question":"b","operator":"exists","answerBoolean":true}]},
		{"linkId":"b","type":"string","text":"B","enableWhen":[{"question":"a","operator":"exists","answerBoolean":true}]}`)
	if asked := round.Asked(form.Answers{"a": {{Kind: "string", Text: "x"}}, "b": {{Kind: "string", Text: "x"}}}); asked["a"] || asked["b"] {
		t.Errorf("what waits for itself is asked: %v", asked)
	}
	chain := parse(t, `{"linkId":"a","type":"boolean","text":"A"},{"linkId":"b","type":"string","text":"B","enableWhen":[{"question":"a","operator":"=","answerBoolean":true}]},
		{"linkId":"c","type":"string","text":"C","enableWhen":[{"question":"b","operator":"exists","answerBoolean":true}]}`)
	if asked := chain.Asked(form.Answers{"a": {{Kind: "boolean", Text: "false"}}, "b": {{Kind: "string", Text: "left over"}}}); asked["c"] {
		t.Error("the answer of a question that is not asked counts")
	}
}

// What people type becomes answers, and what they typed wrong is said.
func TestItemRead(t *testing.T) {
	ext := func(min, max string) string {
		return `"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/minValue",` + min + `},{"url":"http://hl7.org/fhir/StructureDefinition/maxValue",` + max + `}]`
	}
	tests := []struct {
		name, item string
		typed      []string
		want       []string
		wrong      string
	}{
		{"a text", `"type":"string"`, []string{" My knee\u202e "}, []string{"My knee"}, ""},
		{"too long", `"type":"string","maxLength":3`, []string{"four"}, nil, "too long"},
		{"several", `"type":"string","repeats":true`, []string{"a", "", "b"}, []string{"a", "b"}, ""},
		{"one of several", `"type":"string"`, []string{"a", "b"}, []string{"a"}, ""},
		{"a whole number", `"type":"integer"`, []string{"12.0"}, []string{"12"}, ""},
		{"a part of one", `"type":"integer"`, []string{"1.5"}, nil, "whole number"},
		{"a comma", `"type":"decimal"`, []string{"1,5"}, []string{"1.5"}, ""},
		{"words for a number", `"type":"decimal"`, []string{"lots"}, nil, "number"},
		{"too little", `"type":"integer",` + ext(`"valueInteger":1`, `"valueInteger":9`), []string{"0"}, nil, "least"},
		{"too much", `"type":"integer",` + ext(`"valueInteger":1`, `"valueInteger":9`), []string{"10"}, nil, "most"},
		{"the limit", `"type":"integer",` + ext(`"valueInteger":1`, `"valueInteger":9`), []string{"9"}, []string{"9"}, ""},
		{"a day", `"type":"date"`, []string{"2024-02-29"}, []string{"2024-02-29"}, ""},
		{"a day as it is said", `"type":"date"`, []string{"5/28/1957"}, []string{"1957-05-28"}, ""},
		{"no day", `"type":"date"`, []string{"2023-02-29"}, nil, "whole date"},
		{"a time", `"type":"time"`, []string{"14:30"}, []string{"14:30:00"}, ""},
		{"a choice", `"type":"choice","answerOption":[{"valueCoding":{"system":"s","code":"x"}}]`, []string{"s|x"}, []string{"x"}, ""},
		{"what is not offered", `"type":"choice","answerOption":[{"valueCoding":{"system":"s","code":"x"}}]`, []string{"s|z"}, nil, "choose one"},
		{"an answer of one's own", `"type":"open-choice","answerOption":[{"valueString":"a"}]`, []string{form.Other}, []string{"mine"}, ""},
		{"a file of no sort", `"type":"attachment"`, []string{"Patient/x\ta\tb"}, nil, "photo"},
		{"what nobody may answer", `"type":"string","readOnly":true`, []string{"x"}, nil, ""},
	}
	for _, tt := range tests {
		it := &parse(t, `{"linkId":"q","text":"Q",`+tt.item+`}`).Items[0]
		got, wrong := it.Read(url.Values{form.Field("q"): tt.typed, form.Own("q"): {"mine"}})
		if tt.wrong != "" {
			if wrong == nil || !strings.Contains(wrong.Say, tt.wrong) {
				t.Errorf("%s: %v, want %q", tt.name, wrong, tt.wrong)
			}
			continue
		}
		var texts []string
		for _, v := range got {
			texts = append(texts, v.Text)
		}
		if wrong != nil || !reflect.DeepEqual(texts, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, texts, wrong, tt.want)
		}
		if back, _ := it.Read(it.Typed(got)); !reflect.DeepEqual(back, got) && len(got) > 0 {
			t.Errorf("%s: typed again it is %v", tt.name, back)
		}
	}
}

// A response has what was asked, signed, with the version it answers, and is
// read back.
func TestResponse(t *testing.T) {
	q := parse(t, `{"linkId":"g","type":"group","text":"Group","_text":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/translation","extension":[{"url":"lang","valueCode":"es"},{"url":"content","valueString":"Grupo"}]}]},"item":[
		{"linkId":"a","type":"boolean","text":"A"},{"linkId":"b","type":"string","text":"B","enableWhen":[{"question":"a","operator":"=","answerBoolean":true}]},{"linkId":"t","type":"dateTime","text":"When"}]}`)
	zone := time.FixedZone("", -5*3600)
	at := time.Date(2026, 3, 2, 15, 4, 5, 0, time.UTC)
	typed := url.Values{form.Field("a"): {"false"}, form.Field("b"): {"left"}, form.Field("t"): {"2026-03-01T08:30"}}
	body, err := q.Response(form.Sent{ID: "r", Patient: "p", Author: "Patient/p", At: at, Language: "es", Stored: "Questionnaire/x/_history/3", Sign: &form.Signature{Name: "Ada", At: at}, Answers: q.Read(typed), Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"questionnaire":"https://a.example/q|2"`, `"valueBoolean":false`, `"text":"Grupo"`, `"valueDateTime":"2026-03-01T08:30:00-05:00"`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the response has no %s: %s", want, body)
		}
	}
	f, err := form.ParseResponse(body)
	if err != nil || f.Sign.Name != "Ada" || !f.Sign.At.Equal(at) || f.Stored != "Questionnaire/x/_history/3" || len(f.Lines) != 3 || f.Answers()["b"] != nil {
		t.Errorf("read back it is %+v, %v", f, err)
	}
}

// The PHQ-9 adds up, says what its sum means, and tells of its last question.
func TestScore(t *testing.T) {
	body, err := os.ReadFile("../../care/form/ready/phq-9.json")
	if err != nil {
		t.Fatal(err)
	}
	q, err := form.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	typed := url.Values{}
	for i, code := range []string{"LA6571-9", "LA6570-1", "LA6569-3", "LA6568-5", "LA6571-9", "LA6568-5", "LA6568-5", "LA6568-5", "LA6569-3"} {
		typed.Set(form.Field("p"+string(rune('1'+i))), form.LOINC+"|"+code)
	}
	s := q.Score(q.Read(typed))
	if s.Sum != "10" || s.Most != "27" || s.Words != "moderate" || !s.Whole || !reflect.DeepEqual(s.Alarms, []string{"p9"}) {
		t.Errorf("Score = %+v", s)
	}
	typed.Set(form.Field("p9"), form.LOINC+"|LA6568-5")
	typed.Del(form.Field("p1"))
	if s := q.Score(q.Read(typed)); s.Sum != "6" || s.Whole || s.Alarms != nil {
		t.Errorf("Score without an answer = %+v", s)
	}
}

// A page keeps what was typed elsewhere, and takes nothing that it did not
// show or that nobody may answer.
func TestPageMerge(t *testing.T) {
	q := parse(t, `{"linkId":"g","type":"group","text":"G","item":[{"linkId":"a","type":"string","text":"A"},{"linkId":"b","type":"string","text":"B"},{"linkId":"r","type":"string","text":"R","readOnly":true}]}`)
	was := url.Values{"q:other": {"kept"}, "q:a": {"old"}, "q:b": {"old"}, "q:r": {"from the record"}}
	got := q.Pages()[0].Merge(was, url.Values{"seen": {"a", "r"}, "q:a": {"new"}, "q:b": {"forged"}, "q:r": {"forged"}, "q:other": {"forged"}})
	want := url.Values{"q:other": {"kept"}, "q:a": {"new"}, "q:b": {"old"}, "q:r": {"from the record"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Merge = %v, want %v", got, want)
	}
	if a := q.Read(got); a["r"][0].Text != "from the record" {
		t.Errorf("what the record said is %v", a["r"])
	}
}

// What Parse takes, Body writes and Parse takes again; and nothing typed at
// it, nor any response to it, breaks.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("../../care/form/ready/*.json")
	for _, name := range files {
		if body, err := os.ReadFile(name); err == nil {
			f.Add(body)
		}
	}
	f.Add([]byte(`{"resourceType":"Questionnaire","status":"draft","title":"T","item":[{"linkId":"1","type":"quantity","text":"x","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/questionnaire-unit","valueCoding":{"code":"kg"}}]}]}`))
	f.Add([]byte(medicines))
	f.Add([]byte(`{"item":[{"&":[{"a":"b"}],"linkId":"1","text":"x","type":"quantity"}],"resourceType":"Questionnaire","status":"draft","title":"T"}`))
	f.Add([]byte(`{"resourceType":"Questionnaire","status":"draft","title":"T","contained":[{"resourceType":"ValueSet","id":"v","compose":{"include":[{"system":"s","concept":[{"code":"a"}]}]}}],"item":[{"linkId":"1","type":"choice","text":"x","answerValueSet":"#v"},{"linkId":"2","type":"choice","text":"x","answerValueSet":"http://v.example|1"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := form.Parse(body)
		if err != nil {
			return
		}
		again(t, body)
		typed := url.Values{}
		q.Each(func(it *form.Item, _ int) bool {
			typed.Set(form.Field(it.LinkID), "1")
			if len(it.Options) > 0 {
				typed.Set(form.Field(it.LinkID), it.Options[0].Value.Key())
			}
			return true
		})
		q.Each(func(it *form.Item, _ int) bool {
			typed = q.Less(q.More(q.More(typed, it.LinkID), it.LinkID), it.LinkID, 2)
			return true
		})
		q.Expand(time.Unix(0, 0), func(string, []byte) []form.Value { return []form.Value{{Kind: "Coding", System: "s", Text: "a"}} })
		q = q.Unfold(typed)
		a := q.Read(typed)
		for _, p := range q.Pages() {
			p.Check(q.Asked(a), typed)
		}
		q.Score(a)
		response, err := q.Response(form.Sent{ID: "r", Patient: "p", Answers: a})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := form.ParseResponse(response); err != nil {
			t.Fatal(err)
		}
	})
}
