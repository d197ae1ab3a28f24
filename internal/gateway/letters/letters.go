// Package letters hands messages to the people of the staff who print and
// mail: a letter waits with those to print the moment this gateway took it.
package letters

import (
	"context"
	"strings"

	"hale/internal/reach"
	"hale/internal/reach/policy"
)

// List is what the gateway needs of package letter.
type List interface {
	TakeOver(ctx context.Context, h reach.Handoff) (string, error)
	Known(ctx context.Context, key string) (string, bool, error)
}

// Gateway puts messages with the letters to print.
type Gateway struct{ list List }

// New returns a gateway to list.
func New(list List) *Gateway { return &Gateway{list: list} }

// peer is who takes the letters.
const peer = "the staff's letters to print"

// Channel is the post.
func (g *Gateway) Channel() reach.Channel { return reach.Post }

// Capability says whether an address can be written on an envelope. A sealed
// letter counts as private.
func (g *Gateway) Capability(_ context.Context, to string) (reach.Capability, error) {
	if !whole(to) {
		return reach.Capability{Detail: "not a whole postal address"}, nil
	}
	return reach.Capability{OK: true, Level: policy.L3, Detail: "a sealed letter"}, nil
}

// whole says whether to has a name and an address below it.
func whole(to string) bool {
	name, address, ok := strings.Cut(to, "\n")
	return ok && strings.TrimSpace(name) != "" && strings.TrimSpace(address) != ""
}

// Validate returns what keeps h from being printed.
func (g *Gateway) Validate(h reach.Handoff) []reach.Problem {
	var list []reach.Problem
	if h.Key == "" {
		list = append(list, reach.Problem{Field: "key", Reason: "is empty"})
	}
	if !whole(h.To) {
		list = append(list, reach.Problem{Field: "to", Reason: "is not a whole postal address"})
	}
	if strings.TrimSpace(h.Text) == "" {
		list = append(list, reach.Problem{Field: "text", Reason: "is empty"})
	}
	return list
}

// Send puts h with the letters to print.
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
	return reach.Result{Outcome: reach.Accepted, Ref: id, Peer: peer}
}

// Reconcile looks among the letters.
func (g *Gateway) Reconcile(ctx context.Context, h reach.Handoff) (reach.Result, bool) {
	id, ok, err := g.list.Known(ctx, h.Key)
	switch {
	case err != nil:
		return reach.Result{}, false
	case !ok:
		return reach.Result{Outcome: reach.Temp, Code: "not_taken", Detail: "not among the letters"}, true
	}
	return reach.Result{Outcome: reach.Accepted, Ref: id, Peer: peer}, true
}
