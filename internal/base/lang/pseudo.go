package lang

import (
	"regexp"
	"strings"
)

// Two languages that nobody speaks: they show what a translation would break.
// Accented marks every text that came through the catalogue and makes it
// longer by about a third, as German would; Mirrored does the same and is
// written from right to left. No menu offers them: a browser that asks for
// them by their tag gets them.
//
// Spec: the pseudo-locales en-XA and ar-XB of Unicode CLDR (UTS #35, keyword
// and region "private use")
const (
	Accented Lang = "en-XA"
	Mirrored Lang = "ar-XB"
)

// pseudo says whether l is one of the two.
func (l Lang) pseudo() bool { return l == Accented || l == Mirrored }

// Dir returns the direction in which the language is written, for the dir
// attribute.
func (l Lang) Dir() string {
	if l == Mirrored {
		return "rtl"
	}
	return "ltr"
}

// fills finds what Sprintf fills in.
var fills = regexp.MustCompile(`%(\[\d\])?[-+# 0-9.]*[a-zA-Z%]`)

var accents = strings.NewReplacer("a", "á", "e", "é", "i", "í", "o", "ó", "u", "ú", "A", "Á", "E", "É", "I", "Í", "O", "Ó", "U", "Ú", "n", "ñ", "c", "ç", "y", "ÿ")

// accent marks a text: ⟦Ýóú ... ééé⟧.
func accent(text string) string {
	var b strings.Builder
	b.WriteString("⟦")
	at := 0
	for _, m := range fills.FindAllStringIndex(text, -1) {
		b.WriteString(accents.Replace(text[at:m[0]]))
		b.WriteString(text[m[0]:m[1]])
		at = m[1]
	}
	b.WriteString(accents.Replace(text[at:]))
	for n := len(text) / 3; n > 0; n -= 6 {
		b.WriteString(" ééé"[:min(len(" ééé"), 1+2*min(n, 3))])
	}
	b.WriteString("⟧")
	return b.String()
}
