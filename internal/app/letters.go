package app

import (
	"hale/internal/face/desk"
	"hale/internal/gateway/letters"
	"hale/internal/reach"
	"hale/internal/reach/letter"
)

// openLetters makes the list of letters to print and the gateway that fills
// it. It is always there: every clinic has a printer.
func (a *App) openLetters() {
	a.letters = letter.NewStore(a.db, a.ids, a.c.Now)
	a.senders.add(letters.New(a.letters), desk.Sender{Channel: reach.Post, Through: "your staff's printer", From: a.c.Clinic.Address, OK: true})
}

// deskLetters adds the letters to the desk.
func (a *App) deskLetters(c desk.Config) desk.Config {
	a.letters.Ledger = a.Reach
	c.Post, c.Papers = a.letters, a.Reach
	return c
}
