package fhirapi_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

const anna = `{"resourceType":"Patient","identifier":[{"system":"urn:mrn","value":"7"}],"name":[{"family":"Anders","given":["Anna"]}]}`

func TestCreate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.want(201, "system", "POST /Patient", anna)
		id, _ := a.at("id").(string)
		if id == "" || a.at("meta", "versionId") != "1" || a.header.Get("Location") != base+"/Patient/"+id+"/_history/1" || a.header.Get("ETag") != `W/"1"` || a.header.Get("Last-Modified") == "" {
			t.Errorf("create = %s with %v", a.body, a.header)
		}
		w.want(200, "reader", "GET /Patient/"+id, "")
		if a := w.want(201, "system", "POST /Patient", anna, "Prefer: return=minimal"); a.body != "" || a.header.Get("Location") == "" {
			t.Errorf("return=minimal = %q with %v", a.body, a.header)
		}
		if a := w.want(201, "system", "POST /Patient", anna, "Prefer: return=OperationOutcome"); a.at("resourceType") != "OperationOutcome" || a.at("issue", 0, "severity") != "information" {
			t.Errorf("return=OperationOutcome = %s", a.body)
		}
		bert := strings.ReplaceAll(anna, `"7"`, `"8"`)
		first := w.want(201, "system", "POST /Patient", bert, "If-None-Exist: identifier=urn:mrn|8")
		again := w.want(200, "system", "POST /Patient", bert, "If-None-Exist: identifier=urn:mrn|8")
		if first.at("id") != again.at("id") {
			t.Errorf("a conditional create makes %v again: %v", first.at("id"), again.at("id"))
		}
		w.want(412, "system", "POST /Patient", anna, "If-None-Exist: identifier=urn:mrn|7")
	})
}

func TestUpdate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.want(201, "system", "PUT /Patient/new", `{"resourceType":"Patient","id":"new","gender":"male"}`)
		a := w.want(200, "system", "PUT /Patient/maria", strings.ReplaceAll(maria, "1961-04-02", "1961-04-03"), `If-Match: W/"1"`)
		if a.at("meta", "versionId") != "2" || a.header.Get("ETag") != `W/"2"` {
			t.Errorf("update = %s with %v", a.body, a.header)
		}
		stale := w.want(412, "system", "PUT /Patient/maria", maria, `If-Match: W/"1"`)
		if stale.outcome() != "" {
			t.Errorf("a stale If-Match is %s", stale.body)
		}
		w.want(304, "maria", "GET /Patient/maria", "", `If-None-Match: W/"2"`)
		if a := w.want(200, "maria", "GET /Patient/maria/_history/1", ""); a.at("birthDate") != "1961-04-02" || a.header.Get("ETag") != `W/"1"` {
			t.Errorf("version 1 = %s", a.body)
		}
		w.want(404, "ben", "GET /Patient/maria/_history/1", "")
		w.want(200, "system", "PUT /Patient?birthdate=1961-04-03", strings.ReplaceAll(maria, "1961-04-02", "1961-04-04"))
		w.want(201, "system", "PUT /Patient?name=zorro", `{"resourceType":"Patient","name":[{"family":"Zorro"}]}`)
		w.want(412, "system", "PUT /Patient?name=al", `{"resourceType":"Patient"}`)
	})
}

func TestDelete(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.want(204, "system", "DELETE /Condition/flu", "")
		w.want(410, "maria", "GET /Condition/flu", "")
		w.want(410, "system", "GET /Condition/flu", "")
		w.want(404, "ben", "GET /Condition/flu", "")
		if got := w.want(200, "maria", "GET /Condition", "").ids(); got != "" {
			t.Errorf("what was deleted is found: %s", got)
		}
		w.want(200, "maria", "GET /Condition/flu/_history/1", "")
		w.want(410, "maria", "GET /Condition/flu/_history/2", "")
		w.want(204, "system", "DELETE /Condition/flu", "")
		w.want(204, "system", "DELETE /Condition/never", "")
		w.want(201, "system", "PUT /Condition/flu", flu)
		w.want(204, "system", "DELETE /Condition?_id=gout", "")
		w.want(410, "system", "GET /Condition/gout", "")
		w.want(412, "system", "DELETE /Observation?patient=maria", "")
		if a := w.want(200, "system", "DELETE /Observation/lab", "", "Prefer: return=OperationOutcome"); a.at("resourceType") != "OperationOutcome" {
			t.Errorf("delete with an outcome = %s", a.body)
		}
	})
}

