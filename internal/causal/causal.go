// Package causal estimates what a randomised treatment changed: numbers in,
// numbers out.
//
// Every estimator takes sufficient statistics, so that a database can sum
// and nothing here sees a person.
//
// Spec: Imbens and Rubin, Causal Inference (2015), ch. 6; Waudby-Smith et
// al., Time-uniform central limit theory (2021), for AlwaysValid
package causal

import (
	"errors"
	"math"
)

// Alpha is the error rate of a 95 % interval.
const Alpha = 0.05

// Sample is what is known of one arm.
type Sample struct {
	N    float64
	Mean float64
	Var  float64 // unbiased, of one unit
}

// Of returns the sample of values.
func Of(values []float64) Sample {
	s := Sample{N: float64(len(values))}
	if s.N == 0 {
		return s
	}
	for _, v := range values {
		s.Mean += v
	}
	s.Mean /= s.N
	var squares, rest float64
	for _, v := range values {
		squares += (v - s.Mean) * (v - s.Mean)
		rest += v - s.Mean
	}
	if s.N > 1 {
		s.Var = (squares - rest*rest/s.N) / (s.N - 1)
	}
	return s
}

// Sums returns the sample of n values with their sum and sum of squares.
func Sums(n, sum, squares float64) Sample {
	s := Sample{N: n}
	if n > 0 {
		s.Mean = sum / n
	}
	if n > 1 {
		s.Var = max(0, (squares-sum*sum/n)/(n-1))
	}
	return s
}

// Yes returns the sample of n people of whom yes said yes.
func Yes(yes, n int) Sample { return Sums(float64(n), float64(yes), float64(yes)) }

// Cautious returns the same with the variance it would have had with one
// more yes and one more no: no or all yes among few is no certainty
// (Agresti and Caffo 2000).
func Cautious(yes, n int) Sample {
	s := Yes(yes, n)
	p := (float64(yes) + 1) / (float64(n) + 2)
	s.Var = max(s.Var, p*(1-p))
	return s
}

// Estimate is a number with its standard error.
type Estimate struct {
	Value float64
	SE    float64
	DF    float64 // degrees of freedom of its interval; infinite for a normal one
	N     float64 // units behind it
}

// Interval returns the fixed-horizon interval with error rate alpha: right
// when looked at once, at the planned end.
func (e Estimate) Interval(alpha float64) (low, high float64) {
	half := StudentQuantile(1-alpha/2, e.DF) * e.SE
	return e.Value - half, e.Value + half
}

// P returns the two-sided p-value of no effect.
func (e Estimate) P() float64 {
	if e.SE == 0 {
		if e.Value == 0 {
			return 1
		}
		return 0
	}
	return 2 * studentCDF(-math.Abs(e.Value/e.SE), e.DF)
}

// Difference returns treated minus held by Welch's method.
func Difference(treated, held Sample) Estimate {
	v1, v0 := treated.Var/treated.N, held.Var/held.N
	e := Estimate{Value: treated.Mean - held.Mean, SE: math.Sqrt(v1 + v0), N: treated.N + held.N, DF: math.Inf(1)}
	if d := v1*v1/(treated.N-1) + v0*v0/(held.N-1); d > 0 {
		e.DF = (v1 + v0) * (v1 + v0) / d
	}
	return e
}

// ErrNearZero says that the held-out mean is too close to zero for a ratio
// to mean anything.
var ErrNearZero = errors.New("causal: the mean of those held out is within three standard errors of zero")

// Relative returns treated/held − 1 by the delta method.
func Relative(treated, held Sample) (Estimate, error) {
	if math.Abs(held.Mean) <= 3*math.Sqrt(held.Var/held.N) {
		return Estimate{}, ErrNearZero
	}
	return relative(treated, held), nil
}

func relative(treated, held Sample) Estimate {
	v1, v0 := treated.Var/treated.N, held.Var/held.N
	m2 := held.Mean * held.Mean
	v := v1/m2 + treated.Mean*treated.Mean*v0/(m2*m2)
	e := Difference(treated, held)
	return Estimate{Value: treated.Mean/held.Mean - 1, SE: math.Sqrt(v), DF: e.DF, N: e.N}
}

// Stratum is both arms of one part of the people.
type Stratum struct{ Treated, Held Sample }

// ErrOneArm says that a stratum has an arm too small to have a variance.
var ErrOneArm = errors.New("causal: a stratum has fewer than two people in one arm")

// Stratified returns the difference within strata, each weighed by its size.
// Where the chance of being drawn differs between strata, it must be this or
// Weighted.
func Stratified(strata []Stratum) (Estimate, error) {
	var n float64
	for _, s := range strata {
		if s.Treated.N < 2 || s.Held.N < 2 {
			return Estimate{}, ErrOneArm
		}
		n += s.Treated.N + s.Held.N
	}
	e := Estimate{N: n}
	var v, d float64
	for _, s := range strata {
		share := (s.Treated.N + s.Held.N) / n
		e.Value += share * (s.Treated.Mean - s.Held.Mean)
		v1, v0 := share*share*s.Treated.Var/s.Treated.N, share*share*s.Held.Var/s.Held.N
		v += v1 + v0
		d += v1*v1/(s.Treated.N-1) + v0*v0/(s.Held.N-1)
	}
	e.SE, e.DF = math.Sqrt(v), math.Inf(1)
	if d > 0 {
		e.DF = v * v / d // Satterthwaite
	}
	return e, nil
}

// Cell is one arm of the people who were drawn with one chance.
type Cell struct {
	Chance float64 // of being in the arm these people are in
	Sample
}

// Weighted returns the difference between arms with each person weighed by
// the inverse of the chance of being where he or she is (Hájek).
func Weighted(treated, held []Cell) Estimate {
	m1, v1, n1 := hajek(treated)
	m0, v0, n0 := hajek(held)
	return Estimate{Value: m1 - m0, SE: math.Sqrt(v1 + v0), DF: math.Inf(1), N: n1 + n0}
}

func hajek(cells []Cell) (mean, variance, n float64) {
	var total float64
	for _, c := range cells {
		mean += c.N / c.Chance * c.Mean
		total += c.N / c.Chance
		n += c.N
	}
	mean /= total
	for _, c := range cells {
		squares := max(0, c.N-1)*c.Var + c.N*(c.Mean-mean)*(c.Mean-mean)
		variance += squares / (c.Chance * c.Chance * total * total)
	}
	return mean, variance, n
}
