package mx_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"hale/internal/gateway/mx"
	"hale/internal/haletest"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

const enforce = "version: STSv1\r\nmode: enforce\r\nmx: mx.%s\r\nmax_age: 86400\r\n"

func spki(c tls.Certificate, n int) string {
	cert, _ := x509.ParseCertificate(c.Certificate[n])
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// Every row of the table of levels, as the domain's servers have it.
func TestDirectoryCheck(t *testing.T) {
	w := newTown(t)
	later := time.Now().Add(time.Hour)
	good := w.ca.sign(t, later, "mx.good.example", "mx.sts.example", "mx.testing.example", "mx.unlisted.example", "mx.dane.example", "mx.danebad.example", "mx.danepkix.example", "mx.bogus.example", "mx.untrusted.example")
	self := (*authority)(nil).sign(t, later, "mx.self.example")
	with := func(c tls.Certificate, change func(*tls.Config)) *tls.Config {
		config := &tls.Config{Certificates: []tls.Certificate{c}}
		if change != nil {
			change(config)
		}
		return config
	}
	w.open(t, "127.0.0.2", &server{config: with(good, nil)})
	w.open(t, "127.0.0.3", &server{config: with(self, nil)})
	w.open(t, "127.0.0.4", &server{})
	w.open(t, "127.0.0.5", &server{config: with(good, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })})
	w.open(t, "127.0.0.6", &server{config: with(w.ca.sign(t, time.Now().Add(-time.Hour), "mx.old.example"), nil)})
	w.open(t, "127.0.0.7", &server{config: with(good, nil), inject: true})
	w.open(t, "127.0.0.8", &server{config: with(good, nil), refuse: true})
	w.open(t, "127.0.0.9", &server{config: with(good, func(c *tls.Config) {
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	})})
	w.add(t,
		"good.example. MX 10 mx.good.example.", "mx.good.example. A 127.0.0.2",
		"othername.example. MX 10 mx.othername.example.", "mx.othername.example. A 127.0.0.2",
		"self.example. MX 10 mx.self.example.", "mx.self.example. A 127.0.0.3",
		"none.example. MX 10 mx.none.example.", "mx.none.example. A 127.0.0.4",
		"weak.example. MX 10 mx.good.example.", "old.example. MX 10 mx.old.example.", "mx.old.example. A 127.0.0.6",
		"tls10.example. MX 10 mx.tls10.example.", "mx.tls10.example. A 127.0.0.5",
		"cbc.example. MX 10 mx.cbc.example.", "mx.cbc.example. A 127.0.0.9",
		"inject.example. MX 10 mx.inject.example.", "mx.inject.example. A 127.0.0.7",
		"refuse.example. MX 10 mx.refuse.example.", "mx.refuse.example. A 127.0.0.8",
		"null.example. MX 0 .", "direct.example. A 127.0.0.4",
		"mixed.example. MX 10 mx.good.example.", "mixed.example. MX 10 mx.none.example.", "mixed.example. MX 20 mx.self.example.",
		"second.example. MX 10 mx.good.example.", "second.example. MX 20 mx.none.example.",
		"away.example. MX 10 mx.away.example.", "away.example. MX 20 mx.good.example.", "mx.away.example. A 127.0.0.99",
		"sts.example. MX 10 mx.sts.example.", "mx.sts.example. A 127.0.0.2",
		"stsself.example. MX 10 mx.stsself.example.", "mx.stsself.example. A 127.0.0.3",
		"testing.example. MX 10 mx.testing.example.", "mx.testing.example. A 127.0.0.2",
		"unlisted.example. MX 10 mx.unlisted.example.", "mx.unlisted.example. A 127.0.0.2",
		"!dane.example. MX 10 mx.dane.example.", "!mx.dane.example. A 127.0.0.2",
		fmt.Sprintf("!_%d._tcp.mx.dane.example. TLSA 3 1 1 %s", w.port, spki(good, 0)),
		"!daneself.example. MX 10 mx.daneself.example.", "!mx.daneself.example. A 127.0.0.3",
		fmt.Sprintf("!_%d._tcp.mx.daneself.example. TLSA 3 1 1 %s", w.port, spki(self, 0)),
		"!daneta.example. MX 10 mx.good.example.",
		"!danebad.example. MX 10 mx.danebad.example.", "!mx.danebad.example. A 127.0.0.2",
		fmt.Sprintf("!_%d._tcp.mx.danebad.example. TLSA 3 1 1 %s", w.port, strings.Repeat("ab", 32)),
		"!danepkix.example. MX 10 mx.danepkix.example.", "!mx.danepkix.example. A 127.0.0.2",
		fmt.Sprintf("!_%d._tcp.mx.danepkix.example. TLSA 1 1 1 %s", w.port, spki(good, 0)),
		"!daneplain.example. MX 10 mx.daneplain.example.", "!mx.daneplain.example. A 127.0.0.4",
		fmt.Sprintf("!_%d._tcp.mx.daneplain.example. TLSA 1 1 1 %s", w.port, spki(good, 0)),
		"!bogus.example. MX 10 mx.bogus.example.", "!mx.bogus.example. A 127.0.0.2",
		"untrusted.example. MX 10 mx.untrusted.example.", "!mx.untrusted.example. A 127.0.0.2",
		fmt.Sprintf("!_%d._tcp.mx.untrusted.example. TLSA 3 1 1 %s", w.port, strings.Repeat("ab", 32)),
	)
	w.fail(fmt.Sprintf("_%d._tcp.mx.bogus.example", w.port), dns.TypeTLSA)
	w.fail("servfail.example", dns.TypeMX)
	for _, d := range []string{"sts.example", "stsself.example", "unlisted.example", "danebad.example"} {
		w.publish(t, d, "1", fmt.Sprintf(enforce, d))
	}
	w.publish(t, "testing.example", "1", strings.Replace(fmt.Sprintf(enforce, "testing.example"), "enforce", "testing", 1))
	w.publish(t, "unlisted.example", "1", fmt.Sprintf(enforce, "else.example"))

	tests := []struct {
		domain  string
		level   policy.Level
		takes   bool
		skipped bool // the first server
		why     string
	}{
		{"good.example", policy.L2, true, false, ""},
		{"othername.example", policy.L1, true, false, "another name"},
		{"self.example", policy.L1, true, false, "nobody who is trusted"},
		{"old.example", policy.L1, true, false, "expired"},
		{"none.example", policy.L0, true, false, "does not offer"},
		{"tls10.example", policy.L0, true, false, "out of date"},
		{"cbc.example", policy.L0, true, false, "out of date"},
		{"inject.example", policy.L0, true, false, "slipped in"},
		{"refuse.example", policy.L0, true, false, "454"},
		{"null.example", policy.L0, false, false, ""},
		{"nowhere.example", policy.L0, false, false, ""},
		{"direct.example", policy.L0, true, false, "does not offer"},
		{"mixed.example", policy.L0, true, false, ""},
		{"second.example", policy.L2, true, false, ""},
		{"away.example", policy.L2, true, false, "does not answer"},
		{"servfail.example", policy.L0, true, false, ""},
		{"sts.example", policy.L3, true, false, ""},
		{"testing.example", policy.L2, true, false, ""},
		{"stsself.example", policy.L0, true, true, "asks for a certificate"},
		{"unlisted.example", policy.L0, true, true, "does not name"},
		{"dane.example", policy.L3, true, false, ""},
		{"daneself.example", policy.L3, true, false, ""},
		{"danebad.example", policy.L0, true, true, "no TLSA record matches"}, // its policy would hold, and must not help
		{"danepkix.example", policy.L2, true, false, ""},
		{"daneplain.example", policy.L0, true, true, "does not offer"},
		{"bogus.example", policy.L0, true, true, "TLSA records cannot be had"},
		{"untrusted.example", policy.L2, true, false, ""}, // the list of servers is not signed: its TLSA says nothing
	}
	d := w.directory(t, nil)
	for _, tt := range tests {
		r, err := d.Check(t.Context(), tt.domain)
		if err != nil || r.Level != tt.level || r.Takes != tt.takes {
			t.Errorf("%s: %s, takes mail %t, %v; want %s, %t\n%+v", tt.domain, r.Level, r.Takes, err, tt.level, tt.takes, r)
			continue
		}
		if len(r.Hosts) > 0 && (r.Hosts[0].Skipped != tt.skipped || !strings.Contains(r.Hosts[0].Why, tt.why)) {
			t.Errorf("%s: %+v, want skipped %t because %q", tt.domain, r.Hosts[0], tt.skipped, tt.why)
		}
	}
	for ip, s := range w.byIP {
		if heard := s.commands(); strings.Contains(heard, "MAIL") || strings.Contains(heard, "RCPT") || strings.Contains(heard, "VRFY") {
			t.Errorf("%s was asked about a mailbox:\n%s", ip, heard)
		}
	}
}

