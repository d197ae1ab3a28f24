package reach_test

import (
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// An outreach that is spread over four hours leaves evenly, and not a message
// of it outside its hours, however the clock runs.
func TestEngineHours(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		const n = 2000
		w.add(many(n)...)
		chicago, err := time.LoadLocation("America/Chicago")
		if err != nil {
			t.Fatal(err)
		}
		o := care()
		o.Channels = []reach.Channel{reach.Email}
		o.Hours = policy.Times{Days: 1<<time.Monday | 1<<time.Tuesday, From: 9, To: 14, Spread: 4}
		w.at(time.Date(2026, 3, 2, 12, 0, 0, 0, chicago)) // a Monday: two hours are left of the day
		id := w.start(o)
		perHour := map[string]int{}
		list, err := db.All(t.Context(), d, db.Value[int64], `select not_before from message where outreach = $1`, id)
		if err != nil || len(list) != n {
			t.Fatalf("%d messages, %v", len(list), err)
		}
		for _, at := range list {
			l := db.Time(at).In(chicago)
			if l.Hour() < 9 || l.Hour() >= 14 || l.Weekday() != time.Monday && l.Weekday() != time.Tuesday {
				t.Fatalf("a message is planned for %s", l)
			}
			perHour[l.Format("Mon 15")]++
		}
		for hour, want := range map[string]int{"Mon 12": n / 4, "Mon 13": n / 4, "Tue 09": n / 4, "Tue 10": n / 4} {
			if got := perHour[hour]; got < want*8/10 || got > want*12/10 {
				t.Errorf("%s: %d messages, want %d within a fifth", hour, got, want)
			}
		}
		trail := w.text(`select decision from intent where outreach = $1 and id in (select intent from message where not_before > $2) order by id limit 1`, id, w.clock().UnixMicro())
		if !strings.Contains(trail, `"spread"`) || !strings.Contains(trail, "leaves over 4 hours") {
			t.Errorf("the trail does not say why it waits: %s", trail)
		}

		hours := func(at time.Time) int {
			t.Helper()
			w.at(at)
			before := len(w.gate[reach.Email].got())
			w.send()
			return len(w.gate[reach.Email].got()) - before
		}
		if got := hours(time.Date(2026, 3, 2, 13, 0, 0, 0, chicago)); got < n/5 || got > n*3/10 {
			t.Errorf("%d left in the first hour", got)
		}
		for _, at := range []time.Time{
			time.Date(2026, 3, 2, 20, 0, 0, 0, chicago),  // that night
			time.Date(2026, 3, 3, 8, 59, 0, 0, chicago),  // before it opens
			time.Date(2026, 3, 4, 10, 0, 0, 0, chicago),  // a day it does not have
			time.Date(2026, 3, 7, 10, 0, 0, 0, chicago),  // a weekend
			time.Date(2026, 3, 9, 13, 59, 0, 0, chicago), // too late in its last minutes
		} {
			if got := hours(at); got != 0 {
				t.Errorf("%d left at %s, outside the hours", got, at)
			}
		}
		hours(time.Date(2026, 3, 10, 11, 0, 0, 0, chicago))
		if got := len(w.gate[reach.Email].got()); got != n {
			t.Errorf("%d of %d left in the end", got, n)
		}
	})
}

// Every text of a dry run is counted, and everyone is in one.
func TestDryRunVariants(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(300)...)
		o := care()
		o.Holdout = 0.2
		o.Variants = []reach.Variant{{Key: "a", Share: 0.7, Template: o.Template}, {Key: "b", Share: 0.3, Template: o.Template}}
		pass := w.run(access.RunOutreach)
		o, err := w.e.Save(t.Context(), pass, o)
		if err != nil {
			t.Fatal(err)
		}
		f, err := w.e.DryRun(t.Context(), pass, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		treated, held := 0, 0
		for _, v := range f.Variants {
			treated, held = treated+v.Treated, held+v.Held
		}
		if len(f.Variants) != 2 || treated != f.Treated || held != f.Held || f.Variants[0].Treated < f.Variants[1].Treated {
			t.Errorf("variants = %+v of %d and %d held", f.Variants, f.Treated, f.Held)
		}
	})
}
