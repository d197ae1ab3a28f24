package fhirpath

import (
	"hale/internal/standard/decimal"
	"hale/internal/standard/ucum"
)

// compileOperator is a step through an operator with two sides.
func compileOperator(t *tree) (step, error) {
	left, err := compile(t.args[0])
	if err != nil {
		return nil, err
	}
	right, err := compile(t.args[1])
	if err != nil {
		return nil, err
	}
	switch t.text {
	case "and", "or", "xor", "implies":
		return logic(t.text, left, right), nil
	}
	apply := operators[t.text]
	return func(r *running, in Collection) (Collection, error) {
		a, err := left(r, in)
		if err != nil {
			return nil, err
		}
		b, err := right(r, in)
		if err != nil {
			return nil, err
		}
		if err := r.count(len(a) + len(b)); err != nil {
			return nil, err
		}
		return apply(r, a, b)
	}, nil
}

type operator func(r *running, a, b Collection) (Collection, error)

// operators has what is done with both sides once they are known.
var operators = map[string]operator{
	"=":        func(r *running, a, b Collection) (Collection, error) { return equality(r, a, b, true) },
	"!=":       func(r *running, a, b Collection) (Collection, error) { return equality(r, a, b, false) },
	"~":        func(r *running, a, b Collection) (Collection, error) { return equivalence(r, a, b, true) },
	"!~":       func(r *running, a, b Collection) (Collection, error) { return equivalence(r, a, b, false) },
	"<":        func(r *running, a, b Collection) (Collection, error) { return order(r, a, b, -1, -1) },
	"<=":       func(r *running, a, b Collection) (Collection, error) { return order(r, a, b, -1, 0) },
	">":        func(r *running, a, b Collection) (Collection, error) { return order(r, a, b, 1, 1) },
	">=":       func(r *running, a, b Collection) (Collection, error) { return order(r, a, b, 1, 0) },
	"in":       membership,
	"contains": func(r *running, a, b Collection) (Collection, error) { return membership(r, b, a) },
	"|":        union,
	"&":        concatenate,
	"+":        plus,
	"-":        minus,
	"*":        times,
	"/":        over,
	"div":      whole,
	"mod":      rest,
}

// logic evaluates with three values: true, false and not known.
//
// Spec: http://hl7.org/fhirpath/N1/#boolean-logic
func logic(op string, left, right step) step {
	return func(r *running, in Collection) (Collection, error) {
		a, knownA, err := r.truth(left, in)
		if err != nil {
			return nil, err
		}
		if knownA && (op == "and" && !a || op == "implies" && !a || op == "or" && a) {
			return r.bool(op != "and")
		}
		b, knownB, err := r.truth(right, in)
		if err != nil {
			return nil, err
		}
		switch {
		case knownB && op == "and" && !b:
			return r.bool(false)
		case knownB && b && (op == "or" || op == "implies"):
			return r.bool(true)
		case !knownA || !knownB:
			return nil, nil
		case op == "xor":
			return r.bool(a != b)
		}
		return r.bool(op == "and")
	}
}

// truth evaluates a side of a logical operator, and gives back the room it
// took.
func (r *running) truth(s step, in Collection) (value, known bool, err error) {
	buf := r.buf
	out, err := s(r, in)
	if err != nil {
		return false, false, err
	}
	value, known, err = truth(out)
	r.buf = buf
	return value, known, err
}

func equality(r *running, a, b Collection, want bool) (Collection, error) {
	if len(a) == 0 || len(b) == 0 {
		return nil, nil
	}
	if len(a) != len(b) {
		return r.bool(!want)
	}
	all := true
	for i := range a {
		same, known := equal(&a[i], &b[i])
		if known && !same {
			return r.bool(!want)
		}
		all = all && known
	}
	if !all {
		return nil, nil
	}
	return r.bool(want)
}

func equivalence(r *running, a, b Collection, want bool) (Collection, error) {
	if len(a) != len(b) {
		return r.bool(!want)
	}
	if err := r.product(a, b); err != nil {
		return nil, err
	}
	taken := make([]bool, len(b))
	for i := range a {
		found := false
		for j := range b {
			if !taken[j] && equivalent(&a[i], &b[j]) {
				taken[j], found = true, true
				break
			}
		}
		if !found {
			return r.bool(!want)
		}
	}
	return r.bool(want)
}

