package smpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// link is a bound way to the peer: one session both ways, or one to send and
// one to receive.
type link struct {
	out, in *session // the same of a transceiver
}

func (l *link) alive() bool { return l.out.alive() && l.in.alive() }

func (l *link) close() {
	l.out.unbind()
	if l.in != l.out {
		l.in.unbind()
	}
}

// errBind says that the peer did not let us in.
type errBind struct{ status Status }

// Error names the status.
func (e errBind) Error() string {
	return fmt.Sprintf("smpp: bind refused with 0x%02x", uint32(e.status))
}

// bound returns a bound link, making one where there is none. Of many who ask
// at once, one dials and the others wait.
func (g *Gateway) bound(ctx context.Context) (*link, error) {
	select {
	case g.dialing <- struct{}{}:
		defer func() { <-g.dialing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	g.mu.Lock()
	l, closed, wait := g.link, g.closed, g.notBefore.Sub(g.c.Now())
	g.mu.Unlock()
	switch {
	case closed:
		return nil, errClosed
	case l != nil && l.alive():
		return l, nil
	case l != nil:
		l.out.close()
		l.in.close()
		g.put(nil)
	case wait > 0 && wait <= redialMost:
		return nil, errClosed // it was refused just now
	}
	l, err := g.dial(ctx)
	if err != nil {
		g.failed()
		return nil, err
	}
	return l, g.put(l)
}

// How long to wait after a bind that failed: longer each time.
const (
	redialLeast = time.Second
	redialMost  = 30 * time.Second
)

func (g *Gateway) failed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.redial = min(max(2*g.redial, redialLeast), redialMost)
	g.notBefore = g.c.Now().Add(g.redial)
}

// put makes l the link, unless the gateway was closed meanwhile.
func (g *Gateway) put(l *link) error {
	g.mu.Lock()
	closed := g.closed
	if !closed {
		g.link = l
		if l != nil {
			g.redial, g.notBefore = 0, time.Time{}
		}
	}
	g.mu.Unlock()
	if closed && l != nil {
		l.close()
		return errClosed
	}
	return nil
}

// dial connects and binds: as a transceiver, or, where the peer does not know
// that or says nothing to it, as a transmitter and a receiver.
func (g *Gateway) dial(ctx context.Context) (*link, error) {
	if g.c.Bind != Pair && !g.pairOnly() {
		s, err := g.session(ctx, BindTransceiver)
		if err == nil {
			return &link{s, s}, nil
		}
		var refused errBind
		unknown := errors.As(err, &refused) && refused.status.unknownCommand() || errors.Is(err, errNoReply)
		if g.c.Bind == Transceiver || !unknown || ctx.Err() != nil {
			return nil, err
		}
	}
	in, err := g.session(ctx, BindReceiver)
	if err != nil {
		return nil, err
	}
	out, err := g.session(ctx, BindTransmitter)
	if err != nil {
		in.unbind()
		return nil, err
	}
	g.mu.Lock()
	g.pair = true
	g.mu.Unlock()
	return &link{out, in}, nil
}

func (g *Gateway) pairOnly() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pair
}

// session opens one connection and binds it.
func (g *Gateway) session(ctx context.Context, as Command) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, g.c.BindTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", g.c.Addr)
	if err != nil {
		return nil, err
	}
	if g.c.TLS != nil {
		secured := tls.Client(conn, g.c.TLS)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = secured
	}
	s := newSession(conn, g.c.Window, g.c.Timeout, g.c.Now, g.deliver, g.arrived)
	res, _, err := s.call(ctx, PDU{Command: as, Bind: Bind{
		System: g.c.System, Password: g.c.Password, Type: g.c.SystemType, Version: 0x34, TON: 0, NPI: 0,
	}})
	switch {
	case err != nil && ctx.Err() != nil:
		s.close()
		return nil, errNoReply
	case err != nil:
		s.close()
		return nil, err
	case res.Status != OK:
		s.close()
		return nil, errBind{res.Status}
	}
	return s, nil
}

// Run keeps the gateway bound until ctx ends, so that receipts and what people
// answer come in while nothing is sent, and asks a quiet peer whether it is
// still there.
func (g *Gateway) Run(ctx context.Context) error {
	every := time.NewTicker(g.c.Beat)
	defer every.Stop()
	for {
		l, err := g.bound(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, errClosed) {
			g.c.Log.Warn("smpp: bind", "error", errors.Is(err, errNoReply), "reason", reason(err))
		}
		if l != nil {
			l.out.probe(ctx, g.c.Enquire)
			if l.in != l.out {
				l.in.probe(ctx, g.c.Enquire)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

// reason is what may be logged of an error: no address and no password.
func reason(err error) string {
	var refused errBind
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case errors.Is(err, errNoReply):
		return "no answer"
	}
	return "not reached"
}
