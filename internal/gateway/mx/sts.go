package mx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Policy is what a domain says about the TLS of its mail servers.
type Policy struct {
	ID      string
	Mode    string // enforce, testing, none; "" where there is no policy
	MX      []string
	MaxAge  time.Duration
	Fetched time.Time
	Tried   time.Time // the last fetch, whether it worked or not
	TriedID string
	Note    string // what is wrong with it, in words
}

// Bounds of RFC 8461: section 3.2 for max_age, 3.3 for the fetch.
const (
	mostPolicy = 64 << 10
	mostAge    = 31557600 * time.Second
	retryAfter = 5 * time.Minute
)

// Enforced says whether the policy forbids worse connections.
func (p Policy) Enforced() bool { return p.Mode == "enforce" }

func (p Policy) fresh(now time.Time) bool {
	return p.Mode != "" && now.Before(p.Fetched.Add(p.MaxAge))
}

// lists says whether the policy names host; a star stands for one label at
// the beginning (RFC 8461 section 4.1).
func (p Policy) lists(host string) bool {
	for _, pattern := range p.MX {
		if strings.EqualFold(pattern, host) {
			return true
		}
		rest, star := strings.CutPrefix(pattern, "*.")
		_, tail, dotted := strings.Cut(host, ".")
		if star && dotted && strings.EqualFold(rest, tail) {
			return true
		}
	}
	return false
}

// policy returns the policy of a domain. What was fetched counts until its
// max_age is over, whatever the name service and the site say meanwhile
// (RFC 8461 section 5.1).
func (d *Directory) policy(ctx context.Context, domain string) Policy {
	now := d.c.Now()
	known := d.remembered(ctx, domain)
	if !known.fresh(now) {
		known = Policy{Tried: known.Tried, TriedID: known.TriedID}
	}
	id, err := d.policyID(ctx, domain)
	switch {
	case err != nil:
		known.Note = "its announcement could not be looked up"
		return known
	case id == "" || known.Mode != "" && id == known.ID:
		return known
	case id == known.TriedID && now.Before(known.Tried.Add(retryAfter)):
		known.Note = "the policy could not be fetched"
		return known
	}
	p, err := d.fetch(ctx, domain)
	if err != nil {
		known.Note = "the policy could not be fetched: " + err.Error()
		known.Tried, known.TriedID = now, id
		d.remember(ctx, domain, known)
		return known
	}
	p.ID, p.Fetched, p.Tried, p.TriedID = id, now, now, id
	d.remember(ctx, domain, p)
	return p
}

// policyID reads the announcement: exactly one record that begins with
// v=STSv1 (RFC 8461 section 3.1).
func (d *Directory) policyID(ctx context.Context, domain string) (string, error) {
	answer, err := d.ask(ctx, "_mta-sts."+domain, dns.TypeTXT)
	if err != nil {
		return "", err
	}
	var found []string
	for _, rr := range answer.records {
		if t, ok := rr.(*dns.TXT); ok {
			if text := strings.Join(t.Txt, ""); strings.HasPrefix(text, "v=STSv1;") || text == "v=STSv1" {
				found = append(found, text)
			}
		}
	}
	if len(found) != 1 {
		return "", nil
	}
	for field := range strings.SplitSeq(found[0], ";") {
		if key, value, ok := strings.Cut(strings.TrimSpace(field), "="); ok && key == "id" && len(value) <= 32 {
			return value, nil
		}
	}
	return "", nil
}

// fetch gets the policy from where it has to lie.
func (d *Directory) fetch(ctx context.Context, domain string) (Policy, error) {
	host := "mta-sts." + domain
	if d.c.STSPort != 443 {
		host += ":" + strconv.Itoa(d.c.STSPort)
	}
	ctx, cancel := context.WithTimeout(ctx, d.c.Timeouts.Policy)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		return Policy{}, err
	}
	res, err := d.web.Do(req)
	if err != nil {
		return Policy{}, errors.New("its site does not answer with a certificate that verifies")
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK { // redirects are not followed: section 3.3
		return Policy{}, fmt.Errorf("its site answers %d", res.StatusCode)
	}
	if kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); kind != "text/plain" {
		return Policy{}, errors.New("it is not plain text")
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return Policy{}, errors.New("it cannot be read to its end")
	}
	return ParsePolicy(string(text))
}

// ParsePolicy reads the text of a policy (RFC 8461 section 3.2).
func ParsePolicy(text string) (Policy, error) {
	p := Policy{}
	seen := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			if line == "" {
				continue
			}
			return Policy{}, errors.New("a line is not a field")
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if key != "mx" && seen[key] { // of what must be there once, the first counts
			continue
		}
		seen[key] = true
		switch key {
		case "version":
			if value != "STSv1" {
				return Policy{}, errors.New("its version is not STSv1")
			}
		case "mode":
			p.Mode = value
		case "max_age":
			n, err := strconv.ParseUint(value, 10, 32)
			if err != nil {
				return Policy{}, errors.New("its max_age is not a number of seconds")
			}
			p.MaxAge = min(time.Duration(n)*time.Second, mostAge)
		case "mx":
			if value != "" && len(p.MX) < 200 {
				p.MX = append(p.MX, strings.ToLower(strings.TrimSuffix(value, ".")))
			}
		}
	}
	switch {
	case !seen["version"] || !seen["max_age"]:
		return Policy{}, errors.New("its version or max_age is missing")
	case p.Mode != "enforce" && p.Mode != "testing" && p.Mode != "none":
		return Policy{}, errors.New("its mode is none of enforce, testing, none")
	case p.Mode != "none" && len(p.MX) == 0:
		return Policy{}, errors.New("it names no server")
	}
	return p, nil
}
