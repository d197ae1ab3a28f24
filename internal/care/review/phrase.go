package review

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hale/internal/base/errs"
	"hale/internal/base/lang"
)

// Place is where a phrase is said.
type Place string

// The places. All but Remark stand on a result's page by themselves, beside
// where its value lies.
const (
	Remark Place = "remark" // chosen by a clinician who looks at results
	Within Place = "within" // in its range
	Near   Place = "near"   // slightly outside
	Far    Place = "far"    // well outside
)

// Places are all of them, in the order in which they are offered.
var Places = []Place{Remark, Within, Near, Far}

// Phrase is one version of what the clinic says about results.
type Phrase struct {
	Key      string
	N        int64 // 0: it comes with Hale, and nobody here has changed it
	Place    Place
	Name     string            // what the staff calls it
	Codes    []string          // LOINC; none: for all results
	Text     map[string]string // by language: en, es
	By       string            // the account that wrote it
	At       time.Time
	Approved string // the account; empty: a draft, or one that comes with Hale
	OK       time.Time
	Ended    string // the account that took it out of use
	Over     time.Time
}

// Usable says whether it may be shown to a patient.
func (p Phrase) Usable() bool { return p.Over.IsZero() && (p.N == 0 || !p.OK.IsZero()) }

// In returns the words in a language; English where there are none in it.
func (p Phrase) In(l lang.Lang) string {
	if text := p.Text[l.Tag()]; text != "" {
		return text
	}
	return p.Text["en"]
}

// fits says whether p is for results of a code, and whether for these alone.
func (p Phrase) fits(code string) (fits, alone bool) {
	alone = slices.Contains(p.Codes, code) && code != ""
	return alone || len(p.Codes) == 0, alone
}

// Easy is the highest reading grade that is easy to read.
const Easy = 8

// Grade returns the reading grade of a phrase in a language, as school years;
// 0 where it says nothing.
func (p Phrase) Grade(tag string) float64 {
	if p.Text[tag] == "" {
		return 0
	}
	return lang.GradeOf(tag, p.Text[tag])
}

// Bounds of a phrase.
const (
	longPhrase = 600 // letters
	longName   = 80
	codesMost  = 12
)

var (
	loincForm = regexp.MustCompile(`^[0-9]{1,7}-[0-9]$`)

	errPlace   = errs.New(errs.Invalid, "Choose where the phrase is said.")
	errName    = errs.New(errs.Invalid, "Give the phrase a short name, up to 80 letters. Only the staff reads it.")
	errWords   = errs.New(errs.Invalid, "Write the phrase in English, up to 600 letters in each language.")
	errCodes   = errs.New(errs.Invalid, "Write LOINC codes such as 4548-4, with a space between them, up to 12. Leave the field empty for all results.")
	errPhrase  = errs.New(errs.NotFound, "There is no such phrase.")
	errUnfit   = errs.New(errs.Conflict, "This phrase is no longer in use. Choose another, or write your own words.")
	errOlder   = errs.New(errs.Conflict, "Somebody changed this phrase in the meantime. Look at what it says now.")
	errSettled = errs.New(errs.Conflict, "This version was approved or taken out of use already.")
)

// check tidies a phrase and refuses what cannot be kept.
func (p Phrase) check() (Phrase, error) {
	p.Name = strings.TrimSpace(strings.ToValidUTF8(p.Name, ""))
	text := map[string]string{}
	for _, tag := range [...]string{"en", "es"} {
		text[tag] = strings.TrimSpace(strings.ToValidUTF8(p.Text[tag], ""))
		if utf8.RuneCountInString(text[tag]) > longPhrase {
			return p, errWords
		}
	}
	p.Text = text
	switch {
	case !slices.Contains(Places, p.Place):
		return p, errPlace
	case p.Name == "" || utf8.RuneCountInString(p.Name) > longName:
		return p, errName
	case text["en"] == "":
		return p, errWords
	case len(p.Codes) > codesMost || slices.ContainsFunc(p.Codes, func(c string) bool { return !loincForm.MatchString(c) }):
		return p, errCodes
	}
	slices.Sort(p.Codes)
	p.Codes = slices.Compact(p.Codes)
	return p, nil
}

// Usual are the phrases that come with Hale, for the remarks of those who look
// at results. Nothing that comes with Hale stands on a page by itself.
func Usual() []Phrase {
	say := func(key, name, en, es string) Phrase {
		return Phrase{Key: key, Place: Remark, Name: name, Text: map[string]string{"en": en, "es": es}}
	}
	return []Phrase{
		say("fine", "All in the usual range", "Your results are in the usual range. You do not need to do anything.",
			"Sus resultados están en el rango normal. No necesita hacer nada."),
		say("near", "Slightly outside, no action", "One value is a little outside the usual range. This is common and no cause for worry. We will look at it again at your next visit.",
			"Un valor está un poco fuera del rango normal. Es común y no es motivo de preocupación. Lo veremos otra vez en su próxima cita."),
		say("same", "No change", "Your results are about the same as last time. Please go on as before.",
			"Sus resultados son casi iguales a los de la última vez. Por favor, siga como hasta ahora."),
		say("better", "Better than before", "Your results are better than last time. Well done. Please keep going.",
			"Sus resultados son mejores que la última vez. Muy bien. Por favor, siga así."),
		say("repeat", "Repeat the test", "One value is outside the usual range. We would like to do this test again. Please call us to set a time.",
			"Un valor está fuera del rango normal. Queremos repetir esta prueba. Por favor, llámenos para fijar una hora."),
		say("visit", "Talk at a visit", "We would like to talk with you about this result. Please book a visit or call us.",
			"Queremos hablar con usted sobre este resultado. Por favor, pida una cita o llámenos."),
	}
}
