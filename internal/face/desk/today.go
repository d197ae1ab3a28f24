package desk

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/care/patient"
	"hale/internal/reach"
)

// The bounds of the first page.
const (
	fresh  = 14 * 24 * time.Hour // a finished outreach is news for so long
	atMost = 8                   // rows of a list, beside those about patients
)

// today shows what runs, what needs somebody, and what came of it.
func (d *Desk) today(w http.ResponseWriter, r *http.Request) error {
	r = sharing(r)
	v := todayView{Greeting: greeting(d.now()), Lead: d.now().Format("Monday, January 2"), CanRun: may(r, access.RunOutreach),
		CanSee: may(r, access.RunOutreach), CanBook: may(r, access.FindPatients) && opens(r, access.ReadVisits)}
	if v.CanSee {
		if err := d.fillRuns(r, &v); err != nil {
			return err
		}
	}
	if v.CanBook {
		if err := d.fillBooked(r, &v); err != nil {
			return err
		}
	}
	if !v.CanSee {
		v.Attention = d.adminTasks(r)
	}
	rows, err := d.needs(r)
	if err != nil {
		return err
	}
	v.Attention = append(rows, v.Attention...)
	slices.SortStableFunc(v.Attention, func(a, b taskRow) int { return cmp.Compare(urgency(a), urgency(b)) })
	if r.URL.Query().Get("note") == "emergency-ended" {
		v.Said = "The emergency access is over."
	}
	return d.Site.Render(w, r, http.StatusOK, todayPage(d.view(r, "Today", "today"), v))
}

// needs are what waits for the reader, in the order of equally urgent ones.
func (d *Desk) needs(r *http.Request) ([]taskRow, error) {
	var all []taskRow
	for _, part := range []func(*http.Request) ([]taskRow, error){
		d.feedTask, d.lateTask, d.arrivalTask, d.queueTask, d.resultTask, d.mailTasks, d.wordTask, d.callTask, d.postTask, d.letterTask, d.trustRows, d.approvalTasks,
	} {
		rows, err := part(r)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// urgency puts first what is late or broken, then what has a term.
func urgency(t taskRow) int {
	switch t.Tone {
	case "act":
		return 0
	case "watch":
		return 1
	}
	return 2
}

// greeting says hello by the clock.
func greeting(now time.Time) string {
	switch h := now.Hour(); {
	case h < 12:
		return "Good morning"
	case h < 18:
		return "Good afternoon"
	}
	return "Good evening"
}

// fillRuns adds the outreaches: those that run, and what they need.
func (d *Desk) fillRuns(r *http.Request, v *todayView) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	list, err := d.Reach.List(r.Context(), pass)
	if err != nil {
		return err
	}
	if v.Attention, err = d.todoRows(r, pass); err != nil {
		return err
	}
	lines, err := d.starts(r, pass)
	if err != nil {
		return err
	}
	waiting := len(v.Attention)
	for _, o := range campaigns(list) {
		if s, ok := lines[o.ID]; ok {
			if s.Asks {
				v.Attention = append(v.Attention, taskRow{Href: s.Href, Icon: "calendar-days", Tone: "watch", Title: "A start waits: " + o.Name, Sub: s.Words})
			}
			continue // it goes by itself: no draft that somebody forgot
		}
		switch o.State {
		case reach.Running, reach.Paused:
			p, err := d.Reach.Progress(r.Context(), pass, o.ID)
			if err != nil {
				return err
			}
			pv := d.progressView(o, p)
			row := runRow{Href: path(o.ID), Name: o.Name, Words: pv.Words, Done: pv.Done, All: pv.All}
			row.State, row.Tone = stateWord(o.State)
			v.Running = append(v.Running, row)
		case reach.Draft:
			if len(v.Attention)-waiting < atMost {
				v.Attention = append(v.Attention, taskRow{Href: path(o.ID), Icon: "pencil", Title: "Draft: " + o.Name, Sub: "Written " + ago(o.Created, d.now()) + ", not sent"})
			}
		case reach.Done, reach.Stopped:
			if d.now().Sub(o.Ended) < fresh && len(v.Attention)-waiting < atMost {
				word, _ := stateWord(o.State)
				v.Attention = append(v.Attention, taskRow{Href: path(o.ID), Icon: "chart-line", Title: word + ": " + o.Name, Sub: "Ended " + ago(o.Ended, d.now()) + ". See what it changed"})
			}
		}
	}
	return d.fillNumbers(r, v, list)
}

// fillNumbers adds numbers over every outreach that was sent.
func (d *Desk) fillNumbers(r *http.Request, v *todayView, list []reach.Outreach) error {
	pass, err := d.all(r, access.ReadMeasure)
	if err != nil {
		return err
	}
	var sent []string
	for _, o := range list {
		if o.State != reach.Draft && d.now().Sub(o.Started) <= 90*24*time.Hour {
			sent = append(sent, o.ID)
		}
	}
	f, err := d.Measure.Funnel(r.Context(), pass, sent...)
	if err != nil || f.Sent == 0 {
		return err
	}
	v.Numbers = []numberCell{
		{count(f.Sent), "patients written to in 90 days, once for each outreach"},
		{share(f.Seen, f.Sent), "of them saw it, machine opens left out"},
		{count(f.Acted), "acted on it"},
	}
	return nil
}

// fillBooked adds the visits that patients booked from a message.
func (d *Desk) fillBooked(r *http.Request, v *todayView) error {
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return err
	}
	list, err := d.Visits.Booked(r.Context(), pass, "link", d.now(), atMost)
	if err != nil {
		return err
	}
	ids := make([]string, len(list))
	for i, x := range list {
		ids[i] = x.Patient
	}
	people, err := d.Patients.Named(r.Context(), pass, ids)
	if err != nil {
		return err
	}
	by := map[string]patient.Person{}
	for _, p := range people {
		by[p.ID] = p
	}
	for _, x := range list {
		v.Booked = append(v.Booked, bookedRow{Href: "/desk/patients/" + x.Patient, Who: by[x.Patient].Full, When: d.clock(x.Start), Title: x.Title})
	}
	return nil
}

// adminTasks are what those who run no outreach may have to look at.
func (d *Desk) adminTasks(r *http.Request) []taskRow {
	if !may(r, access.ManageUsers) {
		return nil
	}
	var rows []taskRow
	for _, s := range d.Senders() {
		if !s.OK {
			rows = append(rows, taskRow{Href: "/desk/settings", Icon: "triangle-alert", Tone: "act", Title: channelLabel(string(s.Channel)) + " cannot send", Sub: s.Note})
		}
	}
	return rows
}
