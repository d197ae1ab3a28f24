package email

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"hale/internal/gateway/mx"
	"hale/internal/gateway/wire"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

// deliver hands h to the servers of its domain, the preferred first. Each
// connection is looked at before the sender is named on it: one that is worse
// than h needs sees nothing of h.
func (g *Gateway) deliver(ctx context.Context, h reach.Handoff, body []byte) reach.Result {
	domain := h.To[strings.LastIndexByte(h.To, '@')+1:]
	route, err := g.c.Direct.Route(ctx, domain)
	if err != nil {
		return noRoute(ctx, err)
	}
	t := trip{g: g, route: route, h: h, body: body}
	for _, host := range g.c.Direct.Order(route) {
		if r, done := t.try(ctx, host); done {
			return r
		}
	}
	return t.failed(ctx)
}

// known is what an address can take, as far as its domain's servers are
// known; they are looked at where they are not.
func (g *Gateway) known(ctx context.Context, to string) (reach.Capability, error) {
	r, err := g.c.Direct.Level(ctx, to[strings.LastIndexByte(to, '@')+1:])
	switch {
	case errors.Is(err, mx.ErrDomain):
		return reach.Capability{Detail: "not a domain that mail can go to"}, nil
	case err != nil:
		return reach.Capability{}, fmt.Errorf("email: capability: %w", err)
	}
	return reach.Capability{OK: r.Takes, Level: r.Level, Detail: r.Meaning()}, nil
}

// noRoute is the result where there is nowhere to send to.
func noRoute(ctx context.Context, err error) reach.Result {
	switch {
	case ctx.Err() != nil:
		return notSent(ctx.Err())
	case errors.Is(err, mx.ErrNull): // RFC 7505 section 4.1
		return reach.Result{Outcome: reach.Rejected, Code: "556", Detail: "5.1.10 the domain says that it takes no mail"}
	case errors.Is(err, mx.ErrNone):
		return reach.Result{Outcome: reach.Rejected, Code: "550", Detail: "5.1.2 the domain does not exist or has no mail server"}
	case errors.Is(err, mx.ErrDomain):
		return reach.Result{Outcome: reach.Rejected, Code: "bad_address", Detail: "not a domain that mail can go to"}
	}
	return reach.Result{Outcome: reach.Temp, Code: "dns", Detail: "the name service did not answer", RetryAfter: 5 * time.Minute}
}

// trip is one message's way past the servers of its domain.
type trip struct {
	g     *Gateway
	route mx.Route
	h     reach.Handoff
	body  []byte

	low       string       // evidence of a connection that was not good enough
	forbidden bool         // some server does not keep what its domain promises
	busy      bool         // some server wants us to be slower
	temp      reach.Result // what a server said that will not take it now
	reached   bool
}

// try hands the message to one server. It is done once a server has had the
// message, or has said what will not change at the next one.
func (t *trip) try(ctx context.Context, host mx.Host) (r reach.Result, done bool) {
	if ctx.Err() != nil {
		return notSent(ctx.Err()), true
	}
	lane := t.g.lanes.of(host.Name)
	if !lane.enter(ctx, t.g.c.Now) {
		t.busy = true
		return r, false
	}
	for anew := false; ; anew = true {
		c, err := t.open(ctx, lane, host, anew)
		if err != nil {
			lane.leave(nil)
			t.missed(err)
			return r, false
		}
		if c.level < t.h.Level {
			t.low, t.reached = c.peer, true
			lane.leave(nil)
			c.Quit() // nothing was said on it but hello
			return r, false
		}
		used := c.sent > 0
		r, stale := c.transfer(ctx, t.h, t.body)
		r.Peer, t.reached = c.peer, true
		lane.judge(r, t.g.c.Now())
		if stale && used && !anew && ctx.Err() == nil { // closed while it was idle: nothing was sent
			c.Close()
			continue
		}
		lane.leave(t.g.keep(lane, c))
		if r.Outcome == reach.Temp && (r.Code == "421" || r.Code == "unreachable") {
			t.temp = r
			return r, false
		}
		return r, true
	}
}

// open takes an idle connection that is good enough, or opens one to the
// first address that answers.
func (t *trip) open(ctx context.Context, lane *lane, host mx.Host, anew bool) (*conn, error) {
	for !anew {
		c := lane.take()
		if c == nil {
			break
		}
		if c.level >= t.h.Level {
			return c, nil
		}
		c.Quit()
	}
	addrs := host.Addrs
	if len(addrs) == 0 { // says why in what it returns
		addrs = []netip.Addr{{}}
	}
	var last error
	for _, addr := range addrs {
		link, err := t.g.c.Direct.Open(ctx, t.route, host, addr, t.h.Level)
		if err != nil {
			last = err
			if errors.Is(err, mx.ErrPolicy) || mx.NoTLS(err) || ctx.Err() != nil {
				break
			}
			continue
		}
		c := &conn{Session: link.Session, wait: t.g.c.Timeouts, level: link.Grade.Level, peer: link.Grade.Evidence(host.Name)}
		c.offers()
		return c, nil
	}
	return nil, last
}

// missed notes why a server had nothing.
func (t *trip) missed(err error) {
	if a, ok := errors.AsType[*wire.Answer](err); ok {
		t.temp = reach.Result{Outcome: reach.Temp, Code: "421", Detail: scrub(a.Text, t.h), RetryAfter: 5 * time.Minute}
		return
	}
	switch {
	case errors.Is(err, mx.ErrPolicy):
		t.forbidden = true
	case mx.NoTLS(err):
		t.low = "TLS failed"
	}
}

// failed is the result where no server had the message.
func (t *trip) failed(ctx context.Context) reach.Result {
	switch {
	case ctx.Err() != nil:
		return notSent(ctx.Err())
	case t.busy:
		return reach.Result{Outcome: reach.Temp, Code: reach.Throttled, Detail: "the server wants mail to come more slowly", RetryAfter: 5 * time.Second}
	case t.temp.Outcome != "":
		return t.temp
	case t.low != "" || t.forbidden && t.h.Level > policy.L0:
		t.g.c.Direct.Forget(context.WithoutCancel(ctx), t.route.Domain)
		return reach.Result{Outcome: reach.Rejected, Code: "tls_insufficient", Detail: "no server of the domain offers " + t.h.Level.String() + " now", Peer: t.low}
	case t.forbidden:
		return reach.Result{Outcome: reach.Temp, Code: "tls_policy", Detail: "no server keeps what its domain promises about TLS", RetryAfter: 30 * time.Minute}
	}
	return reach.Result{Outcome: reach.Temp, Code: "unreachable", Detail: "no server of the domain was reached", RetryAfter: 5 * time.Minute}
}
