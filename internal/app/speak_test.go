package app

import (
	"strings"
	"testing"
)

// speaks presses the button of a language at the foot of a page that leads
// back to itself.
func (k *served) speaks(t *testing.T, who, tag, path string) page {
	t.Helper()
	p := k.see(who, path)
	if !strings.Contains(p.body, `name="next" value="`+path+`"`) || !strings.Contains(p.body, `name="lang" value="`+tag+`"`) {
		t.Errorf("%s offers no %s, or does not come back", path, tag)
	}
	return k.press(who, "/lang", "lang", tag, "next", path)
}

// A form by a link can be read in another language at every step; what was
// typed stays, and the language stays over what is sent.
func TestFormsInAnotherLanguage(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		mine := k.askForm(t, two, "ada")
		at := found(t, "the link", `(/fill/[0-9A-Za-z]{12})<`, k.fill("ada", mine+"/elsewhere"))
		k.who["phone"] = k.browser("")
		shows(t, "the gate", k.speaks(t, "phone", "es", at), `<html lang="es"`, "Fecha de nacimiento")
		first := k.fill("phone", at, born("ada")...)
		shows(t, "the first page", first, `<html lang="es"`, `id="page"`, `formaction="`+at+`/1/save"`, `name="say-lang" value="en"`)
		back := k.fill("phone", at+"/1/save", "seen", "knee", "q:knee", "Stiff in the morning", "say-lang", "en")
		shows(t, "the first page in English", back, `<html lang="en"`, "Stiff in the morning", "Next")
		shows(t, "with larger letters", k.fill("phone", at+"/1/save", "seen", "knee", "q:knee", "Stiff", "say-size", "large"), `class="large"`, "Stiff")
		shows(t, "the next page", k.fill("phone", at+"/1", "seen", "knee", "q:knee", "Stiff"), `<html lang="en"`, "How do you sleep?")
		k.fill("phone", at+"/2", "seen", "sleep", "q:sleep", "Well")
		shows(t, "the check", k.speaks(t, "phone", "es", at+"/check"), `<html lang="es"`, "Stiff")
		shows(t, "the end", k.fill("phone", at+"/send", "sign", "Ada Byron"), `<html lang="es"`, `name="next" value="`+at+`/done"`)

		k.onTheWeb(t)
	})
}

// onTheWeb does so with a form of the web.
func (k *served) onTheWeb(t *testing.T) {
	t.Helper()
	made := k.fill("nia", "/desk/forms", "ready", "new-patient")
	at := "/desk/forms/" + found(t, "the ready form", `/desk/forms/([0-9a-zA-Z-]+)/try/1`, made)
	k.fill("nia", at+"/do/move", "to", "publish")
	k.fill("nia", at+"/do/use", "slug", "new-patient", "consent", "You may read it.")
	k.who["zoe"] = k.browser("")
	shows(t, "the welcome", k.speaks(t, "zoe", "es", "/f/new-patient"), `<html lang="es"`)
	shows(t, "the first page", k.fill("zoe", "/f/new-patient", "agree", "1"), `<html lang="es"`, `formaction="/f/new-patient/save/1"`)
	shows(t, "in English", k.fill("zoe", "/f/new-patient/save/1", "seen", "name", "q:name", "Zoe Newly", "say-lang", "en"), `<html lang="en"`, "Zoe Newly")
	shows(t, "what was sent", k.speaks(t, "zoe", "es", "/f/new-patient/done"), `<html lang="es"`)
}
