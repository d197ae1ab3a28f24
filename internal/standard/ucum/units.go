package ucum

import (
	"fmt"
	"maps"
	"math/big"
	"strings"
	"sync"

	"hale/internal/standard/decimal"
)

// prefixes are UCUM's prefixes, of tens and of twos.
//
// Spec: https://ucum.org/ucum, table 1 and §27
var prefixes = map[string]*big.Rat{
	"Y": decimal.Pow10(24), "Z": decimal.Pow10(21), "E": decimal.Pow10(18), "P": decimal.Pow10(15),
	"T": decimal.Pow10(12), "G": decimal.Pow10(9), "M": decimal.Pow10(6), "k": decimal.Pow10(3),
	"h": decimal.Pow10(2), "da": decimal.Pow10(1), "d": decimal.Pow10(-1), "c": decimal.Pow10(-2),
	"m": decimal.Pow10(-3), "u": decimal.Pow10(-6), "n": decimal.Pow10(-9), "p": decimal.Pow10(-12),
	"f": decimal.Pow10(-15), "a": decimal.Pow10(-18), "z": decimal.Pow10(-21), "y": decimal.Pow10(-24),
	"Ki": big.NewRat(1<<10, 1), "Mi": big.NewRat(1<<20, 1), "Gi": big.NewRat(1<<30, 1), "Ti": big.NewRat(1<<40, 1),
}

// metricUnits take a prefix.
const metricUnits = ` m s g rad K C cd mol sr Hz N Pa J W A V F Ohm S Wb Cel T H lm lx Bq Gy Sv l L ar t bar u eV pc
 [c] [h] [k] [eps_0] [mu_0] [e] [m_e] [m_p] [G] [g] [ly] gf Ky Gal dyn erg P Bi St Mx G Oe Gb sb Lmb ph Ci R RAD REM
 cal_[15] cal_[20] cal_m cal_IT cal_th cal tex m[H2O] m[Hg] kat U [iU] [IU] [arb'U] [EU] Np B B[SPL] B[V] B[mV] B[uV]
 B[10.nV] B[W] B[kW] bit By Bd st mho eq osm g% [g] [CFU] [PFU] [BAU] [AU] [wood'U] `

// metric has the names in metricUnits.
var metric = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(metricUnits) {
		set[name] = true
	}
	return set
})

// bases are what all else is made of, and the units that compare with
// nothing: arbitrary ones and those on a logarithmic scale.
const bases = `m s g rad K C cd
 [pH] Np B B[SPL] B[V] B[mV] B[uV] B[10.nV] B[W] B[kW] bit_s [p'diop] %[slope] [m/s2/Hz^0.5]
 [hp'_X] [hp'_C] [hp'_M] [hp'_Q] [hp_X] [hp_C] [hp_M] [hp_Q] [kp_X] [kp_C] [kp_M] [kp_Q]
 [iU] [arb'U] [USP'U] [GPL'U] [MPL'U] [APL'U] [beth'U] [anti'Xa'U] [todd'U] [dye'U] [smgy'U] [bdsk'U] [ka'U] [knk'U]
 [mclg'U] [tb'U] [CCID_50] [TCID_50] [EID_50] [PFU] [FFU] [CFU] [IR] [BAU] [AU] [Amb'a'1'U] [PNU] [Lf] [D'ag'U] [FEU] [ELU] [EU]`

// offsets are the scales of temperature whose zero is elsewhere.
var offsets = []struct {
	name           string
	offset, factor *big.Rat // kelvin = (value + offset) × factor
}{
	{"Cel", big.NewRat(27315, 100), big.NewRat(1, 1)},
	{"[degF]", big.NewRat(45967, 100), big.NewRat(5, 9)},
	{"[degRe]", big.NewRat(21852, 100), big.NewRat(5, 4)},
}

// common are units that most results and vital signs are in: they are read
// once.
const common = `mg/dL g/dL g/L mg/L ug/L ng/mL ng/dL pg/mL ug/dL ug/mL mmol/L umol/L nmol/L pmol/L mol/L mEq/L meq/L U/L u/L
 [iU]/L [iU]/mL m[iU]/L m[iU]/mL u[iU]/mL 10*3/uL 10*6/uL 10*9/L 10*12/L /uL fL pg mm[Hg] /min cm kg kg/m2 m mm mL mg ug
 mL/min mL/min/{1.73_m2} mmol/mol mg/g mg/mmol ng/L kPa mm/h {score} {breaths}/min {beats}/min L/min ms`

// table has every unit without prefix, in base units, and the common ones
// with. It is made when the first unit is read.
var table = sync.OnceValue(func() map[string]Unit {
	all := map[string]Unit{}
	for _, name := range strings.Fields(bases) {
		all[name] = Unit{factor: big.NewRat(1, 1), parts: map[string]int{name: 1}}
	}
	for _, o := range offsets {
		all[o.name] = Unit{factor: o.factor, offset: o.offset, parts: map[string]int{"K": 1}, alone: true}
	}
	for line := range strings.Lines(derived) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		u, err := define(all, words)
		if err != nil {
			panic(fmt.Sprintf("ucum: the table's own %s: %v", words[0], err)) // the constant below is wrong; every test fails
		}
		all[words[0]] = u
	}
	read := maps.Clone(all)
	for _, code := range strings.Fields(common) {
		if u, err := parse(code, func(name string) (Unit, bool) { u, ok := all[name]; return u, ok }); err == nil {
			read[code] = u
		}
	}
	return read
})

// define reads: name, number, unit.
func define(all map[string]Unit, words []string) (Unit, error) {
	u, err := parse(words[2], func(name string) (Unit, bool) {
		u, ok := all[name]
		return u, ok
	})
	if err != nil {
		return u, err
	}
	top, bottom, _ := strings.Cut(words[1], "/")
	n, ok := decimal.Parse(top)
	if !ok {
		return u, errEmpty
	}
	u.factor = new(big.Rat).Mul(u.factor, n.Rat())
	if bottom != "" {
		d, _ := decimal.Parse(bottom)
		u.factor.Quo(u.factor, d.Rat())
	}
	return u, nil
}
