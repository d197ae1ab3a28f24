package stripe

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hale/internal/base/money"
	"hale/internal/care/bill"
)

// Tolerance is how old what Stripe signed may be, and how far its clock may
// be before ours.
const Tolerance = 5 * time.Minute

// ErrSignature says that nobody who knows the secret signed it, or not now.
var ErrSignature = errors.New("stripe: the signature is not right")

// Sign returns the header that Stripe would send with body: for tests and
// for the demo's own till.
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac(secret, t, body))
}

func mac(secret, t string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(t + "."))
	h.Write(body)
	return h.Sum(nil)
}

// Verify checks the Stripe-Signature of a body: one of its v1 signatures has
// to be right, for one of the secrets, at a time within Tolerance of now.
//
// Spec: https://docs.stripe.com/webhooks#verify-manually
func Verify(header string, secrets []string, now time.Time, body []byte) error {
	var t string
	var given [][]byte
	for part := range strings.SplitSeq(header, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "t":
			t = value
		case "v1":
			if sum, err := hex.DecodeString(value); err == nil && len(given) < 8 {
				given = append(given, sum)
			}
		}
	}
	at, err := strconv.ParseInt(t, 10, 64)
	if err != nil {
		return ErrSignature
	}
	right := 0
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		want := mac(secret, t, body)
		for _, sum := range given {
			if hmac.Equal(sum, want) {
				right++
			}
		}
	}
	if age := now.Sub(time.Unix(at, 0)); right == 0 || age > Tolerance || age < -Tolerance {
		return ErrSignature
	}
	return nil
}

// maxEvent bounds the body of an event.
const maxEvent = 512 << 10

// Hook is what Stripe posts its events to.
type Hook struct {
	Secrets []string // whsec_…; two while one is replaced by another
	Now     func() time.Time
	Log     *slog.Logger
	Hear    func(context.Context, bill.News) error
}

// ServeHTTP takes one event. What could not be kept is answered so that
// Stripe sends it again.
func (h *Hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	if err := Verify(r.Header.Get("Stripe-Signature"), h.Secrets, h.Now(), body); err != nil {
		http.Error(w, "signature", http.StatusUnauthorized)
		return
	}
	n, err := Parse(body)
	if err != nil {
		http.Error(w, "not an event", http.StatusBadRequest)
		return
	}
	if err := h.Hear(r.Context(), n); err != nil {
		h.Log.Error("stripe: take an event", "id", n.ID, "kind", n.Kind, "error", err)
		http.Error(w, "try again", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

var errEvent = errors.New("stripe: that is no event")

// Parse reads an event: what of it concerns money that we asked for. Any
// other is bill.OtherNews. Who paid is in it, and is not read.
//
// Spec: https://docs.stripe.com/api/events/types
func Parse(body []byte) (bill.News, error) {
	var e struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Type    string `json:"type"`
		Created int64  `json:"created"`
		Data    struct {
			Object json.RawMessage `json:"object"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &e) != nil || e.ID == "" || len(e.ID) > 255 || e.Type == "" || e.Object != "" && e.Object != "event" {
		return bill.News{}, errEvent
	}
	n := bill.News{ID: e.ID, Kind: bill.OtherNews, At: time.Unix(e.Created, 0).UTC()}
	kind, ok := kinds[e.Type]
	if !ok {
		return n, nil
	}
	if kind == bill.PageNews {
		var s session
		if json.Unmarshal(e.Data.Object, &s) != nil || s.ID == "" {
			return n, errEvent
		}
		n.Kind, n.Object, n.Page = kind, s.ID, s.page()
		n.Intent, n.Sum = n.Page.Intent, n.Page.Sum
		if e.Type == "checkout.session.async_payment_failed" {
			n.Page.State, n.Page.Paid = bill.PageExpired, false // the page was complete, and no money came
		}
		return n, nil
	}
	var o struct {
		ID       string          `json:"id"`
		Intent   json.RawMessage `json:"payment_intent"`
		Amount   int64           `json:"amount"`
		Refunded int64           `json:"amount_refunded"`
		Currency string          `json:"currency"`
		Status   string          `json:"status"`
		Reason   string          `json:"failure_reason"`
	}
	if json.Unmarshal(e.Data.Object, &o) != nil || o.ID == "" {
		return n, errEvent
	}
	if kind == bill.RefundFailed && o.Status != "failed" && o.Status != "canceled" {
		return n, nil // a refund that goes its way: the charge tells of it
	}
	n.Kind, n.Object, n.Intent = kind, o.ID, name(o.Intent)
	if kind == bill.RefundFailed {
		n.Reason = code(o.Reason, o.Status)
	}
	n.Sum = money.Sum{Cents: o.Amount, Currency: strings.ToUpper(o.Currency)}
	if kind == bill.Refunded {
		n.Sum.Cents = o.Refunded
	}
	return n, nil
}

// code returns the first that is a code of Stripe's: small letters and lines.
func code(list ...string) string {
	for _, c := range list {
		if c != "" && len(c) <= 60 && strings.Trim(c, "abcdefghijklmnopqrstuvwxyz_") == "" {
			return c
		}
	}
	return "unknown"
}

// kinds are the events that we hear. Read only.
var kinds = map[string]bill.NewsKind{
	"checkout.session.completed":               bill.PageNews,
	"checkout.session.expired":                 bill.PageNews,
	"checkout.session.async_payment_succeeded": bill.PageNews,
	"checkout.session.async_payment_failed":    bill.PageNews,
	"charge.refunded":                          bill.Refunded,
	"refund.failed":                            bill.RefundFailed,
	"refund.updated":                           bill.RefundFailed, // to failed or canceled
	"charge.refund.updated":                    bill.RefundFailed,
	"charge.dispute.funds_withdrawn":           bill.TakenBack,
	"charge.dispute.funds_reinstated":          bill.GivenAgain,
}
