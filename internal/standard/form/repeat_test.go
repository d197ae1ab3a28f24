package form_test

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"hale/internal/standard/form"
)

// medicines is a form whose only page repeats.
const medicines = `{"resourceType":"Questionnaire","status":"active","url":"https://a.example/m","version":"1","title":"Medicines","item":[
	{"linkId":"m","type":"group","text":"Medicine","repeats":true,"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs","valueInteger":3}],"item":[
		{"linkId":"name","type":"string","text":"Name","required":true},
		{"linkId":"daily","type":"boolean","text":"Every day?"},
		{"linkId":"when","type":"string","text":"When?","enableWhen":[{"question":"daily","operator":"=","answerBoolean":false}]}]},
	{"linkId":"g","type":"group","text":"Rest","item":[{"linkId":"why","type":"string","text":"Why not every day?","enableWhen":[{"question":"daily","operator":"=","answerBoolean":false}]},
		{"linkId":"other","type":"string","text":"Others","repeats":true}]}]}`

// A group is asked as often as was wished: each copy's conditions look at its
// own answers, those of others at all copies, and the response has one item
// for each.
func TestUnfold(t *testing.T) {
	again(t, []byte(medicines))
	q, err := form.Parse([]byte(medicines))
	if err != nil {
		t.Fatal(err)
	}
	typed := url.Values{}
	for range 5 { // three are the most
		typed = q.More(typed, "m")
	}
	if typed.Get(form.Count("m")) != "3" || q.Unfold(typed).Item("m").Again() {
		t.Errorf("more than the most: %v", typed)
	}
	for link, answer := range map[string]string{"name‖1": "A", "daily‖1": "true", "when‖1": "left over", "name‖2": "B", "name‖3": "C", "daily‖3": "false", "when‖3": "Mondays", "why": "I forget"} {
		typed.Set(form.Field(link), answer)
	}
	u := q.Unfold(typed)
	asked := u.Asked(u.Read(typed))
	for link, want := range map[string]bool{"when‖1": false, "when‖2": false, "when‖3": true, "why": true, "name‖2": true, "m": true} {
		if asked[link] != want {
			t.Errorf("%s is asked: %t, want %t", link, asked[link], want)
		}
	}
	if len(u.Pages()) != 2 || len(u.Pages()[0].Questions()) != 9 {
		t.Errorf("%d pages, %d questions", len(u.Pages()), len(u.Pages()[0].Questions()))
	}
	body, err := u.Response(form.Sent{ID: "r", Patient: "p", Answers: u.Read(typed)})
	if err != nil || strings.Count(string(body), `"linkId":"m"`) != 3 || strings.Contains(string(body), "‖") || strings.Contains(string(body), "left over") {
		t.Errorf("Response = %s, %v", body, err)
	}
	f, err := form.ParseResponse(body)
	if err != nil || len(f.Answers()["name"]) != 3 {
		t.Errorf("read back it is %+v, %v", f, err)
	}

	less := q.Less(typed, "m", 1)
	u = q.Unfold(less)
	if a := u.Read(less); a["name‖1"][0].Text != "B" || a["name‖2"][0].Text != "C" || a["when‖2"][0].Text != "Mondays" || a["when‖1"] != nil || u.Item("name‖3") != nil {
		t.Errorf("without the first it is %v", a)
	}
	if typed.Get(form.Field("name‖1")) != "A" {
		t.Error("Less changed what it was given")
	}
	empty := q.Less(q.Less(q.Less(typed, "m", 3), "m", 2), "m", 1)
	if u = q.Unfold(empty); len(u.Item("m").Items) != 1 || u.Read(empty)["name‖1"] != nil {
		t.Errorf("without any it is %v", empty)
	}
	if wrong := u.Pages()[0].Check(u.Asked(nil), url.Values{}); wrong["name‖1"] == nil {
		t.Error("the one that is left has nothing to answer")
	}
}

