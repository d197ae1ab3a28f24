package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/care/thread"
	"hale/internal/demo/town"
	"hale/internal/store/db"
)

// translates has the town's nurse be down for Spanish, and what was written to
// a patient who reads Spanish wait for a translation.
func (d *Demo) translates(ctx context.Context, a *App, nurse account.Account) error {
	i := slices.IndexFunc(d.town.Residents, func(r town.Resident) bool { return strings.HasPrefix(r.Lang, "es") && r.Age >= 18 })
	if i < 0 {
		return nil // too small a town
	}
	all, err := a.Doors.CheckAll(ctx, access.SystemActor("demo", access.ManageUsers), access.ManageUsers)
	if err != nil {
		return err
	}
	pass, err := a.Doors.Check(ctx, a.proved(ready(nurse)), access.AnswerPatients, d.town.Residents[i].Patient)
	if err != nil {
		return err
	}
	err = errors.Join(a.translations.SetSpeaks(ctx, all, nurse.ID, []string{"es"}), a.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := a.Threads.BeginTx(ctx, tx, pass, thread.New{Reason: "appointment", Title: "Before your visit",
			Words: thread.Words{Text: "Please bring all your medicines in their boxes. You may eat before you come.", Lang: "en", Translate: "es"}}, "", "demo-translation")
		return err
	}))
	if err != nil {
		return fmt.Errorf("demo: translations: %w", err)
	}
	return nil
}
