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
	"hale/internal/face/fhirapi"
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
	State    string // two letters: whose law holds for minors beside that of the patient's own; empty: that alone
	Mail     Mail
	MailIn   MailIn
	Text     Text
	Tracking Tracking
	TLS      TLS
	Proxies  []netip.Prefix // whose X-Forwarded-For is believed
	Packs    []string       // the states' rules by which results wait
	Law      string         // a file of the clinic's own rows of the law; empty: none
	Scanner  string         // a ClamAV daemon, HOST:PORT or a socket; empty: none

	Writing Writing // what holds for the texts of outreach

	Bills Bills // how patients pay

	Bulk      Bulk      // copies for other systems, and what they bring
	HookHosts []string  // the only hosts that webhooks may be at; none: any that is public
	Witnesses Witnesses // of the audit log
	Node      string    // names this process in the audit log

	// Reload reads the roots again, when another process has changed them; it
	// may be nil.
	Reload func(context.Context) (keys.Roots, error)

	SSO    []sso.Provider // where staff sign on; Redirect is filled in
	SignIn account.Rules  // how long sessions rest, and what else a clinic may set about signing in

	Tokens  fhirapi.Tokens // who asks the API by which token; nil: whom the clients' store lets in
	Version string         // of this Hale

	Validation Validation // what becomes of what does not conform

	Now  func() time.Time
	Rand io.Reader
	Log  *slog.Logger
}

// writer is the clinic as its messages name it.
func (c Config) writer() reach.Clinic {
	return reach.Clinic{
		Name: c.Clinic.Name, Phone: c.Clinic.Phone, Address: c.Clinic.Address,
		From: c.Mail.From, Number: c.Text.From, Zone: c.Clinic.Zone, Brand: c.Clinic.Brand,
	}
}

// Mail is how outgoing e-mail leaves: through a relay, or to each domain's
// own servers. Without either there is no e-mail, and policy knows it.
type Mail struct {
	Server   string // HOST:PORT
	From     string
	User     string
	Password string
	TLS      string // required or opportunistic
	CA       []byte // PEM of the one authority to trust; empty: the system's
	Onward   bool   // the operator vouches that the relay itself sends on over verified TLS only

	Direct    bool     // to each domain's own servers; Server is not used
	Hello     string   // the name to greet them with
	Resolvers []string // HOST:PORT; empty: the system's
	Trusted   bool     // the resolvers validate DNSSEC and nobody sits between
	Port      int      // of other servers' SMTP; zero is 25
	STSPort   int      // of their MTA-STS policies; zero is 443
	Private   bool     // servers in private networks may be asked: for tests and closed networks
}
