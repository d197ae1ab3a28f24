package fhirapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"hale/internal/haletest"
)

// discard is a response that nobody reads.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// bench asks for the same again and again, from 16 clients at a time.
func bench(b *testing.B, token, address string) {
	w := newWorld(b, haletest.SQLite(b), maria, ben, noor, lab, vital, flu, gout)
	for i := range 200 {
		w.put(fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"c%d"}]},"subject":{"reference":"Patient/ben"},"effectiveDateTime":"2026-01-05"}`, i, i%20))
	}
	b.SetParallelism(8)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest(http.MethodGet, "/fhir"+address, http.NoBody)
			r.Header.Set("Authorization", "Bearer "+token)
			w.api.ServeHTTP(&discard{http.Header{}}, r)
		}
	})
}

func BenchmarkRead(b *testing.B)   { bench(b, "reader", "/Observation/lab") }
func BenchmarkSearch(b *testing.B) { bench(b, "reader", "/Observation?patient=ben&code=c3") }
