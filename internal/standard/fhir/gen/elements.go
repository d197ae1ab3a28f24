package main

import (
	"fmt"
	"slices"
	"strings"
)

// element is one element of a type: Patient.name, Observation.value[x].
type element struct {
	types []string
	many  bool
	ref   string // another element whose children it shares
}

// elements are all elements of all types by path.
type elements map[string]element

type structure struct {
	ResourceType, Name, Kind, Derivation string
	Abstract                             bool
	Snapshot                             struct {
		Element []struct {
			Path, Max, ContentReference string
			Type                        []struct{ Code string }
		}
	}
}

func (e elements) load(file string) error {
	var b bundle[structure]
	if err := read(file, &b); err != nil {
		return err
	}
	for _, entry := range b.Entry {
		s := entry.Resource
		if s.ResourceType != "StructureDefinition" || s.Derivation == "constraint" {
			continue
		}
		if s.Kind == "resource" && !s.Abstract {
			e["resource "+s.Name] = element{}
		}
		for _, el := range s.Snapshot.Element {
			var types []string
			for _, t := range el.Type {
				types = append(types, t.Code)
			}
			e[el.Path] = element{types: types, many: el.Max == "*", ref: strings.TrimPrefix(el.ContentReference, "#")}
		}
	}
	return nil
}

// resources returns the names of the resource types, sorted.
func (e elements) resources() []string {
	var list []string
	for name := range e {
		if typ, ok := strings.CutPrefix(name, "resource "); ok {
			list = append(list, typ)
		}
	}
	slices.Sort(list)
	return list
}

// found is one way to reach a value: the keys on the way and its data type.
type found struct {
	steps []step
	data  string
}

type step struct {
	key, filterKey, filterValue string
	many                        bool
}

// String returns the step as Go.
func (s step) String() string {
	return fmt.Sprintf("{%q, %t, %q, %q}", s.key, s.many, s.filterKey, s.filterValue)
}

// short is the data type as the generated file writes it: its first letter
// small.
func (f found) short() string {
	data := strings.TrimPrefix(f.data, "http://hl7.org/fhirpath/System.")
	return strings.ToLower(data[:1]) + data[1:]
}

// walk follows path, whose parts may carry a filter, from the type or element
// at, and returns each data type that the last one may have.
func (e elements) walk(at string, path []part, steps []step) []found {
	p := path[0]
	el, ok := e[at+"."+p.name]
	choice := !ok
	if choice {
		el, ok = e[at+"."+p.name+"[x]"]
	}
	if !ok {
		return nil
	}
	var list []found
	for _, typ := range el.types {
		if p.cast != "" && !strings.EqualFold(typ, p.cast) {
			continue
		}
		key := p.name
		if choice {
			key += strings.ToUpper(typ[:1]) + typ[1:]
		}
		way := append(slices.Clone(steps), step{key, p.filterKey, p.filterValue, el.many})
		if len(path) == 1 {
			list = append(list, found{way, typ})
			continue
		}
		next := typ
		if typ == "BackboneElement" || typ == "Element" {
			next = at + "." + p.name
		}
		list = append(list, e.walk(next, path[1:], way)...)
	}
	return list
}
