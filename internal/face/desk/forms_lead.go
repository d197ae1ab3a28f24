package desk

import (
	"net/http"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	forms "hale/internal/care/form"
	"hale/internal/care/patient"
	"hale/internal/face/question"
)

// leadView is what a stranger sent.
type leadView struct {
	forms.Lead
	When, Done string
	Lines      []question.Line
	Alike      []leadMatch // who it could be
	Said, Err  string
	Agreed     string // the words that they agreed to
	AgreedIn   string // and their language
}

// leadMatch is a patient who could have sent a lead.
type leadMatch struct {
	ID, Name, Sub string
	Why           string
}

// showLead shows what a stranger sent, beside the patients it could be of.
func (d *Desk) showLead(w http.ResponseWriter, r *http.Request) error {
	return d.renderLead(w, r, http.StatusOK, "")
}

func (d *Desk) renderLead(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	pass, err := d.all(r, clerkRight(r))
	if err != nil {
		return err
	}
	l, err := d.Forms.Lead(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	v := leadView{Lead: l, When: d.clock(l.SentAt), Err: problem}
	if v.Agreed, v.AgreedIn, err = d.Forms.AgreedTo(r.Context(), pass, l.ID); err != nil {
		return err
	}
	if !l.DoneAt.IsZero() {
		v.Done = d.clock(l.DoneAt)
	}
	for _, line := range l.Filled.Lines {
		v.Lines = append(v.Lines, question.Line{Text: line.Text, Group: line.Group, Answers: question.Words(lang.English, line.Answers)})
	}
	if l.State == "new" {
		if v.Alike, err = d.alike(r, l.Who); err != nil {
			return err
		}
	}
	return d.Site.Render(w, r, status, leadPage(d.view(r, l.Title+" from the web", "forms"), v))
}

// alike returns the patients with the same birth date and a name alike, and
// those with the same phone number.
func (d *Desk) alike(r *http.Request, who forms.Identity) ([]leadMatch, error) {
	find, err := d.all(r, access.FindPatients)
	if err != nil {
		return nil, err
	}
	var list []leadMatch
	seen := map[string]bool{}
	add := func(q, why string) error {
		if q == "" {
			return nil
		}
		found, err := d.find(r, find, q)
		if err != nil {
			return err
		}
		for _, p := range found {
			if !seen[p.ID] && len(list) < 10 {
				seen[p.ID] = true
				list = append(list, leadMatch{ID: p.ID, Name: p.Full, Sub: bornAt(p), Why: why})
			}
		}
		return nil
	}
	both := ""
	if who.Name != "" && who.Born != "" {
		both = who.Name + " " + who.Born
	}
	for _, try := range [...][2]string{{both, "same name and date of birth"}, {who.Phone, "same phone number"}, {who.Born, "same date of birth"}, {who.Name, "same name"}} {
		if err := add(try[0], try[1]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func bornAt(p patient.Person) string {
	line := "born " + bornWords(p.Born)
	if p.MRN != "" {
		line += ", MRN " + p.MRN
	}
	return line
}

// settleLead links a lead to a patient, makes a patient of it, or puts it
// away.
func (d *Desk) settleLead(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	pass, err := d.all(r, clerkRight(r))
	if err != nil {
		return err
	}
	to, patient, note := r.PostFormValue("to"), r.PostFormValue("patient"), "linked"
	switch to {
	case "drop":
		if err := d.Forms.Drop(r.Context(), pass, id, cut(r.PostFormValue("reason"), 500)); err != nil {
			return d.leadTrouble(w, r, err)
		}
		http.Redirect(w, r, formsPath+"?note=dropped", http.StatusSeeOther)
		return nil
	case "new":
		if patient, err = d.Forms.Enrol(r.Context(), pass, id); err != nil {
			return d.leadTrouble(w, r, err)
		}
		note = "enrolled"
	}
	own, err := d.sender(r, patient)
	if err != nil {
		return err
	}
	a, err := d.Forms.Link(r.Context(), own, id)
	if err != nil {
		return d.leadTrouble(w, r, err)
	}
	http.Redirect(w, r, formsPath+"/responses/"+a.ID+"?note="+note, http.StatusSeeOther)
	return nil
}

func (d *Desk) leadTrouble(w http.ResponseWriter, r *http.Request, err error) error {
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.Conflict {
		return d.renderLead(w, r, http.StatusUnprocessableEntity, errs.Say(err))
	}
	return err
}

// leadRows are the forms from the web, for the queue.
func (d *Desk) leadRows(r *http.Request, pass access.Pass) ([]queueRow, error) {
	if d.Forms == nil {
		return nil, nil
	}
	list, err := d.Forms.Leads(r.Context(), pass, queueMost)
	if err != nil {
		return nil, err
	}
	var rows []queueRow
	for _, l := range list {
		row := queueRow{Href: formsPath + "/leads/" + l.ID, Icon: "clipboard-list", Who: l.Who.Name, Title: l.Title, Sub: "from the web " + ago(l.SentAt, d.now())}
		due := d.Tasks.By(l.SentAt, soonest)
		if l.Alarm {
			row.Sub, due = "from the web, an answer cannot wait", l.SentAt
		}
		rows = append(rows, d.dated(row, due))
	}
	return rows, nil
}
