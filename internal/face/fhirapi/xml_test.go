package fhirapi_test

import (
	"strings"
	"testing"
)

func TestXML(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, ask := range [][]string{{"GET /Patient/maria?_format=xml"}, {"GET /Patient/maria", "Accept: application/fhir+xml"}, {"GET /Patient/maria", "Accept: application/json;q=0.5, text/xml"}} {
			a := w.want(200, "maria", ask[0], "", ask[1:]...)
			if a.header.Get("Content-Type") != "application/fhir+xml; charset=utf-8" || !strings.Contains(a.body, `<Patient xmlns="http://hl7.org/fhir"><id value="maria"/>`) {
				t.Errorf("%v = %s as %s", ask, a.body, a.header.Get("Content-Type"))
			}
		}
		if a := w.want(200, "maria", "GET /Condition?_format=xml", ""); !strings.Contains(a.body, `<resource><Condition><id value="flu"/>`) {
			t.Errorf("a search = %s", a.body)
		}
		if a := w.want(404, "maria", "GET /Condition/none?_format=xml", ""); !strings.Contains(a.body, "<OperationOutcome xmlns") {
			t.Errorf("an error = %s", a.body)
		}
		if a := w.want(200, "", "GET /metadata?_format=xml", ""); !strings.Contains(a.body, "<CapabilityStatement xmlns") {
			t.Errorf("metadata = %.300s", a.body)
		}
		a := w.want(200, "system", "PUT /Condition/flu", `<Condition xmlns="http://hl7.org/fhir"><id value="flu"/><code><text value="Grippe"/></code><subject><reference value="Patient/maria"/></subject></Condition>`, "Content-Type: application/fhir+xml")
		if a.at("code", "text") != "Grippe" {
			t.Errorf("written as XML = %s", a.body)
		}
		bad := w.want(400, "system", "PUT /Condition/flu", `<Condition xmlns="http://hl7.org/fhir"><shoe value="1"/></Condition>`, "Content-Type: application/fhir+xml")
		if bad.at("issue", 0, "expression", 0) != "Condition.shoe" {
			t.Errorf("a bad element = %s", bad.body)
		}
	})
}
