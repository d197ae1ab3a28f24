package fhirapi

import (
	"net/http"
)

// cors lets pages of other origins ask. Those of a registered app may send a
// token; every page may read what is public. It says whether c only asked
// that.
//
// Spec: https://fetch.spec.whatwg.org/#http-cors-protocol
func (a *API) cors(w http.ResponseWriter, c *Call) (answered bool) {
	r, h := c.Request, w.Header()
	origin := r.Header.Get("Origin")
	if r.Method == http.MethodOptions {
		c.route = "OPTIONS"
		h["Allow"] = allowed
	}
	if origin == "" {
		return r.Method == http.MethodOptions
	}
	switch {
	case public(r.URL.Path):
		h.Set("Access-Control-Allow-Origin", "*")
	case a.Origins != nil && a.Origins.Allowed(r.Context(), origin):
		h.Set("Access-Control-Allow-Origin", origin)
	default:
		return r.Method == http.MethodOptions
	}
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Access-Control-Expose-Headers", "ETag, Last-Modified, Location, Content-Location, WWW-Authenticate, X-Request-Id, Retry-After, X-Progress, Expires")
	if r.Method != http.MethodOptions {
		return false
	}
	h.Set("Access-Control-Allow-Methods", allowed[0])
	h.Set("Access-Control-Allow-Headers", "Authorization, Accept, Content-Type, Prefer, If-Match, If-None-Match, If-Modified-Since, If-None-Exist, X-Request-Id, X-Provenance")
	h.Set("Access-Control-Max-Age", "600")
	return true
}

var allowed = []string{"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}

// public says whether what lies at path is shown to anybody.
func public(path string) bool {
	return path == Prefix+"/metadata" || path == Prefix+"/.well-known/smart-configuration"
}
