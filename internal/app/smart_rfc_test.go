package app

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/standard/smart"
)

// Two clients that know nothing of Hale complete the code flow.
func TestSMARTIndependentClients(t *testing.T) {
	databases(t, func(t *testing.T, at string) {
		k := newClinic(t, at)
		ctx := oidc.ClientContext(t.Context(), http.DefaultClient)
		provider, err := oidc.NewProvider(ctx, k.base)
		if err != nil {
			t.Fatal(err)
		}
		conf := oauth2.Config{ClientID: k.secret.ID, ClientSecret: k.shared, Endpoint: provider.Endpoint(), RedirectURL: secretBack, Scopes: []string{"openid", "fhirUser", "offline_access", "launch/patient", "patient/*.rs"}}
		proof := oauth2.GenerateVerifier()
		to := conf.AuthCodeURL("the-state", oauth2.S256ChallengeOption(proof), oauth2.SetAuthURLParam("aud", k.base+"/fhir"), oidc.Nonce("the-nonce"))
		done := k.answers("ada", k.read(k.who["ada"].Get(to)), nil)
		q := done.to.Query()
		if q.Get("state") != "the-state" || q.Get("iss") != k.base || q.Get("from") != "hale" {
			t.Fatalf("led to %s", done.to)
		}
		token, err := conf.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(proof))
		if err != nil {
			t.Fatal(err)
		}
		if token.Extra("patient") != "ada" {
			t.Errorf("patient = %v", token.Extra("patient"))
		}
		raw, _ := token.Extra("id_token").(string)
		id, err := provider.Verifier(&oidc.Config{ClientID: k.secret.ID, Now: k.clock.Now}).Verify(ctx, raw)
		if err != nil || id.Nonce != "the-nonce" || id.Issuer != k.base {
			t.Errorf("ID token = %+v, %v", id, err)
		}
		if _, err := provider.Verifier(&oidc.Config{ClientID: k.web.ID, Now: k.clock.Now}).Verify(ctx, raw); err == nil {
			t.Error("the ID token counts for another client")
		}
		token.Expiry = time.Now().Add(-time.Minute)
		again, err := conf.TokenSource(ctx, token).Token()
		if err != nil || again.AccessToken == token.AccessToken {
			t.Fatalf("refresh = %v", err)
		}
		res, err := oauth2.NewClient(ctx, oauth2.StaticTokenSource(again)).Get(k.base + "/fhir/Observation?patient=ada&category=laboratory")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 || !strings.Contains(string(body), "ada-lab") {
			t.Errorf("search = %d", res.StatusCode)
		}
	})
}

// A launch from the desk: the token is for one app and its member of staff,
// counts once, and carries patient and encounter.
func TestSMARTLaunch(t *testing.T) {
	databases(t, func(t *testing.T, at string) {
		k := newClinic(t, at)
		list := k.read(k.who["nia"].Get(k.base + "/desk/patients/ada/apps"))
		if list.status != 200 || !strings.Contains(list.body, "Web App") || strings.Contains(list.body, "Phone App") || !strings.Contains(list.body, "Checkup") {
			t.Fatalf("the apps to open = %d %s", list.status, short(list.body))
		}
		open := func(form url.Values) url.Values {
			p := k.read(k.who["nia"].PostForm(k.base+"/desk/patients/ada/apps", form))
			if p.to == nil || p.to.Host != "app.example" || p.to.Query().Get("iss") != k.base+"/fhir" {
				t.Fatalf("open = %d to %v: %s", p.status, p.to, short(p.body))
			}
			return k.asks(k.web, "scope", "launch openid fhirUser launch/encounter patient/*.rs user/Practitioner.rs", "launch", p.to.Query().Get("launch"))
		}
		ask := open(url.Values{"app": {k.web.ID}, "encounter": {"ada-visit"}})
		other := changed(k.asks(k.native, "scope", ask.Get("scope"), "launch", ask.Get("launch")))
		if p := k.authorize("nia", other); p.to == nil || p.to.Query().Get("error") != "invalid_request" {
			t.Errorf("the launch of another app leads to %v", p.to)
		}
		got := k.exchange(k.web, k.code("nia", ask, nil))
		if got.Patient != "ada" || got.Encounter != "ada-visit" || !got.Banner || got.Style == "" {
			t.Errorf("reply = %v", got.All)
		}
		user := fmt.Sprint(payload(t, got.ID)["fhirUser"])
		if status, body := k.fhir(got.Access, strings.TrimPrefix(user, k.base+"/fhir/")); status != 200 || !strings.Contains(body, "Nia") || !strings.Contains(user, "/Practitioner/") {
			t.Errorf("%s = %d %s", user, status, short(body))
		}
		if status, body := k.fhir(got.Access, "Observation?patient=ada"); status != 200 || !strings.Contains(body, "ada-lab") {
			t.Errorf("search = %d %s", status, short(body))
		}
		if p := k.authorize("nia", ask); p.to == nil || p.to.Query().Get("error") != "invalid_request" {
			t.Errorf("the same launch again leads to %v", p.to)
		}
		if p := k.authorize("ada", open(url.Values{"app": {k.web.ID}})); p.status != http.StatusNotFound {
			t.Errorf("somebody else finishes the launch: %d", p.status)
		}
		if p := k.read(k.who["max"].Get(k.base + "/desk/patients/ada/apps")); p.status == 200 {
			t.Error("a marketer opens records in apps")
		}
	})
}

