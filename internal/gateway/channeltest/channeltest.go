// Package channeltest is the suite that every gateway passes: what a gateway
// says about a message is what happened to it at the other end.
//
// A gateway's test hands in its Peer, a real far end that behaves as told.
package channeltest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/reach"
)

// Behaviour is what a peer does with what is sent to an address.
type Behaviour string

// The behaviours.
const (
	Take         Behaviour = "take"
	RefuseNever  Behaviour = "refuse for good"
	RefuseNow    Behaviour = "refuse for now"
	TakeAndBreak Behaviour = "take and break the connection"
	Hang         Behaviour = "hang before taking"
)

// Peer is the far end.
type Peer interface {
	// Address returns an address that behaves like b, another one for each
	// n; false if this channel has no such thing.
	Address(b Behaviour, n int) (to string, ok bool)

	// Took returns the keys of what it took, once for each time.
	Took() []string
}

// Setup is a gateway and its far end.
type Setup struct {
	Gateway reach.Gateway
	Peer    Peer
}

// secret stands in every message and must not stand in what a gateway says.
const secret = "glaucoma-marker"

// handoff is a message that may be sent to to.
func handoff(to string, n int) reach.Handoff {
	return reach.Handoff{
		Message: fmt.Sprintf("message%d", n), Key: fmt.Sprintf("key-%d", n), Attempt: 1,
		To: to, Subject: "About your " + secret, Text: "Your " + secret + " appointment.",
		HTML: "<p>Your " + secret + " appointment.</p>",
	}
}

// Run runs the suite. Open returns a new gateway and its peer; the gateway
// logs to log, and what Open starts ends with t.
func Run(t *testing.T, open func(t *testing.T, log *slog.Logger) Setup) {
	t.Helper()
	tests := []struct {
		name string
		test func(*testing.T, Setup)
	}{
		{"takes what is accepted", testAccept},
		{"says refused for good", testRefused(RefuseNever, reach.Rejected)},
		{"says refused for now, and when to come again", testRefused(RefuseNow, reach.Temp)},
		{"is in doubt when the answer is lost", testLost},
		{"sends nothing after a cancel", testCancelled},
		{"stops waiting when cancelled", testHang},
		{"finds what is wrong before sending", testValidate},
		{"carries the same key in every attempt", testKey},
		{"is used by many at once", testConcurrent},
		{"goes on after a bad message", testGoesOn},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { clean(t, open, tt.test) })
	}
}

