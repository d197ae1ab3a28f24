// Package lang says things in the reader's language: sentences, dates, times
// and numbers, and how hard an English text is to read.
//
// The English sentence is the key; what the catalogue does not have is said
// in English. Dates are written for the time's own place: convert with In
// before asking.
package lang

import (
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Lang is a language that pages are written in. The zero value is English.
type Lang string

// The languages.
const (
	English Lang = "en"
	Spanish Lang = "es"
)

//go:embed es/*.json
var spanish embed.FS

// catalogue returns the Spanish sentences by their English ones: one file for
// each part of the pages. They are read once, and a test reads them first.
var catalogue = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	files, err := spanish.ReadDir("es")
	if err != nil {
		return nil
	}
	for _, f := range files {
		body, err := spanish.ReadFile("es/" + f.Name())
		if err != nil || json.Unmarshal(body, &m) != nil {
			return nil
		}
	}
	return m
})

// Pick returns the first language that pages are written in: of the
// preferred tags first, then of an Accept-Language header.
func Pick(acceptLanguage string, preferred ...string) Lang {
	for _, tag := range preferred {
		if l, ok := known(tag); ok {
			return l
		}
	}
	best, weight := English, 0.0
	for part := range strings.SplitSeq(acceptLanguage, ",") {
		tag, params, _ := strings.Cut(part, ";")
		l, ok := known(tag)
		if q := quality(params); ok && q > weight {
			best, weight = l, q
		}
	}
	return best
}

// known returns the language of a BCP 47 tag.
func known(tag string) (Lang, bool) {
	tag = strings.ReplaceAll(strings.TrimSpace(tag), "_", "-")
	if l := Lang(tag); l.pseudo() {
		return l, true
	}
	primary, _, _ := strings.Cut(tag, "-")
	switch strings.ToLower(primary) {
	case "en":
		return English, true
	case "es":
		return Spanish, true
	}
	return English, false
}

// quality reads q=0.8; no q means 1 (RFC 9110 §12.4.2).
func quality(params string) float64 {
	v, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
	if !ok {
		return 1
	}
	q, err := strconv.ParseFloat(v, 64)
	if err != nil || q < 0 || q > 1 {
		return 0
	}
	return q
}

// Tag returns the BCP 47 tag for the lang attribute.
func (l Lang) Tag() string {
	switch l {
	case Spanish, Accented, Mirrored:
		return string(l)
	}
	return "en"
}

// T returns text in the language, with args in its fmt verbs. An unknown text
// stays English.
func (l Lang) T(text string, args ...any) string {
	switch {
	case l == Spanish:
		if s, ok := catalogue()[text]; ok {
			text = s
		}
	case l.pseudo():
		text = accent(text)
	}
	if len(args) == 0 {
		return text
	}
	said := fmt.Sprintf(text, args...)
	if l == Spanish { // "5:00 p. m." ends a sentence by itself
		said = strings.ReplaceAll(said, " m..", " m.")
	}
	return said
}

// Has says whether text has its own words in the language.
func (l Lang) Has(text string) bool {
	if l != Spanish {
		return true
	}
	_, ok := catalogue()[text]
	return ok
}

// N returns one or many, as the count asks, with the count as its argument.
func (l Lang) N(n int, one, many string) string {
	if n == 1 {
		return l.T(one, n)
	}
	return l.T(many, n)
}

// Date returns t with the day of the week: Tuesday, November 24.
func (l Lang) Date(t time.Time) string {
	if l == Spanish {
		return fmt.Sprintf("%s, %d de %s", daysES[t.Weekday()], t.Day(), monthsES[t.Month()])
	}
	return t.Format("Monday, January 2")
}

// LongDate returns Date with the year, for times that are not near.
func (l Lang) LongDate(t time.Time) string {
	if l == Spanish {
		return fmt.Sprintf("%s de %d", l.Date(t), t.Year())
	}
	return t.Format("Monday, January 2, 2006")
}

// ShortDate returns t as Nov 18, 2026.
func (l Lang) ShortDate(t time.Time) string {
	if l == Spanish {
		return fmt.Sprintf("%d %s %d", t.Day(), shortES(t.Month()), t.Year())
	}
	return t.Format("Jan 2, 2006")
}

// ShortDay returns t as Tue, Nov 24.
func (l Lang) ShortDay(t time.Time) string {
	if l == Spanish {
		return fmt.Sprintf("%s, %d %s", string([]rune(daysES[t.Weekday()])[:3]), t.Day(), shortES(t.Month()))
	}
	return t.Format("Mon, Jan 2")
}

// Clock returns the time of day: 9:40 am.
func (l Lang) Clock(t time.Time) string {
	if l == Spanish {
		return strings.NewReplacer("am", "a. m.", "pm", "p. m.").Replace(t.Format("3:04 pm"))
	}
	return t.Format("3:04 pm")
}

// Month returns the month, and the year where it is not that of now: May, or
// May 2025.
func (l Lang) Month(t, now time.Time) string {
	name := t.Format("January")
	year := " " + strconv.Itoa(t.Year())
	if l == Spanish {
		name, year = monthsES[t.Month()], " de "+strconv.Itoa(t.Year())
	}
	if t.Year() == now.Year() {
		return name
	}
	return name + year
}

// ShortMonth returns three letters of the month: Nov.
func (l Lang) ShortMonth(t time.Time) string {
	if l == Spanish {
		return shortES(t.Month())
	}
	return t.Format("Jan")
}

// Number returns v with at most digits decimals, and no zeros at its end
// that say nothing. United States Spanish writes the point as English does.
func (l Lang) Number(v float64, digits int) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	whole, frac, _ := strings.Cut(s, ".")
	if frac = strings.TrimRight(frac, "0"); frac != "" {
		frac = "." + frac
	}
	if whole == "-0" && frac == "" {
		return "0"
	}
	return group(whole) + frac
}

// Count returns n with its thousands apart: 12,400.
func (l Lang) Count(n int) string { return group(strconv.Itoa(n)) }

// group sets commas between thousands, from five digits on where it helps.
func group(whole string) string {
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return sign + whole
}

var daysES = [...]string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"}

var monthsES = [...]string{"", "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"}

func shortES(m time.Month) string { return monthsES[m][:3] }
