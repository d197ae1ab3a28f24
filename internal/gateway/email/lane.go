package email

import (
	"context"
	"regexp"
	"sync"
	"time"

	"hale/internal/reach"
)

// lanes hold what is known of each server that mail goes to.
type lanes struct {
	mu    sync.Mutex
	by    map[string]*lane
	most  int // connections to one server
	idle  time.Duration
	shut  bool
	spare chan struct{} // one element for each connection that is kept
}

func newLanes(most, spare int, idle time.Duration) *lanes {
	return &lanes{by: map[string]*lane{}, most: most, idle: idle, spare: make(chan struct{}, spare)}
}

// mostLanes bounds the servers that are remembered.
const mostLanes = 20_000

// of returns the lane to a host.
func (l *lanes) of(host string) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.by[host]; a != nil {
		return a
	}
	if len(l.by) >= mostLanes {
		for name, a := range l.by {
			if a.quiet() {
				delete(l.by, name)
			}
		}
	}
	a := &lane{most: float64(l.most), limit: min(4, float64(l.most)), free: make(chan struct{}, 1)}
	l.by[host] = a
	return a
}

// close ends every connection that is kept.
func (l *lanes) close() {
	l.mu.Lock()
	l.shut = true
	var all []*lane
	for _, a := range l.by {
		all = append(all, a)
	}
	l.mu.Unlock()
	for _, a := range all {
		for c := a.take(); c != nil; c = a.take() {
			c.Quit()
		}
	}
}

// lane is the way to one server: how many connections it bears and how fast
// mail may come. Both grow a little with each message that it takes, and are
// halved when it complains.
type lane struct {
	mu     sync.Mutex
	most   float64
	limit  float64 // connections at a time
	in     int
	free   chan struct{} // told when a place becomes free
	kept   []kept
	rate   float64   // messages a second; zero: no limit
	next   time.Time // when the next message may go
	pause  time.Time // nothing goes before
	times  int       // complaints in a row
	window time.Time // since when taken counts
	taken  int
}

// kept is a connection that waits for more, and what ends the wait.
type kept struct {
	c    *conn
	stop func() bool
}

// patience is how long a message waits for its turn before it is put off.
const patience = time.Second

// enter waits for a turn, but not for long. False: it is not the time.
func (a *lane) enter(ctx context.Context, now func() time.Time) bool {
	late, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		wait, ok := a.turn(now())
		if ok {
			return true
		}
		if wait > patience {
			return false
		}
		timer := time.NewTimer(max(wait, 5*time.Millisecond))
		select {
		case <-a.free:
		case <-timer.C:
		case <-late.Done():
			timer.Stop()
			return false
		}
		timer.Stop()
	}
}

// turn takes a place if there is one, or says how long to wait.
func (a *lane) turn(now time.Time) (wait time.Duration, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case now.Before(a.pause):
		return a.pause.Sub(now), false
	case float64(a.in) >= a.limit:
		return 50 * time.Millisecond, false
	case a.rate > 0 && now.Before(a.next):
		return a.next.Sub(now), false
	}
	if a.rate > 0 {
		a.next = now.Add(time.Duration(float64(time.Second) / a.rate))
	}
	a.in++
	return 0, true
}

// leave gives the place back, and keeps the connection if there is one.
func (a *lane) leave(k *kept) {
	a.mu.Lock()
	a.in--
	if k != nil {
		a.kept = append(a.kept, *k)
	}
	a.mu.Unlock()
	select {
	case a.free <- struct{}{}:
	default:
	}
}

// take returns the connection that was used last, or nil.
func (a *lane) take() *conn {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.kept) > 0 {
		k := a.kept[len(a.kept)-1]
		a.kept = a.kept[:len(a.kept)-1]
		if k.stop() {
			return k.c
		}
	}
	return nil
}

// drop forgets a connection that has waited long enough.
func (a *lane) drop(c *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, k := range a.kept {
		if k.c == c {
			a.kept = append(a.kept[:i], a.kept[i+1:]...)
			return
		}
	}
}

// quiet says whether nothing is known of a that matters.
func (a *lane) quiet() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.in == 0 && len(a.kept) == 0 && a.times == 0
}

// Bounds of a lane's pace.
const (
	slowest   = 0.2 // messages a second
	unbounded = 500 // from here on the pace is not held back
	longest   = 10 * time.Minute
)

// judge learns from what the server said.
func (a *lane) judge(r reach.Result, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.window) > 10*time.Second {
		a.window, a.taken = now, 0
	}
	switch {
	case r.Outcome == reach.Accepted:
		a.taken++
		a.times = 0
		a.limit = min(a.most, a.limit+1/a.limit)
		if a.rate > 0 {
			a.rate += 0.5 / a.rate
		}
		if a.rate > unbounded {
			a.rate = 0
		}
	case complaint(r):
		a.limit = max(1, a.limit/2)
		seen := float64(a.taken) / max(now.Sub(a.window).Seconds(), 1)
		if a.rate > 0 {
			seen = a.rate
		}
		a.rate = max(slowest, seen/2)
		a.pause = now.Add(min(time.Second<<min(a.times, 10), longest))
		a.times++
	}
}

// slower is what servers say that want less, beside 421: RFC 3463 has 4.3.2
// (not accepting now), 4.4.5 (congestion) and 4.7.0 (policy), which many use
// with words of their own.
var slower = regexp.MustCompile(`(?i)\b4\.(3\.2|4\.5|7\.(0|28))\b|too many|rate|throttl|slow down|try again later`)

// complaint says whether r is about how much we send, not about one mailbox.
func complaint(r reach.Result) bool {
	return r.Outcome == reach.Temp && (r.Code == "421" || (r.Code == "450" || r.Code == "451" || r.Code == "452") && slower.MatchString(r.Detail))
}

// keep keeps c for more if it is good for it and there is room; else it ends
// it. The server is left alone once nothing has come for a while.
func (g *Gateway) keep(a *lane, c *conn) *kept {
	c.Rest()
	l := g.lanes
	l.mu.Lock()
	shut := l.shut
	l.mu.Unlock()
	if c.broken {
		c.Close()
		return nil
	}
	if shut || c.sent >= g.c.PerConn {
		c.Quit()
		return nil
	}
	select {
	case l.spare <- struct{}{}:
	default:
		c.Quit()
		return nil
	}
	timer := time.AfterFunc(l.idle, func() {
		a.drop(c)
		<-l.spare
		c.Quit()
	})
	return &kept{c: c, stop: func() bool {
		if !timer.Stop() {
			return false
		}
		<-l.spare
		return true
	}}
}
