package app

import (
	"encoding/json"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/store/db"
)

// speaksSpanish has Maria read Spanish, and an interpreter whom the
// administrator qualified for it.
func (k *served) speaksSpanish(t *testing.T) {
	t.Helper()
	const maria = `{"resourceType":"Patient","id":"maria","active":true,"name":[{"family":"Alvarez","given":["Maria"]}],"birthDate":"1948-03-09","gender":"female","telecom":[{"system":"phone","use":"mobile","value":"+12025550142"}],"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"es-US"}]},"preferred":true}]}`
	if report, err := k.app.Importer("clinic").ImportStream(t.Context(), "two.ndjson", strings.NewReader(maria), nil); err != nil || len(report.Bad) > 0 {
		t.Fatal(err, report.Bad)
	}
	made, err := k.app.Accounts.Add(t.Context(), account.Account{Kind: access.Staff, Name: "Ines Duarte", Email: "ines@x.example", Roles: []access.Role{access.Interpreter}})
	if err != nil {
		t.Fatal(err)
	}
	k.signIn("ines", made)
	if p := k.see("nia", "/desk/patients/maria/write"); strings.Contains(p.body, "have it translated") || !strings.Contains(p.body, "Nobody here is down as a translator into Spanish yet") {
		t.Error("a translation is offered that nobody can make")
	}
	if p := k.press("ines", "/desk/users/"+made.ID+"/languages", "language", "es"); p.status != 404 {
		t.Errorf("an interpreter qualifies herself: %d", p.status)
	}
	shows(t, "the languages", k.press("alan", "/desk/users/"+made.ID+"/languages", "language", "es"), "What waits in these languages", `value="es" checked`)
}

const (
	inEnglish = "Your diabetes pill is the right one. Take it with food."
	inSpanish = "Su pastilla para la diabetes es la correcta. Tómela con comida."
	coming    = "Estamos preparando la traducción."
)

// From the desk's answer in English to the patient's page in Spanish: the
// words are there at once, and the translation bears a name.
func TestTranslations(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, texts := talkClinic(t, database)
		k.speaksSpanish(t)
		sent := k.writes("maria", "/inbox/new/medicine", "¿Es la pastilla correcta?")
		id := regexp.MustCompile(`/inbox/([^/?]+)\?done`).FindStringSubmatch(sent.url)[1]
		desk := "/desk/messages/" + id
		shows(t, "the desk's page", k.see("nia", desk), "Reads Spanish", "I write in English: have it translated")
		k.clock.move(time.Minute)
		shows(t, "the answer", k.press("nia", desk+"/reply", "do", "send", "text", inEnglish, "words", "ask"), "A notice with a link is on its way", "A translation into Spanish was asked for")
		first := k.texted(texts)
		k.pickUp(first, inEnglish)
		shows(t, "the page behind the link", k.see("nobody", strings.TrimPrefix(first, k.base)+"/message"), coming)
		shows(t, "the thread", k.see("maria", "/inbox/"+id), inEnglish, "translation is coming")

		work := k.signs(t)
		k.tellsOf(t, work)
		second := k.texted(texts)
		for _, link := range []string{first, second} {
			k.pickUp(link, inSpanish)
			shows(t, "the page behind "+link, k.see("nobody", strings.TrimPrefix(link, k.base)+"/message"), inSpanish, inEnglish, "Translated for you by Ines Duarte.", "As it was written")
		}
		p := k.see("maria", "/inbox/"+id)
		shows(t, "the thread in both", p, inSpanish, inEnglish, "Ines Duarte", `lang="es"`)
		if strings.Index(p.body, inSpanish) > strings.Index(p.body, inEnglish) {
			t.Error("the words as they were written stand before the translation")
		}
		shows(t, "the desk", k.see("nia", desk), "translated and signed by Ines Duarte", inSpanish)
		if p := k.press("ines", work, "version", "1", "text", "Otra vez.", "agreed", "yes"); p.status != 404 {
			t.Errorf("signed twice: %d", p.status)
		}
		k.keptBoth(t, id)
		shows(t, "in their own words", k.press("nia", desk+"/reply", "do", "send", "text", "Nos vemos el viernes.", "words", "theirs"), "Nos vemos el viernes.")
		if p := k.see("ines", "/desk/translations"); !strings.Contains(p.body, "Nothing waits") {
			t.Error("what was written in Spanish waits to be translated")
		}
	})
}

