package app

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hale/internal/haletest"
)

func config(database string) Config {
	c := Config{
		Addr: "127.0.0.1:0", Database: database, Key: haletest.Key,
		Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
	}
	c.Clinic.Name, c.Clinic.Zone = "Alder Clinic", time.UTC
	return c
}

// databases runs test on an empty database of each engine.
func databases(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "hale.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, haletest.EmptyPostgres(t)) })
}

// start runs serve until the test ends, and returns its address.
func start(t *testing.T, serve func(ctx context.Context, ready func(addr string)) error) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- serve(ctx, func(addr string) { ready <- addr }) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("serve = %v, want nil when it is told to stop", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("serve does not stop")
		}
	})
	select {
	case addr := <-ready:
		return addr
	case err := <-done:
		t.Fatalf("serve = %v before it was ready", err)
	case <-time.After(2 * time.Minute):
		t.Fatal("serve is not ready after two minutes")
	}
	return ""
}

// get fetches a page and returns its status and text.
func get(t *testing.T, url string) (int, string, http.Header) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body), res.Header
}

func TestServe(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		addr := start(t, func(ctx context.Context, ready func(string)) error { return Serve(ctx, config(url), ready) })
		tests := []struct {
			path string
			want int
			says string
		}{
			{"/healthz", 200, "ok"},
			{"/", 200, "Alder Clinic"},
			{"/signin", 200, "Sign in"},
			{"/desk", 200, "Sign in"}, // after the redirect
			{"/home", 200, "Sign in"},
			{"/nowhere", 404, "There is no page at this address"},
			{"/desk/nowhere", 404, "There is no page at this address"},
			{"/town", 404, "There is no page at this address"},
			{"/m/unknownunknown", 200, "Alder Clinic"},
			{"/hooks/text", 404, ""},
		}
		for _, tt := range tests {
			status, body, header := get(t, addr+tt.path)
			if status != tt.want || !strings.Contains(body, tt.says) {
				t.Errorf("GET %s = %d, want %d and %q", tt.path, status, tt.want, tt.says)
			}
			if tt.path != "/healthz" && !strings.Contains(header.Get("Content-Security-Policy"), "default-src") {
				t.Errorf("GET %s has no content security policy", tt.path)
			}
		}
	})
}

// A demo without ready sign-ins in a served Hale would be a door for anybody.
func TestServeHasNoDemoDoor(t *testing.T) {
	addr := start(t, func(ctx context.Context, ready func(string)) error {
		return Serve(ctx, config("sqlite:"+filepath.Join(t.TempDir(), "hale.db")), ready)
	})
	res, err := http.Post(addr+"/signin/demo", "application/x-www-form-urlencoded", strings.NewReader("who=0"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST /signin/demo = %d, want 404: it is there in the demo alone", res.StatusCode)
	}
}

// The same town twice in one place: the second start goes on with the first.
func TestServeDemo(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		for range 2 {
			t.Run("start", func(t *testing.T) {
				var r Ready
				addr := start(t, func(ctx context.Context, ready func(string)) error {
					return ServeDemo(ctx, config(url), DemoConfig{Seed: 1, People: 120, Quiet: true}, func(got Ready) {
						r = got
						ready(got.Addr)
					})
				})
				main := 0
				for _, s := range r.SignIns {
					if s.Main {
						main++
					}
				}
				if r.People != 120 || main != 8 {
					t.Errorf("ready = %d people and %d sign-ins, want 120 and 8", r.People, main)
				}
				_, body, _ := get(t, addr+"/signin")
				if n := strings.Count(body, "Step in"); n < 5 {
					t.Errorf("the sign-in page offers %d ready sign-ins, want 5", n)
				}
				if status, body, _ := get(t, addr+"/town"); status != 200 || !strings.Contains(body, "simulation") {
					t.Errorf("GET /town = %d, want the phones and mail boxes", status)
				}
				townShows(t, addr)
			})
		}
	})
}
