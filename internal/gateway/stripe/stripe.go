// Package stripe takes cards on Stripe's own page (Checkout) and hears what
// became of it.
//
// No number of a card comes here. Stripe is told a sum, the clinic's name and
// a name that we made up: not who pays, and not what for.
//
// Three calls are all that is needed, and they go through the one client that
// looks where it is led; the library of Stripe makes its own requests.
//
// Spec: https://docs.stripe.com/api/checkout/sessions,
// https://docs.stripe.com/api/idempotent_requests
package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"hale/internal/base/money"
	"hale/internal/care/bill"
)

// Base is where Stripe answers.
const Base = "https://api.stripe.com"

// version is the version of the interface that these calls are written for.
const version = "2024-06-20"

// Config says which account takes the money.
type Config struct {
	Base   string // empty: Base
	Secret string // sk_… or rk_…
	Client *http.Client
}

// Client asks Stripe. It is a bill.Till.
type Client struct{ c Config }

// New returns a client made of c.
func New(c Config) *Client {
	if c.Base == "" {
		c.Base = Base
	}
	c.Base = strings.TrimSuffix(c.Base, "/")
	return &Client{c}
}

// session is what we read of a Checkout Session.
type session struct {
	ID            string          `json:"id"`
	Ref           string          `json:"client_reference_id"`
	Status        string          `json:"status"`         // open, complete, expired
	PaymentStatus string          `json:"payment_status"` // paid, unpaid, no_payment_required
	Amount        int64           `json:"amount_total"`
	Currency      string          `json:"currency"`
	URL           string          `json:"url"`
	Intent        json.RawMessage `json:"payment_intent"` // an id, or the whole where it was asked for
}

// page returns a session in our words.
func (s session) page() bill.Page {
	p := bill.Page{Session: s.ID, Ref: s.Ref, Address: s.URL, State: bill.PageState(s.Status), Intent: name(s.Intent)}
	p.Paid = s.PaymentStatus == "paid"
	p.Sum = money.Sum{Cents: s.Amount, Currency: strings.ToUpper(s.Currency)}
	return p
}

// name reads a reference: an id, or an object with one.
func name(raw json.RawMessage) string {
	var id string
	if json.Unmarshal(raw, &id) == nil {
		return id
	}
	var whole struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(raw, &whole) // null, or something else than a reference
	return whole.ID
}

// Open makes a Checkout Session. The same Ref is the same session, for a day.
func (c *Client) Open(ctx context.Context, in bill.Asking) (bill.Page, error) {
	form := url.Values{
		"mode": {"payment"}, "submit_type": {"pay"}, "client_reference_id": {in.Ref}, "success_url": {in.Back}, "cancel_url": {in.Cancel},
		"expires_at": {strconv.FormatInt(in.Ends.Unix(), 10)}, "locale": {locale(in.Lang)}, "metadata[hale]": {in.Ref}, "payment_intent_data[metadata][hale]": {in.Ref},
		"line_items[0][quantity]": {"1"}, "line_items[0][price_data][currency]": {strings.ToLower(in.Sum.Currency)},
		"line_items[0][price_data][unit_amount]":        {strconv.FormatInt(in.Sum.Cents, 10)},
		"line_items[0][price_data][product_data][name]": {in.Title},
	}
	return c.ask(ctx, http.MethodPost, "/v1/checkout/sessions", form, in.Ref)
}

func locale(lang string) string {
	if lang == "es" {
		return "es-419"
	}
	return "auto"
}

// Look returns how a session stands.
func (c *Client) Look(ctx context.Context, id string) (bill.Page, error) {
	return c.ask(ctx, http.MethodGet, "/v1/checkout/sessions/"+url.PathEscape(id), nil, "")
}

// Shut ends a session that is open. Stripe refuses it for one that is not;
// then the answer is how it stands.
func (c *Client) Shut(ctx context.Context, id string) (bill.Page, error) {
	p, err := c.ask(ctx, http.MethodPost, "/v1/checkout/sessions/"+url.PathEscape(id)+"/expire", url.Values{}, "")
	var refused *Error
	if errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests {
		return c.Look(ctx, id)
	}
	return p, err
}

// Error is a refusal of Stripe. It holds no more than its kind: what Stripe
// writes in words may name what was sent.
type Error struct {
	Status     int
	Type, Code string
	Request    string // Stripe's name for the request, for its own logs
}

// Error says what was refused.
func (e *Error) Error() string {
	return fmt.Sprintf("stripe: %d %s %s (%s)", e.Status, e.Type, e.Code, e.Request)
}

// maxAnswer bounds an answer.
const maxAnswer = 256 << 10

func (c *Client) ask(ctx context.Context, method, path string, form url.Values, key string) (bill.Page, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, c.c.Base+path, body)
	if err != nil {
		return bill.Page{}, fmt.Errorf("stripe: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+c.c.Secret)
	r.Header.Set("Stripe-Version", version)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := c.c.Client.Do(r)
	if err != nil {
		return bill.Page{}, fmt.Errorf("stripe: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return bill.Page{}, fmt.Errorf("stripe: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var e struct {
			Error struct {
				Type string `json:"type"`
				Code string `json:"code"`
			} `json:"error"`
		}
		_ = json.Unmarshal(text, &e) // what is no JSON has no code
		return bill.Page{}, &Error{Status: res.StatusCode, Type: e.Error.Type, Code: e.Error.Code, Request: res.Header.Get("Request-Id")}
	}
	var s session
	if err := json.Unmarshal(text, &s); err != nil || s.ID == "" {
		return bill.Page{}, errors.New("stripe: that is no session")
	}
	return s.page(), nil
}
