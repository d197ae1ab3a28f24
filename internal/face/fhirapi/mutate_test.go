package fhirapi_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hale/internal/face/fhirapi"
)

// wire is a request as it is sent.
type wire struct {
	method, address, body string
	header                http.Header
}

func (w wire) String() string {
	return fmt.Sprintf("%s %q %v %.300q", w.method, w.address, w.header, w.body)
}

// interactions are right requests of every sort, to be spoilt.
func interactions() []wire {
	js, form := "application/fhir+json", "application/x-www-form-urlencoded"
	list := []wire{
		{method: "GET", address: "/Patient/maria"}, {method: "GET", address: "/Observation/lab?_summary=true&_pretty=true"},
		{method: "GET", address: "/Patient/maria/_history/1"}, {method: "GET", address: "/Patient/maria/_history?_count=2&_since=2026-01-01T00:00:00Z"},
		{method: "GET", address: "/Observation/_history?_count=3"}, {method: "GET", address: "/_history"},
		{method: "GET", address: "/Observation?patient=maria&code=http://loinc.org|4548-4&date=ge2026-01-01&_sort=-date&_count=2"},
		{method: "GET", address: "/Observation?value-quantity=gt5|http://unitsofmeasure.org|%25&_include=Observation:subject&_total=accurate"},
		{method: "GET", address: "/Patient?name:contains=alv&birthdate=1961&gender:not=male&_elements=name,birthDate&_revinclude=Observation:subject"},
		{method: "GET", address: "/Patient?_has:Observation:patient:code=4548-4&_lastUpdated=gt2020"},
		{method: "GET", address: "/Condition?subject:Patient.name=alv&_summary=count"},
		{method: "GET", address: "/Patient/maria/Condition?_format=json"}, {method: "GET", address: "?_type=Patient,Condition&_count=2"},
		{method: "POST", address: "/Observation/_search", body: "patient=maria&code=8867-4", header: http.Header{"Content-Type": {form}}},
		{method: "POST", address: "/Condition", body: flu, header: http.Header{"Content-Type": {js}, "If-None-Exist": {"code=flu"}, "Prefer": {"return=representation"}}},
		{method: "PUT", address: "/Observation/lab", body: lab, header: http.Header{"Content-Type": {js}, "If-Match": {`W/"1"`}}},
		{method: "PUT", address: "/Patient?name=alv", body: maria, header: http.Header{"Content-Type": {js}}},
		{method: "PATCH", address: "/Patient/maria", body: `[{"op":"test","path":"/gender","value":"female"},{"op":"replace","path":"/birthDate","value":"1961-04-03"},{"op":"add","path":"/name/0/given/-","value":"X"}]`, header: http.Header{"Content-Type": {"application/json-patch+json"}}},
		{method: "PATCH", address: "/Patient/maria", body: `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.birthDate"},{"name":"value","valueDate":"1961-04-02"}]}]}`, header: http.Header{"Content-Type": {js}}},
		{method: "DELETE", address: "/Observation/vital"}, {method: "DELETE", address: "/Condition?code=flu"},
		{method: "POST", address: "", body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/maria"}},{"resource":` + flu + `,"request":{"method":"PUT","url":"Condition/flu"}},{"request":{"method":"DELETE","url":"Condition/x"}}]}`, header: http.Header{"Content-Type": {js}}},
		{method: "POST", address: "", body: `{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:1e0f","resource":` + maria + `,"request":{"method":"PUT","url":"Patient/maria"}},{"resource":{"resourceType":"Condition","subject":{"reference":"urn:uuid:1e0f"}},"request":{"method":"POST","url":"Condition","ifNoneExist":"code=gone"}},{"request":{"method":"GET","url":"Condition?patient=maria"}}]}`, header: http.Header{"Content-Type": {js}}},
		{method: "POST", address: "/Binary", body: "hello", header: http.Header{"Content-Type": {"text/plain"}, "X-Security-Context": {"Patient/maria"}}},
		{method: "PUT", address: "/Condition/flu", body: flu, header: http.Header{"Content-Type": {js}, "X-Provenance": {`{"resourceType":"Provenance","recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"display":"x"}}]}`}}},
		{method: "GET", address: "/metadata?mode=full"}, {method: "OPTIONS", address: "/Patient/maria"}, {method: "HEAD", address: "/Patient/maria"},
		{method: "POST", address: "/Patient/$validate", body: maria, header: http.Header{"Content-Type": {js}}},
		{method: "GET", address: "/Patient/maria/$everything?_count=3"}, {method: "GET", address: "/Observation/$lastn?patient=maria&max=2"},
		{method: "GET", address: "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender"},
		{method: "GET", address: "/CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=female"},
	}
	return list
}

// junk are words that break parsers.
var junk = []string{
	"", " ", "\x00", "'", "\"", "\\", "%", "%00", "%ff", "|", "||", ",", ":", "::", "/", "//", "..", "../", "?", "&", "=", ";", "$", "{", "}", "[", "]", "null", "true", "-1", "0", "1e999", "99999999999999999999",
	"\u202e", "é", "\xff\xfe", "<script>", "${x}", "{{x}}", "' or 1=1 --", "_has:", "_include=*", "_cursor=AAAA", "urn:uuid:", "Patient/", "Patient?", "#", "http://", "2026-13-45", "T", "\n", "\r\nX: y", "0.0000000000001", strings.Repeat("a", 300), strings.Repeat("(", 200), strings.Repeat("{\"a\":", 80),
}

// spoil changes a right request in one to three ways.
func spoil(rng *rand.Rand, w wire) wire {
	w.header = w.header.Clone()
	for range 1 + rng.IntN(3) {
		switch rng.IntN(9) {
		case 0:
			w.method = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"}[rng.IntN(9)]
		case 1, 2:
			w.address = mangle(rng, w.address)
		case 3, 4, 5:
			w.body = mangle(rng, w.body)
		case 6:
			if w.header == nil {
				w.header = http.Header{}
			}
			name := []string{"Content-Type", "Accept", "If-Match", "If-None-Match", "If-None-Exist", "If-Modified-Since", "Prefer", "X-Provenance", "Content-Encoding", "X-Request-Id", "Origin", "X-Security-Context"}[rng.IntN(12)]
			w.header.Set(name, mangle(rng, w.header.Get(name)))
		case 7:
			w.address += []string{"?", "&", "/", "/_history", "/$x", "&_count=", "&_sort=", "&_id=", "&_include=", "?_elements="}[rng.IntN(10)] + junk[rng.IntN(len(junk))]
		case 8:
			w.body = swap(rng, w.body)
		}
	}
	return w
}

// mangle cuts, doubles or puts junk into s.
func mangle(rng *rand.Rand, s string) string {
	at := rng.IntN(len(s) + 1)
	to := min(len(s), at+rng.IntN(12))
	switch rng.IntN(4) {
	case 0:
		return s[:at] + s[to:]
	case 1:
		return s[:to] + s[at:to] + s[to:]
	case 2:
		return s[:at] + junk[rng.IntN(len(junk))] + s[to:]
	}
	return s[:at] + junk[rng.IntN(len(junk))] + s[at:]
}

// swap puts another sort of value in the place of one in a JSON.
func swap(rng *rand.Rand, s string) string {
	colons := strings.Count(s, ":")
	if colons == 0 {
		return s
	}
	at := 0
	for range 1 + rng.IntN(colons) {
		at += strings.IndexByte(s[at:], ':') + 1
	}
	end := at + strings.IndexAny(s[at:]+",", ",}]")
	return s[:at] + []string{"null", "1", "-1.5e3", "true", `"x"`, "[]", "{}", `[null]`, `{"a":1}`, `[[1]]`, `""`, "1e400"}[rng.IntN(12)] + s[min(end, len(s)):]
}

// Whatever is sent, the answer is never our fault: it is right, or it is an
// OperationOutcome that says what was wrong.
func TestMutations(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("HALE_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	n := 10_000
	if testing.Short() {
		n = 1_000
	}
	t.Logf("HALE_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	w := newServed(t, "sqlite:"+filepath.Join(t.TempDir(), "hale.db"), maria, ben, noor, lab, vital, flu, gout)
	right := interactions()
	count, wrong := map[int]int{}, 0
	for i := range n {
		req := spoil(rng, right[i%len(right)])
		a, sent := w.send(req)
		if !sent {
			continue
		}
		count[a.status/100]++
		switch {
		case a.status >= 500:
			t.Errorf("%v = %d: %s", req, a.status, a.body)
		case a.status >= 400 && req.method != "HEAD" && a.outcome() != "":
			t.Errorf("%v = %d, %s: %s", req, a.status, a.outcome(), a.body)
		}
		if t.Failed() {
			wrong++
		}
		if wrong > 2000 {
			t.FailNow() // it was said often enough
		}
	}
	t.Logf("%d answers that were right, %d of nothing new, %d refusals, %d of our fault", count[2], count[3], count[4], count[5])
	if count[4] < n/3 || count[2] < n/20 {
		t.Errorf("the mutations are too tame or too wild: %v", count)
	}
}

// send sends what could come over a wire.
func (w *world) send(req wire) (answer, bool) {
	line := "/fhir" + strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, req.address)
	r, err := http.NewRequest(req.method, base[:len(base)-len("/fhir")]+line, strings.NewReader(req.body))
	if err != nil {
		return answer{}, false
	}
	if !fhirapi.Under(r.URL.Path) { // what lies beside the API is a page's
		return answer{}, false
	}
	r.RemoteAddr = "192.0.2.1:1234"
	for name, v := range req.header {
		r.Header[name] = v
	}
	r.Header.Set("Authorization", "Bearer system")
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	return answer{rec.Code, rec.Header(), rec.Body.String()}, true
}
