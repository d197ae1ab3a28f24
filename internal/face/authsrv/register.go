package authsrv

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"hale/internal/access/client"
	"hale/internal/standard/smart"
)

// metadata is what a client says of itself.
//
// Spec: RFC 7591 §2
type metadata struct {
	Redirects   []string        `json:"redirect_uris,omitempty"`
	Auth        string          `json:"token_endpoint_auth_method,omitempty"`
	Grants      []string        `json:"grant_types,omitempty"`
	Responses   []string        `json:"response_types,omitempty"`
	Name        string          `json:"client_name,omitempty"`
	URI         string          `json:"client_uri,omitempty"`
	Scope       string          `json:"scope,omitempty"`
	Contacts    []string        `json:"contacts,omitempty"`
	JWKSURI     string          `json:"jwks_uri,omitempty"`
	JWKS        json.RawMessage `json:"jwks,omitempty"`
	Application string          `json:"application_type,omitempty"`
	Launch      string          `json:"initiate_login_uri,omitempty"`
}

// registration is the answer.
//
// Spec: RFC 7591 §3.2.1
type registration struct {
	metadata
	ID      string `json:"client_id"`
	Secret  string `json:"client_secret,omitempty"`
	Issued  int64  `json:"client_id_issued_at"`
	Expires *int64 `json:"client_secret_expires_at,omitempty"`
	State   string `json:"hale_status"` // waiting: somebody at the clinic has to let it in
}

const maxMetadata = 128 << 10

// register takes in a client. It can be used when the clinic has let it in.
func (s *Server) register(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/json" {
		return 0, nil, smart.Refuse(smart.InvalidMetadata, "The body is application/json")
	}
	var m metadata
	in := json.NewDecoder(io.LimitReader(r.Body, maxMetadata))
	if err := in.Decode(&m); err != nil || in.More() {
		return 0, nil, smart.Refuse(smart.InvalidMetadata, "The body is not one JSON object of client metadata")
	}
	c, err := m.client()
	if err != nil {
		return 0, nil, err
	}
	made, secret, err := s.Clients.Register(r.Context(), c)
	if err != nil {
		return 0, nil, err
	}
	m.Auth, m.Scope, m.Name = string(made.Auth), made.Scopes, made.Name
	if len(m.Grants) == 0 {
		m.Grants = []string{"authorization_code"}
	}
	out := registration{metadata: m, ID: made.ID, Secret: secret, Issued: made.Created.Unix(), State: string(made.Status)}
	if secret != "" {
		out.Expires = new(int64)
	}
	return http.StatusCreated, out, nil
}

// client returns the client that m describes.
func (m *metadata) client() (client.Client, error) {
	c := client.Client{Name: m.Name, Website: m.URI, Redirects: m.Redirects, Scopes: m.Scope, JWKSURI: m.JWKSURI, Auth: client.Method(m.Auth),
		Contact: strings.Join(m.Contacts, ", "), Native: m.Application == "native", Launch: m.Launch}
	if c.Auth == "" {
		c.Auth = client.Basic // RFC 7591 §2
	}
	if len(m.JWKS) > 0 {
		c.JWKS = string(m.JWKS)
	}
	for _, g := range m.Grants {
		if !slices.Contains([]string{"authorization_code", "refresh_token", "client_credentials"}, g) {
			return c, smart.Refuse(smart.InvalidMetadata, "grant_types has authorization_code, refresh_token or client_credentials")
		}
	}
	for _, t := range m.Responses {
		if t != "code" {
			return c, smart.Refuse(smart.InvalidMetadata, "response_types has code")
		}
	}
	if slices.Contains(m.Grants, "client_credentials") {
		if slices.Contains(m.Grants, "authorization_code") {
			return c, smart.Refuse(smart.InvalidMetadata, "A client asks in its own name or in those of people: register two")
		}
		c.Backend = true
	}
	if c.Scopes == "" {
		c.Scopes = client.DefaultScopes
		if c.Backend {
			c.Scopes = "system/*.rs"
		}
	}
	return c, nil
}
