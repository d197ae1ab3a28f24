package desk

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/checkin"
	"hale/internal/care/visit"
)

// slotView is one time, for booking, blocking and removing.
type slotView struct {
	ID, Back, Title, When, Who, State string
	Free, Blocked                     bool
	Query                             string
	Asked                             bool
	Found                             []foundRow
	More                              bool
}

// slotOf finds one time among those of its day: an address may name any id.
func (d *Desk) slotOf(r *http.Request) (visit.Entry, error) {
	pass, err := d.all(r, access.AnswerVisits)
	if err != nil {
		return visit.Entry{}, err
	}
	id := r.PathValue("slot")
	e, err := d.Agenda.Entry(r.Context(), pass, id)
	if errs.KindOf(err) == errs.NotFound {
		return e, errNowhere.Because(err)
	}
	return e, err
}

func (d *Desk) slotViewOf(e visit.Entry) slotView {
	zone := d.Site.Clinic.Zone
	return slotView{ID: e.Slot.ID, Title: e.Slot.Title, When: e.Slot.Start.In(zone).Format("Monday, January 2, 3:04 pm"), Who: whoOf(e),
		Back: agendaHref(e.Slot.Start.In(zone), false, ""), State: e.State, Free: e.State == "free" && e.Slot.Start.After(d.now()), Blocked: e.State == "busy-unavailable"}
}

// showSlot is one time.
func (d *Desk) showSlot(w http.ResponseWriter, r *http.Request) error {
	e, err := d.slotOf(r)
	if err != nil {
		return err
	}
	v := d.slotViewOf(e)
	return d.Site.Render(w, r, http.StatusOK, slotPage(d.view(r, v.Title+", "+v.When, "schedule"), v))
}

// findForSlot finds the patient for whom the time is.
func (d *Desk) findForSlot(w http.ResponseWriter, r *http.Request) error {
	e, err := d.slotOf(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return err
	}
	v := d.slotViewOf(e)
	v.Query = strings.TrimSpace(strings.ToValidUTF8(cut(r.PostFormValue("q"), 80), ""))
	if v.Asked = v.Query != ""; v.Asked {
		list, err := d.find(r, pass, v.Query)
		if err != nil {
			return err
		}
		if v.More = len(list) > findMost; v.More {
			list = list[:findMost]
		}
		for _, p := range list {
			row := d.personRow(p)
			row.Href = p.ID
			v.Found = append(v.Found, row)
		}
	}
	return d.Site.Render(w, r, http.StatusOK, slotPage(d.view(r, v.Title+", "+v.When, "schedule"), v))
}

