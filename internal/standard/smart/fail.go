package smart

import "net/http"

// Code is an error code of OAuth 2.0.
type Code string

// The error codes.
//
// Spec: RFC 6749 §4.1.2.1, §5.2; RFC 7591 §3.2.2; RFC 8707 §2
const (
	InvalidRequest    Code = "invalid_request"
	InvalidClient     Code = "invalid_client"
	InvalidGrant      Code = "invalid_grant"
	InvalidScope      Code = "invalid_scope"
	InvalidTarget     Code = "invalid_target" // the resource is not ours
	Unauthorized      Code = "unauthorized_client"
	UnknownGrantType  Code = "unsupported_grant_type"
	UnknownResponse   Code = "unsupported_response_type"
	AccessDenied      Code = "access_denied"
	ServerError       Code = "server_error"
	Unready           Code = "temporarily_unavailable"
	InvalidRedirect   Code = "invalid_redirect_uri"
	InvalidMetadata   Code = "invalid_client_metadata"
	UnknownTokenType  Code = "unsupported_token_type"
	RequestObject     Code = "request_not_supported"
	RequestURIRefused Code = "request_uri_not_supported"
)

// Fail is a refusal that a client is told.
type Fail struct {
	Code Code
	Say  string // for the developer, in plain ASCII without quotes
}

// Refuse returns a refusal.
func Refuse(code Code, say string) *Fail { return &Fail{code, say} }

// Error returns the text for the log.
func (f *Fail) Error() string { return string(f.Code) + ": " + f.Say }

// Status returns the HTTP status of f as an answer in JSON.
func (f *Fail) Status() int {
	switch f.Code {
	case InvalidClient:
		return http.StatusUnauthorized
	case ServerError:
		return http.StatusInternalServerError
	case Unready:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}
