package fhirapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// badRequest is a request that is wrong in one way.
type badRequest struct {
	name, token, line, body string
	header                  string
	status                  int
	code, place             string // of the first issue; an empty place is not looked at
}

const (
	jsonPatchType = "Content-Type: application/json-patch+json"
	formType      = "Content-Type: application/x-www-form-urlencoded"
)

// badRequests are refused, each with its status and the place that is wrong.
var badRequests = []badRequest{
	{name: "no such type", token: "system", line: "GET /Monster/1", status: 404, code: "not-supported", place: "http.path"},
	{name: "a type in small letters", token: "system", line: "GET /patient/maria", status: 404, code: "not-supported"},
	{name: "an id too long", token: "system", line: "GET /Patient/" + strings.Repeat("x", 65), status: 400, code: "value", place: "http.path"},
	{name: "an id with a letter that ids have not", token: "system", line: "GET /Patient/a_b", status: 400, code: "value"},
	{name: "an id of spaces", token: "system", line: "GET /Patient/%20", status: 400, code: "value"},
	{name: "not there", token: "system", line: "GET /Patient/none", status: 404, code: "not-found"},
	{name: "too deep", token: "system", line: "GET /Patient/maria/a/b/c/d", status: 404, code: "not-supported"},
	{name: "a part that is none", token: "system", line: "GET /Patient/maria/_tags", status: 404, code: "not-supported"},
	{name: "a compartment that is none", token: "system", line: "GET /Practitioner/noor/Condition", status: 404, code: "not-supported"},
	{name: "a type that is in no compartment", token: "system", line: "GET /Patient/maria/Practitioner", status: 400, code: "not-supported", place: "http.path"},
	{name: "a version that is no number", token: "system", line: "GET /Patient/maria/_history/x", status: 404, code: "not-found"},
	{name: "a version that is not there", token: "system", line: "GET /Patient/maria/_history/7", status: 404, code: "not-found"},
	{name: "version 0", token: "system", line: "GET /Patient/maria/_history/0", status: 404, code: "not-found"},
	{name: "a version beyond numbers", token: "system", line: "GET /Patient/maria/_history/99999999999999999999", status: 404, code: "not-found"},
	{name: "a history that is written to", token: "system", line: "POST /Patient/maria/_history", body: "{}", status: 405, code: "not-supported"},
	{name: "an operation that is none", token: "system", line: "GET /Patient/$explode", status: 404, code: "not-supported"},
	{name: "an operation in the midst", token: "system", line: "GET /$explode/Patient", status: 404, code: "not-supported"},
	{name: "a method that is none", token: "system", line: "BREW /Patient/maria", status: 405, code: "not-supported"},
	{name: "POST to a resource", token: "system", line: "POST /Patient/maria", body: maria, status: 405, code: "not-supported"},
	{name: "DELETE of the capabilities", token: "system", line: "DELETE /metadata", status: 405, code: "not-supported"},
	{name: "PUT to the whole", token: "system", line: "PUT ", body: "{}", status: 405, code: "not-supported"},
	{name: "GET of _search", token: "system", line: "GET /Patient/_search", status: 405, code: "not-supported"},
	{name: "a mode that is none", token: "", line: "GET /metadata?mode=x", status: 400, code: "value", place: "http.mode"},
	{name: "no token", token: "", line: "GET /Patient/maria", status: 401, code: "login"},
	{name: "a token that is none", token: "zzz", line: "GET /Patient/maria", status: 401, code: "login"},
	{name: "no token, and an id that is none", token: "", line: "GET /Patient/nobody", status: 401, code: "login"},
	{name: "no token for a search", token: "", line: "GET /Patient?name=a", status: 401, code: "login"},
	{name: "no token for a write", token: "", line: "POST /Patient", body: "{", status: 401, code: "login"},
	{name: "another scheme", token: "", line: "GET /Patient/maria", header: "Authorization: Basic bWFyaWE6eA==", status: 401, code: "login"},
	{name: "a scope that is missing", token: "narrow", line: "GET /Observation/lab", status: 403, code: "forbidden"},
	{name: "a write by who may only read", token: "reader", line: "PUT /Patient/maria", body: maria, status: 403, code: "forbidden"},
	{name: "a write by a patient's app", token: "writer", line: "POST /Condition", body: flu, status: 403, code: "forbidden"},
	{name: "staff who name nobody", token: "nurse", line: "GET /Observation?code=1", status: 403, code: "forbidden", place: "http.patient"},
	{name: "a form that is none", token: "system", line: "GET /Patient/maria?_format=yaml", status: 406, code: "not-supported", place: "http._format"},
	{name: "an Accept that is none", token: "system", line: "GET /Patient/maria", header: "Accept: image/png", status: 406, code: "not-supported", place: "http.Accept"},
	{name: "_summary that is none", token: "system", line: "GET /Patient/maria?_summary=most", status: 400, code: "value", place: "http._summary"},
	{name: "_pretty that is none", token: "system", line: "GET /Patient/maria?_pretty=very", status: 400, code: "value", place: "http._pretty"},
	{name: "_summary=count of one", token: "system", line: "GET /Patient/maria?_summary=count", status: 400, code: "value"},
	{name: "an escape that is none", token: "system", line: "GET /Patient?name=%zz", status: 400, code: "invalid", place: "http.query"},
	{name: "a semicolon in the query", token: "system", line: "GET /Patient?a;b", status: 400, code: "invalid"},
	{name: "a date that is none", token: "system", line: "GET /Observation?date=soon", status: 400, code: "invalid", place: "http.date"},
	{name: "a prefix that is none", token: "system", line: "GET /Observation?date=zz2026", status: 400, code: "invalid", place: "http.date"},
	{name: "a modifier that is none", token: "system", line: "GET /Patient?name:loud=a", status: 400, code: "invalid", place: "http.name:loud"},
	{name: "a count that is none", token: "system", line: "GET /Patient?_count=many", status: 400, code: "invalid", place: "http._count"},
	{name: "a cursor that is none", token: "system", line: "GET /Patient?_cursor=x", status: 400, code: "invalid", place: "http._cursor"},
	{name: "a sort that is none", token: "system", line: "GET /Patient?_sort=shoe-size", status: 400, code: "invalid", place: "http._sort"},
	{name: "a parameter that is none, strictly", token: "system", line: "GET /Patient?shoe-size=44", header: "Prefer: handling=strict", status: 400},
	{name: "several types without their names", token: "system", line: "GET ?name=a", status: 400, code: "required", place: "http._type"},
	{name: "several types, one none", token: "system", line: "GET ?_type=Patient,Monster", status: 400, code: "value", place: "http._type"},
	{name: "a page of another search", token: "system", line: "GET ?_type=Patient&_cursor=Condition~", status: 400, code: "value", place: "http._cursor"},
	{name: "several types, a count that is none", token: "system", line: "GET ?_type=Patient&_count=x", status: 400, code: "value", place: "http._count"},
	{name: "a form of another sort", token: "system", line: "POST /Patient/_search", body: "{}", status: 415, code: "not-supported"},
	{name: "a form that cannot be read", token: "system", line: "POST /Patient/_search", body: "a=%zz", header: formType, status: 400, code: "invalid"},
	{name: "no JSON", token: "system", line: "POST /Patient", body: "hello", status: 400, code: "structure"},
	{name: "half a JSON", token: "system", line: "POST /Patient", body: `{"resourceType":"Patient","name":[`, status: 400, code: "structure", place: "Patient.name[0]"},
	{name: "a key twice", token: "system", line: "POST /Patient", body: `{"resourceType":"Patient","id":"a","id":"b"}`, status: 400, code: "structure"},
	{name: "no UTF-8", token: "system", line: "POST /Patient", body: "{\"resourceType\":\"\xff\"}", status: 400, code: "structure"},
	{name: "a list", token: "system", line: "POST /Patient", body: "[]", status: 400, code: "structure"},
	{name: "no body", token: "system", line: "POST /Patient", header: "Content-Type: application/fhir+json", status: 400, code: "structure"},
	{name: "no resourceType", token: "system", line: "POST /Patient", body: "{}", status: 400, code: "required", place: "resourceType"},
	{name: "another type", token: "system", line: "POST /Patient", body: flu, status: 400, code: "invalid", place: "resourceType"},
	{name: "another id", token: "system", line: "PUT /Patient/maria", body: ben, status: 400, code: "invalid", place: "Patient.id"},
	{name: "no id", token: "system", line: "PUT /Patient/maria", body: `{"resourceType":"Patient"}`, status: 400, code: "required", place: "Patient.id"},
	{name: "too deep a JSON", token: "system", line: "POST /Patient", body: strings.Repeat("[", 100_000), status: 400, code: "structure"},
	{name: "a body of another sort", token: "system", line: "POST /Patient", body: maria, header: "Content-Type: text/plain", status: 415, code: "not-supported", place: "http.Content-Type"},
	{name: "a body that is packed in another way", token: "system", line: "POST /Patient", body: maria, header: "Content-Encoding: br", status: 415, code: "not-supported", place: "http.Content-Encoding"},
	{name: "a body that is not packed", token: "system", line: "POST /Patient", body: maria, header: "Content-Encoding: gzip", status: 400, code: "structure"},
	{name: "a body that is too large", token: "system", line: "POST /Patient", body: `{"resourceType":"Patient","x":"` + strings.Repeat("x", 9<<20) + `"}`, status: 413, code: "too-costly"},
	{name: "If-Match that is none", token: "system", line: "PUT /Patient/maria", body: maria, header: "If-Match: W/\"x\"", status: 400, code: "value", place: "http.If-Match"},
	{name: "If-Match of another version", token: "system", line: "PUT /Patient/maria", body: maria, header: "If-Match: W/\"9\"", status: 412, code: "conflict", place: "http.If-Match"},
	{name: "If-None-Exist that is none", token: "system", line: "POST /Patient", body: maria, header: "If-None-Exist: %zz", status: 400, code: "value", place: "http.If-None-Exist"},
	{name: "PUT without an id or a search", token: "system", line: "PUT /Patient", body: maria, status: 412, code: "required"},
	{name: "DELETE without an id or a search", token: "system", line: "DELETE /Patient", status: 412, code: "required"},
	{name: "PATCH without an id or a search", token: "system", line: "PATCH /Patient", body: "[]", header: jsonPatchType, status: 412, code: "required"},
	{name: "a patch of another sort", token: "system", line: "PATCH /Patient/maria", body: "x", header: "Content-Type: application/xml-patch+xml", status: 415, code: "not-supported"},
	{name: "a patch that is no list", token: "system", line: "PATCH /Patient/maria", body: "{}", header: jsonPatchType, status: 400, code: "structure"},
	{name: "a patch that is no JSON", token: "system", line: "PATCH /Patient/maria", body: "{", header: jsonPatchType, status: 400, code: "structure"},
	{name: "a patch of what is not there", token: "system", line: "PATCH /Patient/maria", body: `[{"op":"remove","path":"/nope"}]`, header: jsonPatchType, status: 422, code: "processing"},
	{name: "a patch whose test fails", token: "system", line: "PATCH /Patient/maria", body: `[{"op":"test","path":"/gender","value":"male"}]`, header: jsonPatchType, status: 422, code: "processing"},
	{name: "a patch of the type", token: "system", line: "PATCH /Patient/maria", body: `[{"op":"replace","path":"/resourceType","value":"Group"}]`, header: jsonPatchType, status: 422, code: "processing"},
	{name: "a patch that makes another id", token: "system", line: "PATCH /Patient/maria", body: `[{"op":"replace","path":"/id","value":"ben"}]`, header: jsonPatchType, status: 422, code: "processing"},
	{name: "a patch of nobody", token: "system", line: "PATCH /Patient/none", body: `[]`, header: jsonPatchType, status: 404, code: "not-found"},
	{name: "a provenance that is none", token: "system", line: "PUT /Patient/maria", body: maria, header: "X-Provenance: {}", status: 400, code: "structure", place: "http.X-Provenance"},
	{name: "a provenance with a target", token: "system", line: "PUT /Patient/maria", body: maria, header: `X-Provenance: {"resourceType":"Provenance","target":[]}`, status: 400, code: "invalid", place: "http.X-Provenance"},
	{name: "a reference that is none", token: "system", line: "POST /Condition", body: `{"resourceType":"Condition","subject":{"reference":"nowhere"}}`, status: 422, code: "invalid", place: "Condition.subject.reference"},
	{name: "no bundle", token: "system", line: "POST ", body: maria, status: 400, code: "invalid", place: "resourceType"},
	{name: "a bundle of another sort", token: "system", line: "POST ", body: `{"resourceType":"Bundle","type":"collection"}`, status: 400, code: "value", place: "Bundle.type"},
	{name: "a bundle of no sort", token: "system", line: "POST ", body: `{"resourceType":"Bundle"}`, status: 400, code: "value", place: "Bundle.type"},
	{name: "entries that are no list", token: "system", line: "POST ", body: `{"resourceType":"Bundle","type":"batch","entry":{}}`, status: 400, code: "structure", place: "Bundle.entry"},
	{name: "an entry without a method", token: "system", line: "POST ", body: `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"url":"Patient"}}]}`, status: 400, code: "required", place: "Bundle.entry[0].request.method"},
	{name: "an entry without an address", token: "system", line: "POST ", body: `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET"}}]}`, status: 400, code: "value", place: "Bundle.entry[0].request.url"},
	{name: "an entry that leads away", token: "system", line: "POST ", body: `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"https://evil.example/Patient/1"}}]}`, status: 400, code: "value", place: "Bundle.entry[0].request.url"},
	{name: "an entry that reads what is not there", token: "system", line: "POST ", body: `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Patient/none"}}]}`, status: 404, code: "not-found", place: "Bundle.entry[0].request.url"},
	{name: "an entry of another type", token: "system", line: "POST ", body: `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":` + flu + `,"request":{"method":"POST","url":"Patient"}}]}`, status: 400, code: "invalid", place: "Bundle.entry[0].resource"},
	{name: "a second entry with a bad element", token: "system", line: "POST ", body: `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":` + maria + `,"request":{"method":"PUT","url":"Patient/maria"}},` +
		`{"resource":{"resourceType":"Condition","subject":{"reference":"nowhere"}},"request":{"method":"POST","url":"Condition"}}]}`, status: 422, code: "invalid", place: "Bundle.entry[1].resource.subject.reference"},
	{name: "a transaction by a patient's app", token: "writer", line: "POST ", body: `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":` + flu + `,"request":{"method":"POST","url":"Condition"}}]}`, status: 403, code: "forbidden"},
}

