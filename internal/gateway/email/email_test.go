package email_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"hale/internal/gateway/channeltest"
	"hale/internal/gateway/email"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

func TestGateway(t *testing.T) {
	for _, security := range []email.Security{email.Required, email.Opportunistic} {
		t.Run(string(security), func(t *testing.T) {
			channeltest.Run(t, func(t *testing.T, _ *slog.Logger) channeltest.Setup {
				r := startRelay(t, nil)
				return channeltest.Setup{Peer: r, Gateway: gateway(t, r, func(c *email.Config) { c.TLS = security })}
			})
		})
	}
}

func note(to string) reach.Handoff {
	return reach.Handoff{Key: "k1", To: to, Subject: "Your visit", Text: "See you soon.\n.\n..dots"}
}

func TestGatewayMessage(t *testing.T) {
	r := startRelay(t, nil)
	g := gateway(t, r, nil)
	h := note("ana@town.example")
	h.Subject = "¿Cómo está? Su visita"
	h.HTML = "<p>See you soon.</p>"
	h.Unsubscribe = "https://clinic.example/u/abc"
	if got := g.Send(t.Context(), h); got.Outcome != reach.Accepted {
		t.Fatalf("Send = %+v, want accepted", got)
	}
	l := r.letters()[0]
	if l.from != "care@clinic.example" || l.to != "ana@town.example" || !l.tls {
		t.Errorf("the relay got from %q to %q, TLS %v", l.from, l.to, l.tls)
	}
	m, err := netmail.ReadMessage(strings.NewReader(l.raw))
	if err != nil {
		t.Fatal(err)
	}
	subject, _ := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	want := map[string]string{
		"Message-Id": "<k1@clinic.example>", "Date": "Mon, 02 Mar 2026 12:00:00 +0000",
		"List-Unsubscribe": "<https://clinic.example/u/abc>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		"Auto-Submitted": "auto-generated", "To": "<ana@town.example>",
	}
	for k, v := range want {
		if got := m.Header.Get(k); got != v {
			t.Errorf("%s: %q, want %q", k, got, v)
		}
	}
	if subject != h.Subject {
		t.Errorf("Subject: %q, want %q", subject, h.Subject)
	}
	text, html := parts(t, m)
	if got := strings.ReplaceAll(text, "\r\n", "\n"); strings.TrimSpace(got) != h.Text || !strings.Contains(html, h.HTML) {
		t.Errorf("parts %q and %q, want %q and %q", text, html, h.Text, h.HTML)
	}
}

// parts returns the two alternatives of a message.
func parts(t *testing.T, m *netmail.Message) (text, html string) {
	t.Helper()
	typ, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || typ != "multipart/alternative" {
		t.Fatalf("Content-Type %q, want multipart/alternative", m.Header.Get("Content-Type"))
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	for i := range 2 {
		p, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if _, err := bufio.NewReader(quotedprintable.NewReader(p)).WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			text = b.String()
		} else {
			html = b.String()
		}
	}
	return text, html
}

func TestGatewaySameBytes(t *testing.T) {
	r := startRelay(t, nil)
	g := gateway(t, r, nil)
	h := note("ana@town.example")
	h.HTML = "<p>Hi</p>"
	for range 2 {
		g.Send(t.Context(), h)
		h.Attempt++
	}
	if l := r.letters(); len(l) != 2 || l[0].raw != l[1].raw {
		t.Errorf("two attempts differ:\n%v", l)
	}
}

