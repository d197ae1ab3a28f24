package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/face/fhirapi"
	"hale/internal/store/jobs"
)

// indexJob brings the search index of older resources up to what can be
// searched now: a part of it every minute until all are done.
const indexJob = "search.index"

// indexFor is how long one run of the job goes on.
const indexFor = 40 * time.Second

// searchable lets the record know what searches ask beside itself: value
// sets, and the address that it has.
func (a *App) searchable() {
	a.Record.WithTerms(a.conform.terms).WithBase(a.c.base() + fhirapi.Prefix)
}

// searchHandlers adds the job to others.
func (a *App) searchHandlers(others map[string]jobs.Handler) map[string]jobs.Handler {
	others[indexJob] = func(ctx context.Context, _ json.RawMessage) error {
		begun := a.c.Now()
		for {
			r, err := a.Record.Reindex(ctx)
			if err != nil {
				return err
			}
			if !r.More {
				return nil
			}
			if a.c.Now().Sub(begun) >= indexFor || ctx.Err() != nil {
				a.c.Log.Info("the search index is being made", "done", r.Done, "of", r.Of)
				return ctx.Err()
			}
		}
	}
	return others
}

// searchPeriods adds when it runs.
func searchPeriods(others []jobs.Periodic) []jobs.Periodic {
	return append(others, jobs.Periodic{Kind: indexJob, Every: time.Minute})
}

// followWords keeps the words of what changes until ctx ends.
func (a *App) followWords(ctx context.Context) error {
	return a.Record.Follow(ctx, a.Record.Words(a.c.Node), a.c.Log)
}

// Reindex writes the search index of resources anew, of one type or of every
// one where typ is empty, and tells told how many it has looked at.
func (a *App) Reindex(ctx context.Context, typ string, told func(number int64)) error {
	for last, more := int64(0), true; more; {
		var err error
		if last, more, err = a.Record.ReindexType(ctx, typ, last); err != nil {
			return fmt.Errorf("app: reindex: %w", err)
		}
		told(last)
	}
	if typ != "" {
		return nil
	}
	for more := true; more; { // what it was to do of itself is done
		r, err := a.Record.Reindex(ctx)
		if err != nil {
			return fmt.Errorf("app: reindex: %w", err)
		}
		more = r.More
	}
	return nil
}
