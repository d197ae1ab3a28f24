// Package mailreport reads what mail servers report about the mail of a
// domain: whether those who wrote to it could do so over TLS, and whether what
// was sent in its name proved to come from it.
//
// Spec: RFC 8460 (SMTP TLS Reporting), RFC 7489, 7.2 and appendix C (DMARC aggregate reports)
package mailreport

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"hale/internal/base/errs"
	"hale/internal/base/intake"
)

// Kind is what a report is about.
type Kind string

// The kinds.
const (
	TLS   Kind = "tls"   // connections to the domain's servers
	DMARC Kind = "dmarc" // messages in the domain's name
)

// Report is one report of one reporter about some hours, mostly a day.
type Report struct {
	Kind           Kind
	Org            string // who reports
	ID             string // by which the reporter knows it
	Domain         string // in lower case
	From, To       time.Time
	Passed, Failed int64 // connections, or messages
	Lines          []Line
}

// Line is what failed in one way at one peer.
type Line struct {
	What string `json:"what"` // a result type of RFC 8460, 4.3; or none, quarantine, reject: what was done with the messages
	Peer string `json:"peer"` // the server of the domain that was tried, or the address that sent in its name
	N    int64  `json:"n"`
}

// The bounds of a report.
const (
	maxBody  = 20 << 20 // bytes, unpacked
	maxLines = 200
	maxText  = 200 // runes of a name
	maxCount = 1 << 40
)

var (
	errNone  = errs.New(errs.Invalid, "This is no report about TLS or DMARC.")
	errLarge = errs.New(errs.Invalid, "This report is too large.")
)

// Read reads a report as it was attached: packed by gzip or ZIP, or plain. The
// error is of kind errs.Invalid where it is none.
func Read(body []byte) (Report, error) {
	plain, err := unpacked(body)
	if err != nil {
		return Report{}, err
	}
	plain = bytes.TrimSpace(bytes.TrimPrefix(plain, []byte("\ufeff")))
	var r Report
	switch {
	case bytes.HasPrefix(plain, []byte("{")):
		r, err = readTLS(plain)
	case bytes.HasPrefix(plain, []byte("<")):
		r, err = readDMARC(plain)
	default:
		err = errNone
	}
	if err != nil {
		return Report{}, err
	}
	if r.Org == "" || r.ID == "" || r.Domain == "" || r.From.IsZero() || r.To.Before(r.From) {
		return Report{}, errNone
	}
	return r, nil
}

func unpacked(body []byte) ([]byte, error) {
	budget := intake.Budget{Files: 4, Bytes: maxBody, Ratio: 200}
	var in io.Reader = bytes.NewReader(body)
	switch {
	case bytes.HasPrefix(body, []byte{0x1f, 0x8b}):
		r, err := intake.Gzip(in, budget)
		if err != nil {
			return nil, err
		}
		in = r
	case bytes.HasPrefix(body, []byte("PK\x03\x04")):
		a, err := intake.OpenArchive(bytes.NewReader(body), int64(len(body)), budget)
		if err != nil {
			return nil, err
		}
		if a.Len() != 1 {
			return nil, errNone
		}
		f, err := a.Open(0)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	plain, err := io.ReadAll(io.LimitReader(in, maxBody+1))
	if err == nil && len(plain) > maxBody {
		err = errLarge
	}
	return plain, err
}

// tlsReport is RFC 8460, 4.4.
type tlsReport struct {
	Org   string `json:"organization-name"`
	ID    string `json:"report-id"`
	Range struct {
		Start time.Time `json:"start-datetime"`
		End   time.Time `json:"end-datetime"`
	} `json:"date-range"`
	Policies []struct {
		Policy struct {
			Domain string `json:"policy-domain"`
		} `json:"policy"`
		Summary struct {
			Passed int64 `json:"total-successful-session-count"`
			Failed int64 `json:"total-failure-session-count"`
		} `json:"summary"`
		Failures []struct {
			What string `json:"result-type"`
			Host string `json:"receiving-mx-hostname"`
			IP   string `json:"receiving-ip"`
			N    int64  `json:"failed-session-count"`
		} `json:"failure-details"`
	} `json:"policies"`
}

func readTLS(plain []byte) (Report, error) {
	var t tlsReport
	if err := json.Unmarshal(plain, &t); err != nil {
		return Report{}, errNone.Because(err)
	}
	r := Report{Kind: TLS, Org: name(t.Org), ID: name(t.ID), From: t.Range.Start, To: t.Range.End}
	for _, p := range t.Policies {
		domain := host(p.Policy.Domain)
		if r.Domain == "" {
			r.Domain = domain
		}
		if domain != r.Domain {
			continue // one report is about one domain: RFC 8460, 4
		}
		r.Passed, r.Failed = r.Passed+count(p.Summary.Passed), r.Failed+count(p.Summary.Failed)
		for _, f := range p.Failures {
			r.add(Line{What: name(f.What), Peer: host(cmp.Or(f.Host, f.IP)), N: count(f.N)})
		}
	}
	return r, nil
}

// add counts a line to its like.
func (r *Report) add(l Line) {
	i := slices.IndexFunc(r.Lines, func(o Line) bool { return o.What == l.What && o.Peer == l.Peer })
	switch {
	case l.N == 0:
	case i >= 0:
		r.Lines[i].N = count(r.Lines[i].N + l.N)
	case len(r.Lines) < maxLines:
		r.Lines = append(r.Lines, l)
	}
}

// count bounds a number that somebody else wrote.
func count(n int64) int64 { return max(0, min(n, maxCount)) }

// name bounds a text that somebody else wrote to one short line.
func name(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if list := []rune(s); len(list) > maxText {
		s = strings.TrimSpace(string(list[:maxText]))
	}
	return s
}

func host(s string) string { return strings.TrimSuffix(strings.ToLower(name(s)), ".") }
