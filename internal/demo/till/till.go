// Package till is the demo town's pretend Stripe: it answers the calls by which
// a page for a card is made, shows that page, and reports by signed events, so
// that the whole way from a bill to its receipt can be walked without a card.
//
// It takes no number of any card, and says on its page that it is a
// simulation.
package till

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/money"
	"hale/internal/base/outbound"
	"hale/internal/base/seal"
	"hale/internal/face/web"
	"hale/internal/gateway/stripe"
)

// Config is what the till needs.
type Config struct {
	Secret string // the key that callers send
	Sign   string // signs what it reports
	Now    func() time.Time
	Log    *slog.Logger
}

// Till answers like Stripe, and keeps its pages in memory.
type Till struct {
	c      Config
	listen net.Listener
	server *http.Server
	client *http.Client
	hook   string
	base   string

	mu    sync.Mutex
	pages map[string]*page
	keys  map[string]string // idempotency key → id
	order []string          // ids, oldest first
}

// page is one page for a card, as Stripe writes it.
type page struct {
	ID            string `json:"id"`
	Object        string `json:"object"`
	Ref           string `json:"client_reference_id"`
	Status        string `json:"status"`
	PaymentStatus string `json:"payment_status"`
	Amount        int64  `json:"amount_total"`
	Currency      string `json:"currency"`
	URL           string `json:"url,omitempty"`
	Intent        string `json:"payment_intent,omitempty"`
	Title         string `json:"-"`
	Back, Cancel  string `json:"-"`
}

// kept is how many pages are kept.
const kept = 5000

// Open starts to listen; Run serves.
func Open(c Config) (*Till, error) {
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("till: open: %w", err)
	}
	client, err := outbound.New(outbound.Config{Private: true})
	if err != nil {
		_ = listen.Close()
		return nil, err
	}
	t := &Till{c: c, listen: listen, client: client, pages: map[string]*page{}, keys: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/checkout/sessions", t.asked(t.make))
	mux.HandleFunc("GET /v1/checkout/sessions/{id}", t.asked(t.look))
	mux.HandleFunc("POST /v1/checkout/sessions/{id}/expire", t.asked(t.expire))
	t.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return t, nil
}

// URL is where the till answers.
func (t *Till) URL() string { return "http://" + t.listen.Addr().String() }

// Close stops listening.
func (t *Till) Close() error { return t.listen.Close() }

// Run answers until ctx ends. Its pages are at base, and it reports to hook.
func (t *Till) Run(ctx context.Context, base, hook string) error {
	t.mu.Lock()
	t.base, t.hook = base, hook
	t.mu.Unlock()
	ended := make(chan error, 1)
	go func() { ended <- t.server.Serve(t.listen) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = t.server.Shutdown(stop) // what is under way here is a demonstration
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// asked lets in who knows the key, and answers in JSON.
func (t *Till) asked(do func(r *http.Request) (page, int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != "Bearer "+t.c.Secret {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":{"type":"invalid_request_error"}}`))
			return
		}
		p, status := do(r)
		if status != http.StatusOK {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"error":{"type":"invalid_request_error","code":"resource_missing"}}`))
			return
		}
		_ = json.NewEncoder(w).Encode(p)
	}
}

func (t *Till) make(r *http.Request) (page, int) {
	amount, err := strconv.ParseInt(r.FormValue("line_items[0][price_data][unit_amount]"), 10, 64)
	if err != nil || amount <= 0 {
		return page{}, http.StatusBadRequest
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key := r.Header.Get("Idempotency-Key")
	if old := t.pages[t.keys[key]]; key != "" && old != nil {
		return *old, http.StatusOK
	}
	p := &page{
		ID: "cs_demo_" + seal.Token(12), Object: "checkout.session", Ref: r.FormValue("client_reference_id"), Status: "open", PaymentStatus: "unpaid",
		Amount: amount, Currency: r.FormValue("line_items[0][price_data][currency]"), Title: r.FormValue("line_items[0][price_data][product_data][name]"),
		Back: r.FormValue("success_url"), Cancel: r.FormValue("cancel_url"),
	}
	p.URL = t.base + "/town/till/" + p.ID
	t.pages[p.ID], t.keys[key] = p, p.ID
	if t.order = append(t.order, p.ID); len(t.order) > kept {
		delete(t.pages, t.order[0])
		t.order = t.order[1:]
	}
	return *p, http.StatusOK
}

func (t *Till) look(r *http.Request) (page, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.pages[r.PathValue("id")]; p != nil {
		return *p, http.StatusOK
	}
	return page{}, http.StatusNotFound
}

func (t *Till) expire(r *http.Request) (page, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pages[r.PathValue("id")]
	if p == nil {
		return page{}, http.StatusNotFound
	}
	if p.Status != "open" {
		return page{}, http.StatusBadRequest
	}
	p.Status, p.URL = "expired", ""
	return *p, http.StatusOK
}

// Routes adds the page that a payer sees.
func (t *Till) Routes(mux *web.Mux, site *web.Site) {
	mux.Handle("GET /town/till/{id}", site.Page(func(w http.ResponseWriter, r *http.Request) error {
		p, status := t.look(r)
		if status != http.StatusOK {
			return errGone
		}
		sum := money.Sum{Cents: p.Amount, Currency: strings.ToUpper(p.Currency)}
		return site.Render(w, r, http.StatusOK, cardPage(site.View(r, "A pretend card page", ""), p, sum.String()))
	}))
	mux.Handle("POST /town/till/{id}", site.Page(t.paid))
}

var errGone = errs.New(errs.NotFound, "This pretend card page is not here any more.")

// paid pretends that a card was taken, and reports it.
func (t *Till) paid(w http.ResponseWriter, r *http.Request) error {
	t.mu.Lock()
	p := t.pages[r.PathValue("id")]
	if p == nil || p.Status == "expired" { // nobody pays what was taken back
		t.mu.Unlock()
		return errGone
	}
	if p.Status == "open" {
		p.Status, p.PaymentStatus, p.URL, p.Intent = "complete", "paid", "", "pi_demo_"+seal.Token(12)
	}
	said, hook := *p, t.hook
	t.mu.Unlock()
	if err := t.report(r.Context(), hook, said); err != nil {
		t.c.Log.Error("till: not reported", "error", err)
	}
	http.Redirect(w, r, said.Back, http.StatusSeeOther)
	return nil
}

// report tells of a page as Stripe does, signed.
func (t *Till) report(ctx context.Context, hook string, p page) error {
	body, err := json.Marshal(map[string]any{
		"id": "evt_demo_" + seal.Token(12), "object": "event", "type": "checkout.session.completed", "created": t.c.Now().Unix(), "data": map[string]any{"object": p},
	})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, hook, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Stripe-Signature", stripe.Sign(t.c.Sign, t.c.Now(), body))
	res, err := t.client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("till: the report was answered %d", res.StatusCode)
	}
	return nil
}
