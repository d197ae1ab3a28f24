package record

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// mostIncluded is how many resources a page includes, and mostRounds how
// often what was included is looked at again.
const (
	mostIncluded = 1000
	mostRounds   = 4

	mostInclusions = 40 // in one search
)

// inclusion is one _include or _revinclude: Type:parameter:target.
type inclusion struct {
	typ, name, target string
	reverse, again    bool
}

// readInclusions reads what a search asks to include.
//
// Spec: https://hl7.org/fhir/R4/search.html#include
func (q *query) readInclusions(v url.Values) ([]inclusion, error) {
	var list []inclusion
	for _, way := range [...]string{"_include", "_revinclude", "_include:iterate", "_revinclude:iterate", "_include:recurse", "_revinclude:recurse"} {
		head, modifier, _ := strings.Cut(way, ":")
		for _, value := range v[way] {
			for one := range strings.SplitSeq(value, ",") {
				parts := strings.Split(one, ":")
				if one == "*" {
					parts = []string{q.typ, "*"}
				}
				i := inclusion{typ: parts[0], reverse: head == "_revinclude", again: modifier != ""}
				if len(parts) < 2 || len(parts) > 3 || !fhir.IsType(i.typ) {
					return nil, refuse(q.typ, head, "it is Type:parameter or Type:parameter:target")
				}
				i.name = parts[1]
				if len(parts) == 3 {
					i.target = parts[2]
				}
				if !i.fits() {
					return nil, refuse(q.typ, head, "there is no such reference")
				}
				if list = append(list, i); len(list) > mostInclusions {
					return nil, refuse(q.typ, head, "it asks to include too much")
				}
			}
		}
	}
	return list, nil
}

// fits says whether there is what i names.
func (i inclusion) fits() bool {
	if i.target != "" && !fhir.IsType(i.target) {
		return false
	}
	return len(i.parameters()) > 0
}

// parameters returns the references that i is about.
func (i inclusion) parameters() []fhir.Parameter {
	def := fhir.Define(i.typ)
	if i.name != "*" {
		p, ok := def.Parameter(i.name)
		if !ok || p.Kind != fhir.ReferenceKind {
			return nil
		}
		return []fhir.Parameter{p}
	}
	var list []fhir.Parameter
	for _, p := range def.Parameters {
		if p.Kind == fhir.ReferenceKind {
			list = append(list, p)
		}
	}
	return list
}

// including is the work of filling Found.Included.
type including struct {
	store *Store
	query *search
	found *Found
	seen  map[link]bool
}

// include adds what the search asks to include.
func (s *Store) include(ctx context.Context, q *search, v url.Values, f *Found) error {
	list, err := q.readInclusions(v)
	if err != nil || len(list) == 0 {
		return err
	}
	in := including{s, q, f, map[link]bool{}}
	for i := range f.Matches {
		in.seen[link{f.Matches[i].Type, f.Matches[i].ID}] = true
	}
	news := f.Matches
	for round := 0; round <= mostRounds && len(news) > 0 && len(f.Included) < mostIncluded; round++ {
		start := len(f.Included)
		for _, one := range list {
			if round > 0 && !one.again {
				continue
			}
			if one.reverse {
				err = in.backward(ctx, one, news)
			} else {
				err = in.forward(ctx, one, news)
			}
			if err != nil {
				return err
			}
		}
		news = slices.Clone(f.Included[start:])
	}
	return nil
}

// forward includes what list refers to.
func (in *including) forward(ctx context.Context, i inclusion, list []Resource) error {
	byType := map[string][]string{}
	def := fhir.Define(i.typ)
	for _, r := range list {
		if r.Type != i.typ {
			continue
		}
		node, err := fhir.Parse(r.Body)
		if err != nil {
			return err
		}
		for _, p := range i.parameters() {
			for _, at := range p.Elements {
				_ = walk(node, def.Elements[at].Steps, func(n fhir.Node) {
					to := link{}
					to.typ, to.id = fhir.SplitReference(in.query.relative(addressOf(n)))
					if to.typ != "" && (p.Target == "" || p.Target == to.typ) && (i.target == "" || i.target == to.typ) && !in.seen[to] {
						byType[to.typ] = once(byType[to.typ], to.id)
					}
				})
			}
		}
	}
	for typ, ids := range byType {
		a := in.store.openTo(in.query.pass)
		shown := a.visible(typ, "r", smart.Read)
		err := in.add(ctx, a, "r.typ = "+a.params.add(typ)+" and r.deleted = 0 and "+shown+" and r.id in ("+a.params.list(ids[:min(len(ids), mostIncluded)])+")")
		if err != nil {
			return err
		}
	}
	return nil
}

// addressOf is what a Reference, or a canonical, says.
func addressOf(n fhir.Node) string {
	if n.IsObject() {
		return n.Get("reference").Text()
	}
	return n.Text()
}

// backward includes what refers to list.
func (in *including) backward(ctx context.Context, i inclusion, list []Resource) error {
	byType := map[string][]string{}
	for _, r := range list {
		byType[r.Type] = append(byType[r.Type], r.ID)
	}
	def := fhir.Define(i.typ)
	for typ, ids := range byType {
		for _, p := range i.parameters() {
			if p.Target != "" && p.Target != typ || i.target != "" && i.target != typ {
				continue
			}
			a := in.store.openTo(in.query.pass)
			shown := a.visible(i.typ, "r", smart.Read)
			q := &query{typ: i.typ, def: def, asking: a}
			marks := a.params.list(ids)
			sql := "r.n in (select x.resource from reference_index x where x.param in (" + q.numbers(p, "") + ") and x.typ = " + a.params.add(typ) + " and x.id in (" + marks + "))"
			if typ == "Patient" && q.ownReference(p) {
				sql = "(" + sql + " or r.patient in (select n from patient_number where id in (" + marks + ")))"
			}
			if err := in.add(ctx, a, "r.typ = "+a.params.add(i.typ)+" and r.deleted = 0 and "+shown+" and "+sql); err != nil {
				return err
			}
		}
	}
	return nil
}

// add adds the resources that meet where and are not there yet.
func (in *including) add(ctx context.Context, a *asking, where string) error {
	left := mostIncluded - len(in.found.Included)
	if left <= 0 {
		return nil
	}
	text := columns + " where " + where + " order by r.n limit " + a.params.add(left+len(in.seen))
	text, args := compact(text, a.params.args, 1, 1)
	list, err := db.All(ctx, in.store.db, readFound, text, args...)
	if err != nil {
		return err
	}
	for i := range list {
		key := link{list[i].Type, list[i].ID}
		if in.seen[key] || len(in.found.Included) >= mostIncluded {
			continue
		}
		in.seen[key] = true
		if err := in.store.openFound(ctx, in.store.db, &list[i]); err != nil {
			return err
		}
		in.found.Included = append(in.found.Included, list[i].Resource)
	}
	return nil
}