// What is wrong with a request is said with the status and the place.
func TestBadRequests(t *testing.T) {
	if len(badRequests) < 80 {
		t.Errorf("there are %d bad requests, want 80", len(badRequests))
	}
	each(t, func(t *testing.T, w *world) {
		for _, tt := range badRequests {
			t.Run(tt.name, func(t *testing.T) {
				var headers []string
				if tt.header != "" {
					headers = append(headers, tt.header)
				}
				a := w.ask(tt.token, tt.line, tt.body, headers...)
				if a.status != tt.status {
					t.Fatalf("%s = %d, want %d: %s", tt.line, a.status, tt.status, a.body)
				}
				if got := a.at("issue", 0, "code"); tt.code != "" && got != tt.code {
					t.Errorf("%s says %v, want %s: %s", tt.line, got, tt.code, a.body)
				}
				if got := a.at("issue", 0, "expression", 0); tt.place != "" && got != tt.place {
					t.Errorf("%s names %v, want %s: %s", tt.line, got, tt.place, a.body)
				}
				if problem := a.outcome(); problem != "" {
					t.Errorf("%s: %s: %s", tt.line, problem, a.body)
				}
			})
		}
	})
}

// outcome says what is wrong with an error's body: it has to be an
// OperationOutcome that says something.
func (a answer) outcome() string {
	if a.header.Get("Content-Type") != "application/fhir+json; charset=utf-8" {
		return "it is " + a.header.Get("Content-Type")
	}
	var o struct {
		ResourceType string
		Issue        []struct{ Severity, Code, Diagnostics string }
	}
	if err := json.Unmarshal([]byte(a.body), &o); err != nil {
		return err.Error()
	}
	if o.ResourceType != "OperationOutcome" || len(o.Issue) == 0 || o.Issue[0].Code == "" || o.Issue[0].Severity == "" || o.Issue[0].Diagnostics == "" {
		return "it is no OperationOutcome that says something"
	}
	if a.status >= http.StatusInternalServerError {
		return "it is our fault"
	}
	return ""
}
