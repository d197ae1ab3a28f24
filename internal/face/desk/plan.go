package desk

import (
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/causal"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

// editPlan shows the experiment.
func (d *Desk) editPlan(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	v := planView{Percent: strings.TrimSuffix(percent(o.Holdout), " %"), Window: zeroBlank(o.WindowDays), Expire: zeroBlank(o.ExpireDays), Households: o.Households, Hours: hoursOf(o.Hours)}
	return d.showPlan(w, r, http.StatusOK, pass, o, v)
}

// savePlan keeps the experiment.
func (d *Desk) savePlan(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	v := planView{Percent: field(in, "holdout"), Window: field(in, "window"), Expire: field(in, "expire"), Households: in.Get("households") == "1"}
	held, ok := parsePercent(v.Percent)
	if !ok || held > 0.5 {
		v.PercentErr = "Write a share from 0 to 50, like 10 or 2.5."
	}
	if p, known := policy.PurposeOf(o.Purpose); known && !p.Holdout {
		held, v.PercentErr = 0, ""
	}
	window, okWindow := parseDays(v.Window)
	if !okWindow {
		v.WindowErr = "Write days from 1 to 365."
	}
	expire, okExpire := parseDays(v.Expire)
	if !okExpire {
		v.ExpireErr = "Write days from 1 to 365."
	}
	hours, why := o.Hours, ""
	if in.Has("from") {
		hours, why = parseHours(in, &v.Hours)
	} else {
		v.Hours = hoursOf(o.Hours)
	}
	if p, known := policy.PurposeOf(o.Purpose); known && why == "" && okExpire {
		if err := hours.Check(p, expire); err != nil {
			why = errs.Say(err)
		}
	}
	v.Hours.Err = why
	if v.PercentErr+v.WindowErr+v.ExpireErr+why != "" {
		return d.showPlan(w, r, http.StatusUnprocessableEntity, pass, o, v)
	}
	o.Holdout, o.WindowDays, o.ExpireDays, o.Households, o.Hours = held, window, expire, v.Households, hours
	if o, err = d.Reach.Save(r.Context(), pass, o); err != nil {
		return err
	}
	toStep(w, r, o, "check")
	return nil
}

// hoursOf is when messages may leave, as the form has it.
func hoursOf(h policy.Times) hoursForm {
	f := hoursForm{Spread: zeroBlank(h.Spread)}
	for _, d := range weekOptions() {
		days, _ := policy.ParseDays([]string{d.Value})
		f.Days = append(f.Days, dayBox{Value: d.Value, Name: d.Text, On: h.Days == 0 || h.Days&days != 0})
	}
	if h.To > 0 {
		f.From, f.To = strconv.Itoa(h.From), strconv.Itoa(h.To)
	}
	return f
}

func weekOptions() []option {
	return []option{{"mon", "Monday"}, {"tue", "Tuesday"}, {"wed", "Wednesday"}, {"thu", "Thursday"}, {"fri", "Friday"}, {"sat", "Saturday"}, {"sun", "Sunday"}}
}

// hourOptions are the full hours of a day, by the clock.
func hourOptions(from, to int, none string) []option {
	list := []option{{"", none}}
	for h := from; h <= to; h++ {
		list = append(list, option{strconv.Itoa(h), time.Date(2000, 1, 1, h, 0, 0, 0, time.UTC).Format("3 pm")})
	}
	if to == 24 {
		list[len(list)-1].Text = "midnight"
	}
	return list
}

// parseHours reads when messages may leave, and keeps what was written in f.
func parseHours(in url.Values, f *hoursForm) (h policy.Times, why string) {
	f.From, f.To, f.Spread = field(in, "from"), field(in, "to"), field(in, "spread")
	days, ok := policy.ParseDays(in["day"])
	for _, d := range weekOptions() {
		f.Days = append(f.Days, dayBox{Value: d.Value, Name: d.Text, On: slices.Contains(in["day"], d.Value)})
	}
	if !ok || days == 0 {
		return h, "Choose at least one day of the week on which it may leave."
	}
	if days != 1<<7-1 {
		h.Days = days
	}
	if (f.From == "") != (f.To == "") {
		return h, "Choose both hours, or neither."
	}
	var err error
	if f.From != "" {
		if h.From, err = strconv.Atoi(f.From); err == nil {
			h.To, err = strconv.Atoi(f.To)
		}
	}
	if err == nil && f.Spread != "" {
		h.Spread, err = strconv.Atoi(f.Spread)
	}
	if err != nil {
		return h, "Write the hours over which it is spread as a whole number."
	}
	return h, ""
}

// parsePercent reads a share as people write one: 10, 2.5, 2,5 or 10 %.
func parsePercent(text string) (float64, bool) {
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "%"))
	text = strings.Replace(text, ",", ".", 1)
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(v, 0) || v > 100 {
		return 0, false
	}
	return v / 100, true
}

// parseDays reads a number of days from 1 to 365.
func parseDays(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 1 && n <= 365
}

func (d *Desk) showPlan(w http.ResponseWriter, r *http.Request, status int, pass access.Pass, o reach.Outreach, v planView) error {
	n, err := d.Reach.Count(r.Context(), pass, o.Segment)
	if err != nil {
		return err
	}
	purpose, _ := policy.PurposeOf(o.Purpose)
	v.CanHold, v.PurposeName, v.Audience, v.Back = purpose.Holdout, "A message of the kind “"+purpose.Name+"”", n, path(o.ID)+"/edit/message"
	cur, _ := parsePercent(v.Percent)
	v.Rows, v.Base = powerRows(n, cur)
	a, err := d.framed(r, author(o, "plan"))
	if err != nil {
		return err
	}
	a.Err = strings.TrimSpace(v.PercentErr + " " + v.WindowErr + " " + v.ExpireErr + " " + v.Hours.Err)
	if d.Schedules != nil {
		v.Schedule = path(o.ID) + "/schedule"
	}
	if d.Enclosures != nil && d.Retracts != nil {
		v.Pickup = path(o.ID) + "/edit/pickup"
	}
	return d.Site.Render(w, r, status, planPage(d.view(r, "Comparison: "+o.Name, "outreach"), a, v))
}

// base is how many of those held out are taken to act anyway.
const base = 0.2

// powerRows say what holding out a share costs and buys, for n patients.
func powerRows(n int, cur float64) ([]powerRow, string) {
	shares := []float64{0.05, 0.1, 0.2, 0.5}
	if cur > 0 && cur <= 0.5 && !slices.Contains(shares, cur) {
		shares = append(shares, cur)
		slices.Sort(shares)
	}
	var rows []powerRow
	for _, h := range shares {
		row := powerRow{Percent: percent(h), Held: int(math.Round(h * float64(n))), Smallest: "none", Current: h == cur}
		if mde := (causal.Plan{N: n, Holdout: h, Base: base}).MDE(); mde < 1-base {
			row.Smallest = strconv.FormatFloat(100*mde, 'f', 1, 64) + " pts"
		}
		rows = append(rows, row)
	}
	return rows, "The smallest effect that such a comparison finds four times out of five, if 20 of 100 patients would act without it. " +
		"Smaller effects may be there and stay hidden; more held out finds smaller ones, and costs more patients their message."
}
