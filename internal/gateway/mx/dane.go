package mx

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// Dane says what a host's TLSA records are good for.
type Dane string

// The kinds.
const (
	DaneNone     Dane = ""         // there are none, or they are not signed
	DaneUsable   Dane = "usable"   // the certificate has to match one
	DaneUnusable Dane = "unusable" // TLS there must be; who is at the other end is not said
	DaneBogus    Dane = "bogus"    // they cannot be had: the host is not to be used
)

// dane looks for the TLSA records of a host. A lookup that fails is never
// taken for none (RFC 7672 section 2.1.1).
func (d *Directory) dane(ctx context.Context, host string) (Dane, []dns.TLSA) {
	answer, err := d.ask(ctx, fmt.Sprintf("_%d._tcp.%s", d.c.Port, host), dns.TypeTLSA)
	switch {
	case err != nil:
		return DaneBogus, nil
	case !answer.secure || len(answer.records) == 0:
		return DaneNone, nil
	}
	var list []dns.TLSA
	for _, rr := range answer.records {
		if t, ok := rr.(*dns.TLSA); ok && usable(t) {
			list = append(list, *t)
		}
	}
	if len(list) == 0 {
		return DaneUnusable, nil
	}
	return DaneUsable, list
}

// usable says whether a record says something that SMTP can use: RFC 7672
// section 3.1.3 leaves PKIX-TA(0) and PKIX-EE(1) out.
func usable(t *dns.TLSA) bool {
	length := map[uint8]int{1: sha256.Size, 2: sha512.Size}
	data, err := hex.DecodeString(t.Certificate)
	if err != nil || len(data) == 0 || t.Selector > 1 || t.MatchingType > 2 {
		return false
	}
	if want := length[t.MatchingType]; want > 0 && len(data) != want {
		return false
	}
	return t.Usage == 2 || t.Usage == 3
}

// matchesTLSA says whether a chain is one that the records vouch for. DANE-EE(3)
// looks at the host's own key alone, at no name and no date (RFC 7672 section
// 3.1.1); DANE-TA(2) at an authority in the chain, with name and dates.
func matchesTLSA(list []dns.TLSA, chain []*x509.Certificate, names []string, now time.Time) bool {
	for _, t := range list {
		want, err := hex.DecodeString(t.Certificate)
		if err != nil {
			continue
		}
		if t.Usage == 3 {
			if bytes.Equal(want, digest(chain[0], t)) {
				return true
			}
			continue
		}
		for _, anchor := range chain[1:] {
			if bytes.Equal(want, digest(anchor, t)) && anchored(chain, anchor, names, now) {
				return true
			}
		}
	}
	return false
}

// anchored says whether the chain leads to anchor, for one of names.
func anchored(chain []*x509.Certificate, anchor *x509.Certificate, names []string, now time.Time) bool {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(anchor)
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	for _, name := range names {
		if _, err := chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between, CurrentTime: now}); err == nil {
			return true
		}
	}
	return false
}

// digest is what record t says about a certificate, made from c.
func digest(c *x509.Certificate, t dns.TLSA) []byte {
	data := c.Raw
	if t.Selector == 1 {
		data = c.RawSubjectPublicKeyInfo
	}
	switch t.MatchingType {
	case 1:
		sum := sha256.Sum256(data)
		return sum[:]
	case 2:
		sum := sha512.Sum512(data)
		return sum[:]
	}
	return data
}
