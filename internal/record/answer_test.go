package record

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hale/internal/standard/fhir"
)

var answered = []struct{ name, body, want string }{
	{"without", `{"resourceType":"Patient"}`, `{"id":"x","meta":{"versionId":"7","lastUpdated":"2026-03-02T12:00:00.000Z"},"resourceType":"Patient"}`},
	{"with an id", `{ "resourceType" : "Patient", "id" : "x" }`, `{"meta":{"versionId":"7","lastUpdated":"2026-03-02T12:00:00.000Z"}, "resourceType" : "Patient", "id" : "x" }`},
	{"another id", `{"id":"\"}","resourceType":"Patient"}`, `{"meta":{"versionId":"7","lastUpdated":"2026-03-02T12:00:00.000Z"},"id":"x","resourceType":"Patient"}`},
	{"an empty meta", `{"resourceType":"Patient","id":"x","meta":{ },"n":1.50}`, `{"resourceType":"Patient","id":"x","meta":{"versionId":"7","lastUpdated":"2026-03-02T12:00:00.000Z" },"n":1.50}`},
	{"a full meta", `{"meta":{"lastUpdated":"2020","profile":["{\\\"}"],"versionId" : "1"},"id":"x","resourceType":"Patient"}`,
		`{"meta":{"lastUpdated":"2026-03-02T12:00:00.000Z","profile":["{\\\"}"],"versionId" : "7"},"id":"x","resourceType":"Patient"}`},
	{"inside others", "{\"a\":{\"id\":\"1\",\"meta\":{}},\n\"b\":[{\"id\":\"2\"}],\"c\":-1e3,\"d\":true,\"id\":\"x\",\"resourceType\":\"Patient\",\"meta\":{\"tag\":[{\"code\":\"\\\\\"}]}}",
		"{\"a\":{\"id\":\"1\",\"meta\":{}},\n\"b\":[{\"id\":\"2\"}],\"c\":-1e3,\"d\":true,\"id\":\"x\",\"resourceType\":\"Patient\",\"meta\":{\"versionId\":\"7\",\"lastUpdated\":\"2026-03-02T12:00:00.000Z\",\"tag\":[{\"code\":\"\\\\\"}]}}"},
	{"a meta that is none", `{"resourceType":"Patient","id":"x","meta":[1]}`, `{"resourceType":"Patient","id":"x","meta":{"versionId":"7","lastUpdated":"2026-03-02T12:00:00.000Z"}}`},
	{"deleted", "", ""},
}

func TestResourceJSON(t *testing.T) {
	for _, tt := range answered {
		r := Resource{Type: "Patient", ID: "x", Version: 7, Updated: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC), Body: []byte(tt.body)}
		if got := string(r.JSON()); got != tt.want {
			t.Errorf("%s: JSON = %s, want %s", tt.name, got, tt.want)
		}
	}
}

// FuzzResourceJSON: whatever the record takes, the answer is the same but for
// the three that are written in.
func FuzzResourceJSON(f *testing.F) {
	for _, tt := range answered {
		f.Add([]byte(tt.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := fhir.Parse(body)
		if err != nil || !n.IsObject() {
			return
		}
		r := Resource{ID: "x", Version: 7, Updated: time.Unix(0, 0), Body: bytes.Clone(body)}
		var was, is map[string]any
		if json.Unmarshal(body, &was) != nil {
			return
		}
		if err := json.Unmarshal(r.JSON(), &is); err != nil {
			t.Fatalf("%s becomes %s: %v", body, r.JSON(), err)
		}
		meta, _ := was["meta"].(map[string]any)
		if meta == nil {
			meta = map[string]any{}
		}
		meta["versionId"], meta["lastUpdated"] = "7", "1970-01-01T00:00:00.000Z"
		was["meta"], was["id"] = meta, "x"
		if diff := cmp.Diff(was, is); diff != "" {
			t.Errorf("%s becomes %s: %s", body, r.JSON(), diff)
		}
	})
}

func BenchmarkResourceJSON(b *testing.B) {
	body := []byte(`{"resourceType":"Observation","meta":{"profile":["http://hl7.org/fhir/us/core"]},"text":{"div":"` + string(bytes.Repeat([]byte("x"), 1500)) + `"},` +
		`"code":{"coding":[{"system":"http://loinc.org","code":"1-1"}]},"subject":{"reference":"Patient/1"},"valueQuantity":{"value":1,"unit":"mg"}}`)
	r := Resource{ID: "x", Version: 7, Updated: time.Unix(0, 0), Body: body}
	for b.Loop() {
		r.JSON()
	}
}
