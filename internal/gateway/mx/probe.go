package mx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"hale/internal/reach/policy"
)

// Report is what is known of a domain's mail servers.
type Report struct {
	Domain  string       `json:"domain"`
	Level   policy.Level `json:"level"`
	Takes   bool         `json:"takes_mail"`        // there is somewhere to send to
	Secure  bool         `json:"dnssec"`            // the list of servers is signed
	Policy  string       `json:"mta_sts,omitempty"` // enforce, testing, none
	Note    string       `json:"note,omitempty"`
	Hosts   []HostReport `json:"hosts"`
	Checked time.Time    `json:"checked_at"`
	Until   time.Time    `json:"valid_until"`
}

// HostReport is what is known of one server.
type HostReport struct {
	Name    string `json:"host"`
	Pref    int    `json:"priority"`
	Answers bool   `json:"answers"`
	Skipped bool   `json:"skipped"` // nothing is sent there
	Used    bool   `json:"used"`    // counts for the domain: of those that answer, the most preferred
	Listed  bool   `json:"listed"`  // in the MTA-STS policy, where there is one
	Dane    Dane   `json:"dane_records,omitempty"`
	Grade
}

// How long a report counts: shorter where better may come soon.
const (
	goodFor = 24 * time.Hour
	badFor  = time.Hour
)

// Level returns what is known of a domain, and looks where that is too old.
// Those who ask for the same domain at once wait for one look.
func (d *Directory) Level(ctx context.Context, domain string) (Report, error) {
	domain, err := Domain(domain)
	if err != nil {
		return Report{}, err
	}
	for {
		if r, ok := d.Known(ctx, domain); ok {
			return r, nil
		}
		d.mu.Lock()
		running := d.busy[domain]
		if running == nil {
			done := make(chan struct{})
			d.busy[domain] = done
			d.mu.Unlock()
			r, err := d.Check(ctx, domain)
			d.mu.Lock()
			delete(d.busy, domain)
			d.mu.Unlock()
			close(done)
			return r, err
		}
		d.mu.Unlock()
		select {
		case <-running:
		case <-ctx.Done():
			return Report{}, ctx.Err()
		}
	}
}

// Known is the report that still counts, from memory or the database; false
// where there is none.
func (d *Directory) Known(ctx context.Context, domain string) (Report, bool) {
	now := d.c.Now()
	d.mu.Lock()
	r, ok := d.reports[domain]
	d.mu.Unlock()
	if !ok {
		if r, ok = d.load(ctx, domain); ok {
			d.hold(r)
		}
	}
	return r, ok && now.Before(r.Until)
}

func (d *Directory) hold(r Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.reports) > 50_000 {
		clear(d.reports)
	}
	d.reports[r.Domain] = r
}

// Forget makes the next Level look anew: a connection was worse than known.
func (d *Directory) Forget(ctx context.Context, domain string) {
	d.mu.Lock()
	r, ok := d.reports[domain]
	delete(d.routes, domain)
	d.mu.Unlock()
	if ok {
		r.Until = d.c.Now()
		d.hold(r)
		d.keep(ctx, r)
	}
}

// Check looks at a domain's servers now, and keeps what it finds. It asks no
// server about any mailbox.
func (d *Directory) Check(ctx context.Context, domain string) (Report, error) {
	domain, err := Domain(domain)
	if err != nil {
		return Report{}, err
	}
	now := d.c.Now()
	r := Report{Domain: domain, Checked: now}
	route, err := d.Route(ctx, domain)
	if ctx.Err() != nil {
		return Report{}, ctx.Err()
	}
	switch {
	case errors.Is(err, ErrNull):
		r.Note = "The domain says that it takes no mail."
	case errors.Is(err, ErrNone):
		r.Note = "The domain does not exist or has no mail server."
	case err != nil:
		r.Note, r.Takes = "The name service did not answer.", true
	default:
		d.survey(ctx, route, &r)
	}
	if ctx.Err() != nil {
		return Report{}, ctx.Err()
	}
	life := badFor
	if r.Level > policy.L0 {
		life = goodFor
	}
	r.Until = now.Add(time.Duration(float64(life) * (0.9 + 0.2*d.c.Random())))
	d.hold(r)
	d.keep(ctx, r)
	return r, nil
}

// survey looks at each server of a route.
func (d *Directory) survey(ctx context.Context, route Route, r *Report) {
	r.Takes, r.Secure, r.Policy = true, route.Secure, route.Policy.Mode
	if route.Policy.Note != "" {
		r.Note = "MTA-STS: " + route.Policy.Note + "."
	}
	r.Hosts = make([]HostReport, len(route.Hosts))
	var all sync.WaitGroup
	for i, h := range route.Hosts {
		all.Go(func() { r.Hosts[i] = d.look(ctx, route, h) })
	}
	all.Wait()
	r.Level = least(r.Hosts)
}

// least is a domain's level: the worst of the most preferred servers that
// mail would go to now. One that is to be skipped does not count, and one
// that does not answer leaves its turn to the next.
func least(hosts []HostReport) policy.Level {
	best, level := -1, policy.L0
	for i := range hosts {
		h := &hosts[i]
		switch {
		case h.Skipped || !h.Answers || best >= 0 && h.Pref > best:
			continue
		case best < 0 || h.Level < level:
			level = h.Level
		}
		best, h.Used = h.Pref, true
	}
	return level
}

// look looks at one server, at the first of its addresses that answers.
func (d *Directory) look(ctx context.Context, route Route, h Host) HostReport {
	out := HostReport{Name: h.Name, Pref: h.Pref, Listed: h.Listed, Dane: h.Dane}
	if err := route.usable(h); err != nil {
		out.Skipped, out.Why = true, words(err)
		return out
	}
	for _, addr := range h.Addrs {
		l, err := d.secured(ctx, route, h, addr)
		broken, isTLS := errors.AsType[*tlsError](err)
		switch {
		case isTLS:
			out.Answers, out.Offered, out.Why = true, true, broken.why
			out.Skipped = route.must(h)
			return out
		case err != nil:
			out.Why = words(err)
			continue
		}
		l.Quit()
		out.Answers, out.Grade = true, l.Grade
		return out
	}
	return out
}

// words says why a server is not used.
func words(err error) string {
	switch {
	case errors.Is(err, ErrPrivate):
		return "it has no public address"
	case errors.Is(err, ErrNone):
		return "its name has no address"
	case errors.Is(err, ErrLookup):
		return "its address cannot be looked up"
	case errors.Is(err, ErrPolicy):
		return fmt.Sprint(err)[len(ErrPolicy.Error())+2:]
	}
	return "it does not answer"
}

// Meaning says in plain words what r means for mail about health.
func (r Report) Meaning() string {
	switch {
	case !r.Takes:
		return "No mail can be sent there."
	case r.Level >= policy.L3:
		return "Mail about care may go there in full: every connection is encrypted, and the domain itself says which servers are its own."
	case r.Level == policy.L2:
		return "Mail about care may go there in full: connections are encrypted and the servers prove their names."
	case r.Level == policy.L1:
		return "Only a notice may go there, and reminders of visits: connections are encrypted, but the servers do not prove who they are."
	}
	return "Only a notice with a link may go there: mail could be read on its way."
}