// Backend clients get what the desk allowed, for five minutes.
func TestSMARTBackend(t *testing.T) {
	k := newClinic(t, "sqlite:"+t.TempDir()+"/hale.db")
	v := url.Values{"grant_type": {"client_credentials"}, "scope": {"system/*.rs"}, "client_assertion_type": {smart.AssertionType}, "client_assertion": {k.assertion(k.backend.ID, nil)}}
	got := k.post("/oauth/token", v)
	if got.Status != 200 || got.Life > 300 || got.Refresh != "" || got.Type != "Bearer" || got.Patient != "" || got.Scope != "system/Patient.rs system/Observation.rs" {
		t.Fatalf("token = %d %v", got.Status, got.All)
	}
	if status, body := k.fhir(got.Access, "Patient"); status != 200 || !strings.Contains(body, "cleo") {
		t.Errorf("Patient = %d %s", status, short(body))
	}
	if status, _ := k.fhir(got.Access, "Condition?patient=ada"); status != 403 {
		t.Errorf("what was not allowed = %d", status)
	}
	k.clock.move(5 * time.Minute)
	if status, _ := k.fhir(got.Access, "Patient"); status != 401 {
		t.Errorf("after five minutes = %d", status)
	}
}

// RFC 7662 and RFC 7009, as they say it.
func TestSMARTIntrospection(t *testing.T) {
	databases(t, func(t *testing.T, at string) {
		k := newClinic(t, at)
		mine, others := k.tokens("ada", k.secret), k.tokens("ada", k.web)
		about := func(token string) map[string]any {
			return k.post("/oauth/introspect", url.Values{"token": {token}}, k.basic(k.secret, k.shared)).All
		}
		a := about(mine.Access)
		if a["active"] != true || a["client_id"] != k.secret.ID || a["scope"] != mine.Scope || a["patient"] != "ada" || a["iss"] != k.base || a["sub"] == "" || a["exp"] == nil || a["fhirUser"] != k.base+"/fhir/Patient/ada" {
			t.Errorf("active token = %v", a)
		}
		if r := about(mine.Refresh); r["active"] != true {
			t.Errorf("refresh token = %v", r)
		}
		for name, token := range map[string]string{"made up": "x", "of another": others.Access} {
			if got := about(token); len(got) != 1 || got["active"] != false {
				t.Errorf("a token that is %s = %v, want {active: false} alone", name, got)
			}
		}
		if got := k.post("/oauth/introspect", url.Values{"token": {others.Access}, "client_id": {k.web.ID}}); got.Error != "invalid_client" {
			t.Errorf("a public client asks = %v", got.All)
		}
		if got := k.post("/oauth/introspect", url.Values{"token": {mine.Access}}); got.Status != 401 {
			t.Errorf("nobody asks = %d", got.Status)
		}
		if got := k.post("/oauth/revoke", url.Values{"token": {mine.Access}, "client_id": {k.web.ID}}); got.Status != 200 || about(mine.Access)["active"] != true {
			t.Errorf("another client revokes = %d", got.Status)
		}
		for _, token := range []string{"made-up", mine.Refresh, mine.Refresh} {
			if got := k.post("/oauth/revoke", url.Values{"token": {token}, "token_type_hint": {"access_token"}}, k.basic(k.secret, k.shared)); got.Status != 200 {
				t.Errorf("revoke = %d", got.Status)
			}
		}
		if about(mine.Access)["active"] != false || about(mine.Refresh)["active"] != false {
			t.Error("what was revoked is active")
		}
	})
}

