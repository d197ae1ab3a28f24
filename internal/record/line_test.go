package record

import (
	"bytes"
	"testing"
	"time"
)

// bodies have their id and their meta in every place there is.
var bodies = []string{
	`{}`, ` { } `, `{"resourceType":"Patient"}`, `{"resourceType":"Patient","id":"a"}`, `{"id":"a"}`, `{"meta":{}}`, `{"meta":{ }}`,
	`{"id":"a","meta":{"versionId":"7"}}`, `{"meta":{"lastUpdated":"2020-01-01T00:00:00Z"},"id":"a"}`,
	`{"meta":{"lastUpdated":"2020-01-01T00:00:00Z","profile":["x"],"versionId":"1"},"id":"a","text":{"id":"b","meta":{"versionId":"3"}}}`,
	`{"meta":{"profile":["a\"b\\"],"versionId":"1","tag":[{"code":"}"}]},"name":[{"family":"a\\"}]}`,
	"{\n  \"resourceType\": \"Patient\",\n  \"id\": \"a\",\r\n  \"active\": true,\n \"meta\" : { \"tag\" : [ ] }\n}\n",
	`{"resourceType":"Observation","valueQuantity":{"value":1.50},"note":[{"text":"a\u000ab"}]}`, `{"a":null,"b":1e3,"c":[[],{}]}`,
}

func FuzzAppendLine(f *testing.F) {
	for _, b := range bodies {
		f.Add([]byte(b))
	}
	at := time.Date(2026, 3, 2, 12, 0, 0, 123456000, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte) {
		r := Resource{Type: "Patient", ID: "x-1", Version: 12, Updated: at, Body: body}
		want := append(oneLine(bytes.Clone(r.JSON()), 0), '\n')
		if !taken(body) {
			return
		}
		if got := AppendLine([]byte("before"), r.ID, r.Version, at.UnixMicro(), body); string(got) != "before"+string(want) {
			t.Errorf("AppendLine(%q) =\n%s, want\n%s", body, got[6:], want)
		}
	})
}

// taken says whether a body could have been put into the record.
func taken(body []byte) bool {
	var d Draft
	d.Type, d.ID, d.Body = "Patient", "x-1", body
	s := &Store{}
	p, err := s.Prepare(d)
	return err == nil && (!p.node.Get("meta").Exists() || p.node.Get("meta").IsObject()) && p.node.Get("meta", "versionId").Raw() != nil || oddly(body)
}

// oddly are bodies of this test that no resource is.
func oddly(body []byte) bool {
	for _, b := range bodies {
		if b == string(body) {
			return true
		}
	}
	return false
}

func BenchmarkAppendLine(b *testing.B) {
	body := []byte(`{"resourceType":"Observation","meta":{"profile":["http://example.org/a"]},"id":"a","note":[{"text":"` + string(bytes.Repeat([]byte("word "), 180)) + `"}]}`)
	var dst []byte
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendLine(dst[:0], "a", 3, 1767225600000000, body)
	}
}
