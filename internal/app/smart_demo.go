package app

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"hale/internal/access"
	"hale/internal/access/client"
	"hale/internal/base/seal"
	"hale/internal/demo/town"
	"hale/internal/standard/smart"
)

// apps brings the town's apps: one that Maria uses, that any developer can
// use as a public client, and one that waits at the desk.
func (d *Demo) apps(ctx context.Context, a *App) error {
	diary := client.Client{
		ID: "health-diary", Name: "Health Diary", Auth: client.None, Native: true, Verified: true, Website: "https://diary.example", Contact: "hello@diary.example",
		Redirects: []string{"http://127.0.0.1/callback", "http://localhost:8080/callback", "com.example.diary:/callback"}, Scopes: client.DefaultScopes,
	}
	made, _, err := a.Clients.AddOwn(ctx, diary)
	if err != nil {
		return err
	}
	if _, _, err := a.Clients.Register(ctx, client.Client{
		Name: "Pulse Notes", Auth: client.Basic, Website: "https://pulse.example", Contact: "team@pulse.example",
		Redirects: []string{"https://pulse.example/back"}, Scopes: "openid fhirUser launch/patient offline_access patient/Observation.rs patient/Patient.rs",
	}); err != nil {
		return err
	}
	who, err := a.Accounts.OfPatient(ctx, town.Maria)
	if err != nil {
		return err
	}
	by, err := a.Accounts.Person(ctx, who.ID)
	if err != nil {
		return err
	}
	return a.connect(ctx, by, made, "openid fhirUser launch/patient offline_access patient/Patient.rs patient/MedicationRequest.rs patient/Immunization.rs "+
		"patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs")
}

// connect lets c into by's own record, as the page that asks does, and has it
// look once.
func (a *App) connect(ctx context.Context, by access.Actor, c client.Client, scope string) error {
	verifier := seal.Token(32)
	token, err := a.Clients.Begin(ctx, client.Ask{Client: c, Redirect: c.Redirects[0], Scope: scope, State: "demo", Challenge: smart.Challenge(verifier)})
	if err != nil {
		return err
	}
	if err := a.Clients.Grant(ctx, by, token, client.Answer{Scopes: scope, Patient: by.Patient, AuthAt: a.c.Now()}); err != nil {
		return err
	}
	to, _, err := a.Clients.Leave(ctx, by, token, a.c.base())
	if err != nil {
		return err
	}
	_, query, _ := strings.Cut(to, "?")
	back, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("app: connect: %w", err)
	}
	got, err := a.Clients.Exchange(ctx, c, back.Get("code"), c.Redirects[0], verifier)
	if err != nil {
		return err
	}
	asks, err := a.Clients.Actor(ctx, got.Access)
	if err != nil {
		return err
	}
	_, err = a.Doors.Check(ctx, asks, access.ReadRecord, by.Patient)
	return err
}
