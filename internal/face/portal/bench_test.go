package portal_test

import (
	"net/http"
	"testing"

	"hale/internal/haletest"
)

// BenchmarkPages draws the busiest pages, session, audit rows and database
// included; the budget is 20 ms.
func BenchmarkPages(b *testing.B) {
	h := newHouse(b, haletest.SQLite(b))
	h.maria(b)
	for _, path := range []string{"/home", "/health", "/health/results", "/results/a1c-5", "/book/eye-exam"} {
		b.Run(path[1:], func(b *testing.B) {
			for b.Loop() {
				if a := h.get(b, "maria", path); a.code != http.StatusOK {
					b.Fatal(a.code)
				}
			}
		})
	}
}
