package app

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/client"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// served is a served Hale with two patients, one who helps the first, a nurse
// and an administrator, and apps of each sort.
type served struct {
	t     testing.TB
	app   *App
	base  string
	clock *clock
	who   map[string]*http.Client // signed in, by name

	web, native, secret, keyed, backend client.Client
	shared, other                       string // secrets
	rival                               client.Client
	key                                 *ecdsa.PrivateKey
}

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const twoPatients = `{"resourceType":"Patient","id":"ada","name":[{"family":"Byron","given":["Ada"]}],"birthDate":"1957-03-09","gender":"female"}
{"resourceType":"Patient","id":"cleo","name":[{"family":"Stander","given":["Cleo"]}],"birthDate":"1970-01-02","gender":"female"}
{"resourceType":"Encounter","id":"ada-visit","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"type":[{"text":"Checkup"}],"subject":{"reference":"Patient/ada"},"period":{"start":"2026-01-02T10:00:00Z","end":"2026-01-02T10:30:00Z"}}
{"resourceType":"Observation","id":"ada-lab","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}],"text":"Hemoglobin A1c"},"subject":{"reference":"Patient/ada"},"effectiveDateTime":"2026-01-02","issued":"2026-01-03T10:00:00Z","valueQuantity":{"value":7.4,"unit":"%","system":"http://unitsofmeasure.org","code":"%"}}
{"resourceType":"Observation","id":"ada-pulse","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}],"text":"Heart rate"},"subject":{"reference":"Patient/ada"},"effectiveDateTime":"2026-01-02","valueQuantity":{"value":61,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}
{"resourceType":"Condition","id":"ada-sud","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"MH"}]},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"problem-list-item"}]}],"code":{"text":"Depression"},"subject":{"reference":"Patient/ada"}}`

// newClinic serves a Hale on the database at url, with changes to its
// configuration.
func newClinic(t testing.TB, database string, change ...func(*Config)) *served {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &served{t: t, base: "http://" + listen.Addr().String(), clock: &clock{now: time.Now().UTC().Truncate(time.Second)}, who: map[string]*http.Client{}}
	c := config(database)
	c.URL, c.Now = k.base, k.clock.Now
	for _, do := range change {
		do(&c)
	}
	if k.app, err = New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.app.Close() })
	server := &httptest.Server{Listener: listen, Config: &http.Server{Handler: k.app.Handler()}}
	server.Start()
	t.Cleanup(server.Close)
	report, err := k.app.Importer("clinic").ImportStream(t.Context(), "two.ndjson", strings.NewReader(twoPatients), nil)
	if err != nil || len(report.Bad) > 0 {
		t.Fatal(err, report.Bad)
	}
	k.people()
	k.clients()
	return k
}

// people makes accounts and signs each in.
func (k *served) people() {
	k.t.Helper()
	for _, a := range []account.Account{
		{Kind: access.Patient, Name: "Ada Byron", Patient: "ada", Email: "ada@x.example"},
		{Kind: access.Patient, Name: "Cleo Stander", Patient: "cleo", Email: "cleo@x.example"},
		{Kind: access.Proxy, Name: "Rosa Helper", Email: "rosa@x.example"},
		{Kind: access.Staff, Name: "Nia Nurse", Email: "nia@x.example", Roles: []access.Role{access.Nurse}},
		{Kind: access.Staff, Name: "Alan Admin", Email: "alan@x.example", Roles: []access.Role{access.Admin}},
		{Kind: access.Staff, Name: "Max Marketer", Email: "max@x.example", Roles: []access.Role{access.Marketer}},
	} {
		made, err := k.app.Accounts.Add(k.t.Context(), a)
		if err != nil {
			k.t.Fatal(err)
		}
		name, _, _ := strings.Cut(strings.ToLower(a.Name), " ")
		if name == "rosa" {
			for _, p := range []string{"ada", "cleo"} {
				g := access.Grant{Patient: p, Name: p, Rights: []access.Right{access.ReadRecord}, Categories: []access.Category{access.Results, access.Conditions}, Basis: access.ByPatient}
				if err := k.app.Accounts.Grant(k.t.Context(), made.ID, g, k.clock.Now().AddDate(1, 0, 0)); err != nil {
					k.t.Fatal(err)
				}
			}
		}
		k.signIn(name, made)
	}
	k.who["nobody"] = k.browser("")
}

