package desk

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/care/checkin"
	"hale/internal/care/visit"
)

// Agenda is what the desk needs of package visit for the clinic's days.
type Agenda interface {
	Agenda(ctx context.Context, pass access.Pass, begin, end time.Time) ([]visit.Entry, error)
	Entry(ctx context.Context, pass access.Pass, slot string) (visit.Entry, error)
	Rooms(ctx context.Context, pass access.Pass) ([]visit.Room, error)
	Line(ctx context.Context, pass access.Pass) ([]visit.Lined, error)
	Made(ctx context.Context, pass access.Pass, n int) ([]visit.Offer, error)
	Get(ctx context.Context, pass access.Pass, id string) (visit.Visit, error)
	Detail(ctx context.Context, pass access.Pass, id string) (visit.Detail, error)
	Slots(ctx context.Context, service string, from time.Time, n int) ([]visit.Slot, error)
	MarkAs(ctx context.Context, pass access.Pass, id string, m visit.Mark) error
	CancelFor(ctx context.Context, pass access.Pass, id, reason string) error
	BookFor(ctx context.Context, pass access.Pass, slot, via string) (visit.Visit, error)
	MoveFor(ctx context.Context, pass access.Pass, id, slot string) (visit.Visit, error)
	AddRoom(ctx context.Context, pass access.Pass, r visit.Room) (string, error)
	Add(ctx context.Context, pass access.Pass, o visit.Opening) (int, error)
	Close(ctx context.Context, pass access.Pass, who string, from, to time.Time, remove bool) (int, error)
	Shut(ctx context.Context, pass access.Pass, slot string, remove bool) error
	Reopen(ctx context.Context, pass access.Pass, slot string) error
	Stages(ctx context.Context, pass access.Pass, begin, end time.Time) ([]visit.Stage, error)
	Advice(ctx context.Context, service string) (visit.Advice, error)
	SetAdvice(ctx context.Context, pass access.Pass, service, lines, spanish string) error
}

// CheckIns is what the desk needs of package checkin.
type CheckIns interface {
	Get(ctx context.Context, pass access.Pass, visit string) (checkin.State, error)
	Paper(ctx context.Context) (checkin.Paper, error)
	SetPaper(ctx context.Context, pass access.Pass, p checkin.Paper) error
	Apply(ctx context.Context, pass, edit access.Pass, task string) error
}

const (
	agendaPath = "/desk/schedule"
	slotsPath  = "/desk/slots"
)

func (d *Desk) agendaRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET "+agendaPath, d.showAgenda)
	page("GET "+slotsPath, d.showOpenings)
	page("POST "+slotsPath, d.addOpening)
	page("POST "+slotsPath+"/rooms", d.addRoom)
	page("POST "+slotsPath+"/close", d.closeTimes)
	page("GET "+slotsPath+"/{slot}", d.showSlot)
	page("POST "+slotsPath+"/{slot}", d.changeSlot)
	page("POST "+slotsPath+"/{slot}/find", d.findForSlot)
	page("POST "+slotsPath+"/{slot}/book", d.bookSlot)
	page("GET /desk/patients/{id}/visits/{visit}", d.showVisit)
	page("POST /desk/patients/{id}/visits/{visit}", d.markVisit)
	page("POST /desk/patients/{id}/visits/{visit}/cancel", d.cancelVisit)
	page("POST /desk/patients/{id}/visits/{visit}/move", d.moveVisit)
	if d.CheckIns != nil {
		page("POST /desk/patients/{id}/details/{task}", d.applyDetails)
	}
	page("GET /desk/waitlist", d.showLine)
	page("GET /desk/services", d.showServices)
	page("GET /desk/services/{service}", d.showService)
	page("POST /desk/services/{service}", d.saveService)
	page("GET /desk/services/paper", d.showPaper)
	page("POST /desk/services/paper", d.savePaper)
}

// agendaView is a day, or a week, by clinician.
type agendaView struct {
	Title         string
	Week          bool
	Before, After string // addresses of the days around
	Today, Other  string // of today, and of the other view
	Who           string
	People        []option // clinicians to choose from
	Day           string   // YYYY-MM-DD
	Columns       []agendaColumn
	Counts        string
	Said          string
}

// agendaColumn is one clinician's day.
type agendaColumn struct {
	Name string
	Rows []agendaRow
}

// agendaRow is one time.
type agendaRow struct {
	Time, Href, What, Sub string
	Chip, Tone            string
	Checkin               string
}

// span reads which days the address asks for.
func (d *Desk) span(r *http.Request) (day time.Time, days int) {
	zone := d.Site.Clinic.Zone
	day, err := time.ParseInLocation(time.DateOnly, r.URL.Query().Get("day"), zone)
	if now := d.now().In(zone); err != nil || day.Year() < 2000 || day.Year() > now.Year()+5 {
		day = time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, zone)
	}
	if r.URL.Query().Get("view") != "week" {
		return day, 1
	}
	back := (int(day.Weekday()) + 6) % 7 // the week begins on Monday
	return day.AddDate(0, 0, -back), 7
}

