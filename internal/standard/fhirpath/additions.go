package fhirpath

import (
	"strings"

	"hale/internal/standard/fhir"
	"hale/internal/standard/ucum"
)

// fhirFunctions are those that FHIR adds, but for elementDefinition() and
// slice(), which look at a profile's own elements.
//
// Spec: https://hl7.org/fhir/R4/fhirpath.html#functions
func fhirFunctions() map[string]function {
	return map[string]function{
		"extension":       {1, 1, extension, nil},
		"hasValue":        {0, 0, hasValue, nil},
		"getValue":        {0, 0, getValue, nil},
		"resolve":         {0, 0, resolve, nil},
		"memberOf":        {1, 1, memberOf, nil},
		"conformsTo":      {1, 1, conformsTo, nil},
		"htmlChecks":      {0, 0, htmlChecks, nil},
		"checkModifiers":  {1, 32, func(_ *running, in Collection, _ []step) (Collection, error) { return in, nil }, nil},
		"lowBoundary":     {0, 1, boundary(false), nil},
		"highBoundary":    {0, 1, boundary(true), nil},
		"precision":       {0, 0, precisionOf, nil},
		"comparable":      {1, 1, comparable, nil},
		"getResourceKey":  {0, 0, resourceKey, nil},
		"getReferenceKey": {0, 1, nil, buildReferenceKey},
	}
}

func hasValue(r *running, in Collection, _ []step) (Collection, error) {
	if len(in) != 1 {
		return r.bool(false)
	}
	return r.bool(in[0].hasValue())
}

func (v *Value) hasValue() bool {
	if v.kind != nodeKind {
		return true
	}
	primitive := v.typ == nil || v.typ.Family == fhir.PrimitiveType
	return primitive && v.node.Exists() && !v.node.IsObject()
}

func getValue(r *running, in Collection, _ []step) (Collection, error) {
	if len(in) != 1 || !in[0].hasValue() {
		return nil, nil
	}
	return r.one(in[0].plain()), nil
}

// memberOf asks whether a code is in a value set; empty where the value set
// is not known.
func memberOf(r *running, in Collection, args []step) (Collection, error) {
	url, ok, err := r.text(args[0])
	if err != nil || !ok || len(in) == 0 {
		return nil, err
	}
	v, err := single(in)
	if err != nil || r.env.Terms == nil {
		return nil, err
	}
	codes := v.node.Codings()
	if text, ok := v.Text(); ok {
		codes = []fhir.Coding{{Code: text}}
	}
	member, known := r.env.Terms.MemberOf(url, codes)
	if !known {
		return nil, nil
	}
	return r.bool(member)
}

const definitionURL = "http://hl7.org/fhir/StructureDefinition/"

func conformsTo(r *running, in Collection, args []step) (Collection, error) {
	url, ok, err := r.text(args[0])
	if err != nil || !ok || len(in) == 0 {
		return nil, err
	}
	v, err := single(in)
	if err != nil {
		return nil, err
	}
	if name, base := strings.CutPrefix(url, definitionURL); base {
		if typ := fhir.TypeOf(name); typ != nil {
			return r.bool(v.typ.Is(typ))
		}
	}
	if r.env.Conforms != nil {
		if conforms, known := r.env.Conforms(v.node, url); known {
			return r.bool(conforms)
		}
	}
	return nil, wrong("there is no profile %s", shown(url))
}

func comparable(r *running, in Collection, args []step) (Collection, error) {
	other, err := r.arg(args[0])
	if err != nil || len(in) != 1 || len(other) != 1 {
		return nil, err
	}
	a, b := in[0].plain(), other[0].plain()
	if a.kind != quantityKind || b.kind != quantityKind {
		return nil, wrong("quantities are needed")
	}
	x, _ := a.code()
	y, _ := b.code()
	u, errU := ucum.Parse(x)
	w, errW := ucum.Parse(y)
	return r.bool(errU == nil && errW == nil && ucum.Comparable(u, w))
}

// resourceKey is what joins rows of one resource in tables made of resources.
//
// Spec: https://sql-on-fhir.org/ig/2.0.0, getResourceKey and getReferenceKey
func resourceKey(r *running, in Collection, _ []step) (Collection, error) {
	out := r.start()
	for _, v := range in {
		if id := v.node.Child("id").Text(); v.typ != nil && id != "" {
			out = append(out, Text(id))
		}
	}
	return r.keep(out), nil
}

func buildReferenceKey(t *tree, _ compiler) (call, []step, error) {
	want := ""
	if len(t.args) == 2 {
		var err error
		if want, err = typeArgument(t.args[1]); err != nil {
			return nil, nil, err
		}
		want = strings.TrimPrefix(want, "FHIR.")
	}
	return func(r *running, in Collection, _ []step) (Collection, error) {
		out := r.start()
		for _, v := range in {
			if typ, id := fhir.SplitReference(v.node.Child("reference").Text()); id != "" && (want == "" || want == typ) {
				out = append(out, Text(id))
			}
		}
		return r.keep(out), nil
	}, nil, nil
}
