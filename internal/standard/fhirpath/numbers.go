package fhirpath

import (
	"math"

	"hale/internal/standard/decimal"
)

func numberFunctions() map[string]function {
	return map[string]function{
		"abs":      {0, 0, onQuantity(decimal.Decimal.Abs), nil},
		"ceiling":  {0, 0, rounded(decimal.Up), nil},
		"floor":    {0, 0, rounded(decimal.Down), nil},
		"truncate": {0, 0, rounded(decimal.Cut), nil},
		"round":    {0, 1, round, nil},
		"exp":      {0, 0, float(math.Exp), nil},
		"ln":       {0, 0, float(math.Log), nil},
		"log":      {1, 1, logarithm, nil},
		"power":    {1, 1, power, nil},
		"sqrt":     {0, 0, sqrt, nil},
		"sum":      {0, 0, total, nil},
		"min":      {0, 0, extreme(-1), nil},
		"max":      {0, 0, extreme(1), nil},
		"avg":      {0, 0, average, nil},
	}
}

// onNumber returns the number that a function is called on; no for an empty
// one.
func onNumber(in Collection) (d decimal.Decimal, integer, ok bool, err error) {
	if len(in) == 0 {
		return d, false, false, nil
	}
	v, err := single(in)
	if err != nil {
		return d, false, false, err
	}
	p := v.plain()
	if p.kind == noKind {
		return d, false, false, nil
	}
	if d, ok = p.number(); !ok {
		return d, false, false, wrong("a number is needed")
	}
	return d, p.kind == integerKind, true, nil
}

func onQuantity(do func(decimal.Decimal) decimal.Decimal) call {
	return func(r *running, in Collection, _ []step) (Collection, error) {
		if len(in) == 1 {
			if p := in[0].plain(); p.kind == quantityKind {
				return r.one(quantity(do(p.more.dec), p.text, p.num)), nil
			}
		}
		d, integer, ok, err := onNumber(in)
		if err != nil || !ok {
			return nil, err
		}
		return r.number(do(d), integer)
	}
}

func rounded(way decimal.Way) call {
	return func(r *running, in Collection, _ []step) (Collection, error) {
		d, _, ok, err := onNumber(in)
		if err != nil || !ok {
			return nil, err
		}
		return r.number(d.Round(0, way), true)
	}
}

func round(r *running, in Collection, args []step) (Collection, error) {
	d, _, ok, err := onNumber(in)
	if err != nil || !ok {
		return nil, err
	}
	digits := int64(0)
	if len(args) == 1 {
		n, ok, err := r.integer(args[0])
		if err != nil {
			return nil, err
		}
		if ok {
			digits = n
		}
	}
	if digits < 0 || digits > 100 {
		return nil, wrong("0 to 100 digits")
	}
	return r.number(d.Round(int(digits), decimal.Nearest), false)
}

// real is a number that no decimal says exactly: fourteen digits of it.
func (r *running) real(f float64) (Collection, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, nil
	}
	d, ok := decimal.FromFloat(f, 14)
	if !ok {
		return nil, nil
	}
	return r.number(d, false)
}

func float(do func(float64) float64) call {
	return func(r *running, in Collection, _ []step) (Collection, error) {
		d, _, ok, err := onNumber(in)
		if err != nil || !ok {
			return nil, err
		}
		return r.real(do(d.Float()))
	}
}

// other evaluates an argument that is a number.
func (r *running) other(s step) (d decimal.Decimal, integer, ok bool, err error) {
	out, err := r.arg(s)
	if err != nil {
		return d, false, false, err
	}
	return onNumber(out)
}

func logarithm(r *running, in Collection, args []step) (Collection, error) {
	d, _, ok, err := onNumber(in)
	if err != nil || !ok {
		return nil, err
	}
	base, _, ok, err := r.other(args[0])
	if err != nil || !ok {
		return nil, err
	}
	return r.real(math.Log(d.Float()) / math.Log(base.Float()))
}

func power(r *running, in Collection, args []step) (Collection, error) {
	d, integer, ok, err := onNumber(in)
	if err != nil || !ok {
		return nil, err
	}
	e, wholeExponent, ok, err := r.other(args[0])
	if err != nil || !ok {
		return nil, err
	}
	n, whole := e.Int64()
	if !whole || n < 0 || n > 400 {
		return r.real(math.Pow(d.Float(), e.Float()))
	}
	result := decimal.Int(1)
	for range n {
		if result = result.Mul(d); result.Size() > 4096 {
			return nil, wrong("a number is too large")
		}
	}
	return r.number(result, integer && wholeExponent)
}

func sqrt(r *running, in Collection, _ []step) (Collection, error) {
	d, _, ok, err := onNumber(in)
	if err != nil || !ok || d.Sign() < 0 {
		return nil, err
	}
	return r.number(d.Sqrt(quotient), false)
}

func total(r *running, in Collection, _ []step) (Collection, error) {
	var result Collection
	for i := range in {
		if i == 0 {
			result = in[:1]
			continue
		}
		var err error
		if result, err = plus(r, result, in[i:i+1]); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func extreme(want int) call {
	return func(_ *running, in Collection, _ []step) (Collection, error) {
		best := 0
		for i := range in {
			o, _, err := compare(&in[i], &in[best])
			if err != nil {
				return nil, err
			}
			if o == want {
				best = i
			}
		}
		if len(in) == 0 {
			return nil, nil
		}
		return in[best : best+1], nil
	}
}

func average(r *running, in Collection, args []step) (Collection, error) {
	sum, err := total(r, in, args)
	if err != nil || len(sum) == 0 {
		return nil, err
	}
	return over(r, sum, Collection{Int(int64(len(in)))})
}
