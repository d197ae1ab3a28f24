package mx

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"hale/internal/gateway/wire"
	"hale/internal/reach/policy"
)

// Link is a connection to one server: greeted, and secured as far as that
// goes.
type Link struct {
	*wire.Session
	Host  string
	Grade Grade
}

// Grade is what a connection turned out to be.
type Grade struct {
	Level    policy.Level `json:"level"`
	Offered  bool         `json:"starttls"`
	Version  string       `json:"version,omitempty"`
	Cipher   string       `json:"cipher,omitempty"`
	Verified bool         `json:"verified"` // chain and name, by the authorities that are trusted
	Subject  string       `json:"subject,omitempty"`
	Issuer   string       `json:"issuer,omitempty"`
	Expires  time.Time    `json:"expires,omitzero"`
	Chain    []string     `json:"chain,omitempty"` // SHA-256 of each certificate, the host's first
	DANE     string       `json:"dane,omitempty"`  // matched, unusable
	STS      string       `json:"sts,omitempty"`   // enforce, testing
	Why      string       `json:"why,omitempty"`   // what keeps it from more
}

// Evidence is g in one line, to be kept with what was sent.
func (g Grade) Evidence(host string) string {
	if g.Version == "" {
		return host + ", no TLS, " + g.Level.String()
	}
	parts := []string{host, g.Version, g.Cipher}
	switch {
	case g.DANE == "matched":
		parts = append(parts, "certificate vouched for by DANE")
	case g.Verified:
		parts = append(parts, "certificate verified")
	default:
		parts = append(parts, "certificate not verified")
	}
	if g.STS != "" {
		parts = append(parts, "MTA-STS "+g.STS)
	}
	if len(g.Chain) > 0 {
		parts = append(parts, "sha256 "+strings.Join(g.Chain, " "))
	}
	return strings.Join(append(parts, g.Level.String()), ", ")
}

// Must says whether a host takes mail over TLS only.
func (r Route) must(h Host) bool {
	return h.Dane == DaneUsable || h.Dane == DaneUnusable || r.Policy.Enforced()
}

// usable says why a host is not to be used at all, before any connection.
func (r Route) usable(h Host) error {
	if h.Err != nil {
		return h.Err
	}
	// DANE that holds goes before the policy (RFC 8461 section 2).
	if r.Policy.Enforced() && !h.Listed && h.Dane != DaneUsable {
		return fmt.Errorf("%w: its MTA-STS policy does not name the server", ErrPolicy)
	}
	return nil
}

// Open connects to a host of r at addr. Where TLS cannot be had and nothing
// asks for it, least included, the link is a plain one. ErrPolicy: what the
// domain promises does not hold, so nothing may be sent here at all.
func (d *Directory) Open(ctx context.Context, r Route, h Host, addr netip.Addr, least policy.Level) (*Link, error) {
	if err := r.usable(h); err != nil {
		return nil, err
	}
	if !d.isPlain(h.Name) || r.must(h) || least > policy.L0 {
		l, err := d.secured(ctx, r, h, addr)
		broken, isTLS := errors.AsType[*tlsError](err)
		if !isTLS {
			return l, err
		}
		if r.must(h) {
			return nil, fmt.Errorf("%w: %w", ErrPolicy, broken)
		}
		if least > policy.L0 {
			return nil, broken
		}
		d.markPlain(h.Name)
	}
	l, err := d.greeted(ctx, h, addr)
	if err != nil {
		return nil, err
	}
	_, l.Grade.Offered = l.Ext("STARTTLS")
	return l, nil
}

// tlsError is a server that offers TLS and fails at it.
type tlsError struct{ why string }

// Error says why.
func (e *tlsError) Error() string { return "mx: TLS failed: " + e.why }

// NoTLS says whether err is that a server's TLS fails or is missing.
func NoTLS(err error) bool {
	_, ok := errors.AsType[*tlsError](err)
	return ok
}

// secured connects and starts TLS where it is offered.
func (d *Directory) secured(ctx context.Context, r Route, h Host, addr netip.Addr) (*Link, error) {
	l, err := d.greeted(ctx, h, addr)
	if err != nil {
		return nil, err
	}
	stop := l.Guard(ctx)
	defer stop()
	l.Wait(d.c.Timeouts.Command)
	err = l.StartTLS(ctx, d.config(h.Name), d.c.Hello)
	switch {
	case errors.Is(err, wire.ErrNoTLS):
		l.Grade.Why = "it does not offer STARTTLS"
		if !r.must(h) {
			return l, nil
		}
		err = &tlsError{l.Grade.Why}
	case err != nil && ctx.Err() == nil:
		err = &tlsError{reason(err)}
	case err == nil:
		l.Grade = d.grade(r, h, l.TLS())
		err = r.holds(h, l.Grade)
	}
	if err != nil {
		l.Close()
		return nil, cmp.Or(ctx.Err(), err)
	}
	return l, nil
}

