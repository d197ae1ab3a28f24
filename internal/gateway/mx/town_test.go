package mx_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"hale/internal/gateway/mx"
)

// names is a name server of the test's own, on UDP and TCP.
type names struct {
	addr string

	mu      sync.Mutex
	records map[string][]dns.RR // name and type → records
	secure  map[string]bool     // names whose answers are signed
	broken  map[string]bool     // name and type → SERVFAIL
	cut     bool                // answers over UDP are truncated
	asked   map[string]int
}

func key(name string, kind uint16) string {
	return strings.ToLower(dns.Fqdn(name)) + " " + dns.TypeToString[kind]
}

// startNames starts a name server that knows nothing yet.
func startNames(t testing.TB) *names {
	t.Helper()
	n := &names{records: map[string][]dns.RR{}, secure: map[string]bool{}, broken: map[string]bool{}, asked: map[string]int{}}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.addr = packets.LocalAddr().String()
	stream, err := net.Listen("tcp", n.addr)
	if err != nil {
		t.Skipf("skipped: the port is taken over TCP: %v", err)
	}
	var served sync.WaitGroup
	servers := []*dns.Server{{PacketConn: packets, Handler: n}, {Listener: stream, Handler: n}}
	for _, s := range servers {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		served.Go(func() { _ = s.ActivateAndServe() })
		<-started
	}
	t.Cleanup(func() {
		for _, s := range servers {
			_ = s.Shutdown()
		}
		served.Wait()
	})
	return n
}

// ServeDNS answers from the records.
func (n *names) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	name, kind := q.Question[0].Name, q.Question[0].Qtype
	n.mu.Lock()
	n.asked[key(name, kind)]++
	m.Answer = n.records[key(name, kind)]
	m.AuthenticatedData = n.secure[strings.ToLower(name)]
	switch {
	case n.broken[key(name, kind)]:
		m.Rcode, m.Answer = dns.RcodeServerFailure, nil
	case len(m.Answer) == 0 && !n.exists(name):
		m.Rcode = dns.RcodeNameError
	}
	_, udp := w.RemoteAddr().(*net.UDPAddr)
	if n.cut && udp {
		m.Truncated, m.Answer = true, nil
	}
	n.mu.Unlock()
	_ = w.WriteMsg(m)
}

func (n *names) exists(name string) bool {
	for k := range n.records {
		if k, _, _ := strings.Cut(k, " "); k == strings.ToLower(name) || strings.HasSuffix(k, "."+strings.ToLower(name)) {
			return true
		}
	}
	return false
}

// add adds records as a zone file has them; those of a name that begins with
// a ! are signed.
func (n *names) add(t testing.TB, lines ...string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, line := range lines {
		line, signed := strings.CutPrefix(line, "!")
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		h := rr.Header()
		h.Ttl = 60
		n.records[key(h.Name, h.Rrtype)] = append(n.records[key(h.Name, h.Rrtype)], rr)
		n.secure[strings.ToLower(h.Name)] = signed
	}
}

func (n *names) drop(name string, kind uint16) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.records, key(name, kind))
}

func (n *names) fail(name string, kind uint16) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken[key(name, kind)] = true
}

func (n *names) times(name string, kind uint16) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[key(name, kind)]
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	plan := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(2000 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, plan, plan, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

// sign makes a certificate for names that ends at end; nil signs itself.
func (a *authority) sign(t testing.TB, end time.Time, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plan := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	by, with := plan, key
	if a != nil {
		by, with = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, plan, by, &key.PublicKey, with)
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	if a != nil {
		c.Certificate = append(c.Certificate, a.cert.Raw)
	}
	return c
}

// server is a mail server of a few words, at an address of its own.
type server struct {
	config *tls.Config // nil: no STARTTLS
	inject bool        // something is said after STARTTLS, before TLS
	refuse bool        // STARTTLS is offered and refused
	busy   bool        // greets with 421
	heard  []string    // commands
	mu     sync.Mutex
}

func (s *server) commands() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.heard, "\n")
}

