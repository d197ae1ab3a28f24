package causal

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"hale/internal/haletest"
)

// within says whether got is want to the relative tolerance tol.
func within(got, want, tol float64) bool {
	return got == want || math.Abs(got-want) <= tol*math.Max(math.Abs(want), 1e-300)
}

func check(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !within(got, want, tol) {
		t.Errorf("%s = %.12g, want %.12g", what, got, want)
	}
}

// reference is one published or recomputed value.
type reference struct{ estimate, se, low, high float64 }

func references(t *testing.T) map[string]reference {
	t.Helper()
	all := map[string]reference{}
	for _, row := range table(t, "reference_SHARE.csv") {
		all[row["id"]] = reference{number(row["estimate"]), number(row["se"]), number(row["lo"]), number(row["hi"])}
	}
	return all
}

func table(t *testing.T, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(haletest.Data(t, "causal/"+name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, v := range row {
			m[rows[0][i]] = v
		}
		all = append(all, m)
	}
	return all
}

func number(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// arms splits a column by whether treated says so.
func arms(rows []map[string]string, column string, arm func(map[string]string) (treated, in bool)) (Sample, Sample) {
	var y1, y0 []float64
	for _, row := range rows {
		treated, in := arm(row)
		switch {
		case !in:
		case treated:
			y1 = append(y1, number(row[column]))
		default:
			y0 = append(y0, number(row[column]))
		}
	}
	return Of(y1), Of(y0)
}

func TestDifferenceLaLonde(t *testing.T) {
	ref := references(t)
	treated, held := arms(table(t, "nsw_dw445.csv"), "re78", func(r map[string]string) (bool, bool) { return r["treat"] == "1", true })
	e := Difference(treated, held)
	check(t, "difference", e.Value, ref["LL.exp.hc2"].estimate, 1e-8)
	check(t, "SE", e.SE, ref["LL.exp.hc2"].se, 1e-8)
}

func TestDifferenceHillstrom(t *testing.T) {
	ref, rows := references(t), table(t, "hillstrom.csv")
	for mail, id := range map[string]string{"Mens E-Mail": "HS.M", "Womens E-Mail": "HS.W"} {
		for _, y := range []string{"visit", "conversion", "spend"} {
			treated, held := arms(rows, y, func(r map[string]string) (bool, bool) {
				return r["segment"] == mail, r["segment"] == mail || r["segment"] == "No E-Mail"
			})
			want, e := ref[id+"."+y], Difference(treated, held)
			check(t, id+"."+y, e.Value, want.estimate, 1e-8)
			check(t, id+"."+y+" SE", e.SE, want.se, 1e-8)
			low, high := e.Interval(Alpha)
			check(t, id+"."+y+" low", low, want.low, 1e-4) // the reference is a normal interval
			check(t, id+"."+y+" high", high, want.high, 1e-4)
			rel, err := Relative(treated, held)
			if err != nil {
				t.Fatal(err)
			}
			check(t, id+"."+y+" relative", rel.Value, ref[id+"."+y+".rel"].estimate, 1e-8)
			check(t, id+"."+y+" relative SE", rel.SE, ref[id+"."+y+".rel"].se, 1e-8)
		}
	}
	counts := map[string]int{}
	for _, r := range rows {
		counts[r["segment"]]++
	}
	chi2, p := SRM([]int{counts["Mens E-Mail"], counts["Womens E-Mail"], counts["No E-Mail"]}, []float64{1, 1, 1})
	check(t, "SRM", chi2, ref["HS.srm"].estimate, 1e-9)
	check(t, "SRM p", p, ref["HS.srm"].low, 1e-9)
}

// The inputs are those of GrowthBook's own tests.
var (
	gbHeld, gbTreated = Sums(3407, 1396.87, 52377.9767), Sums(3461, 2422.7, 134698.29)
	gbFewer           = Sums(3000, 1396.87, 52377.9767)
)

func TestGrowthBook(t *testing.T) {
	ref := references(t)
	same := func(id string, e Estimate, low, high float64) {
		t.Helper()
		check(t, id, e.Value, ref[id].estimate, 1e-8)
		check(t, id+" SE", e.SE, ref[id].se, 1e-5)
		check(t, id+" low", low, ref[id].low, 1e-5)
		check(t, id+" high", high, ref[id].high, 1e-5)
	}
	e := Difference(gbTreated, gbHeld)
	low, high := e.Interval(Alpha)
	same("GB.abs", e, low, high)
	check(t, "GB.abs p", e.P(), 0.02016, 1e-3)
	e = relative(gbTreated, gbHeld)
	low, high = e.Interval(Alpha)
	same("GB.rel", e, low, high)
	check(t, "GB.rel p", e.P(), 0.06191, 1e-3)
	e = relative(gbTreated, gbFewer)
	low, high, p := AlwaysValid(e, 1000, Alpha)
	same("GB.seq", e, low, high)
	check(t, "GB.seq p", p, 1, 1e-9)
	e = relative(proportion(2422, 3461), proportion(1396, 3000))
	low, high, _ = AlwaysValid(e, 5000, Alpha)
	same("GB.seqp", e, low, high)
}

// proportion is a share with the variance p(1-p), as GrowthBook has it.
func proportion(yes, n int) Sample {
	p := float64(yes) / float64(n)
	return Sample{N: float64(n), Mean: p, Var: p * (1 - p)}
}

func TestRelativeRefusesNearZero(t *testing.T) {
	if _, err := Relative(gbTreated, gbHeld); err != nil {
		t.Errorf("Relative = %v, want a number: the mean is over three standard errors from zero", err)
	}
	if _, err := Relative(Yes(30, 100), Yes(5, 100)); !errors.Is(err, ErrNearZero) {
		t.Errorf("Relative of 5 in 100 = %v, want a refusal", err)
	}
	if _, err := Relative(Yes(30, 100), Yes(20, 100)); err != nil {
		t.Errorf("Relative of 20 in 100 = %v, want a number", err)
	}
}

func TestSRM(t *testing.T) {
	tests := []struct {
		name     string
		observed []int
		shares   []float64
		chi2, p  float64
	}{
		{"Kohavi's example", []int{821588, 815482}, []float64{1, 1}, 22.7743688418944, 1.82179287261919e-06},
		{"as planned", []int{900, 100}, []float64{0.9, 0.1}, 0, 1},
		{"shares need not add to one", []int{900, 100}, []float64{9, 1}, 0, 1},
		{"nobody yet", []int{0, 0}, []float64{0.9, 0.1}, 0, 1},
		{"three degrees of freedom", []int{120, 100, 90, 90}, []float64{1, 1, 1, 1}, 6, 0.111610225095},
		{"an arm nobody could be in", []int{900, 1}, []float64{1, 0}, math.Inf(1), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			chi2, p := SRM(tt.observed, tt.shares)
			check(t, "chi2", chi2, tt.chi2, 1e-9)
			check(t, "p", p, tt.p, 1e-9)
		})
	}
}

func TestQuantiles(t *testing.T) {
	for _, tt := range []struct{ got, want float64 }{ // R: qnorm, qt, pt, pchisq
		{NormalQuantile(0.975), 1.959963984540054},
		{NormalQuantile(0.8), 0.8416212335729143},
		{StudentQuantile(0.975, 1), 12.7062047361747},
		{StudentQuantile(0.975, 4.5), 2.6589123},
		{StudentQuantile(0.975, 10), 2.22813885198627},
		{StudentQuantile(0.975, 1e6), 1.95996635682},
		{StudentQuantile(0.025, 10), -2.22813885198627},
		{StudentQuantile(0.5, 10), 0},
		{StudentQuantile(0.9995, 3), 12.9239786366655},
		{StudentQuantile(0.975, math.Inf(1)), 1.959963984540054},
		{studentCDF(-2, 5), 0.0509697394149},
		{chiSquareTail(3.841458820694124, 1), 0.05},
		{chiSquareTail(0.5, 5), 0.992123292465},
		{chiSquareTail(30, 5), 1.47485810384e-05},
	} {
		if !within(tt.got, tt.want, 2e-6) {
			t.Errorf("got %.12g, want %.12g", tt.got, tt.want)
		}
	}
}

func TestStratified(t *testing.T) {
	strata := []Stratum{{Yes(30, 100), Yes(10, 100)}, {Yes(90, 150), Yes(20, 50)}}
	e, err := Stratified(strata)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "value", e.Value, 0.5*0.2+0.5*0.2, 1e-12)
	v := 0.25*(0.3*0.7/99+0.1*0.9/99) + 0.25*(0.6*0.4/149+0.4*0.6/49)
	check(t, "SE", e.SE, math.Sqrt(v), 1e-12)
	one, err := Stratified(strata[:1])
	welch := Difference(strata[0].Treated, strata[0].Held)
	if err != nil || one != welch {
		t.Errorf("Stratified of one stratum = %+v, %v, want Welch's %+v", one, err, welch)
	}
	if _, err := Stratified([]Stratum{{Yes(1, 2), Yes(0, 1)}}); !errors.Is(err, ErrOneArm) {
		t.Errorf("Stratified with one person in an arm = %v, want a refusal", err)
	}
}

