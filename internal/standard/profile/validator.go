package profile

import (
	"sync"

	"hale/internal/standard/facts"
	"hale/internal/standard/fhir"
	"hale/internal/standard/terms"
)

// Validator checks resources. It may be used by many at once.
type Validator struct {
	library  *facts.Library
	terms    *terms.Terms
	shapes   sync.Map // type → *shape
	profiles sync.Map // canonical address → *program
	compiled sync.Map // FHIRPath → *fhirpath.Expr

	mu     sync.Mutex
	making map[string]*shape // those being compiled
}

// New returns a validator by the library's definitions.
func New(library *facts.Library, t *terms.Terms) *Validator {
	return &Validator{library: library, terms: t, making: map[string]*shape{}}
}

// mostIssues is how many issues are told of one resource: who sends more has
// sent something else.
const mostIssues = 200

// Validate returns what is wrong with a resource by its type, by the
// profiles that it claims in meta.profile as far as they are known, and by
// profiles. It reads no more than the node.
func (v *Validator) Validate(node fhir.Node, profiles ...string) []Issue {
	c := check{v: v, root: node, around: node}
	c.resource(node, profiles)
	return c.issues
}

// Knows says whether a profile is known by its canonical address.
func (v *Validator) Knows(canonical string) bool {
	_, ok := v.library.Find(facts.StructureKind, canonical)
	return ok
}
