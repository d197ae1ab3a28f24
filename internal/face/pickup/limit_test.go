package pickup

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"hale/internal/haletest"
)

func testLimits(now *time.Time) (*limits, *atomic.Int64) {
	var waits atomic.Int64
	l := newLimits(func() time.Time { return *now })
	l.wait = func(context.Context, time.Duration) { waits.Add(1) }
	return l, &waits
}

func TestLimitsAllow(t *testing.T) {
	now := haletest.Noon
	l, waits := testLimits(&now)
	for i := range burst {
		if !l.allow(t.Context(), "192.0.2.1") {
			t.Fatalf("request %d of a burst was refused", i+1)
		}
	}
	if l.allow(t.Context(), "192.0.2.1") || waits.Load() != 1 {
		t.Errorf("one more was allowed, or did not wait (%d)", waits.Load())
	}
	if !l.allow(t.Context(), "192.0.2.2") {
		t.Error("another address was refused")
	}
	now = now.Add(everyOne)
	if !l.allow(t.Context(), "192.0.2.1") || l.allow(t.Context(), "192.0.2.1") {
		t.Error("want exactly one more after a while")
	}
}

func TestLimitsMiss(t *testing.T) {
	now := haletest.Noon
	l, _ := testLimits(&now)
	for range missBurst {
		if !l.allow(t.Context(), "2001:db8::1") {
			t.Fatal("refused before the misses were used up")
		}
		l.miss("2001:db8::1")
	}
	if l.allow(t.Context(), "2001:db8::1") || l.allow(t.Context(), "2001:db8::ffff:2") {
		t.Error("an address, or a neighbour in its network, goes on after too many misses")
	}
	if !l.allow(t.Context(), "2001:db8:0:1::1") {
		t.Error("the next network was refused")
	}
	now = now.Add(everyMiss)
	if !l.allow(t.Context(), "2001:db8::1") {
		t.Error("refused after a miss was forgiven")
	}
}

func TestLimitsSurviveAFlood(t *testing.T) {
	now := haletest.Noon
	l, _ := testLimits(&now)
	block := make(chan struct{})
	l.wait = func(context.Context, time.Duration) { <-block }
	for i := range 200_000 {
		now = now.Add(time.Microsecond)
		a := fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)
		if !l.allow(t.Context(), a) {
			t.Fatalf("the first request of %s was refused", a)
		}
		l.miss(a)
	}
	if size := unsafe.Sizeof(l.table); size > 2<<20 {
		t.Errorf("the table takes %d bytes, want at most 2 MiB", size)
	}
	for range missBurst {
		l.miss("192.0.2.1")
	}
	var wg sync.WaitGroup
	for range 2 * waiting {
		wg.Go(func() {
			if l.allow(t.Context(), "192.0.2.1") {
				t.Error("a flooding address was let on")
			}
		})
	}
	for len(l.slots) < waiting {
		time.Sleep(time.Millisecond)
	}
	if !l.allow(t.Context(), "192.0.2.9") {
		t.Error("another address was refused while the tarpit is full")
	}
	close(block)
	wg.Wait()
}
