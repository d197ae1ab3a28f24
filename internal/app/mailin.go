package app

import (
	"context"
	"net"
	"net/mail"
	"strings"

	"hale/internal/gateway/dkim"
	"hale/internal/gateway/email"
	"hale/internal/gateway/mailin"
	"hale/internal/reach/verp"
)

// MailIn is how the mail that comes back comes in. Without a Host no message
// has addresses of its own, and reports go to the sender's mailbox.
type MailIn struct {
	Host   string   // of the addresses, such as bounce.clinic.example
	Listen string   // HOST:PORT to take mail at; empty: only `hale mail-in` does
	LMTP   bool     // speak LMTP there
	Also   []string // addresses beside those, such as the sender's own
	Trusts string   // the server whose Authentication-Results are believed
	Sign   string   // both, rsa, ed25519 or off: with which keys outgoing mail is signed
}

// SigningKeys keeps the keys that sign outgoing mail.
func (a *App) SigningKeys() *dkim.Store { return dkim.NewStore(a.db, a.ids, a.c.Now, a.Keys) }

// signer signs outgoing mail, or is nil where the relay does.
func (a *App) signer() email.Signer {
	only, on := map[string]dkim.Algorithm{"": "", "both": "", "rsa": dkim.RSA, "ed25519": dkim.Ed25519}[a.c.MailIn.Sign], a.c.MailIn.Sign != "off"
	if !on {
		return nil
	}
	return dkim.NewSigner(a.SigningKeys(), only)
}

// back are the addresses at which mail comes back.
func (a *App) back() verp.Book { return verp.New(a.c.Key, a.c.MailIn.Host) }

// MailIn returns what takes the mail that comes back.
func (a *App) MailIn() *mailin.Desk {
	return mailin.New(mailin.Config{
		DB: a.db, IDs: a.ids, Now: a.c.Now, Key: a.c.Key, Keys: a.Keys, Doors: a.Doors, Reach: a.Reach, Log: a.c.Log,
		Dialogs: a.Reach.Dialogs, Letters: a.letterbox(), Threads: a.Threads,
		Domain: a.c.SenderDomain(), Also: a.c.MailIn.Also, Trusts: a.c.MailIn.Trusts,
		Lookup: net.DefaultResolver.LookupTXT,
	})
}

// SenderDomain is the domain that mail comes from, or "".
func (c Config) SenderDomain() string {
	a, err := mail.ParseAddress(c.Mail.From)
	if err != nil {
		return ""
	}
	return strings.ToLower(a.Address[strings.LastIndexByte(a.Address, '@')+1:])
}

// takeMail takes the mail that comes back until ctx ends, and deals with what
// was left over.
func (a *App) takeMail(ctx context.Context) error {
	desk := a.MailIn()
	if a.c.MailIn.Listen == "" {
		return desk.Run(ctx)
	}
	server := mailin.Server{Desk: desk, Addr: a.c.MailIn.Listen, LMTP: a.c.MailIn.LMTP, Domain: a.c.MailIn.Host}
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		ended <- server.Run(ctx)
		stop()
	}()
	if err := desk.Run(ctx); err != nil {
		return err
	}
	return <-ended
}
