package measure

import (
	"testing"

	"hale/internal/causal"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// After the window, few people are read by their own interval; before it,
// the always-valid one stays.
func TestStoreEffectOfFew(t *testing.T) {
	tests := []struct {
		name                                  string
		treatedYes, treated, heldYes, heldOut int
		method                                string
	}{
		{"a small arm", 100, 300, 12, 99, small},
		{"few who acted", 100, 300, 9, 100, small},
		{"enough of both", 100, 300, 10, 100, fixed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				var w world
				w.many(tt.treated, tt.treatedYes, person{p: 0.25})
				w.many(tt.heldOut, tt.heldYes, person{p: 0.25, arm: "holdout"})
				s := w.store(t, d, tt.treated+tt.heldOut)
				e, err := s.Effect(t.Context(), measurePass(t, d), "o1")
				if err != nil || e.State != Running || e.Method != always {
					t.Errorf("Effect within the window is %q by %q, %v", e.State, e.Method, err)
				}
				s.now = haletest.Clock(haletest.Noon.Add(30 * day))
				e, err = s.Effect(t.Context(), measurePass(t, d), "o1")
				if err != nil || e.State != Final || e.Method != tt.method {
					t.Fatalf("Effect is %q by %q, %v, want final by %q", e.State, e.Method, err, tt.method)
				}
				low, high := causal.Pair{TreatedYes: tt.treatedYes, Treated: tt.treated, HeldYes: tt.heldYes, Held: tt.heldOut}.Newcombe(causal.Alpha)
				if score := e.Low == low && e.High == high; score != (tt.method == small) {
					t.Errorf("interval %v to %v, want Newcombe's %v to %v only for few", e.Low, e.High, low, high)
				}
				if want := causal.Difference(causal.Yes(tt.treatedYes, tt.treated), causal.Yes(tt.heldYes, tt.heldOut)).Value; e.Diff != want {
					t.Errorf("Diff = %v, want the plain difference %v", e.Diff, want)
				}
			})
		})
	}
}
