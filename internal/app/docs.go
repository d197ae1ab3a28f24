package app

import (
	"context"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/demo/town"
	"hale/internal/face/apidocs"
	"hale/internal/face/fhirapi"
	"hale/internal/face/web"
	"hale/internal/standard/smart"
)

// docs makes the pages for makers of apps. In the demo they can try the API
// as one person of the town.
func (a *App) docs(demo *Demo, api *fhirapi.API) *web.Mux {
	c := apidocs.Config{Site: a.site, API: api, Base: a.c.base()}
	if demo != nil {
		lent := api.Config
		lent.Tokens = lender{town.Maria}
		c.Try, c.Who = fhirapi.New(lent), town.Maria
	}
	return apidocs.New(c).Handler()
}

// lender lets whoever reads the demo's documentation ask, and only ask, as an
// app of one person of the town.
type lender struct{ patient string }

// Actor returns that app.
func (l lender) Actor(context.Context, string) (access.Actor, error) {
	scope, err := smart.ParseScope("patient/*.rs")
	if err != nil {
		return access.Actor{}, errs.New(errs.Unauthenticated, "There is no such token.").Because(err)
	}
	return access.Actor{
		Kind: access.Patient, ID: "documentation", Name: "Documentation", Patient: l.patient,
		Proof: access.Proof{Zone: access.PortalZone},
		App:   &access.App{ID: "documentation", Name: "Documentation", Patient: l.patient, Scopes: []smart.Scope{scope}},
	}, nil
}
