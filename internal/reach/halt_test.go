package reach_test

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/approval"
	"hale/internal/store/db"
)

// Whoever stops everything, one channel or one outreach has it stopped when
// the call returns: nothing leaves after that, on any node, nothing is lost,
// and let go on it leaves once.
func TestHaltAtOnce(t *testing.T) {
	tests := []struct {
		name     string
		stop, on func(w *world, pass access.Pass, id string) error
		channels []reach.Channel // that stand still
	}{
		{
			name: "everything", channels: []reach.Channel{reach.Email, reach.SMS},
			stop: func(w *world, pass access.Pass, _ string) error { return w.e.Switch(w.t.Context(), pass, "*", true) },
			on:   func(w *world, pass access.Pass, _ string) error { return w.e.Switch(w.t.Context(), pass, "*", false) },
		},
		{
			name: "one channel", channels: []reach.Channel{reach.SMS},
			stop: func(w *world, pass access.Pass, _ string) error {
				return w.e.Switch(w.t.Context(), pass, reach.SMS, true)
			},
			on: func(w *world, pass access.Pass, _ string) error {
				return w.e.Switch(w.t.Context(), pass, reach.SMS, false)
			},
		},
		{
			name: "one outreach", channels: []reach.Channel{reach.Email, reach.SMS},
			stop: func(w *world, pass access.Pass, id string) error { return w.e.Pause(w.t.Context(), pass, id) },
			on:   func(w *world, pass access.Pass, id string) error { return w.e.Resume(w.t.Context(), pass, id) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				people := many(160)
				for i := range people {
					if i%2 == 0 {
						people[i].sms = ""
					}
				}
				w.add(people...)
				var begun [2]atomic.Int64
				var stopped atomic.Bool // until then the far side takes its time, however busy this machine is
				slow := func(n *atomic.Int64) func(reach.Handoff) reach.Result {
					return func(h reach.Handoff) reach.Result {
						n.Add(1)
						if !stopped.Load() {
							time.Sleep(100 * time.Millisecond)
						}
						return reach.Result{Outcome: reach.Accepted, Ref: "ref-" + h.Key}
					}
				}
				at := map[reach.Channel]*atomic.Int64{reach.Email: &begun[0], reach.SMS: &begun[1]}
				for c, n := range at {
					w.gate[c].free = slow(n)
				}
				engines := []*reach.Engine{w.e}
				if d.Engine() == db.Postgres { // another node
					engines = append(engines, engine(d, w.clock, w.gate[reach.Email], w.gate[reach.SMS], w.gate[reach.Inbox]))
				}
				id := w.start(care())
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, len(engines))
				for _, e := range engines {
					e.Batch = 8 // what another node has claimed leaves before the stop returns
					go func() { done <- e.RunSender(ctx) }()
				}
				still := func() (n int64) {
					for _, c := range tt.channels {
						n += at[c].Load()
					}
					return n
				}
				for range 20000 {
					if still() > 5 {
						break
					}
					time.Sleep(time.Millisecond)
				}
				pass := w.run(access.RunOutreach)
				if err := tt.stop(w, pass, id); err != nil {
					t.Fatal(err)
				}
				before := still()
				time.Sleep(150 * time.Millisecond)
				if after := still(); after != before {
					t.Errorf("%d left after the stop returned", after-before)
				}
				waiting := w.count(`select count(*) from message where state = 'scheduled'`)
				if before > 150 || waiting == 0 {
					t.Errorf("%d had left and %d waited: the test tests nothing", before, waiting)
				}
				stopped.Store(true)
				if err := tt.on(w, pass, id); err != nil {
					t.Fatal(err)
				}
				for range 5000 {
					if w.count(`select count(*) from message where state in ('scheduled', 'handing_off')`) == 0 {
						break
					}
					time.Sleep(2 * time.Millisecond)
				}
				cancel()
				for range engines {
					if err := <-done; err != nil {
						t.Fatal(err)
					}
				}
				if n := w.count(`select count(*) from message where state = 'accepted' and attempts = 1`); n != 160 {
					t.Errorf("%d of 160 left once in the end", n)
				}
			})
		})
	}
}

