// Package glossary explains the medical words of notes and lists in plain
// ones, for people who never learned them.
//
// Each explanation is one or two short sentences and gives no advice: that is
// for the care team. The sentences are keys of translations.
package glossary

import (
	"strings"
	"unicode"
)

// Term is one word or phrase and what it means.
type Term struct {
	Word string   // as it is shown
	Also []string // other spellings, in small letters
	Says string   // English; the key of its translation
}

// Key names the term in an address within a page.
func (t Term) Key() string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(t.Word))
}

// Lookup returns the term that a whole name is, whatever its letters' size.
func Lookup(name string) (Term, bool) {
	i, ok := byWord[strings.ToLower(strings.TrimSpace(name))]
	if !ok {
		return Term{}, false
	}
	return terms[i], true
}

// All returns every term, in the order of the table.
func All() []Term { return terms }

// longest is how many words the longest phrase has.
const longest = 4

var byWord = index()

func index() map[string]int {
	m := map[string]int{}
	for i, t := range terms {
		for _, w := range append([]string{strings.ToLower(t.Word)}, t.Also...) {
			m[w] = i
		}
	}
	return m
}

// Piece is a part of a text. Term is set where it is a word that is explained.
type Piece struct {
	Text string
	Term *Term
}

// Marker parts texts, one after the other, where words that are explained
// come for the first time.
type Marker struct {
	seen map[int]bool
	list []Term
}

// Terms are those that were found so far.
func (m *Marker) Terms() []Term { return m.list }

// Mark parts text.
func (m *Marker) Mark(text string) []Piece {
	if m.seen == nil {
		m.seen = map[int]bool{}
	}
	var pieces []Piece
	from := 0
	words := spans(text)
	for i := 0; i < len(words); i++ {
		at, length, ok := match(text, words[i:])
		if !ok {
			continue
		}
		if start, end := words[i][0], words[i+length-1][1]; !m.seen[at] {
			m.seen[at] = true
			m.list = append(m.list, terms[at])
			if start > from {
				pieces = append(pieces, Piece{Text: text[from:start]})
			}
			pieces = append(pieces, Piece{Text: text[start:end], Term: &terms[at]})
			from = end
		}
		i += length - 1
	}
	if from < len(text) {
		pieces = append(pieces, Piece{Text: text[from:]})
	}
	return pieces
}

// match returns the longest term that begins at the first of words.
func match(text string, words [][2]int) (at, length int, ok bool) {
	for length = min(longest, len(words)); length > 0; length-- {
		whole := strings.ToLower(text[words[0][0]:words[length-1][1]])
		if at, ok = byWord[whole]; ok {
			return at, length, true
		}
	}
	return 0, 0, false
}

// spans returns where the words of text begin and end.
func spans(text string) [][2]int {
	var list [][2]int
	from := -1
	for i, r := range text {
		inside := unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-'
		switch {
		case inside && from < 0:
			from = i
		case !inside && from >= 0:
			list, from = append(list, [2]int{from, i}), -1
		}
	}
	if from >= 0 {
		list = append(list, [2]int{from, len(text)})
	}
	return list
}
