package fhirpatch

import (
	"strings"

	"hale/internal/standard/fhir"
)

// value reads the value of a part for an element of type want: one value of
// any type, a resource, or parts for an element that has no type of its own.
// It returns the type that the value has.
func value(part fhir.Node, want *fhir.Type) (slot, *fhir.Type, error) {
	if !part.Exists() {
		return slot{}, nil, failed("it has no value")
	}
	s, typ := plainValue(part)
	if s != (slot{}) {
		if want != nil && want.Family == fhir.InnerType {
			return s, want, failed("its value must be given as parts")
		}
		return s, typ, nil
	}
	if want == nil || want.Family == fhir.PrimitiveType || !part.Child("part").Exists() {
		return slot{}, nil, failed("it has no value")
	}
	b := &branch{object: true}
	for p := range part.Child("part").Each() {
		if err := b.give(want, p.Child("name").Text(), p); err != nil {
			return slot{}, nil, err
		}
	}
	return slot{value: b}, want, nil
}

// plainValue reads valueX, with what stands beside it, or resource.
func plainValue(part fhir.Node) (slot, *fhir.Type) {
	parameter := fhir.TypeOf("Parameters.parameter")
	var s slot
	var typ *fhir.Type
	for key, v := range part.Fields() {
		plain := strings.TrimPrefix(key, "_")
		if plain == "resource" && v.IsObject() {
			return slot{value: copyOf(v)}, fhir.TypeOf(v.Child("resourceType").Text())
		}
		f, option, ok := parameter.Key(plain)
		if !ok || f.Name != "value" {
			continue
		}
		typ = option.Type
		if plain == key {
			s.value = copyOf(v)
		} else {
			s.side = copyOf(v)
		}
	}
	return s, typ
}

// give adds an element called name, with the value of part, to an object of
// type typ.
func (b *branch) give(typ *fhir.Type, name string, part fhir.Node) error {
	f, ok := typ.Field(name)
	if !ok {
		if by, _, isKey := typ.Key(name); isKey && by.Choice { // valueString for value
			f, ok = by, true
		}
	}
	if !ok {
		return failed("%s has no element %q", typ.Name, shown(name))
	}
	var want *fhir.Type
	if !f.Choice {
		want = f.Options[0].Type
	}
	s, is, err := value(part, want)
	if err != nil {
		return err
	}
	key, err := keyFor(f, is)
	if err != nil {
		return err
	}
	slots := b.slots(key)
	if !f.Many() && b.taken(f) {
		return failed("%s is there already", f.Name)
	}
	b.fill(key, append(slots, s), f.Many())
	return nil
}

// taken says whether any type of an element is there.
func (b *branch) taken(f *fhir.Field) bool {
	for i := range f.Options {
		if len(b.slots(f.Options[i].Key)) > 0 {
			return true
		}
	}
	return false
}

// keyFor returns the key that a value of type is has in an element.
func keyFor(f *fhir.Field, is *fhir.Type) (string, error) {
	if f.Choice {
		for _, o := range f.Options {
			if o.Type == is {
				return o.Key, nil
			}
		}
		return "", failed("%s cannot be of that type", f.Name)
	}
	o := f.Options[0]
	if is != nil && !alike(is, o.Type) {
		return "", failed("%s is no %s", f.Name, is.Name)
	}
	return o.Key, nil
}
