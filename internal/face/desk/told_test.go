package desk

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/face/web"
	"hale/internal/gateway/mailin"
	"hale/internal/standard/mailreport"
)

type told []mailin.Told

func (t told) Reports(_ context.Context, _ access.Pass, since time.Time, _ int) ([]mailin.Told, error) {
	var list []mailin.Told
	for _, x := range t {
		if x.To.After(since) {
			list = append(list, x)
		}
	}
	return list, nil
}

// What was reported is summed up in words, and each report stands with its day.
func TestTold(t *testing.T) {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	report := func(kind mailreport.Kind, passed, failed int64, lines ...mailreport.Line) mailin.Told {
		return mailin.Told{Report: mailreport.Report{Kind: kind, Org: "Mail of the Town", From: day, To: day.Add(24 * time.Hour), Passed: passed, Failed: failed, Lines: lines}, Proven: kind == mailreport.TLS}
	}
	chicago, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	d := &Desk{Config: Config{Site: web.NewSite(web.Clinic{Zone: chicago}, nil, slog.New(slog.DiscardHandler), func() time.Time { return day.AddDate(0, 0, 5) }, false)}}
	d.Mail.Reports = told{
		report(mailreport.TLS, 5326, 3, mailreport.Line{What: "certificate-expired", Peer: "mx1.clinic.example", N: 3}), report(mailreport.DMARC, 40, 0),
	}
	c, err := d.told(httptest.NewRequest("GET", "/desk/sender", nil), access.Pass{})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sums) != 2 || c.Sums[0].OK || !strings.HasPrefix(c.Sums[0].Words, "3 of 5,329 connections") || !c.Sums[1].OK || !strings.HasPrefix(c.Sums[1].Words, "All 40 messages") {
		t.Errorf("the sums are %+v", c.Sums)
	}
	want := []toldRow{
		{When: "Mar 1", Org: "Mail of the Town", What: "3 of 5,329 connections failed", Proven: true, Lines: []string{"3 at mx1.clinic.example: the certificate has expired"}},
		{When: "Mar 1", Org: "Mail of the Town", What: "40 messages in your name, all in order"},
	}
	if !reflect.DeepEqual(c.Rows, want) {
		t.Errorf("the rows are %+v, want %+v", c.Rows, want)
	}
}
