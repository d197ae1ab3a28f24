package mx

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"hale/internal/reach/policy"
)

// Sender is who writes, as the world may look it up.
type Sender struct {
	Domain string // of the From address
	Return string // of the return path; empty: Domain
	Hello  string // the name that this server greets with
	Direct bool   // mail leaves from this server, not from a relay
	Keys   []SigningKey
}

// SigningKey is a DKIM key that signs.
type SigningKey struct{ Name, Record string }

// Standing is how the world sees one thing about a sender.
type Standing struct {
	What    string `json:"what"`
	OK      bool   `json:"ok"`
	Advice  bool   `json:"advice,omitempty"` // good to have, not needed
	Words   string `json:"words"`
	Name    string `json:"name,omitempty"`    // where to publish
	Type    string `json:"type,omitempty"`    // TXT, PTR
	Publish string `json:"publish,omitempty"` // word by word
	Seen    string `json:"seen,omitempty"`
}

// Standings looks at everything that receivers look at before they take mail
// from s: SPF, DKIM, DMARC, the name of the sending address, and the TLS of
// the sender's own servers.
//
// Spec: RFC 7208 (SPF), RFC 6376 (DKIM), RFC 7489 (DMARC), RFC 8460 (TLS reports)
func (d *Directory) Standings(ctx context.Context, s Sender) []Standing {
	list := []Standing{d.spf(ctx, s, s.Domain)}
	if s.Return != "" && !strings.EqualFold(s.Return, s.Domain) {
		list = append(list, d.spf(ctx, s, s.Return), d.returns(ctx, s.Return))
	}
	list = append(list, d.dkim(ctx, s)...)
	list = append(list, d.dmarc(ctx, s.Domain))
	if s.Direct {
		list = append(list, d.reverse(ctx, s.Hello))
	}
	return append(list, d.own(ctx, s)...)
}

// texts are the TXT records of a name.
func (d *Directory) texts(ctx context.Context, name string) ([]string, error) {
	answer, err := d.ask(ctx, name, dns.TypeTXT)
	var list []string
	for _, rr := range answer.records {
		if t, ok := rr.(*dns.TXT); ok {
			list = append(list, strings.Join(t.Txt, ""))
		}
	}
	return list, err
}

// beginning are those of list that begin as a record of a kind does.
func beginning(list []string, with string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool {
		return !strings.HasPrefix(strings.ToLower(s), strings.ToLower(with))
	})
}

const noAnswer = "The name service did not answer. Try again later."

// addresses are those of a name.
func (d *Directory) addresses(ctx context.Context, name string) []netip.Addr {
	var h Host
	h.Name = name
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, err := d.ask(ctx, name, kind)
		if err != nil {
			continue
		}
		for _, rr := range answer.records {
			switch rr := rr.(type) {
			case *dns.A:
				if a, ok := netip.AddrFromSlice(rr.A.To4()); ok {
					h.Addrs = append(h.Addrs, a)
				}
			case *dns.AAAA:
				if a, ok := netip.AddrFromSlice(rr.AAAA); ok {
					h.Addrs = append(h.Addrs, a)
				}
			}
		}
	}
	return h.Addrs
}

// spf looks at who may send for a domain.
func (d *Directory) spf(ctx context.Context, s Sender, domain string) Standing {
	st := Standing{What: "SPF of " + domain, Name: domain, Type: "TXT", Publish: "v=spf1 include:(your relay's SPF name) -all"}
	if s.Direct {
		st.Publish = "v=spf1 a:" + s.Hello + " -all"
	}
	all, err := d.texts(ctx, domain)
	if err != nil {
		st.Words = noAnswer
		return st
	}
	found := beginning(all, "v=spf1")
	switch {
	case len(found) == 0:
		st.Words = "There is none: receivers cannot tell your mail from forged mail."
		return st
	case len(found) > 1:
		st.Seen, st.Words = strings.Join(found, " | "), "There are several; receivers then use none. Keep one."
		return st
	}
	st.Seen = found[0]
	if !s.Direct {
		st.OK, st.Publish, st.Words = true, "", "It is there. That it names your relay is for the relay's operator to say."
		return st
	}
	budget := 10 // RFC 7208 section 4.6.4
	for _, addr := range d.addresses(ctx, s.Hello) {
		if got := d.allows(ctx, domain, addr, &budget); got != "pass" {
			st.Words = fmt.Sprintf("It does not let this server (%s) send for you.", addr)
			return st
		}
		st.OK, st.Publish, st.Words = true, "", "It lets this server send for you."
	}
	if !st.OK {
		st.Words = s.Hello + " has no address, so nobody can tell whether it may send for you."
	}
	return st
}

