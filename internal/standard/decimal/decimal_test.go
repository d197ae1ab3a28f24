package decimal_test

import (
	"math/big"
	"testing"

	"hale/internal/standard/decimal"
)

func parse(t *testing.T, s string) decimal.Decimal {
	t.Helper()
	d, ok := decimal.Parse(s)
	if !ok {
		t.Fatalf("Parse(%q) fails", s)
	}
	return d
}

func TestParse(t *testing.T) {
	tests := []struct{ in, want string }{
		{"0", "0"}, {"-0.10", "-0.10"}, {"1.50", "1.50"}, {"3e-4", "0.0003"}, {"1.5E+3", "1500"}, {"+2", "2"},
		{"123456789012345678901234567890.123", "123456789012345678901234567890.123"},
		{"-9223372036854775808", "-9223372036854775808"},
	}
	for _, tt := range tests {
		if got := parse(t, tt.in).String(); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
	for _, in := range []string{"", "-", ".5", "5.", "1e", "1e999999999", "1e401", "--1", "1_0", "0x1", "NaN", "1.2.3", "1e+-2", "1e-+2", "1e++2", "+-1"} {
		if d, ok := decimal.Parse(in); ok {
			t.Errorf("Parse(%q) = %s, want a refusal", in, d)
		}
	}
}

func TestArithmetic(t *testing.T) {
	tests := []struct{ got, want string }{
		{parse(t, "1.8").Sub(parse(t, "1.2")).String(), "0.6"},
		{parse(t, "0.1").Add(parse(t, "0.2")).String(), "0.3"},
		{parse(t, "9223372036854775807").Add(parse(t, "1")).String(), "9223372036854775808"},
		{parse(t, "9223372036854775807").Mul(parse(t, "-10.0")).String(), "-92233720368547758070.0"},
		{parse(t, "1").Quo(parse(t, "3"), 5).String(), "0.33333"},
		{parse(t, "1").Quo(parse(t, "-8"), 20).String(), "-0.125"},
		{parse(t, "-1.5").Round(0, decimal.Nearest).String(), "-2"},
		{parse(t, "-1.1").Round(0, decimal.Up).String(), "-1"},
		{parse(t, "-1.1").Round(0, decimal.Down).String(), "-2"},
		{parse(t, "-1.9").Round(0, decimal.Cut).String(), "-1"},
		{parse(t, "2").Round(3, decimal.Nearest).String(), "2.000"},
		{parse(t, "81").Sqrt(8).String(), "9"},
		{parse(t, "1.500").Trim().String(), "1.5"},
	}
	for i, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("case %d = %s, want %s", i, tt.got, tt.want)
		}
	}
	if parse(t, "1.50").Cmp(parse(t, "1.5")) != 0 || parse(t, "-2").Cmp(parse(t, "1e-300")) >= 0 {
		t.Error("numbers are not in order")
	}
}

// FuzzParse reads anything as a number: what it takes means the same as a
// fraction, and is written as it was.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "-1.50", "3e-4", "1E+30", "999999999999999999999.5", "+7"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := decimal.Parse(s)
		if !ok {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok || d.Rat().Cmp(want) != 0 {
			t.Fatalf("Parse(%q) = %s, want %v", s, d, want)
		}
		again, ok := decimal.Parse(d.String())
		if !ok || again.Cmp(d) != 0 || again.Scale() != d.Scale() {
			t.Errorf("Parse(%q) = %s, which reads as %s", s, d, again)
		}
	})
}
