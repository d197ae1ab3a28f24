package email_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/miekg/dns"

	"hale/internal/gateway/channeltest"
	"hale/internal/gateway/email"
	"hale/internal/gateway/mx"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

// names is a name server that answers from a list of records.
type names struct {
	mu      sync.Mutex
	addr    string
	records []dns.RR
}

// ServeDNS answers with the records of the name and type that is asked for.
func (n *names) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(q)
	m.Rcode = dns.RcodeNameError
	n.mu.Lock()
	for _, rr := range n.records {
		if strings.EqualFold(rr.Header().Name, q.Question[0].Name) {
			m.Rcode = dns.RcodeSuccess
			if rr.Header().Rrtype == q.Question[0].Qtype {
				m.Answer = append(m.Answer, rr)
			}
		}
	}
	n.mu.Unlock()
	_ = w.WriteMsg(m)
}

func startNames(t testing.TB, records ...string) *names {
	t.Helper()
	n := &names{}
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		n.records = append(n.records, rr)
	}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.addr = packets.LocalAddr().String()
	started := make(chan struct{})
	s := &dns.Server{PacketConn: packets, Handler: n, NotifyStartedFunc: func() { close(started) }}
	var served sync.WaitGroup
	served.Go(func() { _ = s.ActivateAndServe() })
	<-started
	t.Cleanup(func() { _ = s.Shutdown(); served.Wait() })
	return n
}

