package fhirapi_test

import (
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.want(200, "maria", "GET /Condition/flu", "")
		if a.at("id") != "flu" || a.at("meta", "versionId") != "1" || a.header.Get("ETag") != `W/"1"` || a.header.Get("Last-Modified") == "" {
			t.Errorf("read = %s with %v", a.body, a.header)
		}
		if a.header.Get("Content-Type") != "application/fhir+json; charset=utf-8" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Request-Id") == "" {
			t.Errorf("read has headers %v", a.header)
		}
		if n := w.looks("maria"); n != 1 {
			t.Errorf("a read left %d audit rows, want 1", n)
		}
		w.want(304, "maria", "GET /Condition/flu", "", `If-None-Match: W/"1"`)
		w.want(200, "maria", "GET /Condition/flu", "", `If-None-Match: W/"2"`)
		w.want(304, "maria", "GET /Condition/flu", "", "If-Modified-Since: "+a.header.Get("Last-Modified"))
		w.want(200, "maria", "GET /Condition/flu", "", "If-Modified-Since: Sun, 01 Mar 2020 00:00:00 GMT")
		if a := w.want(200, "maria", "HEAD /Condition/flu", ""); a.body != "" || a.header.Get("Content-Length") == "" {
			t.Errorf("HEAD = %q with %v", a.body, a.header)
		}
		if a := w.want(200, "maria", "GET /Condition/flu?_pretty=true", "", "X-Request-Id: abc-1"); !strings.Contains(a.body, "\n  \"") || a.header.Get("X-Request-Id") != "abc-1" {
			t.Errorf("_pretty = %s", a.body)
		}
	})
}

// Not yours looks like not there: the same status, the same bytes.
func TestNotYoursLooksLikeNotThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, token := range []string{"maria", "helper"} {
			theirs, none := w.want(404, token, "GET /Condition/gout", ""), w.want(404, token, "GET /Condition/nowhere", "")
			if theirs.body != none.body {
				t.Errorf("%s: somebody else's is %s, what is not there %s", token, theirs.body, none.body)
			}
			if a := w.want(404, token, "GET /Patient/ben", ""); a.body != none.body {
				t.Errorf("%s: another patient is %s", token, a.body)
			}
			if a, b := w.want(200, token, "GET /Condition?patient=ben", ""), w.want(200, token, "GET /Condition?patient=nobody", ""); a.ids() != "" || b.ids() != "" || strings.ReplaceAll(a.body, "ben", "nobody") != b.body {
				t.Errorf("%s: a search of another's record is %s, of nobody's %s", token, a.body, b.body)
			}
		}
		w.want(200, "helper", "GET /Condition/flu", "")
		w.want(200, "nurse", "GET /Condition/gout", "")
		w.want(200, "reader", "GET /Condition/gout", "")
		w.want(200, "nurse", "GET /Practitioner/noor", "")
		w.want(200, "maria", "GET /Practitioner/noor", "")
	})
}

func TestWhoMay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.want(401, "", "GET /Condition/flu", "")
		if !strings.Contains(a.header.Get("WWW-Authenticate"), "resource_metadata=") || strings.Contains(a.header.Get("WWW-Authenticate"), "error=") {
			t.Errorf("without a token: %v", a.header)
		}
		if a := w.want(401, "stolen", "GET /Condition/flu", ""); !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("with a wrong token: %v", a.header)
		}
		if a := w.want(403, "narrow", "GET /Observation/lab", ""); !strings.Contains(a.header.Get("WWW-Authenticate"), `error="insufficient_scope"`) {
			t.Errorf("without the scope: %v", a.header)
		}
		w.want(200, "narrow", "GET /Condition/flu", "")
		w.want(200, "narrow", "GET /Patient/maria", "")
		w.want(403, "narrow", "GET /Patient?name=a", "")
		w.want(403, "nurse", "GET /Condition?code=x", "")
		w.want(403, "reader", "POST /Condition", flu)
		w.want(403, "writer", "PUT /Condition/flu", flu)
		w.want(200, "", "GET /metadata", "")
	})
}

