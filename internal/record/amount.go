package record

import (
	"math"
	"strconv"
	"sync"
	"sync/atomic"

	"hale/internal/standard/decimal"
	"hale/internal/standard/fhir"
	"hale/internal/standard/ucum"
)

// amount is what a Quantity, a Range or a number covers.
type amount struct {
	low, high float64
	system    int64
	code      string // of the unit, or its name where it has no code

	base              string // the base units of UCUM; empty if it does not know the unit
	baseLow, baseHigh float64
}

// The edges of numbers: what an open side of a Range reaches to.
const (
	least = -math.MaxFloat64
	vast  = math.MaxFloat64
)

// amountOf reads a Quantity, a Range or a number. It says no to what has no
// value.
func amountOf(n fhir.Node) (a amount, ok bool) {
	if !n.IsObject() {
		v, ok := n.Number()
		return amount{low: v, high: v}, ok
	}
	if low, high := n.Get("low"), n.Get("high"); low.Exists() || high.Exists() {
		from, ok1 := amountOf(low)
		to, ok2 := amountOf(high)
		switch {
		case !ok1 && !ok2:
			return a, false
		case !ok1:
			to.low, to.baseLow = least, least
			return to, true
		case !ok2:
			from.high, from.baseHigh = vast, vast
			return from, true
		}
		from.high, from.baseHigh = to.high, to.baseHigh
		if from.base != to.base {
			from.base, from.baseLow, from.baseHigh = "", 0, 0
		}
		return from, true
	}
	v, ok := n.Get("value").Number()
	if !ok {
		return a, false
	}
	system := n.Get("system").Text()
	a = amount{low: v, high: v, system: systemNumber(system), code: n.Get("code").Text()}
	if currency := n.Get("currency").Text(); currency != "" { // Money
		a.system, a.code = systemNumber(currencies), currency
	}
	if a.code == "" {
		a.code = cut(n.Get("unit").Text())
	}
	if system == ucum.System {
		if s, ok := scaleOf(a.code); ok {
			a.base, a.baseLow = s.base, s.of(v)
			a.baseHigh = a.baseLow
		}
	}
	a.code = cut(a.code)
	return a, true
}

// currencies is the system of Money's codes.
const currencies = "urn:iso:std:iso:4217"

// scale brings amounts of a unit to base units.
type scale struct {
	base           string
	offset, factor float64
}

// of returns v in base units, to 12 digits: two ways to the same amount may
// differ behind those.
func (s scale) of(v float64) float64 {
	if v == least || v == vast {
		return v
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(s.offset+s.factor*v, 'g', 12, 64), 64)
	if err != nil {
		return 0
	}
	return rounded
}

// scales keeps what was found out about units; they are the senders' words,
// so there is an end to them.
var (
	scales    sync.Map // code → *scale, nil if it is no unit
	manyUnits atomic.Int64
)

// mostUnits is how many different units are remembered.
const mostUnits = 4096

func scaleOf(code string) (scale, bool) {
	if known, ok := scales.Load(code); ok {
		s, _ := known.(*scale)
		if s == nil {
			return scale{}, false
		}
		return *s, true
	}
	var found *scale
	zero, base, ok := ucum.Canonical(decimal.Int(0), code)
	one, _, ok2 := ucum.Canonical(decimal.Int(1), code)
	if ok && ok2 {
		found = &scale{base, zero.Float(), one.Float() - zero.Float()}
	}
	if manyUnits.Add(1) <= mostUnits {
		scales.Store(code, found)
	}
	if found == nil {
		return scale{}, false
	}
	return *found, true
}

// addAmount adds the row of a Quantity or a number.
func (r *rows) addAmount(e fhir.Element, n fhir.Node) {
	if a, ok := amountOf(n); ok {
		r.amounts = once(r.amounts, amountRow{e.Number, a})
	}
}

// addParts adds the values of composite parameters that stand in elements of
// the resource, and which element that is.
func (r *rows) addParts(def *fhir.Definition, node fhir.Node) {
	for _, c := range def.Composites {
		for _, root := range c.Roots {
			if len(root.Steps) == 0 || !node.Get(root.Steps[0].Key).Exists() {
				continue // what stands in the resource itself has rows already
			}
			place := int32(-1)
			_ = walk(node, root.Steps, func(at fhir.Node) {
				place++
				for _, p := range root.Parts {
					from := at
					if p.Whole {
						from = node
					}
					for _, e := range p.Elements {
						_ = walk(from, e.Steps, func(n fhir.Node) { r.addPart(e, place, n) })
					}
				}
			})
		}
	}
}

// addPart adds the rows of one part of a composite.
func (r *rows) addPart(e fhir.Element, place int32, n fhir.Node) {
	if misshapen(e.Data, n) != "" {
		return
	}
	var one rows
	one.addKind(e, "", n)
	for _, t := range one.tokens {
		if t.param == e.Number {
			r.parts = once(r.parts, partRow{param: e.Number, place: place, code: t.code, amount: amount{system: t.system}})
		}
	}
	for _, a := range one.amounts {
		r.parts = once(r.parts, partRow{param: e.Number, place: place, code: a.code, amount: a.amount})
	}
	for _, f := range one.references {
		r.parts = once(r.parts, partRow{param: e.Number, place: place, typ: f.typ, id: f.id})
	}
}