// RFC 7591: a client registers, waits, and is let in by an administrator.
func TestSMARTRegistration(t *testing.T) {
	databases(t, func(t *testing.T, at string) {
		k := newClinic(t, at)
		send := func(body string) reply {
			return k.post("/oauth/register", nil, func(r *http.Request) {
				r.Header.Set("Content-Type", "application/json")
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			})
		}
		got := send(`{"client_name":"New App","redirect_uris":["https://new.example/back"],"token_endpoint_auth_method":"client_secret_basic","grant_types":["authorization_code","refresh_token"],"scope":"openid patient/*.rs","software_statement":"ignored"}`)
		if got.Status != 201 || got.All["client_id"] == "" || got.All["client_secret"] == nil || got.All["client_secret_expires_at"] != float64(0) || got.All["hale_status"] != "waiting" {
			t.Fatalf("register = %d %v", got.Status, got.All)
		}
		for body, want := range map[string]string{
			`{`: "invalid_client_metadata", `{}`: "invalid_client_metadata",
			`{"client_name":"A","redirect_uris":["http://new.example/"],"token_endpoint_auth_method":"none"}`:                                                              "invalid_redirect_uri",
			`{"client_name":"A","redirect_uris":["https://new.example/#x"],"token_endpoint_auth_method":"none"}`:                                                           "invalid_redirect_uri",
			`{"client_name":"A","redirect_uris":["com.example:/x"],"token_endpoint_auth_method":"none"}`:                                                                   "invalid_redirect_uri",
			`{"client_name":"A","redirect_uris":["https://*.example/"],"token_endpoint_auth_method":"none"}`:                                                               "invalid_redirect_uri",
			`{"client_name":"A","redirect_uris":[],"token_endpoint_auth_method":"none"}`:                                                                                   "invalid_redirect_uri",
			`{"client_name":"A","redirect_uris":["https://n.example/"],"token_endpoint_auth_method":"tls"}`:                                                                "invalid_client_metadata",
			`{"client_name":"A","redirect_uris":["https://n.example/"],"token_endpoint_auth_method":"private_key_jwt"}`:                                                    "invalid_client_metadata",
			`{"client_name":"A","redirect_uris":["https://n.example/"],"grant_types":["password"]}`:                                                                        "invalid_client_metadata",
			`{"client_name":"A","redirect_uris":["https://n.example/"],"response_types":["token"]}`:                                                                        "invalid_client_metadata",
			`{"client_name":"A","redirect_uris":["https://n.example/"],"scope":"system/*.cruds"}`:                                                                          "invalid_client_metadata",
			`{"client_name":"Evil \u202eppA","redirect_uris":["https://n.example/"]}`:                                                                                      "invalid_client_metadata",
			`{"client_name":"A","redirect_uris":["https://n.example/"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"http://10.0.0.1/k"}`:                     "invalid_client_metadata",
			`{"client_name":"A","redirect_uris":["https://n.example/"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[{"kty":"oct","k":"AA","kid":"s"}]}}`: "invalid_client_metadata",
		} {
			if got := send(body); got.Error != want || got.Status != 400 {
				t.Errorf("%s = %d %v, want %s", body, got.Status, got.All, want)
			}
		}
		id := fmt.Sprint(got.All["client_id"])
		if p := k.read(k.who["nia"].Get(k.base + "/desk/apps")); p.status == 200 {
			t.Error("a nurse looks after apps")
		}
		if p := k.read(k.who["alan"].Get(k.base + "/desk/apps")); !strings.Contains(p.body, "New App") || !strings.Contains(p.body, "Waits for you") {
			t.Errorf("/desk/apps = %d %s", p.status, short(p.body))
		}
		c, err := k.app.Clients.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if p := k.authorize("ada", k.asks(c)); p.status != http.StatusForbidden || p.to != nil {
			t.Errorf("before it is let in = %d to %v", p.status, p.to)
		}
		if p := k.read(k.who["alan"].PostForm(k.base+"/desk/apps/"+id+"/approve", url.Values{"scopes": {"openid patient/Patient.rs"}, "verified": {"1"}})); p.status != 200 {
			t.Fatalf("approve = %d %s", p.status, short(p.body))
		}
		p := k.authorize("ada", k.asks(c))
		if !strings.Contains(p.body, "knows who makes this app") || strings.Contains(p.body, "Lab results") {
			t.Errorf("the page says %s", short(p.body))
		}
		if p := k.read(k.who["alan"].PostForm(k.base+"/desk/apps/"+id+"/secret", nil)); p.status != 200 || !strings.Contains(p.body, "this once") {
			t.Errorf("new secret = %d", p.status)
		}
	})
}

