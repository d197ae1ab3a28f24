package causal

import "math"

// Pair counts who said yes, of how many, in both arms.
type Pair struct{ TreatedYes, Treated, HeldYes, Held int }

// Below these an arm is small: Welch's interval leans on a normal shape that
// shares of so few do not have.
const (
	smallArm   = 100
	smallCount = 10
)

// Small says whether p is better read by Newcombe: an arm of few people, or
// one in which few said yes or few said no.
func (p Pair) Small() bool {
	return min(p.Treated, p.Held) < smallArm ||
		min(p.TreatedYes, p.HeldYes, p.Treated-p.TreatedYes, p.Held-p.HeldYes) < smallCount
}

// Newcombe returns the hybrid score interval of treated minus held with error
// rate alpha, without continuity correction: method 10 of Newcombe, Interval
// estimation for the difference between independent proportions (1998).
func (p Pair) Newcombe(alpha float64) (low, high float64) {
	return p.within(NormalQuantile(1 - alpha/2))
}

// within joins the two arms' Wilson intervals of z standard errors.
func (p Pair) within(z float64) (low, high float64) {
	if p.Treated == 0 || p.Held == 0 {
		return -1, 1
	}
	t, h := float64(p.TreatedYes)/float64(p.Treated), float64(p.HeldYes)/float64(p.Held)
	tl, th := wilson(p.TreatedYes, p.Treated, z)
	hl, hh := wilson(p.HeldYes, p.Held, z)
	return t - h - math.Hypot(t-tl, hh-h), t - h + math.Hypot(th-t, h-hl)
}

// P returns the smallest error rate at which Newcombe's interval leaves out
// zero, so that the two never disagree.
func (p Pair) P() float64 {
	near, far := 0.0, 40.0
	for range 60 {
		z := (near + far) / 2
		if low, high := p.within(z); low > 0 || high < 0 {
			near = z
		} else {
			far = z
		}
	}
	return math.Erfc(near / math.Sqrt2)
}
