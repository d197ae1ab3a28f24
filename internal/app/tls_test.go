package app

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/base/outbound"
	"hale/internal/haletest"
)

// secureServer serves a word by c's certificate and returns its address.
func secureServer(t *testing.T, c Config) string {
	t.Helper()
	f, err := c.front()
	if err != nil {
		t.Fatal(err)
	}
	listen, err := net.Listen("tcp", c.Addr)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hale") }), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	t.Cleanup(func() { server.Close() })
	go func() { _ = f.answer(server, listen) }()
	return listen.Addr().String()
}

// Only suites with authenticated encryption and forward secrecy are spoken,
// and nothing older than TLS 1.2.
func TestTLSSuites(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir, "portal.test", 1)
	addr := secureServer(t, Config{Addr: "127.0.0.1:0", TLS: TLS{CertFile: cert, KeyFile: key}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	try := func(c *tls.Config) (tls.ConnectionState, error) {
		c.InsecureSkipVerify = true // what is looked at is the protocol
		conn, err := tls.Dial("tcp", addr, c)
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer conn.Close()
		return conn.ConnectionState(), nil
	}
	if s, err := try(&tls.Config{}); err != nil || s.Version != tls.VersionTLS13 || s.CurveID != tls.X25519MLKEM768 {
		t.Errorf("a browser of today gets %x with curve %v, %v; want TLS 1.3 with the hybrid curve", s.Version, s.CurveID, err)
	}
	if _, err := try(&tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	spoken := 0
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if len(suite.SupportedVersions) == 1 && suite.SupportedVersions[0] == tls.VersionTLS13 {
			continue
		}
		s, err := try(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}})
		aead := strings.Contains(suite.Name, "GCM") || strings.Contains(suite.Name, "CHACHA20")
		if err == nil {
			spoken++
			if !aead || !strings.Contains(suite.Name, "ECDHE") || s.CipherSuite != suite.ID {
				t.Errorf("%s is spoken", suite.Name)
			}
		}
	}
	if spoken != 3 { // three of the six are for a key of another sort
		t.Errorf("%d suites of TLS 1.2 are spoken, want 3", spoken)
	}
}

// A certificate that is renewed on disk is used without a restart; one that
// does not load leaves the one before in place.
func TestCertificateIsReadAgain(t *testing.T) {
	dir, now := t.TempDir(), haletest.Noon
	var log bytes.Buffer
	cert, key := writePair(t, dir, "portal.test", 1)
	f := &certificate{cert: cert, key: key, now: func() time.Time { return now }, log: slog.New(slog.NewTextHandler(&log, nil))}
	serial := func() int64 {
		t.Helper()
		pair, err := f.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.Int64()
	}
	if n := serial(); n != 1 {
		t.Fatalf("the certificate is number %d", n)
	}
	writePair(t, dir, "portal.test", 2)
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(cert, later, later); err != nil {
		t.Fatal(err)
	}
	if n := serial(); n != 1 {
		t.Errorf("the files were read again at once: number %d", n)
	}
	now = now.Add(2 * time.Minute)
	if n := serial(); n != 2 {
		t.Errorf("after a renewal the certificate is number %d", n)
	}
	if err := os.WriteFile(cert, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Minute)
	if n := serial(); n != 2 || !strings.Contains(log.String(), "does not load") {
		t.Errorf("a broken file gives number %d, and the log says %q", n, log.String())
	}
	if _, err := (Config{TLS: TLS{CertFile: cert, KeyFile: key}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}).front(); err == nil {
		t.Error("the server starts with a certificate that does not load")
	}
}

// Plain http leads to the portal's own address, whatever the request says.
func TestPlainLeadsToTLS(t *testing.T) {
	c := Config{URL: "https://portal.example.org"}
	for path, want := range map[string]string{"/home?x=1": "/home?x=1", "/": "/", "//evil.test": "/"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://evil.test"+path, nil)
		r.RequestURI, r.Host = path, "evil.test"
		c.toTLS(w, r)
		if got := w.Header().Get("Location"); w.Code != http.StatusMovedPermanently || got != c.URL+want {
			t.Errorf("%s: %d, %q", path, w.Code, got)
		}
	}
	w := httptest.NewRecorder()
	c.toTLS(w, httptest.NewRequest(http.MethodPost, "/signin", nil))
	if w.Code != http.StatusBadRequest {
		t.Errorf("a form sent in the clear: %d", w.Code)
	}
}

