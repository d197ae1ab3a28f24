package desk

import (
	"fmt"
	"net/http"
	"strconv"

	"hale/internal/access"
	"hale/internal/gateway/mailin"
	"hale/internal/standard/mailreport"
)

// toldCard is what other mail servers reported lately.
type toldCard struct {
	Sums []toldSum
	Rows []toldRow // the newest first
}

// toldSum is all that was reported about one matter.
type toldSum struct {
	Title, Words string
	OK           bool
}

// toldRow is one report.
type toldRow struct {
	When, Org, What string
	Proven          bool
	Lines           []string
}

// The reports that the page counts and lists.
const (
	toldDays = 30
	toldMost = 200
	toldRows = 30
)

// told reads what was reported in the last days.
func (d *Desk) told(r *http.Request, pass access.Pass) (*toldCard, error) {
	list, err := d.Mail.Reports.Reports(r.Context(), pass, d.Site.Now().AddDate(0, 0, -toldDays), toldMost)
	if err != nil || len(list) == 0 {
		return &toldCard{}, err
	}
	c := &toldCard{}
	for _, kind := range []mailreport.Kind{mailreport.TLS, mailreport.DMARC} {
		var passed, failed int64
		n := 0
		for _, t := range list {
			if t.Kind == kind {
				passed, failed, n = passed+t.Passed, failed+t.Failed, n+1
			}
		}
		if n > 0 {
			c.Sums = append(c.Sums, summed(kind, passed, failed, n))
		}
	}
	for _, t := range list[:min(len(list), toldRows)] {
		c.Rows = append(c.Rows, d.toldRow(t))
	}
	return c, nil
}

// summed says in words what reports came to.
func summed(kind mailreport.Kind, passed, failed int64, n int) toldSum {
	s := toldSum{Title: "Mail to you over TLS", OK: failed == 0}
	of := counted(n, "report", "reports") + " of the last " + strconv.Itoa(toldDays) + " days"
	all, bad := count(int(passed+failed)), count(int(failed))
	switch {
	case kind == mailreport.TLS && failed == 0:
		s.Words = fmt.Sprintf("All %s connections to your mail server were encrypted, by %s.", all, of)
	case kind == mailreport.TLS:
		s.Words = fmt.Sprintf("%s of %s connections to your mail server failed over TLS, by %s. Patients’ answers may come late or not at all: what failed stands below.", bad, all, of)
	case failed == 0:
		s.Title, s.Words = "Mail in your name", fmt.Sprintf("All %s messages in your name proved that they come from you, by %s.", all, of)
	default:
		s.Title, s.Words = "Mail in your name", fmt.Sprintf("%s of %s messages in your name did not prove that they come from you, by %s. Look at the addresses below: a service of yours that does not sign, or somebody who pretends to be you.", bad, all, of)
	}
	return s
}

func (d *Desk) toldRow(t mailin.Told) toldRow {
	row := toldRow{When: d.day(t.From.Add(t.To.Sub(t.From) / 2)), Org: t.Org, Proven: t.Proven}
	unit := "connections"
	if t.Kind == mailreport.DMARC {
		unit = "messages in your name"
	}
	if row.What = fmt.Sprintf("%s %s, all in order", count(int(t.Passed)), unit); t.Failed > 0 {
		row.What = fmt.Sprintf("%s of %s %s failed", count(int(t.Failed)), count(int(t.Passed+t.Failed)), unit)
	}
	for _, l := range t.Lines {
		words := tlsFailures[l.What]
		if t.Kind == mailreport.DMARC {
			words = map[string]string{"none": "and were delivered", "quarantine": "and went to junk", "reject": "and were refused"}[l.What]
		}
		if words == "" {
			words = l.What
		}
		row.Lines = append(row.Lines, fmt.Sprintf("%s at %s: %s", count(int(l.N)), l.Peer, words))
	}
	return row
}

// tlsFailures are the result types in words.
//
// Spec: RFC 8460, 4.3
var tlsFailures = map[string]string{
	"starttls-not-supported":    "your server did not offer TLS",
	"certificate-host-mismatch": "the certificate is for another name",
	"certificate-expired":       "the certificate has expired",
	"certificate-not-trusted":   "nobody they trust vouches for the certificate",
	"validation-failure":        "something else about TLS went wrong",
	"tlsa-invalid":              "the certificate is not the one that DNS names (DANE)",
	"dnssec-invalid":            "DNS could not be verified (DNSSEC)",
	"dane-required":             "DNS names no certificate, and they ask for one (DANE)",
	"sts-policy-fetch-error":    "the MTA-STS policy could not be fetched",
	"sts-policy-invalid":        "the MTA-STS policy cannot be read",
	"sts-webpki-invalid":        "the certificate does not fit the MTA-STS policy",
}