// direct returns a gateway to the servers that n names, all of which listen
// on port.
func direct(t testing.TB, n *names, port int, ca []byte, change func(*email.Config)) *email.Gateway {
	t.Helper()
	dir, err := mx.New(mx.Config{
		Servers: []string{n.addr}, CA: ca, Hello: "hale.example", Port: port, STSPort: 1, Private: true, Now: time.Now,
		Random:   func() float64 { return 0 },
		Timeouts: mx.Timeouts{DNS: time.Second, Dial: 2 * time.Second, Command: 5 * time.Second, Policy: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := email.Config{Direct: dir, From: "Riverside <care@clinic.example>", Now: time.Now, Timeouts: email.Timeouts{Command: 5 * time.Second, Final: 5 * time.Second}}
	if change != nil {
		change(&c)
	}
	g, err := email.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(); _ = dir.Close() })
	return g
}

func portOf(t testing.TB, addr string) int {
	t.Helper()
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return int(at.Port())
}

// named gives a relay the certificate of a mail server.
func named(t testing.TB, host string, ca *[]byte) func(*smtp.Server) {
	return func(s *smtp.Server) {
		cert, pem := certificate(t, host)
		*ca = pem
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
}

var townRecords = []string{"town.example. 60 MX 10 mx.town.example.", "mx.town.example. 60 A 127.0.0.1"}

func TestDirect(t *testing.T) {
	channeltest.Run(t, func(t *testing.T, _ *slog.Logger) channeltest.Setup {
		var ca []byte
		r := startRelay(t, named(t, "mx.town.example", &ca))
		n := startNames(t, townRecords...)
		return channeltest.Setup{Gateway: direct(t, n, portOf(t, r.addr), ca, nil), Peer: r}
	})
}

// What a message needs decides before the sender is named, whatever was
// known of the server before.
func TestDirectLevels(t *testing.T) {
	noTLS := func(s *smtp.Server) { s.TLSConfig = nil }
	var ca []byte
	tests := []struct {
		name    string
		server  func(*smtp.Server)
		foreign bool // its authority is not trusted
		least   policy.Level
		want    reach.Outcome
		code    string
		peer    string
	}{
		{"verified, none needed", named(t, "mx.town.example", &ca), false, policy.L0, reach.Accepted, "250", "certificate verified"},
		{"verified, as needed", named(t, "mx.town.example", &ca), false, policy.L2, reach.Accepted, "250", "L2"},
		{"verified, more needed", named(t, "mx.town.example", &ca), false, policy.L3, reach.Rejected, "tls_insufficient", "L2"},
		{"another's name, none needed", named(t, "mx.else.example", &ca), false, policy.L0, reach.Accepted, "250", "L1"},
		{"another's name, encrypted is enough", named(t, "mx.else.example", &ca), false, policy.L1, reach.Accepted, "250", "not verified"},
		{"another's name, verified needed", named(t, "mx.else.example", &ca), false, policy.L2, reach.Rejected, "tls_insufficient", "L1"},
		{"self-signed, verified needed", named(t, "mx.town.example", &ca), true, policy.L2, reach.Rejected, "tls_insufficient", "L1"},
		{"no TLS, none needed", noTLS, false, policy.L0, reach.Accepted, "250", "no TLS, L0"},
		{"no TLS, encrypted needed", noTLS, false, policy.L1, reach.Rejected, "tls_insufficient", "no TLS"},
		{"no TLS, verified needed", noTLS, false, policy.L2, reach.Rejected, "tls_insufficient", "no TLS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := startRelay(t, tt.server)
			trusted := ca
			if tt.foreign || len(ca) == 0 {
				_, trusted = certificate(t, "somebody.example")
			}
			g := direct(t, startNames(t, townRecords...), portOf(t, r.addr), trusted, nil)
			h := note("ana@town.example")
			h.Level = tt.least
			got := g.Send(t.Context(), h)
			if got.Outcome != tt.want || got.Code != tt.code || !strings.Contains(got.Peer, tt.peer) {
				t.Errorf("Send = %+v, want %s %s over %q", got, tt.want, tt.code, tt.peer)
			}
			if n := len(r.letters()); (n == 1) != (tt.want == reach.Accepted) {
				t.Errorf("the server took %d letters", n)
			}
			if l := r.letters(); len(l) == 1 && l[0].requireTLS != (tt.least >= policy.L2) {
				t.Errorf("REQUIRETLS was asked for: %t", l[0].requireTLS)
			}
			c, err := g.Capability(t.Context(), "ana@town.example")
			if err != nil || !c.OK || (c.Level >= tt.least) != (tt.want == reach.Accepted) {
				t.Errorf("Capability = %+v, %v; must agree with Send", c, err)
			}
		})
	}
}

// Domains that take no mail are told from those that cannot be asked.
func TestDirectNowhere(t *testing.T) {
	n := startNames(t, "null.example. 60 MX 0 .", "dead.example. 60 MX 10 mx.dead.example.", "mx.dead.example. 60 A 127.0.0.97")
	g := direct(t, n, 9, nil, nil)
	for to, want := range map[string]reach.Result{
		"ana@null.example":    {Outcome: reach.Rejected, Code: "556"},
		"ana@nowhere.example": {Outcome: reach.Rejected, Code: "550"},
		"ana@dead.example":    {Outcome: reach.Temp, Code: "unreachable"},
		"ana@localhost":       {Outcome: reach.Rejected, Code: "bad_address"},
	} {
		if got := g.Send(t.Context(), note(to)); got.Outcome != want.Outcome || got.Code != want.Code {
			t.Errorf("Send to %s = %+v, want %s %s", to, got, want.Outcome, want.Code)
		}
	}
}

// A server that is down or too bad leaves the message to the next one.
func TestDirectNextServer(t *testing.T) {
	var ca []byte
	good := startRelay(t, named(t, "mx2.town.example", &ca))
	port := portOf(t, good.addr)
	n := startNames(t, "town.example. 60 MX 10 mx0.town.example.", "town.example. 60 MX 15 mx1.town.example.", "town.example. 60 MX 20 mx2.town.example.",
		"mx0.town.example. 60 A 127.0.0.97", "mx1.town.example. 60 A 127.0.0.3", "mx2.town.example. 60 A 127.0.0.1")
	plain := startPlain(t, fmt.Sprintf("127.0.0.3:%d", port))
	g := direct(t, n, port, ca, nil)
	h := note("ana@town.example")
	h.Level = policy.L2
	if got := g.Send(t.Context(), h); got.Outcome != reach.Accepted || !strings.HasPrefix(got.Peer, "mx2.town.example") {
		t.Errorf("Send = %+v, want accepted by mx2", got)
	}
	if heard := plain.text(); strings.Contains(heard, "MAIL") || !strings.Contains(heard, "EHLO") || !strings.Contains(heard, "QUIT") {
		t.Errorf("the server without TLS heard\n%s\nwant hello and goodbye alone", heard)
	}
}

// capture is what a wire carried, in both directions.
type capture struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write keeps what went by.
func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.Write(p)
}

