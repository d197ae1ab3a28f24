package terms

import (
	"hale/internal/base/errs"
	"hale/internal/standard/facts"
	"hale/internal/standard/fhir"
)

// mostParts is how many parts a value set that somebody sends may have.
const mostParts = 100

// Compose returns the value set that a ValueSet resource describes. It is
// errs.Invalid if it has no compose, or too much of it.
//
// Spec: https://hl7.org/fhir/R4/valueset.html#compositions
func (t *Terms) Compose(node fhir.Node) (*Set, error) {
	compose := node.Get("compose")
	include, exclude := partsOf(compose.Get("include")), partsOf(compose.Get("exclude"))
	if len(include) == 0 || len(include)+len(exclude) > mostParts {
		return nil, errs.New(errs.Invalid, "Send a value set with a compose of 1 to 100 parts.")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return &Set{
		Entry:   facts.Entry{Kind: facts.ValueSetKind, URL: node.Get("url").Text(), Version: node.Get("version").Text(), Name: node.Get("name").Text()},
		include: t.parts(include), exclude: t.parts(exclude),
	}, nil
}

func partsOf(list fhir.Node) []facts.Part {
	var out []facts.Part
	for n := range list.Each() {
		p := facts.Part{System: n.Get("system").Text()}
		for c := range n.Get("concept").Each() {
			p.Codes = append(p.Codes, facts.Concept{Code: c.Get("code").Text(), Display: c.Get("display").Text()})
		}
		for f := range n.Get("filter").Each() {
			p.Filters = append(p.Filters, facts.Filter{Property: f.Get("property").Text(), Op: f.Get("op").Text(), Value: f.Get("value").Text()})
		}
		for v := range n.Get("valueSet").Each() {
			p.Sets = append(p.Sets, v.Text())
		}
		out = append(out, p)
	}
	return out
}