// What is switched off is there to be shown, with who did it.
func TestHalts(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		pass := w.run(access.RunOutreach)
		for _, c := range []reach.Channel{reach.SMS, "*", reach.Email} {
			if err := w.e.Switch(t.Context(), pass, c, c != reach.Email); err != nil {
				t.Fatal(err)
			}
		}
		list, err := w.e.Halts(t.Context())
		if err != nil || len(list) != 2 || list[0].Channel != "*" || list[1].Channel != reach.SMS || list[0].By != pass.Actor().ID || !list[0].At.Equal(midday) {
			t.Errorf("Halts = %+v, %v", list, err)
		}
	})
}

// A large outreach, and one that gives away much, start with the word of a
// second person alone, and only as that person saw them.
func TestApproval(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		store := approval.NewStore(d, ids.NewSource(w.clock, rand.Reader), w.clock)
		w.e.Approvals, w.e.Approve = store, reach.Threshold{People: 5, Class: 3}
		w.add(many(6)...)
		ctx, pass := t.Context(), w.run(access.RunOutreach)
		ada := access.Actor{ID: "ada", Kind: access.Staff, Name: "Ada"}
		ben := access.Actor{ID: "ben", Kind: access.Staff, Name: "Ben"}
		save := func(o reach.Outreach) reach.Outreach {
			t.Helper()
			o, err := w.e.Save(ctx, pass, o)
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		refused := func(o reach.Outreach, why string) {
			t.Helper()
			if err := w.e.Start(ctx, pass, o.ID); err == nil || !strings.Contains(err.Error(), "second person") {
				t.Errorf("%s: Start = %v, want it refused", why, err)
			}
			if o, _ := w.e.Get(ctx, pass, o.ID); o.State != reach.Draft {
				t.Errorf("%s: it is %s", why, o.State)
			}
		}
		propose := func(o reach.Outreach) reach.Proposal {
			t.Helper()
			p, err := w.e.Proposal(ctx, pass, o.ID, 6)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		o := save(care())
		refused(o, "nobody asked")
		p := propose(o)
		a, err := store.Ask(ctx, ada, p.Subject, p.Content, "please")
		if err != nil || p.Why == "" {
			t.Fatal(err, p)
		}
		refused(o, "asked")
		if err := store.Approve(ctx, ben, a.ID, p.Sum, ""); err != nil {
			t.Fatal(err)
		}
		if !propose(o).Stands {
			t.Error("the approval does not stand")
		}
		edits := []func(*reach.Outreach){
			func(o *reach.Outreach) { o.Template.Parts[0].Body += " More." },
			func(o *reach.Outreach) { o.Holdout = 0.2 },
			func(o *reach.Outreach) { o.Households = true },
			func(o *reach.Outreach) { o.Channels = []reach.Channel{reach.SMS} },
		}
		for i, edit := range edits {
			changed := o
			changed.Template.Parts = slices.Clone(o.Template.Parts)
			edit(&changed)
			changed = save(changed)
			if propose(changed).Stands {
				t.Errorf("edit %d: the approval still stands", i)
			}
			refused(changed, "edited since")
		}
		o = save(o) // as it was approved
		attach := func(q string, args ...any) {
			if _, err := d.ExecContext(ctx, q, args...); err != nil {
				t.Fatal(err)
			}
		}
		attach(`insert into outreach_file (id, outreach, name, media, bytes, blob, by, at) values ('f1', $1, 'more.pdf', 'application/pdf', 9, 'x', 'ada', 1)`, o.ID)
		refused(o, "a file was added since")
		attach(`delete from outreach_file where outreach = $1`, o.ID)
		if err := w.e.Start(ctx, pass, o.ID); err != nil {
			t.Errorf("approved: Start = %v", err)
		}
		small := care()
		small.Name, small.Template.Sensitivity = "Results", 3
		w.e.Approve.People = 100
		refused(save(small), "it gives away results")
		small.Template.Sensitivity = 2
		if err := w.e.Start(ctx, pass, save(small).ID); err != nil {
			t.Errorf("small: Start = %v", err)
		}
	})
}
