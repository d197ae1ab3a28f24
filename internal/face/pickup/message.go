package pickup

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/visit"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/enclosure"
	"hale/internal/reach/link"
)

// pageView is a page behind the gate.
type pageView struct {
	web.View
	Token   string
	Content reach.Content
	Pay     bool         // it is about a bill
	Offers  []visit.Slot // a few times to choose from
	Days    []slotDay    // more of them
	Later   string       // address of the next days, empty for none
	Earlier string       // address of the first days, empty for none
	Visit   visit.Visit  // what was booked from here, or what the message is about
	Offer   visit.Offer  // an earlier time that the message offers
	Note    string       // what was just done with the visit
	Taken   bool         // somebody else took the time
	Read    bool         // the person has just said so
	NoTime  bool         // the person chose none
	Phrase  string       // by which the person knows our messages
	Files   []enclosure.File
	Empty   bool // the person sent an answer without words
	Talk    talkView
	Said    web.Words // the clinic's words that the message told of, where they are translated
	Zone    *time.Location
}

// slotDay is the free times of one day.
type slotDay struct {
	Day   time.Time
	Slots []visit.Slot
}

// page opens what a page behind the gate shows. Who has no session goes back
// to the gate.
func (p *Pickup) page(r *http.Request, title string) (pageView, link.Opened, error) {
	o, pass, err := p.enter(r, access.ReadMessage)
	if err != nil {
		return pageView{}, o, err
	}
	c, err := p.Reach.Content(r.Context(), pass, o.Message)
	if err != nil {
		return pageView{}, o, err
	}
	return pageView{View: p.view(r, title), Token: r.PathValue("token"), Content: c, Zone: p.Site.Clinic.Zone}, o, nil
}

// inside runs h for a browser with a session; another one goes to the gate.
func toGate(w http.ResponseWriter, r *http.Request, err error) error {
	if errors.Is(err, link.ErrGone) {
		return see(w, r, "")
	}
	return err
}

// message shows the message. Only here is it seen: after a POST, by somebody
// who passed the second factor.
func (p *Pickup) message(w http.ResponseWriter, r *http.Request) error {
	v, o, err := p.page(r, "Your message")
	if err != nil {
		return toGate(w, r, err)
	}
	if err := p.revealed(r, o, v.Content); err != nil {
		return err
	}
	if err := p.beside(r, o, &v); err != nil {
		return err
	}
	if v.Visit, err = p.visitOf(r, o); err != nil {
		return err
	}
	if v.Offer, err = p.offered(r, o); err != nil {
		return err
	}
	if v.Content.Service != "" && v.Visit.ID == "" {
		free, err := p.free(r, v.Content.Service, p.earliest())
		if err != nil {
			return err
		}
		v.Offers = offer(free, v.Zone)
	}
	if v.Pay, err = p.owes(r, o); err != nil {
		return err
	}
	if err := p.fillTalk(r, o, &v); err != nil {
		return err
	}
	v.Read = r.URL.Query().Get("note") == "read"
	v.NoTime = r.URL.Query().Get("note") == "choose"
	return p.Site.Render(w, r, http.StatusOK, messagePage(v))
}

// revealed records the first time that the message was really shown.
func (p *Pickup) revealed(r *http.Request, o link.Opened, c reach.Content) error {
	if r.Method != http.MethodGet {
		return nil
	}
	fresh, err := p.prove(r, link.Revealed)
	if err != nil || !fresh {
		return err
	}
	if p.Shown != nil {
		pass, err := p.act(r, o, access.ReadMessage, inside...)
		if err != nil {
			return err
		}
		if err := p.Shown(r.Context(), pass, o.Message); err != nil {
			return err
		}
	}
	if !c.SeenAt.IsZero() {
		return nil
	}
	return p.markInside(r, o, "revealed", nil)
}

// prove writes down what the reader did in this half hour.
func (p *Pickup) prove(r *http.Request, m link.Mark) (fresh bool, err error) {
	return p.Links.Prove(r.Context(), r.PathValue("token"), p.Site.Cookie(r, sessionCookie), m)
}

