package fhirapi

import (
	"encoding/json"
	"strings"
	"time"
)

// argument is a parameter of an operation, as its definition has it.
type argument struct {
	name, use, max, typ, words string
	min                        int
	parts                      []argument
}

// described are the operations that no guide defines: what they do, and with
// what.
var described = map[string]struct {
	title, words string
	parameters   []argument
}{
	"import": {
		"Take in many resources",
		"Begins to take in files of resources, one a line. It answers 202, and Content-Location says where to ask how far it is. Files may be sent along instead: the body is then NDJSON, or has one part for each file.",
		[]argument{
			{name: "inputSource", use: "in", max: "1", typ: "uri", words: "What the client calls the system that the files are from."},
			{name: "input", use: "in", min: 1, max: "*", words: "A file.", parts: []argument{
				{name: "type", use: "in", max: "1", typ: "code", words: "The one type that it holds. Without it any."},
				{name: "url", use: "in", min: 1, max: "1", typ: "url", words: "Where it is fetched, from a host that the server's operator allows."},
			}},
		},
	},
	"ccd": {
		"Write a Continuity of Care Document",
		"Makes a C-CDA R2.1 Continuity of Care Document of what may be seen of a patient's record, and answers with its XML.",
		[]argument{
			{name: "start", use: "in", max: "1", typ: "date", words: "The first day to write about."},
			{name: "end", use: "in", max: "1", typ: "date", words: "The last day to write about."},
			{name: "return", use: "out", min: 1, max: "1", typ: "Binary", words: "The document, as application/xml."},
		},
	},
}

func (p argument) object() object {
	o := object{"name": p.name, "use": p.use, "min": p.min, "max": p.max, "documentation": p.words}
	if p.typ != "" {
		o["type"] = p.typ
	}
	if p.parts != nil {
		o["part"] = objects(p.parts)
	}
	return o
}

func objects(list []argument) []object {
	var out []object
	for _, p := range list {
		out = append(out, p.object())
	}
	return out
}

// definition shows the definition of an operation that is Hale's own. The
// capabilities name it, so everybody may read it as they may read those.
//
// Spec: https://hl7.org/fhir/R4/operationdefinition.html
func (a *API) definition(c *Call) (out Answer, ok bool, err error) {
	o, about := a.operations[c.ID], described[c.ID]
	if c.Type != "OperationDefinition" || o == nil || about.title == "" || !strings.HasPrefix(o.Definition, a.Base) {
		return Answer{}, false, nil
	}
	body := object{
		"resourceType": "OperationDefinition", "id": o.Name, "url": o.Definition, "name": strings.ToUpper(o.Name[:1]) + o.Name[1:], "title": about.title,
		"status": "active", "kind": "operation", "date": a.Built.UTC().Format(time.RFC3339), "publisher": a.Name, "description": about.words,
		"affectsState": o.Changes, "code": o.Name, "system": o.System, "type": o.Type, "instance": o.Instance, "parameter": objects(about.parameters),
	}
	if len(o.Types) > 0 {
		body["resource"] = o.Types
	}
	text, err := json.Marshal(body)
	if err != nil {
		return Answer{}, true, err
	}
	out.Body, err = c.shape.of(text)
	return out, true, err
}
