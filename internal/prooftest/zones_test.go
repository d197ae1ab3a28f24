package prooftest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/prooftest/figures"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// zones are 40 ways to keep time: every hour of the day, halves and quarters,
// both hemispheres' summers, Lord Howe's of half an hour, Chatham's quarter,
// Morocco's which is winter, and those that have none.
var zones = []string{
	"America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu", "America/Adak",
	"America/Puerto_Rico", "America/Halifax", "America/St_Johns", "America/Havana", "America/Sao_Paulo", "America/Santiago", "America/Asuncion", "Pacific/Easter",
	"Atlantic/Azores", "Europe/London", "Europe/Dublin", "Europe/Berlin", "Europe/Helsinki", "Europe/Moscow", "Africa/Casablanca", "Africa/Cairo",
	"Asia/Beirut", "Asia/Jerusalem", "Asia/Tehran", "Asia/Kabul", "Asia/Karachi", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Yangon",
	"Asia/Tokyo", "Australia/Eucla", "Australia/Adelaide", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Kiritimati",
}

// TestQuietHours asks through a year, each half hour and each minute where a
// clock is put on or back, when somebody may be written to: never in the
// quiet hours of where they are, and no later than need be.
func TestQuietHours(t *testing.T) {
	asked, turns, wrong := int64(0), int64(0), int64(0)
	for _, name := range zones {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		load := func(string) (*time.Location, error) { return loc, nil }
		w := policy.Window{From: 8, To: 20, Zones: []string{name}}
		ask := func(at time.Time) {
			asked++
			if !quiet(w, at, loc, load) {
				wrong++
				next, _ := w.Next(at, &policy.Settings{Load: load})
				t.Errorf("%s: asked at %s, written to at %s", name, at.In(loc), next.In(loc))
			}
		}
		at, end := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
		for ; at.Before(end); at = at.Add(30 * time.Minute) {
			ask(at)
			_, before := at.In(loc).Zone()
			_, after := at.Add(30 * time.Minute).In(loc).Zone()
			if before == after {
				continue
			}
			turns++
			for m := -26 * 60; m < 26*60; m++ {
				ask(at.Add(time.Duration(m) * time.Minute))
			}
		}
	}
	if turns < 30 {
		t.Errorf("clocks turned %d times: too few to show anything", turns)
	}
	figures.Write(t, figures.Run{Proof: "quiet-hours", Counts: map[string]int64{"zones": int64(len(zones)), "moments asked": asked, "clock changes": turns, "in quiet hours or too late": wrong}})
}

// quiet is the oracle: at itself if it is day, else eight in the morning
// before another day has passed.
func quiet(w policy.Window, at time.Time, loc *time.Location, load policy.Zones) bool {
	day := func(t time.Time) bool {
		l := t.In(loc)
		return l.Hour() >= 8 && l.Hour() < 20
	}
	next, ok := w.Next(at, &policy.Settings{Load: load})
	switch {
	case !ok || next.Before(at) || !day(next):
		return false
	case next.Equal(at):
		return true
	}
	l := next.In(loc)
	early := day(at) && day(at.Add(2*time.Minute)) // what has no time left to travel may wait
	return !early && l.Hour() == 8 && l.Minute() == 0 && next.Sub(at) <= 13*time.Hour+2*time.Minute
}

// TestJobsOnceUnderClockJumps starts a work queue again and again while the
// clock jumps an hour, a day and ten years on and back: no period has two
// runs.
func TestJobsOnceUnderClockJumps(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var at atomic.Int64
		now := func() time.Time { return time.UnixMicro(at.Load()).UTC() }
		var mu sync.Mutex
		runs := map[string]int{}
		done := make(chan struct{}, 100)
		handler := func(context.Context, json.RawMessage) error {
			mu.Lock()
			defer mu.Unlock()
			runs[now().Truncate(time.Hour).Format(time.RFC3339)]++
			done <- struct{}{}
			return nil
		}
		start := haletest.Noon.Add(10 * time.Minute)
		const day, years = 24 * time.Hour, 87_600 * time.Hour
		ran, wait := 0, 700*time.Millisecond
		jumps := []time.Duration{0, time.Hour, 0, -time.Hour, 0, day, 0, -day, 0, years, 0, -years, 0, time.Hour}
		if d.Engine() == db.Postgres { // River begins late
			jumps, wait = []time.Duration{0, years, 0, -day, 0}, 3*time.Second
		}
		for _, by := range jumps {
			at.Store(start.Add(by).UnixMicro())
			q, err := jobs.Open(t.Context(), d, jobs.Config{Handlers: map[string]jobs.Handler{"remind": handler},
				Periodic: []jobs.Periodic{{Kind: "remind", Every: time.Hour}}, Workers: 2, Now: now, Log: slog.New(slog.DiscardHandler), Poll: 20 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- q.Run(ctx) }()
			select {
			case <-done:
				ran++
			case <-time.After(wait):
			}
			cancel()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
		}
		for period, n := range runs {
			if n > 1 {
				t.Errorf("the period of %s had %d runs, want one", period, n)
			}
		}
		if ran < 2 {
			t.Errorf("%d runs: the test tests nothing", ran)
		}
	})
}

// TestClockSetBack sets the clock back, so that sessions, links and proofs
// that have ended would seem to live: nothing is let in.
func TestClockSetBack(t *testing.T) {
	m, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(memory(), "hale-clock")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var at atomic.Int64
	at.Store(haletest.Noon.UnixMicro())
	w := openWorld(t, m, filepath.Join(dir, "hale.db"), func() time.Time { return time.UnixMicro(at.Load()).UTC() })
	patient, stale, link := w.session(actors[1]), w.session(actors[3]), w.session(who("link"))
	if code := w.cookied("/home", patient); code != http.StatusOK {
		t.Fatalf("/home = %d, want 200", code)
	}
	tried, let := int64(0), int64(0)
	for _, back := range []func(time.Time) time.Time{
		func(t time.Time) time.Time { return t.Add(-time.Hour) },
		func(t time.Time) time.Time { return t.AddDate(0, 0, -1) },
		func(t time.Time) time.Time { return t.AddDate(-10, 0, 0) },
	} {
		at.Store(back(haletest.Noon).UnixMicro())
		for _, path := range []string{"/home", "/results/ada-a1c", "/m/" + w.link, "/m/" + w.link + "/message", "/signin", "/signin/again?next=/home", "/signin/code"} {
			for _, cookies := range [][][2]string{patient, stale, link} {
				tried++
				if code := w.cookied(path, cookies); code != http.StatusServiceUnavailable {
					let++
					t.Errorf("%s with the clock at %s = %d, want 503", path, w.now(), code)
				}
			}
		}
	}
	at.Store(haletest.Noon.Add(time.Minute).UnixMicro())
	if code := w.cookied("/home", patient); code != http.StatusOK {
		t.Errorf("/home with the clock put right = %d, want 200", code)
	}
	figures.Write(t, figures.Run{Proof: "clock-back", Counts: map[string]int64{"requests with the clock set back": tried, "let in": let}})
}
