package app

import (
	"context"
	"fmt"
	"time"

	"hale/internal/demo/town"
	"hale/internal/reach"
	"hale/internal/reach/dialog"
	"hale/internal/store/db"
)

// talked are what some of the town have written lately, so that the desk's
// inbox has conversations from the first second.
var talked = []struct {
	ago     time.Duration
	channel reach.Channel
	text    string
	lang    string
}{
	{26 * time.Hour, reach.SMS, "Hi, can I bring my mother to the visit? She hears better than I do.", "en"},
	{5 * time.Hour, reach.SMS, "¿A qué hora abren el lunes?", "es"},
	{3 * time.Hour, dialog.Page, "I read the page about the eye exam. Do I have to stop my drops before?", "en"},
	{90 * time.Minute, reach.Email, "Thank you for the note. My insurance changed in the spring; whom do I tell?", "en"},
	{20 * time.Minute, reach.SMS, "Running ten minutes late, sorry!", "en"},
}

// talks has them write.
func (d *Demo) talks(ctx context.Context, a *App) error {
	now := a.c.Now()
	return a.db.Tx(ctx, func(tx *db.Tx) error {
		next := 0
		for i, t := range talked {
			h := dialog.Heard{Channel: t.channel, Text: t.text, At: now.Add(-t.ago), Key: fmt.Sprint("town ", d.town.Seed, " ", i)}
			for ; next < len(d.town.Residents) && h.Patient == ""; next++ {
				writes(&h, d.town.Residents[next], t.lang)
			}
			if h.Patient == "" {
				return nil // a very small town
			}
			if err := a.Reach.Dialogs.Heard(ctx, tx, h); err != nil {
				return err
			}
		}
		return a.Reach.Dialogs.Heard(ctx, tx, dialog.Heard{Channel: reach.SMS, From: "+17085550199", Text: "Who is this? I never was at your clinic.", Meaning: "wrong_person", At: now.Add(-40 * time.Minute), Key: fmt.Sprint("town ", d.town.Seed, " stranger")})
	})
}

// writes has p say h, if p is one who would.
func writes(h *dialog.Heard, p town.Resident, lang string) {
	odd := p.Traits&(town.SharedPhone|town.SharedEmail|town.RepliesStop|town.NotThem|town.NoService|town.BouncingEmail) != 0
	if odd || p.Lang != lang || p.Phone == "" || p.Email == "" {
		return
	}
	h.Patient = p.Patient
	switch h.Channel {
	case reach.SMS:
		h.From = p.Phone
	case reach.Email:
		h.From = p.Email
	}
}
