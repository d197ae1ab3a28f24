// Package profile says whether a resource conforms to FHIR R4 and to the
// profiles it claims: types, cardinality, bindings, slices, fixed values and
// patterns, references, extensions and invariants.
//
// Every type and profile is compiled to a program once, when it is first
// needed. The type of a resource is always checked; a profile's program has
// only what the profile says beyond it.
//
// Spec: https://hl7.org/fhir/R4/validation.html and https://hl7.org/fhir/R4/profiling.html
package profile

// Severity says how bad an issue is.
//
// Spec: https://hl7.org/fhir/R4/valueset-issue-severity.html
type Severity string

// The severities. A resource with an Error does not conform.
const (
	Error       Severity = "error"
	Warning     Severity = "warning"
	Information Severity = "information"
)

// Issue is one thing that is wrong with a resource.
type Issue struct {
	Severity Severity
	Code     string // the kind, of FHIR's issue types: structure, required, value, invariant …
	Path     string // the place as FHIRPath writes it: Observation.code.coding[0]
	Text     string // what is wrong, and what to do; nothing of the resource's own values but codes and addresses
	Profile  string // the address of the profile that says so; empty for the type itself
	Rule     string // the key of the invariant, or the name of the kind
}
