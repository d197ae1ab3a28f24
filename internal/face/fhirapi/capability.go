package fhirapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/standard/facts"
	"hale/internal/standard/fhir"
)

// capabilities are the statements about what there is, made once.
type capabilities struct{ statement, terminology stated }

// stated is a statement and what tells it from another.
type stated struct {
	body []byte
	tag  string
}

// capabilities shows what this server can do, to anybody.
//
// Spec: https://hl7.org/fhir/R4/http.html#capabilities
func (a *API) capabilities(c *Call) (Answer, error) {
	known := a.metadata.Load()
	if known == nil {
		var err error
		if known, err = a.describeAll(); err != nil {
			return Answer{}, err
		}
		a.metadata.Store(known)
	}
	it := known.statement
	switch c.Query.Get("mode") {
	case "", "full", "normative":
	case "terminology":
		it = known.terminology
	default:
		return Answer{}, refuse(http.StatusBadRequest, "value", "http.mode", "mode is one of full, normative and terminology.")
	}
	out := Answer{Header: [][2]string{{"ETag", it.tag}, {"Cache-Control", "public, max-age=300"}, {"Last-Modified", a.Built.UTC().Format(http.TimeFormat)}}}
	if match := c.Header("If-None-Match"); match != "" && (match == "*" || strings.Contains(match, it.tag)) {
		out.Status = http.StatusNotModified
		return out, nil
	}
	var err error
	out.Body, err = c.shape.of(it.body)
	return out, err
}

// describeAll makes the statements.
func (a *API) describeAll() (*capabilities, error) {
	library, err := facts.Open()
	if err != nil {
		return nil, errs.New(errs.Internal, errs.Say(nil)).Because(err)
	}
	var all capabilities
	for _, one := range []struct {
		into *stated
		from any
	}{{&all.statement, a.statement(library)}, {&all.terminology, a.terminology(library)}} {
		if one.into.body, err = json.Marshal(one.from); err != nil {
			return nil, errs.New(errs.Internal, errs.Say(nil)).Because(err)
		}
		sum := sha256.Sum256(one.into.body)
		one.into.tag = `W/"` + hex.EncodeToString(sum[:8]) + `"`
	}
	return &all, nil
}

type object = map[string]any

// statement is the CapabilityStatement.
//
// Spec: https://hl7.org/fhir/R4/capabilitystatement.html and
// https://hl7.org/fhir/us/core/STU6.1/CapabilityStatement-us-core-server.html
func (a *API) statement(library *facts.Library) object {
	return object{
		"resourceType": "CapabilityStatement", "id": "hale", "url": a.Base + "/metadata", "name": "Hale", "title": "Hale: " + a.Name,
		"status": "active", "experimental": false, "date": a.Built.UTC().Format(time.RFC3339), "publisher": a.Name,
		"description": "The record by the standard API of FHIR R4, US Core, SMART App Launch and Bulk Data Access.",
		"kind":        "instance", "fhirVersion": "4.0.1", "format": []string{"json", "xml", "application/fhir+json", "application/fhir+xml"},
		"patchFormat": []string{"application/json-patch+json", "application/fhir+json"},
		"instantiates": []string{
			"http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server",
			"http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data",
		},
		"implementationGuide": []string{"http://hl7.org/fhir/us/core/ImplementationGuide/hl7.fhir.us.core|6.1.0", "http://hl7.org/fhir/us/core/ImplementationGuide/hl7.fhir.us.core|7.0.0"},
		"software":            object{"name": "Hale", "version": a.version()},
		"implementation":      object{"description": a.Name, "url": a.Base},
		"rest":                []object{a.rest(library)},
	}
}

func (a *API) version() string {
	if a.Version == "" {
		return "devel"
	}
	return a.Version
}

// rest says what can be done, type by type.
func (a *API) rest(library *facts.Library) object {
	profiles := usCore(library)
	var resources []object
	for _, typ := range fhir.Types() {
		about := a.aboutType(typ, profiles[typ])
		if typ == "Subscription" && a.Subscriptions != nil {
			a.aboutSubscriptions(about)
		}
		resources = append(resources, about)
	}
	out := object{
		"mode": "server", "security": a.security(), "resource": resources,
		"interaction": codes("transaction", "batch", "search-system", "history-system"),
		"searchParam": commonParameters(),
		"compartment": []string{"http://hl7.org/fhir/CompartmentDefinition/patient"},
	}
	if ops := a.operationsOn("", func(o *Operation) bool { return o.System }); len(ops) > 0 {
		out["operation"] = ops
	}
	return out
}

// codes are a list of objects with a code.
func codes(list ...string) []object {
	var out []object
	for _, code := range list {
		out = append(out, object{"code": code})
	}
	return out
}

// aboutType says what can be done with one type.
func (a *API) aboutType(typ string, profiles []string) object {
	out := object{
		"type": typ, "profile": "http://hl7.org/fhir/StructureDefinition/" + typ,
		"interaction": codes("read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"),
		"versioning":  "versioned-update", "readHistory": true, "updateCreate": true,
		"conditionalCreate": true, "conditionalRead": "full-support", "conditionalUpdate": true, "conditionalDelete": "single",
		"referencePolicy": []string{"literal", "logical", "local"},
	}
	if len(profiles) > 0 {
		out["supportedProfile"] = profiles
	}
	var parameters []object
	var includes []string
	for _, p := range fhir.Define(typ).Parameters {
		parameters = append(parameters, parameter(p))
		if p.Kind == fhir.ReferenceKind {
			includes = append(includes, typ+":"+p.Name)
		}
	}
	for _, p := range fhir.Define(typ).Composites {
		parameters = append(parameters, object{"name": p.Name, "type": "composite"})
	}
	if len(parameters) > 0 {
		out["searchParam"] = parameters
	}
	if len(includes) > 0 {
		out["searchInclude"] = includes
	}
	if back := referring(typ); len(back) > 0 {
		out["searchRevInclude"] = back
	}
	if ops := a.operationsOn(typ, func(o *Operation) bool {
		return (o.Type || o.Instance) && (len(o.Types) == 0 || slices.Contains(o.Types, typ))
	}); len(ops) > 0 {
		out["operation"] = ops
	}
	return out
}

