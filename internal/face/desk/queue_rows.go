package desk

import (
	"net/http"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/care/contact"
	"hale/internal/care/task"
	"hale/internal/face/web"
	"hale/internal/reach/dialog"
	"hale/internal/reach/todo"
)

// soonest is the promise about work that has no other clock.
var soonest = task.Rule{Days: 1}

// clockOf says how long there is, in words.
func (d *Desk) clockOf(due time.Time) (words string, late bool) {
	left := due.Sub(d.now())
	if left < 0 {
		return "Overdue by " + span(-left), true
	}
	return "Due in " + span(left) + ", " + d.clock(due), false
}

// dated gives a row its clock.
func (d *Desk) dated(row queueRow, due time.Time) queueRow {
	if row.due = due; !due.IsZero() {
		row.Due, row.Late = d.clockOf(due)
	}
	return row
}

// taskRows are the tasks.
func (d *Desk) taskRows(r *http.Request, pass access.Pass) ([]queueRow, error) {
	list, err := d.Tasks.Open(r.Context(), pass, task.Filter{N: queueMost})
	if err != nil {
		return nil, err
	}
	var rows []queueRow
	for _, t := range list {
		rows = append(rows, d.taskLine(r, t))
	}
	return rows, nil
}

func (d *Desk) taskLine(r *http.Request, t task.Task) queueRow {
	row := queueRow{Task: t.ID, Href: queuePath + "/" + t.ID, Icon: taskIcon(t.Kind), Sort: t.Kind.Name(), Key: string(t.Kind), Title: t.Title, patient: t.Patient,
		Owner: t.OwnerName, Mine: t.Owner != "" && t.Owner == web.Actor(r).ID, Sub: "asked " + ago(t.Asked, d.now())}
	switch t.Status {
	case task.Waiting:
		row.Sub += " · waits for something"
	case task.Ready:
		row.Sub += " · ready to be picked up"
	}
	if t.AskedBy != "" {
		row.Sub += " by " + t.AskedBy
	}
	row = d.dated(row, t.Due)
	if row.Late = t.Late(d.now()); t.Overdue(d.now()) {
		row.Sub += " · raised to " + d.raisedWords(r, t)
		row.Raised = t.RaisedTo != "" && t.RaisedTo == web.Actor(r).ID
	}
	if !row.Late && t.Due.Before(d.now()) {
		row.Due = ""
	}
	return row
}

// raisedWords name whom an overdue task was raised to.
func (d *Desk) raisedWords(r *http.Request, t task.Task) string {
	switch t.RaisedTo {
	case "":
		return "all of " + t.RaisedName
	case web.Actor(r).ID:
		return "you"
	}
	return t.RaisedName
}

func taskIcon(k task.Kind) string {
	switch k {
	case task.Message:
		return "message-square"
	case task.Refill, task.Renewal, task.MedicineQuestion:
		return "pill"
	case task.Booking, task.CheckIn:
		return "calendar-days"
	case task.Reading:
		return "activity"
	case task.Record:
		return "pencil"
	case task.Due:
		return "calendar-check"
	}
	return "clipboard-list"
}

