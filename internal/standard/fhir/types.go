package fhir

import (
	"maps"
	"slices"
)

// Kind is the kind of a search parameter.
//
// Spec: https://hl7.org/fhir/R4/search.html#ptypes
type Kind uint8

// The kinds of search parameters that look at one element.
const (
	TokenKind Kind = iota + 1
	DateKind
	StringKind
	ReferenceKind
	QuantityKind
	NumberKind
	UriKind
)

// Definition says what can be searched for in one resource type.
type Definition struct {
	Elements   []Element
	Parameters []Parameter
	Composites []Composite
}

// Element is an element that search parameters look at.
type Element struct {
	Number int32 // stable for this element, different from any other's
	Kind   Kind
	Data   string // its data type, the first letter small: codeableConcept, string
	Steps  []Step
}

// Step is one key on the way to an element.
type Step struct {
	Key                    string
	Many                   bool   // the value is an array
	FilterKey, FilterValue string // only where this key has this value; [0]: only the first
}

// Parameter is a search parameter.
type Parameter struct {
	Name     string
	Kind     Kind
	Elements []int  // places in the definition's Elements
	Target   string // references to this type only; empty for any
}

// Composite is a search parameter that asks for several values of the same
// element: the code and the value of one component.
//
// Spec: https://hl7.org/fhir/R4/search.html#composite
type Composite struct {
	Name  string
	Roots []Root
}

// Root is an element whose values a Composite asks for together.
type Root struct {
	Steps []Step // none: the resource itself
	Parts []Part
}

// Part is one of the values. Its elements are alternatives, their steps
// begin at the root.
type Part struct {
	Whole    bool // the steps begin at the resource instead
	Elements []Element
}

// IsType says whether name is the name of a resource type of R4.
func IsType(name string) bool { return definitions[name] != nil }

// Define returns what can be searched for in the resource type name, nil if
// there is no such type. It must not be changed.
func Define(name string) *Definition { return definitions[name] }

// Parameter returns the search parameter called name.
func (d *Definition) Parameter(name string) (Parameter, bool) {
	for _, p := range d.Parameters {
		if p.Name == name {
			return p, true
		}
	}
	return Parameter{}, false
}

// Types returns the names of all resource types, sorted.
func Types() []string { return slices.Sorted(maps.Keys(definitions)) }

// Composite returns the composite search parameter called name.
func (d *Definition) Composite(name string) (Composite, bool) {
	for _, c := range d.Composites {
		if c.Name == name {
			return c, true
		}
	}
	return Composite{}, false
}
