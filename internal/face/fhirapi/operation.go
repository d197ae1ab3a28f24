package fhirapi

import (
	"net/http"
	"slices"

	"hale/internal/base/errs"
	"hale/internal/standard/fhir"
)

// Operation is one operation: $everything.
//
// Spec: https://hl7.org/fhir/R4/operations.html
type Operation struct {
	Name       string   // without the $
	Definition string   // canonical address of its OperationDefinition
	Types      []string // the types that it is on; empty with Type or Instance: every one
	System     bool     // /fhir/$name
	Type       bool     // /fhir/{type}/$name
	Instance   bool     // /fhir/{type}/{id}/$name
	Changes    bool     // it changes something, so GET does not call it
	Ends       bool     // DELETE calls it as well: it ends what another operation began

	Definitions map[string]string // by type, where they differ from Definition
	Public      bool              // no token is asked for
	Handler     func(c *Call) (Answer, error)
}

// Operation adds o to what the API answers. Later ones of the same name
// take the place of earlier ones.
func (a *API) Operation(o Operation) { a.operations[o.Name] = &o }

// on says whether o is called right by c.
func (o *Operation) on(c *Call) bool {
	switch {
	case c.Type == "":
		return o.System
	case len(o.Types) > 0 && !slices.Contains(o.Types, c.Type):
		return false
	case c.ID == "":
		return o.Type
	}
	return o.Instance
}

// operate calls the operation that c names.
func (a *API) operate(c *Call, name string) (Answer, error) {
	o := a.operations[name]
	if o == nil || !o.on(c) {
		return Answer{}, refuse(http.StatusNotFound, "not-supported", "http.path", "There is no such operation here. /fhir/metadata lists those that there are.")
	}
	if m := c.Request.Method; m != http.MethodPost && (o.Changes || m != http.MethodGet && m != http.MethodHead) {
		if !o.other(m) {
			return Answer{}, notAllowed("POST")
		}
	}
	if !o.Public {
		if err := a.signedIn(c); err != nil {
			return Answer{}, err
		}
	}
	return o.Handler(c)
}

// other says whether a method beside GET and POST calls o: DELETE ends what
// an operation began.
func (o *Operation) other(method string) bool {
	return method == http.MethodDelete && o.Ends
}

// Parameters are what an operation was called with: by the address, or by a
// body that is a Parameters resource, or a resource itself.
type Parameters struct {
	call *Call
	body fhir.Node
}

// Parameters reads what c was called with.
func (c *Call) Parameters() (Parameters, error) {
	p := Parameters{call: c}
	if c.Request.Method != http.MethodPost {
		return p, nil
	}
	body, err := c.Body()
	if err != nil || len(body) == 0 {
		return p, err
	}
	p.body, err = parse(body)
	return p, err
}

// Resource returns the resource called name in the parameters, or the body
// itself where that is no Parameters resource.
func (p Parameters) Resource(name string) fhir.Node {
	if p.body.Get("resourceType").Text() != "Parameters" {
		return p.body
	}
	for e := range p.body.Get("parameter").Each() {
		if e.Get("name").Text() == name {
			return e.Get("resource")
		}
	}
	return fhir.Node{}
}

// Each calls fn with every parameter called name: its value in a body, such
// as valueString, or nothing where it came by the address as text.
func (p Parameters) Each(name string, fn func(value fhir.Node, text string)) {
	for _, v := range p.call.Query[name] {
		fn(fhir.Node{}, v)
	}
	if p.body.Get("resourceType").Text() != "Parameters" {
		return
	}
	for e := range p.body.Get("parameter").Each() {
		if e.Get("name").Text() != name {
			continue
		}
		for key, v := range e.Fields() {
			if len(key) > len("value") && key[:len("value")] == "value" {
				fn(v, v.Text())
			}
		}
	}
}

// Text returns the first parameter called name as text.
func (p Parameters) Text(name string) string {
	text, found := "", false
	p.Each(name, func(_ fhir.Node, t string) {
		if !found {
			text, found = t, true
		}
	})
	return text
}

// All returns every parameter called name as text.
func (p Parameters) All(name string) []string {
	var list []string
	p.Each(name, func(_ fhir.Node, t string) { list = append(list, t) })
	return list
}

// parse reads a body that must be a JSON object.
func parse(body []byte) (fhir.Node, error) {
	n, err := fhir.Parse(body)
	if err != nil {
		return n, syntax(err)
	}
	if !n.IsObject() {
		return n, refuse(http.StatusBadRequest, "structure", "", "The body is not a JSON object.")
	}
	return n, nil
}

var errNoToken = errs.New(errs.Unauthenticated, "This needs an access token.")
