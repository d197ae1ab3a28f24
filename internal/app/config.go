package app

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"hale/internal/access/account"
	"hale/internal/access/sso"
	"hale/internal/base/seal"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/store/keys"
)

// Config is everything that Hale is told from outside.
type Config struct {
	Addr     string     // HOST:PORT to listen on
	URL      string     // what patients see; empty: http://Addr
	Database string     // sqlite:PATH or postgres://…
	Key      seal.Key   // keyed hashes and what is derived; for a plain installation everything
	Roots    keys.Roots // what lies above the ring; the zero Roots: Key alone
	Clinic   web.Clinic
	Mail     Mail
	Text     Text
	TLS      TLS
	Proxies  []netip.Prefix // whose X-Forwarded-For is believed
	Packs    []string       // the states' rules by which results wait
	Scanner  string         // a ClamAV daemon, HOST:PORT or a socket; empty: none

	Witnesses Witnesses // of the audit log
	Node      string    // names this process in the audit log

	// Reload reads the roots again, when another process has changed them; it
	// may be nil.
	Reload func(context.Context) (keys.Roots, error)

	SSO    []sso.Provider // where staff sign on; Redirect is filled in
	SignIn account.Rules  // how long sessions rest, and what else a clinic may set about signing in

	Now  func() time.Time
	Rand io.Reader
	Log  *slog.Logger
}

// writer is the clinic as its messages name it.
func (c Config) writer() reach.Clinic {
	return reach.Clinic{
		Name: c.Clinic.Name, Phone: c.Clinic.Phone, Address: c.Clinic.Address,
		From: c.Mail.From, Number: c.Text.From, Zone: c.Clinic.Zone,
	}
}

// Mail is the relay that takes outgoing e-mail. Without a Server there is no
// e-mail, and policy knows it.
type Mail struct {
	Server   string // HOST:PORT
	From     string
	User     string
	Password string
	TLS      string // required or opportunistic
	CA       []byte // PEM of the one authority to trust; empty: the system's
	Onward   bool   // the operator vouches that the relay itself sends on over verified TLS only
}

// Text is the HTTP gateway that takes outgoing texts. Without a URL there
// are no texts.
type Text struct {
	URL    string
	From   string
	Secret string // signs what goes there and what comes back
}
