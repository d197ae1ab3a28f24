package mailreport

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/base/intake"
)

// row is a row of a DMARC report while it is read.
type row struct{ ip, count, done, dkim, spf string }

// readDMARC reads RFC 7489, appendix C, in the elements that say how much of
// what passed.
func readDMARC(plain []byte) (Report, error) {
	r := Report{Kind: DMARC}
	x := intake.NewXML(bytes.NewReader(plain), maxBody)
	var path []string
	var text strings.Builder
	var one row
	for {
		token, err := x.Token()
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err != nil {
			return Report{}, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			text.Reset()
			if len(path) == 2 && t.Name.Local == "record" {
				one = row{}
			}
		case xml.CharData:
			if text.Len() < 4*maxText {
				text.Write(t)
			}
		case xml.EndElement:
			r.element(path, strings.TrimSpace(text.String()), &one)
			text.Reset()
			if path = path[:len(path)-1]; len(path) == 1 && t.Name.Local == "record" {
				r.count(one)
			}
		}
	}
}

// element takes one element's text.
func (r *Report) element(path []string, text string, one *row) {
	if len(path) < 3 || path[0] != "feedback" {
		return
	}
	switch strings.Join(path[1:], "/") {
	case "report_metadata/org_name":
		r.Org = name(text)
	case "report_metadata/report_id":
		r.ID = name(text)
	case "report_metadata/date_range/begin":
		r.From = seconds(text)
	case "report_metadata/date_range/end":
		r.To = seconds(text)
	case "policy_published/domain":
		r.Domain = host(text)
	case "record/row/source_ip":
		one.ip = text
	case "record/row/count":
		one.count = text
	case "record/row/policy_evaluated/disposition":
		one.done = text
	case "record/row/policy_evaluated/dkim":
		one.dkim = text
	case "record/row/policy_evaluated/spf":
		one.spf = text
	}
}

// count adds a row: one of the two that passed is enough (RFC 7489, 3.1).
func (r *Report) count(one row) {
	n, err := strconv.ParseInt(one.count, 10, 64)
	if err != nil {
		return
	}
	if one.dkim == "pass" || one.spf == "pass" {
		r.Passed = count(r.Passed + count(n))
		return
	}
	r.Failed = count(r.Failed + count(n))
	if !slices.Contains([]string{"none", "quarantine", "reject"}, one.done) {
		one.done = "none"
	}
	r.add(Line{What: one.done, Peer: host(one.ip), N: count(n)})
}

// seconds reads a moment as seconds since 1970; zero where it is none.
func seconds(text string) time.Time {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || n > 1<<36 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
