package mailin

import (
	"bytes"
	"context"
	"net/mail"
	"strings"

	"github.com/emersion/go-msgauth/authres"
	"github.com/emersion/go-msgauth/dkim"
	"golang.org/x/net/publicsuffix"
)

// proof is what is known of who wrote a letter.
type proof struct {
	passed bool
	words  string // dkim=pass, spf=pass, dmarc=pass, failed, none
}

// warning says in plain words what staff should know.
func (p proof) warning(from, to string) string {
	if p.passed && !strings.EqualFold(from, to) {
		return "This came from another address than the one that we wrote to. Please check with the patient."
	}
	return "Nothing proves that this came from the address that it names. We took it at its word; please check with the patient."
}

// prove looks at whether a letter comes from its sender's domain: a server
// that we trust says so, or a signature of the domain holds. One that came
// over several servers needs no more than one of these (RFC 7489, 3.1).
func (d *Desk) prove(ctx context.Context, l Letter, from string) proof {
	domain := domainOf(from)
	if domain == "" {
		return proof{words: "none"}
	}
	if word := d.believed(l.Raw, domain); word != "" {
		return proof{passed: strings.HasSuffix(word, "=pass"), words: word}
	}
	if d.Lookup == nil {
		return proof{words: "none"}
	}
	const most = 5
	list, err := dkim.VerifyWithOptions(bytes.NewReader(crlf(l.Raw)), &dkim.VerifyOptions{
		LookupTXT:        func(name string) ([]string, error) { return d.Lookup(ctx, name) },
		MaxVerifications: most,
	})
	if err != nil && len(list) == 0 {
		return proof{words: "none"}
	}
	word := "none"
	for _, v := range list {
		if v.Err == nil && aligned(v.Domain, domain) {
			return proof{passed: true, words: "dkim=pass"}
		}
		word = "failed"
	}
	return proof{words: word}
}

// believed is what the server that we trust found, in the topmost field that
// it wrote (RFC 8601, section 5); empty where it wrote none.
func (d *Desk) believed(raw []byte, domain string) string {
	if d.Trusts == "" {
		return ""
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return ""
	}
	for _, field := range m.Header["Authentication-Results"] {
		by, results, err := authres.Parse(field)
		if err != nil || !strings.EqualFold(by, d.Trusts) {
			continue
		}
		return judged(results, domain)
	}
	return ""
}

// judged is the best that the results say of a domain.
func judged(results []authres.Result, domain string) string {
	word := "failed"
	for _, r := range results {
		switch r := r.(type) {
		case *authres.DKIMResult:
			if r.Value == authres.ResultPass && aligned(r.Domain, domain) {
				return "dkim=pass"
			}
		case *authres.DMARCResult:
			if r.Value == authres.ResultPass && aligned(r.From, domain) {
				return "dmarc=pass"
			}
		case *authres.SPFResult:
			if r.Value == authres.ResultPass && aligned(domainOf("x@"+r.From[strings.LastIndexByte(r.From, '@')+1:]), domain) {
				word = "spf=pass"
			}
		}
	}
	return word
}

// aligned says whether two domains are of the same organisation (RFC 7489,
// 3.1: relaxed).
func aligned(a, b string) bool {
	a, b = strings.ToLower(strings.TrimSuffix(a, ".")), strings.ToLower(strings.TrimSuffix(b, "."))
	if a == b {
		return a != ""
	}
	x, err := publicsuffix.EffectiveTLDPlusOne(a)
	if err != nil {
		return false
	}
	y, err := publicsuffix.EffectiveTLDPlusOne(b)
	return err == nil && x == y
}

func domainOf(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return ""
	}
	return strings.ToLower(strings.Trim(address[at+1:], "> "))
}

// crlf gives every line the end that signatures are made over: what comes
// through a pipe has lost it.
func crlf(raw []byte) []byte {
	if bytes.Contains(raw, []byte("\r\n")) {
		return raw
	}
	return bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
}
