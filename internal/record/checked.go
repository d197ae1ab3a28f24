package record

import (
	"fmt"

	"hale/internal/base/errs"
	"hale/internal/standard/fhir"
)

// Checker says where a resource does not conform to the standard and to the
// profiles it claims.
type Checker interface {
	Check(typ string, node fhir.Node) []Finding
}

// Finding is one thing that does not conform.
type Finding struct {
	Severity string // error, warning or information
	Code     string // the kind, of FHIR's issue types
	Place    string // as FHIRPath writes it: Observation.code
	Text     string // what is wrong and what to do; nothing of the resource's values
	Profile  string // whose word it is; empty for the type itself
	Rule     string // the invariant's key, or the name of the kind
}

// Policy says what becomes of what does not conform.
type Policy uint8

// The policies. What is flagged is taken, and looked at soon afterwards.
const (
	Unchecked Policy = iota
	Flag
	Reject
)

// WithChecker returns s asking checker about what sources write whose
// policy is Reject, before it is written, and about what those write whose
// policy is Flag when CheckNext is called.
func (s *Store) WithChecker(checker Checker, policy func(Source) Policy) *Store {
	s.checker, s.policy = checker, policy
	return s
}

// strict says whether what src writes must conform.
func (s *Store) strict(src Source) bool {
	return s.checker != nil && s.policy(src) == Reject
}

// NonconformError says why a resource cannot be taken by a source whose
// policy is Reject.
type NonconformError struct {
	Type, ID string
	Findings []Finding // at least one is an error
}

// Error names the resource and the first place.
func (e *NonconformError) Error() string {
	return fmt.Sprintf("%s/%s: does not conform: %s: %s", e.Type, e.ID, e.Findings[0].Place, e.Findings[0].Rule)
}

// conform checks a draft that must conform.
func (s *Store) conform(d Draft, node fhir.Node) error {
	list := s.checker.Check(d.Type, node)
	for i, f := range list {
		if f.Severity != "error" {
			continue
		}
		list[0], list[i] = list[i], list[0]
		say := fmt.Sprintf("%s does not conform: %s. %s", d.Type, f.Place, f.Text)
		return errs.New(errs.Invalid, say).Because(&NonconformError{d.Type, d.ID, list})
	}
	return nil
}
