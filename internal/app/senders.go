package app

import (
	"context"
	"io"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/lang"
	"hale/internal/face/desk"
	"hale/internal/gateway/email"
	"hale/internal/gateway/inbox"
	"hale/internal/gateway/sms"
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
func openSenders(c Config) (senders, error) {
	s := senders{gateways: []reach.Gateway{inbox.New(nil)}}
	s.shown = append(s.shown, desk.Sender{Channel: reach.Inbox, Through: "this portal", OK: true})
	if c.Mail.Server != "" {
		g, err := email.New(email.Config{
			Addr: c.Mail.Server, TLS: email.Security(c.Mail.TLS), CA: c.Mail.CA, Onward: c.Mail.Onward,
			User: c.Mail.User, Password: c.Mail.Password, From: c.Mail.From, Now: c.Now,
		})
		if err != nil {
			return s, err
		}
		s.add(g, desk.Sender{Channel: reach.Email, Through: c.Mail.Server, From: c.Mail.From, OK: true, Note: c.Mail.words()})
	}
	if c.Text.URL != "" {
		g, err := sms.New(sms.Config{URL: c.Text.URL, Secret: c.Text.Secret, From: c.Text.From, Now: c.Now})
		if err != nil {
			return s, err
		}
		s.add(g, desk.Sender{Channel: reach.SMS, Through: c.Text.URL, From: c.Text.From, OK: true})
	}
	return s, nil
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

// words says what is known of the way a mail takes.
func (m Mail) words() string {
	if m.Onward {
		return "TLS to the relay is enforced, and you vouch that it sends on over verified TLS only."
	}
	return "TLS to the relay is " + m.TLS + ". How it sends on is up to the relay, so mail counts as not private."
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
