package fhirapi

import (
	"errors"
	"net/http"
	"strconv"

	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpatch"
)

// patcher returns what makes the new body of the current one: a JSON Patch or
// a FHIRPath Patch.
//
// Spec: https://hl7.org/fhir/R4/http.html#patch
func (a *API) patcher(c *Call) (func(now []byte) ([]byte, error), error) {
	media := c.Header("Content-Type")
	plain := bareType(media) == "application/json-patch+json"
	if !plain && !isJSON(media) && !isXML(media) {
		p := refuse(http.StatusUnsupportedMediaType, "not-supported", "http.Content-Type",
			"A patch is application/json-patch+json, or application/fhir+json for FHIRPath Patch.")
		p.header = [2]string{"Accept-Patch", "application/json-patch+json, application/fhir+json"}
		return nil, p
	}
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	n, err := fhir.Parse(body)
	if err != nil {
		return nil, syntax(err)
	}
	switch {
	case plain && !n.IsArray():
		return nil, refuse(http.StatusBadRequest, "structure", "", "A JSON Patch is a list of operations.")
	case !plain && n.Get("resourceType").Text() != "Parameters":
		return nil, refuse(http.StatusBadRequest, "invalid", "resourceType", "A FHIRPath Patch is a Parameters resource.")
	}
	typ, id := c.Type, c.ID
	return func(now []byte) (out []byte, err error) {
		if plain {
			out, err = fhirpatch.JSON(now, body)
		} else {
			out, err = fhirpatch.FHIRPath(now, n)
		}
		if err != nil {
			return nil, unpatched(err)
		}
		return out, patched(out, typ, id)
	}, nil
}

// unpatched says why a patch cannot be applied.
func unpatched(err error) error {
	p := refuse(http.StatusUnprocessableEntity, "processing", "", "The patch cannot be applied to the resource as it is now.")
	p.cause = err
	if e, ok := errors.AsType[*fhirpatch.Error](err); ok {
		p.Issues[0].Place = e.Path
		p.Issues[0].Text = "The patch cannot be applied: " + e.Reason + "."
		if e.Operation > 0 {
			p.Issues[0].Text = "Operation " + strconv.Itoa(e.Operation) + " of the patch cannot be applied: " + e.Reason + "."
		}
	}
	return p
}

// patched checks that a patch left a resource what it is.
func patched(body []byte, typ, id string) error {
	n, err := parse(body)
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, "processing", "", "The patch leaves no resource.")
	}
	if n.Get("resourceType").Text() != typ || id != "" && n.Get("id").Exists() && n.Get("id").Text() != id {
		return refuse(http.StatusUnprocessableEntity, "processing", typ, "A patch changes neither the type nor the id of a resource.")
	}
	return nil
}