func (k *served) signIn(name string, a account.Account) {
	k.t.Helper()
	in, err := k.app.Accounts.Enter(k.t.Context(), k.app.Accounts.Vouched(a), account.Browser{Agent: "test"})
	if err != nil {
		k.t.Fatal(err)
	}
	k.who[name] = k.browser(in.Token)
}

// browser returns one that carries a session, and stops where it is led away
// from Hale.
func (k *served) browser(session string) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		k.t.Fatal(err)
	}
	u, err := url.Parse(k.base)
	if err != nil {
		k.t.Fatal(err)
	}
	if session != "" {
		jar.SetCookies(u, []*http.Cookie{{Name: "hale", Value: session, Path: "/"}})
	}
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), k.base+"/") {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

const (
	webBack    = "https://app.example/back"
	nativeBack = "com.example.app:/back"
	secretBack = "https://server.example/back?from=hale"
	everything = "openid fhirUser profile launch launch/patient launch/encounter offline_access online_access patient/*.rs user/*.rs"
)

// clients registers an app of each sort.
func (k *served) clients() {
	k.t.Helper()
	var err error
	if k.key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader); err != nil {
		k.t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.key.Public(), KeyID: "k1"}}})
	if err != nil {
		k.t.Fatal(err)
	}
	add := func(c client.Client) (client.Client, string) {
		made, secret, err := k.app.Clients.AddOwn(k.t.Context(), c)
		if err != nil {
			k.t.Fatal(err)
		}
		return made, secret
	}
	k.web, _ = add(client.Client{Name: "Web App", Auth: client.None, Redirects: []string{webBack, "https://app.example/second"}, Scopes: everything, Launch: "https://app.example/launch"})
	k.native, _ = add(client.Client{Name: "Phone App", Auth: client.None, Native: true, Redirects: []string{nativeBack, "http://127.0.0.1/back"}, Scopes: everything})
	k.secret, k.shared = add(client.Client{Name: "Server App", Auth: client.Basic, Redirects: []string{secretBack}, Scopes: everything})
	k.rival, k.other = add(client.Client{Name: "Rival App", Auth: client.Post, Redirects: []string{"https://rival.example/back"}, Scopes: everything})
	k.keyed, _ = add(client.Client{Name: "Keyed App", Auth: client.KeyJWT, JWKS: string(set), Redirects: []string{"https://keyed.example/back"}, Scopes: everything})
	k.backend, _ = add(client.Client{Name: "Registry", Auth: client.KeyJWT, JWKS: string(set), Backend: true, Scopes: "system/Patient.rs system/Observation.rs"})
}

// verifier is the one that every request uses.
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

// asks returns a good request of c, changed by pairs of names and values; an
// empty value takes a parameter away.
func (k *served) asks(c client.Client, pairs ...string) url.Values {
	redirect := ""
	if len(c.Redirects) > 0 {
		redirect = c.Redirects[0]
	}
	v := url.Values{"response_type": {"code"}, "client_id": {c.ID}, "redirect_uri": {redirect}, "scope": {"openid fhirUser launch/patient offline_access patient/*.rs"},
		"state": {"state-of-the-app"}, "aud": {k.base + "/fhir"}, "code_challenge": {smart.Challenge(verifier)}, "code_challenge_method": {"S256"}, "nonce": {"n-1"}}
	return changed(v, pairs...)
}

