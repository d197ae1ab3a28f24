package money_test

import (
	"math"
	"testing"

	"hale/internal/base/money"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text, currency string
		want           int64
		ok             bool
	}{
		{"20", "USD", 2000, true}, {"20.5", "USD", 2050, true}, {"0.1", "USD", 10, true}, {"-3.10", "USD", -310, true},
		{"129.16000000000003", "USD", 12916, true}, {"1.005", "USD", 101, true}, {"1.004999", "USD", 100, true}, {"-1.005", "USD", -101, true},
		{"500", "JPY", 500, true}, {"500.5", "JPY", 501, true}, {"1.2345", "KWD", 1235, true}, {"9999999999999", "USD", 999999999999900, true},
		{"", "USD", 0, false}, {".5", "USD", 0, false}, {"1e3", "USD", 0, false}, {"12,50", "USD", 0, false}, {"+1", "USD", 0, false}, {"99999999999999", "USD", 0, false}, {"1.2.3", "USD", 0, false},
	}
	for _, tt := range tests {
		got, err := money.Parse(tt.text, tt.currency)
		if (err == nil) != tt.ok || tt.ok && got.Cents != tt.want {
			t.Errorf("Parse(%q, %s) = %v, %v, want %d, %t", tt.text, tt.currency, got.Cents, err, tt.want, tt.ok)
		}
	}
}

func TestTyped(t *testing.T) {
	for text, want := range map[string]int64{"40": 4000, "$1,250.00": 125000, " 12.5 ": 1250, "-4": -1, "1.234": -1, "ten": -1, "": -1, "$": -1} {
		got, err := money.Typed(text, "USD")
		if want < 0 != (err != nil) || err == nil && got.Cents != want {
			t.Errorf("Typed(%q) = %d, %v, want %d", text, got.Cents, err, want)
		}
	}
}

func TestString(t *testing.T) {
	for want, s := range map[string]money.Sum{
		"$0.00": {}, "$0.05": {5, "USD"}, "$1,250.00": {125000, "USD"}, "−$3.10": {-310, "USD"}, "$1,234,567.89": {123456789, "USD"},
		"20.00 EUR": {2000, "EUR"}, "1,500 JPY": {1500, "JPY"},
	} {
		if got := s.String(); got != want {
			t.Errorf("%+v is written %q, want %q", s, got, want)
		}
	}
}

func TestPlus(t *testing.T) {
	if s, ok := (money.Sum{}).Plus(money.Sum{5, "EUR"}); !ok || s != (money.Sum{5, "EUR"}) {
		t.Errorf("nothing and 5 are %v, %t", s, ok)
	}
	if _, ok := (money.Sum{5, "USD"}).Plus(money.Sum{5, "EUR"}); ok {
		t.Error("dollars and euros were added")
	}
	if _, ok := (money.Sum{math.MaxInt64, "USD"}).Plus(money.Sum{1, "USD"}); ok {
		t.Error("a sum ran over")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"20.50", "-3.1", "0", "1.005", "99e9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := money.Parse(text, "USD")
		if err != nil {
			return
		}
		again, err := money.Parse(s.Decimal(), "USD")
		if err != nil || again != s {
			t.Errorf("%q is %v, written %s and read %v, %v", text, s, s.Decimal(), again, err)
		}
	})
}
