package smart

// Capabilities are what a server that follows the whole guide says of itself.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#capabilities
func Capabilities() []string {
	return []string{
		"launch-ehr", "launch-standalone", "authorize-post",
		"client-public", "client-confidential-symmetric", "client-confidential-asymmetric", "sso-openid-connect",
		"context-banner", "context-style", "context-ehr-patient", "context-ehr-encounter", "context-standalone-patient",
		"permission-offline", "permission-online", "permission-patient", "permission-user", "permission-v1", "permission-v2",
	}
}

// Configuration is the document at .well-known/smart-configuration.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#metadata
type Configuration struct {
	Issuer               string   `json:"issuer"`
	JWKS                 string   `json:"jwks_uri"`
	Authorize            string   `json:"authorization_endpoint"`
	Token                string   `json:"token_endpoint"`
	Register             string   `json:"registration_endpoint"`
	Introspect           string   `json:"introspection_endpoint"`
	Revoke               string   `json:"revocation_endpoint"`
	Manage               string   `json:"management_endpoint"`
	TokenAuth            []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgorithms  []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectAuth       []string `json:"introspection_endpoint_auth_methods_supported"`
	RevokeAuth           []string `json:"revocation_endpoint_auth_methods_supported"`
	GrantTypes           []string `json:"grant_types_supported"`
	Responses            []string `json:"response_types_supported"`
	ResponseModes        []string `json:"response_modes_supported"`
	Scopes               []string `json:"scopes_supported"`
	Challenges           []string `json:"code_challenge_methods_supported"`
	Issues               bool     `json:"authorization_response_iss_parameter_supported"`
	Brands               string   `json:"user_access_brand_bundle"`
	Brand                string   `json:"user_access_brand_identifier,omitempty"`
	Capabilities         []string `json:"capabilities"`
	Subjects             []string `json:"subject_types_supported"`
	IDTokenAlgorithms    []string `json:"id_token_signing_alg_values_supported"`
	Claims               []string `json:"claims_supported"`
	RequestObjects       bool     `json:"request_parameter_supported"`
	RequestURIs          bool     `json:"request_uri_parameter_supported"`
	ServiceDocumentation string   `json:"service_documentation,omitempty"`
}
