package desk

import (
	"net/http"
	"strings"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/care/patient"
	"hale/internal/face/web"
)

// assistRoutes are the pages for helping a patient to sign in.
func (d *Desk) assistRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/patients/{id}/signin", d.askAssist)
	page("POST /desk/patients/{id}/signin", d.assist)
	page("POST /desk/patients/{id}/signout", d.signOutPatient)
	page("GET /desk/assists", d.listAssists)
	page("POST /desk/assists/{help}", d.approveAssist)
}

// assistView is what the page for helping somebody in shows.
type assistView struct {
	Patient, Name string
	Sessions      []account.Session
	Account       bool
	Proof, Reason string
	Error, Done   string
	Waiting       []account.Help
}

// ids are what a person can show at the desk.
func idCards() []string {
	return []string{"Driver’s license", "Passport", "State ID card", "Known to me in person, with insurance card", "Video call, ID held to the camera"}
}

// helped finds whom a page is about: the pass to help, the person, and the
// account if there is one.
func (d *Desk) helped(r *http.Request) (access.Pass, patient.Person, account.Account, error) {
	id := r.PathValue("id")
	pass, err := d.all(r, access.AnswerVisits)
	if err != nil {
		return pass, patient.Person{}, account.Account{}, err
	}
	one, err := d.one(r, access.ReadContacts, id)
	if err != nil {
		return pass, patient.Person{}, account.Account{}, err
	}
	person, err := d.Patients.Get(r.Context(), one)
	if err != nil {
		return pass, person, account.Account{}, err
	}
	a, err := d.Members.OfPatient(r.Context(), id)
	if errs.KindOf(err) == errs.NotFound {
		err = nil
	}
	return pass, person, a, err
}

func (d *Desk) askAssist(w http.ResponseWriter, r *http.Request) error {
	return d.showAssist(w, r, http.StatusOK, assistView{})
}

func (d *Desk) showAssist(w http.ResponseWriter, r *http.Request, status int, v assistView) error {
	_, person, a, err := d.helped(r)
	if err != nil {
		return err
	}
	v.Patient, v.Name, v.Account = r.PathValue("id"), person.Full, a.ID != ""
	if v.Account {
		if v.Sessions, err = d.Members.Sessions(r.Context(), a.ID); err != nil {
			return err
		}
	}
	if r.URL.Query().Get("done") == "signout" {
		v.Done = "Signed out everywhere."
	}
	return d.Site.Render(w, r, status, assistPage(d.view(r, "Help "+person.Full+" sign in", "patients"), v))
}

// assist makes the code, or asks for a colleague's word where the person is
// watched more closely.
func (d *Desk) assist(w http.ResponseWriter, r *http.Request) error {
	pass, person, a, err := d.helped(r)
	if err != nil {
		return err
	}
	v := assistView{Proof: r.PostFormValue("proof"), Reason: strings.TrimSpace(r.PostFormValue("reason"))}
	if v.Proof == "" || v.Reason == "" {
		v.Error = "Please say which ID you saw and why the person needs help."
		return d.showAssist(w, r, http.StatusUnprocessableEntity, v)
	}
	if a.ID == "" {
		a, err = d.Members.Add(r.Context(), account.Account{Kind: access.Patient, Name: person.Full, Patient: r.PathValue("id"), Lang: person.Lang})
		if err != nil {
			return err
		}
	}
	help, err := d.Members.Assist(r.Context(), pass, a.ID, v.Proof, v.Reason)
	if errs.KindOf(err) == errs.Invalid {
		v.Error = errs.Say(err)
		return d.showAssist(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return d.showCode(w, r, help)
}

// showCode shows the code, this once, on a page that prints as a card.
func (d *Desk) showCode(w http.ResponseWriter, r *http.Request, h account.Help) error {
	title := "A code for " + h.Account.Name
	if h.Code == "" {
		title = "A colleague confirms this first"
	}
	until := h.Expires.In(d.Site.Clinic.Zone).Format("3:04 pm")
	return d.Site.Render(w, r, http.StatusOK, codePage(d.view(r, title, "patients"), h, until, strings.TrimPrefix(strings.TrimPrefix(d.Base, "https://"), "http://")+"/help/signin"))
}

func (d *Desk) signOutPatient(w http.ResponseWriter, r *http.Request) error {
	_, _, a, err := d.helped(r)
	if err != nil {
		return err
	}
	if a.ID != "" {
		if err := d.Members.RevokeAll(r.Context(), a.ID); err != nil {
			return err
		}
	}
	http.Redirect(w, r, "/desk/patients/"+r.PathValue("id")+"/signin?done=signout", http.StatusSeeOther)
	return nil
}

// listAssists shows what waits for a second member of staff.
func (d *Desk) listAssists(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerVisits)
	if err != nil {
		return err
	}
	list, err := d.Members.Assists(r.Context(), pass)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, assistsPage(d.view(r, "Waiting for a second word", "patients"), list, web.Actor(r).ID))
}

func (d *Desk) approveAssist(w http.ResponseWriter, r *http.Request) error {
	right := access.AnswerVisits
	if !may(r, right) {
		right = access.ManageUsers
	}
	pass, err := d.all(r, right)
	if err != nil {
		return err
	}
	help, err := d.Members.ApproveAssist(r.Context(), pass, r.PathValue("help"))
	if err != nil {
		return err
	}
	return d.showCode(w, r, help)
}
