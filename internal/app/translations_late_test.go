package app

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/base/lang"
	"hale/internal/care/task"
	"hale/internal/store/db"
)

var workPath = regexp.MustCompile(`/desk/translations/[0-9a-zA-Z-]+`)

// told counts the notices of a kind that wait or went.
func (k *served) toldOf(kind string) int {
	k.t.Helper()
	n, err := db.One(k.t.Context(), k.app.db, db.Value[int], `select count(*) from event where kind = $1`, kind)
	if err != nil {
		k.t.Fatal(err)
	}
	return n
}

// A translation whose time passed is raised once: to all who translate and to
// the administrator, on the desk, and to the patient, who is told honestly.
func TestTranslationsLate(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, texts := talkClinic(t, database)
		k.speaksSpanish(t)
		sent := k.writes("maria", "/inbox/new/medicine", "¿Es la pastilla correcta?")
		id := regexp.MustCompile(`/inbox/([^/?]+)\?done`).FindStringSubmatch(sent.url)[1]
		k.press("nia", "/desk/messages/"+id+"/reply", "do", "send", "text", inEnglish, "words", "ask")
		k.texted(texts)
		k.exec(`update translation set due_at = $1`, k.clock.Now().Add(5*time.Minute).UnixMicro())
		before := k.notices()
		k.raise()
		if n := k.notices(); n != before {
			t.Fatalf("%d notices before anything is late, want %d", n, before)
		}
		k.clock.move(6 * time.Minute)
		if _, err := k.app.Accounts.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		before = k.notices()
		k.raise()
		if n := k.toldOf("translation.raised"); n != 1 {
			t.Fatalf("%d translations were raised, want 1", n)
		}
		first := k.notices()
		if first-before < 3 {
			t.Errorf("%d are told: want the interpreter, an administrator and the patient at least", first-before)
		}
		k.raise()
		if n := k.notices(); n != first || k.toldOf("translation.raised") != 1 {
			t.Errorf("%d notices after the second turn, want %d", n, first)
		}
		shows(t, "the thread", k.see("maria", "/inbox/"+id), inEnglish, "The translation is late. We are sorry.")
		shows(t, "the list", k.see("ines", "/desk/translations"), "raised to all who translate", "the patient was told that it is late")
		shows(t, "the desk's thread", k.see("nia", "/desk/messages/"+id), "and is late. The patient reads this until it is there")
		if _, err := k.app.Accounts.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		said, err := db.All(t.Context(), k.app.db, db.Value[string], `select channel from message where patient = 'maria' and purpose = 'security'`)
		if err != nil || !slices.Contains(said, "inbox") {
			t.Errorf("the patient is told by %v, %v", said, err)
		}
		work := workPath.FindString(k.see("ines", "/desk/translations").body)
		version := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(k.see("ines", work).body)[1]
		k.press("ines", work, "version", version, "text", inSpanish, "agreed", "yes")
		if p := k.see("maria", "/inbox/"+id); strings.Contains(p.body, "The translation is late") || !strings.Contains(p.body, inSpanish) {
			t.Error("a translation that is there is still late")
		}
	})
}

// What the desk answers when it closes a request is translated and signed as a
// message is; taken back and given anew, it is translated anew.
func TestAnswerTranslations(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, _ := talkClinic(t, database)
		k.speaksSpanish(t)
		const english, spanish = "Your visit is on Friday at 9 am.", "Su visita es el viernes a las 9 de la mañana."
		asked := k.askedFor("maria", task.New{Kind: task.Booking, Title: "A visit soon"})
		desk, mine := "/desk/queue/"+asked.ID, "/requests/"+asked.ID
		shows(t, "the desk's form", k.see("nia", desk), "This patient reads Spanish", "I write in English: have it translated")
		shows(t, "closed", k.press("nia", desk+"/close", "reason", "finished", "answer", english, "words", "ask"), "Queue")
		shows(t, "the request", k.see("maria", mine), english, "translation is coming")
		shows(t, "the closed task", k.see("nia", desk), "A translation into Spanish was asked for")
		list := k.see("ines", "/desk/translations")
		shows(t, "the list", list, "An answer to a request, into Spanish")
		work := workPath.FindString(list.body)
		page := k.see("ines", work)
		shows(t, "the work", page, english, "Nia Nurse")
		version := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(page.body)[1]
		k.press("ines", work, "version", version, "text", spanish, "agreed", "yes")
		k.tellsOf(t, work)
		p := k.see("maria", mine)
		shows(t, "the request in both", p, spanish, english, "Translated for you by Ines Duarte.", "As it was written", `lang="es"`)
		if strings.Index(p.body, spanish) > strings.Index(p.body, english) {
			t.Error("the words as they were written stand before the translation")
		}
		shows(t, "the desk in both", k.see("nia", desk), "translated and signed by Ines Duarte", spanish)
		for _, who := range []string{"rosa"} {
			if p := k.see(who, mine); p.status != 404 || strings.Contains(p.body, spanish) {
				t.Errorf("%s at Maria's answer is %d", who, p.status)
			}
		}

		k.press("nia", desk+"/open")
		if p := k.see("maria", mine); strings.Contains(p.body, spanish) {
			t.Error("the translation of an answer that was taken back still stands there")
		}
		k.press("nia", desk+"/close", "reason", "finished", "answer", "By phone.", "words", "plain")
		if p := k.see("maria", mine); !strings.Contains(p.body, "By phone.") || strings.Contains(p.body, "translation is coming") {
			t.Error("an answer that nobody translates promises a translation")
		}
		k.press("nia", desk+"/open")
		k.press("nia", desk+"/close", "reason", "finished", "answer", "On Monday, sorry.", "words", "ask")
		if p := k.see("maria", mine); !strings.Contains(p.body, "On Monday") || !strings.Contains(p.body, "translation is coming") || strings.Contains(p.body, spanish) {
			t.Error("the new answer is not translated anew")
		}
		k.press("nia", desk+"/open")
		if p := k.see("ines", "/desk/translations"); !strings.Contains(p.body, "Nothing waits") {
			t.Error("an answer that was taken back still waits to be translated")
		}
	})
}

// Each notice about translations has words of its own in Spanish.
func TestTranslationNotices(t *testing.T) {
	for _, text := range []string{
		"%s: translations that patients wait for are late. See which, and who has them: %s",
		"%s: we said that a translation comes. It is late, and we are sorry. We asked for somebody to finish it. What we wrote is there in English until then.",
		"%s: our answer to what you asked is now in your language. Sign in to read it.",
		"About a translation from %s", "Patients wait for a translation from %s",
	} {
		if !lang.Spanish.Has(text) {
			t.Errorf("%q is not in Spanish", text)
		}
		if g := lang.Grade(text); g > 8 {
			t.Errorf("%q is of grade %.1f", text, g)
		}
	}
}
