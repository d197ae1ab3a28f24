package causal

import (
	"cmp"
	"math"
	"slices"
)

// Plan is an experiment before it starts: n people of whom the share Holdout
// is held out, and Base of those held out are expected to act.
type Plan struct {
	N       int
	Holdout float64
	Base    float64
	Power   float64 // 0.8 where zero
}

// MDE returns the smallest difference in shares that the plan finds with its
// power, or infinity where there is none.
func (p Plan) MDE() float64 {
	if p.N < 2 || p.Holdout <= 0 || p.Holdout >= 1 {
		return math.Inf(1)
	}
	n, v := float64(p.N), p.Base*(1-p.Base)
	return p.factor() * math.Sqrt(v/(n*p.Holdout*(1-p.Holdout)))
}

// Needed returns how many people it takes to find the difference effect in
// shares.
func (p Plan) Needed(effect float64) int {
	if effect == 0 || p.Holdout <= 0 || p.Holdout >= 1 {
		return math.MaxInt
	}
	treated := min(1, max(0, p.Base+effect))
	v := treated*(1-treated)/(1-p.Holdout) + p.Base*(1-p.Base)/p.Holdout
	return int(math.Ceil(p.factor() * p.factor() * v / (effect * effect)))
}

// PerArm returns how many people each of two equal arms needs to find the
// difference effect between values with variances v1 and v0.
func (p Plan) PerArm(effect, v1, v0 float64) int {
	return int(math.Ceil(p.factor() * p.factor() * (v1 + v0) / (effect * effect)))
}

// Cost returns how many people who would have acted are held out: what the
// answer costs.
func (p Plan) Cost(effect float64) float64 { return float64(p.N) * p.Holdout * effect }

// factor is the distance, in standard errors, between no effect and one that
// is found with the plan's power.
func (p Plan) factor() float64 {
	power := p.Power
	if power == 0 {
		power = 0.8
	}
	return NormalQuantile(1-Alpha/2) + NormalQuantile(power)
}

// ascending returns the places of p, the smallest value first.
func ascending(p []float64) []int {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	return order
}
