package nod_test

import (
	"strings"
	"testing"

	"hale/internal/reach/nod"
)

func TestRead(t *testing.T) {
	for text, want := range map[string]nod.Answer{
		"C": nod.Yes, "yes": nod.Yes, " Yes! Thank you.": nod.Yes, "1": nod.Yes, "Sí, gracias": nod.Yes, "👍🏽": nod.Yes, "I’ll be there": nod.Yes, "Confirmo.": nod.Yes, "OK thanks": nod.Yes,
		"X": nod.No, "no": nod.No, "No, thanks": nod.No, "Cancel my appointment please": nod.No, "can’t make it": nod.No, "No puedo ir": nod.No, "Cancelar mi cita, por favor": nod.No,
		// These are for a person, or for the law.
		"cancel": nod.None, "CANCELAR": nod.None, "stop": nod.None, "Yes but can I come later": nod.None, "yes?": nod.None, "No, I mean yes": nod.None,
		"Is it at 10?": nod.None, "yes and no": nod.None, "12": nod.None, "": nod.None, "thanks": nod.None,
	} {
		if got := nod.Read(text); got != want {
			t.Errorf("Read(%q) = %q, want %q", text, got, want)
		}
	}
}

// FuzzRead reads any answer: what asks something is never taken for one, and
// the same words in capitals mean the same.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"C", "yes", "Sí, gracias", "no puedo", "👍🏽", "cancel", "Yes?"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := nod.Read(text)
		if got != nod.None && (strings.Contains(text, "?") || len(text) > 120) {
			t.Fatalf("Read(%q) = %q", text, got)
		}
		if nod.Read(text+"!") != got && len(text) < 119 {
			t.Fatalf("Read(%q) = %q, and with a cry it is another", text, got)
		}
	})
}
