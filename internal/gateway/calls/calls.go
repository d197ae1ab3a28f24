// Package calls hands messages to the people of the staff who make calls: a
// call is on their list the moment this gateway took it.
package calls

import (
	"context"
	"strings"

	"hale/internal/base/phone"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

// List is what the gateway needs of package call.
type List interface {
	TakeOver(ctx context.Context, h reach.Handoff) (string, error)
	Known(ctx context.Context, key string) (string, bool, error)
}

// Gateway puts messages on the list.
type Gateway struct{ list List }

// New returns a gateway to list.
func New(list List) *Gateway { return &Gateway{list: list} }

// Channel is voice.
func (g *Gateway) Channel() reach.Channel { return reach.Voice }

// Capability says whether a number can be called. Who calls finds out first
// who is there, so the line counts as private.
func (g *Gateway) Capability(_ context.Context, to string) (reach.Capability, error) {
	if _, err := phone.Parse(to, "US"); err != nil {
		return reach.Capability{Detail: "not a telephone number"}, nil
	}
	return reach.Capability{OK: true, Level: policy.L3, Detail: "somebody of the staff calls"}, nil
}

// Validate returns what keeps h from being called.
func (g *Gateway) Validate(h reach.Handoff) []reach.Problem {
	var list []reach.Problem
	if h.Key == "" {
		list = append(list, reach.Problem{Field: "key", Reason: "is empty"})
	}
	if _, err := phone.Parse(h.To, "US"); err != nil {
		list = append(list, reach.Problem{Field: "to", Reason: "is not a telephone number"})
	}
	if strings.TrimSpace(h.Text) == "" {
		list = append(list, reach.Problem{Field: "text", Reason: "is empty"})
	}
	return list
}

// Send puts h on the list.
func (g *Gateway) Send(ctx context.Context, h reach.Handoff) reach.Result {
	if p := g.Validate(h); len(p) > 0 {
		return reach.Result{Outcome: reach.Rejected, Code: "invalid", Detail: p[0].Field + " " + p[0].Reason}
	}
	if ctx.Err() != nil {
		return reach.Result{Outcome: reach.Temp, Code: "cancelled"}
	}
	id, err := g.list.TakeOver(ctx, h)
	if err != nil { // one transaction: it is there or it is not, and the list is asked before the next try
		return reach.Result{Outcome: reach.Uncertain, Code: "database", Detail: err.Error()}
	}
	return reach.Result{Outcome: reach.Accepted, Ref: id, Peer: "the staff's call list"}
}

// Reconcile looks on the list.
func (g *Gateway) Reconcile(ctx context.Context, h reach.Handoff) (reach.Result, bool) {
	id, ok, err := g.list.Known(ctx, h.Key)
	switch {
	case err != nil:
		return reach.Result{}, false
	case !ok:
		return reach.Result{Outcome: reach.Temp, Code: "not_taken", Detail: "not on the list"}, true
	}
	return reach.Result{Outcome: reach.Accepted, Ref: id, Peer: "the staff's call list"}, true
}
