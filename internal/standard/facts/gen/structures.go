package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"hale/internal/standard/facts"
)

// keepStructures turns structures into facts: all elements of a type, and of
// a profile those that say more.
func (c *collection) keepStructures() error {
	types := structures{}
	for _, s := range c.structures {
		s.byID = map[string]*element{}
		for _, e := range s.Snapshot.Element {
			_, e.ID, _ = strings.Cut(e.ID, ".")
			s.byID[e.ID] = e
		}
		if s.Derivation != "constraint" {
			types[s.Type] = s
		}
	}
	for _, s := range c.structures {
		if s.Kind == "logical" {
			continue
		}
		f, err := types.facts(s)
		if err != nil {
			fmt.Fprintln(os.Stderr, "gen: left out:", err)
			continue
		}
		entry := facts.Entry{Kind: facts.StructureKind, URL: s.URL, Version: s.Version, Name: s.Name, Title: s.Title, Of: s.Type, Profile: f.Profile}
		if err := c.keep(entry, f); err != nil {
			return err
		}
	}
	return nil
}

// native are the invariants that the validator checks without FHIRPath.
var native = []string{"ele-1", "ext-1", "dom-2", "dom-3", "dom-4", "dom-5", "dom-6", "ref-1", "txt-1", "txt-2"}

// structures are the types by name.
type structures map[string]*structure

// facts returns what is kept of s. It is an error if s constrains what its
// type does not have.
func (types structures) facts(s *structure) (facts.Structure, error) {
	profile := s.Derivation == "constraint"
	f := facts.Structure{Kind: s.Kind, Type: s.Type, Base: s.BaseDefinition, Abstract: s.Abstract, Profile: profile}
	for _, e := range s.Snapshot.Element {
		if !profile {
			f.Elements = append(f.Elements, whole(e))
			continue
		}
		base, err := types.of(s, e)
		if err != nil {
			return f, err
		}
		if d, ok := more(e, base, types); ok {
			f.Elements = append(f.Elements, d)
		}
	}
	return f, nil
}

// of returns the element of a type that the profile's element e constrains.
func (types structures) of(s *structure, e *element) (*element, error) {
	st, at := types[s.Type], ""
	if e.ID == "" {
		return st.byID[""], nil
	}
	parts := strings.Split(e.ID, ".")
	for i, part := range parts {
		name, _, _ := strings.Cut(part, ":")
		next := strings.TrimPrefix(at+"."+name, ".")
		if st.byID[next] == nil {
			st, at = types.into(s, st.byID[at], strings.Join(parts[:i], "."), st)
			next = strings.TrimPrefix(at+"."+name, ".")
		}
		if st == nil || st.byID[next] == nil {
			return nil, fmt.Errorf("%s: no type has the element %s", s.URL, e.ID)
		}
		at = next
	}
	return st.byID[at], nil
}

// into returns where the children of the element base are, which the profile
// calls id.
func (types structures) into(s *structure, base *element, id string, st *structure) (*structure, string) {
	if base.ContentReference != "" {
		_, ref, _ := strings.Cut(base.ContentReference, ".")
		return st, ref
	}
	if own := s.byID[id]; own != nil && len(own.Type) == 1 {
		return types[own.Type[0].Code], ""
	}
	if len(base.Type) == 1 {
		return types[base.Type[0].Code], ""
	}
	return nil, ""
}

// whole returns all facts of a type's element.
func whole(e *element) facts.Element {
	f := facts.Element{
		ID: e.ID, Min: e.Min, Max: e.Max, Array: e.Max != "0" && e.Max != "1", Types: typeFacts(e), Modifier: e.IsModifier,
		Fixed: e.fixed, Pattern: e.pattern, Least: e.least, Most: e.most, Length: e.MaxLength,
	}
	if _, ref, ok := strings.Cut(e.ContentReference, "."); ok {
		f.Same = ref
	}
	if e.Binding != nil {
		f.Strength, f.ValueSet = e.Binding.Strength, e.Binding.ValueSet
	}
	f.Rules = ruleFacts(e, native)
	return f
}

func typeFacts(e *element) []facts.Type {
	var list []facts.Type
	for _, t := range e.Type {
		code := t.Code
		for _, x := range t.Extension {
			if strings.HasSuffix(x.URL, "structuredefinition-fhir-type") {
				code = x.ValueURL
			}
		}
		list = append(list, facts.Type{Code: code, Profiles: t.Profile, Targets: t.TargetProfile})
	}
	return list
}

func ruleFacts(e *element, without []string) []facts.Rule {
	var list []facts.Rule
	for _, c := range e.Constraint {
		if c.Expression != "" && !slices.Contains(without, c.Key) {
			list = append(list, facts.Rule{Key: c.Key, Warning: c.Severity == "warning", Human: c.Human, Text: c.Expression})
		}
	}
	return list
}

// more returns what a profile's element says beyond the type's element base,
// and whether that is anything.
func more(e, base *element, types structures) (facts.Element, bool) {
	f := facts.Element{ID: e.ID, Min: -1, Fixed: e.fixed, Pattern: e.pattern, Least: e.least, Most: e.most, Length: e.MaxLength}
	slice := e.SliceName != ""
	if slice || e.Min != base.Min {
		f.Min = e.Min
	}
	if slice && e.Max != "*" || e.Max != base.Max {
		f.Max = e.Max
	}
	if t := typeFacts(e); !sameTypes(t, typeFacts(base)) {
		f.Types = t
	}
	if e.Binding != nil && (base.Binding == nil || *e.Binding != *base.Binding) {
		f.Strength, f.ValueSet = e.Binding.Strength, e.Binding.ValueSet
	}
	f.Rules = ruleFacts(e, known(e, base, types))
	if s := e.Slicing; s != nil && (s.Rules != "open" || !extensions(e)) {
		f.Slicing = &facts.Slicing{Rules: s.Rules, Ordered: s.Ordered}
		for _, d := range s.Discriminator {
			f.Slicing.By = append(f.Slicing.By, facts.Discriminator{Kind: d.Type, Path: d.Path})
		}
	}
	says := slice || f.Min >= 0 || f.Max != "" || f.Types != nil || f.Fixed != nil || f.Pattern != nil || f.Least != nil || f.Most != nil ||
		f.Length != 0 || f.Strength != "" || f.Rules != nil || f.Slicing != nil
	return f, says
}

// extensions says whether e is a list of extensions, which are always told
// apart by their addresses.
func extensions(e *element) bool {
	return strings.HasSuffix(e.Path, ".extension") || strings.HasSuffix(e.Path, ".modifierExtension")
}

func sameTypes(a, b []facts.Type) bool {
	return slices.EqualFunc(a, b, func(a, b facts.Type) bool {
		return a.Code == b.Code && slices.Equal(a.Profiles, b.Profiles) && slices.Equal(a.Targets, b.Targets)
	})
}

// known returns the invariants that hold for e by its type already.
func known(e, base *element, types structures) []string {
	list := slices.Clone(native)
	for _, c := range base.Constraint {
		list = append(list, c.Key)
	}
	for _, t := range e.Type {
		if st := types[t.Code]; st != nil && st.byID[""] != nil {
			for _, c := range st.byID[""].Constraint {
				list = append(list, c.Key)
			}
		}
	}
	return list
}