// What a resolver that nobody vouches for says about signatures counts
// nothing.
func TestDirectoryTrust(t *testing.T) {
	w := newTown(t)
	self := (*authority)(nil).sign(t, time.Now().Add(time.Hour), "mx.dane.example")
	w.open(t, "127.0.0.2", &server{config: &tls.Config{Certificates: []tls.Certificate{self}}})
	w.add(t, "!dane.example. MX 10 mx.dane.example.", "!mx.dane.example. A 127.0.0.2",
		fmt.Sprintf("!_%d._tcp.mx.dane.example. TLSA 3 1 1 %s", w.port, spki(self, 0)))
	for trusted, want := range map[bool]policy.Level{true: policy.L3, false: policy.L1} {
		d := w.directory(t, func(c *mx.Config) { c.Trusted = trusted })
		if r, err := d.Check(t.Context(), "dane.example"); err != nil || r.Level != want || r.Secure != trusted {
			t.Errorf("trusted %t: %s, signed %t, %v; want %s", trusted, r.Level, r.Secure, err, want)
		}
	}
	if _, err := mx.New(mx.Config{Servers: []string{"9.9.9.9:53"}, Trusted: true, Now: time.Now, Random: func() float64 { return 0 }}); err == nil {
		t.Error("New trusts a resolver over the open internet")
	}
}