// greeted connects and says hello.
func (d *Directory) greeted(ctx context.Context, h Host, addr netip.Addr) (*Link, error) {
	dialer := net.Dialer{Timeout: d.c.Timeouts.Dial}
	raw, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(addr.String(), strconv.Itoa(d.c.Port)))
	if err != nil {
		return nil, err
	}
	l := &Link{Session: wire.New(raw, d.c.Timeouts.Command), Host: h.Name}
	stop := l.Guard(ctx)
	defer stop()
	if err := l.Greet(d.c.Hello); err != nil {
		l.Close()
		return nil, cmp.Or(ctx.Err(), err)
	}
	return l, nil
}

// config takes whatever TLS there is: better an old one than none. What it is
// worth is for grade to say.
func (d *Directory) config(host string) *tls.Config {
	return &tls.Config{
		ServerName: host, MinVersion: tls.VersionTLS10, ClientSessionCache: d.sessions,
		InsecureSkipVerify: true, // grade verifies
	}
}

// grade says what a connection is worth.
func (d *Directory) grade(r Route, h Host, s *tls.ConnectionState) Grade {
	chain := s.PeerCertificates
	g := Grade{
		Offered: true, Version: tls.VersionName(s.Version), Cipher: tls.CipherSuiteName(s.CipherSuite),
		Subject: subject(chain[0]), Issuer: cmp.Or(chain[0].Issuer.CommonName, strings.Join(chain[0].Issuer.Organization, " ")),
		Expires: chain[0].NotAfter,
	}
	for _, c := range chain[:min(len(chain), 5)] {
		sum := sha256.Sum256(c.Raw)
		g.Chain = append(g.Chain, hex.EncodeToString(sum[:]))
	}
	err := verify(chain, h.Name, d.roots, d.c.Now())
	g.Verified = err == nil
	matched := h.Dane == DaneUsable && matchesTLSA(h.TLSA, chain, []string{h.Name, r.Domain}, d.c.Now())
	switch {
	case matched:
		g.DANE = "matched"
	case h.Dane != DaneNone:
		g.DANE = string(h.Dane)
	}
	if r.Policy.Mode != "none" && h.Listed {
		g.STS = r.Policy.Mode
	}
	modern := s.Version >= tls.VersionTLS12 && sealed(s.CipherSuite)
	switch {
	case !modern:
		g.Why = "its encryption is out of date"
	case matched, g.Verified && g.STS == "enforce":
		g.Level = policy.L3
	case g.Verified:
		g.Level = policy.L2
	default:
		g.Level, g.Why = policy.L1, certificateWords(err)
	}
	return g
}

// holds says whether a connection keeps what the domain promised about it.
func (r Route) holds(h Host, g Grade) error {
	switch {
	case h.Dane == DaneUsable && g.DANE != "matched":
		return &tlsError{"no TLSA record matches its certificate"}
	case h.Dane == DaneUsable:
		return nil
	case r.Policy.Enforced() && !g.Verified:
		return &tlsError{"its policy asks for a certificate that verifies: " + g.Why}
	}
	return nil
}

func verify(chain []*x509.Certificate, host string, roots *x509.CertPool, now time.Time) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between, CurrentTime: now})
	return err
}

// sealed says whether a suite encrypts and authenticates in one.
func sealed(suite uint16) bool {
	name := tls.CipherSuiteName(suite)
	return strings.Contains(name, "_GCM_") || strings.Contains(name, "CHACHA20") || strings.Contains(name, "_CCM")
}

func subject(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return strings.Join(c.DNSNames[:min(len(c.DNSNames), 4)], ", ")
	}
	return c.Subject.CommonName
}

// certificateWords says in plain words why a certificate does not verify.
func certificateWords(err error) string {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "its certificate is for another name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "its certificate is signed by nobody who is trusted"
	}
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok && bad.Reason == x509.Expired {
		return "its certificate has expired"
	}
	return "its certificate does not verify"
}

// reason is what went wrong with a handshake, without what a peer made up.
func reason(err error) string {
	switch {
	case errors.Is(err, wire.ErrInjected):
		return "something was slipped in before TLS began"
	case errors.Is(err, wire.ErrGarbled):
		return "it does not answer as SMTP has it"
	}
	if a, ok := errors.AsType[*wire.Answer](err); ok {
		return fmt.Sprintf("it answers %d to STARTTLS", a.Code)
	}
	return "the handshake failed"
}

// plainFor is how long a server whose TLS failed is taken to have none, for
// mail that may go without.
const plainFor = time.Hour

func (d *Directory) isPlain(host string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.c.Now().Before(d.plain[host])
}

func (d *Directory) markPlain(host string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.plain) > 20_000 {
		clear(d.plain)
	}
	d.plain[host] = d.c.Now().Add(plainFor)
}
