package reach_test

import (
	"fmt"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/care/consent"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// A dry run names one reason for each person who gets nothing, and the
// reasons add up to them; the channels' own reasons stand beside it.
func TestEngineDryRunCountsEachPersonOnce(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", sms: "+13125550142", email: "ada@mail.example"}, who{id: "bob"}, who{id: "carl"}, who{id: "dora", sms: "+13125550143", deceased: true},
			who{id: "eve", sms: "+13125550144", email: "eve@mail.example"}, who{id: "fay", sms: "+13125550145"})
		refused := consent.NewStore(d, haletest.IDs(), w.clock)
		for p, channel := range map[string]string{"eve": consent.Any, "fay": "sms"} {
			if err := refused.Add(t.Context(), w.pass(p, access.EditContacts), consent.Event{Channel: channel, Purpose: consent.Any, Action: consent.Revoke, At: midday.Add(-time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		pass := w.run(access.RunOutreach)
		o, err := w.e.Save(t.Context(), pass, care())
		if err != nil {
			t.Fatal(err)
		}
		f, err := w.e.DryRun(t.Context(), pass, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		blocked, sum, ways := map[string]int{}, 0, 0
		for _, r := range f.Blocked {
			blocked[r.Code] = r.N
			sum += r.N
		}
		for _, r := range f.Ways {
			ways += r.N
		}
		want := map[string]int{"no_address": 2, "deceased": 1, "refused": 1, "opted_out": 1}
		if fmt.Sprint(blocked) != fmt.Sprint(want) || sum != f.Audience-f.Held-f.Treated {
			t.Errorf("blocked %v, in all %d of %d in the audience, %d held, %d treated; want %v", blocked, sum, f.Audience, f.Held, f.Treated, want)
		}
		if ways != 9 {
			t.Errorf("channels closed = %d, want three each for Bob, Carl and Fay: %+v", ways, f.Ways)
		}
	})
}