// closedRows are the tasks that were closed lately.
func (d *Desk) closedRows(r *http.Request) ([]queueRow, error) {
	var list []task.Task
	for _, right := range answering(web.Actor(r)) {
		pass, err := d.all(r, right)
		if err != nil {
			return nil, err
		}
		more, err := d.Tasks.Open(r.Context(), pass, task.Filter{Closed: true, N: queueMost})
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	var rows []queueRow
	for _, t := range list {
		row := d.taskLine(r, t)
		row.Due, row.Late, row.Sub = reasonWords(t), false, t.Kind.Name()+" · "+d.clock(t.Closed)
		rows = append(rows, row)
	}
	rows = noneTwice(rows)
	return rows, d.nameRows(r, rows)
}

// talkRows are the conversations.
func (d *Desk) talkRows(r *http.Request, pass access.Pass) ([]queueRow, error) {
	if d.Dialogs == nil {
		return nil, nil
	}
	list, err := d.Dialogs.List(r.Context(), pass, dialog.Open, queueMost)
	if err != nil {
		return nil, err
	}
	staff := map[string]string{}
	var rows []queueRow
	for _, one := range list {
		row := queueRow{Href: inboxPath + "/" + one.ID, Icon: pathIcon(one.Channel), Title: "Wrote " + pathWords(one.Channel), Sub: ago(one.Last, d.now()),
			patient: one.Patient, Mine: one.Assigned != "" && one.Assigned == web.Actor(r).ID}
		if one.Patient == "" {
			row.Who = "Somebody with an address ending in " + contact.Mask(contact.Kind(one.Channel), one.Contact)
		}
		if one.Assigned != "" {
			if row.Owner, err = d.accountName(r, one.Assigned, staff); err != nil {
				return nil, err
			}
		}
		rows = append(rows, d.dated(row, one.Due))
	}
	return rows, nil
}

// answerRows are what people said to a message, and whom none reached.
func (d *Desk) answerRows(r *http.Request, pass access.Pass) ([]queueRow, error) {
	if d.Todos == nil {
		return nil, nil
	}
	var rows []queueRow
	for _, k := range todo.Kinds() {
		if k == todo.Stop || d.Dialogs != nil && k == todo.Reply { // done already; in its conversation
			continue
		}
		list, err := d.Todos.Open(r.Context(), pass, k, queueMost)
		if err != nil {
			return nil, err
		}
		words, _ := wordsOf(k)
		for _, e := range list {
			row := queueRow{Href: todoPath(k), Icon: words.Icon, Title: words.Title, Sub: e.Name + " · " + ago(e.At, d.now()), patient: e.Patient}
			rows = append(rows, d.dated(row, d.Tasks.By(e.At, soonest)))
		}
	}
	return rows, nil
}

// letterRows are what patients sent and nobody has looked at.
func (d *Desk) letterRows(r *http.Request, pass access.Pass) ([]queueRow, error) {
	if d.Letters == nil {
		return nil, nil
	}
	list, _, err := d.Letters.New(r.Context(), pass, queueMost)
	if err != nil {
		return nil, err
	}
	var rows []queueRow
	for _, l := range list {
		row := queueRow{Href: "/desk/patients/" + l.Patient + "/letters/" + l.Document, Icon: "file-text", Title: l.Title, Sub: "sent " + ago(l.At, d.now()), patient: l.Patient}
		rows = append(rows, d.dated(row, d.Tasks.By(l.At, soonest)))
	}
	return rows, nil
}

// holdRows are results that wait: their clock is when they open by themselves.
func (d *Desk) holdRows(r *http.Request, pass access.Pass) ([]queueRow, error) {
	if d.Holds == nil {
		return nil, nil
	}
	list, err := d.Holds.Waits(r.Context(), pass, queueMost)
	if err != nil {
		return nil, err
	}
	var rows []queueRow
	for _, h := range list {
		row := queueRow{Href: holdPath(h), Icon: "clock", Title: "A result waits for a call", Sub: d.ruleName(h.Rule), patient: h.Patient, due: h.Until}
		row.Due = "Opens by itself " + d.clock(h.Until)
		rows = append(rows, row)
	}
	return rows, nil
}

// privacyRows are what patients asked about their records: the law's clocks.
func (d *Desk) privacyRows(r *http.Request, pass access.Pass) ([]queueRow, error) {
	if d.Requests == nil {
		return nil, nil
	}
	list, err := d.Requests.Queue(r.Context(), pass, "", queueMost)
	if err != nil {
		return nil, err
	}
	var rows []queueRow
	for _, one := range list {
		row := queueRow{Href: "/desk/requests/" + one.ID, Icon: "lock", Who: one.Name, Title: kindWord(one.Kind), Sub: "asked " + ago(one.Asked, d.now()),
			Owner: one.Claimed, Mine: one.ClaimedBy != "" && one.ClaimedBy == web.Actor(r).ID}
		rows = append(rows, d.dated(row, one.Due))
	}
	return rows, nil
}

// caregiverRows are caregivers who wait for a yes, and papers to look at again.
func (d *Desk) caregiverRows(r *http.Request, pass access.Pass) ([]queueRow, error) {
	if d.Helpers == nil || !opens(r, access.SeeProxies) {
		return nil, nil
	}
	list, err := d.Helpers.Due(r.Context(), pass, 7*24*time.Hour)
	if err != nil {
		return nil, err
	}
	var rows []queueRow
	for _, one := range list {
		item := d.dueItem(one)
		row := queueRow{Href: item.Href, Icon: "heart-handshake", Who: one.Name, Title: "Caregiver: " + one.Helper, Sub: strings.TrimSpace(item.Sub)}
		switch one.What {
		case "waiting":
			row = d.dated(row, d.Tasks.By(one.At, task.Rule{Days: 2}))
		default:
			row = d.dated(row, one.At)
		}
		rows = append(rows, row)
	}
	return rows, nil
}
