package fhir

import (
	"strings"
	"sync"
)

// Family is what a type is.
type Family uint8

// The families of types.
const (
	ResourceType  Family = iota + 1 // Patient
	ComplexType                     // HumanName
	PrimitiveType                   // dateTime
	InnerType                       // Patient.contact: an element that has elements of its own
)

// Type is what R4 says of one type. It must not be changed.
//
// Validation and FHIRPath share it: it gives each element's types, its base
// cardinality and what a reference may lead to. Rules of profiles (the
// Quantity of a Range has no comparator, say) and bindings are not in it.
//
// Spec: https://hl7.org/fhir/R4/structuredefinition.html
type Type struct {
	Name     string // Patient, HumanName, dateTime, Patient.contact
	Base     *Type  // nil for Resource and Element
	Family   Family
	Abstract bool
	Fields   []Field // those of the base first, then in the order of the definition
	keys     map[string]place
}

// Field is one element of a type.
type Field struct {
	Name    string // name; value for value[x]
	Choice  bool   // value[x]: its key in JSON ends with its type
	Min     int
	Max     int  // 0 for no upper bound
	Summary bool // part of what _summary=true shows
	Options []Option
}

// Option is one type that an element may have.
type Option struct {
	Key     string // its key in JSON: name, valueQuantity
	Type    *Type
	Targets []string // the resource types that a Reference or canonical may lead to; empty for any
}

// Many says whether the element is an array in JSON.
func (f *Field) Many() bool { return f.Max != 1 }

// place says which option of which field a key in JSON is.
type place struct{ field, option int16 }

// anyOption stands for the name of a choice, which is no key: value.
const anyOption = -1

// TypeOf returns the type called name: a resource, a data type, or the path
// of an element with elements of its own (Patient.contact); nil if R4 has
// none of that name.
func TypeOf(name string) *Type { return types()[name] }

// Elements returns the elements of the type called name, nil if there is no
// such type.
func Elements(name string) []Field {
	if t := TypeOf(name); t != nil {
		return t.Fields
	}
	return nil
}

// Field returns the element called name: the key of JSON without its type.
func (t *Type) Field(name string) (*Field, bool) {
	at, ok := t.keys[name]
	if !ok {
		return nil, false
	}
	f := &t.Fields[at.field]
	return f, f.Name == name
}

// Key returns the element and the type behind a key of JSON, valueQuantity
// or name. It says no to value alone, where value is a choice.
func (t *Type) Key(key string) (*Field, *Option, bool) {
	at, ok := t.keys[key]
	if !ok || at.option == anyOption {
		return nil, nil, false
	}
	f := &t.Fields[at.field]
	return f, &f.Options[at.option], true
}

// Is says whether t is other, or comes of it.
func (t *Type) Is(other *Type) bool {
	for ; t != nil; t = t.Base {
		if t == other {
			return true
		}
	}
	return false
}

// types reads the model once, when the first one asks: three milliseconds.
var types = sync.OnceValue(func() map[string]*Type {
	all := map[string]*Type{}
	for line := range strings.Lines(model) {
		if line[0] != ' ' {
			name, _, _ := strings.Cut(line[2:], " ")
			all[name] = &Type{Name: name}
		}
	}
	var t *Type
	for line := range strings.Lines(model) {
		words := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if line[0] != ' ' {
			t = all[words[1]]
			t.describe(words[0], all[words[2]])
			continue
		}
		t.Fields = append(t.Fields, readField(all, words[1:]))
	}
	for _, t := range all {
		t.inherit()
	}
	return all
})

func (t *Type) describe(family string, base *Type) {
	t.Base = base
	t.Abstract = family == "R" || family == "C"
	t.Family = map[string]Family{"r": ResourceType, "c": ComplexType, "p": PrimitiveType, "e": InnerType}[strings.ToLower(family)]
}

// readField reads: name, cardinality and whether it is in the summary, types.
func readField(all map[string]*Type, words []string) Field {
	name, choice := strings.CutSuffix(words[0], "[x]")
	f := Field{Name: name, Choice: choice, Min: int(words[1][0] - '0'), Summary: strings.HasSuffix(words[1], "s"), Options: make([]Option, 0, len(words)-2)}
	if words[1][1] != '*' {
		f.Max = int(words[1][1] - '0')
	}
	for _, w := range words[2:] {
		typ, targets, _ := strings.Cut(strings.TrimSuffix(w, ")"), "(")
		o := Option{Key: name, Type: all[typ]}
		if choice {
			o.Key += strings.ToUpper(typ[:1]) + typ[1:]
		}
		if targets != "" && targets != "Resource" {
			o.Targets = strings.Split(targets, "|")
		}
		f.Options = append(f.Options, o)
	}
	return f
}

// inherit puts the base's elements before t's own, and gives each key its
// place.
func (t *Type) inherit() {
	if t.keys != nil {
		return
	}
	if t.Base != nil {
		t.Base.inherit()
		t.Fields = append(t.Base.Fields[:len(t.Base.Fields):len(t.Base.Fields)], t.Fields...)
	}
	t.keys = make(map[string]place, len(t.Fields))
	for i := range t.Fields {
		f := &t.Fields[i]
		if f.Choice {
			t.keys[f.Name] = place{int16(i), anyOption}
		}
		for j := range f.Options {
			t.keys[f.Options[j].Key] = place{int16(i), int16(j)}
		}
	}
}
