package summary

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hale/internal/record"
	"hale/internal/standard/fhir"
)

// maxForeign is how many resources of another system are read.
const maxForeign = 5000

// Foreign reads FHIR bundles and resources of another system, to be shown
// and never to be put into the record as they are.
func Foreign(files ...[]byte) (Content, error) {
	var c Content
	for _, file := range files {
		n, err := fhir.Parse(file)
		if err != nil {
			return c, fmt.Errorf("summary: foreign: %w", err)
		}
		if n.Get("resourceType").Text() != "Bundle" {
			c.add(n)
			continue
		}
		for e := range n.Get("entry").Each() {
			c.add(e.Get("resource"))
		}
	}
	if len(c.List) == 0 && !c.Who.Node.Exists() {
		return c, errors.New("summary: foreign: no resource")
	}
	slices.SortStableFunc(c.List, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), b.When.Low.Compare(a.When.Low))
	})
	return c, nil
}

// add takes one resource of another system.
func (c *Content) add(n fhir.Node) {
	typ := n.Get("resourceType").Text()
	if !fhir.IsType(typ) || len(c.List) >= maxForeign {
		return
	}
	e := Entry{Resource: record.Resource{Type: typ, ID: n.Get("id").Text(), Body: n.Source()}, Node: n, When: when(typ, n)}
	switch {
	case typ == "Patient" && !c.Who.Node.Exists():
		c.Who = e
	case slices.Contains(around, typ):
		c.Around = append(c.Around, e)
	case typ != "Composition" && typ != "Patient":
		c.List = append(c.List, e)
	}
}

// Plain returns the content as plain text, for who reads it in a list of
// letters.
func (c Content) Plain() string {
	var b strings.Builder
	b.WriteString("# " + strings.Join(words("Health summary", Name(c.Who.Node)), ": ") + "\n")
	for _, l := range words(first(c.Who.Node.Get("birthDate").Text())) {
		b.WriteString("Born " + l + "\n")
	}
	for _, s := range c.Sections() {
		b.WriteString("\n# " + s.Title + "\n")
		for _, row := range s.Rows {
			b.WriteString("- " + strings.Join(words(row...), " · ") + "\n")
		}
	}
	return b.String()
}
