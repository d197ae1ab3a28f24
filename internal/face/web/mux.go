package web

import (
	"net/http"
	"slices"
	"strings"
)

// Router takes handlers by pattern, as http.ServeMux does.
type Router interface {
	Handle(pattern string, h http.Handler)
}

// Mux is an http.ServeMux that can say what it serves, so that nothing is
// served that no test asked for.
type Mux struct {
	mux      *http.ServeMux
	outer    http.Handler
	patterns []string
}

// NewMux returns a mux that serves nothing.
func NewMux() *Mux {
	m := http.NewServeMux()
	return &Mux{mux: m, outer: m}
}

// Handle serves pattern by h.
func (m *Mux) Handle(pattern string, h http.Handler) {
	m.mux.Handle(pattern, h)
	m.patterns = append(m.patterns, pattern)
}

// HandleFunc serves pattern by h.
func (m *Mux) HandleFunc(pattern string, h http.HandlerFunc) { m.Handle(pattern, h) }

// Mount serves everything below prefix by sub. What sub serves is listed in
// the place of prefix.
func (m *Mux) Mount(prefix string, sub *Mux) {
	m.mux.Handle(prefix, sub)
	m.patterns = append(m.patterns, sub.patterns...)
}

// Around puts a handler around all that the mux serves, in front of what was
// put there before.
func (m *Mux) Around(wrap func(http.Handler) http.Handler) *Mux {
	m.outer = wrap(m.outer)
	return m
}

// Routes returns every pattern once, in order of address, then of method.
func (m *Mux) Routes() []string {
	list := slices.Clone(m.patterns)
	slices.SortFunc(list, func(a, b string) int {
		am, ap := cutMethod(a)
		bm, bp := cutMethod(b)
		if c := strings.Compare(ap, bp); c != 0 {
			return c
		}
		return strings.Compare(am, bm)
	})
	return slices.Compact(list)
}

// ServeHTTP answers r.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.outer.ServeHTTP(w, r) }

// cutMethod parts "GET /home" into GET and /home; a pattern may be for all
// methods.
func cutMethod(pattern string) (method, path string) {
	if method, path, ok := strings.Cut(pattern, " "); ok {
		return method, path
	}
	return "", pattern
}
