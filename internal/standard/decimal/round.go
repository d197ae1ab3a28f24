package decimal

import (
	"math/big"
	"strconv"
)

// Way is how a number is made shorter.
type Way uint8

// The ways of rounding.
const (
	Nearest Way = iota // a half away from zero
	Down               // towards the smaller number
	Up                 // towards the larger number
	Cut                // towards zero
)

// Round returns d with scale digits behind the point.
func (d Decimal) Round(scale int, way Way) Decimal {
	if int32(scale) >= d.scale {
		return of(new(big.Int).Set(d.widen(int32(scale))), int32(scale))
	}
	return of(divide(d.digits(), pow10(d.scale-int32(scale)), way), int32(scale))
}

// FromRat returns r with scale digits behind the point.
func FromRat(r *big.Rat, scale int, way Way) Decimal {
	n := new(big.Int).Mul(r.Num(), pow10(int32(scale)))
	return of(divide(n, r.Denom(), way), int32(scale))
}

// divide returns n over a positive m as a whole number.
func divide(n, m *big.Int, way Way) *big.Int {
	q, rest := new(big.Int).QuoRem(n, m, new(big.Int))
	if rest.Sign() == 0 {
		return q
	}
	one := big.NewInt(int64(rest.Sign()))
	switch way {
	case Nearest:
		if twice := rest.Abs(rest); twice.Lsh(twice, 1).Cmp(m) >= 0 {
			q.Add(q, one)
		}
	case Down:
		if one.Sign() < 0 {
			q.Add(q, one)
		}
	case Up:
		if one.Sign() > 0 {
			q.Add(q, one)
		}
	}
	return q
}

// Quo returns d over o, exactly where that ends within scale digits and else
// rounded to them. o must not be 0.
func (d Decimal) Quo(o Decimal, scale int) Decimal {
	return FromRat(new(big.Rat).Quo(d.Rat(), o.Rat()), scale, Nearest).Trim()
}

// Trim takes away the zeros at the end behind the point.
func (d Decimal) Trim() Decimal {
	if d.large == nil {
		for d.scale > 0 && d.small%10 == 0 {
			d.small /= 10
			d.scale--
		}
		return d
	}
	n, rest := new(big.Int).Set(d.large), new(big.Int)
	for d.scale > 0 {
		q, r := new(big.Int).QuoRem(n, ten, rest)
		if r.Sign() != 0 {
			break
		}
		n = q
		d.scale--
	}
	return of(n, d.scale)
}

// FromFloat returns f with the given number of digits in all: for what no
// decimal can say exactly, a root or a logarithm.
func FromFloat(f float64, digits int) (Decimal, bool) {
	d, ok := Parse(strconv.FormatFloat(f, 'e', digits-1, 64))
	return d.Trim(), ok
}

// Sqrt returns the root of d, which must not be negative, to scale digits,
// exactly where it ends there.
func (d Decimal) Sqrt(scale int) Decimal {
	n := d.Round(2*scale, Nearest).digits()
	return of(new(big.Int).Sqrt(n), int32(scale)).Trim()
}