// signs has the interpreter translate the one thing that waits.
func (k *served) signs(t *testing.T) (work string) {
	t.Helper()
	shows(t, "the queue", k.see("ines", "/desk/queue"), "A message, into Spanish", "For a patient")
	list := k.see("ines", "/desk/translations")
	work = regexp.MustCompile(`/desk/translations/[0-9a-zA-Z-]+`).FindString(list.body)
	page := k.see("ines", work)
	shows(t, "the work", page, inEnglish, "Nia Nurse", "Sign the translation")
	version := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(page.body)[1]
	for _, closed := range []string{"/desk/patients/maria", "/desk/messages", "/desk/patients", "/desk/users"} {
		if p := k.see("ines", closed); p.status != 404 {
			t.Errorf("an interpreter at %s is %d", closed, p.status)
		}
	}
	for who, want := range map[string]int{"maria": 404, "rosa": 404, "alan": 404, "nia": 200} {
		if p := k.see(who, work); p.status != want {
			t.Errorf("%s at a translation is %d", who, p.status)
		}
	}
	if p := k.press("nia", work, "version", version, "text", inSpanish, "agreed", "yes"); p.status != 403 {
		t.Errorf("a nurse who is not down for Spanish signs: %d", p.status)
	}
	if p := k.press("ines", work, "version", version, "text", inSpanish); p.status != 422 || !strings.Contains(p.body, "Please sign") || !strings.Contains(p.body, inSpanish) {
		t.Errorf("unsigned it is %d", p.status)
	}
	if p := k.press("ines", work, "version", "7", "text", inSpanish, "agreed", "yes"); p.status != 409 || !strings.Contains(p.body, "changed in the meantime") {
		t.Errorf("of other words it is %d", p.status)
	}
	shows(t, "signed", k.press("ines", work, "version", version, "text", inSpanish, "agreed", "yes"), "Signed. The patient reads the translation first", "Signed by Ines Duarte")
	return work
}

// tellsOf does what the queue would: tells of a translation, and once more,
// which tells nothing.
func (k *served) tellsOf(t *testing.T, work string) {
	t.Helper()
	id, err := json.Marshal(path.Base(work))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := k.app.tellTranslated(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
}

// keptBoth looks at the message in the record: two versions, and the
// translation as the standard has it.
func (k *served) keptBoth(t *testing.T, thread string) {
	t.Helper()
	pass, err := k.app.Doors.Check(t.Context(), access.SystemActor("test", access.ReadRecord), access.ReadRecord, "maria")
	if err != nil {
		t.Fatal(err)
	}
	page, err := k.app.Record.Search(t.Context(), pass, "Communication", map[string][]string{"part-of": {"Communication/" + thread}})
	if err != nil || len(page.Resources) == 0 {
		t.Fatal(len(page.Resources), err)
	}
	past, err := k.app.Record.History(t.Context(), pass, "Communication", page.Resources[0].ID)
	if err != nil || len(past) != 2 {
		t.Fatalf("%d versions, %v", len(past), err)
	}
	now := string(page.Resources[0].Body)
	for _, want := range []string{`"_contentString"`, `http://hl7.org/fhir/StructureDefinition/translation`, `"valueCode":"es"`, inSpanish, `"authorString":"Ines Duarte"`, `"contentString":"` + inEnglish + `"`, `"language":"en"`} {
		if !strings.Contains(now, want) {
			t.Errorf("the message has no %s: %s", want, now)
		}
	}
}

// What somebody said about a result is translated as a message is.
func TestRemarkTranslations(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, texts := talkClinic(t, database)
		k.speaksSpanish(t)
		if report, err := k.app.Importer("clinic").ImportStream(t.Context(), "lab.ndjson", strings.NewReader(k.labFor("maria", "ldl-1", "13457-7", "LDL", 135, 0, 130)), nil); err != nil || len(report.Bad) > 0 {
			t.Fatal(err, report.Bad)
		}
		shows(t, "the form", k.see("nia", "/desk/patients/maria/results"), "This patient reads Spanish")
		k.press("nia", "/desk/patients/maria/results", "result", "ldl-1", "remark", "A bit high. Eat less butter.", "words", "ask")
		shows(t, "the result", k.see("maria", "/results/ldl-1"), "A bit high. Eat less butter.", "translation is coming")
		work := regexp.MustCompile(`/desk/translations/[0-9a-zA-Z-]+`).FindString(k.see("ines", "/desk/translations").body)
		version := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(k.see("ines", work).body)[1]
		k.clock.move(time.Minute)
		k.press("ines", work, "version", version, "text", "Un poco alto. Coma menos mantequilla.", "agreed", "yes")
		shows(t, "the result in both", k.see("maria", "/results/ldl-1"), "Un poco alto. Coma menos mantequilla.", "A bit high. Eat less butter.", "Ines Duarte")
		report, err := db.One(t.Context(), k.app.db, db.Value[string], `select target from translation where typ = 'DiagnosticReport'`)
		if err != nil {
			t.Fatal(err)
		}
		shows(t, "the document in both", k.see("maria", "/documents/"+report), "What your care team says, in your language", "Un poco alto.", "A bit high.", "Translated for you by Ines Duarte.")
		k.tellsOf(t, work)
		select {
		case text := <-texts:
			if strings.Contains(text, "mantequilla") || strings.Contains(text, "LDL") || !strings.Contains(text, "/m/") {
				t.Errorf("the text says %q", text)
			}
		case <-time.After(20 * time.Second):
			t.Error("no text came of the translated remark")
		}

		begun := k.press("nia", "/desk/patients/maria/write", "reason", "other", "text", "Please bring your card.", "words", "ask", "once", "one")
		work = regexp.MustCompile(`/desk/translations/[0-9a-zA-Z-]+`).FindString(k.see("ines", "/desk/translations").body)
		shows(t, "refused", k.press("ines", work+"/refuse", "why", "She asked for English."), "Not translated: She asked for English.")
		thread := regexp.MustCompile(`/desk/messages/([^?#]+)`).FindStringSubmatch(begun.url)[1]
		if p := k.see("maria", "/inbox/"+thread); !strings.Contains(p.body, "bring your card") || strings.Contains(p.body, "translation is coming") {
			t.Error("a refused translation is still coming")
		}
	})
}
