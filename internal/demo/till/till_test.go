package till

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"hale/internal/base/errs"
	"hale/internal/gateway/stripe"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// opened returns a till that serves until the test ends, and what it reports.
func opened(t *testing.T) (*Till, chan string) {
	t.Helper()
	reports := make(chan string, 8)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Stripe-Signature") != stripe.Sign("whsec", noon, body) {
			t.Errorf("a report is not signed: %v", err)
		}
		reports <- string(body)
	}))
	t.Cleanup(hook.Close)
	till, err := Open(Config{Secret: "sk", Sign: "whsec", Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- till.Run(ctx, "http://town.example", hook.URL) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return till, reports
}

// call asks the till as a program does.
func call(t *testing.T, till *Till, key, path, again string, form url.Values) (p page, status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, till.URL()+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form == nil {
		r.Method = http.MethodGet
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Idempotency-Key", again)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
		t.Fatal(err)
	}
	return p, res.StatusCode
}

// order is what is asked for a page of so many cents.
func order(cents string) url.Values {
	return url.Values{
		"line_items[0][price_data][unit_amount]": {cents}, "line_items[0][price_data][currency]": {"usd"}, "line_items[0][price_data][product_data][name]": {"A bill"},
		"client_reference_id": {"ref"}, "success_url": {"http://hale.example/paid/1"}, "cancel_url": {"http://hale.example/paid/1?left=1"},
	}
}

// pay presses the button on a page.
func pay(till *Till, id string) (to string, err error) {
	r := httptest.NewRequest(http.MethodPost, "/town/till/"+id, nil)
	r.SetPathValue("id", id)
	w := httptest.NewRecorder()
	err = till.paid(w, r)
	return w.Header().Get("Location"), err
}

const sessions = "/v1/checkout/sessions"

// From the call that makes a page to the signed report that it was paid.
func TestTillPaid(t *testing.T) {
	till, reports := opened(t)
	made, status := call(t, till, "sk", sessions, "k1", order("4000"))
	if status != http.StatusOK || made.Amount != 4000 || made.Status != "open" || made.PaymentStatus != "unpaid" || made.Ref != "ref" || made.URL != "http://town.example/town/till/"+made.ID {
		t.Fatalf("made %+v, %d", made, status)
	}
	if same, _ := call(t, till, "sk", sessions, "k1", order("4000")); same.ID != made.ID {
		t.Error("the same call made a second page")
	}
	if other, _ := call(t, till, "sk", sessions, "k2", order("4000")); other.ID == made.ID {
		t.Error("another call made the same page")
	}
	if to, err := pay(till, made.ID); err != nil || to != "http://hale.example/paid/1" {
		t.Errorf("paying leads to %q, %v", to, err)
	}
	if said := <-reports; !strings.Contains(said, "checkout.session.completed") || !strings.Contains(said, made.ID) || !strings.Contains(said, `"payment_status":"paid"`) {
		t.Errorf("it reports %s", said)
	}
	paid, _ := call(t, till, "sk", sessions+"/"+made.ID, "", nil)
	if paid.Status != "complete" || paid.PaymentStatus != "paid" || paid.Intent == "" || paid.URL != "" {
		t.Errorf("afterwards it is %+v", paid)
	}
	if _, err := pay(till, made.ID); err != nil {
		t.Error(err)
	}
	if again, _ := call(t, till, "sk", sessions+"/"+made.ID, "", nil); again.Intent != paid.Intent {
		t.Error("a second tap took the money twice")
	}
	if _, status := call(t, till, "sk", sessions+"/"+made.ID+"/expire", "", url.Values{}); status != http.StatusBadRequest {
		t.Errorf("taking back what was paid is %d", status)
	}
}

// What it refuses: strangers, sums of nothing, pages that are not there or
// were taken back.
func TestTillRefuses(t *testing.T) {
	till, reports := opened(t)
	if _, status := call(t, till, "other", sessions, "", order("100")); status != http.StatusUnauthorized {
		t.Errorf("without the key it is %d", status)
	}
	for _, cents := range []string{"0", "-5", "x", ""} {
		if _, status := call(t, till, "sk", sessions, "", order(cents)); status != http.StatusBadRequest {
			t.Errorf("%q cents are %d", cents, status)
		}
	}
	if _, status := call(t, till, "sk", sessions+"/cs_none", "", nil); status != http.StatusNotFound {
		t.Errorf("a page that is not there is %d", status)
	}
	if _, err := pay(till, "cs_none"); errs.KindOf(err) != errs.NotFound {
		t.Errorf("paying there = %v", err)
	}
	made, _ := call(t, till, "sk", sessions, "", order("100"))
	if gone, status := call(t, till, "sk", sessions+"/"+made.ID+"/expire", "", url.Values{}); status != http.StatusOK || gone.Status != "expired" || gone.URL != "" {
		t.Errorf("taken back it is %+v, %d", gone, status)
	}
	if _, err := pay(till, made.ID); errs.KindOf(err) != errs.NotFound || len(reports) != 0 {
		t.Errorf("paying what was taken back = %v, %d reports", err, len(reports))
	}
}
