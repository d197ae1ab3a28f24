package app

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/client"
	"hale/internal/base/outbound"
	"hale/internal/care/disclosure"
	"hale/internal/face/authsrv"
	"hale/internal/face/desk"
	"hale/internal/face/fhirapi"
	"hale/internal/face/portal"
	"hale/internal/face/web"
	"hale/internal/record"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// openClients makes the store of the apps that may ask for records.
func (a *App) openClients() error {
	requests, err := outbound.New(outbound.Config{Timeout: 5 * time.Second, MaxBody: 64 << 10})
	if err != nil {
		return err
	}
	a.Clients = client.New(client.Config{
		DB: a.db, IDs: a.ids, Now: a.c.Now, Log: a.audit, People: a.Accounts, Sealer: ringSealer{a}, HTTP: requests,
		Token: a.c.base() + authsrv.Token, Granted: a.granted,
	})
	a.Doors.WithForget(a.Clients.Forget)
	if a.c.Tokens == nil {
		a.c.Tokens = a.Clients
	}
	return nil
}

// granted notes to whom somebody opened a record, says so to its owner, and
// keeps who that was as a resource that the app can look up.
func (a *App) granted(ctx context.Context, tx *db.Tx, by access.Actor, c client.Client, g client.Grant) error {
	if err := a.stand(ctx, tx, by, g); err != nil {
		return err
	}
	if g.Patient == "" {
		return nil
	}
	basis := disclosure.Authorized
	if by.Kind == access.Staff {
		basis = disclosure.Treatment
	}
	err := a.people.Given.Record(ctx, tx, by, disclosure.Entry{
		Patient: g.Patient, Recipient: c.Name, Address: c.Website, What: g.Scopes[:min(len(g.Scopes), 900)], Purpose: "app", Basis: basis, Origin: "app/" + c.ID,
	})
	if err != nil || by.Kind == access.Staff {
		return err
	}
	notice := account.Notice{Kind: account.AppConnected, At: g.Created}
	owner, err := db.All(ctx, tx, db.Value[string], `select id from account where patient = $1 and status = 'active' and kind <> 'staff' order by id limit 1`, g.Patient)
	if err != nil {
		return err
	}
	if len(owner) == 0 {
		return a.tellPatient(ctx, tx, g.Patient, notice)
	}
	return a.tell(ctx, tx, owner[0], notice)
}

// shutApps ends what apps were given by an account that is shut, or by
// everybody.
func (a *App) shutApps(ctx context.Context, tx *db.Tx, account string) error {
	return a.Clients.End(ctx, tx, account)
}

// stand keeps a resource for who signed in, where the record has none: a
// Practitioner for somebody of the staff, a RelatedPerson for who helps.
func (a *App) stand(ctx context.Context, tx *db.Tx, by access.Actor, g client.Grant) error {
	user, ok := client.FHIRUser(by, g.Patient)
	if !ok || user.Type == "Patient" || !smart.ParseAsked(g.Scopes).Has(smart.FHIRUser) {
		return nil
	}
	given, family := "", by.Name
	if i := strings.LastIndexByte(by.Name, ' '); i > 0 {
		given, family = by.Name[:i], by.Name[i+1:]
	}
	name := map[string]any{"text": by.Name, "family": family}
	if given != "" {
		name["given"] = []string{given}
	}
	body := map[string]any{"resourceType": user.Type, "id": user.ID, "active": true, "name": []any{name}}
	if user.Type == "RelatedPerson" {
		body["patient"] = map[string]any{"reference": "Patient/" + g.Patient}
		body["relationship"] = []any{map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "PERSON", "display": "Person"}}}}
	} else {
		body["identifier"] = []any{map[string]any{"system": a.c.base(), "value": by.ID}}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	src := record.Source{Actor: access.SystemActor("accounts", access.WriteRecord)}
	_, err = a.Record.PutAll(ctx, tx, src, []record.Draft{{Type: user.Type, ID: user.ID, Body: text}})
	return err
}

// authorization makes the server at which apps ask.
func (a *App) authorization() *authsrv.Server {
	return authsrv.New(authsrv.Config{
		Site: a.site, Clients: a.Clients, Doors: a.Doors, People: a.Accounts, Base: a.c.base(), Now: a.c.Now,
		Name: func(ctx context.Context, pass access.Pass) (string, error) {
			who, err := a.patients.Get(ctx, pass)
			return who.Full, err
		},
	})
}

// mountApps adds that server to the map of addresses.
func (a *App) mountApps(mux *web.Mux) {
	server := a.authorization().Handler()
	for _, under := range []string{"/oauth/", "/.well-known/", "/fhir/.well-known/", "/brands.json", "/service-base-urls.json"} {
		mux.Mount(under, server)
	}
}

// portalApps adds the apps to the portal.
func (a *App) portalApps(c portal.Config) portal.Config {
	c.Apps = a.Clients
	return c
}

// deskApps adds the apps to the desk.
func (a *App) deskApps(c desk.Config) desk.Config {
	c.Apps, c.Encounters = a.Clients, a.Visits
	return c
}

// serves answers what lies under /fhir by api, but for the one address that
// tells apps where to ask, and the rest by pages.
func (a *App) serves(api *fhirapi.API, pages http.Handler) http.Handler {
	both := withFHIR(api, pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == authsrv.Discovery {
			pages.ServeHTTP(w, r)
			return
		}
		both.ServeHTTP(w, r)
	})
}

// sweepApps forgets each minute what has run out of what apps hold, until ctx
// ends.
func (a *App) sweepApps(ctx context.Context) error {
	return a.every(ctx, time.Minute, "apps not swept", a.Clients.Sweep)
}