// markInside marks the message for somebody who passed the second factor.
func (p *Pickup) markInside(r *http.Request, o link.Opened, kind string, data any) error {
	pass, err := p.act(r, o, access.ReadMessage, inside...)
	if err != nil {
		return err
	}
	return p.Reach.Mark(r.Context(), pass, o.Message, kind, data)
}

// visitOf returns the visit that was booked from this message, or that it is
// about, and is still to come; or the zero visit.
func (p *Pickup) visitOf(r *http.Request, o link.Opened) (visit.Visit, error) {
	pass, err := p.act(r, o, access.BookVisits, inside...)
	if err != nil {
		return visit.Visit{}, err
	}
	led, err := p.Visits.Led(r.Context(), pass, o.Message)
	if err != nil {
		return visit.Visit{}, err
	}
	if i := slices.IndexFunc(led, func(v visit.Visit) bool { return v.Open(p.Now()) }); i >= 0 {
		return led[i], nil
	}
	v, _, err := p.told(r, o, pass)
	if err != nil || !v.Open(p.Now()) {
		return visit.Visit{}, err
	}
	return v, nil
}

// offered returns what the message offers, whatever became of it.
func (p *Pickup) offered(r *http.Request, o link.Opened) (visit.Offer, error) {
	pass, err := p.act(r, o, access.BookVisits, inside...)
	if err != nil {
		return visit.Offer{}, err
	}
	_, offer, err := p.told(r, o, pass)
	return offer, err
}

// changeable says whether the page offers to move or cancel the visit.
func (v pageView) changeable(now time.Time) bool {
	return v.Visit.ID != "" && v.Visit.Status == visit.Booked && v.Visit.Start.After(now)
}

// offerOpen says whether the earlier time can still be taken.
func (v pageView) offerOpen() bool { return v.Offer.State == visit.OfferOpen }

const (
	lookAhead = 300 // free times to choose from
	offers    = 3
	daysShown = 4
	notice    = 2 * time.Hour // no time sooner than that
)

func (p *Pickup) earliest() time.Time { return p.Now().Add(notice) }

func (p *Pickup) free(r *http.Request, service string, from time.Time) ([]visit.Slot, error) {
	return p.Visits.Slots(r.Context(), service, from, lookAhead)
}

// byDay puts times of the same day together.
func byDay(slots []visit.Slot, zone *time.Location) []slotDay {
	var days []slotDay
	for _, s := range slots {
		day := s.Start.In(zone)
		if n := len(days); n > 0 && days[n-1].Day.Format(time.DateOnly) == day.Format(time.DateOnly) {
			if last := days[n-1].Slots; !last[len(last)-1].Start.Equal(s.Start) { // two rooms at once are one time
				days[n-1].Slots = append(last, s)
			}
			continue
		}
		days = append(days, slotDay{day, []visit.Slot{s}})
	}
	return days
}

// offer picks a few times on different days: early on the first, in the
// afternoon of the second, and so on, to suit different lives.
func offer(slots []visit.Slot, zone *time.Location) []visit.Slot {
	var list []visit.Slot
	for i, d := range byDay(slots, zone) {
		if i == offers {
			break
		}
		s := d.Slots[0]
		if i%2 == 1 {
			s = d.Slots[len(d.Slots)/2]
		}
		list = append(list, s)
	}
	return list
}

// times shows more times, a few days on a page.
func (p *Pickup) times(w http.ResponseWriter, r *http.Request) error {
	v, o, err := p.page(r, "Choose a time")
	if err != nil {
		return toGate(w, r, err)
	}
	if v.Visit, err = p.visitOf(r, o); err != nil {
		return err
	}
	if v.Content.Service == "" || v.Visit.ID != "" {
		return see(w, r, "message")
	}
	from := p.earliest()
	if at, err := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64); err == nil && at > from.Unix() && at < from.AddDate(2, 0, 0).Unix() {
		from, v.Earlier = time.Unix(at, 0), path(r, "times")
	}
	free, err := p.free(r, v.Content.Service, from)
	if err != nil {
		return err
	}
	days := byDay(free, v.Zone)
	if len(days) > daysShown {
		v.Later = path(r, "times?from="+strconv.FormatInt(days[daysShown].Slots[0].Start.Unix(), 10))
		days = days[:daysShown]
	}
	v.Days = days
	v.Taken = r.URL.Query().Get("note") == "taken"
	v.NoTime = r.URL.Query().Get("note") == "choose"
	return p.Site.Render(w, r, http.StatusOK, timesPage(v))
}

