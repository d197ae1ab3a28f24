package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"hale/internal/gateway/wire"
	"hale/internal/reach/policy"
)

// conn is one connection to a server that takes mail: greeted, secured as far
// as that goes, and signed in where that is asked for.
type conn struct {
	*wire.Session
	wait       Timeouts
	level      policy.Level // of the message on its way, as far as this connection can say
	peer       string       // what is known of the connection, as evidence
	requireTLS bool         // the peer knows REQUIRETLS
	pipelining bool         // it takes several commands at once
	chunking   bool         // it takes a message by its length
	eager      bool         // a message may leave in one go with its envelope
	sent       int
	dirty      bool // a transaction was begun and not ended
	broken     bool
	used       time.Time
}

// offers notes what the peer can do.
func (c *conn) offers() {
	_, c.requireTLS = c.Ext("REQUIRETLS")
	_, c.pipelining = c.Ext("PIPELINING")
	_, c.chunking = c.Ext("CHUNKING")
}

var (
	errNoTLS    = errors.New("the relay does not offer TLS")
	errVerify   = errors.New("the relay's certificate does not verify")
	errAuth     = errors.New("the relay did not accept the user and password")
	errGreeting = errors.New("the relay did not greet")
)

// connect waits for a slot, then takes an idle connection or opens one. A
// new one is never an idle one, which the relay may have closed.
func (g *Gateway) connect(ctx context.Context, anew bool) (*conn, error) {
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		<-g.slots
		return nil, err
	}
	if !anew {
		if c := g.takeIdle(); c != nil {
			return c, nil
		}
	}
	c, err := g.open(ctx)
	if err != nil {
		<-g.slots
		return nil, err
	}
	return c, nil
}

// takeIdle returns a connection that has not been idle for too long, or nil.
func (g *Gateway) takeIdle() *conn {
	for {
		select {
		case c := <-g.idle:
			idle := g.c.Now().Sub(c.used)
			if idle >= 0 && idle <= g.c.Timeouts.Idle {
				return c
			}
			c.Quit()
		default:
			return nil
		}
	}
}

// release gives the slot back, and keeps the connection if it is good for
// more.
func (g *Gateway) release(c *conn) {
	defer func() { <-g.slots }()
	c.Rest()
	c.used = g.c.Now()
	if c.broken {
		c.Close()
		return
	}
	if c.sent < g.c.PerConn {
		select {
		case g.idle <- c:
			return
		default:
		}
	}
	c.Quit()
}

// open dials, greets, starts TLS and signs in. It stops when ctx ends.
func (g *Gateway) open(ctx context.Context) (*conn, error) {
	dialer := net.Dialer{Timeout: g.c.Timeouts.Dial}
	raw, err := dialer.DialContext(ctx, "tcp", g.c.Addr)
	if err != nil {
		return nil, err
	}
	c := &conn{Session: wire.New(raw, g.c.Timeouts.Command), wait: g.c.Timeouts, eager: true}
	stop := c.Guard(ctx)
	defer stop()
	if err := g.begin(ctx, c); err != nil {
		c.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return c, nil
}

func (g *Gateway) begin(ctx context.Context, c *conn) error {
	verified := false
	config := g.tlsConfig(&verified)
	if g.c.TLS == Implicit {
		if err := c.Secure(ctx, config); err != nil {
			return fmt.Errorf("%w: %v", errVerify, err)
		}
	}
	if err := c.Greet(g.c.Hello); err != nil {
		return fmt.Errorf("%w: %w", errGreeting, err)
	}
	if g.c.TLS != Implicit {
		c.Wait(g.c.Timeouts.Command)
		err := c.StartTLS(ctx, config, g.c.Hello)
		switch {
		case errors.Is(err, wire.ErrNoTLS) && g.c.TLS == Required:
			return errNoTLS
		case err != nil && !errors.Is(err, wire.ErrNoTLS):
			return err
		}
	}
	c.offers()
	g.grade(c, verified)
	if g.c.User == "" {
		return nil
	}
	c.Wait(g.c.Timeouts.Command)
	if err := c.Auth(g.c.User, g.c.Password); err != nil {
		return errAuth
	}
	return nil
}

// tlsConfig verifies by hand, so that the result is known where TLS is
// opportunistic and any certificate will do.
func (g *Gateway) tlsConfig(verified *bool) *tls.Config {
	return &tls.Config{
		ServerName:         g.host,
		MinVersion:         tls.VersionTLS12,
		ClientSessionCache: g.sessions,
		InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(s tls.ConnectionState) error {
			if g.c.Insecure {
				return nil
			}
			*verified = verify(s, g.host, g.roots) == nil
			if !*verified && g.c.TLS != Opportunistic {
				return errVerify
			}
			return nil
		},
	}
}

func verify(s tls.ConnectionState, host string, roots *x509.CertPool) error {
	between := x509.NewCertPool()
	for _, cert := range s.PeerCertificates[1:] {
		between.AddCert(cert)
	}
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between})
	return err
}

// grade says what a message is sure of on its whole way. What the relay does
// with it is only as good as its word (REQUIRETLS) or the operator's.
func (g *Gateway) grade(c *conn, verified bool) {
	onward := c.requireTLS || g.c.Onward
	c.peer = g.host + ", no TLS"
	if c.TLS() == nil {
		return
	}
	c.peer = g.host + ", " + c.Evidence() + ", certificate not verified"
	if verified {
		c.peer = g.host + ", " + c.Evidence() + ", certificate verified"
	}
	switch {
	case onward && verified:
		c.level = policy.L2
	case onward:
		c.level = policy.L1
	}
}
