package fhirpath

import (
	"hale/internal/standard/decimal"
	"hale/internal/standard/fhir"
)

// kind is what a value is.
type kind uint8

const (
	noKind kind = iota
	nodeKind
	booleanKind
	integerKind
	decimalKind
	stringKind
	dateKind
	dateTimeKind
	timeKind
	quantityKind
	typeKind // what type() returns
)

var kindNames = [...]string{booleanKind: "Boolean", integerKind: "Integer", decimalKind: "Decimal", stringKind: "String", dateKind: "Date", dateTimeKind: "DateTime", timeKind: "Time", quantityKind: "Quantity", typeKind: "SimpleTypeInfo"}

// Collection is an ordered list of values.
type Collection []Value

// Value is an element of a resource, or a value that an expression made.
type Value struct {
	kind       kind
	typ        *fhir.Type // of an element; nil where it is not known
	node, side fhir.Node  // an element, and its _name
	text       string     // String; the unit of a Quantity; a type's namespace
	num        int64      // Boolean (0, 1), Integer; for a Quantity, whose unit it is
	more       *extra
}

// extra is what only some values have.
type extra struct {
	dec  decimal.Decimal // Decimal, Quantity
	at   moment          // Date, DateTime, Time
	name string          // a type's name
}

// Of returns a node as a value: a resource with its type, anything else
// without one.
func Of(n fhir.Node) Value {
	v := Value{kind: nodeKind, node: n}
	if n.IsObject() {
		v.typ = resourceType(n)
	}
	return v
}

func resourceType(n fhir.Node) *fhir.Type {
	name := n.Child("resourceType")
	if !name.IsText() {
		return nil
	}
	t := fhir.TypeOf(name.Text())
	if t != nil && t.Family != fhir.ResourceType {
		return nil
	}
	return t
}

// Element returns an element as a value of type typ. side is what stands
// under _name beside a primitive.
func Element(n, side fhir.Node, typ *fhir.Type) Value {
	return Value{kind: nodeKind, node: n, side: side, typ: typ}
}

// Bool returns a Boolean.
func Bool(b bool) Value {
	v := Value{kind: booleanKind}
	if b {
		v.num = 1
	}
	return v
}

// Int returns an Integer.
func Int(n int64) Value { return Value{kind: integerKind, num: n} }

// Text returns a String.
func Text(s string) Value { return Value{kind: stringKind, text: s} }

// Number returns a Decimal.
func Number(d decimal.Decimal) Value { return Value{kind: decimalKind, more: &extra{dec: d}} }

func quantity(d decimal.Decimal, unit string, whose int64) Value {
	return Value{kind: quantityKind, text: unit, num: whose, more: &extra{dec: d}}
}

// Quantity returns a Quantity with a unit of UCUM.
func Quantity(d decimal.Decimal, unit string) Value { return quantity(d, unit, ucumUnit) }

// Node returns where an element lies; absent for a value that an expression
// made, and for a primitive that has only extensions.
func (v Value) Node() fhir.Node { return v.node }

// Side returns what stands under _name beside a primitive.
func (v Value) Side() fhir.Node { return v.side }

// FHIR returns the type of an element, nil where it is not known.
func (v Value) FHIR() *fhir.Type { return v.typ }

// Type names the type: HumanName, code, System.Boolean.
func (v Value) Type() string {
	if v.kind != nodeKind {
		return "System." + kindNames[v.kind]
	}
	if v.typ != nil {
		return v.typ.Name
	}
	return ""
}

// Bool returns the value of a boolean.
func (v Value) Bool() (value, ok bool) {
	p := v.plain()
	return p.num == 1, p.kind == booleanKind
}

// Int returns the value of an integer.
func (v Value) Int() (int64, bool) {
	p := v.plain()
	return p.num, p.kind == integerKind
}

// Text returns the value of a string, code, uri and their like.
func (v Value) Text() (string, bool) {
	p := v.plain()
	return p.text, p.kind == stringKind
}

// Decimal returns the value of a decimal or integer.
func (v Value) Decimal() (decimal.Decimal, bool) { return v.plain().number() }

// Quantity returns a quantity and its unit.
func (v Value) Quantity() (decimal.Decimal, string, bool) {
	p := v.plain()
	if p.kind != quantityKind {
		return decimal.Decimal{}, "", false
	}
	return p.more.dec, p.text, true
}

// String writes a primitive or a value that an expression made, and nothing
// for anything else.
func (v Value) String() string {
	s, _ := v.plain().written()
	return s
}

// number is the value of what counts: Integer or Decimal.
func (v Value) number() (decimal.Decimal, bool) {
	switch v.kind {
	case integerKind:
		return decimal.Int(v.num), true
	case decimalKind:
		return v.more.dec, true
	}
	return decimal.Decimal{}, false
}

// written is what toString makes of a value.
func (v Value) written() (string, bool) {
	switch v.kind {
	case booleanKind:
		if v.num == 1 {
			return "true", true
		}
		return "false", true
	case integerKind:
		return decimal.Int(v.num).String(), true
	case decimalKind:
		return v.more.dec.String(), true
	case stringKind:
		return v.text, true
	case dateKind, dateTimeKind, timeKind:
		return v.more.at.write(v.kind), true
	case quantityKind:
		return writeQuantity(v), true
	}
	return "", false
}

// plain returns an element that is a primitive, or a quantity, as the value
// of FHIRPath's own types that it has; anything else as it is, with nodeKind
// for a resource or data type and noKind for a primitive without a value.
func (v Value) plain() Value {
	if v.kind != nodeKind {
		return v
	}
	switch {
	case v.typ == nil:
		return untyped(v)
	case v.typ.Family == fhir.PrimitiveType:
		return primitive(v)
	case v.typ.Name == "Quantity" || v.typ.Base != nil && v.typ.Base.Name == "Quantity":
		return fromQuantity(v)
	}
	return v
}

// untyped takes an element's kind from the JSON.
func untyped(v Value) Value {
	switch n := v.node; {
	case n.IsText():
		return Text(n.Text())
	case n.IsNumber():
		return readNumber(n.Text())
	case n.IsLiteral("true"), n.IsLiteral("false"):
		return Bool(n.Bool())
	}
	return v
}

func readNumber(s string) Value {
	d, ok := decimal.Parse(s)
	if !ok {
		return Value{}
	}
	if n, whole := d.Int64(); whole && d.Scale() == 0 {
		return Int(n)
	}
	return Number(d)
}

// primitive reads an element by its type. One that its type does not allow
// is a string, so that an expression may still look at it.
func primitive(v Value) Value {
	n := v.node
	if !n.Exists() || n.IsNull() || n.IsObject() || n.IsArray() {
		return Value{}
	}
	switch v.typ.Name {
	case "boolean":
		if !n.IsText() && !n.IsNumber() {
			return Bool(n.Bool())
		}
	case "integer", "positiveInt", "unsignedInt":
		if n.IsNumber() {
			return readNumber(n.Text())
		}
	case "decimal":
		if d, ok := decimal.Parse(n.Text()); ok && n.IsNumber() {
			return Number(d)
		}
	case "date", "dateTime", "instant", "time":
		return readMoment(n.Text(), v.typ.Name)
	}
	return Text(n.Text())
}

// readMoment reads a date or time of FHIR.
func readMoment(s, typ string) Value {
	k := dateTimeKind
	switch typ {
	case "date":
		k = dateKind
	case "time":
		k = timeKind
	}
	m, ok := parseMoment(s, k)
	if !ok {
		return Text(s)
	}
	return Value{kind: k, more: &extra{at: m}}
}
