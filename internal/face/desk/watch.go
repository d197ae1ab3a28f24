package desk

import (
	"net/http"

	"hale/internal/access"
	"hale/internal/access/snoop"
)

// showWatch shows whether a record is watched more closely.
func (d *Desk) showWatch(w http.ResponseWriter, r *http.Request) error {
	return d.watchPage(w, r, http.StatusOK, "")
}

func (d *Desk) watchPage(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	id := r.PathValue("id")
	pass, err := d.one(r, access.ReviewAccess, id)
	if err != nil {
		return err
	}
	people, err := d.named(r, id)
	if err != nil {
		return err
	}
	if people[id].Full == "" {
		return errNowhere
	}
	f, err := d.Findings.Flag(r.Context(), pass)
	if err != nil {
		return err
	}
	v := watchView{Who: people[id].Full, Sub: "born " + bornWords(people[id].Born), On: f.On, Err: wrong}
	if f.SetBy != "" {
		who, err := d.accountName(r, f.SetBy, map[string]string{})
		if err != nil {
			return err
		}
		v.Set = "Since " + d.clock(f.SetAt) + ", by " + who + ": “" + f.Reason + "”"
	}
	return d.Site.Render(w, r, status, watchPage(d.view(r, "Watch a record", "patients"), v))
}

// setWatch begins or ends to watch a record.
func (d *Desk) setWatch(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.one(r, access.ReviewAccess, r.PathValue("id"))
	if err != nil {
		return err
	}
	err = d.Findings.SetFlag(r.Context(), pass, in.Get("on") == "1", in.Get("reason"))
	if status, say, ok := mended(err); ok {
		return d.watchPage(w, r, status, say)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/patients/"+r.PathValue("id")+"/watch", http.StatusSeeOther)
	return nil
}

// showOwn shows what is kept of somebody of the staff, to compare with
// patients.
func (d *Desk) showOwn(w http.ResponseWriter, r *http.Request) error {
	return d.ownPage(w, r, http.StatusOK, "")
}

func (d *Desk) ownPage(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	pass, err := d.all(r, access.ManageUsers)
	if err != nil {
		return err
	}
	a, err := d.Accounts.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if a.Kind != access.Staff {
		return errNowhere
	}
	o, err := d.Findings.Own(r.Context(), pass, a.ID)
	if err != nil {
		return err
	}
	v := ownView{Who: a.Name, Err: wrong, Own: o}
	if r.URL.Query().Get("note") == "kept" {
		v.Said = "Kept. Looks are compared with it from now on."
	}
	return d.Site.Render(w, r, status, ownPage(d.view(r, a.Name, "settings"), v))
}

// saveOwn keeps it.
func (d *Desk) saveOwn(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.ManageUsers)
	if err != nil {
		return err
	}
	o := snoop.Own{Account: r.PathValue("id"), Patient: cut(in.Get("record"), 64), Family: cut(in.Get("family"), 80), Line: cut(in.Get("line"), 120),
		Zip: cut(in.Get("zip"), 10), Phone: cut(in.Get("phone"), 30)}
	err = d.Findings.SetOwn(r.Context(), pass, o)
	if status, say, ok := mended(err); ok {
		return d.ownPage(w, r, status, say)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/users/"+o.Account+"/own?note=kept", http.StatusSeeOther)
	return nil
}

// fillTrust adds where what concerns this record's protection is done.
func (d *Desk) fillTrust(r *http.Request, id string, v *patientView) error {
	at := "/desk/patients/" + id
	if d.Holds != nil && opens(r, access.ReleaseResults) {
		pass, err := d.one(r, access.ReleaseResults, id)
		if err != nil {
			return err
		}
		list, err := d.Holds.Of(r.Context(), pass)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			v.Trust = append(v.Trust, linkRow{Href: "/desk/holds", Icon: "clock", Title: counted(len(list), "result waits", "results wait"),
				Sub: "The next opens " + d.clock(list[0].Until)})
		}
		v.Trust = append(v.Trust, linkRow{Href: at + "/hold", Icon: "pause", Title: "Hold a result", Sub: "To prevent harm, with a reason"})
	}
	if d.Emergencies != nil && opens(r, access.BreakGlass) {
		v.Trust = append(v.Trust, linkRow{Href: at + "/emergency", Icon: "triangle-alert", Title: "Emergency access", Sub: "Opens all of this record for an hour"})
	}
	if d.Helpers != nil && opens(r, access.SeeProxies) {
		v.Trust = append(v.Trust, linkRow{Href: at + "/proxies", Icon: "heart-handshake", Title: "Caregivers", Sub: "Who helps, add a caregiver"})
	}
	if d.Requests != nil && opens(r, access.AnswerPrivacy) {
		v.Trust = append(v.Trust, linkRow{Href: at + "/disclosures", Icon: "send", Title: "Disclosures", Sub: "Who got this record, outside the clinic"})
	}
	return nil
}

// trustRows are what protects records and needs the reader: reviews, and
// results that wait.
func (d *Desk) trustRows(r *http.Request) ([]taskRow, error) {
	rows, err := d.requestRows(r)
	if err != nil {
		return nil, err
	}
	more, err := d.helperRows(r)
	if err != nil {
		return nil, err
	}
	rows = append(rows, more...)
	if d.Emergencies != nil && d.Findings != nil && may(r, access.ReviewAccess) {
		more, err := d.reviewTasks(r)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	if d.Holds == nil || !may(r, access.AnswerPatients) {
		return rows, nil
	}
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return nil, err
	}
	list, err := d.Holds.Waits(r.Context(), pass, holdsMost)
	if err != nil || len(list) == 0 {
		return rows, err
	}
	return append(rows, taskRow{Href: "/desk/holds", Icon: "clock", Tone: "watch", N: len(list), Title: "Results that wait",
		Sub: "Please call these patients before the result opens. The next opens " + d.clock(list[0].Until)}), nil
}

// reviewTasks are the reviews that wait, the overdue ones loudest.
func (d *Desk) reviewTasks(r *http.Request) ([]taskRow, error) {
	pass, err := d.all(r, access.ReviewAccess)
	if err != nil {
		return nil, err
	}
	open, err := d.Emergencies.Waiting(r.Context(), pass, reviewsMost)
	if err != nil {
		return nil, err
	}
	found, err := d.Findings.Waiting(r.Context(), pass, reviewsMost)
	if err != nil {
		return nil, err
	}
	late := 0
	for _, o := range open {
		if o.Overdue(d.now()) {
			late++
		}
	}
	var rows []taskRow
	if late > 0 {
		rows = append(rows, taskRow{Href: "/desk/reviews", Icon: "triangle-alert", Tone: "act", N: late, Title: "Overdue reviews of emergency access",
			Sub: "More than a day old. Each must be reviewed within a day."})
	}
	if n := len(open) - late; n > 0 {
		rows = append(rows, taskRow{Href: "/desk/reviews", Icon: "triangle-alert", Tone: "watch", N: n, Title: "Emergency access to review", Sub: "Somebody opened a record in an emergency."})
	}
	if len(found) > 0 {
		rows = append(rows, taskRow{Href: "/desk/reviews", Icon: "eye", Tone: "watch", N: len(found), Title: "Looks that nothing explains", Sub: "No visit, message or care team is behind them."})
	}
	return rows, nil
}
