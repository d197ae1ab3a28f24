package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/haletest"
)

// sessions knows a few tokens.
type sessions map[string]access.Actor

func (s sessions) Actor(_ context.Context, token string) (access.Actor, account.Session, error) {
	if token == "broken" {
		return access.Actor{}, account.Session{}, errors.New("the database is away")
	}
	a, ok := s[token]
	if !ok {
		return access.Actor{}, account.Session{}, errs.New(errs.Unauthenticated, "Please sign in.")
	}
	return a, account.Session{ID: "s1", Account: a.ID}, nil
}

var known = sessions{
	"ada":   {Kind: access.Patient, ID: "a1", Name: "Ada Alvarez", Patient: "ada"},
	"lu":    {Kind: access.Proxy, ID: "a2", Name: "Lu Alvarez", Grants: []access.Grant{{Patient: "ada", Name: "Ada Alvarez", Rights: []access.Right{access.ReadRecord}, Categories: []access.Category{access.Results}}}},
	"nurse": {Kind: access.Staff, ID: "a3", Name: "J. Okafor, RN", Roles: []access.Role{access.Nurse}},
	"boss":  {Kind: access.Staff, ID: "a4", Name: "A. Boss", Roles: []access.Role{access.Admin}},
}

type bench struct {
	site *web.Site
	log  *bytes.Buffer
	h    http.Handler
}

func newBench(secure bool) *bench {
	b := &bench{log: &bytes.Buffer{}}
	clinic := web.Clinic{Name: "Riverside & Sons", Phone: "+17085550100", Brand: "oklch(0.5 0.1 20)"}
	b.site = web.NewSite(clinic, known, slog.New(slog.NewTextHandler(b.log, nil)), haletest.Clock(haletest.Noon), secure)
	mux := http.NewServeMux()
	frame := func(pattern, tab string, draw func(web.View) templ.Component) {
		mux.Handle(pattern, b.site.Page(func(w http.ResponseWriter, r *http.Request) error {
			return b.site.Render(w, r, http.StatusOK, draw(b.site.View(r, "A page", tab)))
		}))
	}
	frame("GET /solo", "", web.SoloPage)
	frame("GET /home", "home", web.PortalPage)
	frame("GET /for/{patient}/home", "home", web.PortalPage)
	frame("GET /desk", "today", web.DeskPage)
	mux.Handle("GET /fail/{kind}", b.site.Page(func(_ http.ResponseWriter, r *http.Request) error {
		for kind, err := range failures {
			if kind == r.PathValue("kind") {
				return err
			}
		}
		panic("Maria Alvarez is in this text")
	}))
	mux.Handle("GET /m/{token}", b.site.Page(func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, "hello")
		return err
	}))
	mux.Handle("POST /echo", b.site.Page(func(w http.ResponseWriter, r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%d", len(body))
		return err
	}))
	b.h = b.site.Wrap(mux)
	return b
}

var failures = map[string]error{
	"internal": fmt.Errorf("visit: cancel v1: %w", errors.New("select Maria")), "invalid": errs.New(errs.Invalid, "Say it again."),
	"signin": errs.New(errs.Unauthenticated, "Please sign in."), "forbidden": errs.New(errs.Forbidden, "Not for you."),
	"missing": errs.New(errs.NotFound, "Not there."), "conflict": errs.New(errs.Conflict, "Too late."),
	"many": errs.New(errs.TooMany, "Too often."), "away": errs.New(errs.Unavailable, "Back soon."),
}

func (b *bench) do(method, path string, set ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for _, f := range set {
		f(r)
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	return w
}

func as(token string) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "hale", Value: token}) }
}

func header(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, v) } }

// Every answer, whatever it is, carries the headers.
func TestWrapHeaders(t *testing.T) {
	b := newBench(true)
	asset := b.site.Asset("hale.css")
	for _, path := range []string{"/solo", "/home", "/desk", "/m/x", "/nowhere", "/fail/internal", "/fail/panic", "/fail/missing", asset, "/static/0/hale.css"} {
		h := b.do("GET", path).Header()
		want := map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
		}
		if path != asset && !strings.HasPrefix(path, "/static/") {
			want["Cache-Control"] = "no-store"
		}
		for k, v := range want {
			if h.Get(k) != v {
				t.Errorf("%s: %s = %q, want %q", path, k, h.Get(k), v)
			}
		}
		csp := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "base-uri 'none'", "object-src 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: the policy %q lacks %s", path, csp, part)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") {
			t.Errorf("%s: the policy %q lets in too much", path, csp)
		}
	}
	if h := newBench(false).do("GET", "/solo").Header(); h.Get("Strict-Transport-Security") != "" {
		t.Error("a site on plain http promises https")
	}
}

