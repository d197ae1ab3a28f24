package app

import (
	"context"
	"maps"
	"time"

	"hale/internal/store/db"
	"hale/internal/store/jobs"
	"hale/internal/store/keys"
)

// roots are the secrets above the ring. A Config that names none has one key
// for everything.
func (c Config) roots() keys.Roots {
	if c.Roots.Root.Made() {
		return c.Roots
	}
	return keys.Plain(c.Key)
}

// openFile opens the database: a SQLite file with its own key, or with the
// one it is being rewritten to.
func (c Config) openFile(ctx context.Context) (*db.DB, error) {
	roots := c.roots()
	d, err := db.Open(ctx, c.Database, roots.File)
	if err != nil && roots.Next.Made() {
		return db.Open(ctx, c.Database, roots.Next)
	}
	return d, err
}

// ring opens the ring of keys.
func (a *App) ring(ctx context.Context) (err error) {
	a.Keys, err = keys.Open(ctx, keys.Config{DB: a.db, Roots: a.c.roots(), Now: a.c.Now, Reload: a.c.Reload})
	return err
}

// keyHandlers adds the ring's background work to others.
func (a *App) keyHandlers(others map[string]jobs.Handler) map[string]jobs.Handler {
	all := maps.Clone(others)
	all[keys.TidyJob] = a.Keys.TidyHandler
	return all
}

// keyPeriods adds when that runs.
func keyPeriods(others []jobs.Periodic) []jobs.Periodic {
	return append(others, jobs.Periodic{Kind: keys.TidyJob, Every: time.Minute})
}
