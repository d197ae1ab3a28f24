// Package sms sends text messages through an HTTP gateway: one signed POST
// of JSON for each, with the message's key, so that the gateway can tell a
// repetition; and takes the gateway's signed reports and replies.
//
// An answer that does not come, or a 5xx, leaves a message in doubt; the
// gateway is then asked for the key.
//
// Spec: docs of the gateway face in this package
package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hale/internal/base/outbound"
	"hale/internal/gateway/inbound"
	"hale/internal/reach"
)

// Config is what the gateway needs.
type Config struct {
	URL         string // POST sends; GET URL/KEY asks
	Secret      string // signs what is sent
	From        string // used where a handoff has no sender
	MaxSegments int    // zero is 4
	Timeout     time.Duration
	Client      *http.Client // nil for one of its own
	Now         func() time.Time
}

// Gateway sends texts.
type Gateway struct {
	c      Config
	client *http.Client
}

// Outgoing is the JSON that is posted.
type Outgoing struct {
	Key  string `json:"key"`
	To   string `json:"to"`
	From string `json:"from"`
	Text string `json:"text"`
}

// Taken is the JSON that answers a POST or a GET.
type Taken struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Code   string `json:"code,omitempty"`
}

// New returns a gateway for c.
func New(c Config) (*Gateway, error) {
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("sms: the gateway's address is not an http address")
	}
	if c.Now == nil {
		return nil, errors.New("sms: Now is needed")
	}
	if c.Timeout <= 0 {
		c.Timeout = 20 * time.Second
	}
	if c.MaxSegments <= 0 {
		c.MaxSegments = 4
	}
	client := c.Client
	if client == nil {
		var err error
		client, err = outbound.New(outbound.Config{Private: true, Timeout: c.Timeout, PerHost: 32}) // the operator named the gateway
		if err != nil {
			return nil, err
		}
	}
	c.URL = strings.TrimSuffix(c.URL, "/")
	return &Gateway{c: c, client: client}, nil
}

// Close closes idle connections.
func (g *Gateway) Close() error {
	g.client.CloseIdleConnections()
	return nil
}

// Channel is the text message.
func (g *Gateway) Channel() reach.Channel { return reach.SMS }

// Capability says whether to looks like a number. A text is never private.
func (g *Gateway) Capability(_ context.Context, to string) (reach.Capability, error) {
	return inbound.Capability(to), nil
}

// Validate returns what keeps h from being sent.
func (g *Gateway) Validate(h reach.Handoff) []reach.Problem {
	return inbound.Problems(h, g.c.MaxSegments)
}

// Send posts h once.
func (g *Gateway) Send(ctx context.Context, h reach.Handoff) reach.Result {
	if p := g.Validate(h); len(p) > 0 {
		return reach.Result{Outcome: reach.Rejected, Code: "invalid", Detail: p[0].Field + " " + p[0].Reason}
	}
	from := h.From
	if from == "" {
		from = g.c.From
	}
	body, err := json.Marshal(Outgoing{Key: h.Key, To: h.To, From: from, Text: h.Text})
	if err != nil {
		return reach.Result{Outcome: reach.Rejected, Code: "invalid", Detail: "cannot be written as JSON"}
	}
	ctx, cancel := context.WithTimeout(ctx, g.c.Timeout)
	defer cancel()
	left := false // some of the message may have left
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaderField: func(string, []string) { left = true }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.c.URL, bytes.NewReader(body))
	if err != nil {
		return reach.Result{Outcome: reach.Temp, Code: "request", RetryAfter: time.Minute}
	}
	req.GetBody = nil // so that net/http never sends it twice by itself
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", h.Key)
	Sign(req.Header, g.c.Secret, g.c.Now(), body)
	res, err := g.client.Do(req)
	if err != nil {
		return broken(left)
	}
	defer drop(res)
	return answered(res)
}

// broken is the result of a request without an answer. The error itself is
// not passed on: it may hold what was sent.
func broken(left bool) reach.Result {
	if left {
		return reach.Result{Outcome: reach.Uncertain, Code: "no_answer", Detail: "the gateway did not answer"}
	}
	return reach.Result{Outcome: reach.Temp, Code: "unreachable", Detail: "the gateway was not reached", RetryAfter: time.Minute}
}

// answered reads the gateway's answer to a POST.
func answered(res *http.Response) reach.Result {
	code := strconv.Itoa(res.StatusCode)
	var t Taken
	err := json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&t)
	if t.Code != "" && token(t.Code) {
		code = t.Code
	}
	out := reach.Result{Code: code, Detail: http.StatusText(res.StatusCode), Peer: peer(res)}
	switch s := res.StatusCode; {
	case s/100 == 2 && err == nil && t.ID != "":
		out.Outcome, out.Ref = reach.Accepted, t.ID
	case s == http.StatusTooManyRequests:
		out.Outcome, out.RetryAfter = reach.Temp, retryAfter(res, time.Minute)
	case s == http.StatusServiceUnavailable && res.Header.Get("Retry-After") != "":
		out.Outcome, out.RetryAfter = reach.Temp, retryAfter(res, time.Minute)
	case s == http.StatusUnauthorized || s == http.StatusForbidden || s == http.StatusNotFound || s == http.StatusMethodNotAllowed:
		out.Outcome, out.RetryAfter = reach.Temp, 5*time.Minute // our setting is wrong, not the message
	case s/100 == 4:
		out.Outcome = reach.Rejected
	default:
		out.Outcome = reach.Uncertain
	}
	return out
}

// Reconcile asks the gateway whether it took the message with h's key.
func (g *Gateway) Reconcile(ctx context.Context, h reach.Handoff) (reach.Result, bool) {
	ctx, cancel := context.WithTimeout(ctx, g.c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.c.URL+"/"+url.PathEscape(h.Key), nil)
	if err != nil {
		return reach.Result{}, false
	}
	Sign(req.Header, g.c.Secret, g.c.Now(), []byte(h.Key))
	res, err := g.client.Do(req)
	if err != nil {
		return reach.Result{}, false
	}
	defer drop(res)
	var t Taken
	err = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&t)
	switch {
	case res.StatusCode == http.StatusOK && err == nil && t.ID != "":
		return reach.Result{Outcome: reach.Accepted, Ref: t.ID, Code: "found", Peer: peer(res)}, true
	case res.StatusCode == http.StatusNotFound && err == nil && t.Code == "unknown_key":
		return reach.Result{Outcome: reach.Temp, Code: "not_found", Peer: peer(res)}, true
	}
	return reach.Result{}, false
}

// token says whether a code of the peer's is one, and no text that could
// repeat the message.
func token(code string) bool {
	return len(code) <= 40 && strings.Trim(strings.ToLower(code), "abcdefghijklmnopqrstuvwxyz_.-0123456789") == ""
}

func peer(res *http.Response) string {
	if res.TLS == nil {
		return res.Request.URL.Host + ", no TLS"
	}
	return res.Request.URL.Host + ", TLS with a verified certificate"
}

func retryAfter(res *http.Response, otherwise time.Duration) time.Duration {
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 {
		return min(time.Duration(n)*time.Second, time.Hour)
	}
	return otherwise
}

// drop reads what is left, so that the connection can be used again.
func drop(res *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	_ = res.Body.Close()
}
