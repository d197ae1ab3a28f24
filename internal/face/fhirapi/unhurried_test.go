package fhirapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A large file may take longer than the server gives other requests, as long
// as it moves; one that stands still ends.
func TestUnhurried(t *testing.T) {
	const still = 300 * time.Millisecond
	got := make(chan error, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := unhurry(http.NewResponseController(w).SetReadDeadline, still)
		defer u.end()
		u.in = r.Body
		_, err := io.Copy(io.Discard, u)
		got <- err
	}))
	server.Config.ReadTimeout = still
	server.Start()
	defer server.Close()
	send := func(pieces int, pause time.Duration) error {
		in, out := io.Pipe()
		go func() {
			for range pieces {
				time.Sleep(pause)
				if _, err := out.Write([]byte("a line\n")); err != nil {
					return
				}
			}
			_ = out.Close()
		}()
		res, err := server.Client().Post(server.URL, "application/fhir+ndjson", in)
		if err == nil {
			_ = res.Body.Close()
		}
		return <-got
	}
	if err := send(12, still/4); err != nil { // three times as long as the server's own patience
		t.Errorf("a file that moved was cut off: %v", err)
	}
	if err := send(1, 4*still); err == nil {
		t.Error("a file that stood still was waited for")
	}
}
