package fhirapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	"hale/internal/standard/fhir"
	"hale/internal/standard/terms"
)

// termOperations adds what is asked of value sets and code systems.
func (a *API) termOperations() {
	if a.Terms == nil {
		return
	}
	const at = "http://hl7.org/fhir/OperationDefinition/"
	set, system := []string{"ValueSet"}, []string{"CodeSystem"}
	a.Operation(Operation{Name: "expand", Definition: at + "ValueSet-expand", Types: set, Type: true, Handler: a.expand})
	a.Operation(Operation{Name: "validate-code", Definition: at + "ValueSet-validate-code", Types: []string{"ValueSet", "CodeSystem"}, Type: true, Handler: a.validateCode})
	a.Operation(Operation{Name: "lookup", Definition: at + "CodeSystem-lookup", Types: system, Type: true, Handler: a.lookup})
	a.Operation(Operation{Name: "subsumes", Definition: at + "CodeSystem-subsumes", Types: system, Type: true, Handler: a.subsumes})
}

// required returns a parameter, or why it cannot be without.
func required(p Parameters, name string) (string, error) {
	text := p.Text(name)
	if text == "" {
		return "", refuse(http.StatusBadRequest, "required", "http."+name, "Say "+name+".")
	}
	return text, nil
}

// natural reads a parameter that is a number from 0 on.
func natural(p Parameters, name string) (int, error) {
	text := p.Text(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, refuse(http.StatusBadRequest, "value", "http."+name, "Write "+name+" as a number from 0 on.")
	}
	return n, nil
}

type listed struct {
	System   string `json:"system,omitempty"`
	Abstract bool   `json:"abstract,omitempty"`
	Inactive bool   `json:"inactive,omitempty"`
	Code     string `json:"code"`
	Display  string `json:"display,omitempty"`
}

// mostCodes is how many codes are listed at a time.
const mostCodes = 1000

// expand lists the codes of a value set.
//
// Spec: https://hl7.org/fhir/R4/valueset-operation-expand.html
func (a *API) expand(c *Call) (Answer, error) {
	p, err := c.Parameters()
	if err != nil {
		return Answer{}, err
	}
	want := terms.Want{Filter: p.Text("filter"), Active: p.Text("activeOnly") == "true"}
	if want.Offset, err = natural(p, "offset"); err != nil {
		return Answer{}, err
	}
	if want.Count, err = natural(p, "count"); err != nil {
		return Answer{}, err
	}
	none := want.Count == 0 && p.Text("count") != ""
	if want.Count == 0 || want.Count > mostCodes {
		want.Count = mostCodes
	}
	set, url, err := a.setOf(p)
	if err != nil {
		return Answer{}, err
	}
	found, err := set.Expand(want)
	if err != nil {
		return Answer{}, err
	}
	if none {
		found.Codes = nil
	}
	return a.expanded(set, url, want, found)
}

// setOf returns the value set that an operation is about: one that ships,
// or the one in the body.
func (a *API) setOf(p Parameters) (*terms.Set, string, error) {
	node := p.Resource("valueSet")
	if node.Get("resourceType").Text() == "ValueSet" {
		set, err := a.Terms.Compose(node)
		return set, node.Get("url").Text(), err
	}
	url, err := required(p, "url")
	if err != nil {
		return nil, "", err
	}
	at := url
	if version := p.Text("valueSetVersion"); version != "" {
		at += "|" + version
	}
	set := a.Terms.Set(at)
	if set == nil {
		return nil, "", refuse(http.StatusNotFound, "not-found", "http.url", "This value set does not ship with Hale.")
	}
	return set, url, nil
}

// expanded returns the answer that lists codes.
func (a *API) expanded(set *terms.Set, url string, want terms.Want, found terms.Expansion) (Answer, error) {
	codes := make([]listed, 0, len(found.Codes))
	for _, code := range found.Codes {
		codes = append(codes, listed{code.System, code.Abstract, code.Inactive, code.Code, code.Display})
	}
	type expansion struct {
		Timestamp string   `json:"timestamp"`
		Total     int      `json:"total"`
		Offset    int      `json:"offset"`
		Contains  []listed `json:"contains,omitempty"`
	}
	body, err := json.Marshal(struct {
		ResourceType string    `json:"resourceType"`
		URL          string    `json:"url,omitempty"`
		Version      string    `json:"version,omitempty"`
		Name         string    `json:"name,omitempty"`
		Title        string    `json:"title,omitempty"`
		Status       string    `json:"status"`
		Expansion    expansion `json:"expansion"`
	}{"ValueSet", url, set.Entry.Version, set.Entry.Name, set.Entry.Title, "active",
		expansion{a.Now().UTC().Format("2006-01-02T15:04:05Z"), found.Total, want.Offset, codes}})
	return Answer{Body: body}, err
}

// asked are the codings that an operation asks about.
func asked(p Parameters) []fhir.Coding {
	var list []fhir.Coding
	if code := p.Text("code"); code != "" {
		list = append(list, fhir.Coding{System: p.Text("system"), Code: code, Display: p.Text("display")})
	}
	for _, name := range []string{"coding", "codeableConcept"} {
		p.Each(name, func(v fhir.Node, _ string) { list = append(list, v.Codings()...) })
	}
	return list
}

