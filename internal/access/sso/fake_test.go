package sso_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/sso"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// hostile is a provider that answers rightly until it is told otherwise.
type hostile struct {
	t      *testing.T
	server *httptest.Server
	now    func() time.Time

	mu     sync.Mutex
	key    *rsa.PrivateKey
	kid    string
	codes  map[string]url.Values // what was asked with the code
	claims func(map[string]any)  // bends the ID token
	sign   func(claims []byte) string
	jku    int // how often somebody fetched keys from where a header says
}

func newHostile(t *testing.T, now func() time.Time) *hostile {
	t.Helper()
	h := &hostile{t: t, now: now, codes: map[string]url.Values{}}
	h.turn("k1")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		base := h.server.URL
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": base, "authorization_endpoint": base + "/auth", "token_endpoint": base + "/token", "jwks_uri": base + "/keys",
			"authorization_response_iss_parameter_supported": true, "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &h.key.PublicKey, KeyID: h.kid, Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /evil", func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.jku++
	})
	mux.HandleFunc("POST /token", h.token)
	h.server = httptest.NewServer(mux)
	t.Cleanup(h.server.Close)
	return h
}

// turn gives the provider a new key.
func (h *hostile) turn(kid string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		h.t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.key, h.kid = key, kid
}

// approve is the person saying yes there: it returns the answer's query.
func (h *hostile) approve(to string) url.Values {
	h.t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		h.t.Fatal(err)
	}
	asked := u.Query()
	if asked.Get("code_challenge_method") != "S256" || asked.Get("response_type") != "code" || asked.Get("nonce") == "" || len(asked.Get("state")) < 43 {
		h.t.Errorf("asked %v, want a code with PKCE, nonce and state", asked)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	code := rand.Text()
	h.codes[code] = asked
	return url.Values{"code": {code}, "state": {asked.Get("state")}, "iss": {h.server.URL}}
}

func (h *hostile) token(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	asked, ok := h.codes[r.PostFormValue("code")]
	delete(h.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	id, secret, _ := r.BasicAuth()
	if !ok || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || id != "hale" || secret != "s3cret" ||
		r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	now := h.now()
	claims := map[string]any{
		"iss": h.server.URL, "sub": "u-1", "aud": "hale", "nonce": asked.Get("nonce"), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"auth_time": now.Unix(), "amr": []string{"pwd", "mfa"}, "email": "nurse@example.org", "email_verified": true, "groups": []string{"nurses"},
	}
	if h.claims != nil {
		h.claims(claims)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		h.t.Error(err)
	}
	text := h.rs256(body, h.key, h.kid, nil)
	if h.sign != nil {
		text = h.sign(body)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": text})
}

func (h *hostile) rs256(body []byte, key *rsa.PrivateKey, kid string, header map[jose.HeaderKey]any) string {
	return h.jws(jose.RS256, jose.JSONWebKey{Key: key, KeyID: kid}, body, header)
}

func (h *hostile) jws(alg jose.SignatureAlgorithm, key any, body []byte, header map[jose.HeaderKey]any) string {
	o := (&jose.SignerOptions{}).WithType("JWT")
	for k, v := range header {
		o = o.WithHeader(k, v)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	if err != nil {
		h.t.Error(err)
		return ""
	}
	signed, err := signer.Sign(body)
	if err != nil {
		h.t.Error(err)
		return ""
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		h.t.Error(err)
	}
	return text
}

// none writes a token without a signature.
func none(body []byte) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + enc(body) + "."
}

// clinic is Hale's side: a nurse whose account is linked as u-1.
type clinic struct {
	store  *account.Store
	nurse  account.Account
	client *sso.Client
}

func newClinic(t *testing.T, d *db.DB, now func() time.Time, providers ...sso.Provider) clinic {
	t.Helper()
	s := account.NewStore(d, haletest.IDs(), now, haletest.Key)
	nurse, err := s.Add(t.Context(), account.Account{Kind: access.Staff, Name: "J. Okafor, RN", Roles: []access.Role{access.Nurse}, Email: "nurse@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	client, err := sso.New(providers, s, http.DefaultClient, now)
	if err != nil {
		t.Fatal(err)
	}
	return clinic{store: s, nurse: nurse, client: client}
}

func (h *hostile) provider(name string) sso.Provider {
	return sso.Provider{Name: name, Title: name, Issuer: h.server.URL, ClientID: "hale", Secret: "s3cret", Redirect: "https://portal.example.org/signin/sso/" + name}
}

// signOn goes all the way, with what bend does to the answer on its way back.
func (c clinic) signOn(t *testing.T, h *hostile, name string, bend func(url.Values)) (account.Entry, error) {
	t.Helper()
	to, cookie, err := c.client.Begin(context.Background(), name, "/desk", false)
	if err != nil {
		t.Fatal(err)
	}
	answer := h.approve(to)
	if bend != nil {
		bend(answer)
	}
	e, _, err := c.client.Finish(context.Background(), name, cookie, answer)
	return e, err
}

func publicPEM(key *rsa.PrivateKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
