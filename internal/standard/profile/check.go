package profile

import (
	"strings"

	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
)

// check is one resource being checked.
type check struct {
	v       *Validator
	root    fhir.Node // the outermost resource
	around  fhir.Node // the resource that is not contained, for #references
	inside  fhir.Node // the resource at hand, which may be contained
	profile string    // whose word it is; empty for the type's
	issues  []Issue
	silent  int // how deep in trying whether something fits
	failed  bool
	tired   bool              // the resource at hand is too large for the rules that are left
	spent   bool              // a rule took more than it may: no other is tried
	known   map[string]string // in a bundle: address of an entry → type
	indexed fhir.Node         // whose contained resources byID has
	byID    map[string]fhir.Node
}

// full says whether enough is wrong.
func (c *check) full() bool { return len(c.issues) >= mostIssues || c.silent > 0 && c.failed }

// say notes an issue at n, or at its missing child.
func (c *check) say(sev Severity, code, rule string, n fhir.Node, child, text string) {
	if c.silent > 0 {
		c.failed = c.failed || sev == Error
		return
	}
	if c.full() {
		return
	}
	path := place(n)
	if child != "" {
		path += "." + child
	}
	i := Issue{Severity: sev, Code: code, Path: path, Text: text, Profile: c.profile, Rule: rule}
	for _, was := range c.issues {
		if was.Path == path && was.Rule == rule && (was.Text == text || code == "invariant") {
			return // the type or another profile said it
		}
	}
	c.issues = append(c.issues, i)
}

// place writes where n lies. What accompanies a primitive lies where that
// does.
func place(n fhir.Node) string {
	return strings.ReplaceAll(n.Path(), "._", ".")
}

// resource checks a resource by its type, the profiles it claims and more.
func (c *check) resource(n fhir.Node, profiles []string) {
	typ := n.Child("resourceType")
	s := c.v.shape(typ.Text())
	if !n.IsObject() || s == nil || s.kind != "resource" || !typ.IsText() || !fhir.IsType(typ.Text()) {
		c.say(Error, "structure", "type", n, "", "This is not a resource of FHIR R4: give its type in resourceType.")
		return
	}
	was, rested := c.inside, c.tired
	c.inside = n
	if costly[s.name] && len(n.Raw()) > large {
		c.tire(n)
	}
	c.object(n, s)
	c.whole(n)
	c.claims(n, profiles)
	c.inside, c.tired = was, rested
}

// costly are types whose invariants compare everything in them with
// everything else, which ends for those that are not large.
var costly = map[string]bool{"StructureDefinition": true, "ImplementationGuide": true, "TestScript": true}

const large = 256 << 10

// tire leaves the invariants of n that are still to come.
func (c *check) tire(n fhir.Node) {
	c.tired = true
	c.say(Information, "too-costly", "limit", n, "", "This is too large for all of its rules to be checked.")
}

// mostClaims is how many profiles of one resource are looked at.
const mostClaims = 20

// claims checks the profiles that n claims, and more.
func (c *check) claims(n fhir.Node, more []string) {
	meta := n.Child("meta").Child("profile")
	for p, i := meta.First(), 0; p.Exists() && i < mostClaims; p, i = p.Next(meta), i+1 {
		if !p.IsText() {
			continue
		}
		if url := p.Text(); !c.conform(n, url) {
			c.say(Information, "not-supported", "profile", p, "", "This profile does not ship with Hale and was not checked.")
		}
	}
	for _, url := range more {
		if !c.conform(n, url) {
			c.say(Error, "not-found", "profile", n, "", "The profile that was asked for does not ship with Hale. Ask for one of FHIR R4 or US Core.")
		}
	}
}

// seen notes which elements of an object are there.
type seen [2]uint64

func (s *seen) add(n int)      { s[n>>6&1] |= 1 << (n & 63) }
func (s *seen) has(n int) bool { return s[n>>6&1]&(1<<(n&63)) != 0 }

// object checks an object's members, and the object itself.
func (c *check) object(n fhir.Node, s *shape) {
	if !n.IsObject() {
		c.say(Error, "structure", "type", n, "", "Write this as an object in braces: it is of type "+s.name+".")
		return
	}
	var there seen
	content := false
	for m := n.First(); m.Exists(); m = m.Next(n) {
		if c.full() {
			return
		}
		key := m.Key()
		f := s.fields[string(key)]
		companion := false
		if f == nil && len(key) > 1 && key[0] == '_' {
			f = s.fields[string(key[1:])]
			companion = f != nil && f.primitive != nil
		}
		if f == nil || key[0] == '_' && !companion {
			c.unknown(m, s)
			continue
		}
		content = content || f.element != "id"
		if there.has(f.number) && strings.HasSuffix(f.element, "[x]") && !companion && c.twice(n, m, s, f) {
			c.say(Error, "structure", "choice", m, "", "Only one type of "+f.element+" may be there: leave the others out.")
		}
		there.add(f.number)
		if companion {
			c.companion(m, f)
			continue
		}
		c.member(m, f)
	}
	if !content {
		c.say(Error, "invariant", "ele-1", n, "", "Nothing is in this element: give it a value or leave it out.")
	}
	for _, f := range s.required {
		if !there.has(f.number) {
			c.say(Error, "required", "min", n, f.element, "Add "+f.element+": "+s.name+" must have it.")
		}
	}
	if s.name == "Extension" {
		c.extension(n)
	}
	if s.name == "Reference" {
		c.local(n)
	}
	c.hold(s.rules, fhirpath.Element(n, fhir.Node{}, s.model))
}

