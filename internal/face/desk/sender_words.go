package desk

import (
	"strings"
	"time"
)

// registeredWords say how the sender of texts stands with the carriers, in a
// sentence. The day is written as the configuration has it where that is none.
func registeredWords(t Texting) string {
	words := "Registered as " + t.Kind + ": " + t.Status
	if t.Since != "" {
		since := t.Since
		if day, err := time.Parse(time.DateOnly, since); err == nil {
			since = day.Format("January 2, 2006")
		}
		words += " since " + since
	}
	return words + "."
}

// part is a piece of a text: words, or what is typed or read by a program.
type part struct {
	Text string
	Code bool
}

// coded parts a text at its backticks, between which stands what is typed as it
// is. One without its partner is a letter like any other.
func coded(text string) []part {
	var list []part
	for {
		words, rest, ok := strings.Cut(text, "`")
		code, after, closed := strings.Cut(rest, "`")
		if !ok || !closed {
			return append(list, part{Text: text})
		}
		list = append(list, part{Text: words}, part{Text: code, Code: true})
		text = after
	}
}
