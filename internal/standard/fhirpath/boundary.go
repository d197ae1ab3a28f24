package fhirpath

import (
	"hale/internal/standard/decimal"
)

// maxPrecision is how many digits a boundary may have behind the point.
const maxPrecision = 28

// boundary is lowBoundary and highBoundary: the least and the greatest that
// a value may be, from how precisely it was written.
//
// Spec: http://hl7.org/fhirpath/#lowboundaryprecision-integer-decimal--date--datetime--time
func boundary(high bool) call {
	return func(r *running, in Collection, args []step) (Collection, error) {
		if len(in) == 0 {
			return nil, nil
		}
		v, err := single(in)
		if err != nil {
			return nil, err
		}
		precision := int64(-1)
		if len(args) == 1 {
			n, ok, err := r.integer(args[0])
			if err != nil || ok && n < 0 {
				return nil, err
			}
			if ok {
				precision = n
			}
		}
		p := v.plain()
		switch p.kind {
		case integerKind, decimalKind, quantityKind:
			return r.edgeOfNumber(p, precision, high)
		case dateKind, dateTimeKind, timeKind:
			m, ok := p.more.at.edge(p.kind, precision, high)
			if !ok {
				return nil, nil
			}
			return r.one(Value{kind: p.kind, more: &extra{at: m}}), nil
		case noKind:
			return nil, nil
		}
		return nil, wrong("a number, date or time is needed")
	}
}

func (r *running) edgeOfNumber(v Value, precision int64, high bool) (Collection, error) {
	if precision < 0 {
		precision = 8
	}
	if precision > maxPrecision {
		return nil, nil
	}
	d, ok := v.number()
	if !ok {
		d = v.more.dec
	}
	edge := edgeOf(d, int(precision), high)
	if v.kind == quantityKind {
		return r.one(quantity(edge, v.text, v.num)), nil
	}
	return r.one(Number(edge)), nil
}

// edgeOf moves d by half of its last digit. What has no digit at all at that
// precision is 0, as the specification's examples have it.
func edgeOf(d decimal.Decimal, precision int, high bool) decimal.Decimal {
	if d.Sign() != 0 && d.Round(precision, decimal.Nearest).Sign() == 0 {
		return decimal.New(0, int32(precision))
	}
	half := decimal.New(5, int32(d.Scale())+1)
	if high {
		return d.Add(half).Round(precision, decimal.Up)
	}
	return d.Sub(half).Round(precision, decimal.Down)
}

// digitsOf are the digits that a precision is called by.
var digitsOf = map[bool]map[int64]precision{
	false: {4: toYear, 6: toMonth, 8: toDay, 10: toHour, 12: toMinute, 14: toSecond, 17: toSecond},
	true:  {2: toHour, 4: toMinute, 6: toSecond, 9: toSecond},
}

// edge returns the first or the last moment that m may mean.
func (m moment) edge(k kind, digits int64, high bool) (moment, bool) {
	if digits < 0 {
		digits = map[kind]int64{dateKind: 8, dateTimeKind: 17, timeKind: 9}[k]
	}
	prec, ok := digitsOf[k == timeKind][digits]
	if !ok || k == dateKind && prec > toDay {
		return m, false
	}
	if m.prec == toHour {
		m.prec = toMinute // FHIR has no time without minutes: 08 is 08:00
	}
	if high {
		m.sec, m.nano = m.last()
	}
	millis := digits == 17 || digits == 9
	if prec >= toHour && !m.zoned && k == dateTimeKind {
		m.zoned, m.zone = true, 14*60
		if high {
			m.zone = -12 * 60
		}
	}
	m.prec = toSecond
	m.sec = m.cut(prec)
	m.prec = prec
	m.digits = 0
	if millis {
		m.digits = 3
	} else {
		m.nano = 0
	}
	if prec < toHour {
		m.zoned, m.zone = false, 0
	}
	return m, true
}

// last is the last millisecond of the year, month, day … that m is.
func (m moment) last() (sec int64, nano int32) {
	end := m.sec
	t := m.on()
	switch m.prec {
	case toYear:
		end = civil(t.Year()+1, 1, 1)
	case toMonth:
		end = civil(t.Year(), int(t.Month())+1, 1)
	case toDay:
		end += 24 * 3600
	case toMinute:
		end += 60
	case toSecond:
		if m.digits > 0 {
			return m.sec, m.nano
		}
		end++
	}
	return end - 1, 999e6
}

// precisionOf is how many digits a value has.
func precisionOf(r *running, in Collection, _ []step) (Collection, error) {
	if len(in) == 0 {
		return nil, nil
	}
	v, err := single(in)
	if err != nil {
		return nil, err
	}
	p := v.plain()
	switch p.kind {
	case integerKind, decimalKind:
		d, _ := p.number()
		return r.one(Int(int64(d.Scale()))), nil
	case dateKind, dateTimeKind, timeKind:
		n := [...]int64{toYear: 4, toMonth: 6, toDay: 8, toHour: 10, toMinute: 12, toSecond: 14}[p.more.at.prec]
		if p.kind == timeKind {
			n -= 8
		}
		if p.more.at.digits > 0 {
			n += 3
		}
		return r.one(Int(n)), nil
	}
	return nil, nil
}
