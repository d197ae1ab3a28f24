// Package twilio sends text messages through a REST interface that many
// providers share with Twilio: one form POST for each message, answered with
// the message's name, and signed reports of what became of it.
//
// The interface has no name of ours for a message, so that a POST without an
// answer leaves it in doubt; the provider is then asked which messages went to
// that number, and the words tell.
//
// Spec: the provider's Messages resource, its webhook security and its list
// of error codes
package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

// Base is where the interface lies if nothing else is said.
const Base = "https://api.twilio.com"

// Config is what the gateway needs.
type Config struct {
	Name     string // of the provider, in reports; empty: twilio
	Base     string // https://host of the interface; empty: Base
	Account  string // the account's SID
	Token    string // its auth token, which also signs reports
	Service  string // a messaging service's SID; empty: From is used
	From     string // who sends, where there is no service; empty: whom the handoff names
	Callback string // the public address that reports go to; empty: none come
	MaxParts int    // zero is 4
	Timeout  time.Duration
	Client   *http.Client // nil for one of its own
	Now      func() time.Time
	Log      *slog.Logger
}

// Gateway sends texts.
type Gateway struct {
	c      Config
	client *http.Client
	url    string // of the account's messages
}

// message is the provider's account of one message.
type message struct {
	SID       string `json:"sid"`
	Status    string `json:"status"`
	Body      string `json:"body"`
	To        string `json:"to"`
	Code      any    `json:"code"` // of an error: a number
	ErrorCode any    `json:"error_code"`
	Created   string `json:"date_created"` // RFC 2822
}

// New returns a gateway for c.
func New(c Config) (*Gateway, error) {
	if c.Base == "" {
		c.Base = Base
	}
	u, err := url.Parse(c.Base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("twilio: the interface's address is not an http address")
	case c.Account == "" || c.Token == "":
		return nil, errors.New("twilio: the account and its token are needed")
	case c.Now == nil:
		return nil, errors.New("twilio: Now is needed")
	}
	if c.Name == "" {
		c.Name = "twilio"
	}
	if c.Timeout <= 0 {
		c.Timeout = 20 * time.Second
	}
	if c.MaxParts <= 0 {
		c.MaxParts = 4
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	client := c.Client
	if client == nil {
		client, err = outbound.New(outbound.Config{Private: true, Timeout: c.Timeout, PerHost: 32}) // the operator named the provider
		if err != nil {
			return nil, err
		}
	}
	at := strings.TrimSuffix(c.Base, "/") + "/2010-04-01/Accounts/" + url.PathEscape(c.Account) + "/Messages.json"
	return &Gateway{c: c, client: client, url: at}, nil
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
	return inbound.Problems(h, g.c.MaxParts)
}

// Send posts h once.
func (g *Gateway) Send(ctx context.Context, h reach.Handoff) reach.Result {
	if p := g.Validate(h); len(p) > 0 {
		return reach.Result{Outcome: reach.Rejected, Code: "invalid", Detail: p[0].Field + " " + p[0].Reason}
	}
	ctx, cancel := context.WithTimeout(ctx, g.c.Timeout)
	defer cancel()
	left := false // some of the message may have left
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaderField: func(string, []string) { left = true }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url, strings.NewReader(g.form(h).Encode()))
	if err != nil {
		return reach.Result{Outcome: reach.Temp, Code: "request", RetryAfter: time.Minute}
	}
	req.GetBody = nil // so that net/http never sends it twice by itself
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(g.c.Account, g.c.Token)
	res, err := g.client.Do(req)
	switch {
	case err != nil && left:
		return reach.Result{Outcome: reach.Uncertain, Code: "no_answer", Detail: "the provider did not answer"}
	case err != nil:
		return reach.Result{Outcome: reach.Temp, Code: "unreachable", Detail: "the provider was not reached", RetryAfter: time.Minute}
	}
	defer drop(res)
	return g.answered(res)
}

// form is the body of a POST.
func (g *Gateway) form(h reach.Handoff) url.Values {
	v := url.Values{"To": {h.To}, "Body": {h.Text}}
	switch from := h.From; {
	case g.c.Service != "":
		v.Set("MessagingServiceSid", g.c.Service)
	case g.c.From != "":
		v.Set("From", g.c.From)
	default:
		v.Set("From", from)
	}
	if g.c.Callback != "" { // with our own name, so that a report is known before the answer
		v.Set("StatusCallback", g.c.Callback+"?key="+url.QueryEscape(h.Key))
	}
	if left := h.Expires.Sub(g.c.Now()); !h.Expires.IsZero() && left > 0 {
		v.Set("ValidityPeriod", strconv.Itoa(int(min(max(left, time.Second), 10*time.Hour)/time.Second)))
	}
	return v
}

