package desk

import (
	"net/http"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/measure"
	"hale/internal/reach"
)

// showMeasure shows what every outreach changed, side by side.
func (d *Desk) showMeasure(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.ReadMeasure)
	if err != nil {
		return err
	}
	list, err := d.Reach.Sent(r.Context(), pass)
	if err != nil {
		return err
	}
	v := measureView{CanOpen: may(r, access.RunOutreach)}
	var sum measure.Funnel
	for _, o := range list {
		f, err := d.Measure.Funnel(r.Context(), pass, o.ID)
		if err != nil {
			return err
		}
		e, err := d.Measure.Effect(r.Context(), pass, o.ID)
		if err != nil {
			return err
		}
		d.addMeasure(&v, o, f, e)
		sum.Patients, sum.Held, sum.Sent = sum.Patients+f.Patients, sum.Held+f.Held, sum.Sent+f.Sent
		sum.Delivered, sum.Seen, sum.Acted = sum.Delivered+f.Delivered, sum.Seen+f.Seen, sum.Acted+f.Acted
	}
	sum.Held, sum.Patients = 0, sum.Patients-sum.Held // those held out differ from outreach to outreach
	v.Totals = funnelRows(sum, measure.Effect{}, "")
	return d.Site.Render(w, r, http.StatusOK, measurePage(d.view(r, "Measure", "measure"), v))
}

// addMeasure adds one outreach to the page.
func (d *Desk) addMeasure(v *measureView, o reach.Outreach, f measure.Funnel, e measure.Effect) {
	href := ""
	if v.CanOpen {
		href = path(o.ID)
	}
	v.Reach = append(v.Reach, reachRow{Href: href, Name: o.Name, Drawn: f.Patients - f.Held, Arrived: f.Delivered, Seen: f.Seen, Acted: f.Acted})
	if e.State == measure.Running || e.State == measure.Final {
		v.Known = append(v.Known, interval{Label: o.Name, Href: href, N: e.Treated + e.Held, Diff: 100 * e.Diff, Low: 100 * e.Low, High: 100 * e.High})
		return
	}
	said := sayEffect(e, f, d.day)
	row, words := waitRow{Href: href, Name: o.Name}, strings.TrimSpace(said.Verdict+" "+said.Note)
	i := slices.IndexFunc(v.Waiting, func(g waitGroup) bool { return g.Words == words })
	if i < 0 {
		v.Waiting = append(v.Waiting, waitGroup{Words: words, Rows: []waitRow{row}})
		return
	}
	v.Waiting[i].Rows = append(v.Waiting[i].Rows, row)
}