// kinds are the kinds of search parameters in FHIR's words.
var kinds = map[fhir.Kind]string{
	fhir.TokenKind: "token", fhir.DateKind: "date", fhir.StringKind: "string", fhir.ReferenceKind: "reference",
	fhir.QuantityKind: "quantity", fhir.NumberKind: "number", fhir.UriKind: "uri",
}

func parameter(p fhir.Parameter) object {
	return object{"name": p.Name, "type": kinds[p.Kind]}
}

// commonParameters are those that every type has.
func commonParameters() []object {
	var out []object
	for _, p := range [][2]string{
		{"_id", "token"}, {"_lastUpdated", "date"}, {"_profile", "uri"}, {"_tag", "token"}, {"_security", "token"}, {"_source", "uri"},
		{"_text", "string"}, {"_content", "string"}, {"_has", "string"}, {"_type", "token"},
	} {
		out = append(out, object{"name": p[0], "type": p[1]})
	}
	return out
}

// referring are the search parameters by which resources of other types lead
// to typ.
func referring(typ string) []string {
	var list []string
	for _, other := range fhir.Types() {
		def := fhir.Define(other)
		for _, p := range def.Parameters {
			if p.Kind == fhir.ReferenceKind && leads(def, p, other, typ) {
				list = append(list, other+":"+p.Name)
			}
		}
	}
	return list
}

// leads says whether p may lead to typ.
func leads(def *fhir.Definition, p fhir.Parameter, from, typ string) bool {
	if p.Target != "" {
		return p.Target == typ
	}
	for _, at := range p.Elements {
		steps := def.Elements[at].Steps
		t := fhir.TypeOf(from)
		for i := 0; i < len(steps) && t != nil; i++ {
			_, o, ok := t.Key(steps[i].Key)
			if !ok {
				break
			}
			if t = o.Type; i == len(steps)-1 && (len(o.Targets) == 0 || slices.Contains(o.Targets, typ)) {
				return true
			}
		}
	}
	return false
}

// operationsOn lists the operations that where is true of, on a type or on
// the whole system.
func (a *API) operationsOn(typ string, where func(o *Operation) bool) []object {
	var names []string
	for name, o := range a.operations {
		if where(o) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []object
	for _, name := range names {
		definition := a.operations[name].Definition
		if own := a.operations[name].Definitions[typ]; own != "" {
			definition = own
		}
		if definition == "" {
			continue // a place to ask how far something is, no operation of its own
		}
		out = append(out, object{"name": name, "definition": definition})
	}
	return out
}

// usCore lists the profiles of US Core by type.
func usCore(library *facts.Library) map[string][]string {
	out := map[string][]string{}
	for _, e := range library.Entries() {
		if e.Kind == facts.StructureKind && e.Profile && e.Of != "Extension" && strings.HasPrefix(e.URL, "http://hl7.org/fhir/us/core/StructureDefinition/") &&
			fhir.IsType(e.Of) && !slices.Contains(out[e.Of], e.URL) {
			out[e.Of] = append(out[e.Of], e.URL)
		}
	}
	return out
}

// security says where tokens are had.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
func (a *API) security() object {
	host := a.host()
	var uris []object
	for _, e := range [][2]string{
		{"authorize", "/oauth/authorize"}, {"token", "/oauth/token"}, {"register", "/oauth/register"},
		{"introspect", "/oauth/introspect"}, {"revoke", "/oauth/revoke"}, {"manage", "/apps"},
	} {
		uris = append(uris, object{"url": e[0], "valueUri": host + e[1]})
	}
	return object{
		"cors": true,
		"service": []object{{
			"coding": []object{{"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR", "display": "SMART-on-FHIR"}},
			"text":   "OAuth2 by SMART App Launch",
		}},
		"description": "A bearer token of SMART App Launch or of SMART Backend Services.",
		"extension": []object{{
			"url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris", "extension": uris,
		}},
	}
}

// terminology is the TerminologyCapabilities.
//
// Spec: https://hl7.org/fhir/R4/terminologycapabilities.html
func (a *API) terminology(library *facts.Library) object {
	var systems []object
	for _, e := range library.Entries() {
		if e.Kind != facts.CodeSystemKind {
			continue
		}
		one := object{"uri": e.URL}
		if e.Version != "" {
			one["version"] = []object{{"code": e.Version}}
		}
		systems = append(systems, one)
	}
	out := object{
		"resourceType": "TerminologyCapabilities", "id": "hale", "url": a.Base + "/metadata?mode=terminology", "name": "HaleTerminology",
		"status": "active", "date": a.Built.UTC().Format(time.RFC3339), "kind": "instance",
		"software": object{"name": "Hale", "version": a.version()}, "implementation": object{"description": a.Name, "url": a.Base},
		"codeSearch": "all",
	}
	if len(systems) > 0 {
		out["codeSystem"] = systems
	}
	if a.operations["expand"] != nil {
		out["expansion"] = object{"hierarchical": false, "paging": true, "incomplete": false}
	}
	if a.operations["validate-code"] != nil {
		out["validateCode"] = object{"translations": false}
	}
	return out
}
