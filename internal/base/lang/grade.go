package lang

import (
	"strings"
	"unicode"
)

// Grade returns the Flesch-Kincaid grade of an English text: the school year
// whose pupils read it easily. A text without words is grade 0.
//
// Spec: Kincaid et al. 1975, 0.39 words/sentence + 11.8 syllables/word − 15.59.
func Grade(text string) float64 {
	words, syllables := 0, 0
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '’' }) {
		words++
		syllables += count(w)
	}
	if words == 0 {
		return 0
	}
	grade := 0.39*float64(words)/float64(sentences(text)) + 11.8*float64(syllables)/float64(words) - 15.59
	return max(grade, 0)
}

// sentences counts what ends with a full stop, a question mark, an
// exclamation mark or a line; what has no end counts as one.
func sentences(text string) int {
	n, open := 0, false
	for i, r := range text {
		switch {
		case unicode.IsLetter(r):
			open = true
		case open && (r == '!' || r == '?' || r == '\n' || r == '.' && ends(text[i+1:])):
			n, open = n+1, false
		}
	}
	if open {
		n++
	}
	return max(n, 1)
}

// ends says whether a full stop before rest ends a sentence; in 7.4 and
// a.m. it does not.
func ends(rest string) bool {
	return rest == "" || strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "\n") || strings.HasPrefix(rest, "”")
}

// count returns the syllables of one English word: its groups of vowels,
// less a silent e at the end.
func count(word string) int {
	w := strings.ToLower(word)
	n, before := 0, false
	for _, r := range w {
		v := strings.ContainsRune("aeiouy", r)
		if v && !before {
			n++
		}
		before = v
	}
	if n > 1 && strings.HasSuffix(w, "e") && !strings.HasSuffix(w, "le") {
		n--
	}
	if n > 1 && strings.HasSuffix(w, "ed") && !strings.HasSuffix(w, "ted") && !strings.HasSuffix(w, "ded") {
		n--
	}
	return max(n, 1)
}
