package fhirapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirxml"
)

// shape is the form in which an answer is wanted.
type shape struct {
	xml      bool
	indent   bool
	summary  string   // true, text, data or count; empty for all
	elements []string // these alone, beside what has to be there
}

// prefer is what the Prefer header asks for.
//
// Spec: https://hl7.org/fhir/R4/http.html#ops and RFC 7240
type prefer struct {
	give    string // minimal, representation or OperationOutcome
	strict  bool   // refuse a search parameter that is not known
	lenient bool
	async   bool
}

// control are the parameters that shape any answer.
var control = []string{"_format", "_pretty", "_summary", "_elements"}

// readShape reads the parameters and headers that shape the answer, and takes
// them out of the query.
func (c *Call) readShape() error {
	c.readPrefer()
	q := c.Query
	format := q.Get("_format")
	if err := c.shape.acceptable(c.Request, format); err != nil {
		return err
	}
	if len(q) == 0 {
		return nil
	}
	switch v := q.Get("_pretty"); v {
	case "", "false":
	case "true":
		c.shape.indent = true
	default:
		return refuse(http.StatusBadRequest, "value", "http._pretty", "_pretty is true or false.")
	}
	switch v := q.Get("_summary"); v {
	case "", "false":
	case "true", "text", "data", "count":
		c.shape.summary = v
	default:
		return refuse(http.StatusBadRequest, "value", "http._summary", "_summary is one of true, text, data, count and false.")
	}
	for _, list := range q["_elements"] {
		for one := range strings.SplitSeq(list, ",") {
			if one = strings.TrimSpace(one); one != "" && !slices.Contains(c.shape.elements, one) {
				c.shape.elements = append(c.shape.elements, one)
			}
		}
	}
	return nil
}

// criteria returns q without what only shapes the answer.
func criteria(q url.Values) url.Values {
	if !slices.ContainsFunc(control, q.Has) {
		return q
	}
	out := make(url.Values, len(q))
	for k, v := range q {
		if !slices.Contains(control, k) {
			out[k] = v
		}
	}
	return out
}

func (c *Call) readPrefer() {
	for _, line := range c.Request.Header["Prefer"] {
		for one := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ',' || r == ';' }) {
			switch one = strings.ReplaceAll(strings.TrimSpace(one), `"`, ""); one {
			case "return=minimal", "return=representation", "return=OperationOutcome":
				c.prefer.give = strings.TrimPrefix(one, "return=")
			case "handling=strict":
				c.prefer.strict = true
			case "handling=lenient":
				c.prefer.lenient = true
			case "respond-async":
				c.prefer.async = true
			}
		}
	}
}

// errNotAcceptable refuses the forms that are not written here.
var errNotAcceptable = refuse(http.StatusNotAcceptable, "not-supported", "http.Accept", "We answer in JSON or XML: application/fhir+json, application/fhir+xml.")

// acceptable finds the form that the client takes, JSON where both will do.
// _format goes before the header.
//
// Spec: https://hl7.org/fhir/R4/http.html#mime-type
func (s *shape) acceptable(r *http.Request, format string) error {
	if format != "" {
		format = strings.ReplaceAll(format, " ", "+") // a + that an address made a space
		if s.xml = isXML(format); s.xml || isJSON(format) {
			return nil
		}
		p := *errNotAcceptable
		p.Issues = []Issue{{Code: "not-supported", Place: "http._format", Text: errNotAcceptable.Issues[0].Text}}
		return &p
	}
	lines := r.Header["Accept"]
	if len(lines) == 0 || len(lines) == 1 && (lines[0] == "application/fhir+json" || lines[0] == "*/*") {
		return nil
	}
	best := 0.0
	for _, line := range lines {
		for one := range strings.SplitSeq(line, ",") {
			if xml, q := form(one); q > best {
				s.xml, best = xml, q
			}
		}
	}
	if best == 0 {
		s.xml = false
		return errNotAcceptable
	}
	return nil
}

// form reads one part of an Accept header: whether it asks for XML, and how
// much it is wanted, 0 for not at all.
func form(one string) (xml bool, q float64) {
	media, params, _ := strings.Cut(one, ";")
	switch media = strings.ToLower(strings.TrimSpace(media)); {
	case media == "", media == "*/*", media == "application/*", isJSON(media), strings.HasSuffix(media, "ndjson"):
	case isXML(media):
		xml = true
	default:
		return false, 0
	}
	q = 1
	for p := range strings.SplitSeq(params, ";") {
		key, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		v = strings.Trim(v, `"`)
		switch {
		case strings.EqualFold(key, "q"):
			if f, err := strconv.ParseFloat(v, 64); err == nil && f >= 0 && f <= 1 {
				q = f
			}
		case strings.EqualFold(key, "fhirVersion") && v != "4.0" && v != "4.0.1":
			return false, 0
		}
	}
	return xml, q
}

// isJSON says whether a media type, or its short word, is FHIR's JSON.
func isJSON(media string) bool {
	switch bareType(media) {
	case "json", "application/json", "application/fhir+json", "application/json+fhir", "text/json":
		return true
	}
	return false
}

// isXML says whether a media type, or its short word, is FHIR's XML.
func isXML(media string) bool {
	switch bareType(media) {
	case "xml", "application/xml", "application/fhir+xml", "application/xml+fhir", "text/xml":
		return true
	}
	return false
}

// bareType is a media type without its parameters.
func bareType(media string) string {
	media, _, _ = strings.Cut(media, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// formed returns out as XML, where that is wanted.
func (a *API) formed(c *Call, out Answer) Answer {
	if !c.shape.xml || out.Body == nil || out.Type != "" {
		return out
	}
	n, err := fhir.Parse(out.Body)
	if err == nil {
		var text []byte
		if text, err = fhirxml.Encode(nil, n); err == nil {
			out.release()
			out.Body, out.Type = text, fhirxml.MediaType
			return out
		}
	}
	c.shape.xml = false
	return a.failed(c, refuse(http.StatusNotAcceptable, "not-supported", placeOf(err), "This has elements that XML cannot show. Ask for JSON."))
}

// placeOf is where a resource cannot be written or read as XML.
func placeOf(err error) string {
	if e, ok := errors.AsType[*fhirxml.ShapeError](err); ok {
		return e.Path
	}
	return ""
}

// fromXML returns the JSON of a body that came as XML.
func fromXML(body []byte) ([]byte, error) {
	out, err := fhirxml.Decode(body)
	if err == nil {
		return out, nil
	}
	p := refuse(http.StatusBadRequest, "structure", placeOf(err), "The body is not the XML of FHIR.")
	if e, ok := errors.AsType[*fhirxml.ShapeError](err); ok {
		p.Issues[0].Text = "The body is not the XML of FHIR: " + e.Reason + "."
	}
	return nil, p
}

// pretty returns body with line breaks, where they are wanted.
func (s shape) pretty(body []byte) []byte {
	if !s.indent || len(body) == 0 {
		return body
	}
	var b bytes.Buffer
	if err := json.Indent(&b, body, "", "  "); err != nil {
		return body
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// sent checks that the body of a write is FHIR's JSON or XML.
func sent(c *Call) error {
	media := c.Header("Content-Type")
	if media == "" && c.inside || isJSON(media) || isXML(media) {
		return nil
	}
	return refuse(http.StatusUnsupportedMediaType, "not-supported", "http.Content-Type", "Send JSON or XML: Content-Type: application/fhir+json.")
}