// What everybody may read: JSON always, for pages of every origin.
func TestSMARTDiscovery(t *testing.T) {
	k := newClinic(t, "sqlite:"+t.TempDir()+"/hale.db")
	read := func(path string) (map[string]any, http.Header) {
		r, _ := http.NewRequest(http.MethodGet, k.base+path, nil)
		r.Header.Set("Accept", "application/xml")
		r.Header.Set("Origin", "https://any.example")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var m map[string]any
		if err := json.NewDecoder(res.Body).Decode(&m); err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" || res.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s = %d %v, %v", path, res.StatusCode, res.Header, err)
		}
		return m, res.Header
	}
	m, _ := read("/fhir/.well-known/smart-configuration")
	for _, name := range []string{"issuer", "jwks_uri", "authorization_endpoint", "token_endpoint", "registration_endpoint", "management_endpoint", "introspection_endpoint", "revocation_endpoint", "user_access_brand_bundle"} {
		if text, _ := m[name].(string); !strings.HasPrefix(text, k.base) {
			t.Errorf("%s = %v", name, m[name])
		}
	}
	has := func(name string, want ...string) {
		list, _ := m[name].([]any)
		for _, w := range want {
			if !slices.Contains(list, any(w)) {
				t.Errorf("%s has no %s: %v", name, w, list)
			}
		}
	}
	has("capabilities", "launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric", "client-confidential-asymmetric", "sso-openid-connect", "context-banner", "context-style",
		"context-ehr-patient", "context-ehr-encounter", "context-standalone-patient", "permission-offline", "permission-patient", "permission-user", "permission-v1", "permission-v2")
	has("grant_types_supported", "authorization_code", "client_credentials", "refresh_token")
	has("token_endpoint_auth_methods_supported", "client_secret_basic", "client_secret_post", "private_key_jwt")
	if list, _ := m["code_challenge_methods_supported"].([]any); len(list) != 1 || list[0] != "S256" {
		t.Errorf("challenge methods = %v, want S256 alone", list)
	}
	o, _ := read("/.well-known/openid-configuration")
	for _, name := range []string{"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"} {
		if o[name] == nil {
			t.Errorf("openid-configuration has no %s", name)
		}
	}
	read("/oauth/jwks")
	read("/oauth/style.json")
	read("/.well-known/oauth-protected-resource/fhir")
	b, _ := read("/brands.json")
	brands := 0
	for _, e := range b["entry"].([]any) {
		res := e.(map[string]any)["resource"].(map[string]any)
		if res["resourceType"] == "Organization" && fmt.Sprint(res["identifier"]) == fmt.Sprintf("[map[system:urn:ietf:rfc:3986 value:%v]]", m["user_access_brand_identifier"]) {
			brands++
		}
		if res["resourceType"] == "Endpoint" && res["address"] != k.base+"/fhir" {
			t.Errorf("endpoint = %v", res["address"])
		}
	}
	if b["type"] != "collection" || b["timestamp"] == nil || brands != 1 {
		t.Errorf("brands = %v of type %v at %v", brands, b["type"], b["timestamp"])
	}
	r, _ := http.NewRequest(http.MethodOptions, k.base+"/oauth/token", nil)
	for origin, want := range map[string]string{"https://app.example": "https://app.example", "https://evil.example": ""} {
		r.Header.Set("Origin", origin)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := res.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("a page of %s may ask for tokens: %q, want %q", origin, got, want)
		}
	}
}

