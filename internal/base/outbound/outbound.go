// Package outbound makes the one kind of HTTP client with which Hale asks
// another server for something.
//
// Where an address comes from a stranger, or from somebody who only runs a
// campaign, the server behind it must be a public one: the address is checked
// when the connection is made, after the name was looked up, so that a name
// which changes its mind in between leads nowhere. No client follows a
// redirect, believes a proxy from the environment, or reads without end.
//
// Spec: OWASP ASVS 5.0, 1.3.6 and 13.2.4 (server-side request forgery)
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Defaults for what Config leaves out.
const (
	DefaultTimeout = 20 * time.Second
	DefaultBody    = 4 << 20
)

// Config says whom a client may ask, and how much it takes.
type Config struct {
	// Private allows servers in private networks and on this machine: only
	// for addresses that the operator wrote into the configuration.
	Private bool
	Hosts   []string      // the only host names that may be asked; empty: any
	CA      []byte        // PEM of the authorities to trust; empty: the system's
	Timeout time.Duration // of the whole exchange; zero: DefaultTimeout
	MaxBody int64         // bytes read of an answer; zero: DefaultBody
	PerHost int           // idle connections kept; zero: 2
	Lookup  *net.Resolver // nil: the system's
}

// The refusals.
var (
	ErrPrivate = errors.New("outbound: that address is not a public one")
	ErrHost    = errors.New("outbound: that host is not one that may be asked")
	ErrScheme  = errors.New("outbound: only https, and http within the operator's own network")
	ErrTooLong = errors.New("outbound: the answer is longer than allowed")
)

// New returns a client for c.
func New(c Config) (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: Suites()}
	if len(c.CA) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(c.CA) {
			return nil, errors.New("outbound: the authorities' certificates cannot be read")
		}
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.MaxBody <= 0 {
		c.MaxBody = DefaultBody
	}
	dialer := &net.Dialer{Timeout: min(c.Timeout, 10*time.Second), Resolver: c.Lookup}
	if !c.Private {
		dialer.ControlContext = publicOnly
	}
	return &http.Client{
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &guard{c: c, next: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: config, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: c.Timeout, IdleConnTimeout: time.Minute,
			MaxIdleConnsPerHost: c.PerHost, MaxResponseHeaderBytes: 64 << 10,
		}},
	}, nil
}

// Suites are the TLS 1.2 suites that Hale speaks, as client and server: with
// authenticated encryption and forward secrecy. Those of TLS 1.3 all are.
func Suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// guard looks at each request before it leaves and bounds each answer.
type guard struct {
	c    Config
	next *http.Transport
}

// RoundTrip asks the server, if it may be asked.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && (r.URL.Scheme != "http" || !g.c.Private) {
		return nil, ErrScheme
	}
	if r.URL.User != nil || !g.listed(r.URL.Hostname()) {
		return nil, ErrHost
	}
	res, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if res.ContentLength > g.c.MaxBody {
		_ = res.Body.Close()
		return nil, ErrTooLong
	}
	res.Body = &bounded{ReadCloser: res.Body, left: g.c.MaxBody}
	return res, nil
}

// CloseIdleConnections lets go of what is not in use.
func (g *guard) CloseIdleConnections() { g.next.CloseIdleConnections() }

func (g *guard) listed(host string) bool {
	if len(g.c.Hosts) == 0 {
		return true
	}
	for _, h := range g.c.Hosts {
		if strings.EqualFold(strings.TrimSuffix(host, "."), h) {
			return true
		}
	}
	return false
}

// bounded is a body of which at most left bytes are read.
type bounded struct {
	io.ReadCloser
	left int64
}

// Read returns ErrTooLong where the answer goes on beyond what is allowed.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLong
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, ErrTooLong
	}
	return n, err
}

// publicOnly refuses the connection to an address that is not public; the
// name has been looked up by then.
func publicOnly(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !Public(at.Addr()) {
		return fmt.Errorf("%w: %s", ErrPrivate, address)
	}
	return nil
}

// reserved are the networks that are not of the public internet, beyond those
// that net/netip knows.
//
// Spec: IANA IPv4 and IPv6 special-purpose address registries (RFC 6890)
func reserved() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
		netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
		netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"),
		netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("5f00::/16"), netip.MustParsePrefix("fec0::/10"),
	}
}

// Public says whether a is an address of the public internet. An IPv6 address
// that carries an IPv4 one is as public as that.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.Zone() != "" || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	if a.Is6() {
		b := a.As16()
		switch {
		case netip.MustParsePrefix("64:ff9b::/96").Contains(a): // NAT64, RFC 6052
			return Public(netip.AddrFrom4([4]byte(b[12:])))
		case netip.MustParsePrefix("2002::/16").Contains(a): // 6to4, RFC 3056
			return Public(netip.AddrFrom4([4]byte(b[2:6])))
		case netip.MustParsePrefix("::/96").Contains(a): // IPv4-compatible, RFC 4291
			return false
		}
	}
	for _, p := range reserved() {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