// allows evaluates a domain's SPF record for an address, as far as records
// without macros go: pass, fail, or "" where it says nothing.
func (d *Directory) allows(ctx context.Context, domain string, addr netip.Addr, budget *int) string {
	all, err := d.texts(ctx, domain)
	found := beginning(all, "v=spf1")
	if err != nil || len(found) != 1 {
		return ""
	}
	redirect := ""
	for _, term := range strings.Fields(found[0])[1:] {
		if name, ok := strings.CutPrefix(strings.ToLower(term), "redirect="); ok {
			redirect = name
			continue
		}
		result := "pass"
		if strings.ContainsAny(term[:1], "+-~?") {
			result = map[byte]string{'+': "pass", '-': "fail", '~': "fail", '?': ""}[term[0]]
			term = term[1:]
		}
		if d.matches(ctx, domain, strings.ToLower(term), addr, budget) {
			return result
		}
	}
	if *budget--; redirect != "" && *budget >= 0 {
		return d.allows(ctx, redirect, addr, budget)
	}
	return ""
}

// matches says whether one mechanism is about addr.
func (d *Directory) matches(ctx context.Context, domain, term string, addr netip.Addr, budget *int) bool {
	kind, value, _ := strings.Cut(term, ":")
	kind, bits, _ := strings.Cut(kind, "/")
	if kind == "ip4" || kind == "ip6" {
		prefix, err := netip.ParsePrefix(value)
		if err != nil {
			a, bad := netip.ParseAddr(value)
			return bad == nil && a == addr
		}
		return prefix.Contains(addr)
	}
	if kind == "all" {
		return true
	}
	if *budget--; *budget < 0 {
		return false
	}
	name, more, _ := strings.Cut(value, "/")
	if name == "" {
		name = domain
	}
	if more != "" {
		bits = more
	}
	switch kind {
	case "include":
		return d.allows(ctx, name, addr, budget) == "pass"
	case "a":
		return within(d.addresses(ctx, name), addr, bits)
	case "mx":
		answer, err := d.ask(ctx, name, dns.TypeMX)
		for _, rr := range answer.records {
			if m, ok := rr.(*dns.MX); err == nil && ok && within(d.addresses(ctx, m.Mx), addr, bits) {
				return true
			}
		}
	}
	return false
}

// within says whether addr is one of list, or in the same network of bits.
func within(list []netip.Addr, addr netip.Addr, bits string) bool {
	return slices.ContainsFunc(list, func(a netip.Addr) bool {
		if bits == "" {
			return a == addr
		}
		p, err := netip.ParsePrefix(a.String() + "/" + bits)
		return err == nil && p.Contains(addr)
	})
}

// returns says whether what comes back can come back.
func (d *Directory) returns(ctx context.Context, domain string) Standing {
	st := Standing{What: "Where mail comes back", Name: domain, Type: "MX", Publish: "10 (the name of the server that runs Hale)."}
	r, err := d.Route(ctx, domain)
	if err != nil {
		st.Words = "Nothing takes mail for " + domain + ", so nobody hears of mail that could not be delivered."
		return st
	}
	st.OK, st.Publish, st.Seen, st.Words = true, "", r.Hosts[0].Name, "Reports of mail that could not be delivered have somewhere to go."
	return st
}

// dkim looks at whether the keys that sign can be found.
func (d *Directory) dkim(ctx context.Context, s Sender) []Standing {
	if len(s.Keys) == 0 {
		return []Standing{{What: "DKIM", Words: "No key signs here: make one with `hale mail keys make SELECTOR`, or let your relay sign.", Advice: !s.Direct}}
	}
	var list []Standing
	for _, k := range s.Keys {
		st := Standing{What: "DKIM " + k.Name, Name: k.Name, Type: "TXT", Publish: k.Record}
		all, err := d.texts(ctx, k.Name)
		switch {
		case err != nil:
			st.Words = noAnswer
		case slices.ContainsFunc(all, func(t string) bool { return tag(t, "p") != "" && tag(t, "p") == tag(k.Record, "p") }):
			st.OK, st.Publish, st.Words = true, "", "The key that signs can be found."
		case len(all) > 0:
			st.Seen, st.Words = all[0], "Another key is published than the one that signs: every signature fails."
		default:
			st.Words = "The key that signs is not published: every signature fails."
		}
		list = append(list, st)
	}
	return list
}

// tag is the value of a tag in a list of them (RFC 6376 section 3.2).
func tag(text, name string) string {
	for part := range strings.SplitSeq(text, ";") {
		if key, value, ok := strings.Cut(strings.TrimSpace(part), "="); ok && key == name {
			return strings.Join(strings.Fields(value), "")
		}
	}
	return ""
}

