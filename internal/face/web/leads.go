package web

import (
	"net/http"
	"strings"
)

// Leads lets the forms of a response lead on to pages at other origins, such
// as https://pay.example: browsers follow a redirect after a form only to
// where the page allowed it.
//
// Spec: https://www.w3.org/TR/CSP3/#directive-form-action
func Leads(w http.ResponseWriter, origins ...string) {
	const own = "form-action 'self'"
	h := w.Header()
	for _, o := range origins {
		if o != "" && !strings.ContainsAny(o, " ;,'\"") {
			h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), own, own+" "+o, 1))
		}
	}
}