var errOther = errs.New(errs.Invalid, "That time is for another kind of visit. Please choose one of the times shown.")

// book books one of the free times of the message's service, once.
func (p *Pickup) book(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	v, o, err := p.page(r, "Choose a time")
	if err != nil {
		return toGate(w, r, err)
	}
	if v.Visit, err = p.visitOf(r, o); err != nil {
		return err
	}
	id := r.PostForm.Get("slot")
	switch {
	case v.Visit.ID != "":
		return see(w, r, "booked")
	case id == "":
		return see(w, r, fromPage(r)+"?note=choose")
	}
	slot, err := p.Visits.Slot(r.Context(), id)
	if kind := errs.KindOf(err); kind == errs.NotFound || kind == errs.Conflict {
		return see(w, r, "times?note=taken")
	}
	if err != nil {
		return err
	}
	if slot.Service != v.Content.Service {
		return errOther
	}
	pass, err := p.act(r, o, access.BookVisits, inside...)
	if err != nil {
		return err
	}
	booked, err := p.Visits.Book(r.Context(), pass, id, visit.How{Via: "link", Ref: o.Message})
	if errs.KindOf(err) == errs.Conflict {
		return see(w, r, "times?note=taken")
	}
	if err != nil {
		return err
	}
	if err := p.markInside(r, o, "acted", map[string]string{"visit": booked.ID}); err != nil {
		return err
	}
	return see(w, r, "booked")
}

// fromPage says which of the two pages with times the form stood on.
func fromPage(r *http.Request) string {
	if r.PostForm.Get("on") == "times" {
		return "times"
	}
	return "message"
}

// booked shows what was booked and what happens next.
func (p *Pickup) booked(w http.ResponseWriter, r *http.Request) error {
	v, o, err := p.page(r, "You are booked")
	if err != nil {
		return toGate(w, r, err)
	}
	if v.Visit, err = p.visitOf(r, o); err != nil {
		return err
	}
	if v.Visit.ID == "" {
		return see(w, r, "message")
	}
	v.Note = r.URL.Query().Get("note")
	return p.Site.Render(w, r, http.StatusOK, bookedPage(v))
}

// calendar sends the booked visit as a calendar file.
func (p *Pickup) calendar(w http.ResponseWriter, r *http.Request) error {
	o, _, err := p.enter(r, access.ReadMessage)
	if err != nil {
		return toGate(w, r, err)
	}
	v, err := p.visitOf(r, o)
	if err != nil {
		return err
	}
	if v.ID == "" {
		return see(w, r, "message")
	}
	p.Site.Calendar(w, web.Lang(r), v)
	return nil
}

// elsewhereAsk asks when and where it was done, which may stay empty.
func (p *Pickup) elsewhereAsk(w http.ResponseWriter, r *http.Request) error {
	v, _, err := p.page(r, "Already done?")
	if err != nil {
		return toGate(w, r, err)
	}
	return p.Site.Render(w, r, http.StatusOK, elsewherePage(v))
}

const longestNote = 500 // characters

// elsewhere leaves word that it was done at another clinic.
func (p *Pickup) elsewhere(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errForm.Because(err)
	}
	o, _, err := p.enter(r, access.ReadMessage)
	if err != nil {
		return toGate(w, r, err)
	}
	note := []rune(strings.TrimSpace(strings.ToValidUTF8(r.PostForm.Get("note"), "")))
	note = note[:min(len(note), longestNote)]
	if err := p.markInside(r, o, "done_elsewhere", map[string]string{"note": string(note)}); err != nil {
		return err
	}
	return see(w, r, "thanks/elsewhere")
}

// read leaves word that the person has read the message.
func (p *Pickup) read(w http.ResponseWriter, r *http.Request) error {
	o, _, err := p.enter(r, access.ReadMessage)
	if err != nil {
		return toGate(w, r, err)
	}
	if _, err := p.prove(r, link.Read); err != nil {
		return err
	}
	if err := p.markInside(r, o, "acknowledged", nil); err != nil {
		return err
	}
	return see(w, r, "message?note=read")
}
