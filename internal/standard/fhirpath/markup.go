package fhirpath

import (
	"encoding/xml"
	"strings"
)

// What a narrative may hold.
//
// Spec: https://hl7.org/fhir/R4/narrative.html#xhtml
const (
	allowedTags = ` a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var `
	allowedKeys = ` abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev rowspan rules scope shape span src start style summary tabindex title type valign value vspace width xmlns `
)

// htmlChecks says whether a narrative is XHTML with something in it and
// nothing that runs.
func htmlChecks(r *running, in Collection, _ []step) (Collection, error) {
	for i := range in {
		s, ok, err := onText(in[i : i+1])
		if err != nil {
			return nil, err
		}
		if ok && !narrative(s) {
			return r.bool(false)
		}
	}
	return r.bool(true)
}

func narrative(s string) bool {
	d := xml.NewDecoder(strings.NewReader(s))
	d.Entity = xml.HTMLEntity
	depth, filled, roots := 0, false, 0
	for {
		t, err := d.Token()
		if err != nil {
			return depth == 0 && roots == 1 && filled && d.InputOffset() == int64(len(s))
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
				if t.Name.Local != "div" || t.Name.Space != "" && t.Name.Space != "http://www.w3.org/1999/xhtml" {
					return false
				}
			}
			depth++
			if !allowed(t) || depth > 200 {
				return false
			}
			filled = filled || t.Name.Local == "img"
		case xml.EndElement:
			depth--
		case xml.CharData:
			if strings.TrimSpace(string(t)) != "" {
				if depth == 0 {
					return false
				}
				filled = true
			}
		case xml.Directive, xml.ProcInst:
			return false
		}
	}
}

func allowed(t xml.StartElement) bool {
	if !strings.Contains(allowedTags, " "+t.Name.Local+" ") {
		return false
	}
	for _, a := range t.Attr {
		if a.Name.Space == "" && !strings.Contains(allowedKeys, " "+a.Name.Local+" ") {
			return false
		}
		if link := strings.ToLower(strings.TrimSpace(a.Value)); strings.HasPrefix(link, "javascript:") {
			return false
		}
	}
	return true
}
