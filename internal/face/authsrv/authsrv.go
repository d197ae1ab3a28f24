// Package authsrv is where apps ask to be let in: the OAuth 2.0 server of
// SMART App Launch, and the page on which somebody answers them.
//
// It says nothing of a record. Nobody is answered anywhere but at an address
// that was registered, and no answer holds more than a code that is worth
// nothing without the verifier.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/, RFC 6749, RFC 9700
package authsrv

import (
	"context"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"

	"hale/internal/access"
	"hale/internal/access/client"
	"hale/internal/face/web"
)

// Clients is what the server needs of package client.
type Clients interface {
	Get(ctx context.Context, id string) (client.Client, error)
	Begin(ctx context.Context, a client.Ask) (token string, err error)
	Asked(ctx context.Context, token string) (client.Ask, error)
	Grant(ctx context.Context, by access.Actor, token string, w client.Answer) error
	Deny(ctx context.Context, by access.Actor, token string) error
	Leave(ctx context.Context, by access.Actor, token, issuer string) (to string, c client.Client, err error)
	Exchange(ctx context.Context, c client.Client, code, redirect, verifier string) (client.Tokens, error)
	Refresh(ctx context.Context, c client.Client, token, scope string) (client.Tokens, error)
	Own(ctx context.Context, c client.Client, scope string) (client.Tokens, error)
	Secret(ctx context.Context, id, secret string, by client.Method) (client.Client, error)
	Bearing(ctx context.Context, token string) (client.Client, error)
	Public(ctx context.Context, id string) (client.Client, error)
	Asserted(ctx context.Context, text, named string) (client.Client, error)
	Introspect(ctx context.Context, by client.Client, token string) (client.About, error)
	Drop(ctx context.Context, by client.Client, token string) error
	Register(ctx context.Context, c client.Client) (made client.Client, secret string, err error)
	Keys(ctx context.Context) (jose.JSONWebKeySet, error)
	Sign(ctx context.Context, claims map[string]any) (string, error)
	Allowed(ctx context.Context, origin string) bool
}

// Doors says who may open which record.
type Doors interface {
	Check(ctx context.Context, a access.Actor, right access.Right, patient string) (access.Pass, error)
	CheckAll(ctx context.Context, a access.Actor, right access.Right) (access.Pass, error)
}

// Config is what the server is made of.
type Config struct {
	Site    *web.Site
	Clients Clients
	Doors   Doors
	People  client.People
	Base    string // https://host, without a slash at the end: the issuer
	Now     func() time.Time

	// Name returns how to call the patient whom a pass opens; nil: nobody is
	// named.
	Name func(ctx context.Context, pass access.Pass) (string, error)
}

// Server answers apps.
type Server struct {
	Config
	failures *failures
}

// New returns a server made of c.
func New(c Config) *Server { return &Server{c, &failures{now: c.Now}} }

// FHIR is the address of the record's API: what a token is for.
func (s *Server) FHIR() string { return s.Base + "/fhir" }

// The addresses.
const (
	Discovery = "/fhir/.well-known/smart-configuration"
	Authorize = "/oauth/authorize"
	Token     = "/oauth/token"
)

// Apart are the patterns that pages of other sites may post to: nothing there
// believes a cookie.
func Apart() []string {
	return []string{Authorize, Token, "/oauth/introspect", "/oauth/revoke", "/oauth/register"}
}

// Handler returns every address of the server.
func (s *Server) Handler() *web.Mux {
	mux := web.NewMux()
	page := func(pattern string, h func(http.ResponseWriter, *http.Request) error) {
		mux.Handle(pattern, s.Site.Page(h))
	}
	page("GET "+Authorize, s.authorize)
	page("POST "+Authorize, s.authorize)
	page("GET /oauth/consent/{ask}", s.showConsent)
	page("POST /oauth/consent/{ask}", s.answerConsent)
	page("GET /oauth/consent/{ask}/go", s.goOn)
	mux.HandleFunc(Token, s.registered(s.token))
	mux.HandleFunc("/oauth/introspect", s.registered(s.introspect))
	mux.HandleFunc("/oauth/revoke", s.registered(s.revoke))
	mux.HandleFunc("/oauth/register", s.registered(s.register))
	for path, show := range map[string]func(context.Context) (any, error){
		Discovery:                                    s.configuration,
		"/.well-known/smart-configuration":           s.configuration,
		"/.well-known/openid-configuration":          s.configuration,
		"/.well-known/oauth-authorization-server":    s.configuration,
		"/.well-known/oauth-protected-resource/fhir": s.resource,
		"/oauth/jwks":                                s.jwks,
		"/.well-known/jwks.json":                     s.jwks,
		"/oauth/style.json":                          s.style,
		"/brands.json":                               s.brands,
		"/service-base-urls.json":                    s.brands,
	} {
		mux.HandleFunc(path, s.public(show))
	}
	return mux
}
