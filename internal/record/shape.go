package record

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/record/label"
	"hale/internal/standard/fhir"
)

// Prepared is a draft that has been read, checked and made ready to write.
type Prepared struct {
	draft   Draft
	node    fhir.Node
	patient string            // whose compartment
	sum     [sha256.Size]byte // of the body
	rows    rows
	labels  access.Label
	refs    []link
	gone    bool // it is to be deleted
	fresh   bool // its id was drawn for it: there cannot be one yet
	by      *writtenBy
}

// Type returns the type of the resource.
func (p Prepared) Type() string { return p.draft.Type }

// Prepare reads and checks d, which needs no database: an import does it for
// many drafts at once. Its error names the resource and the place in it.
func (s *Store) Prepare(d Draft) (Prepared, error) {
	node, err := fhir.Parse(d.Body)
	if err != nil {
		return Prepared{}, invalid(d, where(err), reason(err))
	}
	return s.PrepareNode(d, node)
}

// PrepareNode is Prepare for a body that has been parsed to node.
func (s *Store) PrepareNode(d Draft, node fhir.Node) (Prepared, error) {
	if !fhir.IsType(d.Type) {
		return Prepared{}, invalid(d, "resourceType", "not a type of FHIR R4")
	}
	if id := node.Get("id"); d.ID != "" && id.Exists() && id.Text() != d.ID {
		return Prepared{}, invalid(d, "id", "not the id it is put under")
	}
	if d.ID == "" {
		d.ID = s.ids.New()
	}
	if !fhir.ValidID(d.ID) {
		return Prepared{}, invalid(d, "id", "not 1 to 64 letters, digits, hyphens and dots")
	}
	if !node.IsObject() || node.Get("resourceType").Text() != d.Type {
		return Prepared{}, invalid(d, "resourceType", "not the type it is put under")
	}
	refs, err := references(d, node)
	if err != nil {
		return Prepared{}, err
	}
	if d.Strict && s.checker != nil {
		if err := s.conform(d, node); err != nil {
			return Prepared{}, err
		}
	}
	p := Prepared{draft: d, node: node, sum: sha256.Sum256(d.Body), labels: label.Of(node), refs: refs}
	p.patient = compartment(d.Type, d.ID, node)
	var bad *badElement
	if p.rows, bad = rowsOf(d.Type, p.patient, node); bad != nil {
		return Prepared{}, invalid(d, bad.path, bad.reason)
	}
	return p, nil
}

// digest tells bodies apart: the first half of the sum.
func (p *Prepared) digest() []byte { return p.sum[:16] }

func sumOf(body []byte) []byte {
	sum := sha256.Sum256(body)
	return sum[:16]
}

// references checks that every reference names what it could lead to, and
// returns those whose labels are handed on.
//
// Spec: https://hl7.org/fhir/R4/references.html#literal
func references(d Draft, node fhir.Node) (refs []link, err error) {
	for n := range node.Texts("reference") {
		r := n.Text()
		if strings.HasPrefix(r, "#") || absolute(r) {
			continue
		}
		typ, id := fhir.SplitReference(r)
		if typ == "" {
			return nil, invalid(d, n.Path(), "not a reference such as Patient/123")
		}
		if handsOn[typ] {
			refs = once(refs, link{typ, id})
		}
	}
	return refs, nil
}

// absolute says whether r is an address: https://… or urn:….
func absolute(r string) bool {
	scheme, rest, ok := strings.Cut(r, ":")
	return ok && scheme != "" && rest != "" && !strings.ContainsAny(scheme, "/?|") && !strings.ContainsAny(r, " \t\n")
}

// compartment returns the id of the patient whose record the resource is
// part of, empty if it is of none.
//
// Spec: https://hl7.org/fhir/R4/compartmentdefinition-patient.html
func compartment(typ, id string, node fhir.Node) string {
	switch typ {
	case "Patient":
		return id
	case "Binary": // whose it is says its security context: https://hl7.org/fhir/R4/binary.html#security
		if t, id := node.Get("securityContext").Reference(); t == "Patient" {
			return id
		}
		return ""
	}
	p, ok := ownParameter(typ)
	if !ok {
		return ""
	}
	def := fhir.Define(typ)
	var patient string
	for _, at := range p.Elements {
		walk(node, def.Elements[at].Steps, func(n fhir.Node) {
			if t, id := n.Reference(); t == "Patient" && patient == "" {
				patient = id
			}
		})
	}
	return patient
}

// personal says whether resources of a type are each about a patient, so
// that one which names none is nobody else's to see.
func personal(typ string) bool {
	if typ == "Patient" || closed[typ] {
		return true
	}
	if fhir.Define(typ) == nil {
		return true
	}
	_, ok := ownParameter(typ)
	return ok
}

// closed are the types that name no patient whose they are, and may hold what
// is somebody's all the same: who is in a group, a whole document, the bytes
// of a letter. Only who may see everyone's sees them.
var closed = map[string]bool{
	"Binary": true, "BiologicallyDerivedProduct": true, "Bundle": true, "DeviceMetric": true, "EnrollmentResponse": true, "Group": true, "Linkage": true,
	"MessageHeader": true, "OperationOutcome": true, "Parameters": true, "PaymentNotice": true, "PaymentReconciliation": true, "Subscription": true,
	"SubscriptionStatus": true, "TestReport": true, "VerificationResult": true,
}

// bySubject are the types whose patient is looked for under another name.
var bySubject = map[string]bool{"AdverseEvent": true, "SupplyRequest": true}

// ownParameter returns the search parameter that says whose a resource is.
func ownParameter(typ string) (fhir.Parameter, bool) {
	def := fhir.Define(typ)
	if def == nil {
		return fhir.Parameter{}, false
	}
	if bySubject[typ] {
		return def.Parameter("subject")
	}
	return def.Parameter("patient")
}

// OwnParameter returns the name of the search parameter that says whose a
// resource of a type is, empty for what is nobody's.
func OwnParameter(typ string) string {
	p, _ := ownParameter(typ)
	return p.Name
}

// InvalidError says which resource cannot be taken, and where in it and why.
type InvalidError struct {
	Type, ID      string
	Place, Reason string
}

// Error names the resource, the place and the reason.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s/%s: %s: %s", e.Type, e.ID, e.Place, e.Reason)
}

func invalid(d Draft, place, reason string) error {
	if !fhir.ValidID(d.ID) {
		d.ID = "?"
	}
	if !fhir.IsType(d.Type) {
		d.Type = "?"
	}
	e := &InvalidError{d.Type, d.ID, place, reason}
	say := fmt.Sprintf("%s cannot be read: %s, %s.", d.Type, place, reason)
	return errs.New(errs.Invalid, say).Because(e)
}

func where(err error) string {
	if s, ok := errors.AsType[*fhir.SyntaxError](err); ok {
		return strings.TrimPrefix(fmt.Sprintf("%s byte %d", s.Path, s.Offset), " ")
	}
	return ""
}

func reason(err error) string {
	if s, ok := errors.AsType[*fhir.SyntaxError](err); ok {
		return s.Reason
	}
	return err.Error()
}