// order says whether a stands to b as either x or y says.
func order(r *running, a, b Collection, x, y int) (Collection, error) {
	if len(a) == 0 || len(b) == 0 {
		return nil, nil
	}
	p, err := single(a)
	if err != nil {
		return nil, err
	}
	q, err := single(b)
	if err != nil {
		return nil, err
	}
	o, known, err := compare(&p, &q)
	if err != nil || !known {
		return nil, err
	}
	return r.bool(o == x || o == y)
}

func membership(r *running, a, b Collection) (Collection, error) {
	if len(a) == 0 {
		return nil, nil
	}
	v, err := single(a)
	if err != nil {
		return nil, err
	}
	return r.bool(has(b, &v))
}

// has says whether a list has v.
func has(list Collection, v *Value) bool {
	for i := range list {
		if same, known := equal(&list[i], v); same && known {
			return true
		}
	}
	return false
}

// two returns both sides of arithmetic; no where one is empty.
func two(a, b Collection) (p, q Value, ok bool, err error) {
	if len(a) == 0 || len(b) == 0 {
		return p, q, false, nil
	}
	if p, err = single(a); err != nil {
		return p, q, false, err
	}
	if q, err = single(b); err != nil {
		return p, q, false, err
	}
	p, q = p.plain(), q.plain()
	return p, q, p.kind != noKind && q.kind != noKind, nil
}

func concatenate(r *running, a, b Collection) (Collection, error) {
	var text [2]string
	for i, c := range []Collection{a, b} {
		if len(c) == 0 {
			continue
		}
		v, err := single(c)
		if err != nil {
			return nil, err
		}
		p := v.plain()
		if p.kind != stringKind && p.kind != noKind {
			return nil, wrong("& needs strings")
		}
		text[i] = p.text
	}
	return r.text2(text[0] + text[1])
}

// text2 returns a string that is not too long.
func (r *running) text2(s string) (Collection, error) {
	if len(s) > maxChars {
		return nil, ErrLimit
	}
	if err := r.count(len(s) / 16); err != nil {
		return nil, err
	}
	return r.one(Text(s)), nil
}

// number returns an Integer where whole and it fits, else a Decimal.
func (r *running) number(d decimal.Decimal, whole bool) (Collection, error) {
	if d.Size() > 4096 {
		return nil, wrong("a number is too large")
	}
	if whole {
		if n, ok := d.Int64(); ok {
			return r.one(Int(n)), nil
		}
		return nil, nil // more than an Integer holds
	}
	return r.one(Number(d)), nil
}

func plus(r *running, a, b Collection) (Collection, error) { return sum(r, a, b, false) }

func minus(r *running, a, b Collection) (Collection, error) { return sum(r, a, b, true) }

func sum(r *running, a, b Collection, less bool) (Collection, error) {
	p, q, ok, err := two(a, b)
	if err != nil || !ok {
		return nil, err
	}
	x, okX := p.number()
	y, okY := q.number()
	switch {
	case okX && okY:
		if less {
			y = y.Neg()
		}
		return r.number(x.Add(y), p.kind == integerKind && q.kind == integerKind)
	case p.kind == stringKind && q.kind == stringKind && !less:
		return r.text2(p.text + q.text)
	case p.kind == quantityKind && q.kind == quantityKind:
		return addQuantities(r, p, q, less)
	case (p.dated() || p.kind == timeKind) && q.kind == quantityKind:
		return addSpan(r, p, q, less)
	}
	if less {
		return nil, wrong("%s and %s cannot be subtracted", p.Type(), q.Type())
	}
	return nil, wrong("%s and %s cannot be added", p.Type(), q.Type())
}

func addQuantities(r *running, p, q Value, less bool) (Collection, error) {
	x, _ := p.code()
	y, _ := q.code()
	d := q.more.dec
	if x != y {
		var ok bool
		if d, ok = ucum.Convert(d, y, x); !ok {
			return nil, nil
		}
	}
	if less {
		d = d.Neg()
	}
	return r.one(quantity(p.more.dec.Add(d), p.text, p.num)), nil
}

