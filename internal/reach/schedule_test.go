package reach_test

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/approval"
	"hale/internal/store/db"
)

// count is a fence in memory.
type fence struct{ n int64 }

func (f *fence) Count() (int64, error) { return f.n, nil }
func (f *fence) Keep(n int64) error    { f.n = n; return nil }

func (w *world) scheduled(s reach.Schedule, o reach.Outreach) string {
	w.t.Helper()
	pass := w.run(access.RunOutreach)
	o, err := w.e.Save(w.t.Context(), pass, o)
	if err == nil {
		s.Outreach = o.ID
		err = w.e.SetSchedule(w.t.Context(), pass, s)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return o.ID
}

// tick lets what is due start.
func (w *world) tick() {
	w.t.Helper()
	if err := w.e.Handlers()["reach.sweep"](w.t.Context(), nil); err != nil {
		w.t.Fatal(err)
	}
}

// Each week has a snapshot of its own, without those who had an earlier run.
func TestScheduleWeekly(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(3)...)
		id := w.scheduled(reach.Schedule{First: midday.Add(time.Hour), Rule: reach.Rule{Every: "week", GapDays: 30}}, care())
		w.tick()
		if n := w.count(`select count(*) from outreach where parent = $1`, id); n != 0 {
			t.Fatalf("%d runs before the time", n)
		}
		w.at(midday.Add(time.Hour))
		w.tick()
		w.tick()
		run := w.text(`select id from outreach where parent = $1`, id)
		if err := w.e.Plan(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		w.send()
		w.add(who{id: "late", family: "Late", email: "late@example.org"})
		w.at(midday.Add(7*24*time.Hour + time.Hour))
		w.tick()
		second := w.text(`select id from outreach where parent = $1 and id <> $2`, id, run)
		if first, next := w.count(`select audience from outreach where id = $1`, run), w.count(`select audience from outreach where id = $1`, second); first != 3 || next != 1 {
			t.Errorf("audiences of %d and %d, want 3, and then the one who is new", first, next)
		}
	})
}

// A start that is two hours late, or that a restored database may have made
// before, waits for somebody's word.
func TestScheduleLate(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		for _, tt := range []struct {
			name    string
			late    reach.Late
			by      time.Duration
			outside int64
			runs    int
			asked   string
		}{
			{name: "in time", by: time.Minute, runs: 1},
			{name: "an hour late", by: time.Hour, runs: 1},
			{name: "three hours late", by: 3 * time.Hour, asked: "late"},
			{name: "three hours late, sent anyway", late: reach.LateSend, by: 3 * time.Hour, runs: 1},
			{name: "three hours late, left out", late: reach.LateSkip, by: 3 * time.Hour},
			{name: "restored from a backup", by: time.Minute, outside: 9, asked: "restored"},
		} {
			w := newWorld(t, d)
			f := &fence{n: int64(w.count(`select n from reach_fence`)) + tt.outside}
			w.e.Fence = f
			if len(tt.name) == len("in time") {
				w.add(many(1)...)
			}
			id := w.scheduled(reach.Schedule{First: midday.Add(time.Hour), Late: tt.late}, care())
			w.at(midday.Add(time.Hour + tt.by))
			w.tick()
			if n := w.count(`select count(*) from outreach where parent = $1`, id); n != tt.runs {
				t.Errorf("%s: %d runs, want %d", tt.name, n, tt.runs)
			}
			if got := w.text(`select why from outreach_schedule where outreach = $1`, id); got != tt.asked {
				t.Errorf("%s: waits because %q, want %q", tt.name, got, tt.asked)
			}
			if tt.asked == "" {
				continue
			}
			if err := w.e.Answer(t.Context(), w.run(access.RunOutreach), id, true); err != nil {
				t.Fatal(err)
			}
			w.tick()
			if n := w.count(`select count(*) from outreach where parent = $1`, id); n != 1 {
				t.Errorf("%s: %d runs after a yes, want 1", tt.name, n)
			}
		}
	})
}

// A start that takes two people waits for the second one's word and then for
// somebody's, and leaves no trace of having been tried.
func TestScheduleTakesTwo(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(3)...)
		store := approval.NewStore(d, haletest.IDs(), w.clock)
		w.e.Approvals, w.e.Approve = store, reach.Threshold{People: 3}
		f := &fence{n: int64(w.count(`select n from reach_fence`))}
		w.e.Fence = f
		id := w.scheduled(reach.Schedule{First: midday.Add(time.Hour)}, care())
		w.at(midday.Add(time.Hour))
		w.tick()
		if n, why := w.count(`select count(*) from outreach where parent = $1`, id), w.text(`select why from outreach_schedule where outreach = $1`, id); n != 0 || why != "approval" {
			t.Fatalf("%d runs, waiting because %q; want none, because of approval", n, why)
		}
		if inside := int64(w.count(`select n from reach_fence`)); inside != f.n {
			t.Errorf("the counts of starts are %d inside and %d outside", inside, f.n)
		}
		if err := w.e.Answer(t.Context(), w.run(access.RunOutreach), id, true); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("one person's word = %v, want forbidden", err)
		}
		p, err := w.e.Proposal(t.Context(), w.run(access.RunOutreach), id, 3)
		if err != nil {
			t.Fatal(err)
		}
		author, second := access.Actor{ID: "a", Kind: access.Staff, Name: "A"}, access.Actor{ID: "b", Kind: access.Staff, Name: "B"}
		ask, err := store.Ask(t.Context(), author, p.Subject, p.Content, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Approve(t.Context(), second, ask.ID, p.Sum, ""); err != nil {
			t.Fatal(err)
		}
		if err := w.e.Answer(t.Context(), w.run(access.RunOutreach), id, true); err != nil {
			t.Fatal(err)
		}
		if n := w.count(`select count(*) from outreach where parent = $1`, id); n != 1 {
			t.Errorf("%d runs after both words, want 1", n)
		}
	})
}
