package app

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// found returns what a pattern finds on a page, and stops where it does not.
func found(t *testing.T, what, pattern string, p page) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("%s has no %s (%d at %s)", what, pattern, p.status, p.url)
	}
	return m[1]
}

// fill sends a page of a form; a field may have several values.
func (k *served) fill(who, path string, pairs ...string) page {
	k.t.Helper()
	typed := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		typed.Add(pairs[i], pairs[i+1])
	}
	p := k.read(k.who[who].PostForm(k.base+path, typed))
	p.body = html.UnescapeString(p.body)
	return p
}

// From the desk's builder to the patient's phone and back to the queue.
func TestFormsFromTheDeskAndBack(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		made := k.fill("nia", "/desk/forms", "title", "Before your test")
		shows(t, "the new form", made, "Before your test", "Draft", "Your first question")
		form := found(t, "the new form", `/desk/forms/([0-9a-zA-Z-]+)/try/1`, made)
		at := "/desk/forms/" + form
		stored := func() string { return found(t, "the builder", `name="stored" value="(\d+)"`, k.see("nia", at)) }
		shows(t, "a question more", k.fill("nia", at+"/do/add", "stored", stored(), "text", "Did you eat today?", "kind", "boolean", "group", "1"), "Did you eat today?", "Yes or no")
		shows(t, "another one", k.fill("nia", at+"/do/add", "stored", stored(), "text", "What did you eat?", "kind", "string", "group", "1"), "What did you eat?")
		shows(t, "the item", k.see("nia", at+"/items/4"), "Ask it only if", "What did you eat?")
		shows(t, "the condition", k.fill("nia", at+"/items/4", "stored", stored(), "text", "What did you eat?", "text_es", "¿Qué comió?", "kind", "string", "required", "1",
			"when-question-0", "q1", "when-operator-0", "=", "when-answer-0", "yes"), "Only if", "is “Yes”", "has to be answered")
		if p := k.fill("nia", at+"/items/4", "stored", "1", "text", "Late", "kind", "string"); p.status != 422 || !strings.Contains(p.body, "Somebody else changed this") {
			t.Errorf("a change of an older copy is %d", p.status)
		}
		shows(t, "what is taken away", k.fill("nia", at+"/items/2/move", "stored", stored(), "to", "away"), "Did you eat today?")
		shows(t, "the form tried out", k.fill("nia", at+"/try/1", "lang", "en", "seen", "q1", "q:q1", "true"), "a few more questions", "What did you eat?")
		if p := k.fill("nia", "/desk/forms/import", "json", `{"resourceType":"Questionnaire","status":"draft","title":"X","item":[{"linkId":"1","type":"choice","text":"A"}]}`); p.status != 422 || !strings.Contains(p.body, "item[0].answerOption") {
			t.Errorf("an import that cannot be used is %d", p.status)
		}
		shows(t, "the published form", k.fill("nia", at+"/do/move", "to", "publish"), "Published", "never changes")
		exported := k.see("nia", at+"/do/export")
		shows(t, "the export", exported, `"resourceType": "Questionnaire"`, `"enableWhen"`)

		shows(t, "the patient's page at the desk", k.see("nia", "/desk/patients/ada"), "/desk/patients/ada/forms")
		shows(t, "what is asked", k.fill("nia", "/desk/patients/ada/forms", "form", form, "tell", "1"), "the patient is told", "Before your test")
		shows(t, "home", k.see("ada", "/home"), "Fill in: Before your test")
		if n, err := k.app.Accounts.Sweep(t.Context()); err != nil || n == 0 {
			t.Errorf("%d notices went out, %v", n, err)
		}
		list := k.see("ada", "/forms")
		ask := found(t, "the list of forms", `href="/forms/([0-9a-zA-Z-]+)"`, list)
		mine := "/forms/" + ask
		shows(t, "the first page", k.see("ada", mine), "Did you eat today?", "Your answers are saved while you type", `data-when=`)
		if p := k.fill("ada", mine+"/1", "seen", "q1", "q:q1", "true"); p.status != 422 || !strings.Contains(p.body, "a few more questions") {
			t.Errorf("a page that brings a question is %d", p.status)
		}
		if p := k.fill("ada", mine+"/1", "seen", "q1", "q:q1", "true", "seen", "q2"); p.status != 422 {
			t.Errorf("a page without a required answer is %d", p.status)
		}
		shows(t, "what was saved", k.fill("ada", mine+"/1/save", "seen", "q2", "q:q2", "Toast"), "Toast")
		shows(t, "the list with what was begun", k.see("ada", "/forms"), "Go on", "Saved")
		shows(t, "what is left for later", k.fill("ada", mine+"/1", "later", "1"), "Your answers are saved")
		if p := k.see("cleo", mine); p.status != 404 || strings.Contains(p.body, "Toast") {
			t.Errorf("somebody else's form is %d", p.status)
		}
		if p := k.fill("ada", mine+"/send"); p.status != 200 {
			t.Errorf("sending is %d", p.status)
		}
		done := k.see("ada", mine+"/done")
		shows(t, "what was sent", done, "We have your form", "We look at it by", "Toast")
		shows(t, "what was asked of the clinic", k.see("ada", "/requests"), "Before your test")

		queue := k.see("nia", "/desk/queue")
		shows(t, "the queue", queue, "Before your test", "Ada Byron")
		task := found(t, "the queue", `href="/desk/queue/([0-9a-zA-Z-]{15,})"`, queue)
		shows(t, "the task", k.see("nia", "/desk/queue/"+task), "Toast", "What they answered")
		read := "/desk/forms/responses/" + ask
		shows(t, "the response", k.see("nia", read), "Toast", "record's copy", "|1", "I have read it")
		shows(t, "the reviewed response", k.fill("nia", read, "answer", "Please do not eat before the next test."), "Read by Nia Nurse")
		shows(t, "the answer", k.see("ada", mine+"/done"), "Nia Nurse read it")
		shows(t, "the request", k.see("ada", "/requests/"+task), "Please do not eat before the next test.")
	})
}

