// Package inbound keeps what the providers of text messages report: what
// became of a message, and what somebody answered.
//
// A report is kept as it came before its provider is answered, once however
// often it comes, and is applied afterwards. One about a message that nobody
// knows yet waits: a report can be faster than the answer that names its
// message.
package inbound

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/standard/gsm"
)

// The kinds of reports.
const (
	Accepted    = "accepted"    // the provider has it
	Sent        = "sent"        // the network has it
	Delivered   = "delivered"   // the phone has it
	Undelivered = "undelivered" // nobody gets it
	BadNumber   = "bounced"     // nobody ever gets anything there
	Unknown     = "unknown"     // the provider does not know what became of it
	Read        = "read"        // the phone says that it was shown
	Replied     = "replied"     // somebody wrote
	OptedOut    = "opted_out"   // the network lets nothing through to this number
)

// Part says that a text is one of several that join.
type Part struct {
	Ref   int `json:"ref,omitempty"`
	Total int `json:"total,omitempty"`
	Seq   int `json:"seq,omitempty"` // from 1
}

// Report is one thing that a provider tells.
type Report struct {
	Provider string    `json:"provider"`
	ID       string    `json:"id"`   // the same when it is told again
	Kind     string    `json:"kind"` // one of those above
	Ref      string    `json:"ref,omitempty"`
	Key      string    `json:"key,omitempty"`   // of our message, where it is known
	Party    string    `json:"party,omitempty"` // of a receipt: the number that the message went to
	From     string    `json:"from,omitempty"`  // of a reply
	To       string    `json:"to,omitempty"`
	Text     string    `json:"text,omitempty"`
	Code     string    `json:"code,omitempty"`
	At       time.Time `json:"at"`
	Part     Part      `json:"part,omitzero"`
}

// Receipt is r as the outreach engine reads it.
func (r Report) Receipt() reach.Receipt {
	out := reach.Receipt{
		Message: r.Key, ProviderRef: r.Ref, Channel: reach.SMS, Kind: r.Kind, At: r.At,
		Code: r.Code, Actor: reach.Machine, Dedupe: r.Provider + ":" + r.ID,
	}
	switch {
	case r.Kind == Replied:
		out.From, out.Text, out.Actor = r.From, r.Text, reach.Human
	case r.Key == "" && r.Ref == "":
		out.From = r.Party
	}
	return out
}

// Taker keeps a report.
type Taker func(context.Context, Report) error

// Number says whether to is a number as E.164 writes it.
func Number(to string) bool {
	digits, ok := strings.CutPrefix(to, "+")
	if !ok || len(digits) < 7 || len(digits) > 15 || digits[0] == '0' {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}

// Capability says whether to can be texted. A text is never private.
func Capability(to string) reach.Capability {
	if !Number(to) {
		return reach.Capability{Detail: "not an international number"}
	}
	return reach.Capability{OK: true, Detail: "texts are not private"}
}

// Problems returns what keeps h from being sent as a text of at most so many
// parts.
func Problems(h reach.Handoff, most int) []reach.Problem {
	var list []reach.Problem
	if !Number(h.To) {
		list = append(list, reach.Problem{Field: "to", Reason: "is not an international number"})
	}
	if h.Key == "" || len(h.Key) > 200 {
		list = append(list, reach.Problem{Field: "key", Reason: "is empty or too long"})
	}
	if h.Level > policy.L0 {
		list = append(list, reach.Problem{Field: "tls", Reason: "cannot be had in a text"})
	}
	switch n, _ := gsm.Segments(h.Text); {
	case strings.TrimSpace(h.Text) == "":
		list = append(list, reach.Problem{Field: "text", Reason: "is empty"})
	case n > most:
		list = append(list, reach.Problem{Field: "text", Reason: fmt.Sprintf("takes %d segments, at most %d are allowed", n, most)})
	}
	return list
}
