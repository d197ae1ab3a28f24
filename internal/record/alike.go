package record

import (
	"context"
	"slices"

	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// alike says whether a version from before may be shown to an app whose scopes
// are on some resources of the type alone: the resource is among them now, and
// a version that says something else of what they ask need not have been.
func (l *look) alike(ctx context.Context, row versionRow, f found) (bool, error) {
	verb := smart.Search
	if l.resource != 0 {
		verb = smart.Read
	}
	some, ok := l.pass.Reaches(row.typ, verb)
	if !ok || len(some) == 0 || row.now {
		return ok, nil
	}
	if row.deleted {
		return true, nil // it says nothing but its id
	}
	st, err := l.store.stand(ctx, l.store.db, row.typ, row.id)
	if err != nil {
		return false, err
	}
	now, err := l.store.bodyOf(ctx, l.store.db, st)
	if err != nil {
		return false, err
	}
	var nodes [2]fhir.Node
	for i, body := range [...][]byte{now.Body, f.Body} {
		if nodes[i], err = fhir.Parse(body); err != nil {
			return false, err
		}
	}
	def := fhir.Define(row.typ)
	for _, q := range some {
		for name := range q {
			if name == "_id" {
				continue
			}
			p, ok := def.Parameter(name)
			if !ok || !slices.Equal(said(def, p, nodes[0]), said(def, p, nodes[1])) {
				return false, nil
			}
		}
	}
	return true, nil
}

// said returns what a resource says of what a search parameter looks at.
func said(def *fhir.Definition, p fhir.Parameter, node fhir.Node) (list []string) {
	for _, at := range p.Elements {
		walk(node, def.Elements[at].Steps, func(n fhir.Node) { list = append(list, string(n.Raw())) })
	}
	return list
}
