package segment

import (
	"strings"

	"hale/internal/access"
	"hale/internal/record/label"
)

// Labels returns the sorts of protected information that e asks about. A
// message to those whom it selects tells of it by reaching them.
func Labels(e Expr) access.Label {
	var labels access.Label
	for _, part := range e.All {
		labels |= Labels(part)
	}
	for _, part := range e.Any {
		labels |= Labels(part)
	}
	if e.Not != nil {
		labels |= Labels(*e.Not)
	}
	if e.Fact != nil && e.Fact.Key == "value" {
		if known, ok := ConceptOf(e.Fact.Value); ok {
			labels |= asked(known.Codes)
		}
	}
	if e.Has == nil {
		return labels
	}
	if known, ok := ConceptOf(e.Has.Concept); ok {
		labels |= asked(known.Codes)
	}
	for _, values := range e.Has.Query {
		for _, v := range values {
			labels |= asked(strings.Split(v, ","))
		}
	}
	return labels
}

// asked returns the labels of codes as a search names them: system|code, or
// the code alone.
func asked(codes []string) access.Label {
	var labels access.Label
	for _, one := range codes {
		system, code, piped := strings.Cut(one, "|")
		if !piped {
			system, code = "", one
		}
		labels |= label.Concept(system, code)
	}
	return labels
}