// Each response has its own nonce; nothing on a page runs or is styled
// without it, and nothing is fetched from elsewhere.
func TestPagesKeepThePolicy(t *testing.T) {
	b := newBench(false)
	nonce := regexp.MustCompile(`'nonce-([^']+)'`)
	seen := map[string]bool{}
	for path, who := range map[string]string{"/solo": "", "/home": "ada", "/for/ada/home": "lu", "/desk": "nurse", "/fail/missing": "", "/fail/internal": "ada"} {
		w := b.do("GET", path, as(who))
		body := w.Body.String()
		m := nonce.FindStringSubmatch(w.Header().Get("Content-Security-Policy"))
		if m == nil || seen[m[1]] || len(m[1]) < 20 {
			t.Fatalf("%s: the nonce %v is missing, short or used before", path, m)
		}
		seen[m[1]] = true
		for _, tag := range regexp.MustCompile(`<(script|style)[^>]*>`).FindAllString(body, -1) {
			if !strings.Contains(tag, `nonce="`+m[1]+`"`) {
				t.Errorf("%s: %s lacks the nonce", path, tag)
			}
		}
		for _, bad := range []string{` style="`, ` onclick=`, ` onload=`, `javascript:`, `"//`, `src="http`, `href="http`} {
			if strings.Contains(body, bad) {
				t.Errorf("%s holds %s", path, bad)
			}
		}
		for _, good := range []string{`<html lang="en"`, `dir="ltr"`, `<title>`, `id="main"`, "Riverside &amp; Sons"} {
			if !strings.Contains(body, good) {
				t.Errorf("%s lacks %s", path, good)
			}
		}
	}
}

