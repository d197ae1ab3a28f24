package prooftest

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// outward finds addresses that a browser would go to by itself, or on a tap.
var outward = regexp.MustCompile(`(?i)\b(?:href|src|action|srcset|poster|formaction|content)="((?:https?:)?//[^"]*)"`)

// abroad are the addresses that pages of every site may read, since they say
// the same to everybody, or nothing to who has no link: what apps ask before
// they are let in, and what is behind a health link.
var abroad = regexp.MustCompile(`^(GET |POST |OPTIONS )?(/fhir)?/(\.well-known/|brands\.json$|service-base-urls\.json$|oauth/(jwks|style\.json)$|shl/\{token\}|api/docs/openapi\.json$)`)

// lasting are those of them that may be kept for a while, with the capabilities.
var lasting = regexp.MustCompile(`^(/fhir)?/(\.well-known/|brands\.json$|service-base-urls\.json$|oauth/(jwks|style\.json)$)|^GET /fhir/metadata$|/static/`)

// guarded checks what every answer has to carry.
func (w *world) guarded(route string, a actor, res *httptest.ResponseRecorder) {
	w.t.Helper()
	h := res.Header()
	bad := func(what string) { w.t.Helper(); w.t.Errorf("%s as %s (%d): %s", route, a.name, res.Code, what) }
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin", "X-Frame-Options": "DENY",
	} {
		got := h.Get(name)
		if name == "Cross-Origin-Resource-Policy" && abroad.MatchString(route) && got == "cross-origin" {
			continue
		}
		if got != want {
			bad(name + " is " + got + ", want " + want)
		}
	}
	if !strings.Contains(h.Get("Strict-Transport-Security"), "includeSubDomains") {
		bad("no Strict-Transport-Security")
	}
	csp := h.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "object-src 'none'"} {
		if !strings.Contains(csp, part) && !strings.Contains(csp, "sandbox") {
			bad("the content security policy has no " + part)
		}
	}
	if paying.MatchString(route) { // the one way out: to the page where a card is typed
		csp = strings.Replace(csp, "form-action 'self' https://"+host+" https://checkout.stripe.com", "form-action 'self'", 1)
	}
	if strings.Contains(csp, "unsafe-") || strings.Contains(csp, "http:") || strings.Contains(csp, "https:") {
		bad("the content security policy is open: " + csp)
	}
	if !lasting.MatchString(route) && !strings.Contains(h.Get("Cache-Control"), "no-store") {
		bad("Cache-Control is " + h.Get("Cache-Control") + ", want no-store")
	}
	for _, name := range []string{"Server", "X-Powered-By", "Access-Control-Allow-Origin"} {
		if v := h.Get(name); v != "" && (v != "*" || !abroad.MatchString(route)) {
			bad(name + ": " + v)
		}
	}
	for _, c := range res.Result().Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode && c.SameSite != http.SameSiteStrictMode {
			bad("the cookie " + c.Name + " is not kept to this host, https and requests of the site")
		}
	}
	w.body(route, bad, res)
}

// paying are the pages whose form leads to the page of the payment service.
var paying = regexp.MustCompile(`^(GET|POST) (/for/\{patient\})?/(bills/pay/\{id\}|bills/plan/\{id\}/pay|pay/\{token\}/bill)$`)

// leaving are the pages that lead to an app, and the one place they lead to.
var leaving = map[string]string{
	"GET /oauth/consent/{ask}/go": "https://app.example/back?", "POST /desk/patients/{id}/apps": "https://app.example/launch?",
}

// body checks what no page may hold.
func (w *world) body(route string, bad func(string), res *httptest.ResponseRecorder) {
	if !strings.HasPrefix(res.Header().Get("Content-Type"), "text/html") {
		return
	}
	text := res.Body.String()
	for _, m := range outward.FindAllStringSubmatch(text, -1) {
		if app, ok := leaving[route]; !strings.HasPrefix(m[1], "https://"+host) && (!ok || !strings.HasPrefix(m[1], app)) {
			bad("the page leads to " + m[1])
		}
	}
	for _, word := range []string{"goroutine ", ".go:", "sqlite", "pgconn", "sql:", "runtime error"} {
		if strings.Contains(strings.ToLower(text), word) && res.Code >= 400 {
			bad("the error page says " + word)
		}
	}
}

// No route takes a method that it was not made for, TRACE is off everywhere,
// and what helps debugging is not there.
func TestMethods(t *testing.T) {
	w := newWorld(t)
	patient, nobody := actors[1], actors[0]
	made := map[string]map[string]bool{}
	for _, route := range w.app.Routes() {
		method, path := split(route)
		if made[path] == nil {
			made[path] = map[string]bool{}
		}
		made[path][method] = true
		if !strings.Contains(route, " ") {
			made[path]["*"] = true
		}
	}
	taken := shapes(w.app.Routes())
	for path, methods := range made {
		for _, method := range []string{"TRACE", "PUT", "DELETE", "PATCH", "CONNECT", "PROPFIND", "FOO", "POST"} {
			if methods[method] || methods["*"] && method != "TRACE" || taken(method, path) {
				continue
			}
			for _, a := range []actor{nobody, patient} {
				res := w.ask(method, w.fill(path), a, nil)
				if res.Code != http.StatusMethodNotAllowed && res.Code != http.StatusNotFound {
					t.Errorf("%s %s as %s = %d, want 405", method, path, a.name, res.Code)
				}
				if strings.Contains(res.Body.String(), "Cookie") || strings.Contains(res.Body.String(), "Mozilla") {
					t.Errorf("%s %s gives the request back", method, path)
				}
			}
		}
	}
	for _, path := range []string{"/debug/pprof/", "/debug/vars", "/metrics", "/.git/config", "/.env", "/static/", "/static/../hale.db", "/server-status", "/version"} {
		if res := w.ask("GET", path, patient, nil); res.Code != http.StatusNotFound && res.Code != http.StatusMovedPermanently && res.Code != http.StatusTemporaryRedirect {
			t.Errorf("GET %s = %d, want 404", path, res.Code)
		}
	}
}

// shapes returns what says whether a route with wildcards takes a method at
// a path.
func shapes(routes []string) (taken func(method, path string) bool) {
	by := map[string][]*regexp.Regexp{}
	for _, route := range routes {
		if m, p := split(route); wildcard.MatchString(p) {
			by[m] = append(by[m], regexp.MustCompile("^"+wildcard.ReplaceAllString(p, "[^/]+")+"$"))
		}
	}
	return func(method, path string) bool {
		return slices.ContainsFunc(by[method], func(shape *regexp.Regexp) bool { return shape.MatchString(path) })
	}
}

// machine are the routes that programs post to, without a browser's headers:
// each has a proof of its own in what is posted. An app of another site may
// ask for access by a form, too: what it asks is shown to the person first.
var machine = regexp.MustCompile(`^POST /(hooks/|fhir/|u/\{token\}|shl/\{token\}$|oauth/authorize$)`)

// What another site makes a browser send is refused on every route that
// changes anything.
func TestCrossSite(t *testing.T) {
	w := newWorld(t)
	for _, route := range w.app.Routes() {
		method, path := split(route)
		if method != http.MethodPost || machine.MatchString(route) {
			continue
		}
		for _, a := range actors {
			before := w.state()
			res := w.ask(method, w.fill(path), a, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}})
			if res.Code != http.StatusForbidden {
				t.Errorf("%s as %s from another site = %d, want 403", route, a.name, res.Code)
			}
			if d := differ(before, w.state()); d != "" {
				t.Errorf("%s as %s from another site changed %s", route, a.name, d)
			}
		}
	}
}
