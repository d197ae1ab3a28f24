package gsm

import "strings"

// plain are characters that look almost like one of the alphabet, so that a
// curly quote does not halve what a message carries. Letters lose an accent
// that every reader of the language supplies; a letter that the alphabet has
// stays as it is.
var plain = strings.NewReplacer(
	"‘", "'", "’", "'", "‚", "'", "‛", "'", "′", "'", "`", "'", "´", "'",
	"“", `"`, "”", `"`, "„", `"`, "‟", `"`, "″", `"`, "«", `"`, "»", `"`,
	"‐", "-", "‑", "-", "‒", "-", "–", "-", "—", "-", "―", "-", "−", "-", "\u00ad", "",
	"…", "...", "•", "*", "·", "-", "×", "x", "÷", "/", "™", "(TM)", "®", "(R)", "©", "(C)", "°", "o", "º", "o", "ª", "a",
	"\u00a0", " ", "\u2002", " ", "\u2003", " ", "\u2009", " ", "\u200a", " ", "\u202f", " ", "\u3000", " ", "\t", " ",
	"\u200b", "", "\u200c", "", "\u200d", "", "\u2060", "", "\ufeff", "", "\u200e", "", "\u200f", "",
	"á", "a", "í", "i", "ó", "o", "ú", "u", "Á", "A", "Í", "I", "Ó", "O", "Ú", "U", "À", "A", "È", "E", "Ì", "I", "Ò", "O", "Ù", "U",
	"â", "a", "ê", "e", "ë", "e", "î", "i", "ï", "i", "ô", "o", "û", "u", "ã", "a", "õ", "o", "ý", "y", "ÿ", "y",
	"Â", "A", "Ê", "E", "Ë", "E", "Î", "I", "Ï", "I", "Ô", "O", "Û", "U", "Ã", "A", "Õ", "O", "Ý", "Y",
	"ç", "c", "č", "c", "š", "s", "ž", "z", "ń", "n", "ł", "l", "ő", "ö", "ű", "ü", "œ", "oe", "Œ", "OE",
	"½", "1/2", "¼", "1/4", "¾", "3/4", "²", "2", "³", "3",
)

// Plain writes text in the seven-bit alphabet where that says the same. Where
// a character is left that the alphabet lacks, such as an emoji or a letter
// of another script, the text is sent wide anyway, and stays as it was.
func Plain(text string) string {
	if Fits(text) {
		return text
	}
	p := plain.Replace(text)
	if !Fits(p) || Measure(p).Segments > Measure(text).Segments { // three dots for each … add up
		return text
	}
	return p
}

// Wider returns the characters of text that keep it from the seven-bit
// alphabet even when it is written plainly, each once, in their order: what an
// author may want to change.
func Wider(text string) []string {
	var list []string
	seen := map[rune]bool{}
	for _, r := range plain.Replace(text) {
		if septets(r) == 0 && !seen[r] {
			seen[r] = true
			list = append(list, string(r))
		}
	}
	return list
}
