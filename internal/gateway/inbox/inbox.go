// Package inbox delivers to the portal's own inbox: the message is there the
// moment the ledger holds it, so sending always works.
package inbox

import (
	"context"
	"strings"

	"hale/internal/reach"
	"hale/internal/reach/policy"
)

// Gateway delivers to the inbox.
type Gateway struct{ told func(reach.Handoff) }

// New returns a gateway. The function told, if not nil, hears of each
// message and must not wait for anything.
func New(told func(reach.Handoff)) *Gateway {
	if told == nil {
		told = func(reach.Handoff) {}
	}
	return &Gateway{told: told}
}

// Channel is the inbox.
func (g *Gateway) Channel() reach.Channel { return reach.Inbox }

// Capability says that everybody can be reached, and privately.
func (g *Gateway) Capability(context.Context, string) (reach.Capability, error) {
	return reach.Capability{OK: true, Level: policy.L3, Detail: "the portal itself"}, nil
}

// Validate returns what keeps h from being delivered.
func (g *Gateway) Validate(h reach.Handoff) []reach.Problem {
	var list []reach.Problem
	if h.Key == "" {
		list = append(list, reach.Problem{Field: "key", Reason: "is empty"})
	}
	if strings.TrimSpace(h.Text) == "" && strings.TrimSpace(h.HTML) == "" {
		list = append(list, reach.Problem{Field: "text", Reason: "is empty"})
	}
	return list
}

// Send delivers h.
func (g *Gateway) Send(ctx context.Context, h reach.Handoff) reach.Result {
	if p := g.Validate(h); len(p) > 0 {
		return reach.Result{Outcome: reach.Rejected, Code: "invalid", Detail: p[0].Field + " " + p[0].Reason}
	}
	if ctx.Err() != nil {
		return reach.Result{Outcome: reach.Temp, Code: "cancelled"}
	}
	g.told(h)
	return reach.Result{Outcome: reach.Accepted, Ref: h.Key, Peer: "portal"}
}

// Reconcile knows that what was handed off is there.
func (g *Gateway) Reconcile(_ context.Context, h reach.Handoff) (reach.Result, bool) {
	return reach.Result{Outcome: reach.Accepted, Ref: h.Key, Peer: "portal"}, true
}