func (s *server) serve(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	say := func(line string) { _, _ = c.Write([]byte(line + "\r\n")) }
	if s.busy {
		say("421 too busy")
		return
	}
	say("220 hello")
	secure := false
	for {
		line, err := readLine(c)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.heard = append(s.heard, line)
		s.mu.Unlock()
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		switch {
		case verb == "EHLO" && s.config != nil && !secure:
			say("250-mail\r\n250-PIPELINING\r\n250 STARTTLS")
		case verb == "EHLO":
			say("250-mail\r\n250 PIPELINING")
		case verb == "STARTTLS" && s.refuse:
			say("454 no TLS today")
		case verb == "STARTTLS" && s.inject:
			say("220 go\r\n250 injected")
			return
		case verb == "STARTTLS":
			say("220 go")
			t := tls.Server(c, s.config)
			if t.Handshake() != nil {
				return
			}
			c, secure = t, true
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// readLine reads one line, byte by byte: what follows may be TLS.
func readLine(c net.Conn) (string, error) {
	var line []byte
	var b [1]byte
	for {
		if _, err := c.Read(b[:]); err != nil {
			return "", err
		}
		if b[0] == '\n' {
			return strings.TrimRight(string(line), "\r"), nil
		}
		line = append(line, b[0])
	}
}

// town is a name server, mail servers at 127.0.0.x that share one port, and a
// web server for policies.
type town struct {
	*names
	ca      *authority
	port    int
	web     int
	byIP    map[string]*server
	policy  map[string]http.HandlerFunc // by host
	fetched int
	now     time.Time
	mu      sync.Mutex
}

func newTown(t testing.TB) *town {
	t.Helper()
	w := &town{names: startNames(t), ca: newAuthority(t), byIP: map[string]*server{}, policy: map[string]http.HandlerFunc{}, now: time.Now()}
	w.startWeb(t)
	return w
}

// startWeb serves policies, with a certificate for each site of its own.
func (w *town) startWeb(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.web = l.Addr().(*net.TCPAddr).Port
	config := &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		name := h.ServerName
		if strings.Contains(name, "wrongname") {
			name = "another.example"
		}
		c := w.ca.sign(t, time.Now().Add(time.Hour), name)
		return &c, nil
	}}
	web := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host, _, _ := strings.Cut(r.Host, ":")
		w.mu.Lock()
		w.fetched++
		h := w.policy[host]
		w.mu.Unlock()
		if h == nil || r.URL.Path != "/.well-known/mta-sts.txt" {
			http.NotFound(rw, r)
			return
		}
		h(rw, r)
	}), ReadHeaderTimeout: time.Second, ErrorLog: quiet()}
	var served sync.WaitGroup
	served.Go(func() { _ = web.Serve(tls.NewListener(l, config)) })
	t.Cleanup(func() { _ = web.Close(); served.Wait() })
}

// publish makes a domain announce a policy.
func (w *town) publish(t testing.TB, domain, id, text string) {
	t.Helper()
	w.drop("_mta-sts."+domain, dns.TypeTXT)
	w.add(t, "_mta-sts."+domain+`. TXT "v=STSv1; id=`+id+`;"`, "mta-sts."+domain+". A 127.0.0.1")
	w.serve("mta-sts."+domain, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = rw.Write([]byte(text))
	})
}

func (w *town) serve(host string, h http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.policy[host] = h
}

func (w *town) fetches() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fetched
}

// open starts a mail server at ip, on the town's one port.
func (w *town) open(t testing.TB, ip string, s *server) {
	t.Helper()
	l, err := net.Listen("tcp", netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(w.port)).String())
	if err != nil {
		t.Skipf("skipped: nothing can listen on %s: %v", ip, err)
	}
	w.port = l.Addr().(*net.TCPAddr).Port
	w.byIP[ip] = s
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); served.Wait() })
}

// directory returns a directory of the town; change, if not nil, changes its
// settings.
func (w *town) directory(t testing.TB, change func(*mx.Config)) *mx.Directory {
	t.Helper()
	c := mx.Config{
		Servers: []string{w.addr}, Trusted: true, CA: w.ca.pem, Hello: "hale.example", Port: w.port, STSPort: w.web, Private: true,
		Now: func() time.Time { return w.now }, Random: func() float64 { return 0.5 },
		Timeouts: mx.Timeouts{DNS: time.Second, Dial: 2 * time.Second, Command: 3 * time.Second, Policy: 3 * time.Second},
	}
	if change != nil {
		change(&c)
	}
	d, err := mx.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}
