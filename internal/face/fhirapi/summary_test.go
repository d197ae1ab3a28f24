package fhirapi_test

import (
	"net/http"
	"strings"
	"testing"

	"hale/internal/standard/ccda"
	"hale/internal/standard/fhir"
)

// ofMaria is a record to make documents of.
var ofMaria = []string{
	`{"resourceType":"Patient","id":"maria","identifier":[{"system":"urn:mrn","value":"77"}],"name":[{"family":"Alvarez","given":["Maria"]}],"gender":"female","birthDate":"1961-04-27"}`,
	`{"resourceType":"Patient","id":"ben","name":[{"family":"Other"}],"gender":"male"}`,
	`{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/maria"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"coding":[{"system":"http://snomed.info/sct","code":"44054006"}],"text":"Type 2 diabetes"},"onsetDateTime":"2015"}`,
	`{"resourceType":"Observation","id":"o1","subject":{"reference":"Patient/maria"},"encounter":{"reference":"Encounter/none"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}],"text":"A1c"},"effectiveDateTime":"2025-01-02","valueQuantity":{"value":7.20,"unit":"%","system":"http://unitsofmeasure.org","code":"%"}}`,
	`{"resourceType":"DocumentReference","id":"d1","status":"current","subject":{"reference":"Patient/maria"},"type":{"coding":[{"system":"http://loinc.org","code":"11506-3"}]},"date":"2025-01-02T10:00:00Z","content":[{"attachment":{"contentType":"text/plain","data":"SGk="}}]}`,
}

func TestSummary(t *testing.T) {
	served(t, func(t *testing.T, w *world) {
		got := w.want(http.StatusOK, "maria", "GET /Patient/maria/$summary", "")
		n, err := fhir.Parse([]byte(got.body))
		if err != nil || n.Get("type").Text() != "document" || n.Get("entry", "resource", "resourceType").Text() != "Composition" {
			t.Fatalf("$summary = %.200s, %v", got.body, err)
		}
		if !strings.Contains(got.body, "Type 2 diabetes") || !strings.Contains(got.body, "7.20") || !strings.Contains(got.body, "no-allergy-info") {
			t.Errorf("$summary lacks what is known, or does not say what is not: %s", got.body)
		}
		checked := w.ask("maria", "POST /Bundle/$validate", got.body)
		if strings.Contains(checked.body, `"severity":"error"`) || strings.Contains(checked.body, `"severity":"fatal"`) {
			t.Errorf("$summary does not validate: %s", checked.body)
		}
		for _, refused := range []string{"GET /Patient/ben/$summary", "GET /Patient/none/$summary"} {
			if got := w.ask("maria", refused, ""); got.status < 400 || got.status >= 500 || strings.Contains(got.body, "Other") {
				t.Errorf("%s as Maria = %d %s", refused, got.status, got.body)
			}
		}
		if got := w.want(http.StatusOK, "narrow", "GET /Patient/maria/$summary", ""); strings.Contains(got.body, "A1c") || !strings.Contains(got.body, "Type 2 diabetes") {
			t.Errorf("an app with scopes for conditions alone reads %s", got.body)
		}
		if got := w.want(http.StatusOK, "reader", "GET /Patient/maria/$summary", ""); !strings.Contains(got.body, "Type 2 diabetes") {
			t.Errorf("a program for itself reads %s", got.body)
		}
		w.want(http.StatusOK, "reader", "GET /Patient/$summary?identifier=urn:mrn|77", "")
		w.want(http.StatusNotFound, "reader", "GET /Patient/$summary?identifier=urn:mrn|78", "")
		w.want(http.StatusUnauthorized, "", "GET /Patient/maria/$summary", "")
	}, ofMaria...)
}

func TestDocref(t *testing.T) {
	served(t, func(t *testing.T, w *world) {
		got := w.want(http.StatusOK, "maria", "GET /DocumentReference/$docref?patient=maria&start=2025-01-01&end=2025-12-31", "")
		n, err := fhir.Parse([]byte(got.body))
		if err != nil {
			t.Fatal(err)
		}
		address, stable := "", 0
		for e := range n.Get("entry").Each() {
			if e.Get("resource", "id").Text() == "d1" {
				stable++
			}
			if u := e.Get("resource", "content", "attachment", "url").Text(); u != "" {
				address = u
			}
		}
		if stable != 1 || address == "" {
			t.Fatalf("$docref = %s, want the note and a CCD on demand", got.body)
		}
		doc := w.want(http.StatusOK, "maria", "GET "+strings.TrimPrefix(address, base), "")
		if bad := ccda.Check(strings.NewReader(doc.body)); len(bad) > 0 || !strings.Contains(doc.body, "4548-4") || !strings.HasPrefix(doc.header.Get("Content-Type"), "application/xml") {
			t.Errorf("the CCD = %v, %s", bad, doc.header.Get("Content-Type"))
		}
		if got := w.want(http.StatusOK, "maria", "GET /Patient/maria/$ccd?start=2024-01-01&end=2024-12-31", ""); strings.Contains(got.body, "4548-4") {
			t.Error("a CCD of another year has the result")
		}
		if got := w.want(http.StatusOK, "maria", "GET /DocumentReference/$docref?patient=maria&on-demand=true", ""); strings.Contains(got.body, `"d1"`) {
			t.Errorf("on-demand alone = %s", got.body)
		}
		if got := w.want(http.StatusOK, "maria", "GET /DocumentReference/$docref?patient=maria&type=http://loinc.org|11506-3", ""); strings.Contains(got.body, "$ccd") || !strings.Contains(got.body, `"d1"`) {
			t.Errorf("another type = %s", got.body)
		}
		w.want(http.StatusBadRequest, "maria", "GET /DocumentReference/$docref", "")
		w.want(http.StatusBadRequest, "maria", "GET /DocumentReference/$docref?patient=maria&start=soon", "")
		w.want(http.StatusForbidden, "narrow", "GET /DocumentReference/$docref?patient=maria", "")
	}, ofMaria...)
}
