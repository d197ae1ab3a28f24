package app

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/background"
	"hale/internal/care/due"
	"hale/internal/care/result"
	"hale/internal/care/review"
	"hale/internal/demo/town"
	"hale/internal/face/desk"
	"hale/internal/face/portal"
	"hale/internal/feed/bulk"
	"hale/internal/reach"
	"hale/internal/record/arrival"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// recordParts are what the pages of the record need beside the record: how
// far its sources have come, and who looked at results.
type recordParts struct {
	feeds   *arrival.Store
	reviews *review.Store
}

// openRecordParts makes them.
func (a *App) openRecordParts() {
	a.parts = recordParts{
		feeds:   arrival.NewStore(a.db, a.c.Now, a.audit),
		reviews: review.NewStore(a.db, a.Record, a.ids, a.c.Now, reviewed{a}),
	}
}

// portalRecord adds these parts to the portal.
func (a *App) portalRecord(c portal.Config) portal.Config {
	c.Entries, c.Reviews, c.Feeds = background.NewStore(a.db), a.parts.reviews, a.parts.feeds
	c.Dues = due.NewStore(a.db, a.Record, a.Tasks, a.ids, a.c.Now)
	return c
}

// deskRecord adds these parts to the desk.
func (a *App) deskRecord(c desk.Config) desk.Config {
	c.Reviews, c.Feeds, c.Results = a.parts.reviews, a.parts.feeds, result.NewStore(a.db).In(a.units)
	return c
}

// reports notes on behalf of an import how far a source has come.
func (a *App) reports(im *bulk.Importer) *bulk.Importer { return im.Reporting(a.parts.feeds) }

// reviewedJob tells a patient that somebody looked at a result.
const reviewedJob = "result.reviewed"

// reviewed tells patients of looks.
type reviewed struct{ a *App }

// Looked adds the notice in the transaction of the look: one for all that was
// looked at together.
func (l reviewed) Looked(ctx context.Context, tx *db.Tx, patient string) error {
	return l.a.queue.Add(ctx, tx, jobs.Job{Kind: reviewedJob, Args: patient, Unique: patient})
}

// recordHandlers adds the jobs of these parts to handlers.
func (a *App) recordHandlers(handlers map[string]jobs.Handler) map[string]jobs.Handler {
	all := maps.Clone(handlers)
	all[reviewedJob] = a.tellReviewed
	return all
}

// tellReviewed tells a patient that somebody looked at a result, by the way
// they are reached and the rules of results. Outside its page it names no
// test, and nowhere what was said of it. Each look is told once.
func (a *App) tellReviewed(ctx context.Context, args json.RawMessage) error {
	var patient string
	if err := json.Unmarshal(args, &patient); err != nil {
		return err
	}
	_, err := a.Reach.Inform(ctx, reach.News{
		Patient: patient, Purpose: "clinical_result", Within: 7 * 24 * time.Hour,
		Words: func(l lang.Lang, _ time.Time) (title, line, page string) {
			return l.T("News from your care team"), l.T("your care team has news for you."),
				l.T("Your care team has looked at a test result of yours. You find it, and what they say, under Record, Test results. If you have questions about it, please call us.")
		},
		In: func(ctx context.Context, tx *db.Tx, message string, _ time.Time) error {
			return a.parts.reviews.Told(ctx, tx, patient, message)
		},
	})
	if errors.Is(err, review.ErrTold) {
		return nil
	}
	return err
}

// demoFeeds gives the sources of the town's records their names: the clinic,
// which brought everything, and its laboratory.
func (a *App) demoFeeds(ctx context.Context) error {
	pass, err := a.Doors.CheckAll(ctx, access.SystemActor("demo", access.SetRules), access.SetRules)
	if err != nil {
		return err
	}
	if err := a.parts.feeds.Ended(ctx, "alder-labs", ""); err != nil {
		return err
	}
	return errors.Join(a.parts.feeds.Name(ctx, pass, arrival.Feed{Name: "demo town", Title: town.Clinic}),
		a.parts.feeds.Name(ctx, pass, arrival.Feed{Name: "alder-labs", Title: "Alder Clinical Labs", Brings: []access.Category{access.Results}}))
}
