package authsrv

import (
	"context"
	"net/http"
	"strings"
	"time"

	"hale/internal/access/client"
	"hale/internal/face/web"
	"hale/internal/standard/smart"
)

// public serves a document to anybody, whatever the request accepts, to pages
// of every origin.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#using-well-known
func (s *Server) public(show func(context.Context) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		switch r.Method {
		case http.MethodOptions:
			h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "Accept, Content-Type, Authorization")
			w.WriteHeader(http.StatusNoContent)
			return
		case http.MethodGet, http.MethodHead:
		default:
			h.Set("Allow", "GET, HEAD, OPTIONS")
			write(w, http.StatusMethodNotAllowed, failed(smart.Refuse(smart.InvalidRequest, "This address takes GET")))
			return
		}
		doc, err := show(r.Context())
		if err != nil {
			s.fail(w, r, err)
			return
		}
		h.Set("Cache-Control", "public, max-age=300")
		write(w, http.StatusOK, doc)
	}
}

// configuration is the document of SMART and of OpenID Connect, which need
// the same of each other.
func (s *Server) configuration(context.Context) (any, error) {
	proved := []string{string(client.Basic), string(client.Post), string(client.KeyJWT)}
	every := append([]string{string(client.None)}, proved...)
	return smart.Configuration{
		Issuer: s.Base, JWKS: s.Base + "/oauth/jwks", Authorize: s.Base + Authorize, Token: s.Base + Token, Register: s.Base + "/oauth/register",
		Introspect: s.Base + "/oauth/introspect", Revoke: s.Base + "/oauth/revoke", Manage: s.Base + "/apps",
		TokenAuth: every, TokenAuthAlgorithms: smart.AssertionAlgorithms(), IntrospectAuth: proved, RevokeAuth: every,
		GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"},
		Responses:  []string{"code"}, ResponseModes: []string{"query"}, Scopes: scopes(), Challenges: []string{"S256"}, Issues: true,
		Brands: s.Base + "/brands.json", Brand: s.Base, Capabilities: smart.Capabilities(),
		Subjects: []string{"public"}, IDTokenAlgorithms: []string{"RS256"},
		Claims:               []string{"iss", "sub", "aud", "exp", "iat", "nonce", "auth_time", "fhirUser", "profile", "name"},
		ServiceDocumentation: s.Base + "/api/docs",
	}, nil
}

// scopes are those that can be asked for. Nobody's app writes in a person's
// name; what a backend client may write, the clinic says.
func scopes() []string {
	list := []string{"openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "offline_access", "online_access",
		"patient/*.rs", "user/*.rs", "system/*.rs", "patient/*.read", "user/*.read", "system/*.read", "system/*.cruds"}
	seen := map[string]bool{}
	for _, p := range smart.Parts() {
		if p.Type == smart.Rest {
			continue
		}
		if one := "patient/" + p.Type + ".rs"; !seen[one] {
			seen[one] = true
			list = append(list, one)
		}
		if p.Code != "" {
			list = append(list, "patient/"+p.Type+".rs?category="+p.System+"|"+p.Code)
		}
	}
	return list
}

// resource says where tokens for the record come from.
//
// Spec: RFC 9728 §3.2
func (s *Server) resource(context.Context) (any, error) {
	return map[string]any{"resource": s.FHIR(), "authorization_servers": []string{s.Base}, "bearer_methods_supported": []string{"header"}, "scopes_supported": scopes()}, nil
}

// jwks are the keys by which ID tokens are checked.
func (s *Server) jwks(ctx context.Context) (any, error) { return s.Clients.Keys(ctx) }

// style tells apps how the pages look.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#styling
func (s *Server) style(context.Context) (any, error) {
	return map[string]string{
		"color_background": "#fbfaf7", "color_error": "#a32018", "color_highlight": "#0f6b62", "color_modal_backdrop": "", "color_success": "#1f6b35", "color_text": "#1d2724",
		"dim_border_radius": "10px", "dim_font_size": "17px", "dim_spacing_size": "16px",
		"font_family_body": "system-ui, sans-serif", "font_family_heading": "system-ui, sans-serif",
	}, nil
}

// brands is the User-access Brands bundle, which is the list of service base
// URLs, too: one clinic and its one record.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/brands.html; 45 CFR 170.404(b)(2)
func (s *Server) brands(context.Context) (any, error) {
	clinic := s.Site.Clinic
	telecom := []any{}
	if clinic.Phone != "" {
		telecom = append(telecom, map[string]any{"system": "phone", "value": web.Phone(clinic.Phone)})
	}
	telecom = append(telecom, map[string]any{"system": "url", "value": s.Base})
	address := map[string]any{"text": clinic.Address, "country": "US"}
	endpoint := map[string]any{
		"resourceType": "Endpoint", "id": "record",
		"meta": map[string]any{"profile": []string{"http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-endpoint"}},
		"extension": []any{map[string]any{
			"url": "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version", "valueCode": "4.0.1",
		}},
		"status": "active", "name": "FHIR R4 of " + clinic.Name, "address": s.FHIR(),
		"connectionType": map[string]any{"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "hl7-fhir-rest"},
		"contact":        []any{map[string]any{"system": "url", "value": s.Base + "/api/docs"}},
		"payloadType":    []any{map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "none"}}}},
	}
	brand := map[string]any{
		"resourceType": "Organization", "id": "clinic",
		"meta":       map[string]any{"profile": []string{"http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-brand"}},
		"extension":  []any{s.portal()},
		"identifier": []any{map[string]any{"system": "urn:ietf:rfc:3986", "value": s.Base}},
		"active":     true, "name": clinic.Name, "telecom": telecom, "address": []any{address},
		"type":     []any{map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": "prov"}}}},
		"endpoint": []any{map[string]any{"reference": "Endpoint/record", "display": "FHIR R4 of " + clinic.Name}},
	}
	return map[string]any{
		"resourceType": "Bundle", "id": "brands", "type": "collection", "timestamp": s.Now().UTC().Truncate(24 * time.Hour).Format("2006-01-02T15:04:05Z"),
		"meta": map[string]any{"profile": []string{"http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-brands-bundle"}},
		"entry": []any{
			map[string]any{"fullUrl": s.FHIR() + "/Organization/clinic", "resource": brand},
			map[string]any{"fullUrl": s.FHIR() + "/Endpoint/record", "resource": endpoint},
		},
	}, nil
}

// portal is the extension that says where people of this brand sign in.
func (s *Server) portal() any {
	return map[string]any{
		"url": "http://hl7.org/fhir/StructureDefinition/organization-portal",
		"extension": []any{
			map[string]any{"url": "portalName", "valueString": s.Site.Latest().Clinic.Name},
			map[string]any{"url": "portalUrl", "valueUrl": s.Base},
			map[string]any{"url": "portalDescription", "valueMarkdown": "Where patients of " + strings.TrimSpace(s.Site.Latest().Clinic.Name) + " see their record"},
			map[string]any{"url": "portalEndpoint", "valueReference": map[string]any{"reference": "Endpoint/record"}},
		},
	}
}
