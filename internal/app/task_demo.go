package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/care/task"
	"hale/internal/demo/town"
)

// asked are what some of the town asked lately, so that the desk's queue has
// something of each sort, and something late, from the first second. The
// first two are Maria's.
var asked = []struct {
	ago    time.Duration
	in     task.New
	note   string // what the nurse said on the way
	answer string
}{
	{50 * time.Hour, task.New{Kind: task.Insurance, Title: "My insurance card changed", Text: "The new card came by mail. Do you need it before my visit?"}, "",
		"Yes, please bring it along. Everything else stays as it is."},
	{30 * time.Hour, task.New{Kind: task.MedicineQuestion, Title: "Grapefruit and my blood pressure pills", Text: "A neighbor says that I must not eat grapefruit with them. Is that so?"},
		"I asked our pharmacist and will tell you tomorrow.", ""},
	{12 * 24 * time.Hour, task.New{Kind: task.Record, Title: "My old address is on the letter", Text: "I moved in May. The last letter went to Oak Street."}, "", ""},
	{26 * time.Hour, task.New{Kind: task.Booking, Title: "A visit early in the morning", Text: "I start work at nine. Is there any day with a time before eight?"}, "", ""},
	{3 * time.Hour, task.New{Kind: task.MedicineQuestion, Title: "Cough syrup with my other medicines", Text: "Which one may I take? The pharmacy has three."}, "", ""},
}

// replies are saved texts to begin with.
var replies = []task.Reply{
	{Title: "We look into it", Words: "Dear {first}, thank you for writing. We look into it and tell you by the end of tomorrow."},
	{Title: "Please call us", Words: "Dear {first}, this is easier to settle on the phone. Please call us, or write when we can call you."},
	{Kind: task.MedicineQuestion, Title: "Take it with food", Words: "Dear {first}, please take it with food. If it does not get better in a week, write to us again."},
	{Kind: task.Insurance, Title: "Bring the new card", Words: "Dear {first}, please bring the new card to your next visit. You need not do anything before."},
}

// askClinic has them ask, and the nurse begin on some of it.
func (d *Demo) askClinic(ctx context.Context, a *App) error {
	staff, err := a.Accounts.Staff(ctx)
	if err != nil {
		return err
	}
	account, ok := holder(staff, access.Nurse)
	if !ok || len(d.town.Residents) < 40 {
		return errors.New("demo: nobody is nurse, or the town is too small")
	}
	nurse := a.proved(actorOf(account))
	all, err := a.Doors.CheckAll(ctx, nurse, access.AnswerPatients)
	if err != nil {
		return err
	}
	for _, r := range replies {
		if err := a.Tasks.SaveReply(ctx, all, r); err != nil {
			return fmt.Errorf("demo: asks: %w", err)
		}
	}
	for i, one := range asked {
		who := town.Maria
		if i > 1 {
			who = d.town.Residents[28+3*i].Patient
		}
		if err := a.askedOnce(ctx, nurse, who, i); err != nil {
			return fmt.Errorf("demo: asks %s: %w", one.in.Kind, err)
		}
	}
	return nil
}

// askedOnce has one of them asked, and the nurse do her part some hours later.
func (a *App) askedOnce(ctx context.Context, nurse access.Actor, who string, i int) error {
	one := asked[i]
	at := func(ago time.Duration) *task.Store {
		then := a.c.Now().Add(-ago)
		return task.NewStore(a.db, a.Record, a.events, a.ids, func() time.Time { return then }, a.hours)
	}
	self := a.proved(access.Actor{Kind: access.Patient, ID: "resident", Patient: who, Proof: access.Proof{Zone: access.PortalZone}})
	if own, ok, err := a.accountOf(ctx, who); err != nil {
		return err
	} else if ok {
		self = a.proved(ready(own))
	}
	pass, err := a.Doors.Check(ctx, self, access.SendMessages, who)
	if err != nil {
		return err
	}
	t, err := at(one.ago).Ask(ctx, pass, one.in)
	if err != nil || one.note+one.answer == "" {
		return err
	}
	desk, err := a.Doors.Check(ctx, nurse, access.AnswerPatients, who)
	if err != nil {
		return err
	}
	later := at(one.ago - 2*time.Hour)
	if err := later.Claim(ctx, desk, t.ID); err != nil {
		return err
	}
	if one.answer != "" {
		return later.Close(ctx, desk, t.ID, task.Finished, one.answer)
	}
	return later.Step(ctx, desk, t.ID, task.Waiting, one.note)
}
