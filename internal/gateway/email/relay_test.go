package email_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"hale/internal/gateway/channeltest"
	"hale/internal/gateway/email"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// relay is a real SMTP server that behaves by the recipient's local part.
type relay struct {
	addr string
	ca   []byte

	mu    sync.Mutex
	conns int
	all   []letter
	done  chan struct{}
	user  string // accepted, with the password "right"
}

// letter is a message that the relay took.
type letter struct {
	from, to, key string
	raw           string
	tls           bool
	requireTLS    bool
}

// Address names behaviours as net/mail would.
func (r *relay) Address(b channeltest.Behaviour, n int) (string, bool) {
	return fmt.Sprintf("%s.%d@town.example", strings.ReplaceAll(string(b), " ", "-"), n), true
}

// Took returns the keys of all letters.
func (r *relay) Took() []string {
	var keys []string
	for _, l := range r.letters() {
		keys = append(keys, l.key)
	}
	return keys
}

func (r *relay) letters() []letter {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func (r *relay) connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conns
}

// startRelay starts a relay; change, if not nil, changes its server first.
func startRelay(t testing.TB, change func(*smtp.Server)) *relay {
	t.Helper()
	r := &relay{done: make(chan struct{}), user: "hale"}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{r: r, conn: c}, nil
	}))
	cert, ca := certificate(t, "127.0.0.1")
	r.ca = ca
	server.Domain = "relay.example"
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.EnableREQUIRETLS = true
	server.ReadTimeout, server.WriteTimeout = 10*time.Second, 10*time.Second
	server.ErrorLog = log.New(io.Discard, "", 0)
	if change != nil {
		change(server)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(counter{l, r}) })
	t.Cleanup(func() { close(r.done); _ = server.Close(); _ = l.Close(); served.Wait() })
	return r
}

// counter counts a relay's connections.
type counter struct {
	net.Listener
	r *relay
}

func (c counter) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.r.mu.Lock()
		c.r.conns++
		c.r.mu.Unlock()
	}
	return conn, err
}

// certificate makes a certificate for host that is its own authority.
func certificate(t testing.TB, host string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plan := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if ip := net.ParseIP(host); ip != nil {
		plan.IPAddresses = []net.IP{ip}
	} else {
		plan.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, plan, plan, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, ca
}

type session struct {
	r          *relay
	conn       *smtp.Conn
	from, to   string
	requireTLS bool
}

func (s *session) Reset()        { s.from, s.to = "", "" }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	s.from, s.requireTLS = from, o.RequireTLS
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	switch local, _, _ := strings.Cut(to, "."); local {
	case "refuse-for-good":
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<" + to + ">: no such user"}
	case "refuse-for-now":
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted, " + to}
	case "slow-down":
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 28}, Message: "too many messages, slow down"}
	case "hang-before-taking":
		<-s.r.done
	}
	return nil
}

func (s *session) Data(body io.Reader) error {
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	local, _, _ := strings.Cut(s.to, ".")
	if local == "refuse-content" {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "spam: " + string(raw[:200])}
	}
	if local == "hang-after-dot" {
		<-s.r.done
	}
	m, err := netmail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return err
	}
	_, secure := s.conn.TLSConnectionState()
	key, _, _ := strings.Cut(strings.Trim(m.Header.Get("Message-ID"), "<>"), "@")
	s.r.mu.Lock()
	s.r.all = append(s.r.all, letter{s.from, s.to, key, string(raw), secure, s.requireTLS})
	s.r.mu.Unlock()
	if local == "take-and-break-the-connection" {
		_ = s.conn.Conn().Close()
	}
	return nil
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.r.user || password != "right" {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

// gateway returns a gateway to r; change, if not nil, changes its settings.
func gateway(t testing.TB, r *relay, change func(*email.Config)) *email.Gateway {
	t.Helper()
	c := email.Config{Addr: r.addr, CA: r.ca, From: "Riverside <care@clinic.example>", Now: func() time.Time { return noon }}
	if change != nil {
		change(&c)
	}
	g, err := email.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}
