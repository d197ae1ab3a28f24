package segment

import (
	"fmt"
	"strings"
)

// Sentence reads e back in words: "Patients who have diabetes and had no eye
// exam in the last 12 months".
func Sentence(e Expr) string {
	if e.set() == 0 {
		return "All patients"
	}
	return "Patients who " + say(e, false)
}

func say(e Expr, not bool) string {
	switch {
	case e.All != nil:
		return all(e.All, not, " and ", " or ")
	case e.Any != nil:
		return all(e.Any, not, " or ", " and ")
	case e.Not != nil:
		return say(*e.Not, !not)
	case e.Has != nil:
		return sayHas(*e.Has, not)
	case e.Age != nil:
		return verb("are", not) + " " + sayAge(*e.Age)
	case e.Sex != "":
		return verb("are", not) + " " + e.Sex
	case e.Lang != "":
		return verb("prefer", not) + " " + language(e.Lang)
	case e.City != "":
		return verb("live", not) + " in " + e.City
	case e.SignedIn != "":
		return saySigned(e.SignedIn, not)
	case e.Fact != nil:
		return sayFact(*e.Fact, not)
	case e.Patients != nil:
		return verb("are", not) + fmt.Sprintf(" on a list of %d", len(e.Patients))
	}
	return verb("are", not) + " anyone"
}

// all joins conditions. A not outside turns and into or.
func all(list []Expr, not bool, word, turned string) string {
	if not {
		word = turned
	}
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = say(e, not)
		if len(list) > 1 && (len(e.All) > 1 || len(e.Any) > 1) {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, word)
}

func verb(v string, not bool) string {
	switch {
	case not && v == "are":
		return "are not"
	case not:
		return "do not " + v
	}
	return v
}

func sayHas(h Has, not bool) string {
	words, tense := h.Label, "have"
	if c, ok := ConceptOf(h.Concept); ok {
		words = c.Words
		if c.Type != "Condition" {
			tense = "had"
		}
	} else if words == "" {
		words = h.Type + " on record"
	}
	if not {
		words = "no " + strings.TrimPrefix(strings.TrimPrefix(words, "an "), "a ")
	}
	if h.Months > 0 {
		return fmt.Sprintf("%s %s in the last %s", tense, words, months(h.Months))
	}
	return tense + " " + words
}

func months(n int) string {
	if n == 1 {
		return "month"
	}
	return fmt.Sprintf("%d months", n)
}

func sayAge(r Range) string {
	switch {
	case r.Max == 0:
		return fmt.Sprintf("%d or older", r.Min)
	case r.Min == 0:
		return fmt.Sprintf("%d or younger", r.Max)
	}
	return fmt.Sprintf("%d to %d years old", r.Min, r.Max)
}

func saySigned(text string, not bool) string {
	if text == "never" {
		text, not = "ever", !not
	}
	days, recent := strings.CutSuffix(text, "d")
	switch {
	case recent && not:
		return "have not signed in to the portal in the last " + days + " days"
	case recent:
		return "signed in to the portal in the last " + days + " days"
	case not:
		return "have no portal account"
	}
	return "have a portal account"
}

func language(tag string) string {
	switch strings.ToLower(tag) {
	case "en":
		return "English"
	case "es":
		return "Spanish"
	}
	return "the language " + tag
}
