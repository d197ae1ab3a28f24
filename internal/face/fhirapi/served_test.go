package fhirapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// named is an operation of the capabilities.
type named struct{ Name string }

// A whole Hale answers what its capabilities say: each operation is at its
// address, and what is written over HTTP is found over HTTP.
func TestServed(t *testing.T) {
	served(t, func(t *testing.T, w *world) {
		statement := w.want(200, "", "GET /metadata", "")
		if !strings.Contains(statement.body, "/SubscriptionTopic/results") {
			t.Error("the capabilities name no topics of subscriptions")
		}
		operations := 0
		var said struct {
			Rest []struct {
				Operation []named
				Resource  []struct {
					Type      string
					Operation []named
				}
			}
		}
		if err := json.Unmarshal([]byte(statement.body), &said); err != nil {
			t.Fatal(err)
		}
		places := map[string][]named{"": said.Rest[0].Operation}
		for _, r := range said.Rest[0].Resource {
			if slices.Contains([]string{"Patient", "ValueSet", "CodeSystem", "Observation", "Group", "DocumentReference"}, r.Type) {
				places["/"+r.Type] = r.Operation
			}
		}
		for at, list := range places {
			for _, o := range list {
				name := o.Name
				operations++
				lines := []string{"POST " + at + "/$" + name, "POST " + at + "/maria/$" + name}
				status := 0
				for _, line := range lines {
					a := w.ask("system", line, `{"resourceType":"Parameters"}`)
					if a.at("issue", 0, "code") != "not-supported" || a.at("issue", 0, "expression", 0) != "http.path" {
						status = a.status
					}
					if a.status >= 500 {
						t.Errorf("%s = %d: %s", line, a.status, a.body)
					}
				}
				if status == 0 {
					t.Errorf("$%s of %q is in the capabilities and nowhere else", name, at)
				}
			}
		}
		t.Logf("%d operations", operations)
		if operations < 5 {
			t.Errorf("the capabilities have %d operations, want some", operations)
		}
		a := w.want(200, "system", "POST ", `{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0","resource":`+anna+`,"request":{"method":"POST","url":"Patient"}},`+
			`{"resource":{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"},"valueQuantity":{"value":70}},"request":{"method":"POST","url":"Observation"}}]}`)
		where, _, _ := strings.Cut(fmt.Sprint(a.at("entry", 0, "response", "location")), "/_history")
		if got := w.want(200, "reader", "GET /Observation?subject="+where, "").ids(); !strings.HasPrefix(got, "Observation/") {
			t.Errorf("what a transaction wrote is found as %q", got)
		}
		w.want(200, "reader", "GET /"+where+"/_history", "")
		w.want(404, "maria", "GET /"+where, "")
		if a := w.want(200, "reader", "GET /Observation?patient=maria&_include=Observation:subject&_total=accurate", ""); !strings.Contains(a.body, `"mode":"include"`) || a.at("total") == nil {
			t.Errorf("a search with what belongs to it = %s", a.body)
		}
		if a := w.ask("", "GET /.well-known/smart-configuration", ""); a.status != 200 || a.at("token_endpoint") == nil {
			t.Errorf("the way in is %d: %s", a.status, a.body)
		}
	}, maria, ben, noor, lab, vital, flu, gout)
}
