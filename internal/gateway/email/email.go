// Package email hands mail to a relay over SMTP.
//
// A message is in doubt only between its final dot and the relay's answer;
// before that it was not sent, after it the relay has said. What needs
// verified TLS does not leave without.
//
// Spec: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8689 (REQUIRETLS), RFC 8058 (one-click unsubscribe)
package email

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hale/internal/gateway/mx"
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
	Addr     string        // HOST:PORT of the relay
	Direct   *mx.Directory // instead of a relay: each domain's own servers
	TLS      Security      // zero is Required
	CA       []byte        // PEM of the one authority to trust; empty: the system's
	Insecure bool          // do not verify; such TLS does not count as verified
	Onward   bool          // the operator vouches that the relay itself sends on over TLS only
	User     string        // empty: no AUTH
	Password string
	From     string // used where a handoff has no sender
	Hello    string // name to greet with; empty: the sender's domain
	Conns    int    // connections at a time; zero is 8
	PerConn  int    // messages on one connection; zero is 100
	PerHost  int    // connections to one server of a domain; zero is 10
	Signer   Signer // nil: mail leaves unsigned, for the relay to sign
	Timeouts Timeouts
	Now      func() time.Time
}

// Signer makes the signatures of a domain for a message: whole header fields,
// or none where the domain has no keys.
type Signer interface {
	Sign(ctx context.Context, domain string, message []byte) ([]byte, error)
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

	last atomic.Pointer[sender]
	bufs sync.Pool // of *[]byte: messages that were sent

	sessions tls.ClientSessionCache
	lanes    *lanes // of the domains' own servers
}

// New returns a gateway for c. It connects when there is something to send.
func New(c Config) (*Gateway, error) {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil && c.Direct == nil {
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
	g.lanes = newLanes(g.c.PerHost, g.c.Conns, g.c.Timeouts.Idle)
	g.slots = make(chan struct{}, g.c.Conns)
	g.idle = make(chan *conn, g.c.Conns)
	g.sessions = tls.NewLRUClientSessionCache(g.c.Conns)
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
	if c.Conns <= 0 && c.Direct != nil {
		c.Conns = 64
	}
	if c.Conns <= 0 {
		c.Conns = 8
	}
	if c.PerHost <= 0 {
		c.PerHost = 10
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
	g.lanes.close()
	for {
		select {
		case c := <-g.idle:
			c.Quit()
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
	if g.c.Direct != nil {
		return g.known(ctx, to)
	}
	c, err := g.connect(ctx, false)
	if err != nil {
		return reach.Capability{}, fmt.Errorf("email: capability: %w", err)
	}
	defer g.release(c)
	return reach.Capability{OK: true, Level: c.level, Detail: c.peer}, nil
}

// Validate returns what keeps h from being sent.
func (g *Gateway) Validate(h reach.Handoff) []reach.Problem {
	var list []reach.Problem
	problem := func(bad bool, field, reason string) {
		if bad {
			list = append(list, reach.Problem{Field: field, Reason: reason})
		}
	}
	_, err := g.sender(h.From)
	problem(err != nil, "from", "is not an address")
	problem(!address(h.To), "to", "is not an address")
	problem(h.Key == "", "key", "is empty")
	problem(strings.TrimSpace(h.Subject) == "", "subject", "is empty")
	problem(len(h.Subject) > 400, "subject", "is too long")
	problem(!plain(h.Subject), "subject", "has a line break or a control character")
	problem(strings.TrimSpace(h.Text) == "", "text", "is empty")
	problem(len(h.Text)+len(h.HTML) > 5<<20, "text", "is too long")
	for _, at := range [...][2]string{{"return path", h.ReturnPath}, {"reply to", h.ReplyTo}, {"stop to", h.StopTo}} {
		problem(at[1] != "" && !address(at[1]), at[0], "is not an address")
	}
	problem(h.Unsubscribe != "" && !webAddress(h.Unsubscribe), "unsubscribe", "is not a web address")
	return list
}

// Send hands h to the relay once.
func (g *Gateway) Send(ctx context.Context, h reach.Handoff) reach.Result {
	if p := g.Validate(h); len(p) > 0 {
		return reach.Result{Outcome: reach.Rejected, Code: "invalid", Detail: p[0].Field + " " + p[0].Reason}
	}
	from, err := g.sender(h.From)
	if err != nil {
		return reach.Result{Outcome: reach.Rejected, Code: "invalid", Detail: "could not be composed"}
	}
	h.From, h.ReturnPath = from.text, cmp.Or(h.ReturnPath, from.address)
	buf, ok := g.bufs.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	defer g.bufs.Put(buf)
	body, err := g.compose((*buf)[:0], from, h)
	*buf = body
	if err != nil {
		return reach.Result{Outcome: reach.Rejected, Code: "invalid", Detail: "could not be composed"}
	}
	if body, err = g.signed(ctx, from.domain, body); err != nil {
		return reach.Result{Outcome: reach.Temp, Code: "dkim", Detail: "the keys that sign were not there", RetryAfter: time.Minute}
	}
	if g.c.Direct != nil {
		return g.deliver(ctx, h, body)
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
	if c.level < h.Level {
		return reach.Result{Outcome: reach.Rejected, Code: "tls_insufficient", Detail: h.Level.String() + " is not assured all the way", Peer: c.peer}, false
	}
	used := c.sent > 0
	r, stale = c.transfer(ctx, h, body)
	r.Peer = c.peer
	return r, stale && used && ctx.Err() == nil
}

// Reconcile cannot ask a relay; the Message-ID stays the same, so that a
// receiver can drop a repetition.
func (g *Gateway) Reconcile(context.Context, reach.Handoff) (reach.Result, bool) {
	return reach.Result{}, false
}

// sender is one of the few who write, as handoffs name them.
type sender struct {
	text    string // as it was given
	field   string // as it stands in a message
	address string // alone
	domain  string
}

// sender reads from, or the sender that is used where there is none. The one
// that was read last is remembered: nearly all messages have the same.
func (g *Gateway) sender(from string) (*sender, error) {
	from = cmp.Or(from, g.c.From)
	if s := g.last.Load(); s != nil && s.text == from {
		return s, nil
	}
	a, err := mail.ParseAddress(from)
	if err != nil || !plain(from) {
		return nil, errSender
	}
	s := &sender{text: from, field: a.String(), address: a.Address, domain: a.Address[strings.LastIndexByte(a.Address, '@')+1:]}
	g.last.Store(s)
	return s, nil
}

var errSender = errors.New("email: the sender is not an address")

// address says whether s is one plain address, without a name.
func address(s string) bool {
	if common(s) {
		return len(s) <= 254
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && ascii(s) && len(s) <= 254 && !strings.ContainsAny(s, `"<> `)
}

// common says whether s is an address of the kind that nearly all are: letters,
// digits and a few marks that mean nothing, around one @. Others are read by
// the letter of RFC 5322.
func common(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && dotted(local, "_+-") && dotted(domain, "-")
}

// dotted says whether s is words with single dots between them, of letters,
// digits and marks.
func dotted(s, marks string) bool {
	dot := true // a word has to follow
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(marks, c) >= 0:
			dot = false
		case c == '.' && !dot:
			dot = true
		default:
			return false
		}
	}
	return !dot
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