// A token that was looked up a moment ago costs no statement.
func BenchmarkSMARTToken(b *testing.B) {
	k := newClinic(b, "sqlite:"+b.TempDir()+"/hale.db")
	got := k.tokens("ada", k.web)
	ctx := context.Background()
	if _, err := k.app.Clients.Actor(ctx, got.Access); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := k.app.Clients.Actor(ctx, got.Access); err != nil {
			b.Fatal(err)
		}
	}
}

// A token that nobody knows is no error of ours.
func TestSMARTUnknownToken(t *testing.T) {
	k := newClinic(t, "sqlite:"+t.TempDir()+"/hale.db")
	for _, token := range []string{"", "x", strings.Repeat("x", 10000)} {
		if _, err := k.app.Clients.Actor(t.Context(), token); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("Actor(%d letters) = %v", len(token), err)
		}
	}
}

// inferno says which test holds what a test of the certification asks, or why
// none does.
func inferno() map[string]string {
	return map[string]string{
		"smart_app_launch": "TestSMARTLaunch", "smart_launch_received": "TestSMARTLaunch",
		"smart_app_redirect": "TestSMARTIndependentClients", "smart_app_redirect_stu2": "TestSMARTHostileRequests", "smart_code_received": "TestSMARTIndependentClients",
		"smart_token_exchange": "TestSMARTStandalone", "smart_token_exchange_stu2": "TestSMARTStandalone", "smart_token_exchange_stu2_2": "TestSMARTStandalone",
		"smart_token_response_body": "TestSMARTStandalone", "smart_token_response_body_stu2_2": "TestSMARTStandalone", "smart_token_response_headers": "TestSMARTStandalone",
		"smart_token_refresh": "TestSMARTStandalone", "smart_token_refresh_stu2": "TestSMARTStandalone", "smart_token_refresh_body": "TestSMARTStandalone",
		"smart_openid_decode_id_token": "TestSMARTStandalone", "smart_openid_token_header": "TestSMARTIndependentClients", "smart_openid_token_payload": "TestSMARTIndependentClients",
		"smart_openid_fhir_user_claim": "TestSMARTLaunch", "smart_openid_required_configuration_fields": "TestSMARTDiscovery", "smart_openid_retrieve_configuration": "TestSMARTDiscovery",
		"smart_openid_retrieve_jwks": "TestSMARTIndependentClients", "smart_cors_token_exchange": "TestSMARTDiscovery", "smart_cors_well_known_endpoint": "TestSMARTDiscovery",
		"smart_cors_metadata_request":               "of package fhirapi, which serves /fhir/metadata to every origin",
		"smart_cors_openid_fhir_user_claim":         "of package fhirapi, which lets registered origins read",
		"well_known_endpoint":                       "TestSMARTDiscovery",
		"well_known_capabilities_stu1":              "TestSMARTDiscovery",
		"well_known_capabilities_stu2":              "TestSMARTDiscovery",
		"smart_backend_services_invalid_grant_type": "TestSMARTHostileTokens", "smart_backend_services_invalid_client_assertion": "TestSMARTHostileTokens", "smart_backend_services_invalid_jwt": "TestSMARTHostileTokens",
		"smart_backend_services_auth_request_success": "TestSMARTBackend", "smart_backend_services_auth_response_body": "TestSMARTBackend",
		"smart_tls": "TLS is asked of the whole server: tls_test.go",
	}
}

// Every test of the checklist has one of ours, or a reason; groups, and what
// tests a client, have none.
func TestSMARTInferno(t *testing.T) {
	file, err := os.Open(haletest.Data(t, "suites/inferno-checklist/smart.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows := csv.NewReader(file)
	known, seen := inferno(), 0
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if row[1] != "test" || row[2] == "" || strings.HasPrefix(row[0], "client") || strings.Contains(row[2], "client_") && !strings.Contains(row[2], "invalid_client") || strings.Contains(row[2], "brands") {
			continue // brands: TestSMARTDiscovery reads the bundle as a whole
		}
		seen++
		if known[row[2]] == "" {
			t.Errorf("%s (%s) has no test: %s", row[2], row[0], row[3])
		}
	}
	t.Logf("%d tests of the checklist", seen)
}
