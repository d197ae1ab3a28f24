package apidocs

import (
	"encoding/json"
	"fmt"
	"slices"
)

// capability is what the pages need of a CapabilityStatement.
//
// Spec: https://hl7.org/fhir/R4/capabilitystatement.html
type capability struct {
	Software struct{ Name, Version string }
	Format   []string
	Rest     []rest
}

type rest struct {
	Documentation string
	Resource      []resource
	Interaction   []coded
	SearchParam   []parameter
	Operation     []operation
}

// resource is what can be done with one type.
type resource struct {
	Type             string
	SupportedProfile []string
	Documentation    string
	Interaction      []coded
	SearchInclude    []string
	SearchRevInclude []string
	SearchParam      []parameter
	Operation        []operation
}

type coded struct{ Code, Documentation string }

// parameter is one search parameter.
type parameter struct{ Name, Definition, Type, Documentation string }

// operation is one operation.
type operation struct{ Name, Definition, Documentation string }

// does says whether r has an interaction.
func (r resource) does(code string) bool {
	return slices.ContainsFunc(r.Interaction, func(c coded) bool { return c.Code == code })
}

// does says whether the server has an interaction on all types together.
func (r rest) does(code string) bool {
	return slices.ContainsFunc(r.Interaction, func(c coded) bool { return c.Code == code })
}

// readCapability reads what the API says that it can do.
func readCapability(body []byte) (capability, error) {
	var c capability
	if err := json.Unmarshal(body, &c); err != nil {
		return c, fmt.Errorf("apidocs: capabilities: %w", err)
	}
	if len(c.Rest) != 1 {
		return c, fmt.Errorf("apidocs: capabilities: %d entries of rest, want 1", len(c.Rest))
	}
	return c, nil
}

// find returns what can be done with a type.
func (c capability) find(typ string) (resource, bool) {
	list := c.Rest[0].Resource
	at := slices.IndexFunc(list, func(r resource) bool { return r.Type == typ })
	if at < 0 {
		return resource{}, false
	}
	return list[at], true
}
