package causal

import (
	"math"
	"testing"
)

// TestNewcombePublished holds the interval against Newcombe (1998), table II,
// method 10.
func TestNewcombePublished(t *testing.T) {
	tests := []struct {
		pair      Pair
		low, high float64
	}{
		{Pair{56, 70, 48, 80}, 0.0524, 0.3339},
		{Pair{9, 10, 3, 10}, 0.1705, 0.8090},
		{Pair{6, 7, 2, 7}, 0.0582, 0.8062},
		{Pair{5, 56, 0, 29}, -0.0381, 0.1926},
		{Pair{0, 10, 0, 20}, -0.1611, 0.2775},
		{Pair{0, 20, 0, 10}, -0.2775, 0.1611}, // the same, the other way round
		{Pair{0, 10, 0, 10}, -0.2775, 0.2775},
		{Pair{10, 10, 0, 20}, 0.6791, 1},
		{Pair{10, 10, 0, 10}, 0.6075, 1},
	}
	for _, tt := range tests {
		low, high := tt.pair.Newcombe(Alpha)
		if math.Abs(low-tt.low) > 5e-5 || math.Abs(high-tt.high) > 5e-5 {
			t.Errorf("Newcombe(%v) = %.4f to %.4f, want %.4f to %.4f", tt.pair, low, high, tt.low, tt.high)
		}
	}
}

// TestNewcombeAgreesWithP holds interval and p-value to the same verdict.
func TestNewcombeAgreesWithP(t *testing.T) {
	for treatedYes := range 31 {
		for heldYes := range 13 {
			p := Pair{treatedYes, 30, heldYes, 12}
			low, high := p.Newcombe(Alpha)
			if sure := low > 0 || high < 0; sure != (p.P() < Alpha) {
				t.Errorf("%v: interval %.4f to %.4f, p = %.4f", p, low, high, p.P())
			}
			if d := float64(treatedYes)/30 - float64(heldYes)/12; low > d || high < d || low < -1 || high > 1 {
				t.Errorf("%v: interval %.4f to %.4f around %.4f", p, low, high, d)
			}
		}
	}
	if low, high := (Pair{0, 0, 3, 9}).Newcombe(Alpha); low != -1 || high != 1 {
		t.Errorf("Newcombe with nobody in an arm = %v to %v, want everything", low, high)
	}
}

func TestPairSmall(t *testing.T) {
	tests := []struct {
		name string
		pair Pair
		want bool
	}{
		{"at both edges", Pair{10, 100, 90, 100}, false},
		{"an arm below the edge", Pair{50, 500, 20, 99}, true},
		{"few yes", Pair{9, 100, 20, 100}, true},
		{"few no", Pair{20, 100, 91, 100}, true},
	}
	for _, tt := range tests {
		if got := tt.pair.Small(); got != tt.want {
			t.Errorf("%s: Small(%v) = %v, want %v", tt.name, tt.pair, got, tt.want)
		}
	}
}
