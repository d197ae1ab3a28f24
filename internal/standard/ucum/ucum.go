// Package ucum reads units of measure and converts between them exactly.
//
// A unit is a factor and the base units it is made of, so that mg/dL, g/L and
// kg/m3 come to the same. Factors are fractions, never binary numbers. Units
// on a logarithmic scale (pH, bel, neper) and arbitrary ones ([iU]) stand for
// themselves: they are equal to themselves and to nothing else.
//
// Spec: https://ucum.org/ucum, version 2.1
package ucum

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"hale/internal/standard/decimal"
)

// System is how UCUM is called in a Quantity's or Coding's system.
const System = "http://unitsofmeasure.org"

// Unit is a unit of measure: factor times the product of base units. It must
// not be changed.
type Unit struct {
	factor *big.Rat
	parts  map[string]int // base unit → exponent; none is 0
	offset *big.Rat       // what is added before the factor is applied; nil but for degrees
	alone  bool           // on a scale with an offset: it cannot be part of a product
}

// limits against units that nobody measures in.
const (
	maxLength   = 200
	maxDepth    = 12
	maxExponent = 40
	maxBits     = 4096
)

var (
	errLong   = errors.New("ucum: longer than any unit")
	errDeep   = errors.New("ucum: brackets nest too deeply")
	errScale  = errors.New("ucum: a unit with an offset cannot be part of a product")
	errHuge   = errors.New("ucum: the factor is out of all proportion")
	errEmpty  = errors.New("ucum: a part of the unit is missing")
	errCloses = errors.New("ucum: a bracket does not close")
)

// Parse reads a unit in UCUM's case-sensitive form: mg/dL, 10*3/uL, [degF].
// The empty text and 1 are the unit of a plain number.
func Parse(code string) (Unit, error) {
	if code == "" {
		return one(), nil
	}
	if u, ok := table()[code]; ok {
		return u, nil
	}
	return parse(code, func(name string) (Unit, bool) {
		u, ok := table()[name]
		return u, ok
	})
}

// Canonical returns value in base units, and these in one fixed spelling:
// 5.4 mmol/L and 0.0054 mol/L give the same two. It says no to what is no
// unit. A value that no decimal ends on has 24 significant digits.
func Canonical(value decimal.Decimal, code string) (decimal.Decimal, string, bool) {
	u, err := Parse(code)
	if err != nil {
		return decimal.Decimal{}, "", false
	}
	return u.base(value), u.Base(), true
}

// Convert returns value, measured in from, in the unit to. It says no where
// either is no unit, or they do not measure the same.
func Convert(value decimal.Decimal, from, to string) (decimal.Decimal, bool) {
	a, err := Parse(from)
	if err != nil {
		return decimal.Decimal{}, false
	}
	b, err := Parse(to)
	if err != nil || !Comparable(a, b) {
		return decimal.Decimal{}, false
	}
	r := a.apply(value)
	r.Quo(r, b.factor)
	if b.offset != nil {
		r.Sub(r, b.offset)
	}
	return short(r), true
}

// Comparable says whether a and b measure the same.
func Comparable(a, b Unit) bool { return maps.Equal(a.parts, b.parts) }

// Base writes the base units: g.m-3; 1 for a plain number.
func (u Unit) Base() string {
	if len(u.parts) == 0 {
		return "1"
	}
	names := slices.Sorted(maps.Keys(u.parts))
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(name)
		if e := u.parts[name]; e != 1 {
			b.WriteString(strconv.Itoa(e))
		}
	}
	return b.String()
}

// apply returns value in base units.
func (u Unit) apply(value decimal.Decimal) *big.Rat {
	r := value.Rat()
	if u.offset != nil {
		r.Add(r, u.offset)
	}
	return r.Mul(r, u.factor)
}

func (u Unit) base(value decimal.Decimal) decimal.Decimal { return short(u.apply(value)) }

// short returns r as a decimal: exactly, or with 24 significant digits.
func short(r *big.Rat) decimal.Decimal {
	size := (r.Num().BitLen() - r.Denom().BitLen()) * 30103 / 100000 // its power of ten, nearly
	return decimal.FromRat(r, max(0, 24-size), decimal.Nearest).Trim()
}

func one() Unit { return Unit{factor: big.NewRat(1, 1)} }

// times returns u × other^sign.
func (u Unit) times(other Unit, sign int) (Unit, error) {
	if u.alone || other.alone {
		return u, errScale
	}
	f := new(big.Rat).Set(other.factor)
	if sign < 0 {
		f.Inv(f)
	}
	f.Mul(f, u.factor)
	if f.Num().BitLen() > maxBits || f.Denom().BitLen() > maxBits {
		return u, errHuge
	}
	parts := maps.Clone(u.parts)
	for name, e := range other.parts {
		if parts == nil {
			parts = map[string]int{}
		}
		if parts[name] += sign * e; parts[name] == 0 {
			delete(parts, name)
		}
	}
	return Unit{factor: f, parts: parts}, nil
}

// power returns u^n.
func (u Unit) power(n int) (Unit, error) {
	if n == 1 {
		return u, nil
	}
	if n > maxExponent || n < -maxExponent {
		return u, errHuge
	}
	sign := 1
	if n < 0 {
		n, sign = -n, -1
	}
	result := one()
	for range n {
		var err error
		if result, err = result.times(u, sign); err != nil {
			return u, err
		}
	}
	return result, nil
}

// Product returns the unit of a value in a times a value in b; of a value in
// a divided by one in b where over is true.
func Product(a, b Unit, over bool) (Unit, error) {
	if over {
		return a.times(b, -1)
	}
	return a.times(b, 1)
}

func unknown(name string) error {
	return fmt.Errorf("ucum: %q is no unit", name)
}
