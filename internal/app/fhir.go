package app

import (
	"net/http"

	"hale/internal/face/fhirapi"
)

// fhir makes the standard API of the record.
func (a *App) fhir() *fhirapi.API {
	c := fhirapi.Config{
		Record: a.Record, Doors: a.Doors, Tokens: a.c.Tokens, Origins: a.Clients,
		Base: a.c.base() + fhirapi.Prefix, Name: a.c.Clinic.Name, Version: a.c.Version, Built: a.c.Now(),
		Secure: a.c.secure(), Ready: a.tide.Check, Proxies: a.c.Proxies,
		Now: a.c.Now, ID: a.ids.New, Log: a.c.Log,
		Validator: a.conform.validator, Terms: a.conform.terms,
		Exports: a.bulk.exports, Loads: a.bulk.loads, Subscriptions: a.bulk.subscriptions,
		Summaries: a.papers.summaries,
	}
	return fhirapi.New(c)
}

// withFHIR answers what lies under /fhir by api, and the rest by pages: who
// asks there has a token and no session, and gets no page.
func withFHIR(api *fhirapi.API, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fhirapi.Under(r.URL.Path) {
			api.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}