// clean runs test and sees that no goroutine and no patient data is left.
func clean(t *testing.T, open func(*testing.T, *slog.Logger) Setup, test func(*testing.T, Setup)) {
	t.Helper()
	before := runtime.NumGoroutine()
	var log lines
	t.Run("run", func(t *testing.T) {
		s := open(t, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		if c, ok := s.Gateway.(io.Closer); ok {
			t.Cleanup(func() { _ = c.Close() })
		}
		test(t, s)
	})
	if text := log.String(); strings.Contains(text, secret) {
		t.Errorf("the log holds what a message said:\n%s", text)
	}
	after := 0
	for range 100 {
		if after = runtime.NumGoroutine(); after <= before {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	buf := make([]byte, 1<<16)
	t.Errorf("%d goroutines before, %d after:\n%s", before, after, buf[:runtime.Stack(buf, true)])
}

func testAccept(t *testing.T, s Setup) {
	to := address(t, s, Take, 1)
	h := handoff(to, 1)
	if p := s.Gateway.Validate(h); len(p) > 0 {
		t.Fatalf("Validate = %v, want nothing", p)
	}
	if c, err := s.Gateway.Capability(t.Context(), to); err != nil || !c.OK {
		t.Errorf("Capability = %+v, %v; want OK", c, err)
	}
	wantOutcome(t, send(t, s, h), reach.Accepted)
	wantTook(t, s, "key-1", 1)
	if r, ok := s.Gateway.Reconcile(t.Context(), h); ok && r.Outcome != reach.Accepted {
		t.Errorf("Reconcile = %s, want accepted or no answer", r.Outcome)
	}
}

func testRefused(b Behaviour, want reach.Outcome) func(*testing.T, Setup) {
	return func(t *testing.T, s Setup) {
		r := send(t, s, handoff(address(t, s, b, 1), 1))
		wantOutcome(t, r, want)
		if want == reach.Temp && r.RetryAfter <= 0 {
			t.Error("RetryAfter = 0, want a time to wait")
		}
		if r.Code == "" {
			t.Error("Code is empty, want the peer's reason")
		}
		wantTook(t, s, "key-1", 0)
	}
}

func testLost(t *testing.T, s Setup) {
	h := handoff(address(t, s, TakeAndBreak, 1), 1)
	wantOutcome(t, send(t, s, h), reach.Uncertain)
	wantTook(t, s, "key-1", 1)
	if r, ok := s.Gateway.Reconcile(t.Context(), h); ok && r.Outcome != reach.Accepted {
		t.Errorf("Reconcile = %s, want accepted or no answer: it was taken", r.Outcome)
	}
}

func testCancelled(t *testing.T, s Setup) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := handoff(address(t, s, Take, 1), 1)
	wantOutcome(t, s.Gateway.Send(ctx, h), reach.Temp)
	wantTook(t, s, "key-1", 0)
}

func testHang(t *testing.T, s Setup) {
	h := handoff(address(t, s, Hang, 1), 1)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	r := s.Gateway.Send(ctx, h)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Send returned after %v, want soon after the cancel", took)
	}
	if r.Outcome != reach.Temp && r.Outcome != reach.Uncertain {
		t.Errorf("Outcome = %s, want temp or uncertain", r.Outcome)
	}
}

func testValidate(t *testing.T, s Setup) {
	good := address(t, s, Take, 1)
	tests := []struct {
		name   string
		change func(*reach.Handoff)
	}{
		{"no text", func(h *reach.Handoff) { h.Text, h.HTML = "", "" }},
		{"no key", func(h *reach.Handoff) { h.Key = "" }},
	}
	for _, tt := range tests {
		h := handoff(good, 1)
		tt.change(&h)
		if p := s.Gateway.Validate(h); len(p) == 0 {
			t.Errorf("%s: Validate found nothing", tt.name)
		}
		wantOutcome(t, send(t, s, h), reach.Rejected)
	}
	if n := len(s.Peer.Took()); n != 0 {
		t.Errorf("the peer took %d messages, want none", n)
	}
}

func testKey(t *testing.T, s Setup) {
	to := address(t, s, Take, 1)
	for attempt := 1; attempt <= 2; attempt++ {
		h := handoff(to, 7)
		h.Attempt = attempt
		wantOutcome(t, send(t, s, h), reach.Accepted)
	}
	wantOutcome(t, send(t, s, handoff(to, 8)), reach.Accepted)
	keys := map[string]bool{}
	for _, k := range s.Peer.Took() {
		keys[k] = true
	}
	if len(keys) != 2 || !keys["key-7"] || !keys["key-8"] {
		t.Errorf("the peer saw the keys %v, want key-7 and key-8", keys)
	}
}

func testConcurrent(t *testing.T, s Setup) {
	const senders, each = 12, 8
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for j := range each {
				n := i*each + j
				to, _ := s.Peer.Address(Take, n)
				if r := s.Gateway.Send(t.Context(), handoff(to, n)); r.Outcome != reach.Accepted {
					t.Errorf("message %d: %s %s, want accepted", n, r.Outcome, r.Code)
				}
			}
		})
	}
	all.Wait()
	times := map[string]int{}
	for _, k := range s.Peer.Took() {
		times[k]++
	}
	for n := range senders * each {
		if k := fmt.Sprintf("key-%d", n); times[k] != 1 {
			t.Errorf("%s was taken %d times, want once", k, times[k])
		}
	}
}

func testGoesOn(t *testing.T, s Setup) {
	for n, b := range []Behaviour{RefuseNever, Take, RefuseNow, Take, TakeAndBreak, Take, Take} {
		to, ok := s.Peer.Address(b, n)
		if !ok {
			continue
		}
		r := send(t, s, handoff(to, n))
		if b == Take {
			wantOutcome(t, r, reach.Accepted)
			wantTook(t, s, fmt.Sprintf("key-%d", n), 1)
		}
	}
}

// address returns an address that behaves like b or skips.
func address(t *testing.T, s Setup, b Behaviour, n int) string {
	t.Helper()
	to, ok := s.Peer.Address(b, n)
	if !ok {
		t.Skipf("skipped: no peer of this channel can %s", b)
	}
	return to
}

// send sends h and sees that the result keeps what the message said.
func send(t *testing.T, s Setup, h reach.Handoff) reach.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r := s.Gateway.Send(ctx, h)
	said := fmt.Sprintf("%+v", r)
	for _, private := range []string{secret, h.To, h.Text} {
		if private != "" && strings.Contains(said, private) {
			t.Errorf("the result %s holds %q", said, private)
		}
	}
	return r
}

func wantOutcome(t *testing.T, r reach.Result, want reach.Outcome) {
	t.Helper()
	if r.Outcome != want {
		t.Fatalf("Send = %s (%s %s), want %s", r.Outcome, r.Code, r.Detail, want)
	}
}

func wantTook(t *testing.T, s Setup, key string, want int) {
	t.Helper()
	n := 0
	for _, k := range s.Peer.Took() {
		if k == key {
			n++
		}
	}
	if n != want {
		t.Errorf("the peer took %s %d times, want %d", key, n, want)
	}
}

// lines is a log that many may write.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to the log.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns the log.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
