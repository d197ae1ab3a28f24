// Package decimal holds decimal numbers exactly as they are written: 0.1 is a
// tenth, and 1.50 remembers that it was measured to hundredths.
//
// Spec: https://hl7.org/fhir/R4/datatypes.html#decimal
package decimal

import (
	"math/big"
	"math/bits"
	"strings"
)

// Decimal is an exact decimal number with the digits it was written with.
// The zero Decimal is 0. It never changes.
type Decimal struct {
	small int64    // the digits, where large is nil
	large *big.Int // the digits
	scale int32    // how many of them stand behind the point; never negative
}

// maxDigits is how many digits a number may be written with, exponent
// applied: far more than any measurement, few enough to stay cheap.
const maxDigits = 400

// Int returns n.
func Int(n int64) Decimal { return Decimal{small: n} }

// New returns n × 10^-scale.
func New(n int64, scale int32) Decimal { return Decimal{small: n, scale: scale} }

// Parse reads a number as JSON and FHIR write it: -12.50, 3e-4. It takes a
// leading plus too.
func Parse(s string) (Decimal, bool) {
	digits, exponent, ok := cutExponent(s)
	if !ok {
		return Decimal{}, false
	}
	sign := ""
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		sign, digits = strings.TrimPrefix(digits[:1], "+"), digits[1:]
	}
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || point && fraction == "" || !allDigits(whole) || !allDigits(fraction) {
		return Decimal{}, false
	}
	scale := len(fraction) - exponent
	digits = sign + whole + fraction
	if scale < 0 {
		if len(digits)-scale > maxDigits {
			return Decimal{}, false
		}
		digits += strings.Repeat("0", -scale)
		scale = 0
	}
	if len(digits) > maxDigits || scale > maxDigits {
		return Decimal{}, false
	}
	if n, ok := smallInt(digits); ok {
		return Decimal{small: n, scale: int32(scale)}, true
	}
	n, ok := new(big.Int).SetString(digits, 10)
	return Decimal{large: n, scale: int32(scale)}, ok
}

// cutExponent splits 3e-4 into 3 and -4.
func cutExponent(s string) (string, int, bool) {
	at := strings.IndexAny(s, "eE")
	if at < 0 {
		return s, 0, true
	}
	power, plus := strings.CutPrefix(s[at+1:], "+")
	e, ok := smallInt(power)
	twice := plus && strings.HasPrefix(power, "-")
	return s[:at], int(e), ok && !twice && e <= maxDigits && e >= -maxDigits
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// smallInt reads up to eighteen digits.
func smallInt(s string) (int64, bool) {
	rest, negative := strings.CutPrefix(s, "-")
	if rest == "" || len(rest) > 18 || !allDigits(rest) {
		return 0, false
	}
	var n int64
	for i := range len(rest) {
		n = n*10 + int64(rest[i]-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// digits returns the digits as a big number that must not be changed.
func (d Decimal) digits() *big.Int {
	if d.large != nil {
		return d.large
	}
	return big.NewInt(d.small)
}

// of makes a Decimal of digits that nobody else holds.
func of(n *big.Int, scale int32) Decimal {
	if n.IsInt64() {
		return Decimal{small: n.Int64(), scale: scale}
	}
	return Decimal{large: n, scale: scale}
}

var ten = big.NewInt(10)

// pow10 returns 10^n.
func pow10(n int32) *big.Int { return new(big.Int).Exp(ten, big.NewInt(int64(n)), nil) }

// Pow10 returns 10^n as a fraction, for a negative n too.
func Pow10(n int) *big.Rat {
	if n < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), pow10(int32(-n)))
	}
	return new(big.Rat).SetInt(pow10(int32(n)))
}

var powers = [...]int64{1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000}

// widen returns the digits of d with scale digits behind the point.
func (d Decimal) widen(scale int32) *big.Int {
	if d.scale == scale {
		return d.digits()
	}
	return new(big.Int).Mul(d.digits(), pow10(scale-d.scale))
}

// widenSmall is widen within 64 bits.
func (d Decimal) widenSmall(scale int32) (int64, bool) {
	if d.large != nil || scale-d.scale >= int32(len(powers)) {
		return 0, false
	}
	return mul(d.small, powers[scale-d.scale])
}

func mul(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(abs(a), abs(b))
	if hi != 0 || lo >= 1<<63 {
		return 0, false
	}
	return a * b, true
}

func abs(n int64) uint64 {
	if n < 0 {
		return uint64(-n)
	}
	return uint64(n)
}

// Scale is how many digits stand behind the point.
func (d Decimal) Scale() int { return int(d.scale) }

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	if d.large != nil {
		return d.large.Sign()
	}
	switch {
	case d.small < 0:
		return -1
	case d.small > 0:
		return 1
	}
	return 0
}

// Cmp returns -1, 0 or 1 as d is less than, equal to or greater than o. 1.50
// is equal to 1.5.
func (d Decimal) Cmp(o Decimal) int {
	scale := max(d.scale, o.scale)
	a, okA := d.widenSmall(scale)
	b, okB := o.widenSmall(scale)
	if okA && okB {
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	}
	return d.widen(scale).Cmp(o.widen(scale))
}

// Add returns d + o.
func (d Decimal) Add(o Decimal) Decimal {
	scale := max(d.scale, o.scale)
	a, okA := d.widenSmall(scale)
	b, okB := o.widenSmall(scale)
	if sum := a + b; okA && okB && (sum > a) == (b > 0) {
		return Decimal{small: sum, scale: scale}
	}
	return of(new(big.Int).Add(d.widen(scale), o.widen(scale)), scale)
}

// Neg returns -d.
func (d Decimal) Neg() Decimal {
	if d.large == nil && d.small != -1<<63 {
		return Decimal{small: -d.small, scale: d.scale}
	}
	return of(new(big.Int).Neg(d.digits()), d.scale)
}

// Sub returns d - o.
func (d Decimal) Sub(o Decimal) Decimal { return d.Add(o.Neg()) }

// Mul returns d × o.
func (d Decimal) Mul(o Decimal) Decimal {
	if d.large == nil && o.large == nil {
		if n, ok := mul(d.small, o.small); ok {
			return Decimal{small: n, scale: d.scale + o.scale}
		}
	}
	return of(new(big.Int).Mul(d.digits(), o.digits()), d.scale+o.scale)
}

// Abs returns d without its sign.
func (d Decimal) Abs() Decimal {
	if d.Sign() < 0 {
		return d.Neg()
	}
	return d
}

// Int64 returns a whole number that fits.
func (d Decimal) Int64() (int64, bool) {
	t := d.Trim()
	return t.small, t.large == nil && t.scale == 0
}

// Rat returns d as a fraction.
func (d Decimal) Rat() *big.Rat { return new(big.Rat).SetFrac(d.digits(), pow10(d.scale)) }

// Float returns the nearest binary number.
func (d Decimal) Float() float64 {
	f, _ := d.Rat().Float64()
	return f
}

// Size is how many bits the digits take: what a number costs.
func (d Decimal) Size() int {
	if d.large != nil {
		return d.large.BitLen() + int(d.scale)
	}
	return 64 + int(d.scale)
}

// String writes d with all its digits and without an exponent.
func (d Decimal) String() string {
	s := d.digits().String()
	if d.scale == 0 {
		return s
	}
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	if missing := int(d.scale) + 1 - len(s); missing > 0 {
		s = strings.Repeat("0", missing) + s
	}
	point := len(s) - int(d.scale)
	return sign + s[:point] + "." + s[point:]
}
