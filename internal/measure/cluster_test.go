package measure

import (
	"math"
	"testing"

	"hale/internal/causal"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// Checked by hand: households of two who act alike know half of what as many
// people drawn alone do.
func TestDesignOf(t *testing.T) {
	alike := []cluster{
		{false, 0.5, 2, 2, 40}, {false, 0.5, 2, 0, 60}, {true, 0.5, 2, 2, 20}, {true, 0.5, 2, 0, 80},
	}
	d := designOf(alike)
	want := math.Sqrt(2 * (1 - 1.0/200) / (1 - 2.0/200))
	if math.Abs(d.widen-want) > 1e-12 || d.df != 99 {
		t.Errorf("designOf = %+v, want %v and 99", d, want)
	}
	alone := []cluster{{false, 0.5, 1, 1, 80}, {false, 0.5, 1, 0, 120}, {true, 0.5, 1, 1, 40}, {true, 0.5, 1, 0, 160}}
	if d := designOf(alone); d.widen != 1 {
		t.Errorf("people drawn alone widen by %v", d.widen)
	}
	unlike := []cluster{{false, 0.5, 2, 1, 100}, {true, 0.5, 2, 1, 100}}
	if d := designOf(unlike); d.widen != 1 {
		t.Errorf("households that differ within narrow to %v", d.widen)
	}
}

// Households count as one, a person drawn twice counts once, and those held
// out of everything are told apart.
func TestStoreEffectByHousehold(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var w world
		w.many(200, 80, person{})
		w.many(200, 40, person{arm: "holdout"})
		s := w.store(t, d, 400)
		alone, err := s.Effect(t.Context(), measurePass(t, d), "o1")
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []string{
			`update intent set household = cast((cast(substr(patient, 2) as integer) + 1) / 2 as text)`, // two by two
			`update intent set held_by = case when patient <= 'p000250' then 'everything' else 'outreach' end where assignment = 'holdout'`,
			`insert into intent (id, outreach, patient, trigger, dedupe, purpose, assignment, assignment_p, decided_at, expires_at, state, stratum, facts)
				select 'z' || id, outreach, patient, 'again', 'z' || dedupe, purpose, assignment, assignment_p, decided_at + 1, expires_at, state, stratum, facts from intent where patient <= 'p000010'`,
		} {
			if _, err := d.ExecContext(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		e, err := s.Effect(t.Context(), measurePass(t, d), "o1")
		if err != nil || e.Treated != 200 || e.TreatedYes != 80 || e.Held != 200 || e.HeldAll != 50 || e.HeldAllYes != 40 {
			t.Fatalf("Effect = %+v, %v", e, err)
		}
		want := math.Sqrt(2 * (1 - 1.0/200) / (1 - 2.0/200))
		if math.Abs(e.SE/alone.SE-want) > 1e-9 || e.Diff != alone.Diff || e.High-e.Low <= alone.High-alone.Low {
			t.Errorf("SE %v, drawn alone %v: want %v times as much", e.SE, alone.SE, want)
		}
		s.now = haletest.Clock(haletest.Noon.Add(40 * day))
		if e, err = s.Effect(t.Context(), measurePass(t, d), "o1"); err != nil || e.Method != byHouse {
			t.Errorf("Method = %q, %v", e.Method, err)
		}
		low, _ := causal.Estimate{Value: e.Diff, SE: e.SE, DF: 99}.Interval(causal.Alpha)
		if e.State != Final || math.Abs(e.Low-low) > 1e-9 {
			t.Errorf("%s, low %v, want %v", e.State, e.Low, low)
		}
	})
}
