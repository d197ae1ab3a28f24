package fhirpath

import (
	"strings"

	"hale/internal/standard/fhir"
)

// members returns the elements called name inside each of in.
func (r *running) members(in Collection, name string) (Collection, error) {
	if err := r.count(len(in)); err != nil {
		return nil, err
	}
	out := r.start()
	for i := range in {
		out = member(out, &in[i], name)
	}
	if err := r.count(len(out)); err != nil {
		return nil, err
	}
	return r.keep(out), nil
}

// member appends the elements called name inside v.
func member(out Collection, v *Value, name string) Collection {
	switch {
	case v.kind == typeKind:
		return typeMember(out, v, name)
	case v.kind == quantityKind && name == "value":
		return append(out, Number(v.more.dec))
	case v.kind == quantityKind && (name == "unit" || name == "code"):
		return append(out, Text(v.text))
	case v.kind != nodeKind:
		return out
	case v.typ == nil:
		value, side := v.node.Pair(name)
		return elements(out, value, side, nil)
	case v.typ.Family == fhir.PrimitiveType:
		return primitiveMember(out, v, name)
	}
	f, ok := v.typ.Field(name)
	if !ok {
		return out
	}
	if f.Choice {
		value, side, typ := v.node.Choice(v.typ, name)
		return elements(out, value, side, typ)
	}
	value, side := v.node.Pair(name)
	return elements(out, value, side, f.Options[0].Type)
}

func typeMember(out Collection, v *Value, name string) Collection {
	switch name {
	case "namespace":
		return append(out, Text(v.text))
	case "name":
		return append(out, Text(v.more.name))
	}
	return out
}

// primitiveMember looks into what stands beside a primitive.
func primitiveMember(out Collection, v *Value, name string) Collection {
	if name == "value" {
		if p := v.plain(); p.kind != noKind {
			return append(out, p)
		}
		return out
	}
	f, ok := v.typ.Field(name)
	if !ok {
		return out
	}
	return elements(out, v.side.Child(name), fhir.Node{}, f.Options[0].Type)
}

// elements appends a value, or each of a list of them.
func elements(out Collection, value, side fhir.Node, typ *fhir.Type) Collection {
	if !value.Exists() && !side.Exists() {
		return out
	}
	if !value.IsArray() && !side.IsArray() {
		return element(out, value, side, typ)
	}
	list, beside := value, side
	value, side = fhir.Node{}, fhir.Node{}
	if list.IsArray() {
		value = list.First()
	}
	if beside.IsArray() {
		side = beside.First()
	}
	for value.Exists() || side.Exists() {
		out = element(out, value, side, typ)
		if value.Exists() {
			value = value.Next(list)
		}
		if side.Exists() {
			side = side.Next(beside)
		}
	}
	return out
}

func element(out Collection, value, side fhir.Node, typ *fhir.Type) Collection {
	if value.IsNull() {
		value = fhir.Node{}
	}
	if side.IsNull() {
		side = fhir.Node{}
	}
	if !value.Exists() && !side.Exists() {
		return out
	}
	if typ != nil && typ.Abstract && typ.Family == fhir.ResourceType {
		typ = resourceType(value)
	}
	return append(out, Value{kind: nodeKind, node: value, side: side, typ: typ})
}

// children appends every element directly inside v.
func children(out Collection, v *Value) Collection {
	switch {
	case v.kind != nodeKind:
		return out
	case v.typ != nil && v.typ.Family == fhir.PrimitiveType:
		return insides(out, v.side, v.typ)
	}
	return insides(out, v.node, v.typ)
}

// insides appends the elements of an object of type typ.
func insides(out Collection, n fhir.Node, typ *fhir.Type) Collection {
	if !n.IsObject() {
		return out
	}
	for c := n.First(); c.Exists(); c = c.Next(n) {
		key := string(c.Key())
		plain, isSide := strings.CutPrefix(key, "_")
		value, side := c, fhir.Node{}
		if isSide {
			if n.Child(plain).Exists() {
				continue // comes with its primitive
			}
			value, side = side, value
		}
		if typ == nil {
			if key != "resourceType" {
				out = elements(out, value, sideOf(n, key, side), nil)
			}
			continue
		}
		_, option, ok := typ.Key(plain)
		if !ok {
			continue
		}
		if option.Type.Family == fhir.PrimitiveType {
			side = sideOf(n, plain, side)
		}
		out = elements(out, value, side, option.Type)
	}
	return out
}

func sideOf(n fhir.Node, key string, known fhir.Node) fhir.Node {
	if known.Exists() {
		return known
	}
	return n.Child("_" + key)
}

func childrenOf(r *running, in Collection, _ []step) (Collection, error) {
	out := r.start()
	for i := range in {
		out = children(out, &in[i])
	}
	return r.keep(out), r.count(len(out))
}

func descendants(r *running, in Collection, _ []step) (Collection, error) {
	var out Collection
	for i := range in {
		out = children(out, &in[i])
	}
	for i := 0; i < len(out); i++ {
		if err := r.count(1); err != nil {
			return nil, err
		}
		v := out[i]
		out = children(out, &v)
	}
	return out, r.count(len(out))
}

// extension returns the extensions of one URL.
//
// Spec: https://hl7.org/fhir/R4/fhirpath.html#functions
func extension(r *running, in Collection, args []step) (Collection, error) {
	url, ok, err := r.text(args[0])
	if err != nil || !ok {
		return nil, err
	}
	all, err := r.members(in, "extension")
	if err != nil {
		return nil, err
	}
	out := r.start()
	for _, e := range all {
		if e.node.Child("url").TextIs(url) {
			out = append(out, e)
		}
	}
	return r.keep(out), nil
}

// resolve returns the resources that references name.
func resolve(r *running, in Collection, _ []step) (Collection, error) {
	out := make(Collection, 0, len(in))
	for _, v := range in {
		ref := v.node
		if ref.IsObject() {
			ref = ref.Child("reference")
		}
		if found, ok := r.resolve(ref.Text(), v.node); ok {
			out = append(out, found)
		}
	}
	return out, nil
}

func (r *running) resolve(ref string, around fhir.Node) (Value, bool) {
	if id, ok := strings.CutPrefix(ref, "#"); ok {
		return r.contained(id)
	}
	if r.env.Resolve != nil {
		if ref == "" {
			return Value{}, false
		}
		n, ok := r.env.Resolve(ref)
		return Of(n), ok
	}
	typ := fhir.TypeOf(referenceType(ref))
	if typ == nil && around.IsObject() {
		typ = fhir.TypeOf(around.Child("type").Text())
	}
	if typ == nil || typ.Family != fhir.ResourceType {
		return Value{}, false
	}
	return Value{kind: nodeKind, typ: typ}, true
}

// contained finds a resource inside the one that is looked at.
func (r *running) contained(id string) (Value, bool) {
	for _, whole := range []fhir.Node{r.env.Root, r.env.Resource} {
		if id == "" && whole.Exists() {
			return Of(whole), true
		}
		for c := range whole.Child("contained").Each() {
			if c.Child("id").TextIs(id) {
				return Of(c), true
			}
		}
	}
	return Value{}, false
}

// referenceType is the type that a relative or absolute reference names.
func referenceType(ref string) string {
	ref, _, _ = strings.Cut(ref, "/_history/")
	at := strings.LastIndexByte(ref, '/')
	if at < 0 {
		return ""
	}
	ref = ref[:at]
	return ref[strings.LastIndexByte(ref, '/')+1:]
}
