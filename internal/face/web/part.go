package web

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// attributes returns what an input has beside its id and name.
func (f Field) attributes() templ.Attributes {
	a := templ.Attributes{"type": f.Type}
	if f.Type == "" {
		a["type"] = "text"
	}
	set := func(name, value string) {
		if value != "" {
			a[name] = value
		}
	}
	set("value", f.Value)
	set("inputmode", f.Mode)
	set("autocomplete", f.Complete)
	if f.Max > 0 {
		a["maxlength"] = strconv.Itoa(f.Max)
	}
	a["required"] = f.Required
	a["autofocus"] = f.Focus
	var about []string
	if f.Error != "" {
		a["aria-invalid"] = "true"
		about = append(about, f.ID+"-err")
	}
	if f.Hint != "" {
		about = append(about, f.ID+"-hint")
	}
	set("aria-describedby", strings.Join(about, " "))
	return a
}

// Born reads what Birthday sent as 1961-04-27; anything else is not ok.
func Born(form url.Values) (date string, ok bool) {
	number := func(name string, least, most int) int {
		n, err := strconv.Atoi(strings.TrimSpace(form.Get(name)))
		if err != nil || n < least || n > most {
			return 0
		}
		return n
	}
	y, m, d := number("y", 1850, 2200), number("m", 1, 12), number("d", 1, 31)
	if y == 0 || m == 0 || d == 0 {
		return "", false
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if t.Day() != d { // the 31st of a month that has none
		return "", false
	}
	return t.Format(time.DateOnly), true
}

// percent writes n, kept between 0 and 100, as a length for SVG.
func percent(n float64) string {
	if !(n > 0) { // NaN too
		n = 0
	}
	return strconv.FormatFloat(min(n, 100), 'f', 1, 64) + "%"
}

// Paragraphs divides a text at its empty lines.
func Paragraphs(text string) []string {
	var list []string
	for _, p := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			list = append(list, p)
		}
	}
	return list
}
