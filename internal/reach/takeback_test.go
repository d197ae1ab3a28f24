package reach_test

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// Whoever stops an outreach to many takes all of it back, in parts; where the
// process died between two of them, the next sweep does the rest.
func TestStopInParts(t *testing.T) {
	const people = 450 // more than two parts
	stop := map[string]func(w *world, id string){
		"at once": func(w *world, id string) { must(w, w.e.Stop(w.t.Context(), w.run(access.RunOutreach), id)) },
		"after dying": func(w *world, id string) {
			do(w, `update outreach set state = 'stopped', stopping = 1`)
			must(w, w.e.Sweep(w.t.Context()))
		},
	}
	for name, fn := range stop {
		t.Run(name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				w.add(many(people)...)
				id := w.start(letter())
				waits := `select count(*) from message where state = 'scheduled'`
				if n := w.count(waits); n < 2*people/3 {
					t.Fatalf("%d messages wait, want most of %d", n, people)
				}
				fn(w, id)
				for q, want := range map[string]int{
					waits: 0,
					`select count(*) from message where state = 'cancelled' and reason <> 'stopped'`: 0,
					`select count(*) from intent where state in ('active', 'deferred')`:              0,
					`select count(*) from link where retracted_at = 0`:                               0,
					`select coalesce(sum(n), 0) from cap_ledger`:                                     0,
					`select count(*) from outreach where stopping = 1`:                               0,
				} {
					if n := w.count(q); n != want {
						t.Errorf("%s = %d, want %d", q, n, want)
					}
				}
				if w.send(); len(w.gate["email"].got()) != 0 {
					t.Error("something left afterwards")
				}
			})
		})
	}
}

// While many are written to and while that is stopped, nobody who signs in
// waits until their request is given up.
func TestLaunchWaits(t *testing.T) {
	const people, most = 1500, 5 * time.Second // a request is given up after ten
	w := newWorld(t, haletest.SQLite(t))
	w.add(many(people)...)
	w.launch(func(part string, took, waited time.Duration) {
		t.Logf("%s took %v, longest wait %v", part, took.Round(time.Millisecond), waited.Round(time.Millisecond))
		if waited > most {
			t.Errorf("%s: somebody waited for %v", part, waited)
		}
	})
}
