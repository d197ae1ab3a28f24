package portal

import (
	"testing"

	"hale/internal/base/lang"
)

func TestTextsOfTablesAreInSpanish(t *testing.T) {
	var texts []string
	for _, k := range kindWordsOf {
		texts = append(texts, k.title, k.empty, k.hint)
	}
	for _, name := range titles {
		texts = append(texts, name)
	}
	for _, s := range texts {
		if !lang.Spanish.Has(s) {
			t.Errorf("no Spanish for %q", s)
		}
	}
}
