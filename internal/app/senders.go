package app

import (
	"context"
	"io"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/lang"
	"hale/internal/face/desk"
	"hale/internal/gateway/inbox"
	"hale/internal/reach"
)

// senders are the gateways that the configuration names.
type senders struct {
	gateways []reach.Gateway
	closers  []io.Closer
	shown    []desk.Sender
}

// openSenders makes a gateway for each channel that is configured. The
// portal's own inbox is always there.
func (a *App) openSenders() (senders, error) {
	c := a.c
	s := senders{gateways: []reach.Gateway{inbox.New(nil)}}
	s.shown = append(s.shown, desk.Sender{Channel: reach.Inbox, Through: "this portal", OK: true})
	mail, err := a.mailGateway()
	if err != nil {
		return s, err
	}
	if mail != nil {
		s.add(mail, desk.Sender{Channel: reach.Email, Through: c.Mail.through(), From: c.Mail.From, OK: true, Note: c.Mail.words()})
	}
	return s, a.openTexts(&s)
}

func (s *senders) add(g reach.Gateway, shown desk.Sender) {
	s.gateways = append(s.gateways, g)
	s.shown = append(s.shown, shown)
	if c, ok := g.(io.Closer); ok {
		s.closers = append(s.closers, c)
	}
}

func (s *senders) close() {
	for _, c := range s.closers {
		_ = c.Close() // idle connections; there is nothing to do about them
	}
}

// codes sends sign-in codes through the ledger of reach.
type codes struct {
	engine *reach.Engine
	clinic string
}

// SendCode sends one code. Its words name no health matter.
func (c codes) SendCode(ctx context.Context, d account.Delivery) error {
	l := lang.Pick("", d.Lang)
	return c.engine.SendNow(ctx, reach.Direct{
		Purpose: "security", Channel: reach.Channel(d.Channel), To: d.To, Lang: d.Lang, Patient: d.Patient,
		Subject: l.T("Your code for %s", c.clinic),
		Text:    l.T("%s: your sign-in code is %s. It works for 10 minutes. We never ask you for it by phone.", c.clinic, d.Code),
	})
}

// directory is what account needs to know of people on record.
type directory struct{ a *App }

// PatientsAt returns the patients whose record has the address.
func (d directory) PatientsAt(ctx context.Context, kind, value string) ([]string, error) {
	return d.a.contacts.PatientsAt(ctx, kind, value)
}

// BornOn says whether the patient was born on date.
func (d directory) BornOn(ctx context.Context, patient, date string) (bool, error) {
	return d.a.patients.BornOn(ctx, patient, date)
}

// Person returns a patient's name and language. The look is audited as the
// sign-in's own.
func (d directory) Person(ctx context.Context, patient string) (name, language string, err error) {
	pass, err := d.a.Doors.Check(ctx, access.SystemActor("sign-in", access.ReadContacts), access.ReadContacts, patient)
	if err != nil {
		return "", "", err
	}
	p, err := d.a.patients.Get(ctx, pass)
	return p.Full, p.Lang, err
}