// A real authority checks the name by both kinds of challenge and gives the
// certificate that browsers then see; another name gets none.
func TestACME(t *testing.T) {
	for _, kind := range []string{"tls-alpn-01", "http-01"} {
		t.Run(kind, func(t *testing.T) {
			secure, plain := strconv.Itoa(haletest.FreePort(t)), strconv.Itoa(haletest.FreePort(t))
			pebble := startPebble(t, secure, plain)
			c := Config{
				Addr: "127.0.0.1:" + secure, URL: "https://portal.test", Now: time.Now, Log: slog.New(slog.DiscardHandler),
				TLS: TLS{ACME: ACME{Dir: t.TempDir(), Directory: pebble.directory, CA: pebble.ca, Email: "it@portal.test"}},
			}
			if kind == "http-01" {
				c.TLS.ACME.HTTP = "127.0.0.1:" + plain
			}
			f, err := c.front()
			if err != nil {
				t.Fatal(err)
			}
			if kind == "http-01" { // the authority asks for what it is offered
				f.tls.NextProtos = []string{"h2", "http/1.1"}
			}
			listen, err := net.Listen("tcp", c.Addr)
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
			var group sync.WaitGroup
			ctx, cancel := context.WithCancel(t.Context())
			defer func() { cancel(); server.Close(); group.Wait() }()
			group.Go(func() { _ = f.answer(server, listen) })
			group.Go(func() { _ = (&App{c: c}).answerPlain(ctx, f) })

			conn, err := tls.Dial("tcp", c.Addr, &tls.Config{ServerName: "portal.test", InsecureSkipVerify: true})
			if err != nil {
				t.Fatalf("%v\n%s", err, pebble.log())
			}
			leaf := conn.ConnectionState().PeerCertificates[0]
			conn.Close()
			if err := leaf.VerifyHostname("portal.test"); err != nil || !strings.Contains(leaf.Issuer.String(), "Pebble") {
				t.Errorf("the certificate is for %v by %v", leaf.DNSNames, leaf.Issuer)
			}
			if conn, err := tls.Dial("tcp", c.Addr, &tls.Config{ServerName: "other.test", InsecureSkipVerify: true}); err == nil {
				conn.Close()
				t.Error("a certificate was got for another name")
			}
			kept, err := os.ReadDir(c.TLS.ACME.Dir)
			if err != nil || len(kept) < 2 {
				t.Errorf("the folder keeps %d files, %v; want the account's key and the certificate", len(kept), err)
			}
			for _, k := range kept {
				if info, err := k.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s can be read by others: %v", k.Name(), err)
				}
			}
		})
	}
	if _, err := (Config{URL: "http://portal.test", TLS: TLS{ACME: ACME{Dir: t.TempDir()}}, Now: time.Now}).front(); err == nil {
		t.Error("a certificate is wanted for an address without https")
	}
}

// authority is a running ACME server.
type authority struct {
	directory string
	ca        []byte
	log       func() string
}

// startPebble runs the test authority, which finds every name on this machine.
func startPebble(t *testing.T, tlsPort, httpPort string) authority {
	t.Helper()
	program, err := filepath.Abs("../../.bin/pebble")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("skipped: no ACME authority in .bin; make tools installs it")
	}
	dir, port, admin := t.TempDir(), strconv.Itoa(haletest.FreePort(t)), strconv.Itoa(haletest.FreePort(t))
	cert, key := writePair(t, dir, "localhost", 1)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": "127.0.0.1:" + port, "managementListenAddress": "127.0.0.1:" + admin,
		"certificate": cert, "privateKey": key, "httpPort": json.Number(httpPort), "tlsPort": json.Number(tlsPort),
	}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	var said lockedBuffer
	cmd := exec.CommandContext(t.Context(), program, "-config", path, "-dnsserver", haletest.Names(t, func(string) string { return "127.0.0.1" }))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	ca, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{directory: "https://127.0.0.1:" + port + "/dir", ca: ca, log: said.String}
	client, err := outbound.New(outbound.Config{Private: true, CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if res, err := client.Get(a.directory); err == nil {
			res.Body.Close()
			return a
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the authority does not answer:\n%s", said.String())
	return a
}

// lockedBuffer takes what a running program says.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// writePair writes a certificate that signs itself, and its key.
func writePair(t *testing.T, dir, name string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, fmt.Sprintf("%s.pem", name)), filepath.Join(dir, fmt.Sprintf("%s.key", name))
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: text}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