// Somebody who is no patient yet fills in a form on the web, goes on with
// another browser, and the desk makes a patient of them.
func TestFormsFromTheWeb(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		made := k.fill("nia", "/desk/forms", "ready", "new-patient")
		at := "/desk/forms/" + found(t, "the ready form", `/desk/forms/([0-9a-zA-Z-]+)/try/1`, made)
		shows(t, "the published form", k.fill("nia", at+"/do/move", "to", "publish"), "Published")
		shows(t, "the form on the web", k.fill("nia", at+"/do/use", "slug", "new-patient", "consent", "You may read it.", "consent_es", "Pueden leerlo."), "/f/new-patient", "Pueden leerlo.")

		k.who["zoe"], k.who["phone"] = k.browser(""), k.browser("")
		shows(t, "the welcome", k.see("zoe", "/f/new-patient"), "You may read it.", "I agree")
		if p := k.fill("zoe", "/f/new-patient"); p.status != 422 {
			t.Errorf("without agreeing it is %d", p.status)
		}
		shows(t, "what a program gets", k.fill("zoe", "/f/new-patient", "agree", "1", "website", "http://spam.example"), "We have your form")
		if p := k.see("zoe", "/f/new-patient"); strings.Contains(p.body, "Pueden leerlo.") {
			t.Error("the words to agree to stand there in two languages")
		}
		k.press("zoe", "/lang", "lang", "es", "next", "/f/new-patient")
		spanish := k.see("zoe", "/f/new-patient")
		shows(t, "the welcome in Spanish", spanish, "Pueden leerlo.")
		if strings.Contains(spanish.body, "You may read it.") {
			t.Error("the words to agree to stand there in English too")
		}
		terms := found(t, "the welcome", `name="terms" value="([^"]+)"`, spanish)
		k.fill("nia", at+"/do/use", "slug", "new-patient", "consent", "You may read it.", "consent_es", "Ustedes pueden leerlo.")
		if p := k.fill("zoe", "/f/new-patient", "agree", "1", "terms", terms); p.status != 422 || !strings.Contains(p.body, "Ustedes pueden leerlo.") || strings.Contains(p.body, `value="1" checked`) {
			t.Errorf("agreeing to words that have changed is %d", p.status)
		}
		terms = found(t, "the welcome", `name="terms" value="([^"]+)"`, k.see("zoe", "/f/new-patient"))
		k.fill("zoe", "/f/new-patient", "agree", "1", "terms", terms)
		k.press("zoe", "/lang", "lang", "en", "next", "/")
		first := k.see("zoe", "/f/new-patient/1")
		shows(t, "the first page", first, "What is your full name?")
		link := found(t, "the first page", `href="(/f/new-patient/go/[^"]+)"`, first)
		shows(t, "the second page", k.fill("zoe", "/f/new-patient/1", "seen", "name", "q:name", "Zoe Newly", "seen", "born", "q:born", "1/2/1990", "seen", "phone", "q:phone", "(312) 555-0177", "seen", "mail", "seen", "home"), "Do you take any medicine?")
		shows(t, "the link elsewhere", k.see("phone", link), "was begun on another phone")
		shows(t, "the form elsewhere", k.fill("phone", link), "Zoe Newly")
		shows(t, "the last page", k.fill("phone", "/f/new-patient/2", "seen", "conditions", "seen", "smokes", "seen", "takes", "q:takes", "false", "seen", "allergic", "q:allergic", "false"), "Who can help")
		shows(t, "everything once more", k.fill("phone", "/f/new-patient/3", "seen", "contact", "seen", "hear"), "Is everything right?", "Zoe Newly", "January 2, 1990")
		shows(t, "what was sent", k.fill("phone", "/f/new-patient/send"), "We have your form")

		queue := k.see("nia", "/desk/queue")
		shows(t, "the queue", queue, "Zoe Newly", "from the web")
		lead := found(t, "the queue", `href="(/desk/forms/leads/[^"]+)"`, queue)
		shows(t, "the lead", k.see("nia", lead), "No record was opened", "Make a new patient", "Zoe Newly", "They read and agreed to", "Ustedes pueden leerlo.")
		k.fill("nia", at+"/do/use", "slug", "new-patient", "consent", "You may read all of it.", "consent_es", "Pueden leerlo todo.")
		shows(t, "the words that were read", k.see("nia", lead), "Ustedes pueden leerlo.")
		shows(t, "the new patient's form", k.fill("nia", lead, "to", "new"), "There is a new patient", "Zoe Newly")
		if p := k.fill("nia", lead, "to", "new"); p.status != 422 || !strings.Contains(p.body, "already dealt with") {
			t.Errorf("settling it twice is %d", p.status)
		}
	})
}
