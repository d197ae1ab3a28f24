package app

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"hale/internal/access/account"
	"hale/internal/access/client"
	"hale/internal/standard/smart"
)

// What a hostile app, or a hostile page, does at the address where apps ask.
// want is the error that goes back to the app; "page" is a page of Hale's own
// that leads nowhere, because the address of the app is not to be believed.
func TestSMARTHostileRequests(t *testing.T) {
	k := newClinic(t, "sqlite:"+t.TempDir()+"/hale.db")
	waiting, _, err := k.app.Clients.Register(t.Context(), client.Client{Name: "Waiting", Auth: client.None, Redirects: []string{"https://new.example/back"}, Scopes: everything})
	if err != nil {
		t.Fatal(err)
	}
	unknown := k.web
	unknown.ID = "nobody"
	for _, tt := range []struct {
		name  string
		from  client.Client
		pairs []string
		want  string
	}{
		{"unknown client", unknown, nil, "page"},
		{"waiting client", waiting, nil, "page"},
		{"backend client", k.backend, []string{"redirect_uri", "https://x.example/back"}, "page"},
		{"no redirect", k.web, []string{"redirect_uri", ""}, "page"},
		{"another host", k.web, []string{"redirect_uri", "https://evil.example/back"}, "page"},
		{"another path", k.web, []string{"redirect_uri", webBack + "/more"}, "page"},
		{"path walked back", k.web, []string{"redirect_uri", "https://app.example/x/../back"}, "page"},
		{"a query added", k.web, []string{"redirect_uri", webBack + "?next=//evil.example"}, "page"},
		{"a fragment", k.web, []string{"redirect_uri", webBack + "#x"}, "page"},
		{"user info", k.web, []string{"redirect_uri", "https://app.example@evil.example/back"}, "page"},
		{"a host below", k.web, []string{"redirect_uri", "https://app.example.evil.example/back"}, "page"},
		{"upper case", k.web, []string{"redirect_uri", "https://APP.example/back"}, "page"},
		{"http", k.web, []string{"redirect_uri", "http://app.example/back"}, "page"},
		{"a script", k.web, []string{"redirect_uri", "javascript:alert(1)"}, "page"},
		{"data", k.web, []string{"redirect_uri", "data:text/html,x"}, "page"},
		{"of another client", k.web, []string{"redirect_uri", secretBack}, "page"},
		{"the loopback port of a web app", k.web, []string{"redirect_uri", "http://127.0.0.1:4711/back"}, "page"},
		{"another loopback path", k.native, []string{"redirect_uri", "http://127.0.0.1:4711/other"}, "page"},
		{"the name of the loopback", k.native, []string{"redirect_uri", "http://localhost:4711/back"}, "page"},
		{"no response type", k.web, []string{"response_type", ""}, "invalid_request"},
		{"implicit", k.web, []string{"response_type", "token"}, "unsupported_response_type"},
		{"hybrid", k.web, []string{"response_type", "code id_token"}, "unsupported_response_type"},
		{"fragment answers", k.web, []string{"response_mode", "fragment"}, "invalid_request"},
		{"no state", k.web, []string{"state", ""}, "invalid_request"},
		{"no PKCE", k.web, []string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
		{"PKCE without its method", k.web, []string{"code_challenge_method", ""}, "invalid_request"},
		{"plain PKCE", k.web, []string{"code_challenge_method", "plain", "code_challenge", verifier}, "invalid_request"},
		{"a short challenge", k.web, []string{"code_challenge", "abc"}, "invalid_request"},
		{"PKCE of a confidential client left out", k.secret, []string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
		{"no audience", k.web, []string{"aud", ""}, "invalid_target"},
		{"another audience", k.web, []string{"aud", "https://evil.example/fhir"}, "invalid_target"},
		{"two audiences", k.web, []string{"resource", "https://evil.example/fhir"}, "invalid_target"},
		{"no scope", k.web, []string{"scope", ""}, "invalid_scope"},
		{"scopes of nobody", k.web, []string{"scope", "cheese wine"}, "invalid_scope"},
		{"system scopes", k.web, []string{"scope", "system/*.rs"}, "invalid_scope"},
		{"writing", k.web, []string{"scope", "patient/Patient.cud"}, "invalid_scope"},
		{"writing, version 1", k.web, []string{"scope", "patient/*.write"}, "invalid_scope"},
		{"letters out of order", k.web, []string{"scope", "patient/Patient.sr"}, "invalid_scope"},
		{"a launch that is made up", k.web, []string{"scope", "launch openid", "launch", "made-up"}, "invalid_request"},
		{"launch without its parameter", k.web, []string{"scope", "launch patient/*.rs"}, "invalid_request"},
		{"a request object", k.web, []string{"request", "e30.e30."}, "request_not_supported"},
		{"a request by address", k.web, []string{"request_uri", "https://evil.example/r"}, "request_uri_not_supported"},
		{"a very long state", k.web, []string{"state", strings.Repeat("s", 2000)}, "invalid_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k.t = t
			p := k.authorize("ada", k.asks(tt.from, tt.pairs...))
			if tt.want == "page" {
				if p.to != nil || p.status < 400 || !strings.HasPrefix(p.url, k.base+"/oauth/authorize") {
					t.Errorf("= %d, led to %v", p.status, p.to)
				}
				return
			}
			if p.to == nil || p.to.Query().Get("error") != tt.want || p.to.Query().Get("iss") != k.base || p.to.Query().Has("code") {
				t.Errorf("= %d, led to %v, want %s: %s", p.status, p.to, tt.want, short(p.body))
			}
		})
	}
	t.Run("a parameter twice", func(t *testing.T) {
		k.t = t
		v := k.asks(k.web)
		v.Add("scope", "user/*.rs")
		if p := k.authorize("ada", v); p.to == nil || p.to.Query().Get("error") != "invalid_request" {
			t.Errorf("= %d to %v", p.status, p.to)
		}
		v = k.asks(k.web)
		v.Add("redirect_uri", "https://evil.example/")
		if p := k.authorize("ada", v); p.to != nil || p.status < 400 {
			t.Errorf("two redirects = %d to %v", p.status, p.to)
		}
	})
	t.Run("by a form of another site", func(t *testing.T) {
		k.t = t
		r, _ := http.NewRequest(http.MethodPost, k.base+"/oauth/authorize", strings.NewReader(k.asks(k.web).Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if p := k.read(k.who["ada"].Do(r)); p.status != 200 || !strings.Contains(p.url, "/oauth/consent/") {
			t.Errorf("POST = %d at %s", p.status, p.url)
		}
	})
}

// What others do with the page that asks.
func TestSMARTHostileConsent(t *testing.T) {
	k := newClinic(t, "sqlite:"+t.TempDir()+"/hale.db")
	ask := func(t *testing.T, pairs ...string) page {
		k.t = t
		return k.authorize("ada", k.asks(k.web, pairs...))
	}
	t.Run("another site sends the form", func(t *testing.T) {
		p := ask(t)
		f := p.form()
		f.Set("answer", "yes")
		r, _ := http.NewRequest(http.MethodPost, p.url, strings.NewReader(f.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if got := k.read(k.who["ada"].Do(r)); got.status != http.StatusForbidden {
			t.Errorf("= %d", got.status)
		}
	})
	t.Run("nobody is signed in", func(t *testing.T) {
		if got := k.read(k.who["nobody"].Get(ask(t).url)); !strings.Contains(got.url, "/signin?next=%2Foauth%2Fconsent%2F") {
			t.Errorf("= %d at %s", got.status, got.url)
		}
	})
	t.Run("a record of somebody else", func(t *testing.T) {
		p := ask(t)
		done := k.answers("ada", p, func(v url.Values) { v.Set("for", "cleo") })
		if got := k.exchange(k.web, done.to.Query().Get("code")); got.Patient != "ada" {
			t.Errorf("patient = %q", got.Patient)
		}
	})
	t.Run("more than was asked", func(t *testing.T) {
		p := ask(t, "scope", "patient/Patient.rs")
		done := k.answers("ada", p, func(v url.Values) {
			v["group"], v["part"], v["keep"] = smart.Groups(), []string{"Patient", "Observation/laboratory", "*"}, []string{"yes"}
		})
		if got := k.exchange(k.web, done.to.Query().Get("code")); got.Scope != "patient/Patient.rs" || got.Refresh != "" {
			t.Errorf("granted %q, refresh %q", got.Scope, got.Refresh)
		}
	})
	t.Run("answered twice", func(t *testing.T) {
		p := ask(t)
		k.answers("ada", p, nil)
		if got := k.answers("ada", p, nil); got.status != http.StatusNotFound {
			t.Errorf("= %d to %v", got.status, got.to)
		}
	})
	t.Run("gone on by another", func(t *testing.T) {
		p := ask(t)
		f := p.form()
		f.Set("answer", "yes")
		stay := *k.who["ada"]
		stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		res, err := stay.PostForm(p.url, f)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := k.read(k.who["cleo"].Get(k.base + res.Header.Get("Location"))); got.to != nil {
			t.Errorf("= %d to %v", got.status, got.to)
		}
	})
	t.Run("staff without records", func(t *testing.T) {
		k.t = t
		if got := k.authorize("max", k.asks(k.web, "scope", "user/*.rs openid")); got.status != http.StatusNotFound {
			t.Errorf("a marketer is asked: %d", got.status)
		}
	})
	t.Run("protected, without a fresh proof", func(t *testing.T) {
		k.t = t
		ada, err := k.app.Accounts.At(t.Context(), "ada@x.example")
		if err != nil {
			t.Fatal(err)
		}
		k.signIn("old", ada[0])
		k.exec(`update account_session set how = 'passkey', proof_at = $1 where account = $2`, k.clock.Now().Add(-time.Hour).UnixMicro(), ada[0].ID)
		p := k.authorize("old", k.asks(k.web))
		got := k.answers("old", p, func(v url.Values) { v["label"] = []string{"mental-health"} })
		if got.to != nil && got.to.Query().Has("code") || !strings.Contains(got.url, "/signin/again") {
			t.Errorf("= %d at %s to %v", got.status, got.url, got.to)
		}
	})
	t.Run("a client suspended meanwhile", func(t *testing.T) {
		p := ask(t)
		k.exec(`update app_client set status = 'suspended' where id = $1`, k.web.ID)
		if got := k.answers("ada", p, nil); got.to != nil {
			t.Errorf("= %d to %v", got.status, got.to)
		}
		k.exec(`update app_client set status = 'approved' where id = $1`, k.web.ID)
	})
	t.Run("too late", func(t *testing.T) {
		p := ask(t)
		k.clock.move(client.AskLife)
		k.t = t
		if got := k.answers("ada", p, nil); got.to != nil && got.to.Query().Has("code") {
			t.Errorf("= %d to %v", got.status, got.to)
		}
	})
}

// What a hostile client does at the token endpoint.
func TestSMARTHostileTokens(t *testing.T) {
	databases(t, func(t *testing.T, at string) {
		k := newClinic(t, at)
		for _, tt := range hostileExchanges(k) {
			t.Run(tt.name, func(t *testing.T) {
				k.t = t
				got := tt.try()
				if got.Error != tt.want || got.Access != "" || got.Status < 400 || got.Status >= 500 {
					t.Errorf("= %d %v, want %s", got.Status, got.All, tt.want)
				}
				if got.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("Cache-Control = %q", got.Header.Get("Cache-Control"))
				}
			})
		}
	})
}

type hostile struct {
	name string
	try  func() reply
	want string
}

func hostileExchanges(k *served) []hostile {
	grant := func(c client.Client) string { return k.code("ada", k.asks(c), nil) }
	own := func(change func(*jwt.Claims), pairs ...string) reply {
		return k.post("/oauth/token", changed(url.Values{"grant_type": {"client_credentials"}, "scope": {"system/Patient.rs"}, "client_assertion_type": {smart.AssertionType},
			"client_assertion": {k.assertion(k.backend.ID, change)}}, pairs...))
	}
	return []hostile{
		{"no grant type", func() reply { return k.exchange(k.web, grant(k.web), "grant_type", "") }, "invalid_request"},
		{"a password", func() reply { return k.exchange(k.web, grant(k.web), "grant_type", "password") }, "unsupported_grant_type"},
		{"no code", func() reply { return k.exchange(k.web, "", "code", "") }, "invalid_request"},
		{"a code made up", func() reply { return k.exchange(k.web, "made-up") }, "invalid_grant"},
		{"another redirect", func() reply { return k.exchange(k.web, grant(k.web), "redirect_uri", "https://app.example/second") }, "invalid_grant"},
		{"no redirect", func() reply { return k.exchange(k.web, grant(k.web), "redirect_uri", "") }, "invalid_request"},
		{"no verifier", func() reply { return k.exchange(k.web, grant(k.web), "code_verifier", "") }, "invalid_request"},
		{"another verifier", func() reply { return k.exchange(k.web, grant(k.web), "code_verifier", strings.Repeat("a", 43)) }, "invalid_grant"},
		{"the challenge as verifier", func() reply { return k.exchange(k.web, grant(k.web), "code_verifier", smart.Challenge(verifier)) }, "invalid_grant"},
		{"a code of another public client", func() reply { return k.exchange(k.native, grant(k.web), "redirect_uri", webBack) }, "invalid_grant"},
		{"a code injected into a confidential client", func() reply { return k.exchange(k.secret, grant(k.web), "redirect_uri", webBack) }, "invalid_grant"},
		{"a code after its minute", func() reply {
			code := grant(k.web)
			k.clock.move(client.CodeLife)
			return k.exchange(k.web, code)
		}, "invalid_grant"},
		{"a code twice", func() reply { c := grant(k.web); k.exchange(k.web, c); return k.exchange(k.web, c) }, "invalid_grant"},
		{"a code after a wrong verifier", func() reply {
			c := grant(k.web)
			k.exchange(k.web, c, "code_verifier", strings.Repeat("b", 43))
			return k.exchange(k.web, c)
		}, "invalid_grant"},
		{"no secret", func() reply {
			return k.post("/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {grant(k.secret)}, "redirect_uri": {secretBack}, "code_verifier": {verifier}, "client_id": {k.secret.ID}})
		}, "invalid_client"},
		{"a wrong secret", func() reply {
			return k.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, k.basic(k.secret, "wrong"))
		}, "invalid_client"},
		{"an empty secret", func() reply {
			return k.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, k.basic(k.web, ""))
		}, "invalid_client"},
		{"a secret in the form for one of HTTP Basic", func() reply {
			return k.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {k.secret.ID}, "client_secret": {k.shared}})
		}, "invalid_client"},
		{"two proofs", func() reply {
			return k.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_secret": {k.shared}}, k.basic(k.secret, k.shared))
		}, "invalid_request"},
		{"another name beside the proof", func() reply {
			return k.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {k.web.ID}}, k.basic(k.secret, k.shared))
		}, "invalid_request"},
		{"parameters in the address", func() reply {
			return k.post("/oauth/token?client_id="+k.web.ID, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {k.web.ID}})
		}, "invalid_request"},
		{"a parameter twice", func() reply {
			return k.post("/oauth/token", url.Values{"grant_type": {"refresh_token", "authorization_code"}, "client_id": {k.web.ID}})
		}, "invalid_request"},
		{"no form", func() reply {
			return k.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}}, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
		}, "invalid_request"},
		{"a refresh token of another client", func() reply { return k.refresh(k.native, k.tokens("ada", k.web).Refresh) }, "invalid_grant"},
		{"an access token for a refresh token", func() reply { return k.refresh(k.web, k.tokens("ada", k.web).Access) }, "invalid_grant"},
		{"more than was granted", func() reply {
			return k.refresh(k.web, k.tokens("ada", k.web, "scope", "openid offline_access patient/Patient.rs").Refresh, "scope", "patient/*.rs")
		}, "invalid_scope"},
		{"a refresh token twice", func() reply { r := k.tokens("ada", k.web).Refresh; k.refresh(k.web, r); return k.refresh(k.web, r) }, "invalid_grant"},
		{"a refresh token after its successor was used twice", func() reply {
			first := k.tokens("ada", k.web).Refresh
			next := k.refresh(k.web, first).Refresh
			k.refresh(k.web, first)
			return k.refresh(k.web, next)
		}, "invalid_grant"},
		{"system scopes of a person's app", func() reply {
			return k.token(k.keyed, url.Values{"grant_type": {"client_credentials"}, "scope": {"system/*.rs"}})
		}, "unauthorized_client"},
		{"client credentials of a public app", func() reply {
			return k.token(k.web, url.Values{"grant_type": {"client_credentials"}, "scope": {"system/*.rs"}})
		}, "unauthorized_client"},
		{"a code for a backend client", func() reply {
			return k.post("/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "redirect_uri": {"x"}, "code_verifier": {verifier}, "client_assertion_type": {smart.AssertionType}, "client_assertion": {k.assertion(k.backend.ID, nil)}})
		}, "unauthorized_client"},
		{"scopes that were not allowed", func() reply { return own(nil, "scope", "system/Condition.rs") }, "invalid_scope"},
		{"writing that was not allowed", func() reply { return own(nil, "scope", "system/Patient.cud") }, "invalid_scope"},
		{"a person's scopes of a backend client", func() reply { return own(nil, "scope", "patient/*.rs") }, "invalid_scope"},
		{"no scope of a backend client", func() reply { return own(nil, "scope", "") }, "invalid_scope"},
		{"another type of assertion", func() reply { return own(nil, "client_assertion_type", "saml") }, "invalid_request"},
		{"no assertion", func() reply { return own(nil, "client_assertion", "") }, "invalid_client"},
		{"an assertion made up", func() reply { return own(nil, "client_assertion", "a.b.c") }, "invalid_client"},
		{"without a signature", func() reply { return own(nil, "client_assertion", "eyJhbGciOiJub25lIn0.e30.") }, "invalid_client"},
		{"for another server", func() reply {
			return own(func(c *jwt.Claims) { c.Audience = jwt.Audience{"https://evil.example/token"} })
		}, "invalid_client"},
		{"expired", func() reply {
			return own(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(k.clock.Now().Add(-time.Minute)) })
		}, "invalid_client"},
		{"too long", func() reply {
			return own(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(k.clock.Now().Add(time.Hour)) })
		}, "invalid_client"},
		{"issued by another", func() reply { return own(func(c *jwt.Claims) { c.Issuer = k.keyed.ID }) }, "invalid_client"},
		{"named another", func() reply { return own(nil, "client_id", k.keyed.ID) }, "invalid_client"},
		{"an assertion twice", func() reply {
			same := k.assertion(k.backend.ID, func(c *jwt.Claims) { c.ID = "again" })
			own(nil, "client_assertion", same)
			return own(nil, "client_assertion", same)
		}, "invalid_client"},
		{"another assertion with the same jti", func() reply { return own(func(c *jwt.Claims) { c.ID = "again" }) }, "invalid_client"},
		{"an assertion of a public client", func() reply {
			return own(func(c *jwt.Claims) { c.Issuer, c.Subject = k.web.ID, k.web.ID })
		}, "invalid_client"},
		{"a refresh token after three months", func() reply {
			r := k.tokens("ada", k.web).Refresh
			k.clock.move(client.KeepLife)
			return k.refresh(k.web, r)
		}, "invalid_grant"},
	}
}