func TestPatch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.want(200, "system", "PATCH /Patient/maria", `[{"op":"replace","path":"/birthDate","value":"1961-04-09"}]`, jsonPatchType, `If-Match: W/"1"`)
		if a.at("birthDate") != "1961-04-09" || a.at("meta", "versionId") != "2" {
			t.Errorf("JSON Patch = %s", a.body)
		}
		w.want(412, "system", "PATCH /Patient/maria", `[{"op":"remove","path":"/birthDate"}]`, jsonPatchType, `If-Match: W/"1"`)
		w.want(200, "system", "PATCH /Patient?_id=maria", `[{"op":"remove","path":"/birthDate"}]`, jsonPatchType)
		w.want(404, "system", "PATCH /Patient?_id=nobody", `[{"op":"remove","path":"/birthDate"}]`, jsonPatchType)
		a = w.want(200, "system", "PATCH /Patient/maria", `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[`+
			`{"name":"type","valueCode":"add"},{"name":"path","valueString":"Patient"},{"name":"name","valueString":"birthDate"},{"name":"value","valueDate":"1961-04-02"}]}]}`)
		if a.at("birthDate") != "1961-04-02" {
			t.Errorf("FHIRPath Patch = %s", a.body)
		}
	})
}

func TestHistory(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.want(200, "system", "PUT /Condition/flu", strings.ReplaceAll(flu, "Flu", "Grippe"))
		w.want(204, "system", "DELETE /Condition/flu", "")
		a := w.want(200, "maria", "GET /Condition/flu/_history", "")
		if a.at("type") != "history" || a.at("total") != 3.0 || a.at("entry", 0, "request", "method") != "DELETE" || a.at("entry", 0, "resource") != nil ||
			a.at("entry", 1, "response", "etag") != `W/"2"` || a.at("entry", 2, "request", "method") != "POST" && a.at("entry", 2, "request", "method") != "PUT" {
			t.Errorf("history = %s", a.body)
		}
		w.want(404, "ben", "GET /Condition/flu/_history", "")
		w.want(404, "maria", "GET /Condition/nowhere/_history", "")
		if got := w.want(200, "maria", "GET /Condition/_history", ""); strings.Contains(got.body, "gout") || !strings.Contains(got.body, "Grippe") {
			t.Errorf("a type's history = %s", got.body)
		}
		seen, next := 0, "/_history?_count=2"
		for next != "" && seen < 50 {
			a := w.want(200, "system", "GET "+next, "")
			entries, _ := a.at("entry").([]any)
			seen += len(entries)
			next = a.link("next")
		}
		if seen != 9 {
			t.Errorf("the whole history has %d versions, want 9", seen)
		}
		w.want(403, "nurse", "GET /_history", "")
	})
}

func TestBatch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.want(200, "system", "POST ", `{"resourceType":"Bundle","type":"batch","entry":[
			{"request":{"method":"GET","url":"Patient/maria"}},
			{"request":{"method":"GET","url":"Patient/nobody"}},
			{"request":{"method":"GET","url":"Condition?patient=maria"}},
			{"request":{"method":"GET","url":"Patient/maria","ifNoneMatch":"W/\"1\""}},
			{"resource":`+anna+`,"request":{"method":"POST","url":"Patient"}},
			{"resource":`+flu+`,"request":{"method":"POST","url":"Patient"}},
			{"request":{"method":"DELETE","url":"Condition/gout"}},
			{"resource":{"resourceType":"Binary","contentType":"application/json-patch+json","data":"`+base64.StdEncoding.EncodeToString([]byte(`[{"op":"remove","path":"/birthDate"}]`))+`"},"request":{"method":"PATCH","url":"Patient/ben"}},
			{"resource":`+maria+`,"request":{"method":"POST","url":""}}]}`)
		want := []string{"200", "404", "200", "304", "201", "400", "204", "200", "400"}
		for i, status := range want {
			got := fmt.Sprint(a.at("entry", i, "response", "status"))
			if !strings.HasPrefix(got, status) {
				t.Errorf("entry %d is %s, want %s: %v", i, got, status, a.at("entry", i))
			}
			if status >= "400" && a.at("entry", i, "response", "outcome", "resourceType") != "OperationOutcome" {
				t.Errorf("entry %d has no outcome: %v", i, a.at("entry", i))
			}
		}
		if a.at("type") != "batch-response" || a.at("entry", 0, "resource", "id") != "maria" || a.at("entry", 2, "resource", "type") != "searchset" ||
			a.at("entry", 4, "response", "location") == nil || a.at("entry", 0, "response", "etag") != `W/"1"` {
			t.Errorf("batch = %s", a.body)
		}
	})
}

