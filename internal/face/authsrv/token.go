package authsrv

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/access/client"
	"hale/internal/base/errs"
	"hale/internal/standard/smart"
)

// api answers one request of a program in JSON.
type api func(w http.ResponseWriter, r *http.Request) (status int, body any, err error)

// registered serves h to programs, and to pages of registered apps.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#considerations-for-cross-origin-resource-sharing-cors-support
func (s *Server) registered(h api) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Pragma", "no-cache")
		header.Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); origin != "" && s.Clients.Allowed(r.Context(), origin) {
			header.Set("Access-Control-Allow-Origin", origin)
			header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept")
			header.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
			header.Set("Access-Control-Max-Age", "600")
			header.Set("Cross-Origin-Resource-Policy", "cross-origin")
		}
		switch r.Method {
		case http.MethodOptions:
			header.Set("Allow", "POST, OPTIONS")
			w.WriteHeader(http.StatusNoContent)
			return
		case http.MethodPost:
		default:
			header.Set("Allow", "POST, OPTIONS")
			write(w, http.StatusMethodNotAllowed, failed(smart.Refuse(smart.InvalidRequest, "This address takes POST")))
			return
		}
		from := s.Site.Remote(r)
		if s.failures.many(from) {
			s.fail(w, r, errGuesses)
			return
		}
		status, body, err := h(w, r)
		if err != nil {
			s.failures.count(from)
			s.fail(w, r, err)
			return
		}
		write(w, status, body)
	}
}

// write sends body as JSON; nil is no body.
func write(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // the client may have gone
}

func failed(f *smart.Fail) any {
	return map[string]string{"error": string(f.Code), "error_description": f.Say}
}

// fail answers a program with err.
//
// Spec: RFC 6749 §5.2
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	f, ok := errors.AsType[*smart.Fail](err)
	if !ok {
		switch errs.KindOf(err) {
		case errs.TooMany:
			w.Header().Set("Retry-After", "3600")
			write(w, http.StatusTooManyRequests, failed(smart.Refuse(smart.Unready, errs.Say(err))))
			return
		case errs.Invalid:
			f = smart.Refuse(smart.InvalidRequest, errs.Say(err))
		default:
			s.Site.Note(r, err)
			f = smart.Refuse(smart.ServerError, "Something went wrong on our side")
		}
	}
	if f.Code == smart.InvalidClient && r.Header.Get("Authorization") != "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="oauth"`)
	}
	write(w, f.Status(), failed(f))
}

// form reads the form of a program. A parameter comes once.
func form(r *http.Request) (url.Values, error) {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/x-www-form-urlencoded" {
		return nil, smart.Refuse(smart.InvalidRequest, "The body is a form: application/x-www-form-urlencoded")
	}
	if err := r.ParseForm(); err != nil {
		return nil, smart.Refuse(smart.InvalidRequest, "The form cannot be read")
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return nil, smart.Refuse(smart.InvalidRequest, "A parameter comes more than once")
		}
		if r.URL.Query().Has(name) {
			return nil, smart.Refuse(smart.InvalidRequest, "Parameters come in the body alone")
		}
	}
	return r.PostForm, nil
}

// client returns who asks, proved as they were registered to.
//
// Spec: RFC 6749 §2.3; RFC 7523 §2.2
func (s *Server) client(r *http.Request, f url.Values) (client.Client, error) {
	ctx := r.Context()
	id, secret, basic, err := credentials(r)
	if err != nil {
		return client.Client{}, err
	}
	asserted := f.Has("client_assertion") || f.Has("client_assertion_type")
	if ways(basic, f.Has("client_secret"), asserted) > 1 {
		return client.Client{}, smart.Refuse(smart.InvalidRequest, "A client proves itself in one way")
	}
	named := f.Get("client_id")
	switch {
	case asserted:
		if f.Get("client_assertion_type") != smart.AssertionType {
			return client.Client{}, smart.Refuse(smart.InvalidRequest, "client_assertion_type is "+smart.AssertionType)
		}
		return s.Clients.Asserted(ctx, f.Get("client_assertion"), named)
	case basic:
		if named != "" && named != id {
			return client.Client{}, smart.Refuse(smart.InvalidRequest, "client_id names another client than the credentials")
		}
		return s.Clients.Secret(ctx, id, secret, client.Basic)
	case f.Has("client_secret"):
		return s.Clients.Secret(ctx, named, f.Get("client_secret"), client.Post)
	case named == "" && f.Get("grant_type") == "refresh_token" && f.Get("refresh_token") != "":
		return s.Clients.Bearing(ctx, f.Get("refresh_token"))
	case named == "":
		return client.Client{}, smart.Refuse(smart.InvalidClient, "client_id is missing")
	}
	return s.Clients.Public(ctx, named)
}

