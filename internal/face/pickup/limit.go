package pickup

import (
	"context"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// How much one address may do. A family or a waiting room shares one.
const (
	burst     = 40              // answers sent at once
	everyOne  = 2 * time.Second // after that, one more each
	missBurst = 10              // answers that opened nothing
	everyMiss = 15 * time.Second
	tarpit    = 2 * time.Second // how long a refused one waits
	waiting   = 256             // how many wait at once; more are refused at once
)

// The table of addresses has a fixed size: a flood pushes out its own rows.
const (
	sets = 2048
	ways = 4
)

// limits counts what addresses do, in fixed memory.
type limits struct {
	now   func() time.Time
	wait  func(context.Context, time.Duration)
	seed  maphash.Seed
	slots chan struct{} // who waits in the tarpit

	mu    sync.Mutex
	table [sets][ways]account
}

// account is what one address may still do: the times at which its two
// buckets are full again.
type account struct {
	tag         uint64 // hash of the address; 0: free
	used        time.Time
	fullAt      time.Time
	missesEmpty time.Time
}

func newLimits(now func() time.Time) *limits {
	return &limits{now: now, wait: sleep, seed: maphash.MakeSeed(), slots: make(chan struct{}, waiting)}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// allow counts one request from address and says whether it may go on. One
// that may not has waited in the tarpit, if there was room.
func (l *limits) allow(ctx context.Context, address string) bool {
	if l.take(address) {
		return true
	}
	select {
	case l.slots <- struct{}{}:
		l.wait(ctx, tarpit)
		<-l.slots
	default:
	}
	return false
}

func (l *limits) take(address string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, now := l.find(address), l.now()
	if a.missesEmpty.Sub(now) > (missBurst-1)*everyMiss || a.fullAt.Sub(now) > (burst-1)*everyOne {
		return false
	}
	a.fullAt = later(a.fullAt, now).Add(everyOne)
	return true
}

// miss counts an answer from address that opened nothing.
func (l *limits) miss(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.find(address)
	a.missesEmpty = later(a.missesEmpty, l.now()).Add(everyMiss)
}

// find returns the row of address, made anew in place of the one longest
// unused where there is none.
func (l *limits) find(address string) *account {
	tag := maphash.String(l.seed, network(address)) | 1
	set, now := &l.table[(tag>>1)%sets], l.now()
	oldest := 0
	for i := range set {
		if set[i].tag == tag {
			set[i].used = now
			return &set[i]
		}
		if set[i].used.Before(set[oldest].used) {
			oldest = i
		}
	}
	set[oldest] = account{tag: tag, used: now}
	return &set[oldest]
}

// network returns what is one customer of a network: an IPv4 address, or the
// /64 of an IPv6 one.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Is4() || a.Is4In6() {
		return address
	}
	p, err := a.Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
