package cli

import (
	"regexp"

	"hale/internal/app"
	"hale/internal/reach/policy"
)

// writingSettings is the section outreach of hale.toml: how texts are written
// and who has to agree.
type writingSettings struct {
	People  *int     `toml:"approve_from_people"`
	Class   *int     `toml:"approve_from_class"`
	Cents   float64  `toml:"text_cents"`
	Samples []string `toml:"registered_texts"`
	Langs   []string `toml:"languages"`
}

var languageTag = regexp.MustCompile(`^[a-z]{2}$`)

// into fills in the rules about texts, and says what is wrong with them.
func (w writingSettings) into(c *app.Config) (wrong []string) {
	c.Writing = app.Writing{Approve: app.DefaultApproval(), Cents: w.Cents, Samples: w.Samples, Langs: w.Langs}
	if w.People != nil {
		c.Writing.Approve.People = *w.People
	}
	if w.Class != nil {
		c.Writing.Approve.Class = policy.Class(*w.Class)
	}
	if c.Writing.Approve.People < 0 {
		wrong = append(wrong, "outreach.approve_from_people must be 0 (never) or more")
	}
	if class := c.Writing.Approve.Class; class < 0 || class > policy.S4 {
		wrong = append(wrong, "outreach.approve_from_class must be 0 (never) to 4")
	}
	if w.Cents < 0 || w.Cents > 1000 {
		wrong = append(wrong, "outreach.text_cents must be 0 to 1000")
	}
	for _, l := range w.Langs {
		if !languageTag.MatchString(l) {
			wrong = append(wrong, "outreach.languages must be tags of two letters: en, es")
		}
	}
	return wrong
}
