package lang_test

import (
	"testing"

	"hale/internal/base/lang"
)

// FuzzPick reads anything as Accept-Language: there is always a language.
func FuzzPick(f *testing.F) {
	for _, s := range []string{"", "es", "de,es;q=0.5,en;q=0.4", "en;q=0", "es;q=nan", "*;q=1", "es-MX,es;q=1e9", ";;;,,,", "ES_mx;Q=0.9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if l := lang.Pick(header); l != lang.English && l != lang.Spanish {
			t.Errorf("Pick(%q) = %q, want a language that pages are written in", header, l)
		}
		if l := lang.Pick(header, "es"); l != lang.Spanish {
			t.Errorf("Pick(%q, es) = %q, want what the person chose", header, l)
		}
	})
}
