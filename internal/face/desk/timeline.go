package desk

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/care/task"
	"hale/internal/care/visit"
	"hale/internal/reach"
)

// The bounds of a timeline.
const (
	timelineMost  = 40
	timelineTasks = 30
)

// timeRow is one thing that happened, or will.
type timeRow struct {
	Href, Icon, When, Words string
	Ahead                   bool
	at                      time.Time
}

// visitTimes puts visits on the timeline.
func (d *Desk) visitTimes(list ...visit.Visit) []timeRow {
	var rows []timeRow
	for _, x := range list {
		words := d.visitRow("", x)
		rows = append(rows, timeRow{Icon: "calendar-days", Words: "Visit: " + words.Title + " · " + words.Chip, at: x.Start})
		if !x.BookedAt.IsZero() {
			rows = append(rows, timeRow{Icon: "calendar-plus", Words: "Booked: " + x.Title + " for " + d.clock(x.Start), at: x.BookedAt})
		}
	}
	return rows
}

// messageTimes puts messages on it.
func (d *Desk) messageTimes(list []reach.Member) []timeRow {
	var rows []timeRow
	for _, m := range list {
		row := d.historyRow(m)
		rows = append(rows, timeRow{Href: row.Href, Icon: "send", Words: "Message: " + row.Name + " · " + row.State, at: m.Decided})
	}
	return rows
}

// taskTimes puts on it what the patient asked, and what became of it.
func (d *Desk) taskTimes(r *http.Request, patient string) ([]timeRow, error) {
	if d.Tasks == nil || !opens(r, access.AnswerPatients) {
		return nil, nil
	}
	pass, err := d.one(r, access.AnswerPatients, patient)
	if err != nil {
		return nil, err
	}
	list, err := d.Tasks.Mine(r.Context(), pass, timelineTasks)
	if err != nil {
		return nil, err
	}
	var rows []timeRow
	for _, t := range list {
		href, icon := queuePath+"/"+t.ID, taskIcon(t.Kind)
		state := "open"
		if t.Late(d.now()) {
			state = "overdue"
		}
		if !t.Status.Open() {
			state = "closed"
			rows = append(rows, timeRow{Href: href, Icon: "check", Words: sentenceCase(reasonWords(t)) + ": " + t.Title, at: t.Closed})
		}
		rows = append(rows, timeRow{Href: href, Icon: icon, Words: t.Kind.Name() + ": " + t.Title + " · " + state, at: t.Asked})
		for _, s := range t.Steps {
			if s.Note != "" && s.Note != t.Answer && s.Status != task.Received {
				rows = append(rows, timeRow{Href: href, Icon: "message-square", Words: stepLine(s), at: s.At})
			}
		}
	}
	return rows, nil
}

// fillTimeline adds what was asked to what is on the timeline already, and
// puts all in order. Who looked has a list of its own.
func (d *Desk) fillTimeline(r *http.Request, patient string, v *patientView) error {
	asked, err := d.taskTimes(r, patient)
	if err != nil {
		return err
	}
	v.Mirror = d.Mirror != nil && opens(r, access.ReadRecord)
	if r.URL.Query().Get("note") == "mirror-ended" {
		v.Said = "You no longer look at the portal as this patient."
	}
	v.Times = d.timeline(slices.Concat(v.Times, asked))
	return nil
}

// timeline puts rows in order, the newest first.
func (d *Desk) timeline(rows []timeRow) []timeRow {
	slices.SortStableFunc(rows, func(a, b timeRow) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.Words, b.Words)) })
	rows = rows[:min(len(rows), timelineMost)]
	for i := range rows {
		rows[i].When, rows[i].Ahead = d.clock(rows[i].at), rows[i].at.After(d.now())
	}
	return rows
}
