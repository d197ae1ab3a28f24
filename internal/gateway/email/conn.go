package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// conn is one connection to the relay, greeted, secured and signed in.
type conn struct {
	g          *Gateway
	raw        net.Conn
	smtp       *smtp.Client
	tls        bool
	verified   bool // the certificate is the relay's
	version    string
	requireTLS bool // the relay knows REQUIRETLS
	pipelining bool // the relay takes several commands at once
	sent       int
	dirty      bool // a transaction was begun and not ended
	broken     bool
	used       time.Time
	timer      *time.Timer // ends the wait for the relay
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
			c.quit()
		default:
			return nil
		}
	}
}

// release gives the slot back, and keeps the connection if it is good for
// more.
func (g *Gateway) release(c *conn) {
	defer func() { <-g.slots }()
	c.timer.Stop()
	c.used = g.c.Now()
	if c.broken {
		c.close()
		return
	}
	if c.sent < g.c.PerConn {
		select {
		case g.idle <- c:
			return
		default:
		}
	}
	c.quit()
}

// open dials, greets, starts TLS and signs in. It stops when ctx ends.
func (g *Gateway) open(ctx context.Context) (*conn, error) {
	dialer := net.Dialer{Timeout: g.c.Timeouts.Dial}
	raw, err := dialer.DialContext(ctx, "tcp", g.c.Addr)
	if err != nil {
		return nil, err
	}
	c := &conn{g: g, raw: raw}
	c.timer = time.AfterFunc(g.c.Timeouts.Command, c.end)
	stop := c.guard(ctx)
	defer stop()
	if err := c.begin(); err != nil {
		c.close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return c, nil
}

func (c *conn) begin() error {
	g := c.g
	link := c.raw
	c.wait(g.c.Timeouts.Command)
	if g.c.TLS == Implicit {
		secured := tls.Client(link, c.tlsConfig())
		if err := secured.Handshake(); err != nil {
			return fmt.Errorf("%w: %v", errVerify, err)
		}
		c.tls, link = true, secured
	}
	client, err := smtp.NewClient(link, g.host)
	if err != nil {
		return fmt.Errorf("%w: %w", errGreeting, err)
	}
	c.smtp = client
	if err := client.Hello(g.c.Hello); err != nil {
		return err
	}
	if err := c.startTLS(); err != nil {
		return err
	}
	c.requireTLS, _ = client.Extension("REQUIRETLS")
	c.pipelining, _ = client.Extension("PIPELINING")
	return c.auth()
}

// startTLS secures the connection as far as the relay and the settings go.
func (c *conn) startTLS() error {
	if c.g.c.TLS == Implicit {
		return nil
	}
	if ok, _ := c.smtp.Extension("STARTTLS"); !ok {
		if c.g.c.TLS == Required {
			return errNoTLS
		}
		return nil
	}
	c.wait(c.g.c.Timeouts.Command)
	if err := c.smtp.StartTLS(c.tlsConfig()); err != nil {
		return err
	}
	c.tls = true
	return nil
}

// tlsConfig verifies by hand, so that the result is known where TLS is
// opportunistic and any certificate will do.
func (c *conn) tlsConfig() *tls.Config {
	g := c.g
	return &tls.Config{
		ServerName:         g.host,
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(s tls.ConnectionState) error {
			c.version = tls.VersionName(s.Version)
			if g.c.Insecure {
				return nil
			}
			c.verified = verify(s, g.host, g.roots) == nil
			if !c.verified && g.c.TLS != Opportunistic {
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

// auth signs in. A password goes over TLS only, except to this machine.
func (c *conn) auth() error {
	if c.g.c.User == "" {
		return nil
	}
	c.wait(c.g.c.Timeouts.Command)
	err := c.smtp.Auth(smtp.PlainAuth("", c.g.c.User, c.g.c.Password, c.g.host, false))
	if err != nil {
		return errAuth
	}
	return nil
}

// guard makes the connection fail when ctx ends, until stop is called.
func (c *conn) guard(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, c.end)
}

// wait bounds what follows.
func (c *conn) wait(d time.Duration) { c.timer.Reset(d) }

// end makes every read and write fail from now on.
func (c *conn) end() { _ = c.raw.SetDeadline(time.Unix(1, 0)) }

// quit ends the session politely, without waiting long.
func (c *conn) quit() {
	c.wait(time.Second)
	_ = c.smtp.Quit()
	c.close()
}

func (c *conn) close() {
	c.timer.Stop()
	_ = c.raw.Close()
}

// evidence says what is known of the connection.
func (c *conn) evidence() string {
	switch {
	case c.verified:
		return c.g.host + ", " + c.version + ", certificate verified"
	case c.tls:
		return c.g.host + ", " + c.version + ", certificate not verified"
	}
	return c.g.host + ", no TLS"
}
