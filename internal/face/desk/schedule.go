package desk

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach"
)

// Schedules is what the desk needs of the engine for starts that lie ahead.
type Schedules interface {
	Schedules(ctx context.Context, pass access.Pass) ([]reach.Schedule, error)
	SetSchedule(ctx context.Context, pass access.Pass, s reach.Schedule) error
	Answer(ctx context.Context, pass access.Pass, outreach string, send bool) error
	Unschedule(ctx context.Context, pass access.Pass, outreach string) error
}

func (d *Desk) scheduleRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/outreach/{id}/schedule", d.showSchedule)
	page("POST /desk/outreach/{id}/schedule", d.saveSchedule)
}

// showSchedule asks when an outreach starts by itself, or, where a start
// waits, what to do with it.
func (d *Desk) showSchedule(w http.ResponseWriter, r *http.Request) error {
	return d.drawSchedule(w, r, http.StatusOK, "")
}

func (d *Desk) drawSchedule(w http.ResponseWriter, r *http.Request, status int, why string) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	o, err := d.Reach.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	list, err := d.Schedules.Schedules(r.Context(), pass)
	if err != nil {
		return err
	}
	v := scheduleView{Path: path(o.ID) + "/schedule", Back: path(o.ID), Name: o.Name, Err: why, First: d.now().In(d.Site.Clinic.Zone).AddDate(0, 0, 1).Format("2006-01-02T09:00"), Late: string(reach.LateAsk)}
	for _, s := range list {
		if s.Outreach != o.ID {
			continue
		}
		v.Next, v.First, v.Every, v.Late, v.Gap = d.clock(s.Next), s.First.In(d.Site.Clinic.Zone).Format("2006-01-02T15:04"), s.Rule.Every, string(s.Late), zeroBlank(s.Rule.GapDays)
		switch {
		case s.Asked.IsZero():
		case s.Why == "restored":
			v.Asks = "The database was restored from a backup that knows less than has happened. This start may have gone out before."
		default:
			v.Asks = "Its time passed while Hale was not running."
		}
	}
	return d.Site.Render(w, r, status, schedulePage(d.view(r, "When "+o.Name+" starts", "outreach"), v))
}

// saveSchedule keeps the times, answers for a start that waits, or takes the
// times back.
func (d *Desk) saveSchedule(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	switch in.Get("do") {
	case "send", "skip":
		err = d.Schedules.Answer(r.Context(), pass, id, in.Get("do") == "send")
	case "never":
		err = d.Schedules.Unschedule(r.Context(), pass, id)
	default:
		first, bad := time.ParseInLocation("2006-01-02T15:04", in.Get("first"), d.Site.Clinic.Zone)
		if bad != nil {
			return d.drawSchedule(w, r, http.StatusUnprocessableEntity, "Choose a day and a time.")
		}
		gap, _ := strconv.Atoi(field(in, "gap"))
		err = d.Schedules.SetSchedule(r.Context(), pass, reach.Schedule{Outreach: id, First: first, Late: reach.Late(in.Get("late")), Rule: reach.Rule{Every: in.Get("every"), GapDays: gap}})
	}
	switch k := errs.KindOf(err); {
	case k == errs.Invalid || k == errs.Conflict || k == errs.Forbidden:
		return d.drawSchedule(w, r, http.StatusUnprocessableEntity, errs.Say(err))
	case err != nil:
		return err
	}
	http.Redirect(w, r, path(id)+"/schedule", http.StatusSeeOther)
	return nil
}
