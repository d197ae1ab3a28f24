package fhirapi

import (
	"encoding/json"
	"strings"
)

// outParameter is one parameter of an answer.
//
// Spec: https://hl7.org/fhir/R4/parameters.html
type outParameter struct {
	Name    string         `json:"name"`
	Text    string         `json:"valueString,omitempty"`
	Code    string         `json:"valueCode,omitempty"`
	Boolean *bool          `json:"valueBoolean,omitempty"`
	Part    []outParameter `json:"part,omitempty"`
}

func yes() *bool { return new(true) }

func no() *bool { return new(false) }

// parameters answers with a Parameters resource.
func parameters(list ...outParameter) (Answer, error) {
	body, err := json.Marshal(struct {
		ResourceType string         `json:"resourceType"`
		Parameter    []outParameter `json:"parameter"`
	}{"Parameters", list})
	return Answer{Body: body}, err
}

// sameWords says whether two texts are the same but for case and spaces.
func sameWords(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}