func changed(v url.Values, pairs ...string) url.Values {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			v.Del(pairs[i])
		} else {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

// page is what a browser was shown.
type page struct {
	status int
	url    string // where it ended
	body   string
	header http.Header
	to     *url.URL // where it was led away to, or is to go on
}

var refresh = regexp.MustCompile(`http-equiv="refresh" content="0;url=([^"]+)"`)

func (k *served) read(res *http.Response, err error) page {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	p := page{status: res.StatusCode, url: res.Request.URL.String(), body: string(body), header: res.Header}
	to := res.Header.Get("Location")
	if m := refresh.FindStringSubmatch(p.body); m != nil {
		to = html.UnescapeString(m[1])
	}
	if to != "" {
		if p.to, err = url.Parse(to); err != nil {
			k.t.Fatal(err)
		}
	}
	return p
}

// authorize opens the page that asks, as who.
func (k *served) authorize(who string, v url.Values) page {
	k.t.Helper()
	return k.read(k.who[who].Get(k.base + "/oauth/authorize?" + v.Encode()))
}

var ticked = regexp.MustCompile(`<input type="(checkbox|hidden)" name="([^"]+)" value="([^"]*)"( checked)?`)

// form reads what a browser would send of the page's form: what is hidden or
// ticked.
func (p page) form() url.Values {
	v := url.Values{}
	for _, m := range ticked.FindAllStringSubmatch(p.body, -1) {
		if m[4] != "" || m[1] == "hidden" {
			v.Add(m[2], html.UnescapeString(m[3]))
		}
	}
	return v
}

// answers sends the page's form, changed by change, and returns where the
// browser goes on.
func (k *served) answers(who string, p page, change func(url.Values)) page {
	k.t.Helper()
	v := p.form()
	v.Set("answer", "yes")
	if change != nil {
		change(v)
	}
	at, _, _ := strings.Cut(p.url, "?")
	return k.read(k.who[who].PostForm(at, v))
}

// code lets c in as who, and returns the code that comes back.
func (k *served) code(who string, v url.Values, change func(url.Values)) string {
	k.t.Helper()
	p := k.authorize(who, v)
	if p.status != http.StatusOK || !strings.Contains(p.url, "/oauth/consent/") {
		k.t.Fatalf("authorize = %d at %s: %s", p.status, p.url, short(p.body))
	}
	done := k.answers(who, p, change)
	if done.to == nil || done.to.Query().Get("code") == "" {
		k.t.Fatalf("consent = %d at %s to %v: %s", done.status, done.url, done.to, short(done.body))
	}
	return done.to.Query().Get("code")
}

func short(s string) string {
	if i := strings.Index(s, "<main"); i >= 0 {
		s = s[i:]
	}
	return s[:min(len(s), 600)]
}

// reply is an answer in JSON.
type reply struct {
	Status int
	Header http.Header
	Access, Refresh, ID, Scope, Patient, Encounter,
	Error, Type, Style string
	Life   int
	Banner bool
	All    map[string]any
}

// post sends a form to one of the endpoints.
func (k *served) post(path string, v url.Values, change ...func(*http.Request)) reply {
	k.t.Helper()
	r, err := http.NewRequest(http.MethodPost, k.base+path, strings.NewReader(v.Encode()))
	if err != nil {
		k.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, f := range change {
		f(r)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		k.t.Fatal(err)
	}
	defer res.Body.Close()
	out := reply{Status: res.StatusCode, Header: res.Header}
	body, _ := io.ReadAll(res.Body)
	if len(bytes.TrimSpace(body)) > 0 {
		if err := json.Unmarshal(body, &out.All); err != nil {
			k.t.Fatalf("%s = %d, no JSON: %s", path, res.StatusCode, short(string(body)))
		}
	}
	text := func(name string) string { s, _ := out.All[name].(string); return s }
	out.Access, out.Refresh, out.ID, out.Scope, out.Patient = text("access_token"), text("refresh_token"), text("id_token"), text("scope"), text("patient")
	out.Encounter, out.Error, out.Type, out.Style = text("encounter"), text("error"), text("token_type"), text("smart_style_url")
	life, _ := out.All["expires_in"].(float64)
	out.Life = int(life)
	out.Banner, _ = out.All["need_patient_banner"].(bool)
	return out
}

func (k *served) basic(c client.Client, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(secret)) }
}

// exchange trades a code of c, changed by pairs.
func (k *served) exchange(c client.Client, code string, pairs ...string) reply {
	k.t.Helper()
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.Redirects[0]}, "code_verifier": {verifier}}
	return k.token(c, v, pairs...)
}

// token posts v to the token endpoint with c's own proof.
func (k *served) token(c client.Client, v url.Values, pairs ...string) reply {
	k.t.Helper()
	switch c.Auth {
	case client.None:
		v.Set("client_id", c.ID)
	case client.Basic:
		return k.post("/oauth/token", changed(v, pairs...), k.basic(c, k.shared))
	case client.Post:
		v.Set("client_id", c.ID)
		v.Set("client_secret", k.other)
	default:
		v.Set("client_assertion_type", smart.AssertionType)
		v.Set("client_assertion", k.assertion(c.ID, nil))
	}
	return k.post("/oauth/token", changed(v, pairs...))
}

