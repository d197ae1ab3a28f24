package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/a-h/templ"
)

//go:embed static
var staticFiles embed.FS

//go:embed icons/*.svg
var iconFiles embed.FS

// assets are the files under /static/, in memory, with one hash over all of
// them in their address: what changes gets a new address.
type assets struct {
	prefix string // /static/<hash>/
	files  map[string]asset
}

type asset struct {
	mime        string
	body, small []byte // small is gzipped; nil where that saves nothing
}

// colour is what a clinic may set as its brand: oklch(lightness chroma hue).
var colour = regexp.MustCompile(`^oklch\( *[0-9.]+%? +[0-9.]+ +[0-9.]+ *\)$`)

// newAssets reads the embedded files.
func newAssets() *assets {
	a := &assets{files: map[string]asset{}}
	sum := sha256.New()
	add := func(name string, body []byte) {
		sum.Write([]byte(name))
		sum.Write(body)
		a.files[name] = asset{mime: mimeOf(name), body: body, small: squeeze(name, body)}
	}
	_ = fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := staticFiles.ReadFile(name)
		add(strings.TrimPrefix(name, "static/"), body)
		return err
	})
	a.prefix = "/static/" + hex.EncodeToString(sum.Sum(nil))[:12] + "/"
	return a
}

// mimeOf returns the type of a file by its name, whatever the machine knows.
func mimeOf(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// squeeze returns body gzipped, or nil where that saves nothing.
func squeeze(name string, body []byte) []byte {
	if path.Ext(name) == ".woff2" {
		return nil
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := z.Write(body); err != nil || z.Close() != nil || b.Len() >= len(body) {
		return nil
	}
	return b.Bytes()
}

// brand is what the clinic looks like: its style sheet and its logo, with one
// hash over both in their address.
type brand struct {
	prefix string // /static/b-<hash>/
	files  map[string]asset
}

// The files of a brand.
const (
	brandSheet = "brand.css"
	brandLogo  = "logo"
)

func newBrand(c Clinic) brand {
	css := ""
	if colour.MatchString(c.Brand) {
		css = ":root { --brand: " + c.Brand + "; }\n"
	}
	sum := sha256.New()
	sum.Write([]byte(css))
	sum.Write(c.Logo)
	b := brand{prefix: "/static/b-" + hex.EncodeToString(sum.Sum(nil))[:12] + "/", files: map[string]asset{brandSheet: {mime: mimeOf(brandSheet), body: []byte(css)}}}
	if len(c.Logo) > 0 && strings.HasPrefix(c.LogoMedia, "image/") {
		b.files[brandLogo] = asset{mime: c.LogoMedia, body: c.Logo}
	}
	return b
}

// Asset returns the address of a static file.
func (s *Site) Asset(name string) string {
	if name == brandSheet || name == brandLogo {
		return s.brand.prefix + name
	}
	return s.assets.prefix + name
}

// HasLogo says whether the clinic has a logo.
func (s *Site) HasLogo() bool { return len(s.brand.files[brandLogo].body) > 0 }

// found returns the file at a path, by its current address. A page that was
// written before the clinic changed its looks gets the new ones.
func (s *Site) found(at string) (asset, bool) {
	if name, ok := strings.CutPrefix(at, s.assets.prefix); ok {
		f, ok := s.assets.files[name]
		return f, ok
	}
	if rest, ok := strings.CutPrefix(at, "/static/b-"); ok {
		_, name, _ := strings.Cut(rest, "/")
		f, ok := s.Latest().brand.files[name]
		return f, ok
	}
	return asset{}, false
}

// Static serves /static/…: what has the current hash in its address may be
// kept for ever, what has another one is gone.
func (s *Site) Static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := s.found(r.URL.Path)
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.mime)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		if strings.HasPrefix(r.URL.Path, "/static/b-") && !strings.HasPrefix(r.URL.Path, s.Latest().brand.prefix) {
			h.Set("Cache-Control", "no-store")
		}
		h.Set("Vary", "Accept-Encoding")
		body := f.body
		if f.small != nil && takesGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body = f.small
		}
		if r.Method != http.MethodHead {
			_, _ = w.Write(body)
		}
	})
}

// icons are the Lucide drawings by name, read once.
var icons = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	files, _ := fs.Glob(iconFiles, "icons/*.svg")
	for _, f := range files {
		if body, err := iconFiles.ReadFile(f); err == nil {
			m[strings.TrimSuffix(path.Base(f), ".svg")] = strings.TrimSpace(string(body))
		}
	}
	return m
})

// HasIcon says whether there is an icon of that name.
func HasIcon(name string) bool { return icons()[name] != "" }

// Icon draws the Lucide icon called name, hidden from screen readers: the
// words beside it say what it means. The drawings are in icons/.
func Icon(name string) templ.Component { return templ.Raw(icons()[name]) }
