// Package translation holds what the clinic wrote to patients in the words of
// their own language: messages, answers to what they asked, and what somebody
// said about results.
//
// A patient never waits for a translation: the words as they were written are
// there at once. A member of staff whom the clinic qualified for the language
// writes the translation and signs that it says the same; no machine does.
//
// Spec: https://www.ecfr.gov/current/title-45/part-92/section-92.201
// Spec: http://hl7.org/fhir/R4/extension-translation.html
package translation

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hale/internal/base/errs"
)

// Language is one that patients read, by its tag and its English name.
type Language struct {
	Tag  string // BCP 47, the language alone
	Name string // as a key of the catalogue: Spanish
}

// Languages are those that can be asked for, English aside, by name.
func Languages() []Language {
	return []Language{
		{"sq", "Albanian"}, {"am", "Amharic"}, {"ar", "Arabic"}, {"hy", "Armenian"}, {"bn", "Bengali"}, {"zh", "Chinese"}, {"fr", "French"}, {"de", "German"},
		{"el", "Greek"}, {"gu", "Gujarati"}, {"ht", "Haitian Creole"}, {"he", "Hebrew"}, {"hi", "Hindi"}, {"hmn", "Hmong"}, {"it", "Italian"}, {"ja", "Japanese"},
		{"km", "Khmer"}, {"ko", "Korean"}, {"ne", "Nepali"}, {"fa", "Persian"}, {"pl", "Polish"}, {"pt", "Portuguese"}, {"pa", "Punjabi"}, {"ru", "Russian"},
		{"so", "Somali"}, {"es", "Spanish"}, {"sw", "Swahili"}, {"tl", "Tagalog"}, {"th", "Thai"}, {"tr", "Turkish"}, {"uk", "Ukrainian"}, {"ur", "Urdu"}, {"vi", "Vietnamese"},
	}
}

// Of returns the language of a tag such as es-MX; false for English and for
// one that nobody can be asked to translate into.
func Of(tag string) (Language, bool) {
	first, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(strings.TrimSpace(tag), "_", "-")), "-")
	list := Languages()
	i := slices.IndexFunc(list, func(l Language) bool { return l.Tag == first })
	if i < 0 {
		return Language{}, false
	}
	return list[i], true
}

// The sorts of what can be translated, as types of the record.
const (
	Message = "Communication"
	Report  = "DiagnosticReport" // what somebody said about results
	Answer  = "Task"             // what was answered when a request was closed
)

// Translation is how far the translation of one thing is.
type Translation struct {
	Lang    string // BCP 47
	Text    string // empty: it is still coming, or it was refused
	By      string // who translated and reviewed it; empty: the record does not say
	At      time.Time
	Asked   time.Time // zero: it came with the record
	Raised  time.Time // when it was raised because it is late; zero: never
	Refused bool      // nobody translates it any more
}

// Coming says whether somebody still works on it.
func (t Translation) Coming() bool { return t.Text == "" && !t.Refused }

// Work is a translation that somebody asked for.
type Work struct {
	ID, Patient string
	Type        string // Message, Report or Answer
	Target      string // its id
	Lang        string
	AskedBy     string // an account
	Asked, Due  time.Time
	Owner       string // the account of who has it; empty: whoever can
	Closed      time.Time
	ClosedBy    string    // an account
	Why         string    // why nobody translates it; empty where somebody did
	Raised      time.Time // when it was raised because its time was over; zero: never
	RaisedTo    string    // an account; empty: all who translate
	RaisedName  string
}

// Text is a piece of work, opened.
type Text struct {
	Work
	Original string // the words to be translated
	By       string // who wrote them; empty: the record does not say
	Version  int64  // of the resource that they stand in
}

// mostWords is how long a translation may be, in letters: twice the longest
// message.
const mostWords = 10000

var (
	errNoWork  = errs.New(errs.NotFound, "There is no such translation. Somebody may have finished it.")
	errWords   = errs.New(errs.Invalid, "Please write the translation first.")
	errLong    = errs.New(errs.Invalid, "The translation is too long. Please use fewer words.")
	errSigned  = errs.New(errs.Invalid, "Please sign: say that you read both texts and that they say the same.")
	errNotYou  = errs.New(errs.Forbidden, "You are not down as somebody who may translate into this language. An administrator sets that under People who work here.")
	errSame    = errs.New(errs.Invalid, "This is the text as it was written. Please write it in the patient’s language.")
	errLang    = errs.New(errs.Invalid, "Please choose languages from the list.")
	errChanged = errs.New(errs.Conflict, "The words were changed in the meantime. Please look at them again.")
	errNobody  = errs.New(errs.Conflict, "Nobody here may translate into this language yet. Please write in it yourself, or send the words as they are.")
	errWhy     = errs.New(errs.Invalid, "Please say why it cannot be translated. Your colleagues read it.")
)

// check tidies a translation and refuses what cannot be one.
func check(text, original string, signed bool) (string, error) {
	text = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\r\n", "\n"))
	switch {
	case text == "":
		return "", errWords
	case utf8.RuneCountInString(text) > mostWords:
		return "", errLong
	case text == strings.TrimSpace(original):
		return "", errSame
	case !signed:
		return "", errSigned
	}
	return text, nil
}