// TestWeightedUndoesUnequalChances has two kinds of people, of whom the kind
// that acts anyway is held out more often.
func TestWeightedUndoesUnequalChances(t *testing.T) {
	treated := []Cell{{0.9, Yes(270, 900)}, {0.5, Yes(400, 500)}}
	held := []Cell{{0.1, Yes(20, 100)}, {0.5, Yes(350, 500)}}
	e := Weighted(treated, held)
	check(t, "value", e.Value, 0.1, 1e-12)
	naive := Difference(Yes(670, 1400), Yes(370, 600))
	if naive.Value > 0 {
		t.Errorf("the naive difference is %v, want one that misleads", naive.Value)
	}
	same := Weighted([]Cell{{0.9, Yes(270, 900)}}, []Cell{{0.1, Yes(20, 100)}})
	plain := Difference(Yes(270, 900), Yes(20, 100))
	check(t, "value with one chance", same.Value, plain.Value, 1e-12)
	check(t, "SE with one chance", same.SE, plain.SE, 1e-2)
}

func TestWilson(t *testing.T) {
	for _, tt := range []struct {
		yes, n    int
		low, high float64
	}{ // R: binom::binom.wilson
		{0, 10, 0, 0.2775328}, {10, 10, 0.7224672, 1}, {5, 10, 0.2365931, 0.7634069}, {184, 236, 0.7225362, 0.8278274}, {0, 0, 0, 1},
	} {
		low, high := Wilson(tt.yes, tt.n)
		if math.Abs(low-tt.low) > 1e-5 || math.Abs(high-tt.high) > 1e-5 {
			t.Errorf("Wilson(%d, %d) = %.7f, %.7f, want %.7f, %.7f", tt.yes, tt.n, low, high, tt.low, tt.high)
		}
	}
}

