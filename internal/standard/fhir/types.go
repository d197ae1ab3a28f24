package fhir

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
	FilterKey, FilterValue string // only where this key has this value
}

// Parameter is a search parameter.
type Parameter struct {
	Name     string
	Kind     Kind
	Elements []int  // places in the definition's Elements
	Target   string // references to this type only; empty for any
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
