package app

import (
	"context"
	"encoding/json"
	"time"

	"hale/internal/store/jobs"
)

// labelJob makes the labels of older resources again when the rules have
// changed: a part of it every minute until all are done.
const labelJob = "labels.again"

// labelFor is how long one run of the job goes on.
const labelFor = 30 * time.Second

// labelHandlers adds the job to others.
func (a *App) labelHandlers(others map[string]jobs.Handler) map[string]jobs.Handler {
	others[labelJob] = func(ctx context.Context, _ json.RawMessage) error {
		begun := a.c.Now()
		for more := true; more && a.c.Now().Sub(begun) < labelFor && ctx.Err() == nil; {
			var err error
			if more, err = a.Record.Relabel(ctx); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	return others
}

// labelPeriods adds when it runs.
func labelPeriods(others []jobs.Periodic) []jobs.Periodic {
	return append(others, jobs.Periodic{Kind: labelJob, Every: time.Minute})
}
