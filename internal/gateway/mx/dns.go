package mx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"hale/internal/base/outbound"
)

// reply is what the name service says about a name.
type reply struct {
	records []dns.RR // of the type that was asked for, aliases followed
	none    bool     // the name does not exist
	secure  bool     // signed, as a trusted resolver found
	ttl     time.Duration
}

// ask asks for the records of one type. ErrLookup: no resolver gave an answer
// that counts; a resolver that finds a signature wrong gives none.
func (d *Directory) ask(ctx context.Context, name string, kind uint16) (reply, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), kind)
	q.AuthenticatedData = true
	q.SetEdns0(1232, true)
	var last error
	for _, server := range d.c.Servers {
		m, err := d.exchange(ctx, q, server)
		if err != nil {
			last = err
			continue
		}
		if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
			last = fmt.Errorf("%s", dns.RcodeToString[m.Rcode])
			continue
		}
		return d.read(m, kind), nil
	}
	return reply{}, fmt.Errorf("%w: %v", ErrLookup, last)
}

func (d *Directory) exchange(ctx context.Context, q *dns.Msg, server string) (*dns.Msg, error) {
	client := dns.Client{Timeout: d.c.Timeouts.DNS, UDPSize: 1232}
	m, _, err := client.ExchangeContext(ctx, q, server)
	if err == nil && m.Truncated {
		client.Net = "tcp"
		m, _, err = client.ExchangeContext(ctx, q, server)
	}
	if err != nil {
		return nil, err
	}
	if len(m.Question) != 1 || !strings.EqualFold(m.Question[0].Name, q.Question[0].Name) || m.Question[0].Qtype != q.Question[0].Qtype {
		return nil, errors.New("an answer to another question")
	}
	return m, nil
}

func (d *Directory) read(m *dns.Msg, kind uint16) reply {
	r := reply{none: m.Rcode == dns.RcodeNameError, secure: d.c.Trusted && m.AuthenticatedData, ttl: time.Minute}
	for i, rr := range m.Answer {
		if ttl := time.Duration(rr.Header().Ttl) * time.Second; i == 0 || ttl < r.ttl {
			r.ttl = ttl
		}
		if rr.Header().Rrtype == kind {
			r.records = append(r.records, rr)
		}
	}
	return r
}

// Host is one server that takes a domain's mail.
type Host struct {
	Name   string
	Pref   int
	Addrs  []netip.Addr
	Dane   Dane
	TLSA   []dns.TLSA // those that can be used
	Listed bool       // the domain's policy names it; true where there is none
	Err    error      // why it cannot be used
}

// Route is where the mail of a domain goes, the preferred servers first.
type Route struct {
	Domain string
	Hosts  []Host
	Secure bool   // the list of servers is signed
	Policy Policy // the zero one where there is none
	until  time.Time
}

// Bounds of a route.
const (
	mostHosts = 12
	mostAddrs = 4
	mostRoute = 5 * time.Minute
)

// Route returns the route to a domain. ErrNull and ErrNone say that it takes
// no mail, ErrLookup that this cannot be known now.
func (d *Directory) Route(ctx context.Context, domain string) (Route, error) {
	domain, err := Domain(domain)
	if err != nil {
		return Route{}, err
	}
	now := d.c.Now()
	d.mu.Lock()
	known, ok := d.routes[domain]
	d.mu.Unlock()
	if ok && now.Before(known.until) {
		return known, nil
	}
	r, err := d.find(ctx, domain)
	if err != nil {
		return Route{Domain: domain}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.routes) > 20_000 {
		clear(d.routes)
	}
	d.routes[domain] = r
	return r, nil
}

// find asks the name service and the domain's own site.
func (d *Directory) find(ctx context.Context, domain string) (Route, error) {
	r := Route{Domain: domain}
	answer, err := d.ask(ctx, domain, dns.TypeMX)
	switch {
	case err != nil:
		return r, err
	case answer.none:
		return r, ErrNone
	}
	r.Secure = answer.secure
	r.until = d.c.Now().Add(min(max(answer.ttl, 30*time.Second), mostRoute))
	for _, rr := range answer.records {
		m, ok := rr.(*dns.MX)
		if !ok {
			continue
		}
		if m.Mx == "." { // RFC 7505: alone, it says that there is no mail
			if len(answer.records) == 1 {
				return r, ErrNull
			}
			continue
		}
		r.Hosts = append(r.Hosts, Host{Name: strings.ToLower(strings.TrimSuffix(m.Mx, ".")), Pref: int(m.Preference), Listed: true})
	}
	implicit := len(r.Hosts) == 0
	if implicit { // RFC 5321 section 5.1: the domain itself
		r.Hosts = []Host{{Name: domain, Listed: true}}
	}
	slices.SortStableFunc(r.Hosts, func(a, b Host) int { return cmp.Compare(a.Pref, b.Pref) })
	r.Hosts = r.Hosts[:min(len(r.Hosts), mostHosts)]
	var all sync.WaitGroup
	all.Go(func() { r.Policy = d.policy(ctx, domain) })
	for i := range r.Hosts {
		all.Go(func() { d.host(ctx, &r.Hosts[i], r.Secure) })
	}
	all.Wait()
	if implicit && errors.Is(r.Hosts[0].Err, ErrNone) {
		return r, ErrNone
	}
	for i := range r.Hosts {
		r.Hosts[i].Listed = r.Policy.Mode == "" || r.Policy.Mode == "none" || r.Policy.lists(r.Hosts[i].Name)
	}
	return r, nil
}

// host finds a host's addresses and the certificates that its domain signed
// for.
func (d *Directory) host(ctx context.Context, h *Host, secure bool) {
	var v4, v6 reply
	var err4, err6 error
	var both sync.WaitGroup
	both.Go(func() { v4, err4 = d.ask(ctx, h.Name, dns.TypeA) })
	both.Go(func() { v6, err6 = d.ask(ctx, h.Name, dns.TypeAAAA) })
	both.Wait()
	found := 0
	for _, rr := range append(v4.records, v6.records...) {
		found++
		var at netip.Addr
		switch rr := rr.(type) {
		case *dns.A:
			at, _ = netip.AddrFromSlice(rr.A.To4())
		case *dns.AAAA:
			at, _ = netip.AddrFromSlice(rr.AAAA)
		}
		if at.IsValid() && len(h.Addrs) < mostAddrs && (d.c.Private || outbound.Public(at)) {
			h.Addrs = append(h.Addrs, at)
		}
	}
	switch {
	case len(h.Addrs) > 0:
	case found > 0:
		h.Err = ErrPrivate
		return
	case err4 != nil || err6 != nil:
		h.Err = cmp.Or(err4, err6)
		return
	default:
		h.Err = ErrNone
		return
	}
	signed := secure && (len(v4.records) == 0 || v4.secure) && (len(v6.records) == 0 || v6.secure)
	if !signed { // RFC 7672 section 2.2.2: no TLSA records count where the addresses are not signed
		return
	}
	h.Dane, h.TLSA = d.dane(ctx, h.Name)
	if h.Dane == DaneBogus {
		h.Err = fmt.Errorf("%w: its TLSA records cannot be had", ErrPolicy)
	}
}

// Order is a route's servers as mail tries them: the preferred first, those
// of the same preference in any order (RFC 5321 section 5.1).
func (d *Directory) Order(r Route) []Host {
	list := slices.Clone(r.Hosts)
	for i := range list {
		j := i + int(d.c.Random()*float64(len(list)-i))
		for j > i && list[j].Pref != list[i].Pref {
			j--
		}
		list[i], list[j] = list[j], list[i]
	}
	return list
}
