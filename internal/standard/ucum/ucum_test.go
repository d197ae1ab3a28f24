package ucum_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"hale/internal/standard/decimal"
	"hale/internal/standard/ucum"
)

func number(t *testing.T, s string) decimal.Decimal {
	t.Helper()
	d, ok := decimal.Parse(s)
	if !ok {
		t.Fatalf("%q is no number", s)
	}
	return d
}

func TestConvert(t *testing.T) {
	tests := []struct{ value, from, to, want string }{
		{"98.6", "[degF]", "Cel", "37"},
		{"37", "Cel", "K", "310.15"},
		{"-40", "Cel", "[degF]", "-40"},
		{"180", "[lb_av]", "kg", "81.6466266"},
		{"70", "[in_i]", "cm", "177.8"},
		{"126", "mg/dL", "g/L", "1.26"},
		{"5.4", "mmol/L", "umol/mL", "5.4"},
		{"1", "mmol/L", "mol/m3", "1"},
		{"120", "mm[Hg]", "kPa", "15.99864"},
		{"4.5", "10*3/uL", "10*9/L", "4.5"},
		{"4.5", "10^3/ul", "/nL", "4.5"},
		{"1", "wk", "d", "7"},
		{"90", "min", "h", "1.5"},
		{"1", "a", "d", "365.25"},
		{"12", "mo", "a", "1"},
		{"5", "%", "1", "0.05"},
		{"3", "[iU]/mL", "k[iU]/L", "3"},
		{"3", "[iU]/L", "m[IU]/mL", "3"},
		{"1", "ug/kg/min", "mg/kg/h", "0.06"},
		{"2", "meq/L", "mmol/L", "2"},
		{"1", "U/L", "nkat/L", "16.66666666666666666666667"},
		{"15", "{breaths}/min", "/min", "15"},
		{"1", "mL/min/{1.73_m2}", "mL/min", "1"},
		{"1", "[Cal]", "kJ", "4.184"},
		{"1", "m[H2O]", "Pa", "9806.65"},
		{"1", "kg/(s.m2)", "g.s-1.m-2", "1000"},
		{"1", "[foz_us]", "mL", "29.5735295625"},
	}
	for _, tt := range tests {
		got, ok := ucum.Convert(number(t, tt.value), tt.from, tt.to)
		if !ok || got.Cmp(number(t, tt.want)) != 0 {
			t.Errorf("Convert(%s %s to %s) = %s, %t, want %s", tt.value, tt.from, tt.to, got, ok, tt.want)
		}
	}
}

func TestConvertRefuses(t *testing.T) {
	for _, tt := range []struct{ from, to string }{
		{"kg", "m"}, {"[iU]", "mg"}, {"[iU]", "[arb'U]"}, {"[pH]", "mol/L"}, {"lbs", "kg"}, {"mg", "foo"}, {"Cel/m", "K/m"}, {"(", "1"}, {"m.", "m"}, {"{a", "1"}, {"MG", "g"}, {"m[lb_av]", "g"},
	} {
		if got, ok := ucum.Convert(decimal.Int(1), tt.from, tt.to); ok {
			t.Errorf("Convert(%s to %s) = %s, want a refusal", tt.from, tt.to, got)
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, tt := range []struct{ a, b [2]string }{
		{[2]string{"5.4", "mmol/L"}, [2]string{"0.0054", "mol/L"}},
		{[2]string{"6", "g/dL"}, [2]string{"60", "g/L"}},
		{[2]string{"98.6", "[degF]"}, [2]string{"37.0", "Cel"}},
		{[2]string{"1", ""}, [2]string{"100", "%"}},
	} {
		av, au, okA := ucum.Canonical(number(t, tt.a[0]), tt.a[1])
		bv, bu, okB := ucum.Canonical(number(t, tt.b[0]), tt.b[1])
		if !okA || !okB || au != bu || av.Cmp(bv) != 0 {
			t.Errorf("Canonical(%v) = %s %s, Canonical(%v) = %s %s, want the same", tt.a, av, au, tt.b, bv, bu)
		}
	}
	if v, u, ok := ucum.Canonical(number(t, "126"), "mg/dL"); !ok || v.String() != "1260" || u != "g.m-3" {
		t.Errorf("Canonical(126 mg/dL) = %s %s %t, want 1260 g.m-3", v, u, ok)
	}
}

// FuzzParse reads anything as a unit: what it takes converts to its own base
// units and measures the same as they do.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"mg/dL", "10*3/uL", "[degF]", "kg/(s.m2)", "{a}/min", "m-2", "((((m))))", "/[iU]", "10*30.10*30", "0", "u[IU]/mL"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ucum.Parse(s)
		if err != nil {
			return
		}
		base, err := ucum.Parse(u.Base())
		if err != nil {
			t.Skip() // a base unit's exponent may be beyond what is taken
		}
		if !ucum.Comparable(u, base) {
			t.Errorf("Parse(%q) measures %s, which is read as %s", s, u.Base(), base.Base())
		}
		if _, _, ok := ucum.Canonical(decimal.New(15, 1), s); !ok {
			t.Errorf("Canonical(1.5 %q) is refused, Parse takes it", s)
		}
	})
}

func BenchmarkCanonical(b *testing.B) {
	v := decimal.New(1265, 1)
	for b.Loop() {
		if _, _, ok := ucum.Canonical(v, "mg/dL"); !ok {
			b.Fatal("refused")
		}
	}
}

// TestCommonUnits reads every unit that R4's value sets name.
func TestCommonUnits(t *testing.T) {
	root := os.Getenv("HALE_TESTDATA")
	if root == "" {
		t.Skip("HALE_TESTDATA names no folder with the definitions")
	}
	data, err := os.ReadFile(filepath.Join(root, "fhir", "r4-definitions", "valuesets.json"))
	if err != nil {
		t.Skip(err)
	}
	var sets struct {
		Entry []struct {
			Resource struct {
				Compose struct {
					Include []struct {
						System  string
						Concept []struct{ Code string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(data, &sets); err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, e := range sets.Entry {
		for _, inc := range e.Resource.Compose.Include {
			if inc.System != ucum.System {
				continue
			}
			for _, c := range inc.Concept {
				count++
				if _, err := ucum.Parse(c.Code); err != nil {
					t.Errorf("%s: %v", c.Code, err)
				}
			}
		}
	}
	if count < 1300 {
		t.Errorf("there are %d units, want more", count)
	}
}
