package result

import (
	"context"
	"math"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
)

// Units are in which amounts of the body are said: weight, height, lengths
// and temperature. What is kept stays in the unit that it came in.
type Units int

// The units.
const (
	AsKept    Units = iota // as they stand in the record
	Metric                 // kg, cm, °C
	Customary              // lb, ft and in, °F
)

// turn is how one unit becomes another: times, then plus.
type turn struct {
	to          string
	times, plus float64
}

// turns are how units of amounts of the body become those of the other
// system, by their simple spelling. Read only.
var turns = map[Units]map[string]turn{
	Customary: {"kg": {"[lb_av]", 1 / 0.45359237, 0}, "g": {"[lb_av]", 1 / 453.59237, 0}, "cm": {"[in_i]", 1 / 2.54, 0}, "m": {"[in_i]", 100 / 2.54, 0}, "cel": {"[degF]", 1.8, 32}},
	Metric: {"[lb_av]": {"kg", 0.45359237, 0}, "lb": {"kg", 0.45359237, 0}, "lbs": {"kg", 0.45359237, 0}, "[oz_av]": {"kg", 0.45359237 / 16, 0},
		"[in_i]": {"cm", 2.54, 0}, "in": {"cm", 2.54, 0}, "[ft_i]": {"cm", 30.48, 0}, "[degf]": {"Cel", 1 / 1.8, -32 / 1.8}},
}

// bodily are codes of amounts of the body that may come without a category.
// Read only.
var bodily = map[string]bool{weightCode: true, heightCode: true, "8306-3": true, "8310-5": true, "8331-1": true, "9843-4": true, "8280-0": true}

// tall are the codes of how tall somebody is, said in feet and inches.
// Read only.
var tall = map[string]bool{heightCode: true, "8306-3": true, "8308-9": true, "3137-7": true}

func (r Result) bodily() bool { return r.Category == Vital || bodily[r.Code] }

// Of returns r as it is said in u.
func (u Units) Of(r Result) Result {
	if !r.bodily() {
		return r
	}
	if t, ok := turns[u][simple(r.Unit)]; ok {
		r.kept, r.was, r.Unit = r.Unit, r.Value, t.to
		r.Value, r.Range = t.of(r.Value), r.Range.turned(t)
	}
	for i, p := range r.Parts {
		if t, ok := turns[u][simple(p.Unit)]; ok {
			if i == 0 {
				r.Parts = append([]Part(nil), r.Parts...)
			}
			r.Parts[i].Value, r.Parts[i].Unit = t.of(p.Value), t.to
		}
	}
	return r
}

func (t turn) of(v float64) float64 { return v*t.times + t.plus }

func (b Band) turned(t turn) Band {
	if b.HasLow {
		b.Low = t.of(b.Low)
	}
	if b.HasHigh {
		b.High = t.of(b.High)
	}
	return b
}

// in returns a band in another unit; false where nobody knows how.
func (b Band) in(from, to string) (Band, bool) {
	if sameUnit(from, to) {
		return b, true
	}
	for _, u := range [...]Units{Customary, Metric} {
		if t, ok := turns[u][simple(from)]; ok && sameUnit(t.to, to) {
			return b.turned(t), true
		}
	}
	return Band{}, false
}

// Kept returns the value in the unit that stands in the record.
func (r Result) Kept() float64 {
	if r.kept == "" {
		return r.Value
	}
	return r.was
}

// other returns the value in the unit of the other system, with few enough
// digits; empty where there is none.
func other(l lang.Lang, r Result) string {
	if !r.HasValue || !r.bodily() {
		return ""
	}
	for _, u := range [...]Units{Customary, Metric} {
		if t, ok := turns[u][simple(r.Unit)]; ok {
			v := t.of(r.Value)
			if t.to == "[lb_av]" && v >= 10 || t.to == "cm" && v >= 10 {
				v = math.Round(v)
			}
			return amount(l, r.Code, v, t.to)
		}
	}
	return ""
}

// Say returns the value of r in u, as it is read; ok is false where u says it
// as it stands in the record.
func (u Units) Say(l lang.Lang, r Result) (said string, ok bool) {
	r = u.Of(r)
	return amount(l, r.Code, r.Value, r.Unit), r.kept != ""
}

// amount returns a value with its unit; how tall somebody is in feet and
// inches, and a fever with the digit that makes it one.
func amount(l lang.Lang, code string, v float64, unit string) string {
	if tall[code] && simple(unit) == "[in_i]" {
		inches := int(math.Round(v))
		return l.T("%d ft %d in", inches/12, inches%12)
	}
	return strings.TrimSpace(l.Number(v, DigitsIn(v, unit)) + " " + Unit(l, unit))
}

// DigitsIn is Digits for a value of a unit: a temperature keeps its first.
func DigitsIn(v float64, unit string) int {
	if u := simple(unit); u == "cel" || u == "[degf]" {
		return 1
	}
	return Digits(v)
}

// Shown reads results from a store and says amounts of the body in the units
// that hold at that moment.
type Shown struct {
	*Store
	units func() Units
}

// In returns s as it is shown in units.
func (s *Store) In(units func() Units) Shown { return Shown{s, units} }

func (s Shown) all(list []Result, err error) ([]Result, error) {
	u := s.units()
	for i, r := range list {
		list[i] = u.Of(r)
	}
	return list, err
}

// Recent is Store.Recent, in the units.
func (s Shown) Recent(ctx context.Context, pass access.Pass, category Category, n int) ([]Result, error) {
	return s.all(s.Store.Recent(ctx, pass, category, n))
}

// Since is Store.Since, in the units.
func (s Shown) Since(ctx context.Context, pass access.Pass, t time.Time, n int) ([]Result, error) {
	return s.all(s.Store.Since(ctx, pass, t, n))
}

// Trend is Store.Trend, in the units.
func (s Shown) Trend(ctx context.Context, pass access.Pass, code string, n int) ([]Result, error) {
	return s.all(s.Store.Trend(ctx, pass, code, n))
}

// Get is Store.Get, in the units.
func (s Shown) Get(ctx context.Context, pass access.Pass, id string) (Result, error) {
	r, err := s.Store.Get(ctx, pass, id)
	return s.units().Of(r), err
}