// Nothing that a handoff holds may become a header, a recipient or a command
// of its own.
func TestGatewayInjection(t *testing.T) {
	evil := []string{
		"a\r\nBcc: eve@evil.example", "a\nBcc: eve@evil.example", "a\rBcc: eve@evil.example",
		"a\r\n.\r\nMAIL FROM:<eve@evil.example>", "a\x00b", "a\u2028Bcc: eve@evil.example",
	}
	fields := map[string]func(*reach.Handoff, string){
		"subject":     func(h *reach.Handoff, s string) { h.Subject = s },
		"to":          func(h *reach.Handoff, s string) { h.To = "ana@town.example" + s },
		"to quoted":   func(h *reach.Handoff, s string) { h.To = `"` + s + `"@town.example` },
		"from":        func(h *reach.Handoff, s string) { h.From = "care@clinic.example" + s },
		"from name":   func(h *reach.Handoff, s string) { h.From = `"` + s + `" <care@clinic.example>` },
		"unsubscribe": func(h *reach.Handoff, s string) { h.Unsubscribe = "https://clinic.example/" + s },
		"key":         func(h *reach.Handoff, s string) { h.Key = s },
		"text":        func(h *reach.Handoff, s string) { h.Text = s },
		"html":        func(h *reach.Handoff, s string) { h.HTML = s },
	}
	r := startRelay(t, nil)
	g := gateway(t, r, nil)
	for name, set := range fields {
		for _, s := range evil {
			h := note("ana@town.example")
			set(&h, s)
			g.Send(t.Context(), h)
		}
		for _, l := range r.letters() {
			m, err := netmail.ReadMessage(strings.NewReader(l.raw))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if m.Header.Get("Bcc") != "" || strings.Contains(l.from+l.to, "evil") {
				t.Errorf("%s: a handoff wrote its own header or address:\n%s", name, l.raw)
			}
		}
	}
	if n := len(r.letters()); n == 0 {
		t.Error("nothing arrived; a harmless key and body should")
	}
}

func TestGatewayOutcomes(t *testing.T) {
	r := startRelay(t, nil)
	g := gateway(t, r, func(c *email.Config) { c.Timeouts.Final = 300 * time.Millisecond })
	tests := []struct {
		name, to string
		want     reach.Outcome
		code     string
	}{
		{"taken", "ana@town.example", reach.Accepted, "250"},
		{"no such user", "refuse-for-good.1@town.example", reach.Rejected, "550"},
		{"greylisted", "refuse-for-now.1@town.example", reach.Temp, "451"},
		{"refused after the dot", "refuse-content.1@town.example", reach.Rejected, "554"},
		{"no answer after the dot", "hang-after-dot.1@town.example", reach.Uncertain, "no_answer"},
		{"not an address", "ana", reach.Rejected, "invalid"},
		{"two addresses", "ana@town.example,bob@town.example", reach.Rejected, "invalid"},
	}
	for _, tt := range tests {
		got := g.Send(t.Context(), note(tt.to))
		if got.Outcome != tt.want || got.Code != tt.code {
			t.Errorf("%s: Send = %+v, want %s %s", tt.name, got, tt.want, tt.code)
		}
		if strings.Contains(got.Detail, "town.example") || strings.Contains(got.Detail, "See you") {
			t.Errorf("%s: the detail %q names the person or the message", tt.name, got.Detail)
		}
	}
}

// What breaks before the dot was not sent: a server that closes during DATA.
func TestGatewayBrokenBeforeDot(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			script(c, "220 hi", "250 hi", "250 ok", "250 ok")
		}
	}()
	g := gateway(t, &relay{addr: l.Addr().String()}, func(c *email.Config) { c.TLS = email.Opportunistic; c.CA = nil })
	if got := g.Send(t.Context(), note("ana@town.example")); got.Outcome != reach.Temp {
		t.Errorf("Send = %+v, want temp: the relay never saw the message", got)
	}
}

// script answers each line with the next of replies, then hangs up.
func script(c net.Conn, replies ...string) {
	defer c.Close()
	in := bufio.NewReader(c)
	for i, reply := range replies {
		if i > 0 {
			if _, err := in.ReadString('\n'); err != nil {
				return
			}
		}
		fmt.Fprintf(c, "%s\r\n", reply)
	}
	_, _ = in.ReadString('\n')
}

