package portal

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/contact"
	"hale/internal/face/web"
)

// settingsData is what the settings page shows.
type settingsData struct {
	reach *reachData
	ours  bool // there is a page about our messages
	done  string
}

// reachData is how a patient wants to be reached, about everything.
type reachData struct {
	points   []contact.Point
	first    string // the channel that comes first, empty: no wish
	from, to int
	large    bool
}

// settings shows what the person can set.
func (s *SignIn) settings(w http.ResponseWriter, r *http.Request) error {
	a, _, err := signedIn(r)
	if err != nil {
		return err
	}
	var d settingsData
	if s.Contacts != nil && a.Patient != "" {
		if d.reach, err = s.reachOf(r, a); err != nil {
			return err
		}
	}
	d.ours = s.Phrases != nil && a.Patient != ""
	d.done = done(web.Lang(r), r.URL.Query().Get("done"))
	v := s.Site.View(r, web.Lang(r).T("Your settings"), "more")
	return s.framed(w, r, http.StatusOK, v, settingsBody(v, d))
}

func (s *SignIn) reachOf(r *http.Request, a access.Actor) (*reachData, error) {
	pass, err := s.Doors.Check(r.Context(), a, access.ReadContacts, a.Patient)
	if err != nil {
		return nil, err
	}
	d := &reachData{}
	if d.points, err = s.Contacts.Of(r.Context(), pass); err != nil {
		return nil, err
	}
	list, err := s.Contacts.Preferences(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(list, func(p contact.Preference) bool { return p.Topic == "*" }); i >= 0 {
		p := list[i]
		d.from, d.to, d.large = p.HourFrom, p.HourTo, p.LargePrint
		if len(p.Channels) > 0 {
			d.first = p.Channels[0]
		}
	}
	return d, nil
}

// channels are the ways to be reached first, with their words.
func channels(l lang.Lang) []struct{ ID, Words string } {
	return []struct{ ID, Words string }{
		{"sms", l.T("By text")}, {"email", l.T("By email")}, {"inbox", l.T("Only here, when I sign in")}, {"", l.T("As you think best")},
	}
}

// hours are the times of day to choose from.
func hours() []int { return []int{7, 8, 9, 10, 12, 14, 16, 17, 18, 19, 20, 21} }

var errReach = errs.New(errs.Invalid, "Please choose one of the ways we offer.")

// setReach keeps how the person wants to be reached.
func (s *SignIn) setReach(w http.ResponseWriter, r *http.Request) error {
	a := web.Actor(r)
	if a.ID == "" {
		return errSignIn
	}
	if s.Contacts == nil {
		return errNoPage
	}
	pass, err := s.Doors.Check(r.Context(), a, access.EditContacts, a.Patient)
	if err != nil {
		return err
	}
	p := contact.Preference{Topic: "*", LargePrint: r.PostFormValue("large") != "", Lang: web.Lang(r).Tag()}
	p.HourFrom, _ = strconv.Atoi(r.PostFormValue("from"))
	p.HourTo, _ = strconv.Atoi(r.PostFormValue("to"))
	switch first := r.PostFormValue("first"); first {
	case "":
	case "sms":
		p.Channels = []string{"sms", "email", "inbox"}
	case "email":
		p.Channels = []string{"email", "sms", "inbox"}
	case "inbox":
		p.Channels = []string{"inbox"}
	default:
		return errReach
	}
	if err := s.Contacts.SetPreference(r.Context(), pass, p); err != nil {
		return err
	}
	return s.settled(w, r, "reach")
}

var errNoPage = errs.New(errs.NotFound, "There is no page at this address.")

// setLanguage sets the language of the account and of this browser.
func (s *SignIn) setLanguage(w http.ResponseWriter, r *http.Request) error {
	a := web.Actor(r)
	if a.ID == "" {
		return errSignIn
	}
	l := lang.Pick("", r.PostFormValue("lang"))
	if err := s.Accounts.SetLang(r.Context(), a.ID, l); err != nil {
		return err
	}
	s.Site.SetLang(w, l.Tag())
	return s.settled(w, r, "language")
}

// settled goes back to the settings, which say what was done.
func (s *SignIn) settled(w http.ResponseWriter, r *http.Request, what string) error {
	http.Redirect(w, r, "/settings?done="+what, http.StatusSeeOther)
	return nil
}

// done says in words what was done; any other text of a query says nothing.
func done(l lang.Lang, what string) string {
	switch what {
	case "passkey":
		return l.T("Your passkey is ready. Next time, just use it to sign in.")
	case "removed":
		return l.T("The passkey is removed.")
	case "reach":
		return l.T("Saved. This is how we will reach you.")
	case "language":
		return l.T("The language is changed.")
	case "device":
		return l.T("Done. That device is signed out.")
	case "others":
		return l.T("Done. You are signed in here only.")
	case "forgotten":
		return l.T("Done. We no longer know that device.")
	case "password":
		return l.T("Your password is set.")
	case "nopassword":
		return l.T("The password is removed.")
	case "app":
		return l.T("Your authenticator app is ready.")
	case "noapp":
		return l.T("The authenticator app is removed.")
	case "moving":
		return l.T("Your code was right. We told your old address. The new one counts after the waiting time.")
	case "notmoving":
		return l.T("Done. Nothing changes.")
	}
	return ""
}

// cutOn parts a device's browser from its system.
func cutOn(device string) (browser, system string, ok bool) { return strings.Cut(device, " on ") }
