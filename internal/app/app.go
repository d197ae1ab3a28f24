// Package app builds Hale from a Config and runs it.
//
// Everything is made here, once, and handed to whoever needs it; nothing
// below finds a part by itself.
package app

import (
	"context"
	"fmt"
	"net/http"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/draft"
	"hale/internal/access/lookup"
	"hale/internal/base/ids"
	"hale/internal/care/clinician"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/care/document"
	"hale/internal/care/look"
	"hale/internal/care/medication"
	"hale/internal/care/patient"
	"hale/internal/care/problem"
	"hale/internal/care/result"
	"hale/internal/care/visit"
	"hale/internal/face/portal"
	"hale/internal/face/web"
	"hale/internal/feed/bulk"
	"hale/internal/measure"
	"hale/internal/reach"
	"hale/internal/reach/link"
	"hale/internal/record"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/jobs"
	"hale/internal/store/keys"
	"hale/internal/store/schema"
	"hale/internal/store/tide"
)

// App is a Hale that is built and not yet running.
type App struct {
	Accounts *account.Store
	Doors    *access.Doors
	Record   *record.Store
	Keys     *keys.Ring
	Visits   *visit.Store
	Reach    *reach.Engine
	Measure  *measure.Store

	people   people
	c        Config
	db       *db.DB
	ids      *ids.Source
	events   *event.Log
	audit    *audit.Log
	patients *patient.Store
	contacts *contact.Store
	consents *consent.Store
	links    *link.Store
	guards   guards
	senders  senders
	queue    jobs.Queue
	site     *web.Site
	signIn   *portal.SignIn
	handler  http.Handler
	tide     *tide.Mark
	table    []string // every route, for the tests that walk them all
}

// New opens the database, brings it up to date and builds the application.
func New(ctx context.Context, c Config) (*App, error) { return build(ctx, c, nil) }

// build makes the parts from the ground up. demo, if any, adds its own.
func build(ctx context.Context, c Config, demo *Demo) (*App, error) {
	d, err := openDatabase(ctx, c)
	if err != nil {
		return nil, err
	}
	a := &App{c: c, db: d, ids: ids.NewSource(c.Now, c.Rand)}
	if err := a.assemble(ctx, demo); err != nil {
		_ = a.Close()
		return nil, fmt.Errorf("app: build: %w", err)
	}
	return a, nil
}

