package outbound_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/base/outbound"
	"hale/internal/haletest"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1::1": true, "64:ff9b::5db8:d822": true, "2002:5db8:d822::1": true,
		"127.0.0.1": false, "127.9.9.9": false, "0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "172.31.0.1": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "198.18.0.1": false, "224.0.0.1": false,
		"255.255.255.255": false, "240.0.0.1": false, "192.0.0.192": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false,
		"fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "ff02::1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "2002:7f00:1::": false, "2001:db8::1": false, "2001::1": false, "fec0::1": false,
	} {
		if got := outbound.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s) = %t, want %t", text, got, want)
		}
	}
	if outbound.Public(netip.Addr{}) {
		t.Error("no address at all is public")
	}
}

// Ways to write the address of this machine or of a cloud's own service all
// lead nowhere, and the server behind them hears nothing.
func TestStaysOutside(t *testing.T) {
	var heard atomic.Int64
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard.Add(1) }))
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	client, err := outbound.New(outbound.Config{CA: authority(s), Lookup: names(t, func(string) string { return "127.0.0.1" })})
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f000001", "017700000001", "127.1", "rebind.example", "169.254.169.254"} {
		res, err := client.Get("https://" + host + ":" + port + "/")
		if err == nil {
			res.Body.Close()
			t.Errorf("%s was reached", host)
		}
	}
	if heard.Load() != 0 {
		t.Errorf("the server heard %d requests", heard.Load())
	}
}

// What a name leads to is looked at when the connection is made, so that a
// name which changes its mind between two requests leads nowhere.
func TestRebinding(t *testing.T) {
	var private atomic.Bool
	client, err := outbound.New(outbound.Config{Timeout: 2 * time.Second, Lookup: names(t, func(string) string {
		if private.Load() {
			return "127.0.0.1"
		}
		return "192.88.99.1" // not public either, and answers to nobody
	})})
	if err != nil {
		t.Fatal(err)
	}
	for _, now := range []bool{false, true} {
		private.Store(now)
		if _, err := client.Get("https://rebind.example:1/"); !errors.Is(err, outbound.ErrPrivate) {
			t.Fatalf("the connection gives %v", err)
		}
	}
}

func TestRefusals(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
		case "/long":
			w.Header().Set("Content-Length", "2000")
			_, _ = w.Write(bytes.Repeat([]byte("x"), 2000))
		case "/endless":
			for range 100 {
				_, _ = w.Write(bytes.Repeat([]byte("x"), 100))
				w.(http.Flusher).Flush()
			}
		case "/fits":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1000))
		}
	}))
	defer s.Close()
	open, err := outbound.New(outbound.Config{Private: true, CA: authority(s), MaxBody: 1000})
	if err != nil {
		t.Fatal(err)
	}
	body := func(path string) (string, error) {
		res, err := open.Get(s.URL + path)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if path == "/away" && res.StatusCode != http.StatusFound {
			t.Errorf("a redirect was followed: %d", res.StatusCode)
		}
		return string(b), err
	}
	if b, err := body("/fits"); err != nil || len(b) != 1000 {
		t.Errorf("an answer of the allowed length: %d bytes, %v", len(b), err)
	}
	if _, err := body("/long"); !errors.Is(err, outbound.ErrTooLong) {
		t.Errorf("an answer that says it is too long: %v", err)
	}
	if b, err := body("/endless"); !errors.Is(err, outbound.ErrTooLong) || len(b) > 1000 {
		t.Errorf("an answer without end: %d bytes, %v", len(b), err)
	}
	if _, err := body("/away"); err != nil {
		t.Error(err)
	}
	listed, err := outbound.New(outbound.Config{Private: true, CA: authority(s), Hosts: []string{"hooks.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listed.Get(s.URL); !errors.Is(err, outbound.ErrHost) {
		t.Errorf("a host that is not listed: %v", err)
	}
	strict, err := outbound.New(outbound.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"http://example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "https://user:word@example.org/"} {
		if _, err := strict.Get(bad); err == nil {
			t.Errorf("%s was asked", bad)
		}
	}
	if _, err := outbound.New(outbound.Config{CA: []byte("nonsense")}); err == nil {
		t.Error("nonsense is taken for an authority")
	}
}

// A server that a certificate does not speak for, or that speaks an old
// protocol, is not asked.
func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	s.StartTLS()
	defer s.Close()
	trusting, _ := outbound.New(outbound.Config{Private: true, CA: authority(s)})
	if _, err := trusting.Get(s.URL); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	good := httptest.NewTLSServer(http.NotFoundHandler())
	defer good.Close()
	stranger, _ := outbound.New(outbound.Config{Private: true})
	if _, err := stranger.Get(good.URL); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of an unknown authority: %v", err)
	}
	other, _ := outbound.New(outbound.Config{Private: true, CA: authority(good), Lookup: names(t, func(string) string { return "127.0.0.1" })})
	_, port, _ := net.SplitHostPort(good.Listener.Addr().String())
	if _, err := other.Get("https://another.test:" + port); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of another name: %v", err)
	}
}

func authority(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// names returns a resolver whose server says what answer says, for every name.
func names(t *testing.T, answer func(name string) string) *net.Resolver {
	t.Helper()
	server := haletest.Names(t, answer)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server)
	}}
}
