package fhirpath

import (
	"errors"
	"fmt"
	"strconv"

	"hale/internal/standard/decimal"
	"hale/internal/standard/fhir"
)

// compile turns a tree into steps.
func compile(t *tree) (step, error) {
	switch t.what {
	case nameTree:
		return compileName(t)
	case callTree:
		return compileCall(t)
	case indexTree:
		return compileIndex(t)
	case operatorTree:
		return compileOperator(t)
	case signTree:
		return compileSign(t)
	case typeTree:
		return compileType(t)
	case variableTree:
		return compileVariable(t)
	case dollarTree:
		return compileDollar(t)
	}
	v, err := literal(t)
	return constant(v...), err
}

// constant is a step that always comes to the same.
func constant(v ...Value) step {
	c := Collection(v)
	return func(*running, Collection) (Collection, error) { return c, nil }
}

func here(_ *running, in Collection) (Collection, error) { return in, nil }

// literal reads what an expression says itself.
func literal(t *tree) (Collection, error) {
	switch t.what {
	case emptyTree:
		return nil, nil
	case literalTree:
		return Collection{Bool(t.text == "true")}, nil
	case stringTree:
		return Collection{Text(t.text)}, nil
	case dateTree:
		v, ok := literalMoment(t.text)
		if !ok {
			return nil, fail(t.at, "@%s is no date or time", t.text)
		}
		return Collection{v}, nil
	}
	d, ok := decimal.Parse(t.text)
	if !ok {
		return nil, fail(t.at, "a number is too long")
	}
	if t.what == quantityTree {
		if t.args[0].what == nameTree {
			return Collection{quantity(d, calendar[t.args[0].text], calendarUnit)}, nil
		}
		return Collection{unitOf(d, t.args[0].text)}, nil
	}
	if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
		return Collection{Int(n)}, nil
	}
	return Collection{Number(d)}, nil
}

func literalMoment(s string) (Value, bool) {
	k := dateKind
	switch {
	case s[0] == 'T':
		k, s = timeKind, s[1:]
	case len(s) > 4 && indexByte(s, 'T') > 0:
		k = dateTimeKind
		if s[len(s)-1] == 'T' {
			s = s[:len(s)-1]
		}
	}
	m, ok := parseMoment(s, k)
	return Value{kind: k, more: &extra{at: m}}, ok
}

func indexByte(s string, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}

// compileName is a step to the elements called so. What begins a path may be
// the type of what it begins at: Patient.name.
func compileName(t *tree) (step, error) {
	name := t.text
	if t.args[0] != nil {
		left, err := compile(t.args[0])
		return func(r *running, in Collection) (Collection, error) {
			in, err := left(r, in)
			if err != nil || len(in) == 0 {
				return nil, err
			}
			return r.members(in, name)
		}, err
	}
	typ := fhir.TypeOf(name)
	if typ == nil || name[0] >= 'a' {
		return func(r *running, in Collection) (Collection, error) { return r.members(in, name) }, nil
	}
	return func(r *running, in Collection) (Collection, error) {
		if len(in) == 1 && in[0].typ.Is(typ) {
			return in, nil
		}
		out := r.start()
		for _, v := range in {
			if v.typ.Is(typ) {
				out = append(out, v)
			}
		}
		return r.keep(out), r.count(len(in))
	}, nil
}

// compileCall is a step through a function.
func compileCall(t *tree) (step, error) {
	f, ok := functions()[t.text]
	if !ok {
		return nil, fail(t.at, "there is no function %s()", shown(t.text))
	}
	given := t.args[1:]
	if len(given) < f.least || len(given) > f.most {
		return nil, fail(t.at, "%s() takes %d to %d arguments", t.text, f.least, f.most)
	}
	left := step(here)
	if t.args[0] != nil {
		var err error
		if left, err = compile(t.args[0]); err != nil {
			return nil, err
		}
	}
	do := f.do
	var args []step
	if f.build != nil {
		var err error
		if do, args, err = f.build(t, compile); err != nil {
			return nil, err
		}
	} else {
		for _, a := range given {
			s, err := compile(a)
			if err != nil {
				return nil, err
			}
			args = append(args, s)
		}
	}
	name := t.text
	return func(r *running, in Collection) (Collection, error) {
		in, err := left(r, in)
		if err != nil {
			return nil, err
		}
		if err := r.count(len(in)); err != nil {
			return nil, err
		}
		out, err := do(r, in, args)
		if err != nil {
			return nil, within(name, err)
		}
		return out, nil
	}, nil
}

// within says in which function something went wrong, once.
func within(name string, err error) error {
	var e *evalError
	if errors.As(err, &e) && e.function == "" {
		return &evalError{name, e.reason}
	}
	return err
}

// evalError is what an expression did that FHIRPath does not allow.
type evalError struct{ function, reason string }

func (e *evalError) Error() string {
	if e.function == "" {
		return "fhirpath: " + e.reason
	}
	return "fhirpath: " + e.function + "(): " + e.reason
}

func wrong(format string, args ...any) error {
	return &evalError{"", fmt.Sprintf(format, args...)}
}

