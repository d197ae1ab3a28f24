package failover_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/gateway/channeltest"
	"hale/internal/gateway/failover"
	"hale/internal/gateway/smpp"
	"hale/internal/gateway/smpp/smsctest"
	"hale/internal/reach"
)

// stub is a provider that answers what it is told to.
type stub struct {
	mu      sync.Mutex
	outcome reach.Outcome
	code    string
	keys    []string
	found   bool
}

func (s *stub) Channel() reach.Channel { return reach.SMS }

func (s *stub) Capability(context.Context, string) (reach.Capability, error) {
	return reach.Capability{OK: true}, nil
}

func (s *stub) Validate(reach.Handoff) []reach.Problem { return nil }

func (s *stub) Send(_ context.Context, h reach.Handoff) reach.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, h.Key)
	return reach.Result{Outcome: s.outcome, Code: s.code, RetryAfter: time.Minute}
}

func (s *stub) Reconcile(context.Context, reach.Handoff) (reach.Result, bool) {
	return reach.Result{Outcome: reach.Accepted}, s.found
}

func TestGateway(t *testing.T) {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name          string
		first, second reach.Outcome
		want          reach.Outcome
		asked         int // how often the second was
	}{
		{"the first takes it", reach.Accepted, reach.Accepted, reach.Accepted, 0},
		{"the first did not take it", reach.Temp, reach.Accepted, reach.Accepted, 1},
		{"the first may have it", reach.Uncertain, reach.Accepted, reach.Uncertain, 0},
		{"the first refuses the number", reach.Rejected, reach.Accepted, reach.Rejected, 0},
		{"neither", reach.Temp, reach.Temp, reach.Temp, 1},
		{"the second may have it", reach.Temp, reach.Uncertain, reach.Uncertain, 1},
	}
	for _, tt := range tests {
		a, b := &stub{outcome: tt.first, code: "a"}, &stub{outcome: tt.second, code: "b"}
		g, err := failover.New(func() time.Time { return at }, failover.Provider{Name: "one", Gateway: a}, failover.Provider{Name: "two", Gateway: b})
		if err != nil {
			t.Fatal(err)
		}
		if r := g.Send(t.Context(), reach.Handoff{Key: "k"}); r.Outcome != tt.want || len(b.keys) != tt.asked {
			t.Errorf("%s: %+v, the second was asked %d times; want %s, %d", tt.name, r, len(b.keys), tt.want, tt.asked)
		}
	}
}

// A provider that fails five times in a row is left alone, then tried with one
// message, and left alone for longer if it fails again.
func TestGatewayCircuit(t *testing.T) {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	a, b := &stub{outcome: reach.Temp, code: "down"}, &stub{outcome: reach.Accepted}
	g, _ := failover.New(func() time.Time { return at }, failover.Provider{Name: "one", Gateway: a}, failover.Provider{Name: "two", Gateway: b})
	send := func(n int) {
		for range n {
			if r := g.Send(t.Context(), reach.Handoff{Key: "k"}); r.Outcome != reach.Accepted || !strings.HasPrefix(r.Peer, "two") {
				t.Fatalf("Send = %+v, want accepted by two", r)
			}
		}
	}
	send(8)
	if s := g.Status()[0]; len(a.keys) != 5 || !s.Open || s.Last != "down" || s.Until != at.Add(30*time.Second) {
		t.Fatalf("asked %d times, %+v", len(a.keys), s)
	}
	at = at.Add(31 * time.Second)
	send(3)
	if s := g.Status()[0]; len(a.keys) != 6 || s.Until != at.Add(time.Minute) {
		t.Fatalf("asked %d times, %+v; want one more, and a minute's rest", len(a.keys), s)
	}
	at = at.Add(61 * time.Second)
	a.outcome = reach.Accepted
	g.Send(t.Context(), reach.Handoff{Key: "k"})
	if s := g.Status()[0]; s.Open || s.Failures != 0 || s.Sent != 1 {
		t.Errorf("after it worked: %+v", s)
	}
	a.outcome, b.outcome = reach.Temp, reach.Temp
	for range 12 {
		g.Send(t.Context(), reach.Handoff{Key: "k"})
	}
	if r := g.Send(t.Context(), reach.Handoff{Key: "k"}); r.Code != "all_rest" || r.Outcome != reach.Temp || r.RetryAfter != 30*time.Second {
		t.Errorf("with both resting: %+v", r)
	}
}

// Only the provider that may have a message is asked about it.
func TestGatewayReconcile(t *testing.T) {
	a, b := &stub{outcome: reach.Temp}, &stub{outcome: reach.Uncertain, found: true}
	g, _ := failover.New(time.Now, failover.Provider{Name: "one", Gateway: a}, failover.Provider{Name: "two", Gateway: b})
	h := reach.Handoff{Key: "k"}
	g.Send(t.Context(), h)
	if r, ok := g.Reconcile(t.Context(), h); !ok || r.Outcome != reach.Accepted {
		t.Errorf("Reconcile = %+v, %v", r, ok)
	}
	b.found = false
	if _, ok := g.Reconcile(t.Context(), reach.Handoff{Key: "another"}); ok {
		t.Error("Reconcile knew a message that nobody knows")
	}
}

// far is two message centres of which the first is always throttling.
type far struct{ first, second *smsctest.Centre }

func (f far) Took() []string { return slices.Concat(f.first.Keys(), f.second.Keys()) }

func (f far) Address(b channeltest.Behaviour, n int) (string, bool) {
	digit, ok := map[channeltest.Behaviour]string{channeltest.Take: "0", channeltest.RefuseNever: "1", channeltest.TakeAndBreak: "3", channeltest.Hang: "4"}[b]
	return "+1202555" + string(rune('0'+n/100%10)) + string(rune('0'+n/10%10)) + string(rune('0'+n%10)) + digit, ok
}

func TestGatewaySuite(t *testing.T) {
	channeltest.Run(t, func(t *testing.T, log *slog.Logger) channeltest.Setup {
		const tag smpp.Tag = 0x1501
		open := func(answer func(string) smsctest.Answer) (*smpp.Gateway, *smsctest.Centre) {
			c, err := smsctest.Start(smsctest.Script{Password: "secret", KeyTag: tag, Answer: answer})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			g, err := smpp.New(smpp.Config{Addr: c.Addr(), System: "hale", Password: "secret", KeyTag: tag, Rate: 5000, Timeout: 2 * time.Second, Now: time.Now, Log: log})
			if err != nil {
				t.Fatal(err)
			}
			return g, c
		}
		a, first := open(func(string) smsctest.Answer { return smsctest.Answer{Status: smpp.Throttled} })
		b, second := open(func(to string) smsctest.Answer {
			switch to[len(to)-1] {
			case '1':
				return smsctest.Answer{Status: smpp.BadDest}
			case '3':
				return smsctest.Answer{Break: true}
			case '4':
				return smsctest.Answer{Hang: true}
			}
			return smsctest.Answer{}
		})
		g, err := failover.New(time.Now, failover.Provider{Name: "one", Gateway: a}, failover.Provider{Name: "two", Gateway: b})
		if err != nil {
			t.Fatal(err)
		}
		return channeltest.Setup{Gateway: g, Peer: far{first, second}}
	})
}