func TestGatewayTLS(t *testing.T) {
	_, otherCA := certificate(t, "127.0.0.1")
	wrongName := func(s *smtp.Server) {
		cert, _ := certificate(t, "other.example")
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	noTLS := func(s *smtp.Server) { s.TLSConfig = nil }
	old := func(s *smtp.Server) { s.TLSConfig.MaxVersion = tls.VersionTLS11 }
	noRequire := func(s *smtp.Server) { s.EnableREQUIRETLS = false }
	tests := []struct {
		name    string
		server  func(*smtp.Server)
		set     func(*email.Config)
		private bool // what the handoff needs
		want    reach.Outcome
		code    string
		peer    string
	}{
		{"required, good certificate", nil, nil, false, reach.Accepted, "250", "verified"},
		{"required, unknown authority", nil, func(c *email.Config) { c.CA = otherCA }, false, reach.Temp, "tls_insufficient", ""},
		{"required, another's name", wrongName, nil, false, reach.Temp, "tls_insufficient", ""},
		{"required, none offered", noTLS, nil, false, reach.Temp, "tls_insufficient", ""},
		{"required, old version", old, nil, false, reach.Temp, "unreachable", ""},
		{"opportunistic, unknown authority", nil, func(c *email.Config) { c.CA, c.TLS = otherCA, email.Opportunistic }, false, reach.Accepted, "250", "not verified"},
		{"opportunistic, none offered", noTLS, func(c *email.Config) { c.TLS = email.Opportunistic }, false, reach.Accepted, "250", "no TLS"},
		{"insecure on purpose", wrongName, func(c *email.Config) { c.Insecure = true }, false, reach.Accepted, "250", "not verified"},
		{"private, good certificate", nil, nil, true, reach.Accepted, "250", "verified"},
		{"private, none offered", noTLS, func(c *email.Config) { c.TLS = email.Opportunistic }, true, reach.Rejected, "tls_insufficient", "no TLS"},
		{"private, unknown authority", nil, func(c *email.Config) { c.CA, c.TLS = otherCA, email.Opportunistic }, true, reach.Rejected, "tls_insufficient", "not verified"},
		{"private, insecure on purpose", nil, func(c *email.Config) { c.Insecure = true }, true, reach.Rejected, "tls_insufficient", "not verified"},
		{"private, relay may send on without", noRequire, nil, true, reach.Rejected, "tls_insufficient", "verified"},
		{"private, the operator vouches for the relay", noRequire, func(c *email.Config) { c.Onward = true }, true, reach.Accepted, "250", "verified"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := startRelay(t, tt.server)
			g := gateway(t, r, tt.set)
			h := note("ana@town.example")
			if tt.private {
				h.Level = policy.L2
			}
			got := g.Send(t.Context(), h)
			if got.Outcome != tt.want || got.Code != tt.code || !strings.Contains(got.Peer, tt.peer) {
				t.Errorf("Send = %+v, want %s %s over %q", got, tt.want, tt.code, tt.peer)
			}
			if n := len(r.letters()); (n == 1) != (tt.want == reach.Accepted) {
				t.Errorf("the relay took %d letters", n)
			}
			c, err := g.Capability(t.Context(), "ana@town.example")
			if tt.private && (err != nil || (c.Level >= policy.L2) != (tt.want == reach.Accepted)) {
				t.Errorf("Capability = %+v, %v; must agree with Send", c, err)
			}
		})
	}
}

func TestGatewayRequireTLSIsAsked(t *testing.T) {
	r := startRelay(t, nil)
	g := gateway(t, r, nil)
	h := note("ana@town.example")
	h.Level = policy.L2
	g.Send(t.Context(), h)
	if l := r.letters(); len(l) != 1 || !l[0].requireTLS {
		t.Errorf("letters %+v, want one sent with REQUIRETLS", l)
	}
}

