package track_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"hale/internal/base/seal"
	facetrack "hale/internal/face/track"
	"hale/internal/haletest"
	"hale/internal/reach/track"
	"hale/internal/store/db"
)

// book keeps fetches in memory.
type book struct {
	mu   sync.Mutex
	hits []track.Hit
	full bool
}

func (b *book) Add(_ context.Context, h track.Hit) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full {
		return track.ErrBusy
	}
	b.hits = append(b.hits, h)
	return nil
}

func (b *book) Target(_ context.Context, n int64) (string, error) {
	if n == 7 {
		return "https://clinic.example/flu", nil
	}
	return "", db.ErrNone
}

func TestHandler(t *testing.T) {
	signer, message := track.NewSigner(seal.NewKey(), ""), haletest.IDs().New()
	b, failed := &book{}, 0
	h := facetrack.Handler(facetrack.Config{
		Signer: signer, Hits: b, Networks: track.Shipped(), Remote: func(*http.Request) string { return "17.58.1.2" },
		Failed: func(err error) { failed++; _ = errors.Unwrap(err) },
	})
	ask := func(method, at string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "https://portal.example"+at, nil)
		r.Header.Set("User-Agent", "Mozilla/5.0")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		for _, name := range []string{"Set-Cookie", "Refresh"} {
			if w.Header().Get(name) != "" {
				t.Errorf("%s %s sets %s", method, at, name)
			}
		}
		return w
	}
	tests := []struct {
		name, method, at string
		status           int
		to               string
		kept             int
	}{
		{"the picture", "GET", signer.URL(message, track.Picture), 200, "", 1},
		{"the picture's head", "HEAD", signer.URL(message, track.Picture), 200, "", 1},
		{"a link", "GET", signer.URL(message, 7), 302, "https://clinic.example/flu", 1},
		{"a link to nothing", "GET", signer.URL(message, 8), 404, "", 0},
		{"the link that nobody sees", "GET", signer.URL(message, track.Honeypot), 204, "", 1},
		{"an address of somebody else's making", "GET", "/t/https:%2F%2Fevil.example", 404, "", 0},
		{"an address with a target behind it", "GET", signer.URL(message, 7) + "?to=https://evil.example", 302, "https://clinic.example/flu", 1},
		{"nothing", "GET", "/t/x", 404, "", 0},
		{"a POST", "POST", signer.URL(message, 7), 405, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(b.hits)
			w := ask(tt.method, tt.at)
			if w.Code != tt.status || w.Header().Get("Location") != tt.to || len(b.hits)-before != tt.kept {
				t.Errorf("%d to %q with %d kept, want %d to %q with %d", w.Code, w.Header().Get("Location"), len(b.hits)-before, tt.status, tt.to, tt.kept)
			}
		})
	}
	if b.hits[0].Net != track.Apple || b.hits[0].Message != message || b.hits[0].Language {
		t.Errorf("kept %+v", b.hits[0])
	}
	if w := ask("GET", signer.URL(message, track.Picture)); w.Header().Get("Content-Type") != "image/gif" || w.Body.Len() != 43 || !strings.HasPrefix(w.Body.String(), "GIF89a") {
		t.Errorf("the picture is %d bytes of %s", w.Body.Len(), w.Header().Get("Content-Type"))
	}
	b.full = true
	if w := ask("GET", signer.URL(message, track.Picture)); w.Code != http.StatusServiceUnavailable || failed != 1 {
		t.Errorf("a picture that could not be kept = %d, want no answer that says it was", w.Code)
	}
	if w := ask("GET", signer.URL(message, 7)); w.Code != http.StatusFound {
		t.Errorf("a link when nothing can be kept = %d, want that the person is led on", w.Code)
	}
}
