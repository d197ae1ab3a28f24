package reach_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/care/consent"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// A word that comes when a claim has looked and has not taken yet, or as soon
// as a message is written, is heard: nothing that was remembered speaks
// against it.
func TestWordAfterTheLook(t *testing.T) {
	for _, point := range []string{"claim looked", "plan kept"} {
		t.Run(point, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				list := many(40)
				for i := range list {
					list[i].email = ""
				}
				w.add(list...)
				store := consent.NewStore(d, haletest.IDs(), w.clock)
				store.Revoked = w.e.Revoked
				var mu sync.Mutex
				gone, late := map[string]bool{}, 0
				refuse := func() {
					for i, p := range list {
						if i%2 == 1 {
							continue
						}
						var err error
						if i%4 == 0 {
							err = w.e.Receipt(t.Context(), reach.Receipt{Channel: reach.SMS, From: p.sms, Kind: "replied", Text: "STOP"})
						} else {
							err = store.Add(t.Context(), w.pass(p.id, access.EditContacts), consent.Event{Channel: "*", Purpose: "care", Action: consent.Revoke, Method: "portal"})
						}
						if err != nil {
							t.Error(err)
						}
						mu.Lock()
						gone[p.sms] = true
						mu.Unlock()
					}
				}
				var once sync.Once
				w.e.At = func(at string) {
					if at == point {
						once.Do(refuse)
					}
				}
				w.gate[reach.SMS].free = func(h reach.Handoff) reach.Result {
					mu.Lock()
					defer mu.Unlock()
					if gone[h.To] && strings.Contains(h.Text, "/m/") {
						late++
					}
					return reach.Result{Outcome: reach.Accepted}
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- w.e.RunSender(ctx) }() // so that what is planned is remembered
				w.start(care())
				for range 2000 {
					if w.count(`select count(*) from message where purpose = 'care' and state in ('scheduled', 'handing_off')`) == 0 {
						break
					}
					time.Sleep(5 * time.Millisecond)
				}
				cancel()
				must(w, <-done)
				if len(gone) != 20 || late != 0 {
					t.Errorf("%d words, %d handed off after them", len(gone), late)
				}
				if n := w.count(`select count(*) from message where purpose = 'care' and state = 'accepted'`); n < 20 || point == "claim looked" && n != 20 {
					t.Errorf("%d letters left, want the 20 of those who said nothing", n)
				}
			})
		})
	}
}

// What is claimed ahead and not begun goes back untouched when the sender
// ends: no try is counted, and all of it goes later, once.
func TestClaimedAheadGoesBack(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		list := many(600)
		for i := range list {
			list[i].email = ""
		}
		w.add(list...)
		w.e.Batch = 150 // two turns
		w.start(care())
		ctx, cancel := context.WithCancel(t.Context())
		var n atomic.Int64
		w.gate[reach.SMS].answer = func(reach.Handoff) reach.Result {
			if n.Add(1) == 140 { // in the second turn, and the next claim is made or being made
				cancel()
			}
			return reach.Result{Outcome: reach.Accepted}
		}
		must(w, w.e.RunSender(ctx))
		left := w.count(`select count(*) from message where state = 'scheduled'`)
		if left < 300 || w.count(`select count(*) from message_queue`) != left {
			t.Errorf("%d wait, %d of them in the queue", left, w.count(`select count(*) from message_queue`))
		}
		if n := w.count(`select count(*) from message where state = 'handing_off' or state = 'scheduled' and (attempts > 0 or in_doubt = 1)`); n != 0 {
			t.Errorf("%d are not as if they had never been taken", n)
		}
		w.gate[reach.SMS].answer = nil
		w.send()
		if n := len(w.gate[reach.SMS].got()); n != len(list) {
			t.Errorf("%d were handed over, want each of %d once", n, len(list))
		}
		if n := w.count(`select count(*) from attempt where outcome = 'accepted' and n = 1`); n != len(list) {
			t.Errorf("the ledger tells of %d first tries that were taken, want %d", n, len(list))
		}
	})
}