// An authority in the chain, named by a TLSA record (usage 2), vouches for the
// name and nothing else.
func TestDirectoryAuthorityByDANE(t *testing.T) {
	w := newTown(t)
	private := newAuthority(t) // nobody else trusts it
	right, wrong := private.sign(t, time.Now().Add(time.Hour), "mx.ta.example"), private.sign(t, time.Now().Add(time.Hour), "mx.evil.example")
	w.open(t, "127.0.0.2", &server{config: &tls.Config{Certificates: []tls.Certificate{right}}})
	w.open(t, "127.0.0.3", &server{config: &tls.Config{Certificates: []tls.Certificate{wrong}}})
	w.add(t, "!ta.example. MX 10 mx.ta.example.", "!mx.ta.example. A 127.0.0.2", "!tb.example. MX 10 mx.tb.example.", "!mx.tb.example. A 127.0.0.3",
		fmt.Sprintf("!_%d._tcp.mx.ta.example. TLSA 2 1 1 %s", w.port, spki(right, 1)),
		fmt.Sprintf("!_%d._tcp.mx.tb.example. TLSA 2 1 1 %s", w.port, spki(right, 1)))
	d := w.directory(t, nil)
	for domain, want := range map[string]policy.Level{"ta.example": policy.L3, "tb.example": policy.L0} {
		if r, err := d.Check(t.Context(), domain); err != nil || r.Level != want {
			t.Errorf("%s: %s, %v; want %s: %+v", domain, r.Level, err, want, r.Hosts)
		}
	}
}

