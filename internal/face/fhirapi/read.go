package fhirapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/record"
	"hale/internal/standard/smart"
)

func isProblem(err error) bool {
	_, ok := errors.AsType[*Problem](err)
	return ok
}

// passFor returns the key to one resource, by whose record it is in. What is
// somebody else's is as if it were not there.
func (a *API) passFor(c *Call, typ, id string, verb smart.Verb) (access.Pass, error) {
	if err := a.signedIn(c); err != nil {
		return access.Pass{}, err
	}
	if _, ok := scoped(c.Actor, typ, verb); !ok {
		return access.Pass{}, unscoped(typ, verb)
	}
	patient, err := a.owner(c, typ, id)
	if err != nil {
		return access.Pass{}, err
	}
	pass, err := a.pass(c, typ, verb, patient)
	return pass, sameAsMissing(err)
}

// readOne shows a resource.
//
// Spec: https://hl7.org/fhir/R4/http.html#read
func (a *API) readOne(c *Call) (Answer, error) {
	pass, err := a.passFor(c, c.Type, c.ID, smart.Read)
	if err != nil {
		return Answer{}, err
	}
	r, err := a.Record.Get(c.Context(), pass, c.Type, c.ID)
	if err != nil {
		return Answer{}, sameAsMissing(err)
	}
	return a.shown(c, r)
}

// vread shows one version of a resource.
//
// Spec: https://hl7.org/fhir/R4/http.html#vread
func (a *API) vread(c *Call, version string) (Answer, error) {
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil || n < 1 {
		return Answer{}, errNotFound
	}
	pass, err := a.passFor(c, c.Type, c.ID, smart.Read)
	if err != nil {
		return Answer{}, err
	}
	r, err := a.Record.Version(c.Context(), pass, c.Type, c.ID, n)
	if err != nil {
		return Answer{}, sameAsMissing(err)
	}
	return a.shown(c, r)
}

// shown returns the answer that shows r in the form that c wants.
func (a *API) shown(c *Call, r record.Resource) (Answer, error) {
	if c.Type == "Binary" {
		return a.binary(c, r)
	}
	out := resourceAnswer(r)
	if c.shape.summary == "count" {
		return out, refuse(http.StatusBadRequest, "value", "http._summary", "_summary=count is for searches.")
	}
	var err error
	out.Body, err = c.shape.of(out.Body)
	return out, err
}

// ifMatch returns the version that If-Match asks for, 0 for any.
//
// Spec: https://hl7.org/fhir/R4/http.html#concurrency
func ifMatch(c *Call) (int64, error) {
	text := c.Header("If-Match")
	if text == "" || text == "*" {
		return 0, nil
	}
	text = strings.Trim(strings.TrimPrefix(strings.TrimSpace(text), "W/"), `"`)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, refuse(http.StatusBadRequest, "value", "http.If-Match", `If-Match names a version so: W/"3".`)
	}
	return n, nil
}
