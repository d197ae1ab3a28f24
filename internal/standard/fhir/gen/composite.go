package main

import (
	"fmt"
	"slices"
	"strings"
)

// composite turns a parameter of several values of the same element into Go.
func (d *definition) composite(e elements, typ string, p parameter) {
	var roots []string
	for _, branch := range branches(p.Expression) {
		rest, ok := strings.CutPrefix(branch+".", typ+".")
		if !ok {
			continue // the same parameter of another type
		}
		if text, ok := d.root(e, typ, strings.TrimSuffix(rest, "."), p); ok {
			roots = append(roots, text)
		} else {
			d.skipped = append(d.skipped, fmt.Sprintf("%s.%s: a part has no element of a fitting data type: %s", typ, p.Code, branch))
		}
	}
	if len(roots) > 0 {
		d.composites = append(d.composites, fmt.Sprintf("{%q, []Root{%s}}", p.Code, strings.Join(roots, ", ")))
	}
}

// root returns one element that has the values, and they, as Go.
func (d *definition) root(e elements, typ, path string, p parameter) (string, bool) {
	var at []part
	if path != "" {
		for _, w := range strings.Split(path, ".") {
			at = append(at, part{name: w})
		}
	}
	var steps, parts []string
	for _, c := range p.Component {
		way, whole := at, false
		var list []string
		for _, branch := range branches(c.Expression) {
			if rest, ok := strings.CutPrefix(branch, "%resource."); ok {
				way, whole, branch = nil, true, rest
			}
			path, ok := simplify(typ, typ+"."+branch)
			if !ok {
				return "", false
			}
			for _, f := range e.walk(typ, append(slices.Clone(way), path.parts...), nil) {
				kind := kindOf(f.data)
				if kind == "" {
					continue
				}
				if len(way) > 0 {
					steps = nil
					for _, s := range f.steps[:len(way)] {
						steps = append(steps, s.String())
					}
				}
				list = append(list, partText(typ, kind, f, len(way)))
			}
		}
		if len(list) == 0 {
			return "", false
		}
		parts = append(parts, fmt.Sprintf("{%t, []Element{%s}}", whole, strings.Join(list, ", ")))
	}
	return fmt.Sprintf("{[]Step{%s}, []Part{%s}}", strings.Join(steps, ", "), strings.Join(parts, ", ")), true
}

// kindOf is the kind of search that a data type asks for.
func kindOf(data string) string {
	for _, kind := range []string{"reference", "quantity", "number", "date"} {
		if slices.Contains(fits[kind], data) && data != "uri" {
			return kind
		}
	}
	switch data {
	case "CodeableConcept", "Coding", "code", "boolean":
		return "token"
	case "string":
		return "string"
	}
	return ""
}

// partText returns the element of one part, from the root on, as Go.
func partText(typ, kind string, f found, skip int) string {
	name := typ
	var steps []string
	for i, s := range f.steps {
		name += "." + s.key
		if i >= skip {
			steps = append(steps, s.String())
		}
	}
	return fmt.Sprintf("{%d, %s, %q, []Step{%s}}", number(name), kindName(kind), f.short(), strings.Join(steps, ", "))
}