func (c *capture) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.String()
}

// startPlain is a server without TLS that takes mail and keeps every byte.
func startPlain(t testing.TB, addr string) *capture {
	t.Helper()
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{r: &relay{}, conn: c}, nil
	}))
	server.Domain, server.ErrorLog = "plain.example", nil
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skipf("skipped: nothing can listen on %s: %v", addr, err)
	}
	seen := &capture{}
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(tap{l, seen}) })
	t.Cleanup(func() { _ = server.Close(); _ = l.Close(); served.Wait() })
	return seen
}

// tap keeps what clients say.
type tap struct {
	net.Listener
	seen *capture
}

// Accept taps the next connection.
func (l tap) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return tapped{c, l.seen}, err
}

type tapped struct {
	net.Conn
	seen *capture
}

// Read keeps what it reads.
func (c tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	_, _ = c.seen.Write(p[:n])
	return n, err
}

// One connection takes a hundred messages, and mail to one server takes no
// more connections than it bears.
func TestDirectReuse(t *testing.T) {
	var ca []byte
	r := startRelay(t, named(t, "mx.town.example", &ca))
	g := direct(t, startNames(t, townRecords...), portOf(t, r.addr), ca, nil)
	for i := range 150 {
		h := note(fmt.Sprintf("take.%d@town.example", i))
		h.Key = fmt.Sprintf("k%d", i)
		if got := g.Send(t.Context(), h); got.Outcome != reach.Accepted {
			t.Fatalf("message %d: %+v", i, got)
		}
	}
	if n := r.connections(); n != 2 {
		t.Errorf("150 messages took %d connections, want 2", n)
	}
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			h := note(fmt.Sprintf("take.%d@town.example", i))
			for g.Send(t.Context(), h).Code == reach.Throttled {
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	all.Wait()
	if n := r.connections(); n > 2+12 {
		t.Errorf("60 at once took %d connections, want at most 10 at a time", n)
	}
}

// A server that complains gets less, and nothing that it did not get counts
// as a try.
func TestDirectSlowsDown(t *testing.T) {
	r := startRelay(t, func(s *smtp.Server) { s.TLSConfig = nil })
	g := direct(t, startNames(t, townRecords...), portOf(t, r.addr), nil, nil)
	if got := g.Send(t.Context(), note("slow-down.1@town.example")); got.Outcome != reach.Temp || got.Code != "451" {
		t.Fatalf("Send = %+v, want temp 451", got)
	}
	began := time.Now()
	if got := g.Send(t.Context(), note("take.1@town.example")); got.Outcome != reach.Accepted || time.Since(began) < 500*time.Millisecond {
		t.Errorf("Send = %+v after %v, want accepted after a pause", got, time.Since(began))
	}
	for i := range 2 {
		g.Send(t.Context(), note(fmt.Sprintf("slow-down.%d@town.example", i)))
	}
	if got := g.Send(t.Context(), note("take.2@town.example")); got.Outcome != reach.Temp || got.Code != reach.Throttled || got.RetryAfter <= 0 {
		t.Errorf("Send = %+v, want throttled", got)
	}
}
