package causal

import "math"

// normalCDF returns P(Z <= z) of a standard normal Z.
func normalCDF(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// NormalQuantile returns the z with P(Z <= z) = p.
func NormalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// studentCDF returns P(T <= t) of Student's t with df degrees of freedom.
func studentCDF(t, df float64) float64 {
	if math.IsInf(df, 1) {
		return normalCDF(t)
	}
	tail := betaRegularized(df/2, 0.5, df/(df+t*t)) / 2
	if t > 0 {
		return 1 - tail
	}
	return tail
}

// StudentQuantile returns the t with P(T <= t) = p for df degrees of freedom.
func StudentQuantile(p, df float64) float64 {
	if p == 0.5 {
		return 0
	}
	if p < 0.5 {
		return -StudentQuantile(1-p, df)
	}
	low, high := 0.0, math.Max(2, NormalQuantile(p)*2)
	for studentCDF(high, df) < p {
		low, high = high, high*2
	}
	for range 200 {
		mid := (low + high) / 2
		if mid == low || mid == high {
			break
		}
		if studentCDF(mid, df) < p {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// chiSquareTail returns P(X > x) of a chi-square X with df degrees of freedom.
func chiSquareTail(x float64, df int) float64 {
	if x <= 0 {
		return 1
	}
	return gammaUpper(float64(df)/2, x/2)
}

const (
	tiny  = 1e-300
	near  = 1e-16
	turns = 10000
)

// gammaUpper returns the regularised upper incomplete gamma function Q(a, x):
// its series below a+1, Lentz's continued fraction above (DLMF 8.11.4, 8.9.2).
func gammaUpper(a, x float64) float64 {
	lg, _ := math.Lgamma(a)
	front := math.Exp(-x + a*math.Log(x) - lg)
	if x < a+1 {
		term, sum := 1/a, 1/a
		for k := 1; k < turns && math.Abs(term) > math.Abs(sum)*near; k++ {
			term *= x / (a + float64(k))
			sum += term
		}
		return 1 - front*sum
	}
	b := x + 1 - a
	c, d := 1/tiny, 1/b
	h := d
	for k := 1; k < turns; k++ {
		an := -float64(k) * (float64(k) - a)
		b += 2
		d = 1 / away(an*d+b)
		c = away(b + an/c)
		h *= d * c
		if math.Abs(d*c-1) < near {
			break
		}
	}
	return front * h
}

// betaRegularized returns I_x(a, b) by Lentz's continued fraction
// (DLMF 8.17.22), from the side on which it converges.
func betaRegularized(a, b, x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - betaRegularized(b, a, 1-x)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	c, d := 1.0, 1/away(1-(a+b)*x/(a+1))
	h := d
	for m := 1; m < turns; m++ {
		f := float64(m)
		even := f * (b - f) * x / ((a + 2*f - 1) * (a + 2*f))
		d = 1 / away(1+even*d)
		c = away(1 + even/c)
		h *= d * c
		odd := -(a + f) * (a + b + f) * x / ((a + 2*f) * (a + 2*f + 1))
		d = 1 / away(1+odd*d)
		c = away(1 + odd/c)
		h *= d * c
		if math.Abs(d*c-1) < near {
			break
		}
	}
	return front * h
}

// away keeps a denominator off zero.
func away(x float64) float64 {
	if math.Abs(x) < tiny {
		return tiny
	}
	return x
}