// bookSlot books the time for a patient.
func (d *Desk) bookSlot(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.one(r, access.BookVisits, in.Get("patient"))
	if err != nil {
		return err
	}
	via := "desk"
	if in.Get("via") == "phone" {
		via = "phone"
	}
	v, err := d.Agenda.BookFor(r.Context(), pass, r.PathValue("slot"), via)
	if errs.KindOf(err) == errs.Conflict {
		http.Redirect(w, r, agendaPath+"?note=gone", http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/patients/"+url.PathEscape(v.Patient)+"/visits/"+v.ID+"?note=booked", http.StatusSeeOther)
	return nil
}

// changeSlot blocks, removes or opens a time.
func (d *Desk) changeSlot(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	e, err := d.slotOf(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.AnswerVisits)
	if err != nil {
		return err
	}
	note := "closed"
	switch in.Get("do") {
	case "open":
		note, err = "opened", d.Agenda.Reopen(r.Context(), pass, e.Slot.ID)
	case "remove", "block":
		err = d.Agenda.Shut(r.Context(), pass, e.Slot.ID, in.Get("do") == "remove")
	default:
		return errNowhere
	}
	if errs.KindOf(err) == errs.Conflict {
		note, err = "gone", nil
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, agendaHref(e.Slot.Start.In(d.Site.Clinic.Zone), false, "")+"&note="+note, http.StatusSeeOther)
	return nil
}

// openingsView is the page on which times are opened and closed.
type openingsView struct {
	Rooms    []option
	People   []option // clinicians, by reference
	Services []Service
	In       url.Values
	Err      string
	ErrAt    string // open, room, close
	Said     string
}

// showOpenings is the page on which times are opened and closed.
func (d *Desk) showOpenings(w http.ResponseWriter, r *http.Request) error {
	return d.renderOpenings(w, r, http.StatusOK, openingsView{In: url.Values{}})
}

func (d *Desk) renderOpenings(w http.ResponseWriter, r *http.Request, status int, v openingsView) error {
	pass, err := d.all(r, access.AnswerVisits)
	if err != nil {
		return err
	}
	rooms, err := d.Agenda.Rooms(r.Context(), pass)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, room := range rooms {
		text := room.With + " · " + room.Title
		if room.Where != "" {
			text += " · " + room.Where
		}
		v.Rooms = append(v.Rooms, option{Value: room.ID, Text: text})
		if room.Ref != "" && !seen[room.Ref] {
			seen[room.Ref] = true
			v.People = append(v.People, option{Value: room.Ref, Text: room.With})
		}
	}
	v.Services, v.Said = d.Services, noteOf(r)
	title := "Open and close times"
	if v.Err != "" {
		title = "Please check: " + title
	}
	return d.Site.Render(w, r, status, openingsPage(d.view(r, title, "schedule"), v))
}

// again shows the page anew where something was wrong in a form, and leads on
// where it was done.
func (d *Desk) again(w http.ResponseWriter, r *http.Request, in url.Values, at, note string, err error) error {
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict) {
		return d.renderOpenings(w, r, http.StatusUnprocessableEntity, openingsView{In: in, Err: errs.Say(err), ErrAt: at})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, slotsPath+"?note="+note, http.StatusSeeOther)
	return nil
}

var errClock = errs.New(errs.Invalid, "Please write days and times as the fields ask for them.")

// addOpening opens times.
func (d *Desk) addOpening(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.AnswerVisits)
	if err != nil {
		return err
	}
	o, err := d.openingOf(in)
	if err == nil {
		_, err = d.Agenda.Add(r.Context(), pass, o)
	}
	return d.again(w, r, in, "open", "added", err)
}

func (d *Desk) openingOf(in url.Values) (visit.Opening, error) {
	zone := d.Site.Clinic.Zone
	first, e1 := time.ParseInLocation(time.DateOnly, in.Get("first"), zone)
	last, e2 := time.ParseInLocation(time.DateOnly, in.Get("last"), zone)
	if in.Get("last") == "" {
		last, e2 = first, nil
	}
	from, e3 := dayMinutes(in.Get("from"))
	to, e4 := dayMinutes(in.Get("to"))
	each, e5 := strconv.Atoi(in.Get("minutes"))
	if err := errors.Join(e1, e2, e3, e4, e5); err != nil {
		return visit.Opening{}, errClock.Because(err)
	}
	o := visit.Opening{Room: in.Get("room"), First: first, Last: last, From: from, To: to, Minutes: each}
	for _, day := range in["day"] {
		if n, err := strconv.Atoi(day); err == nil && n >= 0 && n < 7 {
			o.Days |= 1 << n
		}
	}
	return o, nil
}

// dayMinutes reads a time of day: 14:30.
func dayMinutes(text string) (int, error) {
	t, err := time.Parse("15:04", text)
	return t.Hour()*60 + t.Minute(), err
}

// addRoom adds a clinician with a service.
func (d *Desk) addRoom(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.AnswerVisits)
	if err != nil {
		return err
	}
	room := visit.Room{Service: in.Get("service"), Ref: in.Get("with"), With: strings.TrimSpace(in.Get("name")), Where: strings.TrimSpace(cut(in.Get("where"), 80))}
	for _, s := range d.Services {
		if s.Code == room.Service {
			room.Title = s.Name
		}
	}
	if room.Title == "" || len(room.With) > 100 {
		room.Service = "" // not one of ours: refused below
	}
	if room.With != "" {
		room.Ref = ""
	}
	_, err = d.Agenda.AddRoom(r.Context(), pass, room)
	return d.again(w, r, in, "room", "room", err)
}

