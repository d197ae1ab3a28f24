package app

import (
	"hale/internal/face/desk"
	"hale/internal/gateway/calls"
	"hale/internal/reach"
	"hale/internal/reach/call"
)

// openCalls makes the list of calls and the gateway that fills it. It is
// always there: every clinic has a telephone.
func (a *App) openCalls() {
	a.calls = call.NewStore(a.db, a.ids, a.c.Now)
	a.senders.add(calls.New(a.calls), desk.Sender{Channel: reach.Voice, Through: "your staff's call list", From: a.c.Clinic.Phone, OK: true})
}

// deskCalls adds the list to the desk, and who else asks for messages.
func (a *App) deskCalls(c desk.Config) desk.Config {
	c.Calls, c.Caller, c.Programs = a.calls, a.Reach, a.Hooks
	return a.deskLetters(c)
}
