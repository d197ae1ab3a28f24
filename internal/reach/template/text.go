package template

import "strings"

// The characters of GSM 03.38: one septet each, and those that take two.
const (
	basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	extended = "^{}\\[~]|€\f"
)

// plain are characters that look almost like one of GSM 03.38, so that a
// curly quote does not double the price of a text.
var plain = strings.NewReplacer(
	"‘", "'", "’", "'", "‚", "'", "“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`,
	"–", "-", "—", "-", "…", "...", "\u00a0", " ", "\u202f", " ", "•", "*",
	"á", "a", "í", "i", "ó", "o", "ú", "u", "Á", "A", "Í", "I", "Ó", "O", "Ú", "U",
	"â", "a", "ê", "e", "ë", "e", "î", "i", "ï", "i", "ô", "o", "û", "u", "ç", "Ç", "ã", "a", "õ", "o", "ý", "y",
)

// GSM returns text in the characters a text message carries cheaply, where
// they say the same.
func GSM(text string) string { return plain.Replace(text) }

// Segments returns how many text messages text is, and whether it needs
// 16-bit characters.
func Segments(text string) (n int, wide bool) {
	units := make([]int, 0, len(text))
	for _, r := range text {
		switch {
		case strings.ContainsRune(basic, r):
			units = append(units, 1)
		case strings.ContainsRune(extended, r):
			units = append(units, 2)
		default:
			wide = true
		}
	}
	if !wide {
		return count(units, 160, 153), false
	}
	units = units[:0]
	for _, r := range text {
		if r > 0xffff {
			units = append(units, 2)
			continue
		}
		units = append(units, 1)
	}
	return count(units, 70, 67), true
}

// count packs units into segments, none of them split: an escape or a
// surrogate stays with what follows it.
func count(units []int, one, many int) int {
	total := 0
	for _, u := range units {
		total += u
	}
	switch {
	case total == 0:
		return 0
	case total <= one:
		return 1
	}
	n, room := 1, many
	for _, u := range units {
		if u > room {
			n, room = n+1, many
		}
		room -= u
	}
	return n
}
