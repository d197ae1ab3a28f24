package fhirpath

import (
	"strings"

	"hale/internal/standard/decimal"
	"hale/internal/standard/ucum"
)

// conversions are toX() and convertsToX().
//
// Spec: http://hl7.org/fhirpath/N1/#conversion
func conversions() map[string]function {
	all := map[string]function{}
	for name, to := range map[string]func(Value) (Value, bool){
		"Boolean": toBoolean, "Integer": toInteger, "Decimal": toDecimal, "String": toText, "Long": toInteger,
		"Date": toMoment(dateKind), "DateTime": toMoment(dateTimeKind), "Time": toMoment(timeKind),
	} {
		all["to"+name] = function{0, 0, converted(to, false), nil}
		all["convertsTo"+name] = function{0, 0, converted(to, true), nil}
	}
	all["toQuantity"] = function{0, 1, asQuantity(false), nil}
	all["convertsToQuantity"] = function{0, 1, asQuantity(true), nil}
	return all
}

func converted(to func(Value) (Value, bool), ask bool) call {
	return func(r *running, in Collection, _ []step) (Collection, error) {
		if len(in) == 0 {
			return nil, nil
		}
		v, err := single(in)
		if err != nil {
			return nil, err
		}
		p := v.plain()
		if p.kind == noKind {
			return nil, nil
		}
		out, ok := to(p)
		switch {
		case ask:
			return r.bool(ok)
		case !ok:
			return nil, nil
		}
		return r.one(out), nil
	}
}

func toBoolean(v Value) (Value, bool) {
	switch v.kind {
	case booleanKind:
		return v, true
	case integerKind, decimalKind:
		d, _ := v.number()
		n, ok := d.Int64()
		return Bool(n == 1), ok && (n == 0 || n == 1)
	case stringKind:
		switch strings.ToLower(v.text) {
		case "true", "t", "yes", "y", "1", "1.0":
			return Bool(true), true
		case "false", "f", "no", "n", "0", "0.0":
			return Bool(false), true
		}
	}
	return v, false
}

func toInteger(v Value) (Value, bool) {
	switch v.kind {
	case integerKind:
		return v, true
	case booleanKind:
		return Int(v.num), true
	case stringKind:
		if strings.ContainsAny(v.text, ".eE") {
			return v, false
		}
		d, ok := decimal.Parse(v.text)
		n, fits := d.Int64()
		return Int(n), ok && fits
	}
	return v, false
}

func toDecimal(v Value) (Value, bool) {
	switch v.kind {
	case integerKind, booleanKind:
		return Number(decimal.Int(v.num)), true
	case decimalKind:
		return v, true
	case stringKind:
		if strings.ContainsAny(v.text, "eE") {
			return v, false
		}
		d, ok := decimal.Parse(v.text)
		return Number(d), ok
	}
	return v, false
}

func toText(v Value) (Value, bool) {
	s, ok := v.written()
	return Text(s), ok
}

func toMoment(k kind) func(Value) (Value, bool) {
	return func(v Value) (Value, bool) {
		switch {
		case v.kind == k:
			return v, true
		case v.kind == stringKind:
			s := v.text
			if k == dateKind {
				s, _, _ = strings.Cut(s, "T")
			}
			m, ok := parseMoment(s, k)
			return Value{kind: k, more: &extra{at: m}}, ok
		case v.kind == dateKind && k == dateTimeKind:
			return Value{kind: k, more: v.more}, true
		case v.kind == dateTimeKind && k == dateKind:
			m := v.more.at
			if m.prec > toDay {
				m = moment{sec: m.cut(toDay), prec: toDay}
			}
			return Value{kind: k, more: &extra{at: m}}, true
		}
		return v, false
	}
}

func toQuantity(v Value) (Value, bool) {
	switch v.kind {
	case quantityKind:
		return v, true
	case integerKind, booleanKind:
		return quantity(decimal.Int(v.num), "1", ucumUnit), true
	case decimalKind:
		return quantity(v.more.dec, "1", ucumUnit), true
	case stringKind:
		return parseQuantity(v.text)
	}
	return v, false
}

// asQuantity is toQuantity, with the unit that it is asked for in.
func asQuantity(ask bool) call {
	return func(r *running, in Collection, args []step) (Collection, error) {
		unit := ""
		if len(args) == 1 {
			var err error
			if unit, _, err = r.text(args[0]); err != nil {
				return nil, err
			}
		}
		return converted(func(v Value) (Value, bool) {
			q, ok := toQuantity(v)
			if !ok || unit == "" {
				return q, ok
			}
			code, _ := q.code()
			d, ok := ucum.Convert(q.more.dec, code, unit)
			return quantity(d, unit, ucumUnit), ok
		}, ask)(r, in, nil)
	}
}
