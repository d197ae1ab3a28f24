// Package mx finds the servers that take a domain's mail and says how well a
// connection to each is protected.
//
// A level is what was seen on the connection itself; what the name service
// or a policy promised only ever raises it where the connection proves it.
// That a name's records are signed is believed only from a resolver that the
// operator trusts.
//
// Spec: RFC 5321 section 5.1 (MX), RFC 7505 (null MX), RFC 7672 (DANE for
// SMTP), RFC 6698 (TLSA), RFC 8461 (MTA-STS)
package mx

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"

	"hale/internal/base/outbound"
	"hale/internal/store/db"
)

// Config is what a Directory needs.
type Config struct {
	Servers  []string // HOST:PORT of the resolvers, tried in turn
	Trusted  bool     // the resolvers validate DNSSEC, and nobody sits between
	CA       []byte   // PEM of the authorities to trust; empty: the system's
	Hello    string   // name to greet with
	Port     int      // of SMTP; zero is 25
	STSPort  int      // of the policies' web servers; zero is 443
	Private  bool     // servers in private networks may be asked, too
	Timeouts Timeouts
	Now      func() time.Time
	Random   func() float64 // from 0 up to 1
	DB       *db.DB         // where policies and levels are kept; nil: in memory only
}

// Timeouts bound each wait; a zero is its default.
type Timeouts struct {
	DNS     time.Duration // 5 s, each question to each resolver
	Dial    time.Duration // 10 s
	Command time.Duration // 30 s, each command and its answer
	Policy  time.Duration // 60 s, a policy's fetch (RFC 8461 section 3.3)
}

// The errors by which a domain takes no mail, or none now.
var (
	ErrDomain  = errors.New("mx: not a domain name")
	ErrNone    = errors.New("mx: the domain does not exist or has no mail server")
	ErrNull    = errors.New("mx: the domain says that it takes no mail")
	ErrLookup  = errors.New("mx: the name service did not answer")
	ErrPolicy  = errors.New("mx: what the domain promises about TLS does not hold")
	ErrPrivate = errors.New("mx: the server has no public address")
)

// Directory knows mail servers.
type Directory struct {
	c        Config
	roots    *x509.CertPool
	web      *http.Client
	sessions tls.ClientSessionCache

	mu       sync.Mutex
	routes   map[string]Route     // by domain, for as long as their records live
	reports  map[string]Report    // by domain
	policies map[string]Policy    // by domain
	plain    map[string]time.Time // host → until when its TLS is taken for broken
	busy     map[string]chan struct{}
}

// New returns a directory for c.
func New(c Config) (*Directory, error) {
	if len(c.Servers) == 0 || c.Now == nil || c.Random == nil {
		return nil, errors.New("mx: a resolver, the time and randomness are needed")
	}
	for _, s := range c.Servers {
		at, err := netip.ParseAddrPort(s)
		if err != nil {
			return nil, fmt.Errorf("mx: the resolver %q is not an IP address with its port", s)
		}
		if c.Trusted && !at.Addr().IsLoopback() && !at.Addr().IsPrivate() {
			return nil, fmt.Errorf("mx: the resolver %q cannot be trusted over the open internet; run a validating one on this machine", s)
		}
	}
	c.Port, c.STSPort, c.Hello = cmp.Or(c.Port, 25), cmp.Or(c.STSPort, 443), cmp.Or(c.Hello, "localhost")
	t := &c.Timeouts
	t.DNS, t.Dial = cmp.Or(t.DNS, 5*time.Second), cmp.Or(t.Dial, 10*time.Second)
	t.Command, t.Policy = cmp.Or(t.Command, 30*time.Second), cmp.Or(t.Policy, 60*time.Second)
	d := &Directory{
		c: c, sessions: tls.NewLRUClientSessionCache(1024), routes: map[string]Route{}, reports: map[string]Report{},
		policies: map[string]Policy{}, plain: map[string]time.Time{}, busy: map[string]chan struct{}{},
	}
	if len(c.CA) > 0 {
		d.roots = x509.NewCertPool()
		if !d.roots.AppendCertsFromPEM(c.CA) {
			return nil, errors.New("mx: the authority is not a PEM certificate")
		}
	}
	lookup := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, network, c.Servers[0])
	}}
	var err error
	d.web, err = outbound.New(outbound.Config{Private: c.Private, CA: c.CA, Timeout: t.Policy, MaxBody: mostPolicy, Lookup: lookup})
	return d, err
}

// Close lets go of idle connections.
func (d *Directory) Close() error {
	d.web.CloseIdleConnections()
	return nil
}

// Domain is a domain name as it is asked for: lower case, in ASCII, without
// the last dot. ErrDomain: it is none.
func Domain(s string) (string, error) {
	name, err := idna.Lookup.ToASCII(strings.TrimSuffix(strings.TrimSpace(s), "."))
	if err != nil || len(name) > 253 || !strings.Contains(name, ".") {
		return "", ErrDomain
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "", ErrDomain
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return "", ErrDomain
		}
	}
	return strings.ToLower(name), nil
}
