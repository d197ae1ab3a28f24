package portal

import (
	"context"
	"net/http"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/face/wishes"
	chosen "hale/internal/reach/choice"
)

// Choices is what the portal needs of package choice.
type Choices interface {
	Of(ctx context.Context, pass access.Pass, signedIn bool) (chosen.Choices, error)
	Save(ctx context.Context, read, edit access.Pass, c chosen.Choices, signedIn bool, method, evidence string) error
}

// wishRoutes adds the page, where choices are kept.
func (p *Portal) wishRoutes(both func(method, path string, h handler)) {
	if p.Choices != nil {
		both("GET", "/wishes", p.wishes)
		both("POST", "/wishes", p.setWishes)
	}
}

// wishes shows about what, how and how often somebody wants to be written to.
func (p *Portal) wishes(w http.ResponseWriter, r *http.Request) error {
	if p.Choices == nil {
		return errNoPage
	}
	s, pass, err := p.open(r, access.ReadContacts, "How we write to you", "more", access.EditContacts)
	if err != nil {
		return err
	}
	c, err := p.Choices.Of(r.Context(), pass, true)
	if err != nil {
		return err
	}
	return p.render(w, r, wishesPage(s, wishes.Data{Choices: c, Action: s.Link("/wishes")}, r.URL.Query().Get("done") == "1"))
}

var errWishes = errs.New(errs.Invalid, "We could not read that form. Please send it again.")

// setWishes keeps it.
func (p *Portal) setWishes(w http.ResponseWriter, r *http.Request) error {
	if p.Choices == nil {
		return errNoPage
	}
	c, err := wishes.Parse(r)
	if err != nil {
		return errWishes.Because(err)
	}
	passes, err := p.Doors.CheckMany(r.Context(), web.Actor(r), web.Subject(r), access.ReadContacts, access.EditContacts)
	if err != nil {
		return err
	}
	if err := p.Choices.Save(r.Context(), passes[0], passes[1], c, true, "portal", "choices page"); err != nil {
		return err
	}
	http.Redirect(w, r, p.Site.View(r, "", "").Link("/wishes?done=1"), http.StatusSeeOther)
	return nil
}