// openDatabase opens the database and runs its migrations.
func openDatabase(ctx context.Context, c Config) (*db.DB, error) {
	d, err := c.openFile(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := schema.Up(ctx, d); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// Migrate brings the database up to date and returns how many migrations it
// took.
func Migrate(ctx context.Context, c Config) (int, error) {
	d, err := c.openFile(ctx)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	return schema.Up(ctx, d)
}

func (a *App) assemble(ctx context.Context, demo *Demo) error {
	if err := a.ring(ctx); err != nil {
		return err
	}
	if err := a.stores(); err != nil {
		return err
	}
	if err := a.engine(ctx); err != nil {
		return err
	}
	var err error
	if a.tide, err = tide.Open(ctx, a.db, a.c.Now); err != nil {
		return err
	}
	if demo != nil {
		if err := demo.settle(ctx, a); err != nil {
			return err
		}
		demo.offer()
	}
	return a.faces(demo)
}

// stores makes what keeps data.
func (a *App) stores() error {
	a.events = event.NewLog(a.ids, a.c.Now)
	a.audit = audit.NewLog(a.db, a.ids, a.c.Now).On(a.c.Node)
	a.Doors = access.NewDoors(a.audit, lookup.New(a.db, a.c.Now), a.c.Now)
	a.patients = patient.NewStore(a.db)
	a.contacts = contact.NewStore(a.db, a.c.Now)
	a.consents = consent.NewStore(a.db, a.ids, a.c.Now)
	if err := a.openGuards(); err != nil {
		return err
	}
	a.Record = record.New(a.db, a.ids, a.c.Now, a.events, append(views(), a.guards.holds.View())...).WithKeys(a.Keys).WithHolders(a.guards.holds)
	a.Visits = visit.NewStore(a.db, a.Record, a.events, a.ids, a.c.Now)
	a.Measure = measure.NewStore(a.db, a.c.Now)
	a.links = link.NewStore(a.db, a.ids, a.c.Now, a.c.Rand, a.patients)
	a.Accounts = a.accounts()
	return a.peopleStores()
}

// views are the narrow tables that the record keeps up to date.
func views() []record.Projector {
	return []record.Projector{
		patient.View(), contact.View(), clinician.View(), result.View(), medication.View(),
		problem.View(), document.View(), visit.View(),
	}
}

// engine makes what reaches out, and the queue behind it.
func (a *App) engine(ctx context.Context) error {
	senders, err := openSenders(a.c)
	if err != nil {
		return err
	}
	a.senders = senders
	a.Reach = reach.New(reach.Config{
		DB: a.db, Doors: a.Doors, IDs: a.ids, Now: a.c.Now, Key: a.c.Key, Keys: a.Keys, Events: a.events, Links: a.links,
		Gateways: senders.gateways, BaseURL: a.c.base(), Log: a.c.Log, Node: a.ids.New(),
		Clinic: a.c.writer(),
	})
	a.queue, err = jobs.Open(ctx, a.db, jobs.Config{
		Handlers: a.labelHandlers(a.guardHandlers(a.keyHandlers(a.Reach.Handlers()))), Periodic: labelPeriods(a.guardPeriods(keyPeriods(a.Reach.Periodic()))), Workers: 4, Now: a.c.Now, Log: a.c.Log,
	})
	if err != nil {
		return err
	}
	a.Reach.Use(a.queue)
	a.useGuards()
	return nil
}

// Importer returns an importer that names feed as where the data came from.
func (a *App) Importer(feed string) *bulk.Importer {
	return bulk.New(a.Record, a.db, record.Source{Actor: access.SystemActor("import", access.WriteRecord), Feed: feed})
}

// Close closes what New opened.
func (a *App) Close() error {
	a.senders.close()
	if err := a.db.Close(); err != nil {
		return fmt.Errorf("app: close: %w", err)
	}
	return nil
}

// faces builds the pages.
func (a *App) faces(demo *Demo) error {
	a.site = web.NewSite(a.c.Clinic, a.Accounts, a.c.Log, a.c.Now, a.c.secure())
	a.site.Proxies = a.c.Proxies
	drafts := draft.NewStore(a.db, a.c.Key, a.c.Now)
	passkeys, err := account.NewPasskeys(a.Accounts, a.c.Clinic.Name, a.c.base())
	if err != nil {
		return err
	}
	a.site.Drafts, a.site.Passkeys = drafts, passkeys != nil
	sso, err := a.signOn()
	if err != nil {
		return err
	}
	a.signIn = portal.NewSignIn(portal.SignInConfig{
		Drafts: drafts, SSO: sso,
		Site: a.site, Accounts: a.Accounts, Passkeys: passkeys, Codes: codes{a.Reach, a.c.Clinic.Name},
		Doors: a.Doors, Contacts: a.contacts, Demo: demo.signIns(), Log: a.c.Log,
	})
	mux := a.routes(demo, portal.New(a.portalAudit(a.portalPeople(portal.Config{
		Site: a.site, Doors: a.Doors, People: a.patients, Results: result.NewStore(a.db),
		Medicines: medication.NewStore(a.db), Problems: problem.NewStore(a.db),
		Documents: document.NewStore(a.db, a.Record), Letters: a.letterbox(), Visits: a.Visits, Inbox: a.Reach,
		Looks: look.NewStore(a.db, a.c.Now), Releases: a.guards.holds, Records: a.Record, Fences: a.Record, Now: a.c.Now, SignIn: a.signIn,
	}))))
	a.table, a.handler = mux.Routes(), a.site.Wrap(a.ashore(mux))
	return nil
}
