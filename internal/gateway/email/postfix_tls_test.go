package email_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

// corner is one mail server of the town's Postfix.
type corner struct {
	host, ip, settings string
}

// corners are the rows of the table of levels that a real server can be.
func corners(dir string) []corner {
	tls := func(name string) string {
		return fmt.Sprintf("-o smtpd_tls_security_level=may -o smtpd_tls_cert_file=%s/%s.pem -o smtpd_tls_key_file=%s/%s.pem", dir, name, dir, name)
	}
	return []corner{
		{"mx.good.example", "127.0.0.21", tls("good")},
		{"mx.self.example", "127.0.0.22", tls("self")},
		{"mx.plain.example", "127.0.0.23", "-o smtpd_tls_security_level=none"},
		{"mx.old.example", "127.0.0.24", tls("old") + " -o smtpd_tls_protocols=TLSv1 -o smtpd_tls_ciphers=medium -o tls_medium_cipherlist=ALL:@SECLEVEL=0"},
		{"mx.name.example", "127.0.0.25", tls("good")},
	}
}

// town starts one Postfix with a server at each corner, all on one port, and
// returns the authority that signed the good certificate.
func town(t *testing.T) (port int, ca []byte, log string) {
	t.Helper()
	port, dir := haletest.FreePort(t), ""
	_, log = startPostfix(t, fmt.Sprintf("127.0.0.1:%d", port), func(folder string) string {
		dir = folder
		ca = certificates(t, dir)
		var master strings.Builder
		for _, c := range corners(dir) {
			fmt.Fprintf(&master, "%s:%d inet n - n - - smtpd -o myhostname=%s %s\n", c.ip, port, c.host, c.settings)
		}
		return master.String()
	})
	return port, ca, log
}

// certificates writes the servers' keys and certificates into dir, each as
// one file, and returns the authority's.
func certificates(t *testing.T, dir string) []byte {
	t.Helper()
	root, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plan := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Town Authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, plan, plan, &root.PublicKey, root)
	if err != nil {
		t.Fatal(err)
	}
	authority, _ := x509.ParseCertificate(der)
	for name, host := range map[string]string{"good": "mx.good.example", "self": "mx.self.example", "old": "mx.old.example"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		}
		by, with := authority, root
		if name == "self" {
			by, with = leaf, key
		}
		cert, err := x509.CreateCertificate(rand.Reader, leaf, by, &key.PublicKey, with)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})...)
		if err := os.WriteFile(filepath.Join(dir, name+".pem"), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o644); err != nil {
		t.Fatal(err)
	}
	return ca
}

// records are the town's names.
func records() (list []string) {
	for _, c := range corners("") {
		domain := strings.TrimPrefix(c.host, "mx.")
		list = append(list, domain+". 60 MX 10 "+c.host+".", c.host+". 60 A "+c.ip)
	}
	return list
}