// Keys are fetched from public addresses alone, and no registration leads
// into the clinic's own network.
func TestSMARTKeysOfPrivateServers(t *testing.T) {
	k := newClinic(t, "sqlite:"+t.TempDir()+"/hale.db")
	for _, at := range []string{"https://127.0.0.1/keys", "https://localhost/keys", "https://10.0.0.1/keys", "https://169.254.169.254/latest/meta-data", "https://[::1]/keys", "https://192.168.0.1:8443/keys"} {
		c, _, err := k.app.Clients.AddOwn(t.Context(), client.Client{Name: "Inside", Auth: client.KeyJWT, JWKSURI: at, Backend: true, Scopes: "system/*.rs"})
		if err != nil {
			t.Fatal(err)
		}
		got := k.post("/oauth/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"system/*.rs"}, "client_assertion_type": {smart.AssertionType}, "client_assertion": {k.assertion(c.ID, nil)}})
		if got.Error != "invalid_client" {
			t.Errorf("keys at %s = %d %v", at, got.Status, got.All)
		}
	}
	for _, at := range []string{"http://keys.example/", "file:///etc/passwd", "ftp://keys.example/", "https://user:pass@keys.example/x"} {
		if _, _, err := k.app.Clients.AddOwn(t.Context(), client.Client{Name: "Inside", Auth: client.KeyJWT, JWKSURI: at, Backend: true, Scopes: "system/*.rs"}); err == nil {
			t.Errorf("%s was taken for keys", at)
		}
	}
}

// regexpGrant finds the first app of a list.
var regexpGrant = regexp.MustCompile(`href="/apps/([0-9a-z-]+)"`)

// What ends somebody's right ends their apps' at once: the next request is
// refused, though the one before was let in a moment ago.
func TestSMARTEndsAtOnce(t *testing.T) {
	databases(t, func(t *testing.T, at string) {
		k := newClinic(t, at)
		ended := func(t *testing.T, who, patient, want string, end func(got reply)) {
			t.Helper()
			k.t = t
			p := k.authorize(who, k.asks(k.web))
			if strings.Contains(p.body, "Whose record?") {
				p = k.read(k.who[who].Get(p.url + "?for=" + patient))
			}
			got := k.exchange(k.web, k.answers(who, p, nil).to.Query().Get("code"))
			if status, body := k.fhir(got.Access, "Observation?patient="+patient); status != 200 {
				t.Fatalf("before = %d %s", status, short(body))
			}
			end(got)
			if status, body := k.fhir(got.Access, "Observation?patient="+patient); status == 200 && strings.Contains(body, `"entry"`) {
				t.Errorf("after %s the app still reads", t.Name())
			}
			if want == "refused" {
				if next := k.refresh(k.web, got.Refresh); next.Error != "invalid_grant" {
					t.Errorf("refresh after = %d %v", next.Status, next.All)
				}
			}
		}
		account := func(address string) string {
			list, err := k.app.Accounts.At(t.Context(), address)
			if err != nil || len(list) == 0 {
				t.Fatal(address, err)
			}
			return list[0].ID
		}
		t.Run("the patient stops it", func(t *testing.T) {
			ended(t, "ada", "ada", "refused", func(got reply) {
				list := k.read(k.who["ada"].Get(k.base + "/apps"))
				m := regexpGrant.FindStringSubmatch(list.body)
				if m == nil {
					t.Fatalf("no app on /apps: %s", short(list.body))
				}
				done := k.read(k.who["ada"].PostForm(k.base+"/apps/"+m[1]+"/stop", nil))
				if done.status != 200 || !strings.Contains(done.body, "The app sees nothing any more") {
					t.Errorf("stop = %d %s", done.status, short(done.body))
				}
			})
		})
		t.Run("the patient stops a helper's", func(t *testing.T) {
			ended(t, "rosa", "ada", "refused", func(got reply) {
				list := k.read(k.who["ada"].Get(k.base + "/apps"))
				k.read(k.who["ada"].PostForm(k.base+"/apps/"+regexpGrant.FindStringSubmatch(list.body)[1]+"/stop", nil))
			})
		})
		t.Run("the app gives its refresh token back", func(t *testing.T) {
			ended(t, "ada", "ada", "refused", func(got reply) {
				if res := k.post("/oauth/revoke", url.Values{"token": {got.Refresh}, "client_id": {k.web.ID}}); res.Status != 200 {
					t.Errorf("revoke = %d %v", res.Status, res.All)
				}
			})
		})
		t.Run("the app gives its access token back", func(t *testing.T) {
			ended(t, "ada", "ada", "", func(got reply) { k.post("/oauth/revoke", url.Values{"token": {got.Access}, "client_id": {k.web.ID}}) })
		})
		t.Run("the desk stops the app", func(t *testing.T) {
			ended(t, "ada", "ada", "", func(got reply) {
				if p := k.read(k.who["alan"].PostForm(k.base+"/desk/apps/"+k.web.ID+"/suspend", nil)); p.status != 200 {
					t.Errorf("suspend = %d %s", p.status, short(p.body))
				}
				if res := k.refresh(k.web, got.Refresh); res.Error != "invalid_client" {
					t.Errorf("refresh = %v", res.All)
				}
			})
			k.read(k.who["alan"].PostForm(k.base+"/desk/apps/"+k.web.ID+"/approve", url.Values{"scopes": {everything}}))
		})
		t.Run("a court keeps the helper out", func(t *testing.T) {
			ended(t, "rosa", "ada", "", func(reply) {
				k.exec(`insert into proxy_block (patient, account, reason, set_by, set_at) values ('ada', $1, 'court', 'x', 1)`, account("rosa@x.example"))
				k.app.Doors.Forget()
			})
			k.exec(`delete from proxy_block`)
			k.app.Doors.Forget()
		})
		t.Run("helping ends", func(t *testing.T) {
			ended(t, "rosa", "ada", "", func(reply) {
				if err := k.app.Accounts.Ungrant(t.Context(), account("rosa@x.example"), "ada"); err != nil {
					t.Fatal(err)
				}
				k.app.Doors.Forget()
			})
		})
		cleo := account0(t, k, "cleo@x.example")
		t.Run("everybody is signed out", func(t *testing.T) {
			ended(t, "ada", "ada", "refused", func(reply) {
				if err := k.app.Accounts.RevokeEverybody(t.Context(), "console"); err != nil {
					t.Fatal(err)
				}
			})
			k.t = t
			k.signIn("cleo", cleo)
		})
		t.Run("one address guesses", func(t *testing.T) {
			k.t = t
			for i := range 1000 {
				if res := k.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {k.web.ID}, "refresh_token": {"guess"}}); res.Status == 429 {
					k.clock.move(10 * time.Minute)
					if res := k.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {k.web.ID}, "refresh_token": {"guess"}}); res.Status != 400 {
						t.Errorf("later = %d", res.Status)
					}
					return
				} else if res.Status != 400 {
					t.Fatalf("guess %d = %d %v", i, res.Status, res.All)
				}
			}
			t.Error("a thousand guesses were answered")
		})
		t.Run("the account is shut", func(t *testing.T) {
			ended(t, "cleo", "cleo", "refused", func(reply) {
				if err := k.app.Accounts.Disable(t.Context(), account("cleo@x.example")); err != nil {
					t.Fatal(err)
				}
			})
		})
		t.Run("the account is shut and opened again", func(t *testing.T) {
			if err := k.app.Accounts.Enable(t.Context(), cleo.ID); err != nil {
				t.Fatal(err)
			}
			k.t = t
			k.signIn("cleo", cleo)
			ended(t, "cleo", "cleo", "refused", func(reply) {
				for _, change := range []func(context.Context, string) error{k.app.Accounts.Disable, k.app.Accounts.Enable} {
					if err := change(t.Context(), cleo.ID); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	})
}

// account0 returns the first account at an address.
func account0(t *testing.T, k *served, address string) account.Account {
	t.Helper()
	list, err := k.app.Accounts.At(t.Context(), address)
	if err != nil || len(list) == 0 {
		t.Fatal(address, err)
	}
	return list[0]
}
