// Package facts holds what validation and terminology need of the published
// definitions of FHIR R4 and US Core: structures, code systems and value sets,
// without their narrative, in one compressed file that is read piece by piece.
//
// The library opens in a moment and decodes a definition only when it is
// asked for; what is decoded is not kept here.
//
// Spec: https://hl7.org/fhir/R4/structuredefinition.html, codesystem.html and
// valueset.html; https://hl7.org/fhir/us/core/
package facts

import "encoding/json"

//go:generate sh gen/generate.sh

// Entry says which definition there is.
type Entry struct {
	Kind    Kind   `json:"k"`
	URL     string `json:"u"`           // its canonical address
	Version string `json:"v,omitempty"` // as its publisher numbers it
	Name    string `json:"n,omitempty"`
	Title   string `json:"t,omitempty"`
	Of      string `json:"o,omitempty"` // a structure: the type it describes
	Profile bool   `json:"p,omitempty"` // a structure: it constrains a type
	Piece   string `json:"f"`           // where its facts lie
}

// Kind is the resource type of a definition.
type Kind string

// The kinds of definitions.
const (
	StructureKind  Kind = "StructureDefinition"
	CodeSystemKind Kind = "CodeSystem"
	ValueSetKind   Kind = "ValueSet"
)

// Structure is what a StructureDefinition says. One that defines a type has
// all its elements; one that constrains a type has only those about which it
// says more than the type itself.
type Structure struct {
	Kind     string    `json:"k,omitempty"` // resource, complex-type, primitive-type
	Type     string    `json:"y,omitempty"`
	Base     string    `json:"b,omitempty"` // the address of what it is built on
	Abstract bool      `json:"a,omitempty"`
	Profile  bool      `json:"p,omitempty"`
	Elements []Element `json:"e,omitempty"`
}

// Element is one element of a structure.
type Element struct {
	ID       string          `json:"i"`           // without the type: component:systolic.code; empty is the root
	Min      int             `json:"m,omitempty"` // -1 in a profile: as in the type
	Max      string          `json:"x,omitempty"` // a number or *; empty in a profile: as in the type
	Array    bool            `json:"l,omitempty"` // JSON writes it as a list
	Types    []Type          `json:"t,omitempty"`
	Same     string          `json:"r,omitempty"` // the id of the element whose children it shares
	Fixed    json.RawMessage `json:"f,omitempty"`
	Pattern  json.RawMessage `json:"q,omitempty"`
	Least    json.RawMessage `json:"mn,omitempty"` // minValue
	Most     json.RawMessage `json:"mx,omitempty"` // maxValue
	Length   int             `json:"ml,omitempty"` // maxLength
	Strength string          `json:"bs,omitempty"`
	ValueSet string          `json:"bv,omitempty"`
	Rules    []Rule          `json:"c,omitempty"`
	Slicing  *Slicing        `json:"s,omitempty"`
	Modifier bool            `json:"o,omitempty"`
}

// Type is a data type that an element may have.
type Type struct {
	Code     string   `json:"c"`
	Profiles []string `json:"p,omitempty"`
	Targets  []string `json:"t,omitempty"` // profiles of what a reference leads to
}

// Rule is an invariant.
type Rule struct {
	Key     string `json:"k"`
	Warning bool   `json:"w,omitempty"`
	Human   string `json:"h,omitempty"`
	Text    string `json:"x"` // FHIRPath
}

// Slicing says how the repetitions of an element are told apart.
type Slicing struct {
	By      []Discriminator `json:"d,omitempty"`
	Rules   string          `json:"r,omitempty"` // open, closed, openAtEnd
	Ordered bool            `json:"o,omitempty"`
}

// Discriminator is one way by which slices are told apart.
type Discriminator struct {
	Kind string `json:"t"` // value, pattern, exists, type, profile
	Path string `json:"p"`
}

// CodeSystem is what a CodeSystem says.
type CodeSystem struct {
	Content  string    `json:"c,omitempty"` // complete, fragment, example, not-present, supplement
	Folds    bool      `json:"f,omitempty"` // upper and lower case are the same
	Concepts []Concept `json:"e,omitempty"`
}

// Concept is a code and what it is called.
type Concept struct {
	Code     string    `json:"c"`
	Display  string    `json:"d,omitempty"`
	Below    []Concept `json:"e,omitempty"`
	Also     []string  `json:"a,omitempty"` // codes that are below it, too
	Abstract bool      `json:"x,omitempty"` // a heading that nobody may use as a code
	Inactive bool      `json:"i,omitempty"`
}

// ValueSet is what a ValueSet says.
type ValueSet struct {
	Include []Part `json:"i,omitempty"`
	Exclude []Part `json:"x,omitempty"`
}

// Part is a part of a value set: codes of one system, or other value sets, or
// what is in all of them.
type Part struct {
	System  string    `json:"s,omitempty"`
	Codes   []Concept `json:"c,omitempty"`
	Filters []Filter  `json:"f,omitempty"`
	Sets    []string  `json:"v,omitempty"`
}

// Filter takes codes by a property.
type Filter struct {
	Property string `json:"p"`
	Op       string `json:"o"`
	Value    string `json:"v"`
}
