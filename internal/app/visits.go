package app

import (
	"context"
	"encoding/json"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/checkin"
	"hale/internal/care/visit"
	"hale/internal/face/portal"
	"hale/internal/reach"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// The jobs about visits: to tell a patient, and to end offers that nobody
// answered.
const (
	tellVisitJob = "visit.tell"
	lapseJob     = "visit.lapse"
)

// visitNotices tells patients what others did with their visits, and what
// earlier time is theirs to take.
type visitNotices struct{ a *App }

// TellVisit adds the notice in the transaction of its cause. Words are read
// from the record when it is written: a job holds none.
func (n visitNotices) TellVisit(ctx context.Context, tx *db.Tx, notice visit.Notice) error {
	notice.Reason = ""
	return n.a.queue.Add(ctx, tx, jobs.Job{Kind: tellVisitJob, Args: notice, Unique: notice.Kind + notice.Visit + notice.Offer})
}

// visitWorks are the jobs about visits.
type visitWorks struct{ a *App }

// Handlers returns them.
func (w visitWorks) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{tellVisitJob: w.a.tellVisit, lapseJob: w.a.lapseOffers}
}

// Periodic says how often offers are looked at.
func (visitWorks) Periodic() []jobs.Periodic {
	return []jobs.Periodic{{Kind: lapseJob, Every: time.Minute}}
}

// lapseOffers ends what nobody answered in time.
func (a *App) lapseOffers(ctx context.Context, _ json.RawMessage) error {
	pass, err := a.Doors.CheckAll(ctx, access.SystemActor("visits", access.AnswerPatients), access.AnswerPatients)
	if err != nil {
		return err
	}
	_, err = a.Visits.Lapse(ctx, pass)
	return err
}

// tellVisit writes one notice, unless what it is about is over.
func (a *App) tellVisit(ctx context.Context, args json.RawMessage) error {
	var n visit.Notice
	if err := json.Unmarshal(args, &n); err != nil {
		return err
	}
	pass, err := a.Doors.Check(ctx, access.SystemActor("visits", access.BookVisits), access.BookVisits, n.Patient)
	if err != nil {
		return err
	}
	t := reach.News{Patient: n.Patient, Within: 48 * time.Hour, In: func(ctx context.Context, tx *db.Tx, message string, leaves time.Time) error {
		return a.Visits.Noticed(ctx, tx, message, n, leaves)
	}}
	if n.Kind == visit.ToldOffer {
		o, err := a.Visits.Offer(ctx, pass, n.Offer)
		if err != nil || o.State != visit.OfferOpen {
			return err
		}
		t.Within = max(o.Slot.Start.Sub(a.c.Now()), time.Minute)
		t.Words = offerWords(o, a.c.Clinic.Zone)
	} else {
		v, err := a.Visits.Get(ctx, pass, n.Visit)
		if err != nil {
			return err
		}
		more, err := a.Visits.Detail(ctx, pass, n.Visit)
		if err != nil {
			return err
		}
		t.Words = visitNews(n.Kind, v, more.Reason, a.c.Clinic.Zone)
	}
	_, err = a.Reach.Inform(ctx, t)
	return err
}

// at says a day and a time in a language.
func at(l lang.Lang, t time.Time, zone *time.Location) string {
	return l.T("%s at %s", l.Date(t.In(zone)), l.Clock(t.In(zone)))
}

// offerWords are those of an earlier time. A text names no service.
func offerWords(o visit.Offer, zone *time.Location) func(l lang.Lang, leaves time.Time) (title, line, page string) {
	return func(l lang.Lang, leaves time.Time) (title, line, page string) {
		by := at(l, visit.Until(leaves, o.Slot.Start), zone)
		title = l.T("An earlier time came free")
		line = l.T("an earlier time came free for your visit. Please answer by %s.", by)
		page = l.T("You asked us to tell you when an earlier time comes free. Now there is one: %s.", at(l, o.Slot.Start, zone)) + "\n\n" +
			l.T("It is kept for you until %s. If you do nothing, you keep the time you have: %s.", by, at(l, o.Now, zone))
		return title, line, page
	}
}

// visitNews are the words about what the clinic did with a visit.
func visitNews(kind string, v visit.Visit, reason string, zone *time.Location) func(l lang.Lang, leaves time.Time) (title, line, page string) {
	return func(l lang.Lang, _ time.Time) (title, line, page string) {
		when := at(l, v.Start, zone)
		switch kind {
		case visit.ToldCancelled:
			title, line = l.T("Your visit is cancelled"), l.T("your visit is cancelled. Please read why, and choose another time.")
			page = l.T("We are sorry: we had to cancel your visit on %s.", when)
			if reason != "" {
				page += "\n\n" + reason
			}
			page += "\n\n" + l.T("Please choose another time, or call us and we will find one with you.")
		case visit.ToldMoved:
			title, line = l.T("Your visit has a new time"), l.T("your visit has a new time. Please look if it suits you.")
			page = l.T("Your visit is now on %s.", when) + "\n\n" + l.T("If that does not suit you, please choose another time.")
		default:
			title, line = l.T("A visit is booked for you"), l.T("a visit is booked for you.")
			page = l.T("We have booked a visit for you on %s.", when) + "\n\n" + l.T("If that does not suit you, please choose another time.")
		}
		return title, line, page
	}
}

// checkIn makes what lets patients check in before a visit.
func (a *App) checkIn() *portal.CheckIn {
	return &portal.CheckIn{Store: a.checkins(), Points: a.contacts, Forms: a.forms.store}
}

func (a *App) checkins() *checkin.Store {
	return checkin.NewStore(checkin.Config{
		DB: a.db, Records: a.Record, Visits: a.Visits, Tasks: a.Tasks, Letters: a.letterbox(), Events: a.events, IDs: a.ids, Now: a.c.Now, Key: a.c.Key,
	})
}
