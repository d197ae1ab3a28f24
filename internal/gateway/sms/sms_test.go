package sms_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/gateway/channeltest"
	"hale/internal/gateway/sms"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

// peer is a text gateway that behaves by the number's last digit.
type peer struct {
	secret string
	mu     sync.Mutex
	took   []string
	done   chan struct{}
}

func (p *peer) Address(b channeltest.Behaviour, n int) (string, bool) {
	last := slices.Index([]channeltest.Behaviour{
		channeltest.Take, channeltest.RefuseNever, channeltest.RefuseNow, channeltest.TakeAndBreak, channeltest.Hang,
	}, b)
	return fmt.Sprintf("+1202555%04d%d", n, last), true
}

func (p *peer) Took() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.took)
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		p.find(w, strings.TrimPrefix(r.URL.Path, "/"), r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	if err := sms.Verify(r.Header, p.secret, noon, body); err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var m sms.Outgoing
	_ = json.Unmarshal(body, &m)
	take := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.took = append(p.took, m.Key)
	}
	switch m.To[len(m.To)-1] {
	case '0':
		take()
		fmt.Fprintf(w, `{"id":"ref-%s","status":"queued"}`, m.Key)
	case '1':
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprintf(w, `{"code":"no such number %s: %s"}`, m.To, m.Text)
	case '2':
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	case '3':
		take()
		panic(http.ErrAbortHandler)
	case '4':
		select {
		case <-p.done:
		case <-r.Context().Done():
		}
	}
}

func (p *peer) find(w http.ResponseWriter, key string, r *http.Request) {
	if sms.Verify(r.Header, p.secret, noon, []byte(key)) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if slices.Contains(p.Took(), key) {
		fmt.Fprintf(w, `{"id":"ref-%s"}`, key)
		return
	}
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprint(w, `{"code":"unknown_key"}`)
}

func open(t *testing.T) (*sms.Gateway, *peer) {
	t.Helper()
	p := &peer{secret: "s3cret", done: make(chan struct{})}
	server := httptest.NewUnstartedServer(p)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	t.Cleanup(func() { close(p.done); server.Close() })
	g, err := sms.New(sms.Config{URL: server.URL, Secret: p.secret, From: "+12025550100", Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return g, p
}

func TestGateway(t *testing.T) {
	channeltest.Run(t, func(t *testing.T, _ *slog.Logger) channeltest.Setup {
		g, p := open(t)
		return channeltest.Setup{Gateway: g, Peer: p}
	})
}

func TestGatewayRetryAfter(t *testing.T) {
	g, p := open(t)
	defer g.Close()
	to, _ := p.Address(channeltest.RefuseNow, 1)
	if r := g.Send(t.Context(), reach.Handoff{Key: "k", To: to, Text: "Hello"}); r.RetryAfter != 7*time.Second {
		t.Errorf("RetryAfter = %v, want 7s as the peer says", r.RetryAfter)
	}
}

func TestGatewayReconcile(t *testing.T) {
	g, p := open(t)
	defer g.Close()
	to, _ := p.Address(channeltest.TakeAndBreak, 1)
	h := reach.Handoff{Key: "in-doubt", To: to, Text: "Hello"}
	g.Send(t.Context(), h)
	if r, ok := g.Reconcile(t.Context(), h); !ok || r.Outcome != reach.Accepted || r.Ref != "ref-in-doubt" {
		t.Errorf("Reconcile of a taken one = %+v, %v; want accepted", r, ok)
	}
	h.Key = "never-sent"
	if r, ok := g.Reconcile(t.Context(), h); !ok || r.Outcome != reach.Temp {
		t.Errorf("Reconcile of one never sent = %+v, %v; want temp", r, ok)
	}
}

func TestGatewayOutcomes(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   reach.Outcome
	}{
		{"taken", 202, `{"id":"1"}`, reach.Accepted},
		{"a 2xx that does not name it", 200, `{}`, reach.Uncertain},
		{"a 2xx that is no JSON", 200, `<html>`, reach.Uncertain},
		{"a redirect", 302, ``, reach.Uncertain},
		{"bad request", 400, `{}`, reach.Rejected},
		{"our password is wrong", 401, `{}`, reach.Temp},
		{"our address is wrong", 404, `{}`, reach.Temp},
		{"the peer broke", 500, `{}`, reach.Uncertain},
		{"a proxy gave up", 504, ``, reach.Uncertain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/")
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			}))
			defer server.Close()
			g, err := sms.New(sms.Config{URL: server.URL, Now: clock})
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			if r := g.Send(t.Context(), reach.Handoff{Key: "k", To: "+12025550100", Text: "Hi"}); r.Outcome != tt.want {
				t.Errorf("Send = %+v, want %s", r, tt.want)
			}
		})
	}
}

func TestGatewayUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	l.Close()
	g, err := sms.New(sms.Config{URL: url, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	if r := g.Send(t.Context(), reach.Handoff{Key: "k", To: "+12025550100", Text: "Hi"}); r.Outcome != reach.Temp {
		t.Errorf("Send to nobody = %+v, want temp: nothing left", r)
	}
}

func TestGatewayValidate(t *testing.T) {
	g, _ := open(t)
	defer g.Close()
	good := reach.Handoff{Key: "k", To: "+12025550100", Text: "Hi"}
	tests := []struct {
		name   string
		change func(*reach.Handoff)
		field  string
	}{
		{"no plus", func(h *reach.Handoff) { h.To = "12025550100" }, "to"},
		{"a name", func(h *reach.Handoff) { h.To = "+1202555O100" }, "to"},
		{"too long a number", func(h *reach.Handoff) { h.To = "+1234567890123456" }, "to"},
		{"too long a text", func(h *reach.Handoff) { h.Text = strings.Repeat("ó", 300) }, "text"},
		{"TLS", func(h *reach.Handoff) { h.Level = policy.L2 }, "tls"},
	}
	if p := g.Validate(good); len(p) != 0 {
		t.Errorf("Validate = %v, want nothing", p)
	}
	for _, tt := range tests {
		h := good
		tt.change(&h)
		if p := g.Validate(h); len(p) != 1 || p[0].Field != tt.field {
			t.Errorf("%s: Validate = %v, want a problem with %s", tt.name, p, tt.field)
		}
	}
}

func post(t *testing.T, h http.Handler, secret string, at time.Time, body string) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	sms.Sign(r.Header, secret, at, []byte(body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestCallbacks(t *testing.T) {
	const good = `{"id":"e1","kind":"delivered","ref":"r1","at":"2026-03-02T12:00:00Z"}`
	const reply = `{"id":"e2","kind":"reply","from":"+12025550100","text":"STOP","at":"2026-03-02T12:00:00Z"}`
	tests := []struct {
		name, secret, body string
		at                 time.Time
		want               int
		taken              bool
	}{
		{"a receipt", "s", good, noon, 204, true},
		{"a reply", "s", reply, noon, 204, true},
		{"five minutes old", "s", good, noon.Add(-5 * time.Minute), 204, true},
		{"older", "s", good, noon.Add(-5*time.Minute - time.Second), 401, false},
		{"from the future", "s", good, noon.Add(6 * time.Minute), 401, false},
		{"another secret", "x", good, noon, 401, false},
		{"no JSON", "s", "hello", noon, 400, false},
		{"no id", "s", `{"kind":"delivered","ref":"r"}`, noon, 400, false},
		{"an unknown kind", "s", `{"id":"e","kind":"opened","ref":"r"}`, noon, 400, false},
		{"names no message", "s", `{"id":"e","kind":"delivered"}`, noon, 400, false},
		{"too large", "s", good + strings.Repeat(" ", 70<<10), noon, 413, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			taken := false
			h := sms.Callbacks("s", clock, slog.New(slog.DiscardHandler), func(context.Context, sms.Event) error {
				taken = true
				return nil
			})
			if got := post(t, h, tt.secret, tt.at, tt.body); got != tt.want || taken != tt.taken {
				t.Errorf("answered %d, taken %v; want %d, %v", got, taken, tt.want, tt.taken)
			}
		})
	}
}

func TestCallbacksChanged(t *testing.T) {
	h := sms.Callbacks("s", clock, slog.New(slog.DiscardHandler), func(context.Context, sms.Event) error { return nil })
	body := `{"id":"e1","kind":"delivered","ref":"r1"}`
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Replace(body, "r1", "r2", 1)))
	sms.Sign(r.Header, "s", noon, []byte(body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("a body changed on the way: %d, want 401", w.Code)
	}
}

func TestCallbacksRepeat(t *testing.T) {
	h := sms.Callbacks("s", clock, slog.New(slog.DiscardHandler), func(context.Context, sms.Event) error {
		return io.ErrUnexpectedEOF
	})
	if got := post(t, h, "s", noon, `{"id":"e1","kind":"delivered","ref":"r1"}`); got != http.StatusInternalServerError {
		t.Errorf("a report we could not keep: %d, want 500 so that it comes again", got)
	}
}

func FuzzCallbacks(f *testing.F) {
	f.Add([]byte(`{"id":"e1","kind":"delivered","ref":"r1"}`))
	f.Add([]byte(`{"id":"e2","kind":"reply","from":"+12025550100","text":"STOP"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got *sms.Event
		h := sms.Callbacks("s", clock, slog.New(slog.DiscardHandler), func(_ context.Context, e sms.Event) error {
			got = &e
			return nil
		})
		post(t, h, "s", noon, string(body))
		if got != nil && (got.ID == "" || got.Report().ID == "") {
			t.Errorf("took an event without an id: %+v", got)
		}
	})
}
