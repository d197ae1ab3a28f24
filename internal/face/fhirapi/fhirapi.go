// Package fhirapi answers everything under /fhir: the record by the standard
// API of FHIR R4, for apps and for other systems.
//
// Nobody gets in by a session or a cookie: a bearer token says who asks, a
// pass says what they see, and what is not theirs looks as if it were not
// there. A look is on disk in the audit log before the first byte leaves.
//
// Spec: https://hl7.org/fhir/R4/http.html
package fhirapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"hale/internal/access"
	"hale/internal/feed/export"
	"hale/internal/feed/load"
	"hale/internal/feed/subscription"
	"hale/internal/record"
	"hale/internal/standard/profile"
	"hale/internal/standard/terms"
)

// Tokens knows who may ask by which bearer token.
type Tokens interface {
	// Actor returns who asks by the token. The error for one that is unknown,
	// ended or stopped is errs.Unauthenticated.
	Actor(ctx context.Context, bearer string) (access.Actor, error)
}

// Origins knows from which web sites apps may ask.
type Origins interface {
	// Allowed says whether a page of origin, such as https://app.example, is
	// one of a registered app.
	Allowed(ctx context.Context, origin string) bool
}

// Config is what the API needs.
type Config struct {
	Record  *record.Store
	Doors   *access.Doors
	Tokens  Tokens                      // nil: nobody gets in
	Origins Origins                     // nil: pages of other origins see what is public alone
	Base    string                      // https://host/fhir, without a slash at the end
	Name    string                      // of the clinic
	Version string                      // of Hale
	Built   time.Time                   // when this Hale began, the date of its capabilities
	Secure  bool                        // clients come by https
	Ready   func(context.Context) error // nil answers are allowed to leave; the clock is right
	Proxies []netip.Prefix              // whose X-Forwarded-For is believed
	Now     func() time.Time
	ID      func() string // makes ids
	Log     *slog.Logger

	Validator *profile.Validator // nil: there is no $validate
	Terms     *terms.Terms       // nil: nothing is said of codes
	Exports   *export.Store      // nil: there is no $export
	Loads     *load.Store        // nil: there is no $import

	Subscriptions *subscription.Store // nil: there are none
	Summaries     Summaries           // nil: there is no $summary and no $docref
}

// API answers requests.
type API struct {
	Config
	operations map[string]*Operation
	keepers    map[string]keeper // of types that are kept outside the record
	rates      *rates
	metadata   atomic.Pointer[capabilities]
}

// New returns the API with every operation that this package knows.
func New(c Config) *API {
	c.Base = strings.TrimSuffix(c.Base, "/")
	a := &API{Config: c, operations: map[string]*Operation{}, keepers: map[string]keeper{}, rates: newRates(c.Now)}
	a.register()
	return a
}

// Prefix is where the API lies.
const Prefix = "/fhir"

// Routes returns what the API answers, as http.ServeMux writes it.
func (a *API) Routes() []string {
	return []string{
		"/fhir", "GET /fhir/metadata", "GET /fhir/{type}", "GET /fhir/{type}/{id}", "GET /fhir/{type}/{id}/_history",
		"GET /fhir/{type}/{id}/_history/{version}", "GET /fhir/{type}/_history", "GET /fhir/_history", "GET /fhir/Patient/{id}/{type}",
		"POST /fhir/{type}", "POST /fhir/{type}/_search", "POST /fhir/_search", "PUT /fhir/{type}/{id}", "PUT /fhir/{type}",
		"PATCH /fhir/{type}/{id}", "PATCH /fhir/{type}", "DELETE /fhir/{type}/{id}", "DELETE /fhir/{type}",
		"/fhir/{operation}", "/fhir/{type}/{operation}", "/fhir/{type}/{id}/{operation}",
	}
}

// Under says whether a request with this path is the API's. What lies under
// .well-known says how to get in, and is the authorization server's.
func Under(path string) bool {
	rest, ok := strings.CutPrefix(path, Prefix)
	return ok && (rest == "" || rest[0] == '/') && !strings.HasPrefix(rest, "/.well-known/")
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.serve(w, r) }
