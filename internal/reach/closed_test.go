package reach_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/reach"
)

// Where consent, addresses, limits or the log cannot be looked up when a
// message is due, nothing leaves; when they are back it does.
func TestSendsNothingUnchecked(t *testing.T) {
	for _, table := range []string{"consent_event", "contact_point", "person"} {
		d := haletest.SQLite(t)
		w := newWorld(t, d)
		w.add(who{id: "ada", given: "Ada", sms: "+13125550142", account: true})
		w.start(care())
		if _, err := d.ExecContext(t.Context(), fmt.Sprintf("alter table %s rename to gone", table)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := w.e.RunSender(ctx)
		cancel()
		if got := w.gate[reach.SMS].got(); len(got) != 0 {
			t.Errorf("without %s: sent %d, %v, want nothing", table, len(got), err)
		}
		if _, err := d.ExecContext(t.Context(), fmt.Sprintf("alter table gone rename to %s", table)); err != nil {
			t.Fatal(err)
		}
		w.send()
		if got := w.gate[reach.SMS].got(); len(got) != 1 {
			t.Errorf("with %s again: sent %d, want one", table, len(got))
		}
	}
}
