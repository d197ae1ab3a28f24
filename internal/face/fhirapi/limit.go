package fhirapi

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"hale/internal/access"
)

// rate is how many requests somebody may send.
type rate struct{ each, burst float64 } // a second; at once

// The rates are generous: they hold off what has gone wrong, and nobody who
// works.
var (
	personRate   = rate{200, 2_000}
	systemRate   = rate{20_000, 40_000}
	strangerRate = rate{5, 100} // wrong tokens from one address
)

// rates count the requests of each client.
type rates struct{ people, systems, strangers *buckets }

func newRates(now func() time.Time) *rates {
	return &rates{newBuckets(personRate, now), newBuckets(systemRate, now), newBuckets(strangerRate, now)}
}

// of takes one request of actor's and returns how long to wait, if at all.
func (r *rates) of(actor access.Actor) time.Duration {
	key := actor.ID
	if actor.Kind == access.System {
		return r.systems.take(key)
	}
	if actor.App != nil {
		key = actor.App.ID + " " + key
	}
	return r.people.take(key)
}

// buckets are one token bucket for each key.
type buckets struct {
	rate rate
	now  func() time.Time

	mu  sync.Mutex
	all map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// manyBuckets is when those that are full again are dropped.
const manyBuckets = 10_000

func newBuckets(r rate, now func() time.Time) *buckets {
	return &buckets{rate: r, now: now, all: map[string]*bucket{}}
}

// take takes one token of key's and returns how long until there is one, if
// there is none.
func (b *buckets) take(key string) time.Duration {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.all[key]
	if one == nil {
		b.clear(now)
		one = &bucket{left: b.rate.burst, at: now}
		b.all[key] = one
	}
	if gone := now.Sub(one.at).Seconds(); gone > 0 {
		one.left = min(b.rate.burst, one.left+gone*b.rate.each)
		one.at = now
	}
	if one.left < 1 {
		return time.Duration((1 - one.left) / b.rate.each * float64(time.Second))
	}
	one.left--
	return 0
}

// clear drops the buckets that are full again, where there are many.
func (b *buckets) clear(now time.Time) {
	if len(b.all) < manyBuckets {
		return
	}
	for key, one := range b.all {
		if one.left+now.Sub(one.at).Seconds()*b.rate.each >= b.rate.burst {
			delete(b.all, key)
		}
	}
	if len(b.all) >= manyBuckets {
		clear(b.all)
	}
}

// throttled refuses who sends too much.
//
// Spec: RFC 6585 §4
func throttled(wait time.Duration) *Problem {
	p := refuse(http.StatusTooManyRequests, "throttled", "", "Too many requests. Please wait a little.")
	p.header = [2]string{"Retry-After", strconv.Itoa(int(math.Ceil(max(wait.Seconds(), 1))))}
	return p
}

// remote returns the address that r came from, as the proxies that are
// believed tell it.
func remote(r *http.Request, proxies []netip.Prefix) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr := at.Addr().Unmap()
	hops := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
	for i := len(hops) - 1; i >= 0 && believed(addr, proxies); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = next.Unmap()
	}
	return addr.String()
}

func believed(a netip.Addr, proxies []netip.Prefix) bool {
	for _, p := range proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
