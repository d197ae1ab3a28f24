// Package template writes messages: a text with fields in it becomes what
// one person reads on one channel.
//
// The language is closed and small, a strict part of Liquid: {{ field }} with
// filters, if, unless, case, for over bounded lists, comments. Every field has
// a type and says how much it gives away; a text that could show more than
// its channel may carry, or says nothing for a value that may be missing, is
// refused before it is kept. Lines that begin with "- " are lists, with "# "
// headings, and [words]({{ link }}) is a link, or a button where it stands
// alone. No rendering goes on for long: lists, steps and length are bounded.
package template

import (
	"slices"

	"hale/internal/reach/policy"
)

// Where a part is read. Page is what the link and the portal's inbox show.
const (
	Page  = "page"
	Email = "email"
	SMS   = "sms"
)

// Template is what an outreach says: one page in each language, and, where
// the author wants it, an own text for e-mail and for texts. Where there is
// none, the e-mail says what the page says and the text is the neutral one.
type Template struct {
	Sensitivity policy.Class `json:"sensitivity"`
	Parts       []Part       `json:"parts"`
	Extra       []Field      `json:"fields,omitempty"` // values that whoever starts it brings along
}

// fields are those that the parts of t may name.
func (t Template) fields() []Field {
	if len(t.Extra) == 0 {
		return everywhere
	}
	return slices.Concat(everywhere, t.Extra)
}

// everywhere are the fields of every text.
var everywhere = Fields()

// Part is the text for one channel in one language.
type Part struct {
	Channel string `json:"channel"` // page, email, sms
	Lang    string `json:"lang"`    // en, es
	Subject string `json:"subject,omitempty"`
	Body    string `json:"body"`
	Preview string `json:"preview,omitempty"` // what an e-mail shows beside its subject; empty: a neutral line
}
