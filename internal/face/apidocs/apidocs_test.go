package apidocs

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hale/internal/face/web"
)

const statement = `{"resourceType":"CapabilityStatement","software":{"name":"Hale","version":"1"},"rest":[{
	"resource":[
		{"type":"Patient","interaction":[{"code":"read"},{"code":"search-type"}],"searchParam":[{"name":"name","type":"string"}],"operation":[{"name":"everything","documentation":"The whole record"}]},
		{"type":"Observation","interaction":[{"code":"read"},{"code":"vread"},{"code":"history-instance"},{"code":"create"},{"code":"update"},{"code":"patch"},{"code":"delete"}]}],
	"interaction":[{"code":"transaction"}],"operation":[{"name":"export"}]}]}`

// world is the pages before an API that says statement of itself, and one
// that says which path it was asked for.
func world(t *testing.T, lends bool) http.Handler {
	api := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(statement)) })
	c := Config{API: api, Base: "https://clinic.example", Site: web.NewSite(web.Clinic{Name: "Clinic", Zone: time.UTC}, nil, nil, time.Now, true)}
	if lends {
		c.Who = "maria"
		c.Try = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusGone)
			_, _ = w.Write([]byte(`{"asked":"` + r.URL.Path + `","q":"` + r.URL.Query().Get("code") + `"}`))
		})
	}
	return New(c).Handler()
}

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec
}

// The description has a path for what the server can do, and for nothing
// else; every operation has a name of its own.
func TestOpenAPI(t *testing.T) {
	rec := get(t, world(t, false), "/api/docs/openapi.json")
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil || doc.OpenAPI != "3.1.0" {
		t.Fatalf("openapi %q: %v", doc.OpenAPI, err)
	}
	seen := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, o := range methods {
			if o.OperationID == "" || seen[o.OperationID] {
				t.Errorf("%s %s has the id %q, want one of its own", method, path, o.OperationID)
			}
			seen[o.OperationID] = true
		}
	}
	for _, want := range []string{"get /Patient", "get /Patient/{id}", "post /Observation", "patch /Observation/{id}", "get /Observation/{id}/_history/{version}", "post /", "get /$export", "get /Patient/{id}/$everything", "get /metadata"} {
		method, path, _ := strings.Cut(want, " ")
		if _, ok := doc.Paths[path][method]; !ok {
			t.Errorf("there is no %s", want)
		}
	}
	for _, none := range []string{"post /Patient", "delete /Patient/{id}", "get /Observation", "get /_history"} {
		method, path, _ := strings.Cut(none, " ")
		if _, ok := doc.Paths[path][method]; ok {
			t.Errorf("there is %s, which the server does not do", none)
		}
	}
}

func TestPages(t *testing.T) {
	h := world(t, true)
	for path, want := range map[string]string{
		"/api/docs":             `href="/api/docs/Observation"`,
		"/api/docs/Observation": "GET /Observation/{id}/_history/{version}",
		"/api/docs/Patient":     "$everything",
		"/api/docs/try?q=/Observation?code=http://loinc.org%257C4548-4": "The answer: 410",
	} {
		rec := get(t, h, path)
		if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s: %d without %q", path, rec.Code, want)
		}
	}
	if body := get(t, h, "/api/docs/try?q=/Observation?code=a%26b").Body.String(); !strings.Contains(body, "/fhir/Observation") {
		t.Errorf("the trial asked for something else: %s", body)
	}
}

// Outside the demo nothing can be tried, and what is no address is refused.
func TestTryRefused(t *testing.T) {
	if rec := get(t, world(t, false), "/api/docs/try?q=/Patient"); rec.Code != http.StatusNotFound {
		t.Errorf("without a lender: %d, want 404", rec.Code)
	}
	for _, q := range []string{"", "Patient", "http://elsewhere.example/", "%01"} {
		if rec := get(t, world(t, true), "/api/docs/try?q="+q); rec.Code == http.StatusOK {
			t.Errorf("q=%q was tried", q)
		}
	}
}
