// Package track answers what mails fetch: the picture of one pixel, and
// links that an author marked.
//
// It answers once the fetch is safe on the disk. It sets no cookie, reads
// none, and leads to no address that is not one of the template's own.
//
// Spec: https://www.rfc-editor.org/rfc/rfc9110 §15.4.3 (302 Found)
package track

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"hale/internal/face/web"
	"hale/internal/reach/track"
)

// Config is what the answers are made of.
type Config struct {
	Signer   *track.Signer
	Hits     hits
	Networks *track.Networks
	Remote   func(*http.Request) string // the address of who asks
	Failed   func(error)                // a fetch could not be kept
	Secure   bool                       // browsers come by https
}

type hits interface {
	Add(ctx context.Context, h track.Hit) error
	Target(ctx context.Context, n int64) (string, error)
}

// Handler returns what answers below track.Path. Nothing goes around it: a
// mail program needs no page.
func Handler(c Config) *web.Mux {
	mux := web.NewMux()
	mux.Handle("GET "+track.Path+"{token}", http.HandlerFunc(c.answer))
	return mux
}

// pixel is a transparent picture of one pixel: GIF89a.
const pixel = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00\x21\xf9\x04\x01\x00\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00\x3b"

// headers are the same for every answer. The keys are canonical.
var headers = map[string][]string{
	"Cache-Control":                {"no-store"},
	"Referrer-Policy":              {"no-referrer"},
	"X-Robots-Tag":                 {"noindex, nofollow, noarchive"},
	"X-Content-Type-Options":       {"nosniff"},
	"Content-Security-Policy":      {"default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'none'"},
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"X-Frame-Options":              {"DENY"},
}

// answer keeps a fetch, then sends the picture or leads on.
func (c Config) answer(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for k, v := range headers {
		h[k] = v
	}
	if c.Secure {
		h["Strict-Transport-Security"] = forTwoYears
	}
	message, target, err := c.Signer.Read(strings.TrimPrefix(r.URL.Path, track.Path))
	if err != nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	to := ""
	if target > 0 {
		if to, err = c.Hits.Target(r.Context(), target); err != nil {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
	}
	if err := c.keep(r, message, target); err != nil && !errors.Is(err, context.Canceled) {
		c.Failed(err)
		if to == "" { // who follows a link is led on all the same
			h.Set("Retry-After", "60")
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
	}
	switch {
	case to != "":
		h.Set("Location", to)
		w.WriteHeader(http.StatusFound)
	case target == track.Picture:
		h["Content-Type"], h["Content-Length"] = gif, size
		h["Cross-Origin-Resource-Policy"] = anywhere
		if r.Method != http.MethodHead {
			_, _ = w.Write([]byte(pixel)) // the mail program may have gone
		}
	default: // the link that nobody sees
		w.WriteHeader(http.StatusNoContent)
	}
}

var (
	gif  = []string{"image/gif"}
	size = []string{"43"}

	anywhere    = []string{"cross-origin"} // mail programs show the picture inside pages of their own
	forTwoYears = []string{"max-age=63072000; includeSubDomains"}
)

// keep writes down what fetched.
func (c Config) keep(r *http.Request, message string, target int64) error {
	h := r.Header
	hit := track.HitOf(r.Method, h.Get("User-Agent"), h.Get("Accept-Language"), h.Get("Sec-Purpose"), h.Get("Purpose"), h.Get("X-Moz"))
	hit.Message, hit.Target = message, target
	if a, err := netip.ParseAddr(c.Remote(r)); err == nil {
		hit.Net = c.Networks.Of(a)
	}
	return c.Hits.Add(r.Context(), hit)
}
