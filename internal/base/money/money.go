// Package money holds sums of money as whole minor units of a currency:
// cents, never fractions, never floats.
//
// Spec: ISO 4217 (currencies and their minor units)
package money

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Sum is an amount in minor units of a currency, such as cents of USD.
type Sum struct {
	Cents    int64
	Currency string // three capital letters
}

// ErrAmount says that a text is no amount of a currency.
var ErrAmount = errors.New("money: not an amount")

// places are the decimal places of currencies that have not two.
//
// Spec: ISO 4217, list one
var places = map[string]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}

// Places returns how many decimal places a currency has.
func Places(currency string) int {
	if n, ok := places[currency]; ok {
		return n
	}
	return 2
}

// Parse reads a decimal number as JSON and people write it: 20, 20.5, -3.10.
// Places beyond those of the currency are rounded to the nearest, a half away
// from zero. A number with an exponent is no amount.
func Parse(text, currency string) (Sum, error) {
	s := Sum{Currency: currency}
	digits, minus := strings.CutPrefix(text, "-")
	whole, part, _ := strings.Cut(digits, ".")
	if whole == "" || len(whole) > 13 || len(part) > 20 || strings.Trim(whole+part, "0123456789") != "" {
		return s, ErrAmount
	}
	n := Places(currency)
	up := len(part) > n && part[n] >= '5'
	part = (part + "0000")[:n]
	cents, err := strconv.ParseInt(whole+part, 10, 64)
	if err != nil {
		return s, ErrAmount
	}
	if up {
		cents++
	}
	if minus {
		cents = -cents
	}
	s.Cents = cents
	return s, nil
}

// Typed reads what a person typed into a box: $1,250.00 or 40. It takes no
// more places than the currency has, and nothing below zero.
func Typed(text, currency string) (Sum, error) {
	text = strings.NewReplacer("$", "", ",", "", " ", "", "\u00a0", "").Replace(strings.TrimSpace(text))
	if _, part, _ := strings.Cut(text, "."); len(part) > Places(currency) || strings.HasPrefix(text, "-") {
		return Sum{}, ErrAmount
	}
	return Parse(text, currency)
}

// Decimal writes s as FHIR and machines do: 20.50, -3.10.
func (s Sum) Decimal() string {
	n, cents := Places(s.Currency), s.Cents
	sign := ""
	if cents < 0 {
		sign = "-"
	}
	digits := strconv.FormatUint(abs(cents), 10)
	if len(digits) <= n {
		digits = strings.Repeat("0", n+1-len(digits)) + digits
	}
	if n == 0 {
		return sign + digits
	}
	at := len(digits) - n
	return sign + digits[:at] + "." + digits[at:]
}

// String writes s for people: $1,250.00, −$3.10, 20.00 EUR.
func (s Sum) String() string {
	text, sign := s.Decimal(), ""
	if rest, minus := strings.CutPrefix(text, "-"); minus {
		text, sign = rest, "−"
	}
	whole, part, found := strings.Cut(text, ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if found {
		whole += "." + part
	}
	if s.Currency == "USD" || s.Currency == "" {
		return sign + "$" + whole
	}
	return sign + whole + " " + s.Currency
}

// Plus returns the sum of both, in the currency of s; ok is false where they
// are of two currencies, or where the sum is too large.
func (s Sum) Plus(o Sum) (sum Sum, ok bool) {
	if s.Currency != o.Currency && s.Cents != 0 && o.Cents != 0 {
		return s, false
	}
	if s.Currency == "" {
		s.Currency = o.Currency
	}
	if o.Cents > 0 && s.Cents > math.MaxInt64-o.Cents || o.Cents < 0 && s.Cents < math.MinInt64-o.Cents {
		return s, false
	}
	s.Cents += o.Cents
	return s, true
}

func abs(n int64) uint64 {
	if n < 0 {
		return uint64(-(n + 1)) + 1
	}
	return uint64(n)
}