// agendaHref is the address of some days.
func agendaHref(day time.Time, week bool, who string) string {
	q := url.Values{"day": {day.Format(time.DateOnly)}}
	if week {
		q.Set("view", "week")
	}
	if who != "" {
		q.Set("with", who)
	}
	return agendaPath + "?" + q.Encode()
}

// showAgenda shows the days of the clinicians.
func (d *Desk) showAgenda(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerVisits)
	if err != nil {
		return err
	}
	day, days := d.span(r)
	list, err := d.Agenda.Agenda(r.Context(), pass, day, day.AddDate(0, 0, days))
	if err != nil {
		return err
	}
	names, err := d.namesOf(r, list)
	if err != nil {
		return err
	}
	v := d.agendaFrame(r, day, days, list)
	d.fillAgenda(&v, list, names)
	return d.Site.Render(w, r, http.StatusOK, agendaPage(d.view(r, v.Title, "schedule"), v))
}

// agendaFrame is what stands around the times.
func (d *Desk) agendaFrame(r *http.Request, day time.Time, days int, list []visit.Entry) agendaView {
	who, week := r.URL.Query().Get("with"), days > 1
	today := d.now().In(d.Site.Clinic.Zone)
	v := agendaView{
		Week: week, Who: who, Day: day.Format(time.DateOnly), Title: "Schedule, " + day.Format("Monday, January 2"),
		Before: agendaHref(day.AddDate(0, 0, -days), week, who), After: agendaHref(day.AddDate(0, 0, days), week, who),
		Today: agendaHref(today, week, who), Other: agendaHref(day, !week, who), Said: noteOf(r),
	}
	if week {
		v.Title = "Schedule, week of " + day.Format("January 2")
	}
	var seen []string
	for _, e := range list {
		if name := whoOf(e); !slices.Contains(seen, name) {
			seen = append(seen, name)
		}
	}
	slices.Sort(seen)
	for _, name := range seen {
		v.People = append(v.People, option{Value: name, Text: name})
	}
	return v
}

func whoOf(e visit.Entry) string {
	if e.Slot.With != "" {
		return e.Slot.With
	}
	return "Nobody named"
}

// namesOf are the names of the patients in a list of times.
func (d *Desk) namesOf(r *http.Request, list []visit.Entry) (map[string]string, error) {
	var ids []string
	for _, e := range list {
		if p := e.Visit.Patient; p != "" && !slices.Contains(ids, p) {
			ids = append(ids, p)
		}
	}
	return d.fullNames(r, ids)
}

// fullNames returns the names of patients by their ids.
func (d *Desk) fullNames(r *http.Request, ids []string) (map[string]string, error) {
	names := map[string]string{}
	if len(ids) == 0 {
		return names, nil
	}
	find, err := d.all(r, access.FindPatients)
	if err != nil {
		return nil, err
	}
	people, err := d.Patients.Named(r.Context(), find, ids)
	if err != nil {
		return nil, err
	}
	for _, p := range people {
		names[p.ID] = p.Full
	}
	return names, nil
}

// fillAgenda parts the times into columns.
func (d *Desk) fillAgenda(v *agendaView, list []visit.Entry, names map[string]string) {
	at := map[string]int{}
	booked, free := 0, 0
	for _, e := range list {
		name := whoOf(e)
		if v.Who != "" && name != v.Who {
			continue
		}
		if e.Visit.ID != "" {
			booked++
		} else if e.State == "free" {
			free++
		}
		key := name
		if v.Week {
			key = e.Slot.Start.In(d.Site.Clinic.Zone).Format("Monday, January 2") + " · " + name
		}
		i, ok := at[key]
		if !ok {
			i = len(v.Columns)
			at[key] = i
			v.Columns = append(v.Columns, agendaColumn{Name: key})
		}
		v.Columns[i].Rows = append(v.Columns[i].Rows, d.agendaRow(e, names))
	}
	if !v.Week {
		slices.SortFunc(v.Columns, func(a, b agendaColumn) int { return strings.Compare(a.Name, b.Name) })
	}
	v.Counts = counted(booked, "visit", "visits") + ", " + counted(free, "free time", "free times")
}

// agendaRow is one time in words.
func (d *Desk) agendaRow(e visit.Entry, names map[string]string) agendaRow {
	zone := d.Site.Clinic.Zone
	row := agendaRow{Time: e.Slot.Start.In(zone).Format("3:04 pm"), Sub: e.Slot.Title}
	if e.Visit.ID == "" {
		row.Href = slotsPath + "/" + url.PathEscape(e.Slot.ID)
		switch e.State {
		case "free":
			row.What = "Free"
		case "busy-unavailable":
			row.What, row.Chip = "Blocked", "Blocked"
		case "busy-tentative":
			row.What, row.Chip, row.Tone = "Offered to somebody who waits", "Offered", "watch"
		default:
			row.What = "Taken"
		}
		return row
	}
	row.Href = "/desk/patients/" + url.PathEscape(e.Visit.Patient) + "/visits/" + url.PathEscape(e.Visit.ID)
	if row.What = names[e.Visit.Patient]; row.What == "" {
		row.What = "A patient"
	}
	row.Chip, row.Tone = visitChip(e.Visit, d.now())
	row.Checkin = checkWords(e.Visit, checkin.Parse(e.Checkin), d.now())
	return row
}

