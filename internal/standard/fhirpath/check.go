package fhirpath

import (
	"slices"

	"hale/internal/standard/fhir"
)

// Check says whether e can mean something on the type called name, before
// there is data: whether every name in it is an element of what it is asked
// of. What a function makes that is not known beforehand is let pass. Its
// error is a *SyntaxError.
//
// Spec: http://hl7.org/fhirpath/N1/#type-safety-and-strict-evaluation
func (e *Expr) Check(name string) error {
	typ := fhir.TypeOf(name)
	if typ == nil {
		return fail(0, "there is no type %s", shown(name))
	}
	tree, err := parse(e.text)
	if err != nil {
		return err
	}
	_, err = infer(tree, []*fhir.Type{typ})
	return err
}

// infer returns the types that t may come to on elements of types in; nil
// where that is not known.
func infer(t *tree, in []*fhir.Type) ([]*fhir.Type, error) {
	switch t.what {
	case nameTree:
		return inferName(t, in)
	case callTree:
		return inferCall(t, in)
	case indexTree:
		if _, err := infer(t.args[1], in); err != nil {
			return nil, err
		}
		return infer(t.args[0], in)
	case typeTree:
		left, err := infer(t.args[0], in)
		if err != nil || t.args[1].text == "is" {
			return nil, err
		}
		return narrowed(left, t.text), nil
	case operatorTree:
		left, err := infer(t.args[0], in)
		if err != nil {
			return nil, err
		}
		right, err := infer(t.args[1], in)
		if err != nil || t.text != "|" || left == nil || right == nil {
			return nil, err
		}
		return append(slices.Clone(left), right...), nil
	case signTree:
		_, err := infer(t.args[0], in)
		return nil, err
	case dollarTree:
		if t.text == "this" {
			return in, nil
		}
	}
	return nil, nil
}

// inferName looks a name up in every type that may be there.
func inferName(t *tree, in []*fhir.Type) ([]*fhir.Type, error) {
	if t.args[0] != nil {
		var err error
		if in, err = infer(t.args[0], in); err != nil {
			return nil, err
		}
	} else if typ := fhir.TypeOf(t.text); typ != nil && t.text[0] < 'a' {
		if in != nil && !slices.ContainsFunc(in, func(i *fhir.Type) bool { return i.Is(typ) || typ.Is(i) }) {
			return nil, fail(t.at, "this is no %s", t.text)
		}
		return []*fhir.Type{typ}, nil
	}
	if in == nil {
		return nil, nil
	}
	var out []*fhir.Type
	for _, i := range in {
		if i.Abstract {
			return nil, nil // any resource
		}
		f, ok := i.Field(t.text)
		if !ok {
			continue
		}
		for _, o := range f.Options {
			out = append(out, o.Type)
		}
	}
	if out == nil && !(t.text == "value" && in[0].Family == fhir.PrimitiveType) {
		return nil, fail(t.at, "%s has no element %s", in[0].Name, shown(t.text))
	}
	return out, nil
}

// keeping are functions that give back some of what they are called on.
var keeping = []string{"where", "first", "last", "tail", "skip", "take", "single", "distinct", "trace", "intersect", "exclude", "sort"}

func inferCall(t *tree, in []*fhir.Type) ([]*fhir.Type, error) {
	left := in
	if t.args[0] != nil {
		var err error
		if left, err = infer(t.args[0], in); err != nil {
			return nil, err
		}
	}
	switch t.text {
	case "is", "as", "ofType":
		if t.text == "is" {
			return nil, nil
		}
		name, err := typeArgument(t.args[1])
		return narrowed(left, name), err
	}
	scope := in
	switch t.text {
	case "where", "exists", "all", "select", "sort", "iif":
		scope = left
	case "repeat", "aggregate", "trace":
		scope = nil
	}
	var last []*fhir.Type
	for _, a := range t.args[1:] {
		var err error
		if last, err = infer(a, scope); err != nil {
			return nil, err
		}
	}
	switch {
	case slices.Contains(keeping, t.text):
		return left, nil
	case t.text == "select":
		return last, nil
	case t.text == "extension":
		return []*fhir.Type{fhir.TypeOf("Extension")}, nil
	}
	return nil, nil
}

// narrowed are the types that are left by as.
func narrowed(in []*fhir.Type, name string) []*fhir.Type {
	typ := readType(name).fhir
	if typ == nil || in == nil {
		return nil
	}
	return []*fhir.Type{typ}
}
