package fhirapi_test

import (
	"testing"
)

// What names no patient as its owner may be somebody's all the same: one
// patient's app gets none of it, by no way.
func TestNobodysIsNotEverybodys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.put(`{"resourceType":"Group","id":"circle","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/ben","display":"Ben Alvarado"}}]}`,
			`{"resourceType":"Bundle","id":"doc","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"ben"}}]}`,
			`{"resourceType":"Linkage","id":"same","item":[{"type":"source","resource":{"reference":"Patient/ben"}}]}`,
			`{"resourceType":"AdverseEvent","id":"rash","actuality":"actual","subject":{"reference":"Patient/ben"}}`,
			`{"resourceType":"AdverseEvent","id":"hers","actuality":"actual","subject":{"reference":"Patient/maria"}}`,
			`{"resourceType":"SupplyRequest","id":"chair","deliverTo":{"reference":"Patient/ben"},"itemCodeableConcept":{"text":"wheelchair"},"quantity":{"value":1}}`,
			`{"resourceType":"Binary","id":"loose","contentType":"text/plain","data":"AAAA"}`,
			`{"resourceType":"Binary","id":"bens","contentType":"text/plain","data":"AAAA","securityContext":{"reference":"Patient/ben"}}`,
			`{"resourceType":"Binary","id":"letter","contentType":"text/plain","data":"AAAA"}`,
			`{"resourceType":"Binary","id":"secret","contentType":"text/plain","data":"AAAA"}`,
			`{"resourceType":"DocumentReference","id":"note","status":"current","subject":{"reference":"Patient/maria"},"content":[{"attachment":{"url":"Binary/letter"}}]}`,
			`{"resourceType":"DocumentReference","id":"psych","status":"current","subject":{"reference":"Patient/maria"},"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSY"}]},"content":[{"attachment":{"url":"Binary/secret"}}]}`)
		for _, token := range []string{"maria", "helper"} {
			for _, at := range []string{"Group/circle", "Bundle/doc", "Linkage/same", "AdverseEvent/rash", "SupplyRequest/chair", "Binary/loose", "Binary/bens"} {
				w.want(404, token, "GET /"+at, "")
				w.want(404, token, "GET /"+at+"/_history", "")
				w.want(404, token, "GET /"+at+"/_history/1", "")
			}
			for _, typ := range []string{"Group", "Bundle", "Linkage", "SupplyRequest"} {
				if a := w.want(200, token, "GET /"+typ+"?_total=accurate", ""); a.ids() != "" || a.at("total") != nil && a.at("total") != 0.0 {
					t.Errorf("%s finds %s of %v", token, a.ids(), a.at("total"))
				}
			}
			if a := w.want(200, token, "GET /Binary?_total=accurate", ""); token == "maria" && a.ids() != "Binary/letter Binary/secret" && a.ids() != "Binary/secret Binary/letter" {
				t.Errorf("%s finds %s", token, a.ids())
			}
			w.want(200, token, "GET /AdverseEvent/hers", "")
			w.want(200, token, "GET /Binary/letter", "")
			batch := `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Binary/bens"}}]}`
			if a := w.want(200, token, "POST /", batch); a.at("entry", 0, "response", "status") != "404 Not Found" {
				t.Errorf("%s: by a batch %s", token, a.body)
			}
		}
		w.want(200, "maria", "GET /Binary/secret", "") // labelled, and given by name
		w.want(404, "helper", "GET /Binary/secret", "")
		w.want(200, "nurse", "GET /Binary/letter", "")
		w.want(200, "reader", "GET /Group/circle", "")
		w.want(200, "reader", "GET /Binary/loose", "")
		w.want(400, "reader", "GET /Patient/maria/Group", "")
		if a := w.want(200, "reader", "GET /Patient/ben/AdverseEvent", ""); a.ids() != "AdverseEvent/rash" {
			t.Errorf("in a compartment are %s", a.ids())
		}
	})
}
