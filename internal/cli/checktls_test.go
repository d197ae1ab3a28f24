package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"hale/internal/gateway/mx"
)

// nameServer answers for one domain whose server says hello and offers no
// TLS, and for one that takes no mail.
func nameServer(t *testing.T) string {
	t.Helper()
	answers := map[string]string{
		"town.example. MX": "town.example. 60 MX 10 mx.town.example.", "mx.town.example. A": "mx.town.example. 60 A 127.0.0.1", "null.example. MX": "null.example. 60 MX 0 .",
	}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	s := &dns.Server{PacketConn: packets, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		if text := answers[strings.ToLower(q.Question[0].Name)+" "+dns.TypeToString[q.Question[0].Qtype]]; text != "" {
			rr, _ := dns.NewRR(text)
			m.Answer = []dns.RR{rr}
		}
		_ = w.WriteMsg(m)
	})}
	var served sync.WaitGroup
	served.Go(func() { _ = s.ActivateAndServe() })
	<-started
	t.Cleanup(func() { _ = s.Shutdown(); served.Wait() })
	return packets.LocalAddr().String()
}

// plainServer says hello to whoever comes.
func plainServer(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer c.Close()
				buf := make([]byte, 512)
				for _, say := range []string{"220 hello\r\n", "250 mx.town.example\r\n", "221 bye\r\n"} {
					_, _ = c.Write([]byte(say))
					if _, err := c.Read(buf); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); served.Wait() })
	return l.Addr().(*net.TCPAddr).Port
}

func TestCheckTLS(t *testing.T) {
	s := newShell(t)
	if _, fault := s.run(2, "check-tls"); !strings.Contains(fault, "name a domain") {
		t.Errorf("hale check-tls = %q", fault)
	}
	s.run(0, "init")
	path := filepath.Join(s.vars["HALE_DATA"], configFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("[mail]\nresolvers = [%q]\nport = %d\nprivate_networks = true\n", nameServer(t), plainServer(t))
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "[mail] ", settings+"# ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := s.run(0, "check-tls", "town.example", "null.example")
	contains(t, "hale check-tls", out, "town.example: L0", "mx.town.example", "does not offer STARTTLS", "null.example: takes no mail")
	out, _ = s.run(0, "check-tls", "--json", "town.example")
	var list []mx.Report
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 || list[0].Domain != "town.example" || len(list[0].Hosts) != 1 || !list[0].Hosts[0].Answers {
		t.Errorf("hale check-tls --json = %s, %v", out, err)
	}
	s.run(1, "check-tls", "not a domain")
	out, _ = s.run(0, "check-tls", "--patients")
	contains(t, "hale check-tls --patients", out, "No domain has been looked at yet.")
}
