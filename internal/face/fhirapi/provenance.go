package fhirapi

import (
	"net/http"

	"hale/internal/record"
	"hale/internal/standard/fhir"
)

// provenanceTarget stands for what is written, in the Provenance that comes
// with it, until it has an address.
const provenanceTarget = "urn:uuid:5c3e9a52-77a1-4b43-9a55-8d2f0d1f6a10"

// provenanceOp returns what a header X-Provenance asks to be written beside
// op: a Provenance whose target is what op writes.
//
// Spec: https://hl7.org/fhir/R4/provenance.html#header
func provenanceOp(c *Call, op record.Op) (*record.Op, error) {
	text := c.Header("X-Provenance")
	if text == "" || op.Verb == record.Delete {
		return nil, nil
	}
	place := "http.X-Provenance"
	n, err := fhir.Parse([]byte(text))
	if err != nil || !n.IsObject() || n.Get("resourceType").Text() != "Provenance" {
		return nil, refuse(http.StatusBadRequest, "structure", place, "X-Provenance is a Provenance resource as JSON.")
	}
	if n.Get("target").Exists() || n.Get("id").Exists() {
		return nil, refuse(http.StatusBadRequest, "invalid", place, "The Provenance of a header has no target and no id: it is about what is written.")
	}
	target := provenanceTarget
	if op.ID != "" {
		target = op.Type + "/" + op.ID
	}
	raw := n.Raw()
	body := append([]byte(`{"target":[{"reference":"`+target+`"}],`), raw[1:]...)
	return &record.Op{Verb: record.Create, Type: "Provenance", Body: body}, nil
}
