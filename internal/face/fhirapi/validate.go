package fhirapi

import (
	"net/http"

	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/profile"
	"hale/internal/standard/smart"
)

// validateOperations adds $validate.
func (a *API) validateOperations() {
	if a.Validator == nil {
		return
	}
	a.Operation(Operation{
		Name: "validate", Definition: "http://hl7.org/fhir/OperationDefinition/Resource-validate",
		Type: true, Instance: true, Handler: a.validate,
	})
}

// validate says whether a resource conforms: the one in the body, or the one
// that the address names. It changes nothing, and answers 200 whatever it
// finds.
//
// Spec: https://hl7.org/fhir/R4/resource-operation-validate.html
func (a *API) validate(c *Call) (Answer, error) {
	p, err := c.Parameters()
	if err != nil {
		return Answer{}, err
	}
	node, err := a.toValidate(c, p)
	if err != nil {
		return Answer{}, err
	}
	issues, err := modeIssues(c, p.Text("mode"), node)
	if err != nil {
		return Answer{}, err
	}
	if node.Exists() {
		for _, i := range a.Validator.Validate(node, p.All("profile")...) {
			issues = append(issues, issueOf(i))
		}
	}
	if len(issues) == 0 {
		issues = []Issue{{Severity: "information", Code: "informational", Text: "Nothing is wrong with it."}}
	}
	return Answer{Body: outcome(issues...)}, nil
}

// toValidate returns the resource to look at.
func (a *API) toValidate(c *Call, p Parameters) (fhir.Node, error) {
	node := p.Resource("resource")
	switch {
	case node.Exists():
		if typ := node.Get("resourceType").Text(); typ != c.Type && c.Type != "Resource" {
			return node, refuse(http.StatusBadRequest, "invalid", "resourceType", "The address says "+c.Type+", and the resource another type.")
		}
		return parse(node.Raw()) // by itself, so that places begin with it
	case c.ID == "":
		return node, refuse(http.StatusBadRequest, "required", "Parameters.parameter", "Send the resource to look at, as the body or as the parameter resource.")
	}
	pass, err := a.passFor(c, c.Type, c.ID, smart.Read)
	if err != nil {
		return node, err
	}
	r, err := a.Record.Get(c.Context(), pass, c.Type, c.ID)
	if err != nil {
		return node, sameAsMissing(err)
	}
	if p.Text("mode") == "delete" {
		return fhir.Node{}, nil
	}
	node, err = fhir.Parse(r.JSON())
	if err != nil {
		return node, syntax(err)
	}
	return node, nil
}

// modeIssues says what does not fit what the sender means to do.
func modeIssues(c *Call, mode string, node fhir.Node) ([]Issue, error) {
	id := node.Get("id").Text()
	switch mode {
	case "", "create", "profile", "delete":
	case "update":
		if node.Exists() && (id == "" || c.ID != "" && id != c.ID) {
			return []Issue{{Code: "value", Place: node.Get("resourceType").Text() + ".id", Text: "Give the id that it is to be put under."}}, nil
		}
	default:
		return nil, refuse(http.StatusBadRequest, "value", "Parameters.parameter", "The mode is one of create, update, delete and profile.")
	}
	return nil, nil
}

// issueOf turns what the validator found into an issue.
func issueOf(i profile.Issue) Issue {
	text := i.Text
	if i.Code == "invariant" {
		text = i.Rule + ": " + text
	}
	if i.Profile != "" {
		text += " (" + i.Profile + ")"
	}
	return Issue{Severity: string(i.Severity), Code: i.Code, Text: text, Place: i.Path}
}

// nonconform says why a resource was not taken.
func nonconform(e *record.NonconformError) []Issue {
	list := make([]Issue, 0, len(e.Findings))
	for _, f := range e.Findings {
		list = append(list, issueOf(profile.Issue{Severity: profile.Severity(f.Severity), Code: f.Code, Path: f.Place, Text: f.Text, Profile: f.Profile, Rule: f.Rule}))
	}
	return list
}
