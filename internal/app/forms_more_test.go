package app

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/lang"
	"hale/internal/store/db"
)

// stays is a form with a page that repeats, a question that does, and answers
// of value sets: one that ships, one that the form holds.
const stays = `{"resourceType":"Questionnaire","status":"draft","title":"Stays and family","contained":[{"resourceType":"ValueSet","id":"where","status":"active",
	"compose":{"include":[{"system":"https://a.example/where","concept":[{"code":"er","display":"Emergency room","designation":[{"language":"es","value":"Urgencias"}]},{"code":"ward","display":"Hospital ward"}]}]}}],
	"item":[{"linkId":"stay","type":"group","text":"Hospital stay","repeats":true,"item":[
		{"linkId":"year","type":"integer","text":"Which year?","required":true},
		{"linkId":"where","type":"choice","text":"Where were you?","answerValueSet":"#where"},
		{"linkId":"op","type":"boolean","text":"Was it for an operation?"},
		{"linkId":"what","type":"string","text":"Which operation?","enableWhen":[{"question":"op","operator":"=","answerBoolean":true}]}]},
	{"linkId":"rest","type":"group","text":"You","item":[
		{"linkId":"sex","type":"choice","text":"What does your birth record say?","answerValueSet":"http://hl7.org/fhir/ValueSet/administrative-gender"},
		{"linkId":"pet","type":"string","text":"Which pets do you have?","repeats":true}]}]}`

// askForm publishes a form at the desk and asks a patient to fill it in; it
// returns the form's address for the patient.
func (k *served) askForm(t *testing.T, body, patient string) string {
	t.Helper()
	made := k.fill("nia", "/desk/forms/import", "json", body)
	form := found(t, "the imported form", `/desk/forms/([0-9a-zA-Z-]+)/try/1`, made)
	shows(t, "the published form", k.fill("nia", "/desk/forms/"+form+"/do/move", "to", "publish"), "Published")
	shows(t, "what is asked", k.fill("nia", "/desk/patients/"+patient+"/forms", "form", form), "Asked. The patient finds it")
	return "/forms/" + k.openForm(patient)
}

// openForm is the newest form that waits for a patient.
func (k *served) openForm(patient string) string {
	k.t.Helper()
	id, err := db.One(k.t.Context(), k.app.db, db.Value[string], `select id from form_ask where patient = $1 and state = 'open' order by asked_at desc, id desc limit 1`, patient)
	if err != nil {
		k.t.Fatal(err)
	}
	return id
}

// A page that repeats is filled in as often as somebody wants, without a
// script; the record has one item for each, and answers of value sets.
func TestFormsRepeat(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		unknown := strings.Replace(stays, "http://hl7.org/fhir/ValueSet/administrative-gender", "http://nowhere.example/ValueSet/colours", 1)
		made := k.fill("nia", "/desk/forms/import", "json", strings.Replace(unknown, "Stays and family", "Colours", 1))
		draft := "/desk/forms/" + found(t, "the imported form", `/desk/forms/([0-9a-zA-Z-]+)/try/1`, made)
		shows(t, "the draft", made, "its value set is not known here", "as often as one likes")
		if p := k.fill("nia", draft+"/do/move", "to", "publish"); p.status != 422 || !strings.Contains(p.body, "http://nowhere.example/ValueSet/colours is not known here") {
			t.Errorf("publishing what nobody could answer is %d", p.status)
		}

		mine := k.askForm(t, stays, "ada")
		shows(t, "the first page", k.see("ada", mine), "Hospital stay, number 1", "Add another", "Emergency room", `name="less"`)
		first := []string{"seen", "year‖1", "q:year‖1", "2019", "seen", "where‖1", "q:where‖1", "https://a.example/where|er", "seen", "op‖1", "q:op‖1", "true", "seen", "what‖1", "q:what‖1", "Hip"}
		shows(t, "one more", k.fill("ada", mine+"/1", append(first, "more", "stay")...), "Hospital stay, number 2", `value="2019"`, `value="Hip"`)
		second := []string{"seen", "year‖2", "q:year‖2", "2021", "seen", "op‖2", "q:op‖2", "false"}
		shows(t, "a third", k.fill("ada", mine+"/1", append(append(second, first...), "more", "stay")...), "Hospital stay, number 3", `value="2021"`)
		if p := k.fill("ada", mine+"/1", append(second, first...)...); p.status != 422 || !strings.Contains(p.body, "a few more questions") {
			t.Errorf("a copy that nobody has seen is %d", p.status)
		}
		gone := k.fill("ada", mine+"/1", append(append([]string{"seen", "year‖3", "q:year‖3", "2023"}, append(second, first...)...), "less", "stay 1")...)
		shows(t, "one less", gone, `value="2021"`, `value="2023"`)
		if strings.Contains(gone.body, `value="2019"`) || strings.Contains(gone.body, "number 3") {
			t.Error("what was taken away is there still")
		}
		shows(t, "the second page", k.fill("ada", mine+"/1", "seen", "year‖1", "q:year‖1", "2021", "seen", "where‖1", "q:where‖1", "https://a.example/where|ward", "seen", "op‖1", "q:op‖1", "false",
			"seen", "year‖2", "q:year‖2", "2023", "seen", "where‖2", "seen", "op‖2", "q:op‖2", "true", "seen", "what‖2", "q:what‖2", "Knee"), "Female", "Which pets")
		shows(t, "one more answer", k.fill("ada", mine+"/2", "seen", "pet", "q:pet", "A cat", "more", "pet"), `value="A cat"`)
		check := k.fill("ada", mine+"/2", "seen", "sex", "q:sex", "http://hl7.org/fhir/administrative-gender|female", "seen", "pet", "q:pet", "A cat", "q:pet", "A dog")
		shows(t, "everything once more", check, "Hospital stay, number 1", "Hospital stay, number 2", "Knee", "Hospital ward", "Female", "A dog")
		shows(t, "what was sent", k.fill("ada", mine+"/send"), "We have your form", "Knee", "2021", "2023", "Female")
		res := k.responses("ada")
		if len(res) != 1 || strings.Count(res[0], `"linkId":"stay"`) != 2 || strings.Contains(res[0], "‖") || !strings.Contains(res[0], `"code":"ward"`) || strings.Count(res[0], `"valueString":"A`) != 2 {
			t.Errorf("the record has %s", res)
		}
		shows(t, "the response at the desk", k.see("nia", "/desk/forms/responses/"+strings.TrimPrefix(mine, "/forms/")), "Knee", "Hospital ward", "A dog")
	})
}

