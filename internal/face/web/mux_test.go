package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

func TestMuxRoutes(t *testing.T) {
	says := func(words string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, words+" "+r.PathValue("id")) }
	}
	sub := NewMux()
	sub.Handle("POST /desk/x/{id}", says("post"))
	sub.HandleFunc("GET /desk/x/{id}", says("get"))
	marked := sub.Around(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Mark", "1")
			next.ServeHTTP(w, r)
		})
	})
	m := NewMux()
	m.Handle("GET /healthz", says("health"))
	m.Mount("/desk", marked)
	m.Mount("/desk/", marked)

	want := []string{"GET /desk/x/{id}", "POST /desk/x/{id}", "GET /healthz"}
	if got := m.Routes(); !slices.Equal(got, want) {
		t.Errorf("Routes() = %q, want %q", got, want)
	}
	for _, tt := range []struct {
		method, path, want, mark string
		status                   int
	}{
		{"GET", "/desk/x/7", "get 7", "1", 200},
		{"POST", "/desk/x/8", "post 8", "1", 200},
		{"GET", "/healthz", "health ", "", 200},
		{"PUT", "/desk/x/7", "Method Not Allowed\n", "1", 405},
	} {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.status || w.Body.String() != tt.want || w.Header().Get("X-Mark") != tt.mark {
			t.Errorf("%s %s = %d %q marked %q, want %d %q marked %q", tt.method, tt.path, w.Code, w.Body, w.Header().Get("X-Mark"), tt.status, tt.want, tt.mark)
		}
	}
}