// dmarc looks at what receivers are to do with mail that is not the domain's.
func (d *Directory) dmarc(ctx context.Context, domain string) Standing {
	st := Standing{What: "DMARC", Name: "_dmarc." + domain, Type: "TXT", Publish: "v=DMARC1; p=none; rua=mailto:dmarc@" + domain}
	for name := domain; strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
		all, err := d.texts(ctx, "_dmarc."+name)
		if err != nil {
			st.Words = noAnswer
			return st
		}
		found := beginning(all, "v=DMARC1")
		if len(found) != 1 {
			continue
		}
		st.Seen, st.OK, st.Publish = found[0], true, ""
		switch p := tag(found[0], "p"); p {
		case "none":
			st.Words = "It is there and only watches. Once its reports show nothing but your own mail, p=quarantine protects your name."
		case "quarantine", "reject":
			st.Words = "It is there and protects your name."
		default:
			st.OK, st.Publish, st.Words = false, "v=DMARC1; p=none; rua=mailto:dmarc@"+domain, "Its policy cannot be read."
		}
		return st
	}
	st.Words = "There is none: large receivers refuse mail in bulk without it."
	return st
}

// reverse looks at whether the sending address has a name that leads back to
// it (RFC 8601 section 3, forward-confirmed).
func (d *Directory) reverse(ctx context.Context, hello string) Standing {
	st := Standing{What: "Name of the sending address", Type: "PTR", Publish: hello + "."}
	addrs := d.addresses(ctx, hello)
	if len(addrs) == 0 {
		st.Name, st.Type, st.Publish = hello, "A", "(the address that this server sends from)"
		st.Words = "The name that this server greets with has no address."
		return st
	}
	for _, addr := range addrs {
		name, err := dns.ReverseAddr(addr.String())
		if err != nil {
			continue
		}
		st.Name = strings.TrimSuffix(name, ".")
		answer, err := d.ask(ctx, name, dns.TypePTR)
		if err != nil {
			st.Words = noAnswer
			return st
		}
		confirmed := slices.ContainsFunc(answer.records, func(rr dns.RR) bool {
			p, ok := rr.(*dns.PTR)
			return ok && slices.Contains(d.addresses(ctx, p.Ptr), addr)
		})
		if !confirmed {
			st.Words = fmt.Sprintf("%s has no name that leads back to it; many receivers refuse mail from it. Whoever gives you the address can set it.", addr)
			return st
		}
	}
	st.OK, st.Publish, st.Words = true, "", "The address has a name, and the name leads back to it."
	return st
}

// own looks at how well mail to the sender itself is protected: answers of
// patients come that way.
func (d *Directory) own(ctx context.Context, s Sender) []Standing {
	r, err := d.Check(ctx, s.Domain)
	tls := Standing{What: "TLS of your own mail servers", Words: r.Meaning()}
	switch {
	case err != nil:
		tls.Words = noAnswer
	case !r.Takes:
		tls.Words = "Nothing takes mail for " + s.Domain + ": patients cannot answer."
	default:
		tls.OK, tls.Seen = r.Level >= policy.L2, r.Level.String()+", "+r.Level.Words()
		tls.Words = "Patients' answers come to you encrypted, to a server that proves its name."
		if !tls.OK {
			tls.Words = "Patients' answers may be read on their way: your mail server needs TLS with a certificate for its name."
		}
	}
	sts := Standing{What: "MTA-STS", Advice: true, Name: "_mta-sts." + s.Domain, Type: "TXT", Publish: "v=STSv1; id=1", OK: r.Policy == "enforce", Seen: r.Policy}
	sts.Words = "With it nobody on the way can take the encryption of mail to you away."
	if sts.OK {
		sts.Publish = ""
	} else {
		sts.Words += " Serve the policy at https://mta-sts." + s.Domain + "/.well-known/mta-sts.txt as plain text: " + suggested(r)
	}
	report := Standing{What: "Reports about TLS", Advice: true, Name: "_smtp._tls." + s.Domain, Type: "TXT", Publish: "v=TLSRPTv1; rua=mailto:tls-reports@" + s.Domain}
	all, err := d.texts(ctx, report.Name)
	report.Words = "With it senders tell you when they could not reach you over TLS."
	if found := beginning(all, "v=TLSRPTv1"); err == nil && len(found) == 1 {
		report.OK, report.Publish, report.Seen = true, "", found[0]
	}
	return []Standing{tls, sts, report}
}

// suggested is a policy for the servers of r.
func suggested(r Report) string {
	text := "version: STSv1, mode: testing"
	for _, h := range r.Hosts {
		text += ", mx: " + h.Name
	}
	return text + ", max_age: 604800 (one to a line). Change the mode to enforce after some days without complaints."
}
