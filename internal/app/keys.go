package app

import (
	"context"
	"maps"
	"time"

	"hale/internal/store/audit"
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

// operator is who works at the command line.
func operator(action, about, patient, reason string) audit.Row {
	return audit.Row{ActorKind: "system", Actor: "command line", Action: action, About: about, Patient: patient, Reason: reason, Granted: true}
}

// TurnKey makes a new key active for class.
func (a *App) TurnKey(ctx context.Context, class keys.Class) (kid string, err error) {
	err = a.db.Tx(ctx, func(tx *db.Tx) error {
		if kid, err = a.Keys.Turn(ctx, tx, class); err != nil {
			return err
		}
		return a.audit.AddIn(ctx, tx, operator("keys.rotate", string(class)+"/"+kid, "", ""))
	})
	return kid, err
}

// NoteKeys writes into the audit log what was done to keys outside the
// database.
func (a *App) NoteKeys(ctx context.Context, action, about string) error {
	return a.audit.Add(ctx, operator(action, about, "", ""))
}

// Shred makes the sealed part of a patient's record unreadable for good, and
// returns how many resources those were.
func (a *App) Shred(ctx context.Context, patient, reason string) (n int, err error) {
	err = a.db.Tx(ctx, func(tx *db.Tx) error {
		if n, err = a.Record.Shred(ctx, tx, patient); err != nil {
			return err
		}
		return a.audit.AddIn(ctx, tx, operator("keys.shred", "Patient/"+patient, patient, reason))
	})
	return n, err
}