// verdicts are the error codes that mean more than their HTTP status.
var verdicts = map[int]struct {
	outcome reach.Outcome
	code    string
	wait    time.Duration
}{
	20003: {reach.Temp, "20003", 5 * time.Minute}, // our password is wrong
	20429: {reach.Temp, "20429", time.Minute},
	14107: {reach.Temp, "14107", time.Minute}, // too many at once
	21211: {reach.Rejected, "invalid_number", 0},
	21217: {reach.Rejected, "invalid_number", 0},
	21614: {reach.Rejected, "invalid_number", 0}, // a land line
	21265: {reach.Rejected, "invalid_number", 0},
	21610: {reach.Rejected, OptedOut, 0},
	21611: {reach.Temp, "21611", time.Minute}, // the sender's queue is full
	30001: {reach.Temp, "30001", time.Minute}, // queue overflow
	30002: {reach.Temp, "30002", time.Hour},   // the account is suspended
}

// OptedOut is the code of a refusal because the person has told the network
// STOP: nothing goes there until they take it back with the network.
const OptedOut = "opted_out_21610"

// answered reads the answer to a POST.
func (g *Gateway) answered(res *http.Response) reach.Result {
	var m message
	err := json.NewDecoder(io.LimitReader(res.Body, 256<<10)).Decode(&m)
	code := number(m.Code)
	out := reach.Result{Code: strconv.Itoa(res.StatusCode), Detail: http.StatusText(res.StatusCode), Peer: peer(res)}
	if code != 0 {
		out.Code = strconv.Itoa(code)
	}
	if v, ok := verdicts[code]; ok && res.StatusCode/100 != 2 {
		out.Outcome, out.Code, out.RetryAfter = v.outcome, v.code, v.wait
		return out
	}
	switch s := res.StatusCode; {
	case s/100 == 2 && err == nil && m.SID != "":
		out.Outcome, out.Ref = reach.Accepted, m.SID
	case s == http.StatusTooManyRequests:
		out.Outcome, out.RetryAfter = reach.Temp, retryAfter(res)
	case s == http.StatusUnauthorized || s == http.StatusForbidden || s == http.StatusNotFound || s == http.StatusMethodNotAllowed:
		out.Outcome, out.RetryAfter = reach.Temp, 5*time.Minute // our setting is wrong, not the message
	case s/100 == 4:
		out.Outcome = reach.Rejected
	default:
		out.Outcome = reach.Uncertain
	}
	return out
}

// searched is how long before an attempt's end its message may have been made.
const searched = 24 * time.Hour

// Reconcile looks among the messages to that number for one with the same
// words. Texts carry a link of their own, so that no two are alike.
func (g *Gateway) Reconcile(ctx context.Context, h reach.Handoff) (reach.Result, bool) {
	ctx, cancel := context.WithTimeout(ctx, g.c.Timeout)
	defer cancel()
	since := g.c.Now().Add(-searched)
	q := url.Values{"To": {h.To}, "DateSent>": {since.UTC().Format("2006-01-02")}, "PageSize": {"100"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+"?"+q.Encode(), nil)
	if err != nil {
		return reach.Result{}, false
	}
	req.SetBasicAuth(g.c.Account, g.c.Token)
	res, err := g.client.Do(req)
	if err != nil {
		return reach.Result{}, false
	}
	defer drop(res)
	var page struct {
		Messages []message `json:"messages"`
		Next     string    `json:"next_page_uri"`
	}
	if res.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(res.Body, 4<<20)).Decode(&page) != nil || page.Messages == nil {
		return reach.Result{}, false
	}
	for _, m := range page.Messages {
		if m.Body != h.Text || m.To != h.To {
			continue
		}
		out := reach.Result{Outcome: reach.Accepted, Ref: m.SID, Code: "found", Peer: peer(res)}
		if m.Status == "failed" || m.Status == "undelivered" || m.Status == "canceled" {
			out.Outcome, out.Code = reach.Rejected, fmt.Sprintf("found_%d", number(m.ErrorCode))
		}
		return out, true
	}
	// One that has not been sent yet has no day of sending and is not listed:
	// that nothing was found is no proof.
	return reach.Result{}, false
}

// number reads a code that is a number or a text.
func number(v any) int {
	switch n := v.(type) {
	case float64:
		return int(n)
	case string:
		i, _ := strconv.Atoi(n)
		return i
	}
	return 0
}

func peer(res *http.Response) string {
	out := "http " + res.Proto
	if res.TLS != nil {
		out += fmt.Sprintf(" tls %#04x", res.TLS.Version)
	}
	return out
}

// retryAfter is when the provider says to come again, a minute if it does not.
func retryAfter(res *http.Response) time.Duration {
	n, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || n <= 0 {
		return time.Minute
	}
	return min(time.Duration(n)*time.Second, time.Hour)
}

func drop(res *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection is used again
	_ = res.Body.Close()
}
