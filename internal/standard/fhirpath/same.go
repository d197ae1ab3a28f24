package fhirpath

import (
	"strings"

	"hale/internal/standard/decimal"
	"hale/internal/standard/fhir"
)

// equal says whether a and b are equal, and whether that is known.
//
// Spec: http://hl7.org/fhirpath/N1/#equality
func equal(a, b *Value) (same, known bool) {
	if a.kind == nodeKind && b.kind == nodeKind && a.node == b.node && a.side == b.side && a.typ == b.typ {
		return true, true
	}
	if a.kind == stringKind && b.isText() {
		return b.node.TextIs(a.text), true
	}
	if b.kind == stringKind && a.isText() {
		return a.node.TextIs(b.text), true
	}
	p, q := a.plain(), b.plain()
	if p.kind == nodeKind && q.kind == nodeKind {
		return sameTree(p.node, q.node, false), true
	}
	if p.kind == noKind || q.kind == noKind {
		return p.kind == q.kind && sameTree(a.side, b.side, false), true
	}
	return equalPlain(p, q)
}

// isText says whether v is an element whose JSON string is its value.
func (v *Value) isText() bool {
	if v.kind != nodeKind || !v.node.IsText() {
		return false
	}
	if v.typ == nil {
		return true
	}
	switch v.typ.Name {
	case "date", "dateTime", "instant", "time":
		return false
	}
	return v.typ.Family == fhir.PrimitiveType
}

func equalPlain(p, q Value) (same, known bool) {
	if x, ok := p.number(); ok {
		if y, ok := q.number(); ok {
			return x.Cmp(y) == 0, true
		}
		if q.kind == quantityKind {
			p = quantity(x, "1", ucumUnit)
		}
	} else if y, ok := q.number(); ok && p.kind == quantityKind {
		q = quantity(y, "1", ucumUnit)
	}
	switch {
	case p.dated() && q.dated():
		order, known := p.more.at.compare(q.more.at)
		return order == 0, known
	case p.kind != q.kind:
		return false, true
	case p.kind == timeKind:
		order, known := p.more.at.compare(q.more.at)
		return order == 0, known
	case p.kind == quantityKind:
		return equalQuantities(p, q)
	case p.kind == typeKind:
		return p.text == q.text && p.more.name == q.more.name, true
	}
	return p.num == q.num && p.text == q.text, true
}

// equalQuantities: different measures are unequal, a year of the calendar
// and one of UCUM neither.
func equalQuantities(p, q Value) (same, known bool) {
	order, known := compareQuantities(p, q)
	if known {
		return order == 0, true
	}
	_, fixedP := p.code()
	_, fixedQ := q.code()
	return false, fixedP == fixedQ
}

func (v *Value) dated() bool { return v.kind == dateKind || v.kind == dateTimeKind }

// equivalent says whether a and b are the same but for case, spaces, order
// and digits that not both have.
//
// Spec: http://hl7.org/fhirpath/N1/#equivalence
func equivalent(a, b *Value) bool {
	p, q := a.plain(), b.plain()
	if p.kind == nodeKind && q.kind == nodeKind {
		return sameTree(p.node, q.node, true)
	}
	if x, ok := p.number(); ok {
		y, ok := q.number()
		return ok && similar(x, y)
	}
	switch {
	case p.dated() && q.dated(), p.kind == timeKind && q.kind == timeKind:
		order, known := p.more.at.compare(q.more.at)
		return known && order == 0
	case p.kind != q.kind:
		return false
	case p.kind == stringKind:
		return loose(p.text) == loose(q.text)
	case p.kind == quantityKind:
		return similarQuantities(p, q)
	}
	same, known := equal(a, b)
	return same && known
}

// loose is a string without case and with single spaces.
func loose(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// sameTree compares JSON: members in any order, lists in theirs, or in any
// where lax. What would take too long is not the same.
func sameTree(a, b fhir.Node, lax bool) bool {
	c := comparison{lax: lax, left: 1 << 20}
	return c.same(a, b)
}

// comparison is a comparison under way: left is what it may yet look at.
type comparison struct {
	lax  bool
	left int
}

func (c *comparison) same(a, b fhir.Node) bool {
	if c.left--; c.left < 0 {
		return false
	}
	switch {
	case !a.Exists() || !b.Exists():
		return a.Exists() == b.Exists()
	case a.IsObject() && b.IsObject():
		return c.members(a, b)
	case a.IsArray() && b.IsArray():
		return c.list(a, b)
	case a.IsObject() || b.IsObject() || a.IsArray() || b.IsArray():
		return false
	case a.IsText() != b.IsText() || a.IsNumber() != b.IsNumber():
		return false
	case a.IsNumber():
		x, okX := decimal.Parse(a.Text())
		y, okY := decimal.Parse(b.Text())
		if c.lax {
			return okX && okY && similar(x, y)
		}
		return okX && okY && x.Cmp(y) == 0
	case c.lax:
		return loose(a.Text()) == loose(b.Text())
	}
	return string(a.Raw()) == string(b.Raw()) || a.Text() == b.Text()
}

func (c *comparison) members(a, b fhir.Node) bool {
	n := a.Len()
	if n != b.Len() {
		return false
	}
	for m := a.First(); m.Exists(); m = m.Next(a) {
		c.left -= n
		if other := b.Child(string(m.Key())); !other.Exists() || !c.same(m, other) {
			return false
		}
	}
	return true
}

func (c *comparison) list(a, b fhir.Node) bool {
	if a.Len() != b.Len() {
		return false
	}
	if c.lax {
		return c.set(a, b)
	}
	x, y := a.First(), b.First()
	for x.Exists() {
		if !c.same(x, y) {
			return false
		}
		x, y = x.Next(a), y.Next(b)
	}
	return true
}

// set finds for each of a its own one in b.
func (c *comparison) set(a, b fhir.Node) bool {
	taken := map[fhir.Node]bool{}
	for x := a.First(); x.Exists(); x = x.Next(a) {
		found := false
		for y := b.First(); y.Exists() && !found && c.left > 0; y = y.Next(b) {
			c.left--
			if !taken[y] && c.same(x, y) {
				taken[y], found = true, true
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// weight is what comparing v costs.
func (v *Value) weight() int {
	if v.kind != nodeKind {
		return 1
	}
	start, end := v.node.Span()
	return 1 + (end-start)/64
}

// compare returns how a stands to b, and whether that is known. It is an
// error to ask it of what has no order.
//
// Spec: http://hl7.org/fhirpath/N1/#comparison
func compare(a, b *Value) (order int, known bool, err error) {
	p, q := a.plain(), b.plain()
	if p.kind == noKind || q.kind == noKind {
		return 0, false, nil
	}
	x, okX := p.number()
	y, okY := q.number()
	switch {
	case okX && okY:
		return x.Cmp(y), true, nil
	case okX && q.kind == quantityKind:
		p = quantity(x, "1", ucumUnit)
	case okY && p.kind == quantityKind:
		q = quantity(y, "1", ucumUnit)
	}
	switch {
	case p.kind == stringKind && q.kind == stringKind:
		return strings.Compare(p.text, q.text), true, nil
	case p.dated() && q.dated(), p.kind == timeKind && q.kind == timeKind:
		order, known = p.more.at.compare(q.more.at)
		return order, known, nil
	case p.kind == quantityKind && q.kind == quantityKind:
		order, known = compareQuantities(p, q)
		return order, known, nil
	}
	return 0, false, wrong("%s and %s have no order", a.Type(), b.Type())
}
