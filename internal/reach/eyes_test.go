package reach_test

import (
	"testing"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// The engine's own parts look at people through the same audited doors as
// everybody; where the look cannot be written down, nobody is written to.
func TestEngineLooksAreAudited(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(many(3)...)
		w.start(care())
		w.send()
		for _, part := range []string{"reach plan", "reach send"} {
			if n := w.count(`select count(*) from audit where actor = $1 and actor_kind = 'system' and outcome = 'granted'`, part); n == 0 {
				t.Errorf("no audit row of %q", part)
			}
		}

		pass := w.run(access.RunOutreach)
		again, err := w.e.Save(t.Context(), pass, care())
		must(w, err)
		must(w, w.e.Start(t.Context(), pass, again.ID))
		if _, err := d.ExecContext(t.Context(), `drop table audit`); err != nil {
			t.Fatal(err)
		}
		if err := w.e.Plan(t.Context(), again.ID); err == nil {
			t.Error("Plan without an audit log = nil, want an error")
		}
		if n := w.count(`select count(*) from intent where outreach = $1`, again.ID); n != 0 {
			t.Errorf("Plan without an audit log decided on %d people, want none", n)
		}
		if err := w.e.RunSender(t.Context()); err == nil {
			t.Error("RunSender without an audit log = nil, want an error")
		}
	})
}
