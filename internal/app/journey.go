package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/face/desk"
	"hale/internal/reach"
	"hale/internal/reach/journey"
	"hale/internal/reach/segment"
)

// openJourneys makes what takes people along several steps.
func (a *App) openJourneys() {
	a.journeys = journey.NewStore(journey.Config{
		DB: a.db, IDs: a.ids, Now: a.c.Now, Reach: a.Reach, Hooks: a.Hooks, Record: a.Record, Doors: a.Doors, Node: a.c.Node,
		Zone: a.c.Clinic.Zone, Log: a.c.Log, Business: a.workdays,
	})
}

// workdays returns the same time of day so many working days after at: no
// weekend, and no holiday that the law knows.
func (a *App) workdays(at time.Time, days int, zone *time.Location) time.Time {
	l := at.In(zone)
	if days <= 0 {
		return l
	}
	y, m, d := a.Reach.Law.Due(l, days, zone).AddDate(0, 0, -1).Date() // the term ends with its day
	return time.Date(y, m, d, l.Hour(), l.Minute(), l.Second(), l.Nanosecond(), zone)
}

// fence returns where the count of starts is kept: beside a database in a
// file. A database on a server has no such place, and goes by the time alone.
func (c Config) fence() reach.Fence {
	path, ok := strings.CutPrefix(c.Database, "sqlite:")
	if !ok {
		return nil
	}
	return fence{path + ".starts"}
}

// fence keeps the count of what started by itself in a file beside the
// database.
type fence struct{ path string }

// Count returns the count, 0 where there is none.
func (f fence) Count() (int64, error) {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("app: fence: %w", err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("app: fence: %w", err)
	}
	return n, nil
}

// Keep writes the count, and returns when it is on the disk.
func (f fence) Keep(n int64) error {
	tmp, err := os.CreateTemp(filepath.Dir(f.path), "fence-")
	if err != nil {
		return fmt.Errorf("app: fence: %w", err)
	}
	_, err = fmt.Fprintln(tmp, n)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("app: fence: %w", err)
	}
	return nil
}

// followJourneys reads the changes of the record until ctx ends.
func (a *App) followJourneys(ctx context.Context) error { return a.journeys.Run(ctx) }

// deskJourneys adds journeys and named segments to the desk.
func (a *App) deskJourneys(c desk.Config) desk.Config {
	c.Schedules = a.Reach
	c.Segments, c.Journeys = segment.NewStore(a.db, a.ids, a.c.Now), a.journeys
	return c
}

// showJourneys starts the ready-made journeys in the demo, once. One that takes
// two people stays written and waits for them.
func (a *App) showJourneys(ctx context.Context) error {
	pass, err := a.Doors.CheckAll(ctx, access.SystemActor("demo", access.RunOutreach), access.RunOutreach)
	if err != nil {
		return err
	}
	if old, err := a.journeys.List(ctx, pass); err != nil || len(old) > 0 {
		return err
	}
	list, err := journey.ReadyMade()
	if err != nil {
		return err
	}
	for _, one := range list {
		id, err := a.journeys.Save(ctx, pass, "", one.Definition)
		if err != nil {
			return err
		}
		p, err := a.journeys.Proposal(ctx, pass, id)
		if err == nil && p.Why != "" && !p.Stands {
			continue
		}
		if err == nil {
			err = a.journeys.Publish(ctx, pass, id)
		}
		if err == nil {
			err = a.journeys.Start(ctx, pass, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
