package web

import (
	"context"
	"net/http"

	"github.com/a-h/templ"

	"hale/internal/base/lang"
)

// Speaking is where the choice of language that a page offers leads.
type Speaking struct {
	Next string // the page, as it can be looked at again
	To   string // what takes the choice instead, for a page that only answers a form; it calls Speak

	Form   string   // the id of the form whose fields go along to To
	Fields []Hidden // that go along to To, for a page that carries what was sent before
}

// Hidden is one field of a form as it was sent.
type Hidden struct{ Name, Value string }

// The names that choices go to To by: no field of a form is called so.
const (
	speakLang = "say-lang"
	speakSize = "say-size"
)

// Speak keeps what somebody chose of the language and the letters on a page
// that only answers a form, and returns the request as it is answered now.
func (s *Site) Speak(w http.ResponseWriter, r *http.Request) (now *http.Request, chose bool) {
	if r.ParseForm() != nil {
		return r, false
	}
	if tag := r.PostForm.Get(speakLang); tag != "" {
		v := seen(r)
		v.lang, chose = lang.Pick("", tag), true
		s.SetLang(w, v.lang.Tag())
		r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
	}
	if r.PostForm.Has(speakSize) {
		d := Display{Calm: s.Display(r).Calm, Size: DisplayOf(r.PostForm.Get(speakSize), false).Size}
		s.SetDisplay(w, d)
		r, chose = r.WithContext(context.WithValue(r.Context(), displayKey{}, d)), true
	}
	return r, chose
}

// Spoken says whether a field is such a choice.
func Spoken(name string) bool { return name == speakLang || name == speakSize }

// LangName returns the name of a language in itself.
func LangName(l lang.Lang) string {
	if l == lang.Spanish {
		return "Español"
	}
	return "English"
}

// sizeName says what a choice of letters brings, and size is its value.
func (v View) sizeName() (size, name string) {
	if v.Site.Display(v.Req).Size == "" {
		return "large", v.T("Larger letters")
	}
	return "", v.T("Usual letters")
}

// sends returns where a button sends the choice: with the fields of a form
// that stands elsewhere, to where they are kept; or to another address than
// that of the form around it.
func (s Speaking) sends(other string) templ.Attributes {
	switch {
	case s.Form != "":
		return templ.Attributes{"form": s.Form, "formaction": s.To, "formenctype": "application/x-www-form-urlencoded"}
	case s.To == "" && other != "":
		return templ.Attributes{"formaction": other}
	}
	return nil
}