var errNoCode = refuse(http.StatusBadRequest, "required", "http.code", "Say code, coding or codeableConcept.")

// validateCode says whether a code is in a value set, or is one of a code
// system.
//
// Spec: https://hl7.org/fhir/R4/valueset-operation-validate-code.html and
// https://hl7.org/fhir/R4/codesystem-operation-validate-code.html
func (a *API) validateCode(c *Call) (Answer, error) {
	p, err := c.Parameters()
	if err != nil {
		return Answer{}, err
	}
	list := asked(p)
	if len(list) == 0 {
		return Answer{}, errNoCode
	}
	has, err := a.membership(c, p)
	if err != nil {
		return Answer{}, err
	}
	unknown := false
	for _, code := range list {
		if c.Type == "CodeSystem" && code.System == "" {
			code.System = p.Text("url")
		}
		switch has(code) {
		case terms.In:
			return a.valid(code)
		case terms.Unknown:
			unknown = true
		}
	}
	if unknown {
		return Answer{}, refuse(http.StatusUnprocessableEntity, "not-supported", "http.system", "The code system of this code does not ship with Hale, so we cannot say.")
	}
	return parameters(outParameter{Name: "result", Boolean: no()}, outParameter{Name: "message", Text: "The code is not one of these."})
}

// membership returns what says whether a coding is in what c is about.
func (a *API) membership(c *Call, p Parameters) (func(fhir.Coding) terms.Answer, error) {
	if c.Type == "CodeSystem" {
		url := p.Text("url")
		return func(code fhir.Coding) terms.Answer {
			if url != "" && code.System != url {
				return terms.Out
			}
			return a.Terms.System(code.System, code.Code)
		}, nil
	}
	set, _, err := a.setOf(p)
	if err != nil {
		return nil, err
	}
	return func(code fhir.Coding) terms.Answer { return set.Has(code.System, code.Code) }, nil
}

// valid returns the answer for a code that is one, with what it is called.
func (a *API) valid(code fhir.Coding) (Answer, error) {
	out := []outParameter{{Name: "result", Boolean: yes()}}
	if known, ok := a.Terms.Lookup(code.System, code.Code); ok {
		if code.Display != "" && !sameWords(code.Display, known.Display) {
			out[0].Boolean = no()
			out = append(out, outParameter{Name: "message", Text: "The code is one of these, but it is not called that."})
		}
		out = append(out, outParameter{Name: "display", Text: known.Display})
	}
	return parameters(out...)
}

// lookup says what a code is called and where it stands.
//
// Spec: https://hl7.org/fhir/R4/codesystem-operation-lookup.html
func (a *API) lookup(c *Call) (Answer, error) {
	p, err := c.Parameters()
	if err != nil {
		return Answer{}, err
	}
	list := asked(p)
	if len(list) == 0 {
		return Answer{}, errNoCode
	}
	known, ok := a.Terms.Lookup(list[0].System, list[0].Code)
	if !ok {
		return Answer{}, refuse(http.StatusNotFound, "not-found", "http.code", "We do not know this code: its system does not ship with Hale, or does not have it.")
	}
	out := []outParameter{{Name: "name", Text: known.Name}}
	if known.Version != "" {
		out = append(out, outParameter{Name: "version", Text: known.Version})
	}
	out = append(out, outParameter{Name: "display", Text: known.Display})
	for _, up := range known.Above {
		out = append(out, property("parent", up))
	}
	for _, down := range known.Below {
		out = append(out, property("child", down))
	}
	if known.Inactive {
		out = append(out, outParameter{Name: "property", Part: []outParameter{{Name: "code", Code: "inactive"}, {Name: "value", Boolean: yes()}}})
	}
	return parameters(out...)
}

func property(name, code string) outParameter {
	return outParameter{Name: "property", Part: []outParameter{{Name: "code", Code: name}, {Name: "value", Code: code}}}
}

// subsumes says how two codes lie to each other.
//
// Spec: https://hl7.org/fhir/R4/codesystem-operation-subsumes.html
func (a *API) subsumes(c *Call) (Answer, error) {
	p, err := c.Parameters()
	if err != nil {
		return Answer{}, err
	}
	system, x, y := p.Text("system"), p.Text("codeA"), p.Text("codeB")
	coding := func(name string, code *string) {
		p.Each(name, func(v fhir.Node, _ string) { system, *code = v.Get("system").Text(), v.Get("code").Text() })
	}
	coding("codingA", &x)
	coding("codingB", &y)
	if system == "" || x == "" || y == "" {
		return Answer{}, refuse(http.StatusBadRequest, "required", "http.codeA", "Say system, codeA and codeB, or codingA and codingB.")
	}
	how, ok := a.Terms.Subsumes(system, x, y)
	if !ok {
		return Answer{}, refuse(http.StatusNotFound, "not-found", "http.system", "We do not know these codes: their system does not ship with Hale, or does not have them.")
	}
	return parameters(outParameter{Name: "outcome", Code: how})
}
