package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/care/checkin"
	"hale/internal/care/visit"
)

// today has the people who have a visit on the town's day come, or not, as
// far as the day is gone: those whose time is over were seen, the next are in
// the waiting room, the others began to check in from home.
func (d *Demo) today(ctx context.Context, a *App) error {
	staff, err := a.Accounts.Staff(ctx)
	if err != nil {
		return err
	}
	nurse, ok := holder(staff, access.Nurse)
	if !ok {
		return errors.New("demo: nobody is nurse")
	}
	pass, err := a.Doors.CheckAll(ctx, a.proved(actorOf(nurse)), access.AnswerPatients)
	if err != nil {
		return err
	}
	day := d.town.Day
	list, err := a.Visits.Agenda(ctx, pass, day, day.AddDate(0, 0, 1))
	if err != nil {
		return fmt.Errorf("demo: today: %w", err)
	}
	later := 0
	for _, e := range list {
		v := e.Visit
		if v.ID == "" || v.Status != visit.Booked {
			continue
		}
		switch left := v.Start.Sub(a.c.Now()); {
		case !v.End.After(a.c.Now()):
			err = d.seen(ctx, a, nurse, v)
		case left < 40*time.Minute:
			err = d.checksIn(ctx, a, v, len(checkin.Steps))
		default:
			err = d.checksIn(ctx, a, v, max(0, 4-later))
			later++
		}
		if err != nil {
			return fmt.Errorf("demo: today: visit %s: %w", v.ID, err)
		}
	}
	return nil
}

// seen notes that somebody was there; who has the visit at 9:20 never came.
func (d *Demo) seen(ctx context.Context, a *App, nurse account.Account, v visit.Visit) error {
	pass, err := a.Doors.Check(ctx, a.proved(actorOf(nurse)), access.BookVisits, v.Patient)
	if err != nil {
		return err
	}
	if v.Start.In(a.c.Clinic.Zone).Minute() == 20 && v.Start.In(a.c.Clinic.Zone).Hour() == 9 {
		return a.Visits.MarkAs(ctx, pass, v.ID, visit.MarkNoShow)
	}
	if err := a.Visits.MarkAs(ctx, pass, v.ID, visit.MarkArrived); err != nil {
		return err
	}
	return a.Visits.MarkAs(ctx, pass, v.ID, visit.MarkDone)
}

// checksIn has somebody take the first n steps of checking in. Who comes as
// far as the third takes a pill more than the record knows.
func (d *Demo) checksIn(ctx context.Context, a *App, v visit.Visit, n int) error {
	who, err := a.self(ctx, v.Patient)
	if err != nil {
		return err
	}
	pass, err := a.Doors.Check(ctx, who, access.BookVisits, v.Patient)
	if err != nil {
		return err
	}
	store := a.checkins()
	also := ""
	if n == 3 {
		also = "Fish oil, one capsule each morning"
	}
	for _, step := range checkin.Steps[:n] {
		switch step {
		case checkin.You:
			err = store.You(ctx, pass, v.ID, nil)
		case checkin.Insurance:
			err = store.Card(ctx, pass, pass, v.ID, nil, nil)
		case checkin.Medicines:
			err = store.Meds(ctx, pass, v.ID, nil, also)
		case checkin.Forms:
			err = store.Forms(ctx, pass, v.ID)
		case checkin.Sign:
			err = d.agrees(ctx, a, pass, v)
		case checkin.Arrive:
			err = store.Here(ctx, pass, v.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// agrees has somebody sign the clinic's paper.
func (d *Demo) agrees(ctx context.Context, a *App, pass access.Pass, v visit.Visit) error {
	paper, err := a.checkins().Paper(ctx)
	if err != nil {
		return err
	}
	return a.checkins().Sign(ctx, pass, v.ID, checkin.Signature{Version: paper.N, Lang: "en", Name: d.nameOf(v.Patient), Agree: true})
}
