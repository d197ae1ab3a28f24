package desk

import (
	"net/http"
	"net/url"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/checkin"
	"hale/internal/care/task"
	"hale/internal/care/visit"
)

// deskVisit is one visit as the desk sees it.
type deskVisit struct {
	Path, Patient, Name  string
	Title, When, Sub     string
	Chip, Tone           string
	Facts                [][2]string
	Steps                []stepMark
	Marks                []option // what can be noted now
	Movable              bool
	Times                []option
	Err, Said, Back, Why string
}

// stepMark is one step of checking in.
type stepMark struct {
	Name string
	Done bool
}

// visitOf opens a visit of a patient at the desk.
func (d *Desk) visitOf(r *http.Request) (access.Pass, visit.Visit, error) {
	pass, err := d.one(r, access.BookVisits, r.PathValue("id"))
	if err != nil {
		return pass, visit.Visit{}, err
	}
	v, err := d.Agenda.Get(r.Context(), pass, r.PathValue("visit"))
	return pass, v, err
}

// showVisit is one visit.
func (d *Desk) showVisit(w http.ResponseWriter, r *http.Request) error {
	return d.renderVisit(w, r, http.StatusOK, "", "")
}

func (d *Desk) renderVisit(w http.ResponseWriter, r *http.Request, status int, problem, why string) error {
	pass, v, err := d.visitOf(r)
	if err != nil {
		return err
	}
	names, err := d.fullNames(r, []string{v.Patient})
	if err != nil {
		return err
	}
	zone := d.Site.Clinic.Zone
	view := deskVisit{Path: "/desk/patients/" + url.PathEscape(v.Patient) + "/visits/" + url.PathEscape(v.ID), Patient: v.Patient, Name: names[v.Patient],
		Title: v.Title, When: v.Start.In(zone).Format("Monday, January 2, 3:04 pm"), Err: problem, Why: why, Said: noteOf(r), Back: agendaHref(v.Start.In(zone), false, "")}
	view.Chip, view.Tone = visitChip(v, d.now())
	more, err := d.Agenda.Detail(r.Context(), pass, v.ID)
	if err != nil {
		return err
	}
	for _, f := range [][2]string{{"With", v.With}, {"Where", v.Where}, {"Booked", strings.TrimPrefix(viaWord(v.Via), "booked ")}, {"Comes along", more.Who}, {"Call on the day", more.Phone}, {"Cancelled because", more.Reason}} {
		if f[1] != "" {
			view.Facts = append(view.Facts, f)
		}
	}
	if err := d.fillVisit(r, pass, v, &view); err != nil {
		return err
	}
	title := view.Name + ", " + view.Title
	return d.Site.Render(w, r, status, visitPage(d.view(r, title, "schedule"), view))
}

// fillVisit adds what can be done with a visit now, and how far checking in
// came.
func (d *Desk) fillVisit(r *http.Request, pass access.Pass, v visit.Visit, view *deskVisit) error {
	for _, m := range []option{{string(visit.MarkArrived), "Has arrived"}, {string(visit.MarkDone), "Visit is done"}, {string(visit.MarkNoShow), "Did not come"}, {string(visit.MarkBooked), "Take the mark back"}} {
		if visit.Markable(v.Status, visit.Mark(m.Value)) {
			view.Marks = append(view.Marks, m)
		}
	}
	if view.Movable = v.Status == visit.Booked && v.Start.After(d.now()); view.Movable {
		free, err := d.Agenda.Slots(r.Context(), v.Service, d.now(), 40)
		if err != nil {
			return err
		}
		for _, s := range free {
			text := d.clock(s.Start)
			if s.With != "" {
				text += ", " + s.With
			}
			view.Times = append(view.Times, option{Value: s.ID, Text: text})
		}
	}
	if d.CheckIns == nil {
		return nil
	}
	state, err := d.CheckIns.Get(r.Context(), pass, v.ID)
	if err != nil || state.Begun.IsZero() {
		return err
	}
	for _, s := range checkin.Steps {
		view.Steps = append(view.Steps, stepMark{Name: checkWord(s), Done: state.Has(s)})
	}
	return nil
}

func checkWord(s checkin.Step) string {
	switch s {
	case checkin.You:
		return "Details"
	case checkin.Insurance:
		return "Insurance card"
	case checkin.Medicines:
		return "Medicines"
	case checkin.Forms:
		return "Forms"
	case checkin.Sign:
		return "Signed"
	}
	return "Arrived"
}

// after leads back to the visit, or shows it with what was wrong.
func (d *Desk) after(w http.ResponseWriter, r *http.Request, note, why string, err error) error {
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict) {
		return d.renderVisit(w, r, http.StatusUnprocessableEntity, errs.Say(err), why)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/patients/"+url.PathEscape(r.PathValue("id"))+"/visits/"+url.PathEscape(r.PathValue("visit"))+"?note="+note, http.StatusSeeOther)
	return nil
}

// markVisit notes that somebody came, did not come, or is done.
func (d *Desk) markVisit(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, v, err := d.visitOf(r)
	if err != nil {
		return err
	}
	return d.after(w, r, "marked", "", d.Agenda.MarkAs(r.Context(), pass, v.ID, visit.Mark(in.Get("mark"))))
}

// cancelVisit cancels a visit, with words for the patient.
func (d *Desk) cancelVisit(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, v, err := d.visitOf(r)
	if err != nil {
		return err
	}
	why := strings.TrimSpace(strings.ToValidUTF8(in.Get("why"), ""))
	return d.after(w, r, "cancelled", why, d.Agenda.CancelFor(r.Context(), pass, v.ID, why))
}

// moveVisit moves a visit to another time.
func (d *Desk) moveVisit(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, v, err := d.visitOf(r)
	if err != nil {
		return err
	}
	_, err = d.Agenda.MoveFor(r.Context(), pass, v.ID, in.Get("slot"))
	return d.after(w, r, "moved", "", err)
}

// checkinPanel shows what changed in somebody's details or medicines, and lets
// details go into the record with one button.
func (d *Desk) checkinPanel(_ *http.Request, _ access.Pass, t task.Task) (panel, error) {
	if t.Values["about"] != "details" {
		return panel{Body: visitLink(t.Patient, t.Values["visit"])}, nil
	}
	var rows [][3]string
	for _, f := range checkin.Fields {
		if now := t.Values["now-"+f.Key]; now != "" {
			rows = append(rows, [3]string{f.Name, t.Values["was-"+f.Key], now})
		}
	}
	return panel{Body: detailsPanel(t.Patient, t.ID, rows, t.Status.Open() && d.CheckIns != nil)}, nil
}

// cardPanel leads to the photos of a card.
func (d *Desk) cardPanel(r *http.Request, _ access.Pass, t task.Task) (panel, error) {
	if !opens(r, access.ReadRecord) && clerkRight(r) != access.AnswerVisits { // photos are documents of the record
		return panel{Body: cardLinks(t.Patient, "", "", t.Values["visit"])}, nil
	}
	return panel{Body: cardLinks(t.Patient, t.Values["front"], t.Values["back"], t.Values["visit"])}, nil
}

// applyDetails writes new details into the record.
func (d *Desk) applyDetails(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.one(r, access.AnswerVisits, r.PathValue("id"))
	if err != nil {
		return err
	}
	edit, err := d.one(r, access.EditContacts, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := d.CheckIns.Apply(r.Context(), pass, edit, r.PathValue("task")); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/queue?note=applied", http.StatusSeeOther)
	return nil
}