func TestMultiplicity(t *testing.T) {
	p := []float64{0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1}
	below := func(q []float64) (n int) {
		for _, v := range q {
			if v <= 0.05 {
				n++
			}
		}
		return n
	}
	if got := below(BH(p)); got != 4 {
		t.Errorf("BH finds %d, want 4 as Benjamini and Hochberg", got)
	}
	if got := below(Holm(p)); got != 3 {
		t.Errorf("Holm finds %d, want 3", got)
	}
	got := Holm([]float64{0.03, 0.01, 0.02}) // R: p.adjust
	for i, want := range []float64{0.04, 0.03, 0.04} {
		check(t, "Holm", got[i], want, 1e-12)
	}
	got = BH([]float64{0.03, 0.01, 0.02})
	for i, want := range []float64{0.03, 0.03, 0.03} {
		check(t, "BH", got[i], want, 1e-12)
	}
}

func TestPlan(t *testing.T) {
	p := Plan{N: 1000, Holdout: 0.1, Base: 0.2}
	check(t, "MDE", p.MDE(), 2.801585218*math.Sqrt(0.16/90), 1e-8)
	if n := (Plan{Holdout: 0.5, Base: 0.1}).Needed(0.05); n != 1366 { // 7.849 × 0.435 / 0.0025
		t.Errorf("Needed = %d, want 1366", n)
	}
	if n := p.PerArm(0.5, 1, 1); n != 63 { // R: power.t.test gives 64 with t, 63 with z
		t.Errorf("PerArm = %d, want 63", n)
	}
	check(t, "Cost", p.Cost(0.2), 20, 1e-12)
	if !math.IsInf(Plan{N: 1000}.MDE(), 1) || (Plan{Base: 0.1}).Needed(0.05) != math.MaxInt {
		t.Error("a plan without a holdout finds something")
	}
}