// assertion signs who id is, changed by change.
func (k *served) assertion(id string, change func(*jwt.Claims)) string {
	k.t.Helper()
	now := k.clock.Now()
	c := jwt.Claims{Issuer: id, Subject: id, Audience: jwt.Audience{k.base + "/oauth/token"}, ID: rand.Text(), Expiry: jwt.NewNumericDate(now.Add(4 * time.Minute)), IssuedAt: jwt.NewNumericDate(now)}
	if change != nil {
		change(&c)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES384, Key: jose.JSONWebKey{Key: k.key, KeyID: "k1"}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		k.t.Fatal(err)
	}
	text, err := jwt.Signed(s).Claims(c).Serialize()
	if err != nil {
		k.t.Fatal(err)
	}
	return text
}

// tokens lets c in as who and trades the code.
func (k *served) tokens(who string, c client.Client, pairs ...string) reply {
	k.t.Helper()
	t := k.exchange(c, k.code(who, k.asks(c, pairs...), nil))
	if t.Status != http.StatusOK || t.Access == "" {
		k.t.Fatalf("token = %d %s %v", t.Status, t.Error, t.All)
	}
	return t
}

func (k *served) refresh(c client.Client, token string, pairs ...string) reply {
	k.t.Helper()
	return k.token(c, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, pairs...)
}