// closeTimes blocks or removes the free times of a clinician.
func (d *Desk) closeTimes(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.AnswerVisits)
	if err != nil {
		return err
	}
	const local = "2006-01-02T15:04"
	from, e1 := time.ParseInLocation(local, in.Get("from"), d.Site.Clinic.Zone)
	to, e2 := time.ParseInLocation(local, in.Get("to"), d.Site.Clinic.Zone)
	if err = errors.Join(e1, e2); err != nil {
		return d.again(w, r, in, "close", "", errClock.Because(err))
	}
	_, err = d.Agenda.Close(r.Context(), pass, in.Get("with"), from, to, in.Get("remove") == "yes")
	return d.again(w, r, in, "close", "closed", err)
}

// serviceView is what patients are told about getting ready.
type serviceView struct {
	Code, Name, Lines, Spanish string
	Err, Said                  string
}

// showServices lists the services and the paper to sign.
func (d *Desk) showServices(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.all(r, access.AnswerVisits); err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, servicesPage(d.view(r, "Getting ready for a visit", "schedule"), d.Services, d.CheckIns != nil))
}

// serviceOf finds a service by its code.
func (d *Desk) serviceOf(r *http.Request) (Service, error) {
	for _, s := range d.Services {
		if s.Code == r.PathValue("service") {
			return s, nil
		}
	}
	return Service{}, errNowhere
}

// showService is the form of one service.
func (d *Desk) showService(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.all(r, access.AnswerVisits); err != nil {
		return err
	}
	s, err := d.serviceOf(r)
	if err != nil {
		return err
	}
	a, err := d.Agenda.Advice(r.Context(), s.Code)
	if err != nil {
		return err
	}
	v := serviceView{Code: s.Code, Name: s.Name, Lines: strings.Join(a.Lines, "\n"), Spanish: strings.Join(a.Spanish, "\n"), Said: noteOf(r)}
	return d.Site.Render(w, r, http.StatusOK, servicePage(d.view(r, "Getting ready: "+s.Name, "schedule"), v))
}

// saveService keeps it.
func (d *Desk) saveService(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.AnswerVisits)
	if err != nil {
		return err
	}
	s, err := d.serviceOf(r)
	if err != nil {
		return err
	}
	err = d.Agenda.SetAdvice(r.Context(), pass, s.Code, in.Get("lines"), in.Get("spanish"))
	if errs.KindOf(err) == errs.Invalid {
		v := serviceView{Code: s.Code, Name: s.Name, Lines: in.Get("lines"), Spanish: in.Get("spanish"), Err: errs.Say(err)}
		return d.Site.Render(w, r, http.StatusUnprocessableEntity, servicePage(d.view(r, "Please check: Getting ready: "+s.Name, "schedule"), v))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/services/"+s.Code+"?note=saved", http.StatusSeeOther)
	return nil
}

// showPaper is the form of what patients sign when they check in.
func (d *Desk) showPaper(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.all(r, access.AnswerVisits); err != nil {
		return err
	}
	if d.CheckIns == nil {
		return errNowhere
	}
	p, err := d.CheckIns.Paper(r.Context())
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, paperPage(d.view(r, "What patients sign", "schedule"), p, "", noteOf(r)))
}

// savePaper writes a new version.
func (d *Desk) savePaper(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.AnswerVisits)
	if err != nil {
		return err
	}
	if d.CheckIns == nil {
		return errNowhere
	}
	p := checkin.Paper{Title: in.Get("title"), Text: in.Get("text"), TitleES: in.Get("title_es"), TextES: in.Get("text_es")}
	if err = d.CheckIns.SetPaper(r.Context(), pass, p); errs.KindOf(err) == errs.Invalid {
		return d.Site.Render(w, r, http.StatusUnprocessableEntity, paperPage(d.view(r, "Please check: What patients sign", "schedule"), p, errs.Say(err), ""))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/services/paper?note=saved", http.StatusSeeOther)
	return nil
}
