package portal

import (
	"context"
	"net/http"

	"github.com/a-h/templ"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
)

// Phrases keeps the words by which a patient knows our messages.
type Phrases interface {
	Phrase(ctx context.Context, pass access.Pass) (string, error)
	SetPhrase(ctx context.Context, pass access.Pass, phrase string) error
}

// Reports keeps whether mails may report anything.
type Reports interface {
	SetTracking(ctx context.Context, pass access.Pass, off bool) error
}

// phraseData is what the page about our messages shows.
type phraseData struct {
	Phrase, Wrong string
	Off           bool // mails report nothing
	Done          string
}

// own returns a pass of the patient who is signed in, on their own record.
func (s *SignIn) own(r *http.Request, right access.Right) (access.Pass, error) {
	a := web.Actor(r)
	switch {
	case a.ID == "":
		return access.Pass{}, errSignIn
	case a.Patient == "" || s.Phrases == nil || s.Reports == nil:
		return access.Pass{}, errNoPage
	}
	return s.Doors.Check(r.Context(), a, right, a.Patient)
}

// askPhrase is the page about our messages.
func (s *SignIn) askPhrase(w http.ResponseWriter, r *http.Request) error {
	return s.showPhrase(w, r, http.StatusOK, phraseData{Done: r.URL.Query().Get("done")})
}

func (s *SignIn) showPhrase(w http.ResponseWriter, r *http.Request, status int, d phraseData) error {
	pass, err := s.own(r, access.EditContacts)
	if err != nil {
		return err
	}
	if d.Wrong == "" {
		if d.Phrase, err = s.Phrases.Phrase(r.Context(), pass); err != nil {
			return err
		}
	}
	read, err := s.own(r, access.ReadContacts)
	if err != nil {
		return err
	}
	list, err := s.Contacts.Preferences(r.Context(), read)
	if err != nil {
		return err
	}
	for _, p := range list {
		d.Off = d.Off || p.Topic == "*" && p.Untracked
	}
	v := s.Site.View(r, web.Lang(r).T("Our messages to you"), "more")
	return s.framed(w, r, status, v, phraseBody(v, d))
}

// setPhrase keeps the words that the patient chose.
func (s *SignIn) setPhrase(w http.ResponseWriter, r *http.Request) error {
	pass, err := s.own(r, access.EditContacts)
	if err != nil {
		return err
	}
	phrase := r.PostFormValue("phrase")
	err = s.Phrases.SetPhrase(r.Context(), pass, phrase)
	if errs.KindOf(err) == errs.Invalid {
		return s.showPhrase(w, r, http.StatusUnprocessableEntity, phraseData{Phrase: phrase, Wrong: errs.Say(err)})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/settings/messages?done=phrase", http.StatusSeeOther)
	return nil
}

// setReports keeps whether our mails may report anything.
func (s *SignIn) setReports(w http.ResponseWriter, r *http.Request) error {
	pass, err := s.own(r, access.EditContacts)
	if err != nil {
		return err
	}
	if err := s.Reports.SetTracking(r.Context(), pass, r.PostFormValue("off") == "1"); err != nil {
		return err
	}
	http.Redirect(w, r, "/settings/messages?done=reports", http.StatusSeeOther)
	return nil
}

// phraseBox says of the box whether it is wrong.
func phraseBox(wrong string) templ.Attributes {
	if wrong == "" {
		return templ.Attributes{"aria-describedby": "phrase-hint"}
	}
	return templ.Attributes{"aria-describedby": "phrase-err phrase-hint", "aria-invalid": "true", "autofocus": true}
}
