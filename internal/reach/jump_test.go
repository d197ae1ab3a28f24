package reach_test

import (
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// The clock jumps an hour, a day and ten years on and back while an outreach
// is on its way: nobody is written to twice by one channel.
func TestClockJumpsSendNothingTwice(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(20)...)
		id := w.start(care())
		const day, years = 24 * time.Hour, 87_600 * time.Hour
		for _, by := range []time.Duration{0, time.Hour, 0, -time.Hour, 0, day, 0, -day, 0, years, 0, -years, 0} {
			w.at(midday.Add(by))
			w.send()
			if err := w.e.Plan(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		sent := 0
		for _, c := range []reach.Channel{reach.SMS, reach.Email, reach.Inbox} {
			to := map[string]int{}
			for _, h := range w.gate[c].got() {
				sent++
				if to[h.To]++; to[h.To] > 1 {
					t.Errorf("%s to %s %d times, want once", c, h.To, to[h.To])
				}
			}
		}
		if sent < 20 {
			t.Errorf("%d messages sent, want at least one each", sent)
		}
	})
}