// shown is a foreign word short enough for a message.
func shown(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

func compileIndex(t *tree) (step, error) {
	left, err := compile(t.args[0])
	if err != nil {
		return nil, err
	}
	index, err := compile(t.args[1])
	if err != nil {
		return nil, err
	}
	return func(r *running, in Collection) (Collection, error) {
		list, err := left(r, in)
		if err != nil {
			return nil, err
		}
		n, ok, err := r.integer(index)
		if err != nil || !ok || n < 0 || n >= int64(len(list)) {
			return nil, err
		}
		return list[n : n+1 : n+1], nil
	}, nil
}

func compileSign(t *tree) (step, error) {
	operand, err := compile(t.args[0])
	minus := t.text == "-"
	return func(r *running, in Collection) (Collection, error) {
		out, err := operand(r, in)
		if err != nil || len(out) == 0 {
			return nil, err
		}
		v, err := single(out)
		if err != nil {
			return nil, err
		}
		switch v = v.plain(); v.kind {
		case integerKind:
			if minus {
				v.num = -v.num
			}
		case decimalKind, quantityKind:
			if minus {
				v.more = &extra{dec: v.more.dec.Neg()}
			}
		default:
			return nil, wrong("%s needs a number", t.text)
		}
		return r.one(v), nil
	}, err
}

// compileVariable is a step to a variable of the environment.
//
// Spec: https://hl7.org/fhir/R4/fhirpath.html#variables
func compileVariable(t *tree) (step, error) {
	name := t.text
	fixed, known := variables[name]
	return func(r *running, _ Collection) (Collection, error) {
		switch name {
		case "context":
			return r.context, nil
		case "resource":
			return r.nodes(r.env.Resource), nil
		case "rootResource":
			return r.nodes(r.env.Root), nil
		}
		if known {
			return r.one(Text(fixed)), nil
		}
		if v, ok := r.env.Vars[name]; ok {
			return v, nil
		}
		if url := named(name); url != "" {
			return r.one(Text(url)), nil
		}
		return nil, wrong("there is no %%%s", shown(name))
	}, nil
}

var variables = map[string]string{"sct": "http://snomed.info/sct", "loinc": "http://loinc.org", "ucum": "http://unitsofmeasure.org"}

// named is the URL behind %vs-name and %ext-name.
func named(name string) string {
	switch {
	case len(name) > 3 && name[:3] == "vs-":
		return "http://hl7.org/fhir/ValueSet/" + name[3:]
	case len(name) > 4 && name[:4] == "ext-":
		return "http://hl7.org/fhir/StructureDefinition/" + name[4:]
	}
	return ""
}

func (r *running) nodes(n fhir.Node) Collection {
	if !n.Exists() {
		return nil
	}
	for i := range r.context {
		if r.context[i].node == n {
			return r.context[i : i+1 : i+1]
		}
	}
	return r.one(Of(n))
}

func compileDollar(t *tree) (step, error) {
	switch t.text {
	case "this":
		return func(r *running, _ Collection) (Collection, error) { return r.this, nil }, nil
	case "index":
		return func(r *running, _ Collection) (Collection, error) { return r.one(Int(int64(r.index))), nil }, nil
	case "total":
		return func(r *running, _ Collection) (Collection, error) { return r.total, nil }, nil
	}
	return nil, fail(t.at, "there is no $%s", shown(t.text))
}

// arg evaluates an argument, which sees what is around the function.
func (r *running) arg(s step) (Collection, error) { return s(r, r.this) }

// integer evaluates an argument that is a whole number; no for an empty one.
func (r *running) integer(s step) (n int64, ok bool, err error) {
	out, err := r.arg(s)
	if err != nil || len(out) == 0 {
		return 0, false, err
	}
	v, err := single(out)
	if err != nil {
		return 0, false, err
	}
	n, ok = v.Int()
	if !ok {
		return 0, false, wrong("a whole number is needed")
	}
	return n, true, nil
}

// text evaluates an argument that is a string; no for an empty one.
func (r *running) text(s step) (text string, ok bool, err error) {
	out, err := r.arg(s)
	if err != nil || len(out) == 0 {
		return "", false, err
	}
	v, err := single(out)
	if err != nil {
		return "", false, err
	}
	p := v.plain()
	if p.kind == noKind {
		return "", false, nil
	}
	if p.kind != stringKind {
		return "", false, wrong("a string is needed")
	}
	return p.text, true, nil
}

func single(c Collection) (Value, error) {
	if len(c) != 1 {
		return Value{}, wrong("one value is needed, there are %d", len(c))
	}
	return c[0], nil
}

// truth evaluates a collection as a boolean: one value that is no boolean
// counts as true.
//
// Spec: http://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections
func truth(c Collection) (value, known bool, err error) {
	if len(c) == 0 {
		return false, false, nil
	}
	v, err := single(c)
	if err != nil {
		return false, false, err
	}
	if p := v.plain(); p.kind == booleanKind {
		return p.num == 1, true, nil
	}
	return true, true, nil
}
