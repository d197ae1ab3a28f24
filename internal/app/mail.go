package app

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/desk"
	"hale/internal/face/mailcheck"
	"hale/internal/face/web"
	"hale/internal/gateway/email"
	"hale/internal/gateway/mx"
	"hale/internal/store/db"
)

// mailParts know other people's mail servers.
type mailParts struct {
	directory *mx.Directory // nil where there is no resolver
	audits    *mx.Audits
}

// resolvConf names the system's resolvers.
const resolvConf = "/etc/resolv.conf"

// Directory returns what knows other people's mail servers by c. Without d it
// keeps nothing.
func (c Config) Directory(d *db.DB) (*mx.Directory, error) {
	m := c.Mail
	servers := m.Resolvers
	if len(servers) == 0 {
		conf, err := dns.ClientConfigFromFile(resolvConf)
		if err != nil {
			return nil, err
		}
		for _, s := range conf.Servers {
			if at, err := resolver(s); err == nil {
				servers = append(servers, at)
			}
		}
	}
	random := c.Rand
	if random == nil {
		random = rand.Reader
	}
	ca := m.CA
	if !m.Direct && len(m.Resolvers) == 0 {
		ca = nil // the relay's authority says nothing about others
	}
	return mx.New(mx.Config{
		Servers: servers, Trusted: m.Trusted, CA: ca, Hello: m.hello(), Port: m.Port, STSPort: m.STSPort, Private: m.Private,
		Now: c.Now, Random: func() float64 { return fraction(random) }, DB: d,
	})
}

// hello is the name that Hale greets with.
func (m Mail) hello() string {
	if m.Hello != "" {
		return m.Hello
	}
	if _, domain, ok := strings.Cut(m.From, "@"); ok {
		return strings.TrimRight(domain, ">")
	}
	return "localhost"
}

// fraction reads a number from 0 up to 1. Where there is none to be had, a
// half is as good: it only spreads things out.
func fraction(r io.Reader) float64 {
	var b [8]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0.5
	}
	return float64(binary.BigEndian.Uint64(b[:])>>11) / (1 << 53)
}

// openMail makes what looks at other people's mail servers. Mail that goes
// there directly needs it; without, only the checker is missing.
func (a *App) openMail() error {
	var err error
	if a.mail.directory, err = a.c.Directory(a.db); err != nil {
		if a.c.Mail.Direct {
			return err
		}
		a.mail.directory = nil
		return nil
	}
	a.mail.audits = mx.NewAudits(a.db, a.mail.directory, a.Doors, a.ids, a.c.Now)
	return nil
}

// mailGateway returns the gateway for e-mail, or nil where none is configured.
func (a *App) mailGateway() (*email.Gateway, error) {
	m := a.c.Mail
	base := email.Config{From: m.From, Hello: m.Hello, Now: a.c.Now, Signer: a.signer()}
	switch {
	case m.Direct:
		base.Direct = a.mail.directory
	case m.Server != "":
		base.Addr, base.TLS, base.CA, base.Onward, base.User, base.Password = m.Server, email.Security(m.TLS), m.CA, m.Onward, m.User, m.Password
	default:
		return nil, nil
	}
	return email.New(base)
}

// through says where mail goes.
func (m Mail) through() string {
	if m.Direct {
		return "the mail servers of each person's own domain"
	}
	return m.Server
}

// words says what is known of the way a mail takes.
func (m Mail) words() string {
	switch {
	case m.Direct && m.Trusted:
		return "The TLS of each connection is looked at before anything is sent on it: with MTA-STS, and with DANE by a resolver that validates. Below what a message needs, a notice goes instead."
	case m.Direct:
		return "The TLS of each connection is looked at before anything is sent on it, with MTA-STS. Below what a message needs, a notice goes instead. DANE needs a resolver that validates; none is configured."
	case m.Onward:
		return "TLS to your relay is enforced; onward TLS is delegated to it, and you vouch that it sends on over verified TLS only."
	case m.TLS == "opportunistic":
		return "TLS to your relay is used where it offers it; onward TLS is delegated to it and nobody vouches for it, so mail counts as not private."
	}
	return "TLS to your relay is enforced; onward TLS is delegated to it and nobody vouches for it, so mail counts as not private unless the relay knows REQUIRETLS."
}

