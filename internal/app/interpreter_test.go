package app

import (
	"strings"
	"testing"
)

// From the patient's tap to the front desk's answer and back: an interpreter
// for a talk, asked for once.
func TestInterpreter(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, _ := talkClinic(t, database)
		shows(t, "the form", k.see("maria", "/interpreter"), "I need an interpreter", "It costs you nothing", "American Sign Language", `value="es"`)
		if p := k.press("maria", "/interpreter", "language", "klingon"); p.status != 422 || !strings.Contains(p.body, "Please choose a language.") {
			t.Errorf("no language is %d", p.status)
		}
		sent := k.press("maria", "/interpreter", "language", "vi")
		shows(t, "what was asked", sent, "An interpreter", "the front desk")
		shows(t, "the queue", k.see("nia", "/desk/queue"), "An interpreter", "Maria Alvarez")
		shows(t, "where it leads", k.see("maria", "/inbox/new"), `href="/interpreter"`)
		for who, path := range map[string]string{"dan": "/for/maria/interpreter", "rosa": "/for/nobody/interpreter", "alan": "/interpreter"} {
			if p := k.see(who, path); p.status == 200 && strings.Contains(p.body, "Ask for an interpreter") {
				t.Errorf("%s may ask at %s", who, path)
			}
		}
		shows(t, "the daughter's form", k.see("rosa", "/for/maria/interpreter"), "I need an interpreter")
	})
}