func TestFrames(t *testing.T) {
	b := newBench(false)
	tests := []struct {
		name, path, who string
		has, lacks      []string
	}{
		{name: "own record", path: "/home", who: "ada", has: []string{`href="/visits"`, `aria-current="page"`, "Skip to content", `action="/signout"`}, lacks: []string{"acting for"}},
		{name: "acting for somebody", path: "/for/ada/home", who: "lu", has: []string{"You are acting for", "<b>Ada Alvarez</b>", `href="/for/ada/health"`}, lacks: []string{`href="/for/ada/visits"`}},
		{name: "no record, no menu", path: "/home", who: "lu", lacks: []string{`class="tabs"`}},
		{name: "a nurse", path: "/desk", who: "nurse", has: []string{`href="/desk/outreach"`, "Find a patient"}, lacks: []string{`href="/desk/settings"`}},
		{name: "an administrator", path: "/desk", who: "boss", has: []string{`href="/desk/settings"`}, lacks: []string{`href="/desk/outreach"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := b.do("GET", tt.path, as(tt.who)).Body.String()
			for _, s := range tt.has {
				if !strings.Contains(body, s) {
					t.Errorf("the page lacks %s", s)
				}
			}
			for _, s := range tt.lacks {
				if strings.Contains(body, s) {
					t.Errorf("the page has %s", s)
				}
			}
		})
	}
}

func TestFail(t *testing.T) {
	b := newBench(false)
	tests := []struct {
		kind   string
		status int
		say    string
	}{
		{"invalid", 422, "Say it again."}, {"forbidden", 403, "Not for you."}, {"missing", 404, "Not there."}, {"conflict", 409, "Too late."},
		{"many", 429, "Too often."}, {"away", 503, "Back soon."}, {"internal", 500, "Something went wrong on our side."}, {"panic", 500, "Something went wrong on our side."},
	}
	for _, tt := range tests {
		w := b.do("GET", "/fail/"+tt.kind)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.say) || !strings.Contains(w.Body.String(), "tel:+17085550100") {
			t.Errorf("%s answers %d, want %d, %q and the telephone", tt.kind, w.Code, tt.status, tt.say)
		}
		if strings.Contains(w.Body.String(), "Maria") {
			t.Errorf("%s shows what is for the log", tt.kind)
		}
		part := b.do("GET", "/fail/"+tt.kind, header("HX-Request", "true"))
		if part.Header().Get("HX-Retarget") != "body" {
			t.Errorf("%s in a fragment does not take the page's place", tt.kind)
		}
	}
	if strings.Contains(b.log.String(), "Alvarez") {
		t.Error("the log holds the text of a panic")
	}
}

func TestSignInFirst(t *testing.T) {
	b := newBench(false)
	tests := []struct {
		name, method, path string
		set                func(*http.Request)
		status             int
		to                 string
	}{
		{name: "back to the page", method: "GET", path: "/fail/signin?a=b", status: 303, to: "/signin?next=%2Ffail%2Fsignin%3Fa%3Db"},
		{name: "a forgotten session", method: "GET", path: "/fail/signin", set: as("old"), status: 303, to: "/signin?next=%2Ffail%2Fsignin"},
		{name: "signed in and still refused", method: "GET", path: "/fail/signin", set: as("ada"), status: 401},
		{name: "the session cannot be looked up", method: "GET", path: "/home", set: as("broken"), status: 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := tt.set
			if set == nil {
				set = func(*http.Request) {}
			}
			w := b.do(tt.method, tt.path, set)
			if w.Code != tt.status || w.Header().Get("Location") != tt.to {
				t.Errorf("answers %d to %q, want %d to %q", w.Code, w.Header().Get("Location"), tt.status, tt.to)
			}
		})
	}
	if w := b.do("GET", "/fail/signin", header("HX-Request", "true")); w.Header().Get("HX-Redirect") != "/signin" {
		t.Errorf("a fragment redirects to %q, want the whole page to sign in", w.Header().Get("HX-Redirect"))
	}
}

// What net/http refuses in a word looks like every other page.
func TestWrapDressesRefusals(t *testing.T) {
	b := newBench(false)
	for _, tt := range []struct {
		method, path string
		want         int
	}{{"GET", "/nowhere", 404}, {"POST", "/home", 405}, {"TRACE", "/home", 405}, {"GET", "/echo", 405}} {
		w := b.do(tt.method, tt.path)
		if w.Code != tt.want || !strings.Contains(w.Body.String(), "We could not find that") || !strings.Contains(w.Header().Get("Content-Type"), "text/html") || w.Header().Get("Content-Length") != "" {
			t.Errorf("%s %s = %d %q, want a page with %d", tt.method, tt.path, w.Code, w.Body.String(), tt.want)
		}
	}
}

// A form on another site cannot act here; a machine without a browser can.
func TestWrapCrossOrigin(t *testing.T) {
	b := newBench(false)
	tests := []struct {
		name string
		set  func(*http.Request)
		want int
	}{
		{name: "own page", set: header("Sec-Fetch-Site", "same-origin"), want: 200},
		{name: "no browser", set: func(*http.Request) {}, want: 200},
		{name: "another site", set: header("Sec-Fetch-Site", "cross-site"), want: 403},
		{name: "a sister site", set: header("Sec-Fetch-Site", "same-site"), want: 403},
		{name: "an old browser elsewhere", set: header("Origin", "https://evil.test"), want: 403},
	}
	for _, tt := range tests {
		if w := b.do("POST", "/echo", tt.set); w.Code != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, w.Code, tt.want)
		}
	}
}

func TestWrapBodyLimit(t *testing.T) {
	b := newBench(false)
	for size, want := range map[int]int{1 << 20: 200, 1<<20 + 1: 422} {
		w := httptest.NewRecorder()
		b.h.ServeHTTP(w, httptest.NewRequest("POST", "/echo", strings.NewReader(strings.Repeat("x", size))))
		if w.Code != want {
			t.Errorf("%d bytes answer %d, want %d", size, w.Code, want)
		}
	}
}

// The log has the route, never the path: that may be a link or a patient.
func TestWrapLog(t *testing.T) {
	b := newBench(false)
	b.do("GET", "/m/secret-token?born=1961", as("ada"))
	b.do("GET", "/for/ada/home", as("lu"))
	b.do("GET", "/nowhere/secret")
	b.do("SECRET", "/home")
	log := b.log.String()
	for _, s := range []string{"secret", "SECRET", "1961", "/for/ada", "Alvarez", "a1"} {
		if strings.Contains(log, s) {
			t.Errorf("the log holds %q:\n%s", s, log)
		}
	}
	for _, s := range []string{`route="GET /m/{token}"`, `route="GET /for/{patient}/home"`, "status=200", "who=patient", "request="} {
		if !strings.Contains(log, s) {
			t.Errorf("the log lacks %s:\n%s", s, log)
		}
	}
}

func TestGzip(t *testing.T) {
	b := newBench(false)
	plain := b.do("GET", "/home", as("ada"))
	small := b.do("GET", "/home", as("ada"), header("Accept-Encoding", "br, gzip;q=0.8"))
	if plain.Header().Get("Content-Encoding") != "" || small.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("Content-Encoding %q and %q, want none and gzip", plain.Header().Get("Content-Encoding"), small.Header().Get("Content-Encoding"))
	}
	if w := b.do("GET", "/home", as("ada"), header("Accept-Encoding", "gzip;q=0")); w.Header().Get("Content-Encoding") != "" {
		t.Error("gzip went to a browser that refused it")
	}
	z, err := gzip.NewReader(small.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil || !strings.Contains(string(body), "</html>") {
		t.Errorf("the page does not unpack: %v", err)
	}
}

func TestStatic(t *testing.T) {
	b := newBench(false)
	for name, mime := range map[string]string{
		"hale.css": "text/css; charset=utf-8", "brand.css": "text/css; charset=utf-8", "htmx.min.js": "text/javascript; charset=utf-8",
		"hale.js": "text/javascript; charset=utf-8", "passkey.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
		"fonts/atkinson-hyperlegible-next-latin-wght-normal.woff2": "font/woff2",
	} {
		w := b.do("GET", b.site.Asset(name))
		if w.Code != 200 || w.Header().Get("Content-Type") != mime || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %q, %q", name, w.Code, w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"))
		}
	}
	for _, path := range []string{"/static/", "/static/000000000000/hale.css", b.site.Asset("../web.go"), b.site.Asset("nothing.css")} {
		if w := b.do("GET", path); w.Code != 404 {
			t.Errorf("%s: %d, want 404", path, w.Code)
		}
	}
	if css := b.do("GET", b.site.Asset("brand.css")).Body.String(); css != ":root { --brand: oklch(0.5 0.1 20); }\n" {
		t.Errorf("brand.css = %q", css)
	}
	evil := web.NewSite(web.Clinic{Brand: "red; } body { display: none"}, nil, slog.New(slog.DiscardHandler), time.Now, false)
	w := httptest.NewRecorder()
	evil.Static().ServeHTTP(w, httptest.NewRequest("GET", evil.Asset("brand.css"), nil))
	if w.Body.Len() != 0 || evil.Asset("brand.css") == b.site.Asset("brand.css") {
		t.Errorf("brand.css of a strange colour = %q, want nothing, at another address", w.Body.String())
	}
}

// A clinic that describes itself anew is so on the next page, with its logo
// and hours; a page that was written before still finds a style sheet.
func TestDescribe(t *testing.T) {
	b := newBench(false)
	before := b.site.Asset("brand.css")
	b.site.Describe(web.Clinic{
		Name: "Alder Clinic", Phone: "+13125550100", Brand: "oklch(0.4 0.1 300)", Logo: []byte("\x89PNG"), LogoMedia: "image/png",
		Open: func(at time.Time) (bool, time.Time) { return true, time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC) },
	})
	if b.site.Passkeys = true; !b.site.Latest().Passkeys {
		t.Error("what is set later is lost")
	}
	page := b.do("GET", "/home", as("ada")).Body.String()
	for _, want := range []string{"Alder Clinic", b.site.Latest().Asset("brand.css"), b.site.Latest().Asset("logo")} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "Riverside") {
		t.Error("the page still has the old name")
	}
	now, old := b.do("GET", b.site.Latest().Asset("brand.css")), b.do("GET", before)
	if now.Body.String() != old.Body.String() || !strings.Contains(now.Body.String(), "oklch(0.4 0.1 300)") {
		t.Errorf("the new style sheet is %q, at the old address %q", now.Body, old.Body)
	}
	if got := old.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("what is at the old address may be kept: %q", got)
	}
	if logo := b.do("GET", b.site.Latest().Asset("logo")); logo.Code != 200 || logo.Header().Get("Content-Type") != "image/png" {
		t.Errorf("the logo: %d, %s", logo.Code, logo.Header().Get("Content-Type"))
	}
}

// The style sheet and the scripts ask nobody else for anything.
func TestStaticStaysHome(t *testing.T) {
	b := newBench(false)
	for _, name := range []string{"hale.css", "hale.js", "passkey.js"} {
		body := b.do("GET", b.site.Asset(name)).Body.String()
		if strings.Contains(body, "//cdn") || strings.Contains(body, "https://") || strings.Contains(body, "@import") {
			t.Errorf("%s leads elsewhere", name)
		}
	}
}

func TestCookies(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := newBench(secure).site
		w := httptest.NewRecorder()
		s.SetSession(w, "token", 0)
		line := w.Header().Get("Set-Cookie")
		if !strings.Contains(line, "; Path=/") || !strings.Contains(line, "HttpOnly") || !strings.Contains(line, "SameSite=Lax") || strings.Contains(line, "Domain") {
			t.Errorf("the cookie is %q", line)
		}
		if secure != (strings.HasPrefix(line, "__Host-hale=") && strings.Contains(line, "; Secure")) {
			t.Errorf("secure=%t: the cookie is %q", secure, line)
		}
	}
}

func TestRemote(t *testing.T) {
	s := newBench(true).site
	s.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := []struct{ peer, forwarded, want string }{
		{"203.0.113.9:1", "", "203.0.113.9"},
		{"203.0.113.9:1", "198.51.100.1", "203.0.113.9"}, // not our proxy: what it says does not count
		{"10.0.0.2:1", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.2:1", "1.2.3.4, 198.51.100.1, 10.0.0.3", "198.51.100.1"}, // 1.2.3.4 is the client's own word
		{"10.0.0.2:1", "not an address", "10.0.0.2"},
		{"[fd00::1]:1", "2001:db8::7", "2001:db8::7"},
		{"nonsense", "1.2.3.4", ""},
	}
	for _, tt := range tests {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.peer
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := s.Remote(r); got != tt.want {
			t.Errorf("Remote(%s, %q) = %q, want %q", tt.peer, tt.forwarded, got, tt.want)
		}
	}
}

func TestLocal(t *testing.T) {
	for in, want := range map[string]string{
		"/home": "/home", "/visits?x=1": "/visits?x=1", "/for/ada/home#top": "/for/ada/home",
		"": "-", "home": "-", "//evil.test": "-", "///evil.test": "-", "/\\evil.test": "-", "\\\\evil.test": "-", "https://evil.test": "-",
		"/\tevil": "-", "/%5cevil.test": "-", "/%2f/evil.test": "-", "javascript:alert(1)": "-", "/a\r\nSet-Cookie: x": "-", "/.//evil.test": "-",
	} {
		if got := web.Local(in, "-"); got != want {
			t.Errorf("Local(%q) = %q, want %q", in, got, want)
		}
	}
}

// Whatever next says, a browser that follows it stays on this site.
func FuzzLocal(f *testing.F) {
	for _, s := range []string{"/home", "//x", "/\\x", "/%2f%2fx", "/a/..//x", "https:x", "/?q=//x", "/;//x", "/\x00", "/%09/x", "/.//x", "/..//x"} {
		f.Add(s)
	}
	base := &url.URL{Scheme: "https", Host: "portal.example.org", Path: "/signin"}
	f.Fuzz(func(t *testing.T, next string) {
		got := web.Local(next, "/home")
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.User != nil {
			t.Fatalf("Local(%q) = %q, which leads to %v, %v", next, got, u, err)
		}
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest("GET", "https://portal.example.org/signin", nil), got, http.StatusSeeOther)
		to := w.Header().Get("Location")
		if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
			t.Fatalf("Local(%q) redirects to %q", next, to)
		}
	})
}

func TestBorn(t *testing.T) {
	tests := []struct{ m, d, y, want string }{
		{"4", "27", "1961", "1961-04-27"}, {" 04", "07 ", "1961", "1961-04-07"}, {"2", "29", "2000", "2000-02-29"},
		{"2", "29", "2001", ""}, {"13", "1", "1961", ""}, {"4", "31", "1961", ""}, {"4", "27", "61", ""}, {"", "", "", ""}, {"x", "1", "1961", ""}, {"4", "0", "1961", ""},
	}
	for _, tt := range tests {
		got, ok := web.Born(url.Values{"m": {tt.m}, "d": {tt.d}, "y": {tt.y}})
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("Born(%s %s %s) = %q, %t, want %q", tt.m, tt.d, tt.y, got, ok, tt.want)
		}
	}
}

func TestPhone(t *testing.T) {
	for in, want := range map[string]string{"+13125550142": "(312)\u00a0555-0142", "+442079460018": "+442079460018", "": ""} {
		if got := web.Phone(in); got != want {
			t.Errorf("Phone(%q) = %q, want %q", in, got, want)
		}
	}
}

// A number line draws within itself, whatever the value.
func TestRange(t *testing.T) {
	var b bytes.Buffer
	if err := web.Range(38, 62, 154, "7.4 percent", -3).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{`aria-label="7.4 percent"`, `cx="100.0%"`, `cx="0.0%"`, `width="24.0%"`} {
		if !strings.Contains(b.String(), s) {
			t.Errorf("the line lacks %s: %s", s, b.String())
		}
	}
}

func TestNewServer(t *testing.T) {
	s := web.NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
		t.Errorf("a slow client can hold the server: %+v", s)
	}
}

func BenchmarkPage(b *testing.B) {
	n := newBench(false)
	r := httptest.NewRequest("GET", "/home", nil)
	r.AddCookie(&http.Cookie{Name: "hale", Value: "ada"})
	r.Header.Set("Accept-Encoding", "gzip")
	for b.Loop() {
		n.h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
