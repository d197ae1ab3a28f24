package apidocs

import (
	"encoding/json"
	"strings"
)

// object is a JSON object by hand.
type object = map[string]any

// openAPI describes the API for tools that make clients: what capabilities
// say, in another language. base is the API's address, host the server's.
//
// Spec: https://spec.openapis.org/oas/v3.1.0
func openAPI(c capability, host, base string) ([]byte, error) {
	r := c.Rest[0]
	paths := object{"/metadata": object{"get": call{
		id: "capabilities", tag: "Server", says: "What this server can do", public: true,
	}.object()}}
	for _, t := range r.Resource {
		describeType(paths, t)
	}
	describeSystem(paths, r)
	return json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": c.Software.Name + " FHIR API", "version": c.Software.Version,
			"description": "HL7 FHIR R4, US Core, SMART App Launch 2.2 and Bulk Data 2.0. Made from what the server says of itself at /metadata.",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []any{object{"url": base}},
		"security": []any{object{"smart": []string{}}},
		"paths":    paths,
		"components": object{
			"securitySchemes": object{"smart": object{
				"type": "oauth2", "description": "SMART App Launch: authorization code with PKCE (S256), or client credentials with private_key_jwt.",
				"flows": object{
					"authorizationCode": object{
						"authorizationUrl": host + "/oauth/authorize", "tokenUrl": host + "/oauth/token", "refreshUrl": host + "/oauth/token",
						"scopes": object{"launch/patient": "choose a patient", "openid": "who signs in", "fhirUser": "who signs in, as a resource", "offline_access": "keep access", "patient/*.rs": "read and search a patient's record"},
					},
					"clientCredentials": object{"tokenUrl": host + "/oauth/token", "scopes": object{"system/*.rs": "read and search"}},
				},
			}},
			"parameters": object{
				"id":      object{"name": "id", "in": "path", "required": true, "schema": object{"type": "string", "pattern": `^[A-Za-z0-9\-.]{1,64}$`}},
				"version": object{"name": "version", "in": "path", "required": true, "schema": object{"type": "string"}},
			},
			"schemas": object{
				"Resource":         object{"type": "object", "required": []string{"resourceType"}, "properties": object{"resourceType": object{"type": "string"}, "id": object{"type": "string"}}},
				"OperationOutcome": object{"type": "object", "description": "What is wrong, where, and what to do: issue[].expression names the place.", "properties": object{"resourceType": object{"const": "OperationOutcome"}, "issue": object{"type": "array", "items": object{"type": "object"}}}},
			},
		},
	}, "", " ")
}

// call is one method of one path.
type call struct {
	id, tag, says string
	public        bool
	path          []string // parameters of the path
	query         []parameter
	body          string // media type of the body it takes
	statuses      []string
}

const fhirJSON = "application/fhir+json"

// object returns the call as OpenAPI writes it.
func (c call) object() object {
	o := object{"operationId": c.id, "tags": []string{c.tag}, "summary": c.says}
	var list []any
	for _, p := range c.path {
		list = append(list, object{"$ref": "#/components/parameters/" + p})
	}
	for _, p := range c.query {
		q := object{"name": p.Name, "in": "query", "schema": object{"type": "string"}}
		if says := strings.TrimSpace(p.Type + ". " + p.Documentation); says != "." {
			q["description"] = says
		}
		list = append(list, q)
	}
	if list != nil {
		o["parameters"] = list
	}
	if c.body != "" {
		o["requestBody"] = object{"required": true, "content": content(c.body, "Resource")}
	}
	if c.public {
		o["security"] = []any{}
	}
	answers := object{"default": object{"description": "It did not work: an OperationOutcome says why.", "content": content(fhirJSON, "OperationOutcome")}}
	for _, s := range append([]string{"200"}, c.statuses...) {
		answers[s] = object{"description": said[s], "content": content(fhirJSON, "Resource")}
	}
	o["responses"] = answers
	return o
}

// said is what a status of success means.
var said = map[string]string{
	"200": "It worked.", "201": "It was created; Location names it.", "202": "It is under way; Content-Location says where to ask for it.",
}

func content(media, schema string) object {
	return object{media: object{"schema": object{"$ref": "#/components/schemas/" + schema}}}
}

// describeType adds the paths of one type.
func describeType(paths object, t resource) {
	all, one, past := object{}, object{}, object{}
	add := func(to object, method, code string, c call) {
		if t.does(code) {
			c.id, c.tag = code+t.Type, t.Type
			to[method] = c.object()
		}
	}
	id := []string{"id"}
	add(all, "get", "search-type", call{says: "Search " + t.Type, query: t.SearchParam})
	add(all, "post", "create", call{says: "Create a " + t.Type, body: fhirJSON, statuses: []string{"201"}})
	add(one, "get", "read", call{says: "Read a " + t.Type, path: id})
	add(one, "put", "update", call{says: "Update a " + t.Type, path: id, body: fhirJSON, statuses: []string{"201"}})
	add(one, "patch", "patch", call{says: "Change parts of a " + t.Type, path: id, body: "application/json-patch+json"})
	add(one, "delete", "delete", call{says: "Delete a " + t.Type, path: id})
	add(past, "get", "history-instance", call{says: "What a " + t.Type + " was before", path: id})
	put(paths, "/"+t.Type, all)
	put(paths, "/"+t.Type+"/{id}", one)
	put(paths, "/"+t.Type+"/{id}/_history", past)
	if t.does("vread") {
		put(paths, "/"+t.Type+"/{id}/_history/{version}", object{"get": call{id: "vread" + t.Type, tag: t.Type, says: "One version of a " + t.Type, path: []string{"id", "version"}}.object()})
	}
	if t.does("search-type") {
		put(paths, "/"+t.Type+"/_search", object{"post": call{id: "searchByPost" + t.Type, tag: t.Type, says: "Search " + t.Type + " by a form, whose values stay out of addresses"}.object()})
	}
	for _, o := range t.Operation {
		name := strings.TrimPrefix(o.Name, "$")
		put(paths, "/"+t.Type+"/{id}/$"+name, object{"get": call{id: name + t.Type, tag: t.Type, says: first(o.Documentation, "$"+name), path: id}.object()})
	}
}

// describeSystem adds the paths that are about all types together.
func describeSystem(paths object, r rest) {
	root := object{}
	if r.does("transaction") || r.does("batch") {
		root["post"] = call{id: "bundle", tag: "Server", says: "A batch, or a transaction that succeeds as a whole or not at all", body: fhirJSON}.object()
	}
	if r.does("search-system") {
		root["get"] = call{id: "searchSystem", tag: "Server", says: "Search several types", query: r.SearchParam}.object()
	}
	put(paths, "/", root)
	if r.does("history-system") {
		put(paths, "/_history", object{"get": call{id: "historySystem", tag: "Server", says: "Every change"}.object()})
	}
	for _, o := range r.Operation {
		name := strings.TrimPrefix(o.Name, "$")
		put(paths, "/$"+name, object{"get": call{id: name, tag: "Server", says: first(o.Documentation, "$"+name)}.object()})
	}
}

func put(paths object, path string, methods object) {
	if len(methods) > 0 {
		paths[path] = methods
	}
}

// first returns the first of texts that says something.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
