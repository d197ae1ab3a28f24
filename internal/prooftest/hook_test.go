package prooftest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hale/internal/gateway/sms"
)

// What the gateway of texts posts is taken with its signature alone: without
// one, with another's, with an old one or over another body nothing changes.
func TestHook(t *testing.T) {
	w := newWorld(t)
	stop := `{"id":"e1","kind":"reply","from":"+13125550147","text":"STOP","at":"2026-03-02T12:00:00Z"}`
	post := func(header http.Header, body string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+host+"/hooks/text", strings.NewReader(body))
		r.RemoteAddr = "198.51.100.7:999"
		for name, values := range header {
			r.Header[name] = values
		}
		res := httptest.NewRecorder()
		w.app.Handler().ServeHTTP(res, r)
		if found(res, "STOP") || found(res, "5550147") {
			t.Errorf("the answer to a report says what was in it: %s", res.Body)
		}
		return res.Code
	}
	before := w.state()
	for name, header := range map[string]http.Header{
		"none": {}, "empty": {"X-Signature": {""}}, "another's": signed("another secret", w.now(), []byte(stop)),
		"an hour old": signed(hookSecret, w.now().Add(-time.Hour), []byte(stop)), "from tomorrow": signed(hookSecret, w.now().Add(24*time.Hour), []byte(stop)),
		"over another body": signed(hookSecret, w.now(), []byte(stop+" ")),
	} {
		if got := post(header, stop); got != http.StatusUnauthorized {
			t.Errorf("with a signature that is %s = %d, want 401", name, got)
		}
	}
	if d := differ(before, w.state()); d != "" {
		t.Errorf("unsigned reports changed %s", d)
	}
	if got := post(signed(hookSecret, w.now(), []byte(stop)), stop); got/100 != 2 {
		t.Errorf("with a signature = %d, want it taken: %s", got, w.log)
	}
	if d := differ(before, w.state()); d == "" {
		t.Error("a signed STOP changed nothing: the test tests nothing")
	}
	w.quiet("reports of the gateway")
}

// The pages of the demonstration are nowhere else.
func TestNoTown(t *testing.T) {
	w := newWorld(t)
	for _, route := range w.app.Routes() {
		if strings.Contains(route, "/town") {
			t.Errorf("%s is served outside the demonstration", route)
		}
	}
	for _, path := range []string{"/town", "/town/open", "/town/phone/+13125550147", "/town/mail/zwielicht.ada@post.example"} {
		for _, a := range actors {
			if res := w.ask(http.MethodGet, path, a, nil); res.Code != http.StatusNotFound {
				t.Errorf("GET %s as %s = %d, want 404", path, a.name, res.Code)
			}
		}
	}
	if res := w.ask(http.MethodPost, "/signin/as", actors[0], nil); entered(res) && len(res.Result().Cookies()) > 0 {
		for _, c := range res.Result().Cookies() {
			if c.Name == "__Host-hale" && c.Value != "" {
				t.Error("POST /signin/as signs somebody in outside the demonstration")
			}
		}
	}
}

// signed returns a signature's headers.
func signed(secret string, at time.Time, body []byte) http.Header {
	h := http.Header{}
	sms.Sign(h, secret, at, body)
	return h
}
