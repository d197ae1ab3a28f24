package mailin_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/gateway/mailin"
	"hale/internal/haletest"
	"hale/internal/standard/mailreport"
	"hale/internal/store/db"
)

// tlsLetter is a mail with a report attached; mark is what a server that we trust
// found, or empty.
func tlsLetter(mark, id, domain string, failed int) string {
	body := fmt.Sprintf(`{"organization-name":"Town Mail","report-id":%q,"date-range":{"start-datetime":"2026-03-01T00:00:00Z","end-datetime":"2026-03-01T23:59:59Z"},
		"policies":[{"policy":{"policy-domain":%q},"summary":{"total-successful-session-count":40,"total-failure-session-count":%d},
		"failure-details":[{"result-type":"certificate-expired","receiving-mx-hostname":"mx.clinic.example","failed-session-count":%d}]}]}`, id, domain, failed, failed)
	return strings.ReplaceAll(mark+`From: tls@town.example
To: care@clinic.example
Subject: Report Domain: clinic.example
Content-Type: multipart/report; report-type=tlsrpt; boundary=x

--x
Content-Type: text/plain

A report.

--x
Content-Type: application/tlsrpt+json; name=r.json
Content-Disposition: attachment; filename=r.json
Content-Transfer-Encoding: base64

`+base64.StdEncoding.EncodeToString([]byte(body))+`
--x--
`, "\n", "\r\n")
}

// Reports about the clinic's own mail are kept once, the proven before what
// anybody may have written, until they are old; no person is told of them.
func TestReportsOfServers(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d, nil)
		const proof = "Authentication-Results: mx.clinic.example; dkim=pass header.d=town.example; dmarc=pass header.from=town.example\n"
		c.take(tlsLetter("", "r1", "clinic.example", 9), "tls@town.example", "care@clinic.example")
		c.take(tlsLetter(proof, "r1", "clinic.example", 2), "tls@town.example", "care@clinic.example")
		c.take(tlsLetter("", "r1", "clinic.example", 7), "tls@town.example", "care@clinic.example")
		c.take(tlsLetter("", "r2", "clinic.example", 1), "tls@town.example", "care@clinic.example")
		c.take(tlsLetter(proof, "r3", "other.example", 1), "tls@town.example", "care@clinic.example")
		pass := haletest.Everyone(t, d, access.RunOutreach)
		list, err := c.desk.Reports(t.Context(), pass, c.clock().AddDate(0, 0, -30), 10)
		c.must(err)
		if len(list) != 2 {
			t.Fatalf("%d reports, want r1 and r2: %+v", len(list), list)
		}
		byID := map[string]mailin.Told{}
		for _, x := range list {
			byID[x.ID] = x
		}
		one := byID["r1"]
		if one.Kind != mailreport.TLS || one.Org != "Town Mail" || one.Passed != 40 || one.Failed != 2 || !one.Proven || len(one.Lines) != 1 || one.Lines[0].Peer != "mx.clinic.example" {
			t.Errorf("r1 is %+v", one)
		}
		if byID["r2"].Proven {
			t.Error("r2 is proven by nothing")
		}
		if n := c.count(`select count(*) from mail_in where kind = 'report_tls' and state = 'done'`); n != 4 {
			t.Errorf("%d letters are done, want 4", n)
		}
		if n := c.count(`select count(*) from dialog`); n > 1 { // of the report about another domain
			t.Errorf("%d conversations", n)
		}
		c.later(401 * 24 * time.Hour)
		c.must(c.desk.Sweep(t.Context()))
		if n := c.count(`select count(*) from mail_report`); n != 0 {
			t.Errorf("%d reports are kept for good", n)
		}
	})
}
