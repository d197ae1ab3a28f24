package fhirapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"hale/internal/care/summary"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// ccdCode is the LOINC code of a Continuity of Care Document.
const ccdCode = "34133-9"

// docref finds a patient's documents, and offers a CCD of the days that are
// asked for, made when it is fetched.
//
// Spec: http://hl7.org/fhir/us/core/STU6.1/OperationDefinition-docref.html
func (a *API) docref(c *Call) (Answer, error) {
	p, err := c.Parameters()
	if err != nil {
		return Answer{}, err
	}
	patient := strings.TrimPrefix(p.Text("patient"), "Patient/")
	if !fhir.ValidID(patient) {
		return Answer{}, refuse(http.StatusBadRequest, "required", "http.patient", "Say whose documents: patient=ID.")
	}
	w, err := between(p)
	if err != nil {
		return Answer{}, err
	}
	kind := docKind(p)
	var entries []any
	if p.Text("on-demand") != "true" {
		if entries, err = a.stable(c, patient, p, kind, w); err != nil {
			return Answer{}, err
		}
	}
	if kind == "" || strings.HasSuffix(kind, "|"+ccdCode) || kind == ccdCode {
		one, err := a.onDemand(c, patient, p, w)
		if err != nil {
			return Answer{}, err
		}
		entries = append(entries, one)
	}
	body, err := json.Marshal(map[string]any{"resourceType": "Bundle", "type": "searchset", "total": len(entries), "timestamp": a.Now().UTC().Format(time.RFC3339), "entry": entries})
	return Answer{Body: body}, err
}

// docKind is the type that is asked for: by an address system|code, in a body
// a CodeableConcept or Coding.
func docKind(p Parameters) (kind string) {
	p.Each("type", func(v fhir.Node, text string) {
		if codes := v.Codings(); len(codes) > 0 && codes[0].Code != "" {
			text = codes[0].System + "|" + codes[0].Code
		}
		if kind == "" {
			kind = text
		}
	})
	return kind
}

// stable returns the documents that the record has.
func (a *API) stable(c *Call, patient string, p Parameters, kind string, w summary.Window) ([]any, error) {
	pass, err := a.pass(c, "DocumentReference", smart.Search, patient)
	if err != nil {
		return nil, sameAsMissing(err)
	}
	q := url.Values{"patient": {patient}, "_count": {"100"}}
	if kind != "" {
		q.Set("type", kind)
	}
	if !w.From.IsZero() {
		q.Add("date", "ge"+p.Text("start"))
	}
	if !w.To.IsZero() {
		q.Add("date", "le"+p.Text("end"))
	}
	f, err := a.Record.Find(c.Context(), pass, "DocumentReference", q)
	if err != nil {
		return nil, sameAsMissing(err)
	}
	var list []any
	for _, r := range f.Matches {
		list = append(list, map[string]any{"fullUrl": a.Base + "/DocumentReference/" + r.ID, "resource": json.RawMessage(r.JSON()), "search": map[string]string{"mode": "match"}})
	}
	return list, nil
}

// onDemand returns a reference to a CCD that is made when it is fetched.
func (a *API) onDemand(c *Call, patient string, p Parameters, w summary.Window) (any, error) {
	if _, err := a.pass(c, "DocumentReference", smart.Read, patient); err != nil {
		return nil, sameAsMissing(err)
	}
	if _, err := a.gathered(c, patient, w, "Patient"); err != nil { // it is there, and may be seen
		return nil, err
	}
	now := a.Now().UTC().Format(time.RFC3339)
	q, period := url.Values{}, map[string]any{}
	for _, name := range []string{"start", "end"} {
		if text := p.Text(name); text != "" {
			q.Set(name, text)
			period[name] = text
		}
	}
	address := fmt.Sprintf("%s/Patient/%s/$ccd", a.Base, patient)
	if len(q) > 0 {
		address += "?" + q.Encode()
	}
	id := newUUID()
	doc := map[string]any{
		"resourceType": "DocumentReference", "id": id, "meta": map[string]any{"profile": []string{"http://hl7.org/fhir/us/core/StructureDefinition/us-core-documentreference"}},
		"identifier": []any{map[string]string{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:" + id}},
		"status":     "current", "type": map[string]any{"coding": []any{map[string]string{"system": "http://loinc.org", "code": ccdCode, "display": "Summary of episode note"}}},
		"category": []any{map[string]any{"coding": []any{map[string]string{"system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "code": "clinical-note", "display": "Clinical Note"}}}},
		"subject":  map[string]string{"reference": "Patient/" + patient}, "date": now, "author": []any{map[string]string{"display": a.Name}},
		"content": []any{map[string]any{
			"attachment": map[string]string{"contentType": "application/xml", "url": address, "title": "Continuity of Care Document", "creation": now},
			"format":     map[string]string{"system": "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode", "code": "urn:hl7-org:sdwg:ccda-structuredBody:2.1", "display": "C-CDA R2.1 structured body"},
		}},
	}
	if len(period) > 0 {
		doc["context"] = map[string]any{"period": period}
	}
	return map[string]any{"fullUrl": "urn:uuid:" + id, "resource": doc, "search": map[string]string{"mode": "match"}}, nil
}

// ccd makes the CCD of a patient's record, of the days from start to end.
//
// Spec: 45 CFR 170.315(g)(9)
func (a *API) ccd(c *Call) (Answer, error) {
	p, err := c.Parameters()
	if err != nil {
		return Answer{}, err
	}
	w, err := between(p)
	if err != nil {
		return Answer{}, err
	}
	if _, err := a.pass(c, "DocumentReference", smart.Read, c.ID); err != nil {
		return Answer{}, sameAsMissing(err)
	}
	content, err := a.gathered(c, c.ID, w)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Body: a.Summaries.CCD(content, newUUID()), Type: "application/xml; charset=utf-8"}, nil
}
