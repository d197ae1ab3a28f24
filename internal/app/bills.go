package app

import (
	"hale/internal/base/outbound"
	"hale/internal/care/bill"
	"hale/internal/care/price"
	"hale/internal/face/desk"
	"hale/internal/face/pickup"
	"hale/internal/face/portal"
	"hale/internal/face/web"
	"hale/internal/gateway/stripe"
	"hale/internal/reach/collect"
)

// Bills is how patients pay.
type Bills struct {
	Stripe Stripe
	Rules  bill.Rules // of paying in parts
	How    string     // how to pay otherwise, in the clinic's words; empty: by phone or at the desk
}

// Stripe is an account that takes cards. Without a secret nobody pays by card.
type Stripe struct {
	Secret  string   // sk_… or rk_…
	Hooks   []string // whsec_…; two while one takes the other's place
	Base    string   // empty: Stripe's own
	Private bool     // it is in our own network: for the demo and tests
}

// billParts are what keeps bills and brings people to them.
type billParts struct {
	store   *bill.Store
	collect *collect.Store
}

// openBills makes them.
func (a *App) openBills() error {
	c := bill.Config{
		DB: a.db, Records: a.Record, Tasks: a.Tasks, Events: a.events, IDs: a.ids, Now: a.c.Now,
		Rules: a.c.Bills.Rules, Clinic: a.c.Clinic.Name, Zone: a.c.Clinic.Zone,
	}
	if s := a.c.Bills.Stripe; s.Secret != "" {
		client, err := outbound.New(outbound.Config{Private: s.Private, MaxBody: 1 << 20, PerHost: 4})
		if err != nil {
			return err
		}
		c.Till = stripe.New(stripe.Config{Base: s.Base, Secret: s.Secret, Client: client})
	}
	a.bills.store = bill.NewStore(c)
	a.bills.collect = collect.New(collect.Config{
		DB: a.db, IDs: a.ids, Now: a.c.Now, Doors: a.Doors, Reach: a.Reach, Links: a.links, Bills: a.bills.store, Base: a.c.base(),
	})
	return nil
}

// hooksStripe is where Stripe tells what happened.
const hooksStripe = "/hooks/stripe"

// billRoutes adds where Stripe tells, if it may.
func (a *App) billRoutes(mux *web.Mux) {
	if len(a.c.Bills.Stripe.Hooks) > 0 {
		mux.Handle(hooksStripe, &stripe.Hook{Secrets: a.c.Bills.Stripe.Hooks, Now: a.c.Now, Log: a.c.Log, Hear: a.bills.store.Hear})
	}
}

// portalBills adds the bills to the portal.
func (a *App) portalBills(c portal.Config) portal.Config {
	c.Bills, c.Base, c.PayHow, c.Prices = a.bills.store, a.c.base(), a.c.Bills.How, price.NewStore(a.db, a.c.Now)
	return c
}

// pickupBills adds paying by link.
func (a *App) pickupBills(c pickup.Config) pickup.Config {
	c.Bills, c.Collect, c.Base, c.PayHow = a.bills.store, a.bills.collect, a.c.base(), a.c.Bills.How
	return c
}

// deskBills adds the bills to the desk.
func (a *App) deskBills(c desk.Config) desk.Config {
	c.Bills, c.Collect, c.Prices = a.bills.store, a.bills.collect, price.NewStore(a.db, a.c.Now)
	return c
}
