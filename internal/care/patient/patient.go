// Package patient holds who a patient is: name, birth date, language, where
// they live. It is read from the FHIR Patient; addresses to reach them by are
// package contact's.
//
// A birth date is text, since part of it may not be known.
//
// Spec: https://hl7.org/fhir/R4/patient.html
package patient

import (
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"hale/internal/access"
)

// Person is one patient.
type Person struct {
	ID       string
	Full     string
	Given    string
	Family   string
	Born     string // YYYY-MM-DD, or as much of it as is known
	Sex      string // FHIR administrative gender: female, male, other, unknown
	Lang     string // BCP 47, empty if not said
	MRN      string // the clinic's own number
	Line     string
	City     string
	State    string
	Zip      string
	Zone     string // IANA time zone, empty if not known
	Deceased bool
	Active   bool
	Updated  time.Time // when the record last changed it
}

// Age returns the full years from birth to at, and false where the birth
// date is not known to the year.
func (p Person) Age(at time.Time) (int, bool) {
	if len(p.Born) < 4 {
		return 0, false
	}
	if _, err := time.Parse("2006-01-02", (p.Born + "-01-01")[:10]); err != nil {
		return 0, false
	}
	return access.Age(p.Born, at), true
}

// Call returns what to call the person by: the given name, or all of it.
func (p Person) Call() string {
	if first, _, _ := strings.Cut(p.Given, " "); first != "" {
		return first
	}
	return p.Full
}

// fold returns s in small letters without accents, one space between words,
// so that a search for Jose finds José.
func fold(s string) string {
	var b strings.Builder
	space := false
	for _, r := range norm.NFD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(unicode.ToLower(r))
		case r == '\'' || r == '’': // O'Neil is found as oneil
		default:
			space = true
		}
	}
	return b.String()
}

// piece returns the first letters of a folded word, by which names are found.
func piece(word string) string {
	n := 0
	for i := range word {
		if n == 3 {
			return word[:i]
		}
		n++
	}
	return word
}

// birthday reads a date as people type one into a search: 1961-04-09 or
// 4/9/1961.
func birthday(s string) (string, bool) {
	for _, layout := range [...]string{"2006-01-02", "1/2/2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format("2006-01-02"), true
		}
	}
	return "", false
}
