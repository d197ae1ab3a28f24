package smpp

import (
	"context"
	"sync"
	"time"
)

// pace lets so many messages a second go, halves that when the peer asks us to
// slow down, and raises it again step by step while it does not.
type pace struct {
	mu    sync.Mutex
	now   func() time.Time
	most  float64 // a second
	rate  float64
	next  time.Time
	eased time.Time // when it was last halved
}

// least is how slow it gets, in messages a second.
const least = 0.5

func newPace(most float64, now func() time.Time) *pace {
	return &pace{now: now, most: most, rate: most}
}

// wait waits for a place.
func (p *pace) wait(ctx context.Context) error {
	p.mu.Lock()
	now := p.now()
	if p.next.Before(now) || p.next.Sub(now) > time.Minute { // or the clock went back
		p.next = now
	}
	wait := p.next.Sub(now)
	p.next = p.next.Add(time.Duration(float64(time.Second) / p.rate))
	p.mu.Unlock()
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// took raises the pace a little: by one a second for each second's worth.
func (p *pace) took() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rate = min(p.most, p.rate+1/max(p.rate, 1))
}

// throttled halves the pace, once for what was under way together.
func (p *pace) throttled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if since := now.Sub(p.eased); since >= 0 && since < time.Second && !p.eased.IsZero() {
		return
	}
	p.eased = now
	p.rate = max(least, p.rate/2)
}

// perSecond is the pace now.
func (p *pace) perSecond() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rate
}

// PerSecond is how many messages a second the gateway sends at most just now.
func (g *Gateway) PerSecond() float64 { return g.pace.perSecond() }