func ways(list ...bool) (n int) {
	for _, yes := range list {
		if yes {
			n++
		}
	}
	return n
}

// credentials reads HTTP Basic, whose parts are encoded as in a form.
//
// Spec: RFC 6749 §2.3.1
func credentials(r *http.Request) (id, secret string, ok bool, err error) {
	if r.Header.Get("Authorization") == "" {
		return "", "", false, nil
	}
	id, secret, ok = r.BasicAuth()
	if !ok {
		return "", "", false, smart.Refuse(smart.InvalidClient, "Clients prove themselves by HTTP Basic, in the form, or by an assertion")
	}
	if id, err = url.QueryUnescape(id); err == nil {
		secret, err = url.QueryUnescape(secret)
	}
	if err != nil {
		return "", "", false, smart.Refuse(smart.InvalidClient, "The credentials are not encoded as in a form")
	}
	return id, secret, true, nil
}

// token gives tokens for a code, for a refresh token, or to a client in its
// own name.
func (s *Server) token(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	f, err := form(r)
	if err != nil {
		return 0, nil, err
	}
	kind := f.Get("grant_type")
	switch kind {
	case "":
		return 0, nil, smart.Refuse(smart.InvalidRequest, "grant_type is missing")
	case "authorization_code", "refresh_token", "client_credentials":
	default:
		return 0, nil, smart.Refuse(smart.UnknownGrantType, "grant_type is authorization_code, refresh_token or client_credentials")
	}
	c, err := s.client(r, f)
	if err != nil {
		return 0, nil, err
	}
	var t client.Tokens
	switch {
	case kind == "client_credentials":
		t, err = s.Clients.Own(r.Context(), c, f.Get("scope"))
	case c.Backend:
		return 0, nil, smart.Refuse(smart.Unauthorized, "This client takes client_credentials alone")
	case kind == "refresh_token":
		if f.Get("refresh_token") == "" {
			return 0, nil, smart.Refuse(smart.InvalidRequest, "refresh_token is missing")
		}
		t, err = s.Clients.Refresh(r.Context(), c, f.Get("refresh_token"), f.Get("scope"))
	default:
		for _, name := range []string{"code", "redirect_uri", "code_verifier"} {
			if f.Get(name) == "" {
				return 0, nil, smart.Refuse(smart.InvalidRequest, name+" is missing")
			}
		}
		t, err = s.Clients.Exchange(r.Context(), c, f.Get("code"), f.Get("redirect_uri"), f.Get("code_verifier"))
	}
	if err != nil {
		return 0, nil, err
	}
	body, err := s.reply(r, c, t)
	return http.StatusOK, body, err
}

// tokenReply is the answer of the token endpoint.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#response-5
type tokenReply struct {
	Access    string `json:"access_token"`
	Type      string `json:"token_type"`
	Life      int    `json:"expires_in"`
	Scope     string `json:"scope"`
	Refresh   string `json:"refresh_token,omitempty"`
	IDToken   string `json:"id_token,omitempty"`
	Patient   string `json:"patient,omitempty"`
	Encounter string `json:"encounter,omitempty"`
	Banner    *bool  `json:"need_patient_banner,omitempty"`
	Style     string `json:"smart_style_url,omitempty"`
}

