package stripe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hale/internal/base/money"
	"hale/internal/base/outbound"
	"hale/internal/care/bill"
	"hale/internal/gateway/stripe"
	"hale/internal/haletest"
)

const signer = "whsec_for_tests_only"

func TestVerify(t *testing.T) {
	body := []byte(`{"id":"evt_1"}`)
	right := stripe.Sign(signer, haletest.Noon, body)
	stamp, sum, _ := strings.Cut(right, ",")
	tests := []struct {
		name, header string
		now          time.Time
		ok           bool
	}{
		{"right", right, haletest.Noon, true},
		{"at the edge", right, haletest.Noon.Add(stripe.Tolerance), true},
		{"too old", right, haletest.Noon.Add(stripe.Tolerance + time.Second), false},
		{"of the future", right, haletest.Noon.Add(-stripe.Tolerance - time.Second), false},
		{"one of two", stamp + ",v1=00ff,v0=11," + sum, haletest.Noon, true},
		{"another scheme alone", stamp + ",v0=" + strings.TrimPrefix(sum, "v1="), haletest.Noon, false},
		{"another time", "t=1," + sum, haletest.Noon, false},
		{"no time", sum, haletest.Noon, false},
		{"no signature", stamp, haletest.Noon, false},
		{"nothing", "", haletest.Noon, false},
		{"another secret", stripe.Sign("whsec_other", haletest.Noon, body), haletest.Noon, false},
	}
	for _, tt := range tests {
		if err := stripe.Verify(tt.header, []string{signer}, tt.now, body); (err == nil) != tt.ok {
			t.Errorf("Verify, %s = %v", tt.name, err)
		}
	}
	if err := stripe.Verify(right, []string{signer}, haletest.Noon, []byte(`{"id":"evt_2"}`)); err == nil {
		t.Error("Verify of another body")
	}
	if err := stripe.Verify(right, []string{"whsec_new", signer}, haletest.Noon, body); err != nil {
		t.Errorf("Verify while a secret is replaced = %v", err)
	}
	if err := stripe.Verify(stripe.Sign("", haletest.Noon, body), []string{""}, haletest.Noon, body); err == nil {
		t.Error("an empty secret is none")
	}
}

