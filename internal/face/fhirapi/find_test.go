package fhirapi_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestEverything(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, line := range []string{"GET /Patient/maria/$everything", "GET /Patient/$everything"} {
			a := w.want(http.StatusOK, "maria", line, "")
			got := a.ids()
			if !strings.Contains(got, "Patient/maria") || !strings.Contains(got, "Observation/lab") || strings.Contains(got, "ben") || strings.Contains(got, "gout") {
				t.Errorf("%s shows %q", line, got)
			}
		}
		if got := w.want(http.StatusOK, "maria", "GET /Patient/maria/$everything?_type=Condition", "").ids(); got != "Condition/flu" {
			t.Errorf("of one type: %q", got)
		}
		w.want(http.StatusNotFound, "maria", "GET /Patient/ben/$everything", "")
		w.want(http.StatusBadRequest, "maria", "GET /Patient/maria/$everything?start=soon", "")
		seen := map[string]bool{}
		line := "GET /Patient/maria/$everything?_count=1"
		for pages := 0; line != "" && pages < 20; pages++ {
			a := w.want(http.StatusOK, "system", line, "")
			for _, id := range strings.Fields(a.ids()) {
				seen[id] = true
			}
			next := a.link("next")
			line = ""
			if next != "" {
				line = "GET " + strings.TrimPrefix(next, base)
			}
		}
		if !seen["Patient/maria"] || !seen["Observation/lab"] || !seen["Condition/flu"] {
			t.Errorf("pages show %v", seen)
		}
	})
}

func TestLastN(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.put(`{"resourceType":"Observation","id":"older","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}]},"subject":{"reference":"Patient/maria"},"effectiveDateTime":"1999-01-01"}`)
		got := w.want(http.StatusOK, "maria", "GET /Observation/$lastn?patient=maria", "").ids()
		if strings.Contains(got, "older") || !strings.Contains(got, "Observation/lab") {
			t.Errorf("the last of each: %q", got)
		}
		if got := w.want(http.StatusOK, "maria", "GET /Observation/$lastn?patient=maria&max=2", "").ids(); !strings.Contains(got, "older") {
			t.Errorf("the last two of each: %q", got)
		}
		w.want(http.StatusBadRequest, "maria", "GET /Observation/$lastn?patient=maria&max=0", "")
	})
}

func TestMatch(t *testing.T) {
	const ask = `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":{"resourceType":"Patient","identifier":[{"system":"http://mrn","value":"9"}],"name":[{"family":"Quill","given":["Ada"]}],"birthDate":"1960-05-06","gender":"female"}}CERTAIN]}`
	each(t, func(t *testing.T, w *world) {
		w.put(`{"resourceType":"Patient","id":"q1","identifier":[{"system":"http://mrn","value":"9"}],"name":[{"family":"Quill","given":["Ada"]}],"birthDate":"1960-05-06","gender":"female"}`,
			`{"resourceType":"Patient","id":"q2","identifier":[{"system":"http://mrn","value":"8"}],"name":[{"family":"Quill","given":["Ada"]}],"birthDate":"1960-05-06","gender":"female"}`,
			`{"resourceType":"Patient","id":"q3","name":[{"family":"Quill","given":["Zed"]}],"birthDate":"2001-01-01","gender":"male"}`)
		a := w.want(http.StatusOK, "system", "POST /Patient/$match", strings.Replace(ask, "CERTAIN", "", 1))
		if got := a.ids(); !strings.HasPrefix(got, "Patient/q1") || strings.Contains(got, "q3") {
			t.Errorf("candidates %q", got)
		}
		if a.at("entry", 0, "search", "extension", 0, "valueCode") != "certain" || a.at("entry", 1, "search", "extension", 0, "valueCode") == "certain" {
			t.Errorf("grades: %s", a.body)
		}
		certain := strings.Replace(ask, "CERTAIN", `,{"name":"onlyCertainMatches","valueBoolean":true}`, 1)
		if got := w.want(http.StatusOK, "system", "POST /Patient/$match", certain).ids(); got != "Patient/q1" {
			t.Errorf("only certain: %q", got)
		}
		w.want(http.StatusForbidden, "maria", "POST /Patient/$match", strings.Replace(ask, "CERTAIN", "", 1))
		w.want(http.StatusBadRequest, "system", "POST /Patient/$match", `{"resourceType":"Parameters"}`)
	})
}
