package fhirpath

import (
	"strings"

	"hale/internal/standard/fhir"
)

// typeName is a type as an expression names it: one of FHIR's, one of
// FHIRPath's, both (Quantity) or neither.
type typeName struct {
	fhir   *fhir.Type
	system kind
}

func readType(name string) typeName {
	space, rest, qualified := strings.Cut(name, ".")
	if !qualified {
		return typeName{fhir.TypeOf(name), systemKind(name)}
	}
	switch space {
	case "FHIR":
		return typeName{fhir: fhir.TypeOf(rest)}
	case "System":
		return typeName{system: systemKind(rest)}
	}
	return typeName{fhir: fhir.TypeOf(name)}
}

func systemKind(name string) kind {
	for k, n := range kindNames {
		if n == name && n != "" && kind(k) != typeKind {
			return kind(k)
		}
	}
	return noKind
}

func (t typeName) known() bool { return t.fhir != nil || t.system != noKind }

// is says whether v is of type t or of one that comes of it.
func (t typeName) is(v *Value) bool {
	if v.kind == nodeKind {
		return t.fhir != nil && v.typ.Is(t.fhir)
	}
	return v.kind == t.system && v.kind != noKind
}

// takes says whether as() and ofType() let v through: a code is a string,
// but not taken as one.
func (t typeName) takes(v *Value) bool {
	if v.kind == nodeKind && t.fhir != nil && t.fhir.Family == fhir.PrimitiveType {
		return v.typ == t.fhir
	}
	return t.is(v)
}

// typeArgument reads the name of a type given as an argument.
func typeArgument(t *tree) (string, error) {
	switch {
	case t.what == nameTree && t.args[0] == nil:
		return t.text, nil
	case t.what == nameTree:
		left, err := typeArgument(t.args[0])
		return left + "." + t.text, err
	case t.what == stringTree: // R4's own definitions write it so in places
		return t.text, nil
	}
	return "", fail(t.at, "the name of a type is needed")
}

// compileType is a step through is or as.
func compileType(t *tree) (step, error) {
	left, err := compile(t.args[0])
	if err != nil {
		return nil, err
	}
	typ := readType(t.text)
	if t.args[1].text == "is" {
		return func(r *running, in Collection) (Collection, error) {
			in, err := left(r, in)
			if err != nil {
				return nil, err
			}
			return isType(r, in, typ)
		}, nil
	}
	if !typ.known() {
		return nil, fail(t.at, "there is no type %s", shown(t.text))
	}
	return func(r *running, in Collection) (Collection, error) {
		in, err := left(r, in)
		if err != nil {
			return nil, err
		}
		return ofType(r, in, typ)
	}, nil
}

func isType(r *running, in Collection, t typeName) (Collection, error) {
	if len(in) == 0 {
		return nil, nil
	}
	v, err := single(in)
	if err != nil {
		return nil, err
	}
	return r.bool(t.is(&v))
}

// ofType takes the values of a type. as() is the same here: R4's own
// definitions use it on lists.
func ofType(r *running, in Collection, t typeName) (Collection, error) {
	if len(in) == 1 {
		if t.takes(&in[0]) {
			return in, nil
		}
		return nil, nil
	}
	out := r.start()
	for i := range in {
		if t.takes(&in[i]) {
			out = append(out, in[i])
		}
	}
	return r.keep(out), r.count(len(in))
}

// buildType makes is(), as() and ofType().
func buildType(t *tree, _ compiler) (call, []step, error) {
	name, err := typeArgument(t.args[1])
	if err != nil {
		return nil, nil, err
	}
	typ := readType(name)
	if t.text == "is" {
		return func(r *running, in Collection, _ []step) (Collection, error) { return isType(r, in, typ) }, nil, nil
	}
	if !typ.known() {
		return nil, nil, fail(t.at, "there is no type %s", shown(name))
	}
	return func(r *running, in Collection, _ []step) (Collection, error) { return ofType(r, in, typ) }, nil, nil
}

// typeOf is type(): namespace and name.
func typeOf(r *running, in Collection, _ []step) (Collection, error) {
	out := r.start()
	for _, v := range in {
		info := Value{kind: typeKind, text: "System", more: &extra{name: kindNames[v.kind]}}
		if v.kind == nodeKind {
			info.text, info.more.name = "FHIR", v.Type()
		}
		out = append(out, info)
	}
	return r.keep(out), nil
}
