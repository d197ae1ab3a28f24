// Package failover sends by the first of several providers that works.
//
// Only what one provider definitely did not take goes to the next: a message
// in doubt stays with the provider that may have it. A provider that fails
// again and again is left alone for a while.
package failover

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"hale/internal/reach"
)

// Provider is a gateway with a name.
type Provider struct {
	Name    string
	Gateway reach.Gateway
}

// How many failures in a row open a provider's circuit, and for how long:
// twice as long each time it fails again at once.
const (
	strikes   = 5
	restLeast = 30 * time.Second
	restMost  = 10 * time.Minute
)

// Gateway is several providers as one.
type Gateway struct {
	list []Provider
	now  func() time.Time

	mu    sync.Mutex
	state []circuit
	by    map[string]int // key of a message in doubt: its provider
}

// circuit is what is known of a provider.
type circuit struct {
	failures int
	rest     time.Duration
	until    time.Time // left alone until then
	trying   bool      // one message tries whether it works again
	sent     int
	last     string // code of the last failure
	at       time.Time
}

// Status is a provider's circuit as the desk shows it.
type Status struct {
	Name     string
	Open     bool // left alone for now
	Until    time.Time
	Failures int    // in a row
	Sent     int    // taken, since this process began
	Last     string // code of the last failure; empty: none
	At       time.Time
}

// New returns a gateway that prefers providers in their order.
func New(now func() time.Time, list ...Provider) (*Gateway, error) {
	if len(list) == 0 || now == nil {
		return nil, errors.New("failover: a provider and a clock are needed")
	}
	for _, p := range list[1:] {
		if p.Gateway.Channel() != list[0].Gateway.Channel() {
			return nil, errors.New("failover: the providers are of several channels")
		}
	}
	return &Gateway{list: list, now: now, state: make([]circuit, len(list)), by: map[string]int{}}, nil
}

// Close closes every provider.
func (g *Gateway) Close() error {
	var all []error
	for _, p := range g.list {
		if c, ok := p.Gateway.(io.Closer); ok {
			all = append(all, c.Close())
		}
	}
	return errors.Join(all...)
}

// Channel is the providers'.
func (g *Gateway) Channel() reach.Channel { return g.list[0].Gateway.Channel() }

// Capability is what any provider says it can reach.
func (g *Gateway) Capability(ctx context.Context, to string) (c reach.Capability, err error) {
	for _, p := range g.list {
		if c, err = p.Gateway.Capability(ctx, to); err == nil && c.OK {
			return c, nil
		}
	}
	return c, err
}

// Validate returns what every provider finds wrong: nothing, if one would
// take it.
func (g *Gateway) Validate(h reach.Handoff) (list []reach.Problem) {
	for _, p := range g.list {
		if list = p.Gateway.Validate(h); len(list) == 0 {
			return nil
		}
	}
	return list
}

// Send tries the providers in their order. What one refuses for good stays
// refused: that is about the message or the number.
func (g *Gateway) Send(ctx context.Context, h reach.Handoff) reach.Result {
	var first reach.Result
	tried := false
	for i, p := range g.list {
		if !g.may(i) {
			continue
		}
		r := p.Gateway.Send(ctx, h)
		g.note(i, h.Key, r, ctx.Err() != nil)
		r.Peer = p.Name + ": " + r.Peer
		if r.Outcome != reach.Temp || ctx.Err() != nil {
			return r
		}
		if !tried || r.RetryAfter < first.RetryAfter {
			first, tried = r, true
		}
	}
	if !tried {
		return reach.Result{Outcome: reach.Temp, Code: "all_rest", Detail: "every provider is left alone for now", RetryAfter: g.soonest()}
	}
	return first
}

// may says whether a provider may be tried: its circuit is closed, or it is
// time to try, one message at a time, whether it works again.
func (g *Gateway) may(i int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := &g.state[i]
	switch wait := c.until.Sub(g.now()); {
	case c.until.IsZero():
		return true
	case wait > 0 && wait <= restMost, c.trying:
		return false
	}
	c.trying = true
	return true
}

// note counts how an attempt ended. Whoever was cancelled proves nothing.
func (g *Gateway) note(i int, key string, r reach.Result, cancelled bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := &g.state[i]
	c.trying = false
	if r.Outcome == reach.Uncertain {
		if len(g.by) > 10000 {
			clear(g.by)
		}
		g.by[key] = i
	}
	if cancelled {
		return
	}
	if r.Outcome == reach.Accepted || r.Outcome == reach.Rejected {
		if r.Outcome == reach.Accepted {
			c.sent++
		}
		c.failures, c.rest, c.until = 0, 0, time.Time{}
		return
	}
	c.failures, c.last, c.at = c.failures+1, r.Code, g.now()
	if c.failures >= strikes || !c.until.IsZero() {
		c.rest = min(max(2*c.rest, restLeast), restMost)
		c.until = g.now().Add(c.rest)
	}
}

// soonest is when the first provider may be tried again.
func (g *Gateway) soonest() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	wait := restMost
	for _, c := range g.state {
		wait = min(wait, max(time.Second, c.until.Sub(g.now())))
	}
	return wait
}

// Reconcile asks the provider that may have the message; where that is not
// known any more, each of them. That one knows nothing says nothing of the
// others.
func (g *Gateway) Reconcile(ctx context.Context, h reach.Handoff) (reach.Result, bool) {
	g.mu.Lock()
	i, known := g.by[h.Key]
	g.mu.Unlock()
	if known {
		r, ok := g.list[i].Gateway.Reconcile(ctx, h)
		return r, ok
	}
	all, last := true, reach.Result{}
	for _, p := range g.list {
		r, ok := p.Gateway.Reconcile(ctx, h)
		if ok && r.Outcome == reach.Accepted {
			return r, true
		}
		all, last = all && ok, r
	}
	return last, all
}

// Status returns every provider's circuit.
func (g *Gateway) Status() []Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]Status, len(g.list))
	for i, c := range g.state {
		out[i] = Status{Name: g.list[i].Name, Open: c.until.After(g.now()), Until: c.until, Failures: c.failures, Sent: c.sent, Last: c.last, At: c.at}
	}
	return out
}
