package reach_test

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// Each channel is waited for as long as the author said, and the others as
// long as the outreach has it.
func TestWaits(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142", email: "ada@mail.example", account: true})
		o := care()
		o.Channels = []reach.Channel{reach.SMS, reach.Email, reach.Inbox}
		o.NextAfter, o.Waits = 30*time.Hour, map[reach.Channel]time.Duration{reach.SMS: 90 * time.Minute}
		w.start(o)
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{0, 1}, {time.Hour, 1}, {31 * time.Minute, 2}, {3 * time.Hour, 2}, {28 * time.Hour, 3}} {
			w.at(w.clock().Add(step.after))
			w.sweep()
			w.send()
			if n := w.count(`select count(*) from message where state in ('accepted', 'delivered')`); n != step.want {
				t.Fatalf("%s later: %d messages, want %d", step.after, n, step.want)
			}
		}
		o.Waits[reach.SMS] = time.Second
		if _, err := w.e.Save(t.Context(), w.run(access.RunOutreach), o); err == nil {
			t.Error("a second between two channels was kept")
		}
	})
}
