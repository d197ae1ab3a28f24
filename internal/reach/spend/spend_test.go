package spend_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/reach/spend"
	"hale/internal/store/db"
)

func TestTake(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		key, now := seal.NewKey(), haletest.Noon
		limits := spend.Limits{Countries: []string{"US"}, Hour: 12, Prefix: 6, Number: 3, Day: 5, Network: 4}
		take := func(ctx context.Context, to string, at time.Time) (refused string) {
			t.Helper()
			err := d.Tx(ctx, func(tx *db.Tx) (err error) {
				refused, err = spend.Take(ctx, tx, key, limits, to, at)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return refused
		}
		want := func(name, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s: refused %q, want %q", name, got, want)
			}
		}
		ctx := t.Context()
		want("another country", take(ctx, "+2348031234567", now), spend.Country)
		want("the Caribbean is not the United States", take(ctx, "+18765551234", now), spend.Country)
		for i := range 3 {
			want(fmt.Sprint("number ", i), take(ctx, "+13125550101", now), "")
		}
		want("a fourth to one number", take(ctx, "+13125550101", now), spend.Number)
		want("the next hour", take(ctx, "+13125550101", now.Add(time.Hour)), "")
		want("still", take(ctx, "+13125550101", now.Add(time.Hour)), "")
		want("a sixth in a day", take(ctx, "+13125550101", now.Add(time.Hour)), spend.Number)
		asks := spend.WithNetwork(ctx, "2001:db8::1")
		later := now.Add(3 * time.Hour)
		for i := range 4 {
			want(fmt.Sprint("network ", i), take(spend.WithNetwork(ctx, fmt.Sprintf("2001:db8::%d", i)), fmt.Sprintf("+1312556010%d", i), later), "")
		}
		want("a fifth from one network", take(asks, "+13125570100", later), spend.Network)
		want("another network", take(spend.WithNetwork(ctx, "192.0.2.1"), "+13125560107", later), "")
		want("nobody asked from outside", take(ctx, "+13125560108", later), "")
		want("a seventh with one beginning", take(ctx, "+13125560109", later), spend.Prefix)
		for _, area := range []int{202, 203, 205, 206, 207, 208} {
			want(fmt.Sprint("the budget ", area), take(ctx, fmt.Sprintf("+1%d5550100", area), later), "")
		}
		want("beyond the budget", take(ctx, "+14155550100", later), spend.Budget)
		if h, err := spend.Last(ctx, d, later); err != nil || h.Sent != 12 || h.Refused != 3 {
			t.Errorf("Last = %+v, %v, want 12 sent and 3 refused", h, err)
		}
	})
}