// fhir asks the record by a token and returns the status and the body.
func (k *served) fhir(token, path string) (int, string) {
	k.t.Helper()
	r, err := http.NewRequest(http.MethodGet, k.base+"/fhir/"+path, nil)
	if err != nil {
		k.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		k.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

func (k *served) exec(q string, args ...any) {
	k.t.Helper()
	err := k.app.db.Tx(k.t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(context.Background(), q, args...)
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
}

// payload reads the claims of a token without a look at its signature.
func payload(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no token", token)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// Everything that a standalone launch gives, from the question to the record.
func TestSMARTStandalone(t *testing.T) {
	databases(t, func(t *testing.T, at string) {
		k := newClinic(t, at)
		for _, c := range []client.Client{k.web, k.native, k.secret, k.rival, k.keyed} {
			t.Run(c.Name, func(t *testing.T) {
				k.t = t
				got := k.tokens("ada", c)
				if got.Type != "Bearer" || got.Life != 3600 || got.Patient != "ada" || got.Refresh == "" || !got.Banner || got.Style == "" {
					t.Errorf("token reply = %+v", got.All)
				}
				if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Pragma") != "no-cache" {
					t.Errorf("headers = %v", got.Header)
				}
				if want := "openid fhirUser launch/patient offline_access patient/*.rs"; got.Scope != want {
					t.Errorf("scope = %q, want %q", got.Scope, want)
				}
				id := payload(t, got.ID)
				if id["iss"] != k.base || id["aud"] != c.ID || id["nonce"] != "n-1" || id["fhirUser"] != k.base+"/fhir/Patient/ada" || id["auth_time"] == nil || id["sub"] == "" {
					t.Errorf("id token = %v", id)
				}
				if status, body := k.fhir(got.Access, "Patient/ada"); status != 200 || !strings.Contains(body, "Byron") {
					t.Errorf("Patient/ada = %d %s", status, short(body))
				}
				if status, _ := k.fhir(got.Access, "Patient/cleo"); status != 404 && status != 403 {
					t.Errorf("Patient/cleo = %d", status)
				}
				if status, body := k.fhir(got.Access, "Condition?patient=ada"); status != 200 || strings.Contains(body, "Depression") {
					t.Errorf("what is protected and was not ticked is shown: %d %s", status, short(body))
				}
				next := k.refresh(c, got.Refresh)
				if next.Status != 200 || next.Access == got.Access || next.Refresh == got.Refresh || next.Patient != "ada" || next.Scope != got.Scope {
					t.Errorf("refresh = %d %v", next.Status, next.All)
				}
				if _, ok := next.All["id_token"]; !ok {
					t.Log("no id token at a refresh")
				}
			})
		}
	})
}

// What is granted is what was ticked, and what was not asked by name is not.
func TestSMARTConsent(t *testing.T) {
	databases(t, func(t *testing.T, at string) {
		k := newClinic(t, at)
		p := k.authorize("ada", k.asks(k.web))
		for _, want := range []string{"Web App asks to see your record", "Test results", "Lab results", "Specially protected", "Keep access until I stop it", "No, share nothing", "has not checked who makes this app"} {
			if !strings.Contains(p.body, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
		if f := p.form(); f.Has("label") || !f.Has("keep") {
			t.Errorf("ticked = %v: nothing that is protected may be", f)
		}
		csp := p.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "frame-ancestors 'none'") || p.header.Get("X-Frame-Options") != "DENY" || !strings.Contains(csp, "form-action 'self'") {
			t.Errorf("the page can be framed: %s", csp)
		}
		t.Run("a part", func(t *testing.T) {
			k.t = t
			code := k.code("ada", k.asks(k.web), func(v url.Values) {
				v["part"], v["group"] = []string{"Observation/laboratory", "Patient", "DiagnosticReport"}, []string{"results"}
				v.Del("keep")
			})
			got := k.exchange(k.web, code)
			if strings.Contains(got.Scope, "Patient.rs") || !strings.Contains(got.Scope, "category=") || strings.Contains(got.Scope, "offline") || got.Refresh != "" {
				t.Errorf("granted %q and refresh %q", got.Scope, got.Refresh)
			}
			if status, body := k.fhir(got.Access, "Observation?patient=ada"); status != 200 || !strings.Contains(body, "ada-lab") || strings.Contains(body, "ada-pulse") {
				t.Errorf("a search finds %d %s", status, short(body))
			}
			if status, _ := k.fhir(got.Access, "Observation/ada-pulse"); status != 404 && status != 403 {
				t.Errorf("a read of another category = %d", status)
			}
			if status, _ := k.fhir(got.Access, "Patient/ada"); status == 200 && !strings.Contains(got.Scope, "fhirUser") {
				t.Errorf("Patient, which was not ticked, = %d", status)
			}
		})
		t.Run("protected", func(t *testing.T) {
			k.t = t
			code := k.code("ada", k.asks(k.web), func(v url.Values) { v["label"] = []string{"mental-health"} })
			got := k.exchange(k.web, code)
			if status, body := k.fhir(got.Access, "Condition?patient=ada"); status != 200 || !strings.Contains(body, "Depression") {
				t.Errorf("what was ticked by name = %d %s", status, short(body))
			}
		})
		t.Run("no", func(t *testing.T) {
			k.t = t
			done := k.answers("ada", k.authorize("ada", k.asks(k.web)), func(v url.Values) { v.Set("answer", "no") })
			if q := done.to.Query(); q.Get("error") != "access_denied" || q.Get("state") != "state-of-the-app" || q.Get("iss") != k.base || q.Has("code") {
				t.Errorf("no leads to %s", done.to)
			}
		})
		t.Run("nothing", func(t *testing.T) {
			k.t = t
			done := k.answers("ada", k.authorize("ada", k.asks(k.web)), func(v url.Values) { v.Del("part") })
			if done.status != http.StatusUnprocessableEntity || !strings.Contains(done.body, "at least one thing") {
				t.Errorf("nothing ticked = %d %s", done.status, short(done.body))
			}
		})
		t.Run("whose", func(t *testing.T) {
			k.t = t
			p := k.authorize("rosa", k.asks(k.web))
			if !strings.Contains(p.body, "Whose record?") || !strings.Contains(p.body, "?for=cleo") {
				t.Fatalf("who helps two people is asked %s", short(p.body))
			}
			at := p.url + "?for=cleo"
			p = k.read(k.who["rosa"].Get(at))
			if !strings.Contains(p.body, "asks to see the record of Cleo Stander") {
				t.Errorf("the page says %s", short(p.body))
			}
			done := k.answers("rosa", p, nil)
			got := k.exchange(k.web, done.to.Query().Get("code"))
			if got.Patient != "cleo" {
				t.Errorf("patient = %q, want cleo", got.Patient)
			}
			user := fmt.Sprint(payload(t, got.ID)["fhirUser"])
			if status, body := k.fhir(got.Access, strings.TrimPrefix(user, k.base+"/fhir/")); status != 200 || !strings.Contains(body, "Rosa") {
				t.Errorf("fhirUser %s = %d %s", user, status, short(body))
			}
		})
		notices, err := db.One(t.Context(), k.app.db, db.Value[int], `select count(*) from account_notice`)
		if err != nil || notices == 0 {
			t.Errorf("%d notices after granting, %v", notices, err)
		}
		rows, err := db.All(t.Context(), k.app.db, db.Value[string], `select action from audit where action in ('client.grant', 'client.deny', 'disclosure.make')`)
		if err != nil || !slices.Contains(rows, "client.grant") || !slices.Contains(rows, "client.deny") || !slices.Contains(rows, "disclosure.make") {
			t.Errorf("audit has %v, %v", rows, err)
		}
	})
}
