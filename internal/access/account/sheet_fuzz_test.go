package account

import (
	"strings"
	"testing"
)

// FuzzReadSheet types anything for the twelve words of a recovery sheet: it
// is taken or not, and what is taken is found again in its own words.
func FuzzReadSheet(f *testing.F) {
	sheet := writeSheet([16]byte{1, 2, 3})
	f.Add(strings.Join(sheet.Groups, " "))
	for _, s := range []string{"", "a b c d e f g h i j k l", sheetPrefix + "AAAA", sheetPrefix, "ABANDON, ability; able"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		secret, ok := readSheet(text)
		if !ok {
			return
		}
		sheet := writeSheet(secret)
		for _, form := range []string{strings.Join(sheet.Groups, " "), sheet.QR} {
			if again, ok := readSheet(form); !ok || again != secret {
				t.Errorf("readSheet(%q) is taken, and %q of the same sheet is not", text, form)
			}
		}
	})
}
