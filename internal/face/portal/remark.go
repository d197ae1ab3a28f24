package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/result"
	"hale/internal/care/translation"
	"hale/internal/face/web"
	"hale/internal/record"
	"hale/internal/standard/fhir"
)

// remark is what somebody wrote about the results of one report.
type remark struct {
	Report   string // its id
	About    string // its title; empty where it is about this result alone
	By, Text string
	Reviewed bool // By has looked at the results
	Words    web.Words
}

// words are what it says, with a translation as far as there is one.
func (m remark) words(s sheet) web.Words {
	w := m.Words
	w.Text = s.T(m.Text)
	return w
}

// remarks returns the conclusions of the reports that res is in.
//
// Spec: https://hl7.org/fhir/R4/diagnosticreport-definitions.html#DiagnosticReport.conclusion
func (p *Portal) remarks(r *http.Request, pass access.Pass, res result.Result) ([]remark, error) {
	if p.Records == nil {
		return nil, nil
	}
	found, err := p.Records.Search(r.Context(), pass, "DiagnosticReport", url.Values{"result": {"Observation/" + res.ID}, "_count": {"5"}})
	if err != nil {
		return nil, err
	}
	words, err := p.translated(r, pass, translation.Report)
	if err != nil {
		return nil, err
	}
	var list []remark
	for _, report := range found.Resources {
		m, err := p.remark(r, pass, report)
		if err != nil {
			return nil, err
		}
		if m.Text != "" {
			m.Words = words.words(m.Report, m.Text)
			list = append(list, m)
		}
	}
	return list, nil
}

// remark returns what a report concludes; its Text is empty where it says
// nothing.
func (p *Portal) remark(r *http.Request, pass access.Pass, report record.Resource) (remark, error) {
	n, err := fhir.Parse(report.Body)
	if err != nil {
		return remark{}, fmt.Errorf("portal: report %s: %w", report.ID, err)
	}
	m := remark{Report: report.ID, Text: strings.TrimSpace(n.Get("conclusion").Text()), Reviewed: n.Get("resultsInterpreter").Exists()}
	if m.Text == "" {
		return m, nil
	}
	d, err := p.Documents.Read(r.Context(), pass, report.ID)
	if errs.KindOf(err) == errs.NotFound { // entered in error, or not for reading
		return remark{}, nil
	}
	if err != nil {
		return remark{}, err
	}
	if m.By = d.Author; several(n.Get("result")) {
		m.About = d.Title
	}
	return m, nil
}

func several(list fhir.Node) bool {
	n := 0
	for range list.Each() {
		n++
	}
	return n > 1
}

// reviewer returns who looked at a result, empty where the record does not
// say.
func reviewer(list []remark) string {
	for _, m := range list {
		if m.Reviewed && m.By != "" {
			return m.By
		}
	}
	return ""
}
