package desk

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/care/checkin"
	"hale/internal/care/visit"
)

// arriving is how far somebody is with checking in to their next visit.
type arriving struct {
	Href, When, Title string
	State, Tone       string
	Missing           string // what is not done yet; empty: nothing
}

// nextVisit is the visit of today that is not over, or else the next one.
func nextVisit(list []visit.Visit, now time.Time) (visit.Visit, bool) {
	list = slices.DeleteFunc(slices.Clone(list), func(v visit.Visit) bool {
		return !v.End.After(now) || v.Status != visit.Booked && v.Status != "arrived"
	})
	if len(list) == 0 {
		return visit.Visit{}, false
	}
	return slices.MinFunc(list, func(a, b visit.Visit) int { return a.Start.Compare(b.Start) }), true
}

// arrivingOf says what is missing from the check-in of the next visit, once
// it has opened.
func (d *Desk) arrivingOf(r *http.Request, pass access.Pass, patient string, list []visit.Visit) (*arriving, error) {
	v, ok := nextVisit(list, d.now())
	if d.CheckIns == nil || !ok || !checkin.Open(v, d.now()) {
		return nil, nil
	}
	state, err := d.CheckIns.Get(r.Context(), pass, v.ID)
	if err != nil {
		return nil, err
	}
	a := arriving{Href: visitHref(patient, v.ID), When: d.clock(v.Start), Title: v.Title}
	var missing []string
	for _, step := range checkin.Steps {
		if step != checkin.Arrive && !state.Has(step) {
			missing = append(missing, strings.ToLower(missingWord(step)))
		}
	}
	a.Missing = strings.Join(missing, ", ")
	switch {
	case v.Status == "arrived" || !state.Arrived.IsZero():
		a.State, a.Tone = "Here", "brand"
		if !state.Arrived.IsZero() {
			a.State = "Here since " + state.Arrived.In(d.Site.Clinic.Zone).Format("3:04 pm")
		}
	case len(missing) == 0:
		a.State, a.Tone = "Check-in is done", "good"
	case state.Begun.IsZero():
		a.State, a.Tone = "Check-in not begun", "watch"
	default:
		a.State, a.Tone = "Check-in begun", "watch"
	}
	return &a, nil
}

// missingWord names a step that is not done.
func missingWord(s checkin.Step) string {
	if s == checkin.Sign {
		return "Signature"
	}
	return checkWord(s)
}

// visitHref is the desk's page of a visit.
func visitHref(patient, id string) string { return "/desk/patients/" + patient + "/visits/" + id }

// arrivalTask says on the first page how many come today, and how far they
// are.
func (d *Desk) arrivalTask(r *http.Request) ([]taskRow, error) {
	if d.Agenda == nil || !may(r, access.AnswerVisits) {
		return nil, nil
	}
	pass, err := d.all(r, access.AnswerVisits)
	if err != nil {
		return nil, err
	}
	now := d.now().In(d.Site.Clinic.Zone)
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	list, err := d.Agenda.Stages(r.Context(), pass, day, day.AddDate(0, 0, 1))
	if err != nil {
		return nil, err
	}
	var all, here, ready int
	for _, g := range list {
		all += g.N
		switch {
		case g.Status == "arrived":
			here += g.N
		case checkin.State{Done: checkin.Parse(g.Steps)}.Ready(checkin.Steps):
			ready += g.N
		}
	}
	if all == 0 {
		return nil, nil
	}
	row := taskRow{Href: agendaPath, Icon: "calendar-days", N: all, Title: "Visits today", Sub: counted(all-here-ready, "has something to do before it", "have something to do before them")}
	if ready > 0 {
		row.Sub += ", " + counted(ready, "is checked in", "are checked in")
	}
	if here > 0 {
		row.Sub, row.Tone = counted(here, "person is here and waits", "people are here and wait")+"; "+row.Sub, "watch"
	}
	return []taskRow{row}, nil
}
