package app

import (
	"context"
	"time"

	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// The hours in which the demo's town is awake enough to be visited: texts
// leave at once, and there is some of the day to come.
const (
	townOpens  = 9
	townCloses = 17
	townSet    = 10*time.Hour + 4*time.Minute // what its clock is set to otherwise
)

// townClock returns now, set back to the last mid-morning in zone if it is
// evening or night there, so that a visitor at midnight does not meet a town
// that may not be texted. It never goes back before last.
func townClock(now func() time.Time, zone *time.Location, last time.Time) func() time.Time {
	local := now().In(zone)
	if h := local.Hour(); h >= townOpens && h < townCloses {
		return now
	}
	y, m, d := local.Date()
	set := time.Date(y, m, d, 0, 0, 0, 0, zone).Add(townSet)
	if set.After(local) {
		set = time.Date(y, m, d-1, 0, 0, 0, 0, zone).Add(townSet)
	}
	if set.Before(last) {
		set = last.Add(time.Second)
	}
	back := local.Sub(set)
	return func() time.Time { return now().Add(-back) }
}

// lastChange returns when an earlier run of the same town was last busy; the
// zero time for a new one.
func lastChange(ctx context.Context, c Config) (time.Time, error) {
	d, err := openDatabase(ctx, c)
	if err != nil {
		return time.Time{}, err
	}
	defer d.Close()
	if err := audit.Settle(ctx, d); err != nil {
		return time.Time{}, err
	}
	at, err := db.One(ctx, d, db.Value[int64], "select coalesce(max(at), 0) from audit")
	if err != nil || at == 0 {
		return time.Time{}, err
	}
	return time.UnixMicro(at), nil
}
