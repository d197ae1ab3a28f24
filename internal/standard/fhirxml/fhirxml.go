// Package fhirxml writes resources as the XML of FHIR R4, and reads them
// from it.
//
// What is an attribute, what a list and in which order elements stand follows
// from the element model, so what R4 does not know is refused.
//
// Spec: https://hl7.org/fhir/R4/xml.html
package fhirxml

import (
	"fmt"

	"hale/internal/standard/fhir"
)

// The namespaces of resources and of narratives.
const (
	Namespace = "http://hl7.org/fhir"
	xhtml     = "http://www.w3.org/1999/xhtml"
)

// MediaType of FHIR's XML.
const MediaType = "application/fhir+xml; charset=utf-8"

// deepest is how deep elements may nest; real resources stay below 20.
const deepest = 64

// A ShapeError says what cannot be written or read, and where.
type ShapeError struct {
	Path, Reason string
}

// Error names the place and the reason.
func (e *ShapeError) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Reason) }

// resourceType returns the type of a resource that may stand alone.
func resourceType(name string) *fhir.Type {
	if t := fhir.TypeOf(name); t != nil && t.Family == fhir.ResourceType && !t.Abstract {
		return t
	}
	return nil
}

// isResource says whether elements of a type hold whole resources.
func isResource(t *fhir.Type) bool { return t != nil && t.Family == fhir.ResourceType }