func TestGranular(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if got := w.want(200, "granular", "GET /Observation?patient=maria", "").ids(); got != "Observation/lab" {
			t.Errorf("a granular scope finds %q, want the laboratory's alone", got)
		}
		w.want(200, "granular", "GET /Observation/lab", "")
		w.want(404, "granular", "GET /Observation/vital", "")
	})
}

func TestShapes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.want(200, "maria", "GET /Patient/maria?_summary=true", "")
		if a.at("birthDate") == nil || a.at("communication") != nil || a.at("meta", "tag", 0, "code") != "SUBSETTED" {
			t.Errorf("_summary=true = %s", a.body)
		}
		a = w.want(200, "maria", "GET /Observation/lab?_summary=true", "")
		if a.at("component", 0, "code") == nil || a.at("component", 0, "interpretation") != nil || a.at("valueQuantity") == nil || a.at("status") != "final" {
			t.Errorf("_summary=true = %s", a.body)
		}
		a = w.want(200, "maria", "GET /Observation/lab?_elements=valueQuantity,subject", "")
		if a.at("valueQuantity") == nil || a.at("status") == nil || a.at("code") == nil || a.at("category") != nil || a.at("id") != "lab" {
			t.Errorf("_elements = %s", a.body)
		}
		a = w.want(200, "maria", "GET /Observation?_elements=Observation.effective", "")
		if a.at("entry", 0, "resource", "effectiveDateTime") == nil || a.at("entry", 0, "resource", "category") != nil || a.at("entry", 0, "resource", "meta", "tag", 0, "code") != "SUBSETTED" {
			t.Errorf("_elements in a search = %s", a.body)
		}
		for _, form := range []string{"json", "application/json", "application/fhir%2Bjson", "application/fhir+json", "text/json"} {
			w.want(200, "maria", "GET /Patient/maria?_format="+form, "")
		}
		for _, accept := range []string{"application/fhir+json", "text/html, */*;q=0.1", "application/json; fhirVersion=4.0", "application/*"} {
			w.want(200, "maria", "GET /Patient/maria", "", "Accept: "+accept)
		}
		for _, form := range []string{"turtle", "html", "application/x"} {
			w.want(406, "maria", "GET /Patient/maria?_format="+form, "")
		}
		for _, accept := range []string{"text/turtle", "text/html", "application/json;q=0", "application/xml;q=0", "application/fhir+json; fhirVersion=3.0"} {
			w.want(406, "maria", "GET /Patient/maria", "", "Accept: "+accept)
		}
	})
}

func TestPacked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.want(200, "", "GET /metadata", "", "Accept-Encoding: gzip")
		z, err := gzip.NewReader(strings.NewReader(a.body))
		if err != nil || a.header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("gzip = %v, %v", err, a.header)
		}
		text, err := io.ReadAll(z)
		if err != nil || !strings.Contains(string(text), `"CapabilityStatement"`) {
			t.Errorf("unpacked = %.100s, %v", text, err)
		}
		if a := w.want(200, "", "GET /metadata", "", "Accept-Encoding: gzip;q=0"); a.header.Get("Content-Encoding") != "" {
			t.Errorf("who does not take gzip gets %v", a.header)
		}
	})
}

func TestOrigins(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if a := w.want(204, "", "OPTIONS /Patient/maria", "", "Origin: https://app.example", "Access-Control-Request-Method: GET"); a.header.Get("Access-Control-Allow-Origin") != "https://app.example" {
			t.Errorf("an app's page may not ask: %v", a.header)
		}
		if a := w.ask("maria", "GET /Patient/maria", "", "Origin: https://evil.example"); a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("a strange page may ask: %v", a.header)
		}
		if a := w.ask("", "GET /metadata", "", "Origin: https://evil.example"); a.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("a strange page may not see the capabilities: %v", a.header)
		}
	})
}
