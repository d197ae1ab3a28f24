// Package app builds Hale from a Config and runs it.
//
// Everything is made here, once, and handed to whoever needs it; nothing
// below finds a part by itself.
package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/client"
	"hale/internal/access/draft"
	"hale/internal/access/lookup"
	"hale/internal/base/ids"
	"hale/internal/care/background"
	"hale/internal/care/bill"
	"hale/internal/care/clinic"
	"hale/internal/care/clinician"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/care/document"
	"hale/internal/care/form"
	"hale/internal/care/look"
	"hale/internal/care/medication"
	"hale/internal/care/patient"
	"hale/internal/care/problem"
	"hale/internal/care/recap"
	"hale/internal/care/result"
	"hale/internal/care/review"
	"hale/internal/care/task"
	"hale/internal/care/thread"
	"hale/internal/care/translation"
	"hale/internal/care/visit"
	"hale/internal/face/authsrv"
	"hale/internal/face/portal"
	"hale/internal/face/shl"
	"hale/internal/face/web"
	"hale/internal/feed/bulk"
	"hale/internal/measure"
	"hale/internal/reach"
	"hale/internal/reach/call"
	"hale/internal/reach/hook"
	"hale/internal/reach/journey"
	"hale/internal/reach/letter"
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
	Accounts     *account.Store
	Clients      *client.Store
	Doors        *access.Doors
	Record       *record.Store
	Keys         *keys.Ring
	Visits       *visit.Store
	Tasks        *task.Store
	Threads      *thread.Store
	translations *translation.Store
	Reach        *reach.Engine
	Measure      *measure.Store

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
	tracks   tracking
	guards   guards
	bulk     bulkParts
	bills    billParts
	senders  senders
	texts    texts
	mail     mailParts
	calls    *call.Store
	letters  *letter.Store
	journeys *journey.Store
	Hooks    *hook.Store
	queue    jobs.Queue
	clinic   *clinic.Store
	site     *web.Site
	signIn   *portal.SignIn
	handler  http.Handler
	tide     *tide.Mark
	conform  conformance
	papers   documents
	forms    formParts
	parts    recordParts
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
	if err := a.openClinic(ctx); err != nil {
		return err
	}
	if err := a.stores(); err != nil {
		return err
	}
	if err := a.openTracking(); err != nil {
		return err
	}
	if err := a.openDocuments(); err != nil {
		return err
	}
	if err := a.openBulk(); err != nil {
		return err
	}
	if err := a.engine(ctx); err != nil {
		return err
	}
	if err := a.openHooks(); err != nil {
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
		if err := a.showJourneys(ctx); err != nil {
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
	if err := a.define(); err != nil {
		return err
	}
	a.Record = record.New(a.db, a.ids, a.c.Now, a.events, append(views(), a.guards.holds.View())...).WithKeys(a.Keys).WithHolders(a.guards.holds).WithChecker(&a.conform, a.c.Validation.of)
	a.searchable()
	a.Visits = visit.NewStore(a.db, a.Record, a.events, a.ids, a.c.Now).In(a.c.Clinic.Zone).Tell(visitNotices{a})
	a.openTasks()
	a.openForms()
	a.openThreads()
	a.openRecordParts()
	a.openTranslations()
	a.Measure = measure.NewStore(a.db, a.c.Now)
	a.links = link.NewStore(a.db, a.ids, a.c.Now, a.c.Rand, a.patients).WithKey(a.c.Key)
	a.Accounts = a.accounts()
	return a.peopleStores()
}

// views are the narrow tables that the record keeps up to date.
func views() []record.Projector {
	return []record.Projector{
		patient.View(), contact.View(), clinician.View(), result.View(), medication.View(),
		problem.View(), document.View(), visit.View(), task.View(), thread.View(), translation.View(), bill.View(), form.View(), background.View(), review.View(),
	}
}

// engine makes what reaches out, and the queue behind it.
func (a *App) engine(ctx context.Context) error {
	if err := a.openMail(); err != nil {
		return err
	}
	senders, err := a.openSenders()
	if err != nil {
		return err
	}
	a.senders = senders
	a.openCalls()
	a.openLetters()
	book, err := a.c.book()
	if err != nil {
		return err
	}
	a.Reach = reach.New(reach.Config{
		Law: book, Fence: a.c.fence(),
		DB: a.db, Doors: a.Doors, IDs: a.ids, Now: a.c.Now, Key: a.c.Key, Keys: a.Keys, Events: a.events, Links: a.links, Track: a.signs(),
		Gateways: a.senders.gateways, BaseURL: a.c.base(), Log: a.c.Log, Node: a.ids.New(),
		Back: a.back(), Clinic: a.c.writer(), Limits: a.c.Text.Limits, Ages: a.people.Ages, NoOffers: a.c.refusesOffers(), Visits: a.Visits,
	})
	a.consents.Revoked = a.Reach.Revoked
	a.writes(a.Reach)
	a.useThreads()
	a.openJourneys()
	if err := a.openBills(); err != nil {
		return err
	}
	a.queue, err = jobs.Open(ctx, a.db, jobs.Config{
		Handlers: a.handlers(), Periodic: a.periods(), Workers: 4, Now: a.c.Now, Log: a.c.Log,
	})
	if err != nil {
		return err
	}
	a.Reach.Use(a.queue)
	a.useGuards()
	a.useBulk()
	a.useMail()
	return nil
}

// Importer returns an importer that names feed as where the data came from.
func (a *App) Importer(feed string) *bulk.Importer {
	return a.reports(bulk.New(a.Record, a.db, record.Source{Actor: access.SystemActor("import", access.WriteRecord), Feed: feed}))
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
	a.describe()
	a.site.Proxies, a.site.Apart = a.c.Proxies, append(authsrv.Apart(), shl.Apart...)
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
		Doors: a.Doors, Contacts: a.contacts, Phrases: a.Reach, Reports: a.contacts, Demo: demo.signIns(), Log: a.c.Log,
	})
	api := a.fhir()
	mux := a.routes(demo, api, portal.New(a.portalForms(a.portalBills(a.portalRecord(a.portalDocuments(a.portalApps(a.portalAudit(a.portalPeople(portal.Config{
		Site: a.site, Doors: a.Doors, People: a.patients, Results: result.NewStore(a.db).In(a.units), Units: a.units,
		Medicines: medication.NewStore(a.db), Supplies: a.supplies(), Readings: a.readings(), Problems: problem.NewStore(a.db),
		Documents: document.NewStore(a.db, a.Record), Letters: a.letterbox(), Visits: a.Visits, CheckIn: a.checkIn(), Recaps: recap.NewStore(a.db, a.Record, a.units), Tasks: a.Tasks, Inbox: a.Reach,
		Looks: look.NewStore(a.db, a.c.Now), Releases: a.guards.holds, Records: a.Record, Fences: a.Record, Now: a.c.Now, SignIn: a.signIn,
	})))))))))
	a.table, a.handler = slices.Concat(mux.Routes(), api.Routes(), a.outreachAPI().Patterns()), a.withTracking(a.serves(api, a.site.Wrap(a.fromNetwork(a.ashore(mux)))))
	return nil
}
