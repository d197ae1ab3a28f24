package fhirapi

import (
	"net/http"
	"net/url"
	"strconv"

	"hale/internal/record"
	"hale/internal/standard/fhir"
)

// lastPages is how many pages of observations $lastn looks through, the
// newest first.
const lastPages = 20

// lastN shows the newest observations of each code, as many as max says.
//
// Spec: https://hl7.org/fhir/R4/observation-operation-lastn.html
func (a *API) lastN(c *Call) (Answer, error) {
	p, err := c.Parameters()
	if err != nil {
		return Answer{}, err
	}
	most := 1
	if text := p.Text("max"); text != "" {
		if most, err = strconv.Atoi(text); err != nil || most < 1 {
			return Answer{}, refuse(http.StatusBadRequest, "value", "http.max", "max is a number above 0.")
		}
	}
	asked := criteria(c.Query)
	for _, name := range []string{"patient", "subject", "category", "code", "date"} {
		if v := p.All(name); len(v) > 0 {
			asked[name] = v
		}
	}
	q := without(asked, "max", "_sort", "_count", "_cursor", "_include", "_revinclude", "_total")
	if len(q) == 0 {
		return Answer{}, refuse(http.StatusBadRequest, "required", "http.patient", "Say whose observations, or of which code or category.")
	}
	q["_sort"], q["_count"] = []string{"-date"}, []string{"1000"}
	all, err := a.newest(c, q, most)
	if err != nil {
		return Answer{}, err
	}
	used := without(q, "_sort", "_count", "_cursor")
	used["max"] = []string{strconv.Itoa(most)}
	all.Used = used
	return a.searchset(c, "Observation/$lastn", used, all)
}

// newest gathers the newest of each code.
func (a *API) newest(c *Call, q url.Values, most int) (record.Found, error) {
	all := record.Found{}
	groups := groups{of: map[string]int{}}
	for range lastPages {
		f, err := a.find(c, "Observation", "", q)
		if err != nil {
			return all, err
		}
		all.Unknown = f.Unknown
		for _, r := range f.Matches {
			if groups.take(r) <= most {
				all.Matches = append(all.Matches, r)
			}
		}
		if f.Next == "" {
			break
		}
		q["_cursor"] = []string{f.Next}
	}
	all.Total = len(all.Matches)
	return all, nil
}

// groups counts observations that share a code, or its words where they have
// none.
type groups struct {
	of    map[string]int // code → group
	count []int
}

// take returns how many of r's group there were, with r.
func (g *groups) take(r record.Resource) int {
	node, err := fhir.Parse(r.Body)
	if err != nil {
		return 0
	}
	var keys []string
	for _, coding := range node.Get("code").Codings() {
		if coding.Code != "" {
			keys = append(keys, coding.System+"|"+coding.Code)
		}
	}
	if len(keys) == 0 {
		keys = []string{"text " + node.Get("code", "text").Text()}
	}
	at := -1
	for _, k := range keys {
		if i, ok := g.of[k]; ok {
			at = i
			break
		}
	}
	if at < 0 {
		at = len(g.count)
		g.count = append(g.count, 0)
	}
	for _, k := range keys {
		if _, ok := g.of[k]; !ok {
			g.of[k] = at
		}
	}
	g.count[at]++
	return g.count[at]
}
