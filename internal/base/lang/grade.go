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

// GradeOf returns the school year whose pupils read a text in a language
// with ease: by Grade, or in Spanish by Crawford's formula for its schools.
// Of other languages nothing is known, and the grade is 0.
//
// Spec: Crawford, A. N. 1984, −0.205 sentences + 0.049 syllables − 3.407, in
// 100 words
func GradeOf(tag, text string) float64 {
	switch base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base {
	case "en":
		return Grade(text)
	case "es":
		return gradeES(text)
	}
	return 0
}

func gradeES(text string) float64 {
	words, syllables := 0, 0
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		words++
		syllables += countES(w)
	}
	if words == 0 {
		return 0
	}
	per := 100 / float64(words)
	return max(0, -0.205*per*float64(sentences(text))+0.049*per*float64(syllables)-3.407)
}

// countES returns the syllables of one Spanish word: its vowels, where a weak
// one (i, u) beside another without an accent of its own makes no syllable,
// nor does the u of que, qui, gue and gui.
func countES(word string) int {
	n, before := 0, rune(0)
	runes := []rune(strings.ToLower(word))
	for i, r := range runes {
		strong, weak := strings.ContainsRune("aeoáéíóú", r), strings.ContainsRune("iuü", r)
		if r == 'u' && (before == 'q' || before == 'g') && i+1 < len(runes) && strings.ContainsRune("eiéí", runes[i+1]) {
			continue // before stays the consonant
		}
		if r == 'y' && i == len(runes)-1 && before != 0 && strings.ContainsRune("aeou", before) {
			weak = true
		}
		switch {
		case strong && !strings.ContainsRune("iuü", before), weak && !strings.ContainsRune("aeoáéóiuü", before):
			n++
		case strong && strings.ContainsRune("íú", r):
			n++ // día: the accent parts them
		}
		before = r
	}
	return max(n, 1)
}
