package causal

import "math"

// AlwaysValid returns the asymptotic confidence sequence around e and its
// p-value: right at every look, however often anyone looks. It is tightest
// where e.N is about planned, which must not depend on the outcomes.
func AlwaysValid(e Estimate, planned, alpha float64) (low, high, p float64) {
	if e.N <= 0 || planned <= 0 {
		return math.Inf(-1), math.Inf(1), 1
	}
	rho2 := (-2*math.Log(alpha) + math.Log(1-2*math.Log(alpha))) / planned
	t := e.N*rho2 + 1
	half := e.SE * math.Sqrt(2*t/(e.N*rho2)*math.Log(math.Sqrt(t)/alpha))
	p = 1
	if e.SE > 0 {
		z := e.Value / e.SE
		p = math.Min(1, math.Sqrt(t)*math.Exp(-rho2*e.N*z*z/(2*t)))
	}
	return e.Value - half, e.Value + half, p
}

// SRM is the test for a lopsided draw: observed people per arm against the
// shares they were drawn with.
func SRM(observed []int, shares []float64) (chi2, p float64) {
	var n, all float64
	for i, o := range observed {
		n += float64(o)
		all += shares[i]
	}
	if n == 0 {
		return 0, 1
	}
	for i, o := range observed {
		want := n * shares[i] / all
		switch {
		case want > 0:
			chi2 += (float64(o) - want) * (float64(o) - want) / want
		case o > 0: // somebody was drawn into an arm that had no chance
			return math.Inf(1), 0
		}
	}
	return chi2, chiSquareTail(chi2, len(observed)-1)
}

// Wilson returns the 95 % interval of a share (Wilson 1927).
func Wilson(yes, n int) (low, high float64) { return wilson(yes, n, NormalQuantile(1-Alpha/2)) }

// wilson returns the interval of z standard errors.
func wilson(yes, n int, z float64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	p, m := float64(yes)/float64(n), float64(n)
	centre := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return max(0, centre-half), min(1, centre+half)
}

// Holm returns p-values adjusted so that the chance of any false alarm stays
// below the level at which they are read.
func Holm(p []float64) []float64 {
	order, out, worst := ascending(p), make([]float64, len(p)), 0.0
	for rank, i := range order {
		worst = max(worst, min(1, p[i]*float64(len(p)-rank)))
		out[i] = worst
	}
	return out
}

// BH returns p-values adjusted so that the share of false alarms among the
// alarms stays below the level (Benjamini and Hochberg 1995).
func BH(p []float64) []float64 {
	order, out, best := ascending(p), make([]float64, len(p)), 1.0
	for rank := len(order) - 1; rank >= 0; rank-- {
		i := order[rank]
		best = min(best, p[i]*float64(len(p))/float64(rank+1))
		out[i] = best
	}
	return out
}