// What strangers say about copies changes nothing that it should not.
func TestUnfoldHostile(t *testing.T) {
	q, err := form.Parse([]byte(medicines))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"-1", "0", "1e9", "999999999999999999999", "x"} {
		if u := q.Unfold(url.Values{form.Count("m"): {n}}); len(u.Item("m").Items) != 1 {
			t.Errorf("%q copies are %d", n, len(u.Item("m").Items))
		}
	}
	if u := q.Unfold(url.Values{form.Count("m"): {"2000"}}); len(u.Item("m").Items) != 3 {
		t.Errorf("2000 copies are %d", len(u.Item("m").Items))
	}
	was := url.Values{form.Count("m"): {"2"}, form.Field("name‖2"): {"B"}}
	for _, got := range []url.Values{q.More(was, "nothing"), q.More(was, "name"), q.Less(was, "m", 0), q.Less(was, "m", -3), q.Less(was, "m", 9), q.Less(was, "", 1), q.Less(was, "other", 4)} {
		if !reflect.DeepEqual(got, was) {
			t.Errorf("it is %v", got)
		}
	}
	u := q.Unfold(was)
	if got := u.Pages()[0].Merge(was, url.Values{form.Seen: {"name‖1", "name‖7"}, form.Count("m"): {"3"}, form.Field("name‖1"): {"A"}, form.Field("name‖7"): {"Z"}}); got.Get(form.Count("m")) != "2" || got.Get(form.Field("name‖7")) != "" || got.Get(form.Field("name‖1")) != "A" {
		t.Errorf("a forged page is %v", got)
	}
	many := was
	for range 40 {
		many = q.More(many, "other")
	}
	if n := len(many[form.Field("other")]); n != 20 {
		t.Errorf("%d fields of one question", n)
	}
	if got := q.Less(url.Values{form.Field("other"): {"a", "b", "c"}}, "other", 2); !reflect.DeepEqual(got[form.Field("other")], []string{"a", "c"}) {
		t.Errorf("without the second it is %v", got)
	}
}

// A value set that the form lists is read, one that is known is written into
// the form, and one that nobody knows is named.
func TestExpand(t *testing.T) {
	q, err := form.Parse([]byte(`{"resourceType":"Questionnaire","status":"active","url":"https://a.example/v","title":"T","contained":[
		{"resourceType":"ValueSet","id":"size","status":"active","compose":{"include":[{"system":"s","concept":[{"code":"l","display":"Large","designation":[{"language":"es","value":"Grande"}]},{"code":"s","display":"Small"}]}]}},
		{"resourceType":"ValueSet","id":"all","status":"active","compose":{"include":[{"system":"s"}]}}],
		"item":[{"linkId":"1","type":"choice","text":"A","answerValueSet":"#size"},{"linkId":"2","type":"choice","text":"B","answerValueSet":"http://known.example|1"},
			{"linkId":"3","type":"open-choice","text":"C","answerValueSet":"http://other.example"},{"linkId":"4","type":"choice","text":"D","answerValueSet":"http://known.example|1"},{"linkId":"5","type":"choice","text":"E","answerValueSet":"#all"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if o := q.Item("1").Options; len(o) != 2 || o[0].Value.Say("es") != "Grande" || len(q.Unlisted()) != 4 {
		t.Errorf("what the form lists is %+v, %v", o, q.Unlisted())
	}
	asked := 0
	q.Expand(time.Unix(0, 0), func(address string, held []byte) []form.Value {
		asked++
		if address == "http://known.example|1" || strings.Contains(string(held), `"id":"all"`) {
			return []form.Value{{Kind: "Coding", System: "k", Text: "x", Display: "X"}}
		}
		return nil
	})
	if list := q.Unlisted(); len(list) != 1 || !strings.Contains(list[0].Why, "http://other.example") || !strings.Contains(list[0].Place, `"3"`) || asked != 3 {
		t.Errorf("Unlisted = %v after %d questions", list, asked)
	}
	body, err := q.Body()
	if err != nil || strings.Contains(string(body), "answerOption") || strings.Count(string(body), `"expansion"`) != 2 {
		t.Fatalf("Body = %s, %v", body, err)
	}
	again(t, body)
	back, err := form.Parse(body)
	if err != nil || len(back.Item("2").Options) != 1 || back.Item("4").ValueSet != back.Item("2").ValueSet || back.Item("5").Options[0].Value.Display != "X" {
		t.Errorf("read back it is %v, %v", back, err)
	}
	if list, no := back.Item("4").Read(url.Values{form.Field("4"): {"k|x"}}); no != nil || len(list) != 1 || list[0].Text != "x" {
		t.Errorf("an answer of it is %v, %v", list, no)
	}
}
