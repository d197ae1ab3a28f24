package sms

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"hale/internal/gateway/inbound"
)

// The kinds of events.
const (
	Delivered = "delivered"
	Failed    = "failed" // was taken and could not be delivered
	Reply     = "reply"
)

// Event is what the gateway reports, as JSON in a signed POST.
type Event struct {
	ID   string    `json:"id"` // the same when it is reported again
	Kind string    `json:"kind"`
	Ref  string    `json:"ref,omitempty"` // the gateway's name for our message
	Key  string    `json:"key,omitempty"`
	From string    `json:"from,omitempty"` // of a reply
	To   string    `json:"to,omitempty"`
	Text string    `json:"text,omitempty"`
	Code string    `json:"code,omitempty"`
	At   time.Time `json:"at"`
}

// Report is e as it is kept until it is applied.
func (e Event) Report() inbound.Report {
	r := inbound.Report{Provider: "http", ID: e.ID, Kind: e.Kind, Ref: e.Ref, Key: e.Key, Code: e.Code, At: e.At}
	switch e.Kind {
	case Failed:
		r.Kind = inbound.BadNumber
	case Reply: // Ref and Key name the message that was answered, where the gateway knows
		r.Kind, r.From, r.To, r.Text = inbound.Replied, e.From, e.To, e.Text
	}
	return r
}

// maxCallback bounds the body of a report.
const maxCallback = 64 << 10

// Callbacks returns the handler of the gateway's reports, which take gets.
// The gateway repeats a report that take failed on.
func Callbacks(secret string, now func() time.Time, log *slog.Logger, take func(context.Context, Event) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "POST only", http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCallback))
		if err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		if err := Verify(r.Header, secret, now(), body); err != nil {
			http.Error(w, "signature", http.StatusUnauthorized)
			return
		}
		e, ok := parse(body)
		if !ok {
			http.Error(w, "not an event", http.StatusBadRequest)
			return
		}
		if err := take(r.Context(), e); err != nil {
			log.Error("sms: take a report", "id", e.ID, "kind", e.Kind, "error", err)
			http.Error(w, "try again", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// parse reads an event.
func parse(body []byte) (Event, bool) {
	var e Event
	if json.Unmarshal(body, &e) != nil || e.ID == "" || len(e.ID) > 200 || len(e.Code) > 200 {
		return Event{}, false
	}
	switch e.Kind {
	case Delivered, Failed:
		return e, e.Ref != "" || e.Key != ""
	case Reply:
		return e, inbound.Number(e.From) && strings.TrimSpace(e.Text) != ""
	}
	return Event{}, false
}
