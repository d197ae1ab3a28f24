package app

import (
	"context"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"hale/internal/base/outbound"
	"hale/internal/face/desk"
	"hale/internal/face/fhirapi"
	"hale/internal/feed/export"
	"hale/internal/feed/load"
	"hale/internal/feed/subscription"
	"hale/internal/store/blob"
	"hale/internal/store/jobs"
)

// Bulk says where large files lie, and what other systems may bring and be
// told.
type Bulk struct {
	Folder  string        // of sealed files; empty: beside the SQLite file, or hale-files
	Life    time.Duration // how long an export is kept; zero: a day
	AtATime int           // exports at a time on this node; zero: 1
	Hosts   []string      // from where $import may fetch; none: files are sent along
}

// bulkParts are the parts that move much data, or news of it.
type bulkParts struct {
	files         *blob.Folder
	exports       *export.Store
	loads         *load.Store
	subscriptions *subscription.Store
}

// folder is where large files lie.
func (c Config) folder() string {
	if c.Bulk.Folder != "" {
		return c.Bulk.Folder
	}
	if path, ok := strings.CutPrefix(c.Database, "sqlite:"); ok {
		return filepath.Join(filepath.Dir(path), "files")
	}
	return "hale-files"
}

// longFetch is how long one file of a load may take to be fetched: less than
// a job may.
const longFetch = 100 * time.Second

// mostFetched is the most bytes of it.
const mostFetched = 8 << 30

// openBulk makes them.
func (a *App) openBulk() (err error) {
	b := &a.bulk
	if b.files, err = blob.Open(blob.Config{DB: a.db, Keys: a.Keys, Path: a.c.folder(), Now: a.c.Now, ID: a.ids.New}); err != nil {
		return err
	}
	b.exports = export.New(export.Config{
		DB: a.db, Record: a.Record, Doors: a.Doors, Audit: a.audit, Ledger: a.people.Given, Files: b.files, Grants: a.grants(),
		IDs: a.ids, Now: a.c.Now, Log: a.c.Log, Life: a.c.Bulk.Life, PerNode: a.c.Bulk.AtATime,
	})
	c := load.Config{
		DB: a.db, Record: a.Record, Doors: a.Doors, Audit: a.audit, Files: b.files, Grants: a.grants(), Now: a.c.Now, Log: a.c.Log,
		Hosts: a.c.Bulk.Hosts, Life: a.c.Bulk.Life, Feeds: a.parts.feeds,
	}
	if len(c.Hosts) > 0 { // an operator's list: they may lie in the operator's own network
		if c.Client, err = outbound.New(outbound.Config{Hosts: c.Hosts, Private: true, Timeout: longFetch, MaxBody: mostFetched}); err != nil {
			return err
		}
	}
	b.loads = load.New(c)
	hooks, err := outbound.New(outbound.Config{Timeout: 30 * time.Second, MaxBody: 1 << 20, PerHost: 8})
	if err != nil {
		return err
	}
	b.subscriptions = subscription.New(subscription.Config{
		DB: a.db, Record: a.Record, Doors: a.Doors, Audit: a.audit, Ledger: a.people.Given, Keys: a.Keys, Grants: a.grants(),
		IDs: a.ids, Now: a.c.Now, Log: a.c.Log, Node: a.ids.New(), Base: a.c.base() + fhirapi.Prefix, Client: hooks,
	})
	return nil
}

// grants knows what clients may do now, where it is the clients' store that
// lets them in.
func (a *App) grants() export.Grants {
	if a.c.Tokens == fhirapi.Tokens(a.Clients) {
		return a.Clients
	}
	return nil
}

// bulkHandlers adds their background work to others.
func (a *App) bulkHandlers(others map[string]jobs.Handler) map[string]jobs.Handler {
	all := maps.Clone(others)
	maps.Copy(all, a.bulk.exports.Handlers())
	maps.Copy(all, a.bulk.loads.Handlers())
	maps.Copy(all, a.bulk.subscriptions.Handlers())
	return all
}

// bulkPeriods adds when that runs.
func (a *App) bulkPeriods(others []jobs.Periodic) []jobs.Periodic {
	others = append(others, a.bulk.exports.Periodic()...)
	others = append(others, a.bulk.loads.Periodic()...)
	return append(others, a.bulk.subscriptions.Periodic()...)
}

// useBulk hands them the queue.
func (a *App) useBulk() {
	a.bulk.exports.Use(a.queue)
	a.bulk.loads.Use(a.queue)
}

// deskTraffic adds what they do to the desk.
func (a *App) deskTraffic(c desk.Config) desk.Config {
	c.Traffic = desk.Traffic{Exports: a.bulk.exports, Loads: a.bulk.loads, Subscriptions: a.bulk.subscriptions}
	return c
}

// tellOthers makes events of changes and delivers them until ctx ends.
func (a *App) tellOthers(ctx context.Context) error { return a.bulk.subscriptions.Run(ctx) }