// finger asks Postfix's own checker how good a server's TLS is.
func finger(t *testing.T, ca []byte, ip, host string, port int) policy.Level {
	t.Helper()
	bin, err := exec.LookPath("posttls-finger")
	if err != nil {
		t.Skip("skipped: posttls-finger is not installed")
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, ca, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	said, _ := exec.CommandContext(ctx, bin, "-c", "-l", "may", "-p", ">=TLSv1.2", "-F", file, fmt.Sprintf("[%s]:%d", ip, port), host).CombinedOutput()
	strict, _ := exec.CommandContext(ctx, bin, "-c", "-l", "secure", "-p", ">=TLSv1.2", "-F", file, fmt.Sprintf("[%s]:%d", ip, port), host).CombinedOutput()
	switch {
	case bytes.Contains(strict, []byte("Verified TLS connection established")):
		return policy.L2
	case bytes.Contains(said, []byte("TLS connection established")):
		return policy.L1
	}
	return policy.L0
}

// What we say of real servers is what Postfix's own checker says of them, and
// mail goes as it says.
func TestDirectPostfix(t *testing.T) {
	port, ca, _ := town(t)
	g := direct(t, startNames(t, records()...), port, ca, nil)
	want := map[string]policy.Level{
		"mx.good.example": policy.L2, "mx.self.example": policy.L1, "mx.plain.example": policy.L0, "mx.old.example": policy.L0, "mx.name.example": policy.L1,
	}
	for _, c := range corners("") {
		domain := strings.TrimPrefix(c.host, "mx.")
		able, err := g.Capability(t.Context(), "ana@"+domain)
		if err != nil || able.Level != want[c.host] {
			t.Errorf("%s: our probe says %s, %v; want %s", c.host, able.Level, err, want[c.host])
		}
		if oracle := finger(t, ca, c.ip, c.host, port); oracle != able.Level {
			t.Errorf("%s: our probe says %s, posttls-finger %s", c.host, able.Level, oracle)
		}
		for least := policy.L0; least <= policy.L3; least++ {
			h := note("ana@" + domain)
			h.Key, h.Level = fmt.Sprintf("%s-%d", domain, least), least
			r := g.Send(t.Context(), h)
			if goes := least <= able.Level; (r.Outcome == reach.Accepted) != goes || !goes && r.Code != "tls_insufficient" {
				t.Errorf("Send to %s with %s needed = %+v", domain, least, r)
			}
		}
	}
}

// stripper is a proxy that takes the offer of STARTTLS out of what a server
// says, and keeps all that goes by.
func stripper(t testing.TB, addr, to string) *capture {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skipf("skipped: nothing can listen on %s: %v", addr, err)
	}
	seen := &capture{}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			all.Go(func() { _, _ = io.Copy(io.MultiWriter(out, seen), in); out.Close() })
			all.Go(func() { strip(in, out, seen); in.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return seen
}

func strip(in io.Writer, out io.Reader, seen io.Writer) {
	buf := make([]byte, 4096)
	for {
		n, err := out.Read(buf)
		said := bytes.ReplaceAll(buf[:n], []byte("STARTTLS"), []byte("XXXXXXXX"))
		_, _ = seen.Write(said)
		if _, bad := in.Write(said); err != nil || bad != nil {
			return
		}
	}
}

// Somebody on the way who takes STARTTLS out gets no word of a message that
// needs TLS: only hello, and the notice that goes instead.
func TestDirectStripped(t *testing.T) {
	port, ca, _ := town(t)
	seen := stripper(t, fmt.Sprintf("127.0.0.31:%d", port), fmt.Sprintf("127.0.0.21:%d", port))
	n := startNames(t, "good.example. 60 MX 10 mx.good.example.", "mx.good.example. 60 A 127.0.0.31")
	g := direct(t, n, port, ca, nil)
	const marker = "glaucoma-marker"
	h := note("ana@good.example")
	h.Subject, h.Text, h.HTML, h.Level = "About your "+marker, "Your "+marker, "<p>Your "+marker+"</p>", policy.L2
	if r := g.Send(t.Context(), h); r.Outcome != reach.Rejected || r.Code != "tls_insufficient" {
		t.Fatalf("Send = %+v, want tls_insufficient", r)
	}
	if heard := seen.text(); strings.Contains(heard, marker) || strings.Contains(heard, "MAIL FROM") || strings.Contains(heard, "ana@") {
		t.Fatalf("the wire carried\n%s", heard)
	}
	h.Subject, h.Text, h.HTML, h.Level = "A message waits", "Sign in to read it.", "", policy.L0
	if r := g.Send(t.Context(), h); r.Outcome != reach.Accepted || !strings.Contains(r.Peer, "L0") {
		t.Errorf("Send = %+v, want the notice accepted", r)
	}
	if heard := seen.text(); strings.Contains(heard, marker) || !strings.Contains(heard, "A message waits") {
		t.Errorf("the wire carried\n%s", heard)
	}
	if r, err := g.Capability(t.Context(), "ana@good.example"); err != nil || r.Level != policy.L0 {
		t.Errorf("Capability = %+v, %v; want L0 as long as the way is like this", r, err)
	}
}
