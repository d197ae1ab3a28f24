package app

import (
	"context"
	"encoding/json"
	"time"

	"hale/internal/store/jobs"
)

// changeJob forgets what the feed of changes has kept for long enough.
const changeJob = "changes.trim"

// changesKept is for how long the feed tells what changed, to whoever follows
// it slowly.
const changesKept = 7 * 24 * time.Hour

// changeHandlers adds the job to others.
func (a *App) changeHandlers(others map[string]jobs.Handler) map[string]jobs.Handler {
	others[changeJob] = func(ctx context.Context, _ json.RawMessage) error {
		begun := a.c.Now()
		for more := true; more && a.c.Now().Sub(begun) < labelFor && ctx.Err() == nil; {
			var err error
			if more, err = a.Record.TrimChanges(ctx, begun.Add(-changesKept)); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	return others
}

// changePeriods adds when it runs.
func changePeriods(others []jobs.Periodic) []jobs.Periodic {
	return append(others, jobs.Periodic{Kind: changeJob, Every: 10 * time.Minute})
}
