package trial_test

import (
	"fmt"
	"math"
	"testing"

	"hale/internal/reach/trial"
)

func TestAssign(t *testing.T) {
	tests := []struct {
		name, purpose string
		p             float64
		chance        float64 // kept with the assignment
	}{
		{name: "a tenth", purpose: "care", p: 0.1, chance: 0.1},
		{name: "nobody", purpose: "care", p: 0},
		{name: "results", purpose: "clinical_result", p: 0.5},
		{name: "security", purpose: "security", p: 0.5},
		{name: "emergency", purpose: "emergency", p: 0.5},
		{name: "safety", purpose: "safety", p: 0.5},
		{name: "recall", purpose: "recall", p: 0.5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			held := 0
			for i := range 2000 {
				arm, p := trial.Assign("salt", "o1", fmt.Sprint(i), tt.purpose, tt.p)
				again, _ := trial.Assign("salt", "o1", fmt.Sprint(i), tt.purpose, tt.p)
				if arm != again || p != tt.chance {
					t.Fatalf("Assign = %s %v, then %s", arm, p, again)
				}
				if arm == trial.Holdout {
					held++
				}
			}
			if (held > 0) != (tt.chance > 0) {
				t.Errorf("held out %d of 2000", held)
			}
		})
	}
}

// Over many outreaches the share held out is what was asked for, as often
// too high as too low: the p-values of the split are uniform.
func TestAssignShare(t *testing.T) {
	const outreaches, people, p = 2000, 500, 0.1
	low, total := 0, 0
	for o := range outreaches {
		held := 0
		for i := range people {
			if arm, _ := trial.Assign(fmt.Sprint("salt", o), "o", fmt.Sprint(i), "care", p); arm == trial.Holdout {
				held++
			}
		}
		total += held
		z := (float64(held) - people*p) / math.Sqrt(people*p*(1-p))
		if math.Erfc(math.Abs(z)/math.Sqrt2) < 0.05 {
			low++
		}
	}
	if share := float64(total) / (outreaches * people); math.Abs(share-p) > 4*math.Sqrt(p*(1-p)/(outreaches*people)) {
		t.Errorf("share held out = %v, want %v", share, p)
	}
	if got := float64(low) / outreaches; got < 0.03 || got > 0.07 {
		t.Errorf("%.3f of the splits have p < 0.05, want about 0.05", got)
	}
}

// Two outreaches draw independently of each other.
func TestDrawIndependence(t *testing.T) {
	const n = 20_000
	both := 0
	for i := range n {
		a, b := trial.Draw("s1", "o1", fmt.Sprint(i)), trial.Draw("s2", "o2", fmt.Sprint(i))
		if a < 0 || a >= 1 {
			t.Fatalf("Draw = %v", a)
		}
		if a < 0.5 && b < 0.5 {
			both++
		}
	}
	if math.Abs(float64(both)/n-0.25) > 0.015 {
		t.Errorf("both low in %d of %d", both, n)
	}
}
