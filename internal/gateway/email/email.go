// Package email hands mail to a relay over SMTP.
//
// A message is in doubt only between its final dot and the relay's answer;
// before that it was not sent, after it the relay has said. What needs
// verified TLS does not leave without.
//
// Spec: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8689 (REQUIRETLS), RFC 8058 (one-click unsubscribe)
package email

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"hale/internal/reach"
)

// Security says how much TLS there must be on the way to the relay.
type Security string

// The kinds of security.
const (
	Required      Security = "required"      // TLS with a certificate that verifies, or no mail at all
	Opportunistic Security = "opportunistic" // TLS if the relay offers it
	Implicit      Security = "implicit"      // as Required, from the first byte (port 465)
)

// Config is what the gateway needs.
type Config struct {
	Addr     string   // HOST:PORT of the relay
	TLS      Security // zero is Required
	CA       []byte   // PEM of the one authority to trust; empty: the system's
	Insecure bool     // do not verify; such TLS does not count as verified
	Onward   bool     // the operator vouches that the relay itself sends on over TLS only
	User     string   // empty: no AUTH
	Password string
	From     string // used where a handoff has no sender
	Hello    string // name to greet with; empty: the sender's domain
	Conns    int    // connections at a time; zero is 8
	PerConn  int    // messages on one connection; zero is 100
	Timeouts Timeouts
	Now      func() time.Time
}

// Timeouts bound each wait; a zero is its default.
type Timeouts struct {
	Dial    time.Duration // 10 s
	Command time.Duration // 30 s, each command and its answer
	Final   time.Duration // 2 min, the answer to the final dot
	Idle    time.Duration // 20 s, how long an unused connection is kept
}

// Gateway sends mail through one relay.
type Gateway struct {
	c     Config
	host  string
	roots *x509.CertPool
	slots chan struct{} // one element for each connection in use
	idle  chan *conn
}

// New returns a gateway for c. It connects when there is something to send.
func New(c Config) (*Gateway, error) {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return nil, errors.New("email: the relay is named HOST:PORT")
	}
	if c.Now == nil {
		return nil, errors.New("email: Now is needed")
	}
	switch c.TLS {
	case "":
		c.TLS = Required
	case Required, Opportunistic, Implicit:
	default:
		return nil, errors.New("email: TLS is required, opportunistic or implicit")
	}
	g := &Gateway{c: c, host: host}
	if len(c.CA) > 0 {
		g.roots = x509.NewCertPool()
		if !g.roots.AppendCertsFromPEM(c.CA) {
			return nil, errors.New("email: the authority is not a PEM certificate")
		}
	}
	g.c.complete()
	g.slots = make(chan struct{}, g.c.Conns)
	g.idle = make(chan *conn, g.c.Conns)
	return g, nil
}

func (c *Config) complete() {
	or := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	or(&c.Timeouts.Dial, 10*time.Second)
	or(&c.Timeouts.Command, 30*time.Second)
	or(&c.Timeouts.Final, 2*time.Minute)
	or(&c.Timeouts.Idle, 20*time.Second)
	if c.Conns <= 0 {
		c.Conns = 8
	}
	if c.PerConn <= 0 {
		c.PerConn = 100
	}
	if c.Hello == "" {
		c.Hello = domain(c.From)
	}
}

// Close closes the connections that are not in use.
func (g *Gateway) Close() error {
	for {
		select {
		case c := <-g.idle:
			c.quit()
		default:
			return nil
		}
	}
}

// Channel is e-mail.
func (g *Gateway) Channel() reach.Channel { return reach.Email }

// Capability says what an address can take: whether the relay is reached
// over verified TLS and has to keep to TLS from there on, because it knows
// REQUIRETLS or because the operator vouches for it.
func (g *Gateway) Capability(ctx context.Context, to string) (reach.Capability, error) {
	if !address(to) {
		return reach.Capability{Detail: "not an address"}, nil
	}
	c, err := g.connect(ctx, false)
	if err != nil {
		return reach.Capability{}, fmt.Errorf("email: capability: %w", err)
	}
	defer g.release(c)
	onward := c.requireTLS || g.c.Onward
	return reach.Capability{OK: true, TLS: c.verified && onward, Encrypted: c.tls && onward, Detail: c.evidence()}, nil
}

// Validate returns what keeps h from being sent.
func (g *Gateway) Validate(h reach.Handoff) []reach.Problem {
	var list []reach.Problem
	problem := func(bad bool, field, reason string) {
		if bad {
			list = append(list, reach.Problem{Field: field, Reason: reason})
		}
	}
	_, err := mail.ParseAddress(g.from(h))
	problem(err != nil || !plain(g.from(h)), "from", "is not an address")
	problem(!address(h.To), "to", "is not an address")
	problem(h.Key == "", "key", "is empty")
	problem(strings.TrimSpace(h.Subject) == "", "subject", "is empty")
	problem(len(h.Subject) > 400, "subject", "is too long")
	problem(!plain(h.Subject), "subject", "has a line break or a control character")
	problem(strings.TrimSpace(h.Text) == "", "text", "is empty")
	problem(len(h.Text)+len(h.HTML) > 5<<20, "text", "is too long")
	problem(h.Unsubscribe != "" && !webAddress(h.Unsubscribe), "unsubscribe", "is not a web address")
	return list
}

// Send hands h to the relay once.
func (g *Gateway) Send(ctx context.Context, h reach.Handoff) reach.Result {
	if p := g.Validate(h); len(p) > 0 {
		return reach.Result{Outcome: reach.Rejected, Code: "invalid", Detail: p[0].Field + " " + p[0].Reason}
	}
	h.From = g.from(h)
	body, err := g.compose(h)
	if err != nil {
		return reach.Result{Outcome: reach.Rejected, Code: "invalid", Detail: "could not be composed"}
	}
	r, stale := g.try(ctx, h, body, false)
	if stale { // an idle connection that the relay had closed: nothing was sent
		r, _ = g.try(ctx, h, body, true)
	}
	return r
}

func (g *Gateway) try(ctx context.Context, h reach.Handoff, body []byte, anew bool) (r reach.Result, stale bool) {
	c, err := g.connect(ctx, anew)
	if err != nil {
		return notSent(err), false
	}
	defer g.release(c)
	if h.RequireTLS && !(c.verified && (c.requireTLS || g.c.Onward)) {
		return reach.Result{Outcome: reach.Rejected, Code: "tls_insufficient", Detail: "verified TLS is not assured", Peer: c.evidence()}, false
	}
	used := c.sent > 0
	r, stale = c.transfer(ctx, h, body)
	r.Peer = c.evidence()
	return r, stale && used && ctx.Err() == nil
}

// Reconcile cannot ask a relay; the Message-ID stays the same, so that a
// receiver can drop a repetition.
func (g *Gateway) Reconcile(context.Context, reach.Handoff) (reach.Result, bool) {
	return reach.Result{}, false
}

func (g *Gateway) from(h reach.Handoff) string {
	if h.From != "" {
		return h.From
	}
	return g.c.From
}

// address says whether s is one plain address, without a name.
func address(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && ascii(s) && len(s) <= 254 && !strings.ContainsAny(s, `"<> `)
}

// domain is what stands after the @ of an address.
func domain(from string) string {
	if a, err := mail.ParseAddress(from); err == nil {
		return a.Address[strings.LastIndexByte(a.Address, '@')+1:]
	}
	return "localhost"
}

// plain says whether s holds no line break or other control character.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' })
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && ascii(s) && !strings.ContainsAny(s, "<>,")
}