// A policy is fetched once for each id, kept while it lives whatever happens
// to its site, and never taken by a redirect or from a wrong site.
func TestDirectoryPolicy(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, store *db.DB) {
		w := newTown(t)
		w.open(t, "127.0.0.2", &server{config: &tls.Config{Certificates: []tls.Certificate{w.ca.sign(t, time.Now().Add(1000*time.Hour), "mx.sts.example")}}})
		w.add(t, "sts.example. MX 10 mx.sts.example.", "mx.sts.example. A 127.0.0.2")
		w.publish(t, "sts.example", "1", fmt.Sprintf(enforce, "sts.example"))
		check := func(want policy.Level, mode string, fetches int) {
			t.Helper()
			d := w.directory(t, func(c *mx.Config) { c.DB = store }) // a new process each time
			r, err := d.Check(t.Context(), "sts.example")
			if err != nil || r.Level != want || r.Policy != mode || w.fetches() != fetches {
				t.Errorf("%s by %q after %d fetches, %v; want %s by %q after %d: %s", r.Level, r.Policy, w.fetches(), err, want, mode, fetches, r.Note)
			}
		}
		check(policy.L3, "enforce", 1)
		check(policy.L3, "enforce", 1) // kept
		w.publish(t, "sts.example", "2", "version: STSv1\nmode: testing\nmx: *.sts.example\nmax_age: 604800\n")
		check(policy.L2, "testing", 2)
		w.publish(t, "sts.example", "3", fmt.Sprintf(enforce, "sts.example"))
		check(policy.L3, "enforce", 3)

		w.publish(t, "sts.example", "4", "")
		w.serve("mta-sts.sts.example", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "https://mta-sts.sts.example/elsewhere", http.StatusFound)
		})
		check(policy.L3, "enforce", 4) // the old one stands, and the redirect was not followed
		check(policy.L3, "enforce", 4) // and is not asked for again at once
		w.now = w.now.Add(6 * time.Minute)
		check(policy.L3, "enforce", 5)
		w.drop("_mta-sts.sts.example", dns.TypeTXT)
		check(policy.L3, "enforce", 5) // somebody who takes the announcement away gains nothing
		w.now = w.now.Add(25 * time.Hour)
		check(policy.L2, "", 5) // until its time is over
	})
}

func TestDirectoryPolicySites(t *testing.T) {
	w := newTown(t)
	w.open(t, "127.0.0.2", &server{config: &tls.Config{Certificates: []tls.Certificate{w.ca.sign(t, time.Now().Add(time.Hour), "mx.x.example")}}})
	text := func(kind, text string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", kind)
			_, _ = rw.Write([]byte(text))
		}
	}
	body := "version: STSv1\nmode: enforce\nmx: mx.x.example\nmax_age: 86400\n"
	tests := []struct {
		domain string
		site   http.HandlerFunc
		want   policy.Level
	}{
		{"plain.example", text("text/plain", body), policy.L3},
		{"html.example", text("text/html", body), policy.L2},
		{"endless.example", text("text/plain", body+strings.Repeat("x: y\n", 20_000)), policy.L2},
		{"wrongname.example", text("text/plain", body), policy.L2},
		{"missing.example", func(rw http.ResponseWriter, r *http.Request) { http.NotFound(rw, r) }, policy.L2},
		{"slow.example", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, policy.L2},
	}
	w.add(t, "mx.x.example. A 127.0.0.2")
	d := w.directory(t, func(c *mx.Config) { c.Timeouts.Policy = 400 * time.Millisecond })
	for _, tt := range tests {
		w.add(t, tt.domain+". MX 10 mx.x.example.")
		w.publish(t, tt.domain, "1", "")
		w.serve("mta-sts."+tt.domain, tt.site)
		if r, err := d.Check(t.Context(), tt.domain); err != nil || r.Level != tt.want {
			t.Errorf("%s: %s %q, %v; want %s", tt.domain, r.Level, r.Note, err, tt.want)
		}
	}
}

func TestParsePolicy(t *testing.T) {
	tests := []struct {
		name, text string
		ok         bool
	}{
		{"as the standard has it", "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 604800\n", true},
		{"none needs no server", "version: STSv1\r\nmode: none\r\nmax_age: 1\r\n", true},
		{"another version", "version: STSv2\nmode: enforce\nmx: a.b\nmax_age: 1\n", false},
		{"no version", "mode: enforce\nmx: a.b\nmax_age: 1\n", false},
		{"no age", "version: STSv1\nmode: enforce\nmx: a.b\n", false},
		{"a negative age", "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: -1\n", false},
		{"no server", "version: STSv1\nmode: enforce\nmax_age: 1\n", false},
		{"an unknown mode", "version: STSv1\nmode: maybe\nmx: a.b\nmax_age: 1\n", false},
		{"a page", "<html><body>Not found</body></html>", false},
	}
	for _, tt := range tests {
		if p, err := mx.ParsePolicy(tt.text); (err == nil) != tt.ok {
			t.Errorf("%s: %+v, %v; want ok %t", tt.name, p, err, tt.ok)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add("version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 604800\n")
	f.Add("version: STSv1\r\nmode: none\r\nmax_age: 1")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := mx.ParsePolicy(text)
		if err != nil {
			return
		}
		if p.Mode != "none" && len(p.MX) == 0 || p.MaxAge < 0 || p.MaxAge > 31557600*time.Second {
			t.Errorf("ParsePolicy(%q) = %+v", text, p)
		}
		again := "version: STSv1\nmode: " + p.Mode + fmt.Sprintf("\nmax_age: %d\n", int64(p.MaxAge/time.Second))
		for _, m := range p.MX {
			again += "mx: " + m + "\n"
		}
		if q, err := mx.ParsePolicy(again); err != nil || q.Mode != p.Mode || q.MaxAge != p.MaxAge || len(q.MX) != len(p.MX) {
			t.Errorf("ParsePolicy(%q) = %+v, %v; want %+v", again, q, err, p)
		}
	})
}