func TestGatewayAuth(t *testing.T) {
	tests := []struct {
		password string
		want     reach.Outcome
	}{{"right", reach.Accepted}, {"wrong", reach.Temp}}
	for _, tt := range tests {
		r := startRelay(t, nil)
		g := gateway(t, r, func(c *email.Config) { c.User, c.Password = "hale", tt.password })
		if got := g.Send(t.Context(), note("ana@town.example")); got.Outcome != tt.want {
			t.Errorf("password %s: Send = %+v, want %s", tt.password, got, tt.want)
		}
	}
}

func TestGatewayReuses(t *testing.T) {
	r := startRelay(t, nil)
	g := gateway(t, r, func(c *email.Config) { c.PerConn = 10 })
	for n := range 25 {
		if got := g.Send(t.Context(), note(fmt.Sprintf("p%d@town.example", n))); got.Outcome != reach.Accepted {
			t.Fatalf("Send = %+v", got)
		}
	}
	if got := r.connections(); got != 3 {
		t.Errorf("25 messages took %d connections, want 3 of ten each", got)
	}
}

// A relay that closes an idle connection costs no message.
func TestGatewayIdleClosed(t *testing.T) {
	r := startRelay(t, func(s *smtp.Server) { s.ReadTimeout = 100 * time.Millisecond })
	g := gateway(t, r, nil)
	for range 3 {
		if got := g.Send(t.Context(), note("ana@town.example")); got.Outcome != reach.Accepted {
			t.Fatalf("Send = %+v, want accepted on a new connection", got)
		}
		time.Sleep(250 * time.Millisecond)
	}
	if n := len(r.letters()); n != 3 {
		t.Errorf("%d letters, want 3", n)
	}
}

func TestGatewayLimit(t *testing.T) {
	r := startRelay(t, nil)
	g := gateway(t, r, func(c *email.Config) { c.Conns = 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	hung := make(chan reach.Result)
	go func() { hung <- g.Send(ctx, note("hang-before-taking.1@town.example")) }()
	time.Sleep(100 * time.Millisecond)
	if got := g.Send(ctx, note("ana@town.example")); got.Outcome != reach.Temp {
		t.Errorf("Send past the limit = %+v, want temp", got)
	}
	<-hung
	if got := r.connections(); got != 1 {
		t.Errorf("%d connections, want 1", got)
	}
}

func TestGatewayUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	g := gateway(t, &relay{addr: l.Addr().String()}, func(c *email.Config) { c.CA = nil })
	if got := g.Send(t.Context(), note("ana@town.example")); got.Outcome != reach.Temp || got.RetryAfter == 0 {
		t.Errorf("Send = %+v, want temp with a time to wait", got)
	}
}

func FuzzSend(f *testing.F) {
	r := startRelay(f, nil)
	g := gateway(f, r, nil)
	f.Add("ana@town.example", "Hello", "k", "text", "<p>x</p>", "https://x.example/u")
	f.Add("a\r\nb@x.example", "s\r\nBcc: x", "k\r\n", ".\r\nQUIT\r\n", "", "")
	f.Fuzz(func(t *testing.T, to, subject, key, text, html, unsubscribe string) {
		h := reach.Handoff{Key: key, To: to, Subject: subject, Text: text, HTML: html, Unsubscribe: unsubscribe}
		before := len(r.letters())
		got := g.Send(t.Context(), h)
		after := r.letters()[before:]
		if len(after) > 1 || (got.Outcome == reach.Accepted) != (len(after) == 1) {
			t.Fatalf("Send = %+v, and the relay took %d", got, len(after))
		}
		for _, l := range after {
			m, err := netmail.ReadMessage(strings.NewReader(l.raw))
			if err != nil || l.to != to || len(m.Header["To"]) != 1 || len(m.Header["Bcc"]) != 0 {
				t.Errorf("the letter to %q is not what was handed off: %v\n%s", l.to, err, l.raw)
			}
		}
	})
}

func BenchmarkSend(b *testing.B) {
	r := startRelay(b, nil)
	g := gateway(b, r, nil)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if got := g.Send(b.Context(), note("ana@town.example")); got.Outcome != reach.Accepted {
				b.Errorf("Send = %+v", got)
				return
			}
		}
	})
}