func (s *Server) reply(r *http.Request, c client.Client, t client.Tokens) (tokenReply, error) {
	out := tokenReply{Access: t.Access, Type: "Bearer", Life: int(t.Life / time.Second), Scope: t.Scope, Refresh: t.Refresh, Patient: t.Grant.Patient, Encounter: t.Grant.Encounter}
	if c.Backend {
		return out, nil
	}
	banner := true // an app opens in a window of its own
	out.Banner, out.Style = &banner, s.Base+"/oauth/style.json"
	asked := smart.ParseAsked(t.Scope)
	if !asked.Has(smart.OpenID) {
		return out, nil
	}
	who, err := s.People.Person(r.Context(), t.Grant.Account)
	if err != nil {
		return out, fmt.Errorf("authsrv: person: %w", err)
	}
	out.IDToken, err = s.Clients.Sign(r.Context(), s.claims(c, t, asked, who))
	return out, err
}

// idLife is how long an ID token counts.
const idLife = time.Hour

// claims are those of an ID token.
//
// Spec: OpenID Connect Core 1.0 §2
func (s *Server) claims(c client.Client, t client.Tokens, asked smart.Asked, who access.Actor) map[string]any {
	now := s.Now()
	m := map[string]any{"iss": s.Base, "sub": who.ID, "aud": c.ID, "iat": now.Unix(), "exp": now.Add(idLife).Unix()}
	if t.Nonce != "" {
		m["nonce"] = t.Nonce
	}
	if !t.Grant.AuthAt.IsZero() {
		m["auth_time"] = t.Grant.AuthAt.Unix()
	}
	user, ok := client.FHIRUser(who, t.Grant.Patient)
	if ok && asked.Has(smart.FHIRUser) {
		m["fhirUser"] = s.FHIR() + "/" + user.String()
	}
	if asked.Has(smart.Profile) {
		m["name"] = who.Name
		if ok {
			m["profile"] = s.FHIR() + "/" + user.String()
		}
	}
	return m
}

// introspect says what a token is worth.
//
// Spec: RFC 7662; https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html
func (s *Server) introspect(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	f, by, err := s.confidential(r)
	if err != nil {
		return 0, nil, err
	}
	a, err := s.Clients.Introspect(r.Context(), by, f.Get("token"))
	if err != nil || !a.Active {
		return http.StatusOK, map[string]bool{"active": false}, err
	}
	out := map[string]any{"active": true, "scope": a.Scope, "client_id": a.Grant.Client, "exp": a.Expires.Unix(), "iat": a.Issued.Unix(),
		"iss": s.Base, "aud": s.FHIR()}
	if a.Kind == "access" {
		out["token_type"] = "Bearer"
	}
	if a.Grant.Patient != "" {
		out["patient"] = a.Grant.Patient
	}
	if a.Grant.Encounter != "" {
		out["encounter"] = a.Grant.Encounter
	}
	if a.Grant.Account == "" {
		out["sub"] = a.Grant.Client
		return http.StatusOK, out, nil
	}
	out["sub"] = a.Grant.Account
	if asked := smart.ParseAsked(a.Scope); asked.Has(smart.OpenID) && asked.Has(smart.FHIRUser) {
		who, err := s.People.Person(r.Context(), a.Grant.Account)
		if err != nil {
			return 0, nil, err
		}
		if user, ok := client.FHIRUser(who, a.Grant.Patient); ok {
			out["fhirUser"] = s.FHIR() + "/" + user.String()
		}
	}
	return http.StatusOK, out, nil
}

// confidential reads the form of a client that proved itself, and did not
// only name itself.
func (s *Server) confidential(r *http.Request) (url.Values, client.Client, error) {
	f, err := form(r)
	if err != nil {
		return nil, client.Client{}, err
	}
	by, err := s.client(r, f)
	if err == nil && by.Auth == client.None {
		err = smart.Refuse(smart.InvalidClient, "This address takes clients that prove themselves")
	}
	if err == nil && strings.TrimSpace(f.Get("token")) == "" {
		err = smart.Refuse(smart.InvalidRequest, "token is missing")
	}
	return f, by, err
}

// revoke ends a token. What was none before is none after.
//
// Spec: RFC 7009
func (s *Server) revoke(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	f, err := form(r)
	if err != nil {
		return 0, nil, err
	}
	by, err := s.client(r, f)
	if err != nil {
		return 0, nil, err
	}
	if f.Get("token") == "" {
		return 0, nil, smart.Refuse(smart.InvalidRequest, "token is missing")
	}
	return http.StatusOK, nil, s.Clients.Drop(r.Context(), by, f.Get("token"))
}
