// Package template writes messages: a text with fields in it becomes what
// one person reads on one channel.
//
// The language is closed: {{ field }} with the filters default and require,
// nothing else. Each field says how much it gives away, and a text that
// gives away more than its channel may carry is refused before it is kept.
package template

import "hale/internal/reach/policy"

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
}

// Part is the text for one channel in one language.
type Part struct {
	Channel string `json:"channel"` // page, email, sms
	Lang    string `json:"lang"`    // en, es
	Subject string `json:"subject,omitempty"`
	Body    string `json:"body"`
}

// Problem is something that has to change before a template can be used.
type Problem struct {
	Part  string // page/en
	Words string
}