func TestParse(t *testing.T) {
	read := func(typ, object string) bill.News {
		t.Helper()
		n, err := stripe.Parse([]byte(`{"id":"evt_1","object":"event","type":"` + typ + `","created":1700000000,"data":{"object":` + object + `}}`))
		if err != nil {
			t.Errorf("Parse(%s) = %v", typ, err)
		}
		return n
	}
	session := `{"id":"cs_1","object":"checkout.session","client_reference_id":"c1","status":"complete","payment_status":"paid","amount_total":4000,"currency":"usd","payment_intent":"pi_1","customer_details":{"email":"someone@mail.example"}}`
	n := read("checkout.session.completed", session)
	want := bill.Page{Session: "cs_1", Ref: "c1", Intent: "pi_1", State: bill.PageComplete, Paid: true, Sum: money.Sum{Cents: 4000, Currency: "USD"}}
	if n.Kind != bill.PageNews || n.Page != want || n.Intent != "pi_1" || n.At.Unix() != 1700000000 {
		t.Errorf("completed = %+v", n)
	}
	if n := read("checkout.session.async_payment_failed", session); n.Page.Paid || n.Page.State != bill.PageExpired {
		t.Errorf("failed = %+v", n)
	}
	if n := read("charge.refunded", `{"id":"ch_1","payment_intent":{"id":"pi_1"},"amount":4000,"amount_refunded":1500,"currency":"usd"}`); n.Kind != bill.Refunded || n.Object != "ch_1" || n.Intent != "pi_1" || n.Sum.Cents != 1500 {
		t.Errorf("refunded = %+v", n)
	}
	if n := read("charge.dispute.funds_withdrawn", `{"id":"dp_1","payment_intent":"pi_1","amount":4000,"currency":"usd"}`); n.Kind != bill.TakenBack || n.Sum.Cents != 4000 {
		t.Errorf("dispute = %+v", n)
	}
	if n := read("customer.created", `{"id":"cus_1"}`); n.Kind != bill.OtherNews {
		t.Errorf("another event = %+v", n)
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"id":"evt_1","type":"checkout.session.completed","data":{"object":{}}}`, `{"id":"evt_1","object":"charge","type":"x"}`} {
		if _, err := stripe.Parse([]byte(bad)); err == nil {
			t.Errorf("Parse(%s) takes it", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"id":"evt_1","type":"charge.refunded","data":{"object":{"id":"ch_1","amount_refunded":5}}}`))
	f.Add([]byte(`{"id":"evt_1","type":"checkout.session.completed","data":{"object":{"id":"cs","payment_intent":{"id":"pi"}}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if n, err := stripe.Parse(body); err == nil && n.ID == "" {
			t.Errorf("an event without a name: %s", body)
		}
	})
}

func TestHook(t *testing.T) {
	var heard []bill.News
	var broken error
	h := &stripe.Hook{Secrets: []string{signer}, Now: haletest.Clock(haletest.Noon), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Hear: func(_ context.Context, n bill.News) error {
		heard = append(heard, n)
		return broken
	}}
	post := func(method, header string, body []byte) int {
		r := httptest.NewRequest(method, "/hooks/stripe", bytes.NewReader(body))
		r.Header.Set("Stripe-Signature", header)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	body := []byte(`{"id":"evt_1","type":"customer.created","data":{"object":{}}}`)
	sign := func(b []byte) string { return stripe.Sign(signer, haletest.Noon, b) }
	large := bytes.Repeat([]byte("x"), 1<<20)
	for _, tt := range []struct {
		name, method, header string
		body                 []byte
		want                 int
	}{
		{"right", "POST", sign(body), body, 204}, {"unsigned", "POST", "", body, 401}, {"GET", "GET", sign(body), body, 405},
		{"no event", "POST", sign([]byte("{}")), []byte("{}"), 400}, {"too large", "POST", sign(large), large, 413},
	} {
		if got := post(tt.method, tt.header, tt.body); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	broken = errors.New("no room")
	if got := post("POST", sign(body), body); got != 500 || len(heard) != 2 {
		t.Errorf("what could not be kept: %d, %d heard; want that it is sent again", got, len(heard))
	}
}

// What is sent names nobody and nothing but a sum and the clinic.
func TestOpen(t *testing.T) {
	var asked *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		asked = r
		if strings.HasSuffix(r.URL.Path, "/expire") {
			w.WriteHeader(400)
			_, _ = w.Write([]byte(`{"error":{"type":"invalid_request_error","code":"x","message":"Maria"}}`))
			return
		}
		_, _ = w.Write([]byte(`{"id":"cs_1","client_reference_id":"c1","status":"open","payment_status":"unpaid","amount_total":4000,"currency":"usd","url":"https://checkout.stripe.com/c/1","payment_intent":null}`))
	}))
	defer server.Close()
	c := stripe.New(stripe.Config{Base: server.URL, Secret: "sk_test_x", Client: private(t)})
	p, err := c.Open(t.Context(), asking())
	if err != nil || p.Session != "cs_1" || p.Address == "" || p.State != bill.PageOpen || p.Paid {
		t.Fatalf("Open = %+v, %v", p, err)
	}
	if asked.Header.Get("Idempotency-Key") != "c1" || asked.Header.Get("Authorization") != "Bearer sk_test_x" || asked.Header.Get("Stripe-Version") == "" {
		t.Errorf("the headers are %v", asked.Header)
	}
	for key, want := range map[string]string{"line_items[0][price_data][unit_amount]": "4000", "line_items[0][price_data][currency]": "usd", "client_reference_id": "c1",
		"line_items[0][price_data][product_data][name]": "Riverside Clinic", "mode": "payment", "expires_at": "1700007200"} {
		if got := asked.PostForm.Get(key); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	if p, err := c.Shut(t.Context(), "cs_1"); err != nil || p.State != bill.PageOpen || asked.Method != http.MethodGet {
		t.Errorf("Shut of one that cannot be = %+v, %v, want how it stands", p, err)
	}
}

func asking() bill.Asking {
	return bill.Asking{Ref: "c1", Sum: money.Sum{Cents: 4000, Currency: "USD"}, Title: "Riverside Clinic", Back: "https://hale.example/bills/payments/c1",
		Cancel: "https://hale.example/bills/payments/c1?left=1", Lang: "en", Ends: time.Unix(1700007200, 0)}
}

func private(t *testing.T) *http.Client {
	t.Helper()
	c, err := outbound.New(outbound.Config{Private: true, MaxBody: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The official stripe-mock checks each call against Stripe's own description
// of its interface.
func TestAgainstStripeMock(t *testing.T) {
	mock, err := filepath.Abs("../../../.bin/stripe-mock")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mock); err != nil {
		t.Skip("stripe-mock is not installed: make tools")
	}
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listen.Addr().String())
	_ = listen.Close()
	cmd := exec.CommandContext(t.Context(), mock, "-http-port", port, "-strict-version-check=false")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	c := stripe.New(stripe.Config{Base: "http://127.0.0.1:" + port, Secret: "sk_test_123", Client: private(t)})
	var p bill.Page
	for range 100 {
		if p, err = c.Open(t.Context(), asking()); err == nil || isRefusal(err) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil || p.Session == "" {
		t.Fatalf("Open = %+v, %v", p, err)
	}
	if got, err := c.Look(t.Context(), p.Session); err != nil || got.Session == "" {
		t.Errorf("Look = %+v, %v", got, err)
	}
	if got, err := c.Shut(t.Context(), p.Session); err != nil || got.Session == "" {
		t.Errorf("Shut = %+v, %v", got, err)
	}
	bad := asking()
	bad.Sum.Cents = -5
	bad.Sum.Currency = ""
	if _, err := stripe.New(stripe.Config{Base: "http://127.0.0.1:" + port, Secret: "nobody", Client: private(t)}).Open(t.Context(), bad); !isRefusal(err) {
		t.Errorf("Open with no key = %v, want a refusal", err)
	}
}

func isRefusal(err error) bool {
	var e *stripe.Error
	return errors.As(err, &e)
}

// The fixture is an event as Stripe writes them, with all that we do not
// read; signed anew, since a signature ages.
func TestFixture(t *testing.T) {
	body, err := os.ReadFile("testdata/completed.json")
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(body) {
		t.Fatal("the fixture is no JSON")
	}
	if err := stripe.Verify(stripe.Sign(signer, haletest.Noon, body), []string{signer}, haletest.Noon, body); err != nil {
		t.Fatal(err)
	}
	n, err := stripe.Parse(body)
	if err != nil || !n.Page.Paid || n.Page.Sum != (money.Sum{Cents: 4000, Currency: "USD"}) || n.Page.Ref != "checkout-1" {
		t.Errorf("Parse = %+v, %v", n, err)
	}
}

// Refunds that failed, as Stripe writes them, old events and new.
func TestFailedRefunds(t *testing.T) {
	body, err := os.ReadFile("testdata/refund_failed.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, from, to string
		kind           bill.NewsKind
		reason         string
	}{
		{"refund.failed", "", "", bill.RefundFailed, "lost_or_stolen_card"},
		{"charge.refund.updated", `"refund.failed"`, `"charge.refund.updated"`, bill.RefundFailed, "lost_or_stolen_card"},
		{"called off", `"status": "failed"`, `"status": "canceled"`, bill.RefundFailed, "lost_or_stolen_card"},
		{"goes its way", `"status": "failed"`, `"status": "succeeded"`, bill.OtherNews, ""},
		{"no code", `"lost_or_stolen_card"`, `"<b>Maria"`, bill.RefundFailed, "failed"},
	} {
		b := bytes.Replace(body, []byte(tt.from), []byte(tt.to), 1)
		if tt.from == "" {
			b = body
		}
		if err := stripe.Verify(stripe.Sign(signer, haletest.Noon, b), []string{signer}, haletest.Noon, b); err != nil {
			t.Fatal(err)
		}
		n, err := stripe.Parse(b)
		if err != nil || n.Kind != tt.kind || n.Reason != tt.reason {
			t.Errorf("%s: Parse = %+v, %v", tt.name, n, err)
		}
		if n.Kind == bill.RefundFailed && (n.Object != "re_test_1" || n.Intent != "pi_test_1" || n.Sum != (money.Sum{Cents: 1500, Currency: "USD"})) {
			t.Errorf("%s: it is about %+v", tt.name, n)
		}
	}
}
