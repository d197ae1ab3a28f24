package mailreport

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"reflect"
	"strings"
	"testing"
	"time"
)

const tlsText = `{"organization-name":"Mail of the Town","contact-info":"tls@town.example","report-id":"2026-11-20T00:00:00Z_clinic.example",
	"date-range":{"start-datetime":"2026-11-20T00:00:00Z","end-datetime":"2026-11-20T23:59:59Z"},
	"policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1"],"policy-domain":"Clinic.Example."},
		"summary":{"total-successful-session-count":5326,"total-failure-session-count":5},
		"failure-details":[{"result-type":"certificate-expired","receiving-mx-hostname":"mx1.clinic.example","failed-session-count":2},
			{"result-type":"certificate-expired","receiving-mx-hostname":"MX1.clinic.example.","failed-session-count":1},
			{"result-type":"starttls-not-supported","receiving-ip":"192.0.2.7","failed-session-count":2}]},
		{"policy":{"policy-domain":"other.example"},"summary":{"total-successful-session-count":9,"total-failure-session-count":9}}]}`

const dmarcText = `<?xml version="1.0" encoding="UTF-8"?>
<feedback><report_metadata><org_name>Mail of the Town</org_name><report_id>77</report_id><date_range><begin>1795132800</begin><end>1795219199</end></date_range></report_metadata>
<policy_published><domain>clinic.example</domain><p>none</p></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>40</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>clinic.example</header_from></identifiers></record>
<record><row><source_ip>198.51.100.9</source_ip><count>3</count><policy_evaluated><disposition>quarantine</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row></record>
</feedback>`

func zipped(t testing.TB, files ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, text := range files {
		f, err := w.Create("town!clinic.example!" + string(rune('a'+i)) + ".xml")
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRead(t *testing.T) {
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	aboutTLS := Report{
		Kind: TLS, Org: "Mail of the Town", ID: "2026-11-20T00:00:00Z_clinic.example", Domain: "clinic.example",
		From: day, To: day.Add(24*time.Hour - time.Second), Passed: 5326, Failed: 5,
		Lines: []Line{{"certificate-expired", "mx1.clinic.example", 3}, {"starttls-not-supported", "192.0.2.7", 2}},
	}
	aboutDMARC := Report{
		Kind: DMARC, Org: "Mail of the Town", ID: "77", Domain: "clinic.example", From: day, To: day.Add(24*time.Hour - time.Second), Passed: 40, Failed: 3,
		Lines: []Line{{"quarantine", "198.51.100.9", 3}},
	}
	for name, tt := range map[string]struct {
		body []byte
		want Report
	}{
		"TLS": {[]byte(tlsText), aboutTLS}, "TLS by gzip": {gzipped(t, tlsText), aboutTLS},
		"DMARC": {[]byte(dmarcText), aboutDMARC}, "DMARC by gzip": {gzipped(t, dmarcText), aboutDMARC}, "DMARC by ZIP": {zipped(t, dmarcText), aboutDMARC},
	} {
		got, err := Read(tt.body)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: Read = %+v, %v, want %+v", name, got, err, tt.want)
		}
	}
	for name, body := range map[string][]byte{
		"nothing": nil, "words": []byte("hello"), "another JSON": []byte(`{"a":1}`), "another XML": []byte(`<a><b/></a>`), "cut off": []byte(dmarcText[:300]),
		"no domain": []byte(strings.ReplaceAll(tlsText, `"policy-domain"`, `"x"`)), "a document type": []byte(`<!DOCTYPE a [<!ENTITY b "c">]>` + dmarcText),
		"a bomb": gzipped(t, "{"+strings.Repeat(" ", 30<<20)+"}"), "several files": zipped(t, dmarcText, dmarcText), "a broken file": gzipped(t, tlsText)[:60],
	} {
		if got, err := Read(body); err == nil {
			t.Errorf("%s: Read = %+v", name, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, b := range [][]byte{[]byte(tlsText), []byte(dmarcText), gzipped(f, tlsText), zipped(f, dmarcText), []byte("<feedback><record></record></feedback>")} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Read(b)
		if err != nil {
			return
		}
		if r.Domain == "" || r.Passed < 0 || r.Failed < 0 || len(r.Lines) > maxLines || len([]rune(r.Org)) > maxText {
			t.Errorf("Read(%q) = %+v", b, r)
		}
		for _, l := range r.Lines {
			if l.N <= 0 || strings.ContainsAny(l.What+l.Peer, "\n\r\x00") {
				t.Errorf("a line is %+v", l)
			}
		}
	})
}