func addSpan(r *running, p, q Value, less bool) (Collection, error) {
	n, nano, unit, ok := q.span()
	if !ok {
		return nil, wrong("%s is no time of the calendar", shown(q.text))
	}
	if less {
		n, nano = -n, -nano
	}
	m, ok := p.more.at.add(n, nano, unit, p.kind == timeKind)
	if !ok {
		return nil, nil
	}
	return r.one(Value{kind: p.kind, more: &extra{at: m}}), nil
}

func times(r *running, a, b Collection) (Collection, error) {
	p, q, ok, err := two(a, b)
	if err != nil || !ok {
		return nil, err
	}
	x, okX := p.number()
	y, okY := q.number()
	switch {
	case okX && okY:
		return r.number(x.Mul(y), p.kind == integerKind && q.kind == integerKind)
	case okX && q.kind == quantityKind:
		return r.one(quantity(x.Mul(q.more.dec), q.text, q.num)), nil
	case okY && p.kind == quantityKind:
		return r.one(quantity(p.more.dec.Mul(y), p.text, p.num)), nil
	case p.kind == quantityKind && q.kind == quantityKind:
		return product(r, p, q, false)
	}
	return nil, wrong("%s and %s cannot be multiplied", p.Type(), q.Type())
}

// product multiplies or divides quantities; what comes of it is in base
// units.
func product(r *running, p, q Value, over bool) (Collection, error) {
	x, _ := p.code()
	y, _ := q.code()
	v, unitV, okV := ucum.Canonical(p.more.dec, x)
	w, unitW, okW := ucum.Canonical(q.more.dec, y)
	if !okV || !okW || over && w.Sign() == 0 {
		return nil, nil
	}
	a, errA := ucum.Parse(unitV)
	b, errB := ucum.Parse(unitW)
	if errA != nil || errB != nil {
		return nil, nil
	}
	unit, err := ucum.Product(a, b, over)
	if err != nil {
		return nil, nil
	}
	if over {
		return r.one(Quantity(v.Quo(w, quotient), unit.Base())), nil
	}
	return r.one(Quantity(v.Mul(w), unit.Base())), nil
}

// quotient is how many digits a division has behind the point, where it does
// not end before. FHIRPath asks for eight.
const quotient = 16

func over(r *running, a, b Collection) (Collection, error) {
	p, q, ok, err := two(a, b)
	if err != nil || !ok {
		return nil, err
	}
	x, okX := p.number()
	y, okY := q.number()
	switch {
	case okX && okY && y.Sign() == 0:
		return nil, nil
	case okX && okY:
		return r.number(x.Quo(y, quotient), false)
	case okY && p.kind == quantityKind && y.Sign() == 0:
		return nil, nil
	case okY && p.kind == quantityKind:
		return r.one(quantity(p.more.dec.Quo(y, quotient), p.text, p.num)), nil
	case p.kind == quantityKind && q.kind == quantityKind:
		return product(r, p, q, true)
	}
	return nil, wrong("%s and %s cannot be divided", p.Type(), q.Type())
}

func whole(r *running, a, b Collection) (Collection, error) {
	x, y, _, ok, err := numbers(a, b, "div")
	if err != nil || !ok || y.Sign() == 0 {
		return nil, err
	}
	return r.number(cut(x, y), true)
}

func rest(r *running, a, b Collection) (Collection, error) {
	x, y, integers, ok, err := numbers(a, b, "mod")
	if err != nil || !ok || y.Sign() == 0 {
		return nil, err
	}
	return r.number(x.Sub(cut(x, y).Mul(y)), integers)
}

// cut returns the whole part of x over y.
func cut(x, y decimal.Decimal) decimal.Decimal {
	ratio := x.Rat()
	return decimal.FromRat(ratio.Quo(ratio, y.Rat()), 0, decimal.Cut)
}

func numbers(a, b Collection, op string) (x, y decimal.Decimal, integers, ok bool, err error) {
	p, q, ok, err := two(a, b)
	if err != nil || !ok {
		return x, y, false, false, err
	}
	x, okX := p.number()
	y, okY := q.number()
	if !okX || !okY {
		return x, y, false, false, wrong("%s needs numbers", op)
	}
	return x, y, p.kind == integerKind && q.kind == integerKind, true, nil
}