// twice says whether another key of m's choice stands before m. The
// companion of m's own key is none.
func (c *check) twice(n, m fhir.Node, s *shape, f *field) bool {
	for o := n.First(); o.Exists() && o != m; o = o.Next(n) {
		key := o.Key()
		if len(key) > 0 && key[0] == '_' {
			key = key[1:]
		}
		if g := s.fields[string(key)]; g != nil && g != f && g.number == f.number {
			return true
		}
	}
	return false
}

// unknown says that an object has no such member.
func (c *check) unknown(m fhir.Node, s *shape) {
	c.say(Error, "structure", "unknown", m, "", "No element of "+s.name+" has this name in FHIR R4: correct it, leave it out, or use an extension.")
}

// member checks the value or the values under one key.
func (c *check) member(m fhir.Node, f *field) {
	if !f.many {
		if m.IsArray() {
			c.say(Error, "structure", "list", m, "", "Write this without square brackets: "+f.element+" is one value.")
			return
		}
		c.value(m, f, fhir.Node{})
		return
	}
	if !m.IsArray() {
		c.say(Error, "structure", "list", m, "", "Write this in square brackets: "+f.element+" is a list.")
		return
	}
	count := 0
	for e := m.First(); e.Exists(); e = e.Next(m) {
		count++
		if c.full() {
			return
		}
		c.value(e, f, m)
	}
	if count == 0 {
		c.say(Error, "structure", "empty", m, "", "This list is empty: put something in or leave it out.")
	}
	if f.max >= 0 && count > f.max {
		c.say(Error, "structure", "max", m, "", "There are too many of "+f.element+".")
	}
}

// value checks one value of a field; list is the list it stands in.
func (c *check) value(n fhir.Node, f *field, list fhir.Node) {
	switch {
	case f.primitive != nil:
		if n.IsLiteral("null") && list.Exists() {
			return // its companion says why
		}
		if !f.primitive.ok(n) {
			c.say(Error, "value", "format", n, "", "Write this as "+f.primitive.name+": "+f.primitive.want+".")
			return
		}
		c.limits(n, f)
	case f.shape != nil:
		c.object(n, f.shape)
		if f.element == "modifierExtension" {
			c.modifier(n)
		}
		if f.targets != nil && n.IsObject() {
			c.target(n, f.targets)
		}
		if f.simple && n.Child("comparator").Exists() {
			c.say(Error, "invariant", "sqty-1", n.Child("comparator"), "", "Leave the comparator out: this quantity is exact.")
		}
	default:
		c.inner(n, f)
		return
	}
	if f.bound != nil {
		c.bound(n, f.typ, f.bound)
	}
	c.hold(f.rules, fhirpath.Element(n, fhir.Node{}, f.model))
}

// limits checks a primitive's length and range.
func (c *check) limits(n fhir.Node, f *field) {
	if f.length > 0 && letterCount(n) > f.length {
		c.say(Error, "too-long", "maxLength", n, "", "Shorten this: "+f.element+" has a greatest length.")
	}
	c.between(n, f.least, f.most)
}

// companion checks what stands beside a primitive: its id and extensions.
func (c *check) companion(m fhir.Node, f *field) {
	s := c.v.shape("Element")
	if !f.many {
		c.object(m, s)
		return
	}
	if !m.IsArray() {
		c.say(Error, "structure", "list", m, "", "Write this in square brackets: it goes with a list.")
		return
	}
	for e := m.First(); e.Exists(); e = e.Next(m) {
		if !e.IsLiteral("null") {
			c.object(e, s)
		}
	}
}

// inner checks a resource inside a resource: contained, in a bundle or in
// parameters.
func (c *check) inner(n fhir.Node, f *field) {
	around := c.around
	if f.element != "contained" {
		c.around = n
	}
	profile := c.profile
	c.profile = ""
	c.resource(n, nil)
	c.around, c.profile = around, profile
	c.hold(f.rules, fhirpath.Element(n, fhir.Node{}, f.model))
}