// TestCoverage holds the intervals to what they promise, on the sizes that a
// clinic has: a tenth held out, few of whom act.
func TestCoverage(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: short")
	}
	const draws = 8000
	for _, c := range []struct {
		treated, held int
		p1, p0        float64
	}{
		{900, 100, 0.31, 0.11}, {212, 24, 0.35, 0.12}, {1800, 200, 0.05, 0.05}, {90, 10, 0.3, 0.1}, {500, 500, 0.2, 0.15},
	} {
		r := rand.New(rand.NewPCG(7, 11))
		fixed := 0
		for range draws {
			e := Difference(Cautious(draw(r, c.treated, c.p1), c.treated), Cautious(draw(r, c.held, c.p0), c.held))
			if low, high := e.Interval(Alpha); low <= c.p1-c.p0 && c.p1-c.p0 <= high {
				fixed++
			}
		}
		if share := float64(fixed) / draws; share < 0.94 {
			t.Errorf("%+v: the fixed interval covers %.3f, want at least 0.94", c, share)
		}
	}
}

// TestCoverageWhilePeeking looks fifty times while people come in, and counts
// a single miss as a miss.
func TestCoverageWhilePeeking(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: short")
	}
	const draws, looks = 400, 50
	for _, c := range []struct {
		n      int
		hold   float64
		p1, p0 float64
	}{
		{4000, 0.1, 0.31, 0.11}, {1000, 0.1, 0.35, 0.12}, {2000, 0.5, 0.2, 0.2},
	} {
		r := rand.New(rand.NewPCG(3, 5))
		always, fixed := 0, 0
		for range draws {
			a, f := peek(r, c.n, looks, c.hold, c.p1, c.p0)
			if a {
				always++
			}
			if f {
				fixed++
			}
		}
		if share := float64(always) / draws; share < 0.95 {
			t.Errorf("%+v: the always-valid interval covers %.3f while peeking, want at least 0.95", c, share)
		}
		if share := float64(fixed) / draws; share > 0.9 {
			t.Errorf("%+v: the fixed interval covers %.3f while peeking: the test has no power", c, share)
		}
	}
}

// peek reports whether each kind of interval covers the truth at every look.
func peek(r *rand.Rand, n, looks int, hold, p1, p0 float64) (always, fixed bool) {
	var yes, of [2]int
	always, fixed = true, true
	for i := 1; i <= n; i++ {
		arm, p := 1, p1
		if r.Float64() < hold {
			arm, p = 0, p0
		}
		of[arm]++
		if r.Float64() < p {
			yes[arm]++
		}
		if i%(n/looks) != 0 || of[0] < 10 || of[1] < 10 {
			continue
		}
		e := Difference(Cautious(yes[1], of[1]), Cautious(yes[0], of[0]))
		low, high, _ := AlwaysValid(e, float64(n), Alpha)
		always = always && low <= p1-p0 && p1-p0 <= high
		low, high = e.Interval(Alpha)
		fixed = fixed && low <= p1-p0 && p1-p0 <= high
	}
	return always, fixed
}

func draw(r *rand.Rand, n int, p float64) (yes int) {
	for range n {
		if r.Float64() < p {
			yes++
		}
	}
	return yes
}

func ExampleSRM() {
	chi2, p := SRM([]int{821588, 815482}, []float64{0.5, 0.5})
	fmt.Printf("chi-square %.3f, p %.2g\n", chi2, p)
	// Output: chi-square 22.774, p 1.8e-06
}
