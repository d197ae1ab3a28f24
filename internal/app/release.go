package app

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/emergency"
	"hale/internal/access/snoop"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/face/desk"
	"hale/internal/reach"
	"hale/internal/record/release"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// guards are what holds results back, opens records in an emergency, and
// finds looks that nothing explains.
type guards struct {
	holds       *release.Store
	emergencies *emergency.Store
	findings    *snoop.Store
}

// openGuards makes the guards. The record asks them, so they come first.
func (a *App) openGuards() error {
	book, err := release.ReadBook()
	if err != nil {
		return err
	}
	if book, err = book.Only(a.c.Packs); err != nil {
		return errs.New(errs.Invalid, fmt.Sprintf("release.packs in hale.toml names a pack that Hale does not know; it knows %v.", release.Known())).Because(err)
	}
	zone := a.c.Clinic.Zone
	a.guards = guards{
		holds:       release.New(release.Config{DB: a.db, IDs: a.ids, Now: a.c.Now, Events: a.events, Audit: a.audit, Book: book, Zone: zone}),
		emergencies: emergency.New(emergency.Config{DB: a.db, IDs: a.ids, Now: a.c.Now, Audit: a.audit, Tell: a.tellOfficers}),
		findings:    snoop.New(snoop.Config{DB: a.db, IDs: a.ids, Now: a.c.Now, Audit: a.audit, Zone: zone, Changed: a.Doors.Forget}),
	}
	return nil
}

// useGuards binds what is made after the guards.
func (a *App) useGuards() {
	a.guards.holds.Use(a.Record, arrivals{a}, a.Doors.Forget)
	a.guards.emergencies.Use(a.queue, a.Doors.Forget)
}

// guardHandlers adds the guards' jobs to handlers.
func (a *App) guardHandlers(handlers map[string]jobs.Handler) map[string]jobs.Handler {
	all := maps.Clone(handlers)
	maps.Copy(all, a.guards.holds.Handlers())
	maps.Copy(all, a.guards.emergencies.Handlers())
	maps.Copy(all, a.guards.findings.Handlers())
	all[arrivedJob] = a.tellArrived
	return all
}

// guardPeriods adds when the guards' jobs run.
func (a *App) guardPeriods(list []jobs.Periodic) []jobs.Periodic {
	list = append(slices.Clone(list), a.guards.holds.Periodic()...)
	return append(list, a.guards.findings.Periodic()...)
}

// onDesk gives the desk the guards' pages.
func (g guards) onDesk(c desk.Config) desk.Config {
	c.Holds, c.Emergencies, c.Findings = g.holds, g.emergencies, g.findings
	return c
}

// arrivedJob tells a patient that a result is there which had to wait.
const arrivedJob = "result.arrived"

// arrivals tells patients of results that nothing holds any more.
type arrivals struct{ a *App }

// Arrived adds the notice in the transaction that shows the result: one for
// all that comes out together.
func (l arrivals) Arrived(ctx context.Context, tx *db.Tx, patient, _, _ string) error {
	return l.a.queue.Add(ctx, tx, jobs.Job{Kind: arrivedJob, Args: patient, Unique: patient})
}

// tellArrived tells a patient that a result is there which had to wait, by the
// way they are reached and the rules of results. Outside its page it names
// neither the test nor what it showed, nor there.
func (a *App) tellArrived(ctx context.Context, args json.RawMessage) error {
	var patient string
	if err := json.Unmarshal(args, &patient); err != nil {
		return err
	}
	_, err := a.Reach.Inform(ctx, reach.News{
		Patient: patient, Purpose: "clinical_result", Within: 7 * 24 * time.Hour,
		Words: func(l lang.Lang, _ time.Time) (title, line, page string) {
			return l.T("A new result is ready for you"), l.T("your care team has news for you."),
				l.T("A test result is ready. You find it under Record, Test results. If you have questions about it, please call us.")
		},
	})
	return err
}

// tellOfficers writes to the privacy officers that somebody opened a record
// in an emergency: that it happened, and where to review it. A clinic without
// an officer has its administrators told.
func (a *App) tellOfficers(ctx context.Context, o emergency.Opening) error {
	staff, err := a.Accounts.Staff(ctx)
	if err != nil {
		return err
	}
	with := func(role access.Role) []account.Account {
		return slices.DeleteFunc(slices.Clone(staff), func(s account.Account) bool { return !slices.Contains(s.Roles, role) })
	}
	officers := with(access.Privacy)
	if len(officers) == 0 {
		officers = with(access.Admin)
	}
	at := o.At.In(a.c.Clinic.Zone).Format("January 2, 3:04 pm")
	for _, s := range officers {
		to, channel := s.Email, reach.Email
		if to == "" {
			to, channel = s.Phone, reach.SMS
		}
		if to == "" {
			continue
		}
		err := a.Reach.SendNow(ctx, reach.Direct{
			Purpose: "security", Channel: channel, To: to, Lang: "en",
			Subject: "Emergency access at " + a.c.Clinic.Name,
			Text:    fmt.Sprintf("%s: a record was opened in an emergency on %s. Please review it within a day: %s/desk/reviews", a.c.Clinic.Name, at, a.c.base()),
		})
		if err != nil && errs.KindOf(err) != errs.Unavailable { // a channel that is not set up stays so; the review list has it
			return err
		}
	}
	return nil
}