func TestTransaction(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		bundle := `{"resourceType":"Bundle","type":"transaction","entry":[
			{"request":{"method":"GET","url":"Condition?code=new"}},
			{"fullUrl":"urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a","resource":` + anna + `,"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=urn:mrn|7"}},
			{"resource":{"resourceType":"Condition","code":{"coding":[{"code":"new"}]},"subject":{"reference":"urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"}},"request":{"method":"POST","url":"Condition"}},
			{"request":{"method":"DELETE","url":"Condition/gout"}}%s]}`
		a := w.want(200, "system", "POST ", fmt.Sprintf(bundle, ""))
		if a.at("type") != "transaction-response" || a.at("entry", 0, "resource", "entry", 0, "resource", "code", "coding", 0, "code") != "new" ||
			a.at("entry", 1, "response", "status") != "201 Created" || a.at("entry", 3, "response", "status") != "204 No Content" {
			t.Fatalf("transaction = %s", a.body)
		}
		where, _ := a.at("entry", 1, "response", "location").(string)
		patient, _, _ := strings.Cut(where, "/_history")
		if got := a.at("entry", 0, "resource", "entry", 0, "resource", "subject", "reference"); got != patient {
			t.Errorf("the reference became %v, want %s", got, patient)
		}
		w.want(410, "system", "GET /Condition/gout", "")
		bad := w.ask("system", "POST ", fmt.Sprintf(bundle, `,{"resource":{"resourceType":"Condition","id":"flu"},"request":{"method":"PUT","url":"Condition/other"}}`))
		if bad.status != 400 || bad.at("issue", 0, "expression", 0) != "Bundle.entry[4].resource.id" {
			t.Errorf("a transaction that is wrong = %d: %s", bad.status, bad.body)
		}
		if n := w.want(200, "system", "GET /Condition?code=new&_summary=count", "").at("total"); n != 1.0 {
			t.Errorf("a transaction that failed left %v conditions, want 1", n)
		}
	})
}

func TestBinary(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.want(201, "system", "POST /Binary", "hello", "Content-Type: text/plain", "X-Security-Context: Patient/maria", "Accept: application/fhir+json")
		id := fmt.Sprint(a.at("id"))
		if a := w.want(200, "maria", "GET /Binary/"+id, ""); a.body != "hello" || a.header.Get("Content-Type") != "text/plain" {
			t.Errorf("binary = %q as %s", a.body, a.header.Get("Content-Type"))
		}
		if a := w.want(200, "maria", "GET /Binary/"+id, "", "Accept: application/fhir+json"); a.at("data") != "aGVsbG8=" {
			t.Errorf("binary as FHIR = %s", a.body)
		}
		w.want(404, "ben", "GET /Binary/"+id, "")
		w.want(201, "system", "PUT /Binary/one", `{"resourceType":"Binary","id":"one","contentType":"image/png","data":"AAAA"}`)
	})
}

func TestProvenanceHeader(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		header := `X-Provenance: {"resourceType":"Provenance","recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"display":"Lab"}}]}`
		a := w.want(201, "system", "POST /Condition", flu[:len(flu)-1]+`,"note":[{"text":"x"}]}`, header)
		id := fmt.Sprint(a.at("id"))
		found := w.want(200, "system", "GET /Provenance?target=Condition/"+id, "")
		if got := found.at("entry", 0, "resource", "target", 0, "reference"); got != "Condition/"+id {
			t.Errorf("the provenance leads to %v, want Condition/%s: %s", got, id, found.body)
		}
	})
}