// visitChip is where a visit stands, in a word.
func visitChip(v visit.Visit, now time.Time) (word, tone string) {
	switch v.Status {
	case "arrived", "checked-in":
		return "Here", "good"
	case visit.Fulfilled:
		return "Done", "good"
	case visit.NoShow:
		return "Did not come", "act"
	case visit.Cancelled:
		return "Cancelled", ""
	}
	if v.Start.Before(now) {
		return "Due", "watch"
	}
	return "Booked", "brand"
}

// checkWords says how far somebody came with checking in: nothing before it
// opens, and nothing of who has come, which the visit itself says.
func checkWords(v visit.Visit, done []checkin.Step, now time.Time) string {
	home := 0
	for _, s := range done {
		if s != checkin.Arrive {
			home++
		}
	}
	switch {
	case home > 0 && checkin.State{Done: done}.Ready(checkin.Steps):
		return "Check-in: ready"
	case home > 0:
		return "Check-in: begun, " + counted(home, "step", "steps") + " of " + strconv.Itoa(len(checkin.Steps)-1) + " done"
	case v.Status == visit.Booked && checkin.Open(v, now):
		return "Check-in: not begun"
	}
	return ""
}

// noteOf is what was just done, as the address says it in a word.
func noteOf(r *http.Request) string {
	switch r.URL.Query().Get("note") {
	case "booked":
		return "Booked. The patient is told."
	case "moved":
		return "Moved. The patient is told."
	case "cancelled":
		return "Cancelled. The patient is told, with your words."
	case "marked":
		return "Noted."
	case "added":
		return "The new times are open."
	case "closed":
		return "These times can no longer be booked. Visits in them stay."
	case "opened":
		return "The time is open again."
	case "room":
		return "Added. Now you can open times for it."
	case "saved":
		return "Saved. Patients see it from now on."
	case "gone":
		return "Somebody else was faster, or the time was no longer there. Nothing was changed."
	}
	return ""
}

// showLine shows who waits for an earlier time, and what was offered.
func (d *Desk) showLine(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerVisits)
	if err != nil {
		return err
	}
	line, err := d.Agenda.Line(r.Context(), pass)
	if err != nil {
		return err
	}
	made, err := d.Agenda.Made(r.Context(), pass, 50)
	if err != nil {
		return err
	}
	var ids []string
	for _, l := range line {
		ids = append(ids, l.Patient)
	}
	for _, o := range made {
		ids = append(ids, o.Patient)
	}
	slices.Sort(ids)
	names, err := d.fullNames(r, slices.Compact(ids))
	if err != nil {
		return err
	}
	var v lineView
	for _, l := range line {
		v.Line = append(v.Line, waiterRow{Who: names[l.Patient], Href: "/desk/patients/" + l.Patient + "/visits/" + l.Visit, What: l.Title,
			Has: d.clock(l.Now), Since: d.day(l.Since), Wish: wishWords(l.Wish), Offers: counted(l.Offers, "offer", "offers")})
	}
	for _, o := range made {
		chip, tone := offerChip(o, d.now())
		v.Made = append(v.Made, waiterRow{Who: names[o.Patient], Href: "/desk/patients/" + o.Patient + "/visits/" + o.Visit, What: o.Slot.Title,
			Has: d.clock(o.Slot.Start), Since: d.clock(o.At), Chip: chip, Tone: tone})
	}
	return d.Site.Render(w, r, http.StatusOK, linePage(d.view(r, "Wait list", "schedule"), v))
}

// lineView is who waits and what was offered.
type lineView struct{ Line, Made []waiterRow }

type waiterRow struct{ Who, Href, What, Has, Since, Wish, Offers, Chip, Tone string }

// wishWords says which times suit.
func wishWords(w visit.Wish) string {
	var days, parts []string
	for i, name := range []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"} {
		if w.Days&(1<<i) != 0 {
			days = append(days, name)
		}
	}
	for _, p := range []struct {
		bit  int
		name string
	}{{visit.Morning, "morning"}, {visit.Afternoon, "afternoon"}, {visit.Evening, "evening"}} {
		if w.Parts&p.bit != 0 {
			parts = append(parts, p.name)
		}
	}
	text := strings.Join(days, " ")
	if len(days) == 7 {
		text = "Any day"
	}
	if len(parts) < 3 {
		text += ", " + strings.Join(parts, " or ")
	}
	if w.Notice >= 24 {
		text += ", a day or more before"
	}
	if w.Same {
		text += ", same clinician"
	}
	return text
}

func offerChip(o visit.Offer, now time.Time) (word, tone string) {
	switch o.State {
	case visit.OfferTaken:
		return "Taken", "good"
	case visit.OfferDeclined:
		return "Declined", ""
	case visit.OfferLapsed:
		return "No answer", "watch"
	case visit.OfferVoid:
		return "Taken back", ""
	}
	if !o.Expires.After(now) {
		return "No answer", "watch"
	}
	return "Waiting for an answer", "brand"
}
