package mailcheck_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"hale/internal/face/mailcheck"
	"hale/internal/face/web"
	"hale/internal/gateway/mx"
	"hale/internal/reach/policy"
)

// book knows what was looked at.
type book struct {
	looks int
	known map[string]mx.Report
}

// Level looks at a domain.
func (b *book) Level(_ context.Context, domain string) (mx.Report, error) {
	b.looks++
	r := mx.Report{Domain: domain, Level: policy.L2, Takes: true, Hosts: []mx.HostReport{{
		Name: "mx." + domain, Pref: 10, Answers: true, Used: true, Listed: true,
		Grade: mx.Grade{Level: policy.L2, Offered: true, Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Verified: true, Subject: "mx." + domain, Issuer: "<b>Authority</b>"},
	}}}
	b.known[domain] = r
	return r, nil
}

// Known is what was looked at before.
func (b *book) Known(_ context.Context, domain string) (mx.Report, bool) {
	r, ok := b.known[domain]
	return r, ok
}

func face(t *testing.T) (http.Handler, *book, *time.Time) {
	t.Helper()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	site := web.NewSite(web.Clinic{Name: "Riverside", Zone: time.UTC}, nil, slog.New(slog.DiscardHandler), clock, false)
	b := &book{known: map[string]mx.Report{}}
	return mailcheck.New(mailcheck.Config{Site: site, Mail: b, Now: clock}).Handler(), b, &now
}

func ask(h http.Handler, method, target, domain, from string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(url.Values{"domain": {domain}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = from + ":1234"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// A form that was sent makes us look and leads to what was found; an address
// that is opened does not.
func TestFace(t *testing.T) {
	h, b, _ := face(t)
	if w := ask(h, "GET", "/check-tls?domain=town.example", "", "192.0.2.1"); w.Code != 200 || b.looks != 0 || !strings.Contains(w.Body.String(), `value="town.example"`) {
		t.Errorf("GET = %d after %d looks:\n%s", w.Code, b.looks, w.Body)
	}
	w := ask(h, "POST", "/check-tls", "Town.Example.", "192.0.2.1")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/check-tls?domain=town.example" || b.looks != 1 {
		t.Errorf("POST = %d to %q after %d looks", w.Code, w.Header().Get("Location"), b.looks)
	}
	text := ask(h, "GET", "/check-tls?domain=town.example", "", "192.0.2.1").Body.String()
	for _, want := range []string{"<h1>Mail to town.example: L2</h1>", "mx.town.example", "TLS 1.3", "&lt;b&gt;Authority", "servers prove their names"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if w := ask(h, "POST", "/check-tls", "not a domain", "192.0.2.1"); w.Code != http.StatusUnprocessableEntity || b.looks != 1 {
		t.Errorf("POST of no domain = %d after %d looks", w.Code, b.looks)
	}
}

// Nobody makes us look often, and what is known costs nothing.
func TestFacePace(t *testing.T) {
	h, b, now := face(t)
	code := 0
	for i := range 8 {
		code = ask(h, "POST", "/check-tls", fmt.Sprintf("d%d.example", i), "192.0.2.1").Code
	}
	if code != http.StatusTooManyRequests || b.looks != 6 {
		t.Errorf("the eighth = %d after %d looks, want 429 after 6", code, b.looks)
	}
	if w := ask(h, "POST", "/check-tls", "d0.example", "192.0.2.1"); w.Code != http.StatusSeeOther {
		t.Errorf("a known domain = %d, want 303", w.Code)
	}
	if w := ask(h, "POST", "/check-tls", "e.example", "192.0.2.2"); w.Code != http.StatusSeeOther {
		t.Errorf("somebody else = %d, want 303", w.Code)
	}
	*now = now.Add(time.Minute)
	if w := ask(h, "POST", "/check-tls", "f.example", "192.0.2.1"); w.Code != http.StatusSeeOther {
		t.Errorf("a minute later = %d, want 303", w.Code)
	}
	for i := range 80 {
		code = ask(h, "POST", "/check-tls", fmt.Sprintf("g%d.example", i), fmt.Sprintf("198.51.100.%d", i)).Code
	}
	if code != http.StatusTooManyRequests {
		t.Errorf("many at once = %d, want 429", code)
	}
}
