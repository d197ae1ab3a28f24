package email_test

import (
	"context"
	"errors"
	netmail "net/mail"
	"strings"
	"testing"

	"hale/internal/gateway/email"
	"hale/internal/reach"
)

// stamp signs with its own words.
type stamp struct{ err error }

func (s stamp) Sign(_ context.Context, domain string, message []byte) ([]byte, error) {
	if !strings.Contains(string(message), "Reply-To:") {
		return nil, errors.New("signed before it was complete")
	}
	return []byte("DKIM-Signature: v=1; d=" + domain + "\r\n"), s.err
}

// Each mail names the addresses at which reports about it and answers to it
// come back, and the signature stands before all of it.
func TestGatewayBack(t *testing.T) {
	r := startRelay(t, nil)
	g := gateway(t, r, func(c *email.Config) { c.Signer = stamp{} })
	h := note("ana@town.example")
	h.ReturnPath, h.ReplyTo, h.StopTo = "b+k1.mac@bounce.clinic.example", "r+k1.mac@bounce.clinic.example", "u+k1.mac@bounce.clinic.example"
	h.Unsubscribe = "https://clinic.example/u/abc"
	if got := g.Send(t.Context(), h); got.Outcome != reach.Accepted {
		t.Fatalf("Send = %+v, want accepted", got)
	}
	l := r.letters()[0]
	if l.from != h.ReturnPath {
		t.Errorf("MAIL FROM %q, want the return path", l.from)
	}
	if !strings.HasPrefix(l.raw, "DKIM-Signature: v=1; d=clinic.example\r\n") {
		t.Errorf("the signature does not come first: %.80q", l.raw)
	}
	m, err := netmail.ReadMessage(strings.NewReader(l.raw))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Header.Get("Reply-To"); got != "<"+h.ReplyTo+">" {
		t.Errorf("Reply-To: %q", got)
	}
	if got := m.Header.Get("List-Unsubscribe"); got != "<https://clinic.example/u/abc>, <mailto:"+h.StopTo+"?subject=unsubscribe>" {
		t.Errorf("List-Unsubscribe: %q", got)
	}
	if got := m.Header.Get("From"); !strings.Contains(got, "care@clinic.example") {
		t.Errorf("From: %q, want the clinic", got)
	}
	h.ReplyTo = "r\r\nBcc: x@y.example"
	if p := g.Validate(h); len(p) == 0 {
		t.Error("an address with a line break passes")
	}
}

// A mail whose keys are not there waits: unsigned it would be taken for
// somebody else's.
func TestGatewayKeysMissing(t *testing.T) {
	r := startRelay(t, nil)
	g := gateway(t, r, func(c *email.Config) { c.Signer = stamp{errors.New("no keys")} })
	h := note("ana@town.example")
	h.ReplyTo = "r+k1.mac@bounce.clinic.example"
	if got := g.Send(t.Context(), h); got.Outcome != reach.Temp || got.Code != "dkim" || len(r.letters()) != 0 {
		t.Errorf("Send = %+v with %d letters, want it put off", got, len(r.letters()))
	}
}