// responses are the bodies of the answered forms of a patient.
func (k *served) responses(patient string) (list []string) {
	k.t.Helper()
	pass, err := k.app.Doors.Check(k.t.Context(), access.SystemActor("test", access.ReadRecord), access.ReadRecord, patient)
	if err != nil {
		k.t.Fatal(err)
	}
	page, err := k.app.Record.Search(k.t.Context(), pass, "QuestionnaireResponse", url.Values{})
	if err != nil {
		k.t.Fatal(err)
	}
	for _, r := range page.Resources {
		list = append(list, string(r.Body))
	}
	return list
}

// two is a form with two pages, signed at its end.
const two = `{"resourceType":"Questionnaire","status":"draft","title":"Two pages","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/questionnaire-signatureRequired","valueCodeableConcept":{"coding":[{"code":"1.2.840.10065.1.12.1.1"}]}}],"item":[
	{"linkId":"a","type":"group","text":"First","item":[{"linkId":"knee","type":"string","text":"How is your knee?","required":true}]},
	{"linkId":"b","type":"group","text":"Second","item":[{"linkId":"sleep","type":"string","text":"How do you sleep?"}]}]}`

// A form goes on, on another phone, without signing in: by the date of birth,
// where it was left, and back again.
func TestFormsElsewhere(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		mine := k.askForm(t, two, "ada")
		shows(t, "the second page", k.fill("ada", mine+"/1", "seen", "knee", "q:knee", "Stiff in the morning"), "How do you sleep?", "Go on without signing in")
		here := k.fill("ada", mine+"/elsewhere")
		shows(t, "the link", here, "A square that opens the form", "Keep it to yourself")
		at := found(t, "the link", `(/fill/[0-9A-Za-z]{12})<`, here)
		if p := k.fill("cleo", mine+"/elsewhere"); p.status != 404 {
			t.Errorf("a link to another's form is %d", p.status)
		}

		k.who["phone"] = k.browser("")
		gate := k.see("phone", at)
		shows(t, "the gate", gate, "Date of birth", "Open the form")
		if strings.Contains(gate.body, "knee") || strings.Contains(gate.body, "Two pages") || strings.Contains(gate.body, "Ada") {
			t.Error("the gate tells something")
		}
		if p := k.see("phone", at+"/1"); !strings.Contains(p.body, "Date of birth") {
			t.Errorf("a page without the date is %d", p.status)
		}
		if p := k.fill("phone", at, "m", "1", "d", "2", "y", "1950"); p.status != 422 || strings.Contains(p.body, "knee") {
			t.Errorf("a wrong date is %d", p.status)
		}
		if p := k.see("phone", "/fill/000000000000"); p.status != gate.status || len(p.body) != len(gate.body) {
			t.Error("a link that never was looks different")
		}
		shows(t, "where it was left", k.fill("phone", at, born("ada")...), "How do you sleep?", "Second")
		shows(t, "the page before", k.see("phone", at+"/1"), "Stiff in the morning")
		shows(t, "what is saved there", k.fill("phone", at+"/2/save", "seen", "sleep", "q:sleep", "Badly"), "Badly")
		shows(t, "back on the first phone", k.see("ada", mine), "Badly")
		shows(t, "the end", k.fill("phone", at+"/2", "seen", "sleep", "q:sleep", "Well"), "Is everything right?", "Well", "Stiff")
		if p := k.fill("phone", at+"/send"); p.status != 422 || !strings.Contains(p.body, "write your name") {
			t.Errorf("without a signature it is %d", p.status)
		}
		done := k.fill("phone", at+"/send", "sign", "Ada Byron")
		shows(t, "what was sent", done, "We have your form")
		if strings.Contains(done.body, "Stiff") {
			t.Error("the answers stand behind the link after they were sent")
		}
		shows(t, "sent twice", k.fill("phone", at+"/send", "sign", "Ada Byron"), "We have your form")
		shows(t, "the link afterwards", k.see("phone", at+"/1"), "We have your form")
		if list := k.responses("ada"); len(list) != 1 || !strings.Contains(list[0], `"Patient/ada"`) || !strings.Contains(list[0], "Well") {
			t.Errorf("the record has %s", list)
		}
		shows(t, "the first phone afterwards", k.see("ada", mine), "We have your form", "Stiff")
	})
}

