package desk

import (
	"net/http"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/care/translation"
	"hale/internal/face/web"
)

// staffLanguage is one language that a member of staff may translate into, or not.
type staffLanguage struct {
	Tag, Name string
	Has       bool
}

// spokenBy returns the languages with those of an account marked; none where
// nothing is translated here.
func (d *Desk) spokenBy(r *http.Request, account string) ([]staffLanguage, error) {
	if d.Translations == nil {
		return nil, nil
	}
	has, err := d.Translations.Speaks(r.Context(), account)
	if err != nil {
		return nil, err
	}
	var list []staffLanguage
	for _, l := range translation.Languages() {
		list = append(list, staffLanguage{Tag: l.Tag, Name: l.Name, Has: slices.Contains(has, l.Tag)})
	}
	return list, nil
}

// languageNames lists languages in words.
func languageNames(tags []string) string {
	var names []string
	for _, tag := range tags {
		names = append(names, translationLanguage(tag))
	}
	return strings.Join(names, ", ")
}

// saveLanguages says into which languages somebody may translate. Nobody says
// it of themselves.
func (d *Desk) saveLanguages(w http.ResponseWriter, r *http.Request) error {
	m, err := d.member(r)
	if err != nil {
		return err
	}
	if m.ID == web.Actor(r).ID {
		return errYourself
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.ManageUsers)
	if err != nil {
		return err
	}
	if err := d.Translations.SetSpeaks(r.Context(), pass, m.ID, in["language"]); err != nil {
		return err
	}
	return d.userDone(w, r, m.ID, "languages")
}