// resolver is the address of one of the system's resolvers.
func resolver(s string) (string, error) {
	at, err := netip.ParseAddr(s)
	if err != nil {
		return "", err
	}
	return netip.AddrPortFrom(at, 53).String(), nil
}

// useMail gives the audits the queue that their work waits in.
func (a *App) useMail() {
	if a.mail.audits != nil {
		a.mail.audits.Use(a.queue)
	}
}

// checkDirect says whether mail can go to each domain's own servers.
func checkDirect(c Config) Finding {
	if _, err := c.Directory(nil); err != nil {
		return Finding{"mail", Wrong, "Other people's mail servers cannot be looked up: " + err.Error()}
	}
	return Finding{"mail", OK, "Mail goes to each domain's own servers. " + c.Mail.words()}
}

// AuditMail looks at the mail servers of all patients' domains and returns
// what it found, telling seen how far it is.
func (a *App) AuditMail(ctx context.Context, seen func(done, all int)) (mx.Audit, []mx.Row, error) {
	if a.mail.audits == nil {
		return mx.Audit{}, nil, errs.New(errs.Unavailable, "No resolver can be used: name one as mail.resolvers.")
	}
	pass, err := a.Doors.CheckAll(ctx, access.SystemActor("check-tls", access.RunOutreach), access.RunOutreach)
	if err != nil {
		return mx.Audit{}, nil, err
	}
	audits := mx.NewAudits(a.db, a.mail.directory, a.Doors, a.ids, a.c.Now) // without a queue: the work is done here
	id, err := audits.Start(ctx, pass, "check-tls")
	if err != nil {
		return mx.Audit{}, nil, err
	}
	if err := audits.RunTelling(ctx, id, seen); err != nil {
		return mx.Audit{}, nil, err
	}
	result, _, err := audits.Latest(ctx, pass)
	if err != nil {
		return result, nil, err
	}
	rows, err := audits.Rows(ctx, pass, result.ID, mostDomains)
	return result, rows, err
}

// mostDomains is how many domains a list of them names.
const mostDomains = 100_000

// standings look at the sender as the world does.
type standings struct{ a *App }

// Standings says who sends, and how each thing about it is seen.
func (s standings) Standings(ctx context.Context) (mx.Sender, []mx.Standing, error) {
	sender, err := s.a.standing(ctx)
	if err != nil || sender.Domain == "" {
		return sender, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, standingTime)
	defer cancel()
	return sender, s.a.mail.directory.Standings(ctx, sender), nil
}

// standingTime bounds all that is looked up for one page.
const standingTime = 20 * time.Second

// deskMail adds how mail leaves to the desk.
func (a *App) deskMail(c desk.Config) desk.Config {
	if a.mail.directory != nil {
		c.Mail = desk.Mail{Standing: standings{a}, Audits: a.mail.audits, Direct: a.c.Mail.Direct}
	}
	in := a.MailIn()
	c.Unplaced, c.Texting, c.Mail.Reports = in, a.texting, in
	return c
}

// mailCheck is the public page about mail servers.
func (a *App) mailCheck() *web.Mux {
	c := mailcheck.Config{Site: a.site, Now: a.c.Now}
	if a.mail.directory != nil {
		c.Mail = a.mail.directory
	}
	return mailcheck.New(c).Handler()
}

// standing is the sender as the world may look it up.
func (a *App) standing(ctx context.Context) (mx.Sender, error) {
	s := mx.Sender{Domain: a.c.SenderDomain(), Return: a.c.MailIn.Host, Hello: a.c.Mail.hello(), Direct: a.c.Mail.Direct}
	if a.c.MailIn.Sign == "off" {
		return s, nil
	}
	keys, err := a.SigningKeys().List(ctx)
	for _, k := range keys {
		if strings.EqualFold(k.Domain, s.Domain) && !k.Active.IsZero() && k.Retired.IsZero() {
			s.Keys = append(s.Keys, mx.SigningKey{Name: k.Name(), Record: k.Record()})
		}
	}
	return s, err
}