// The staff sends a form by text; whoever gets it fills it in by the link,
// comes back to where they were. A form may ask for a photo, too.
func TestFormsSent(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		made := k.fill("nia", "/desk/forms/import", "json", two)
		form := found(t, "the imported form", `/desk/forms/([0-9a-zA-Z-]+)/try/1`, made)
		shows(t, "the published form", k.fill("nia", "/desk/forms/"+form+"/do/move", "to", "publish"), "Published")
		shows(t, "what is asked", k.fill("nia", "/desk/patients/ada/forms", "form", form, "tell", "1", "open", "1"), "the patient is told")
		if n, err := k.app.Accounts.Sweep(t.Context()); err != nil || n == 0 {
			t.Fatalf("%d notices went out, %v", n, err)
		}
		pass, err := k.app.Doors.Check(t.Context(), access.SystemActor("test", access.AnswerPatients), access.AnswerPatients, "ada")
		if err != nil {
			t.Fatal(err)
		}
		address, err := k.app.carry().Send(t.Context(), pass, k.openForm("ada")) // as the message has it
		if err != nil {
			t.Fatal(err)
		}
		for tag, want := range map[string]string{"en": "Fill it in here: " + address, "es": "Llénelo aquí: " + address} {
			if _, text := (notices{k.app}).words(lang.Pick("", tag), account.Notice{Kind: account.FormAsked, Link: address}, "sms"); !strings.Contains(text, want) || strings.Contains(text, "Two pages") {
				t.Errorf("the text is %q", text)
			}
		}
		photo := strings.Replace(two, `"type":"string","text":"How do you sleep?"`, `"type":"attachment","text":"A photo"`, 1)
		made = k.fill("nia", "/desk/forms/import", "json", photo)
		form = found(t, "the imported form", `/desk/forms/([0-9a-zA-Z-]+)/try/1`, made)
		k.fill("nia", "/desk/forms/"+form+"/do/move", "to", "publish")
		shows(t, "a form with a photo by link", k.fill("nia", "/desk/patients/ada/forms", "form", form, "tell", "1", "open", "1"), "the patient is told")
		at := strings.TrimPrefix(address, k.base)
		k.who["phone"] = k.browser("")
		shows(t, "the first page", k.fill("phone", at, born("ada")...), "How is your knee?")
		shows(t, "the second page", k.fill("phone", at+"/1", "seen", "knee", "q:knee", "Sore"), "How do you sleep?")
		k.clock.move(time.Hour) // the half hour is over: one tap in the same browser
		shows(t, "an hour later", k.see("phone", at+"/2"), "Open the form")
		shows(t, "where it was left", k.fill("phone", at, "button", "1"), "How do you sleep?")
		k.clock.move(8 * 24 * time.Hour)
		if p := k.fill("phone", at, "button", "1"); p.status != 404 || !strings.Contains(p.body, "This link has ended") {
			t.Errorf("after a week it is %d", p.status)
		}
	})
}

// born is the date of birth of a patient of newClinic, as it is typed.
func born(patient string) []string {
	if patient == "ada" {
		return []string{"m", "3", "d", "9", "y", "1957"}
	}
	return []string{"m", "1", "d", "2", "y", "1970"}
}