// A report is kept a day where it is good and an hour where it is not, asked
// for once by many at once, and looked at anew when somebody knows better.
func TestDirectoryLevelKept(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, store *db.DB) {
		w := newTown(t)
		w.open(t, "127.0.0.2", &server{config: &tls.Config{Certificates: []tls.Certificate{w.ca.sign(t, time.Now().Add(1000*time.Hour), "mx.good.example")}}})
		w.open(t, "127.0.0.4", &server{})
		w.add(t, "good.example. MX 10 mx.good.example.", "mx.good.example. A 127.0.0.2", "bad.example. MX 10 mx.bad.example.", "mx.bad.example. A 127.0.0.4")
		d := w.directory(t, func(c *mx.Config) { c.DB = store })
		looks := func(domain string, want int) {
			t.Helper()
			for range 3 {
				if _, err := d.Level(t.Context(), domain); err != nil {
					t.Fatal(err)
				}
			}
			if n := w.times(domain, dns.TypeMX); n != want {
				t.Errorf("%s was looked at %d times, want %d", domain, n, want)
			}
		}
		looks("good.example", 1)
		looks("bad.example", 1)
		w.now = w.now.Add(70 * time.Minute)
		looks("good.example", 1)
		looks("bad.example", 2)
		d = w.directory(t, func(c *mx.Config) { c.DB = store }) // after a restart
		looks("good.example", 1)
		d.Forget(t.Context(), "good.example")
		looks("good.example", 2)
		w.now = w.now.Add(25 * time.Hour)
		looks("good.example", 3)
	})
}

func TestDirectoryPrivate(t *testing.T) {
	w := newTown(t)
	s := &server{}
	w.open(t, "127.0.0.2", s)
	w.add(t, "in.example. MX 10 mx.in.example.", "mx.in.example. A 127.0.0.2", "mx.in.example. A 10.1.2.3", "mx.in.example. AAAA ::1")
	d := w.directory(t, func(c *mx.Config) { c.Private = false })
	r, err := d.Check(t.Context(), "in.example")
	if err != nil || len(r.Hosts) != 1 || !r.Hosts[0].Skipped || r.Hosts[0].Why != "it has no public address" {
		t.Errorf("Check = %+v, %v; want a server that is skipped", r, err)
	}
	if heard := s.commands(); heard != "" {
		t.Errorf("a private server heard %q", heard)
	}
}

func TestDirectoryTruncated(t *testing.T) {
	w := newTown(t)
	w.open(t, "127.0.0.4", &server{})
	w.add(t, "long.example. MX 10 mx.long.example.", "mx.long.example. A 127.0.0.4")
	w.names.mu.Lock()
	w.cut = true
	w.names.mu.Unlock()
	if r, err := w.directory(t, nil).Check(t.Context(), "long.example"); err != nil || len(r.Hosts) != 1 || !r.Hosts[0].Answers {
		t.Errorf("Check = %+v, %v; want the server, by TCP", r, err)
	}
}

func TestDomain(t *testing.T) {
	for in, want := range map[string]string{
		"Example.COM": "example.com", "example.com.": "example.com", "münchen.example": "xn--mnchen-3ya.example",
		"localhost": "", "": "", "127.0.0.1": "", "a..b": "", "[1.2.3.4]": "", "a b.example": "", strings.Repeat("a", 70) + ".example": "",
	} {
		got, err := mx.Domain(in)
		if got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, mx.ErrDomain) {
			t.Errorf("Domain(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}
