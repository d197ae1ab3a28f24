package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/care/task"
	"hale/internal/care/thread"
	"hale/internal/demo/town"
	"hale/internal/store/db"
)

// writesUs has Maria ask about her medicine and be answered, and Lucía ask
// about a visit for her, so that both sides have threads from the first
// second.
func (d *Demo) writesUs(ctx context.Context, a *App) error {
	staff, err := a.Accounts.Staff(ctx)
	if err != nil {
		return err
	}
	nurse, ok := holder(staff, access.Nurse)
	maria, okMaria, err := a.accountOf(ctx, town.Maria)
	if err != nil {
		return err
	}
	lucia, okLucia, err := a.accountOf(ctx, town.Lucia)
	if err != nil {
		return err
	}
	if !ok || !okMaria || !okLucia {
		return errors.New("demo: nobody is nurse, or Maria, or Lucía")
	}
	daughter, err := a.Accounts.Person(ctx, lucia.ID)
	if err != nil {
		return err
	}
	id, err := a.toldAt(ctx, 38*time.Hour, a.proved(ready(maria)), thread.New{Reason: "medicine", Title: "Metformin and nausea",
		Words: thread.Words{Text: "I started metformin last week and feel sick in the mornings. Should I keep taking it?"}})
	if err != nil {
		return fmt.Errorf("demo: threads: %w", err)
	}
	pass, err := a.Doors.Check(ctx, a.proved(ready(nurse)), access.AnswerPatients, town.Maria)
	if err != nil {
		return err
	}
	then := a.threadsAt(20 * time.Hour)
	err = a.db.Tx(ctx, func(tx *db.Tx) error {
		return then.AnswerTx(ctx, tx, pass, id, "", thread.Words{Text: "Yes, take it with food. If the nausea does not ease in a week, or you cannot keep food down, tell us and we will change it."})
	})
	if err != nil {
		return fmt.Errorf("demo: threads: %w", err)
	}
	_, err = a.toldAt(ctx, 2*time.Hour, a.proved(daughter), thread.New{Reason: "appointment", Words: thread.Words{Text: "Can my mother come in the afternoon? I drive her, and I work until two."}})
	if err != nil {
		return fmt.Errorf("demo: threads: %w", err)
	}
	return d.translates(ctx, a, nurse)
}

// toldAt begins a thread about Maria some time ago.
func (a *App) toldAt(ctx context.Context, ago time.Duration, who access.Actor, in thread.New) (string, error) {
	pass, err := a.Doors.Check(ctx, who, access.SendMessages, town.Maria)
	if err != nil {
		return "", err
	}
	return a.threadsAt(ago).Start(ctx, pass, in)
}

// threadsAt is the store of threads as it was some time ago.
func (a *App) threadsAt(ago time.Duration) *thread.Store {
	then := func() time.Time { return a.c.Now().Add(-ago) }
	tasks := task.NewStore(a.db, a.Record, a.events, a.ids, then, a.hours)
	return thread.NewStore(a.db, a.Record, tasks, a.events, a.ids, then, a.Keys)
}
