package profile

import (
	"strings"

	"hale/internal/standard/facts"
	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
)

// program is a profile compiled: what it says beyond the type it constrains.
type program struct {
	url  string
	typ  string
	root *constraint
}

// constraint is what a profile says about one element, or about one slice of
// it.
type constraint struct {
	name     string // value[x]; the slice's own is in slice
	slice    string
	base     string // value; the name without [x]
	choice   bool
	min, max int // -1: as the type says
	types    []facts.Type
	targets  []string
	fits     []string // profiles that the values conform to
	fixed    fhir.Node
	pattern  fhir.Node
	least    fhir.Node
	most     fhir.Node
	length   int
	bound    *binding
	rules    []*rule
	children []*constraint
	slicing  *facts.Slicing
	slices   []*constraint
	tests    [][]test // of a slice: for each discriminator, what holds for its members
}

// program returns the compiled profile at an address, nil if it is not
// known or describes a type and not a profile.
func (v *Validator) program(canonical string) (p *program, known bool) {
	if p, ok := v.profiles.Load(canonical); ok {
		return p.(*program), true
	}
	e, f, ok := v.library.Structure(canonical)
	if !ok {
		return nil, false
	}
	if own := e.URL + "|" + e.Version; canonical != e.URL && canonical != own {
		return v.program(own) // a sender's way to write the version is not kept
	}
	p = &program{url: e.URL, typ: f.Type}
	if f.Profile {
		p.root = v.tree(f)
	}
	v.profiles.Store(canonical, p)
	return p, true
}

// tree arranges a profile's elements.
func (v *Validator) tree(f *facts.Structure) *constraint {
	root := &constraint{min: -1, max: -1}
	for _, e := range f.Elements {
		v.say(root.at(e.ID), e)
	}
	root.prepare()
	return root
}

// at returns the constraint at an id, making those on the way.
func (k *constraint) at(id string) *constraint {
	if id == "" {
		return k
	}
	for part := range strings.SplitSeq(id, ".") {
		name, slice, _ := strings.Cut(part, ":")
		k = k.child(name)
		if slice != "" {
			k = k.sliced(slice)
		}
	}
	return k
}

func (k *constraint) child(name string) *constraint {
	for _, c := range k.children {
		if c.name == name {
			return c
		}
	}
	c := named(name)
	k.children = append(k.children, c)
	return c
}

func (k *constraint) sliced(slice string) *constraint {
	for _, c := range k.slices {
		if c.slice == slice {
			return c
		}
	}
	c := named(k.name)
	c.slice = slice
	k.slices = append(k.slices, c)
	return c
}

func named(name string) *constraint {
	base, choice := strings.CutSuffix(name, "[x]")
	return &constraint{name: name, base: base, choice: choice, min: -1, max: -1}
}

// say notes what an element's facts say.
func (v *Validator) say(k *constraint, e facts.Element) {
	k.min, k.max = e.Min, -1
	if e.Max != "" {
		k.max = maximum(e.Max)
	}
	k.types = e.Types
	k.fixed, k.pattern, k.least, k.most = parsed(e.Fixed), parsed(e.Pattern), parsed(e.Least), parsed(e.Most)
	k.length, k.slicing = e.Length, e.Slicing
	k.bound = v.binding(e.Strength, e.ValueSet)
	k.rules = v.rules(e.Rules)
	for _, t := range e.Types {
		if t.Code == "Reference" {
			k.targets = v.targets(t.Targets)
		}
		if t.Code != "Extension" || len(t.Profiles) > 0 {
			k.fits = append(k.fits, t.Profiles...)
		}
	}
}

// prepare works out how slices are told apart, all the way down.
func (k *constraint) prepare() {
	if len(k.slices) > 0 && k.slicing == nil {
		k.slicing = &facts.Slicing{Rules: "open", By: []facts.Discriminator{{Kind: "value", Path: "url"}}}
		if k.choice {
			k.slicing.By = []facts.Discriminator{{Kind: "type", Path: "$this"}}
		}
	}
	for _, s := range k.slices {
		s.prepare()
		for _, by := range k.slicing.By {
			s.tests = append(s.tests, s.discriminate(by))
		}
	}
	for _, c := range k.children {
		c.prepare()
	}
}

// conform checks n by the profile at an address; false if it is not known.
func (c *check) conform(n fhir.Node, url string) bool {
	p, known := c.v.program(url)
	if !known {
		return false
	}
	if p.root == nil {
		return true // a type: that is checked already
	}
	if typ := n.Child("resourceType"); typ.Exists() && typ.Text() != p.typ {
		c.say(Error, "structure", "profile", n, "", "This profile is for "+p.typ+" and not for this type: leave it out of meta.profile.")
		return true
	}
	was := c.profile
	c.profile = p.url
	c.constrain(spot{node: n, kind: fhir.TypeOf(p.typ)}, p.root)
	c.profile = was
	return true
}

// spot is a value, what accompanies it, and its type, nil where that is not
// known.
type spot struct {
	node, beside fhir.Node
	kind         *fhir.Type
}

// typ is the name of the value's type.
func (s spot) typ() string {
	if s.kind == nil {
		return ""
	}
	return s.kind.Name
}

// constrain checks one value by a constraint.
func (c *check) constrain(s spot, k *constraint) {
	if c.full() {
		return
	}
	if s.node.Exists() {
		c.itself(s, k)
	}
	for _, child := range k.children {
		c.child(s, child)
	}
}

// itself checks what a constraint says of the value and not of its children.
func (c *check) itself(s spot, k *constraint) {
	n := s.node
	if k.choice && k.types != nil && !k.has(s.typ()) {
		c.say(Error, "structure", "type", n, "", "The profile does not take this type here: use "+k.names()+".")
	}
	if k.fixed.Exists() && !equal(n, k.fixed) {
		c.say(Error, "value", "fixed", n, "", "The profile fixes this value: write "+short(k.fixed)+".")
	}
	if k.pattern.Exists() && !contains(n, k.pattern) {
		c.say(Error, "value", "pattern", n, "", "The profile asks that this has at least "+short(k.pattern)+".")
	}
	if k.length > 0 && n.IsText() && letterCount(n) > k.length {
		c.say(Error, "too-long", "maxLength", n, "", "Shorten this: the profile gives it a greatest length.")
	}
	c.between(n, k.least, k.most)
	if k.bound != nil {
		c.bound(n, kindOf(n, s.typ()), k.bound)
	}
	if k.targets != nil && n.IsObject() {
		c.target(n, k.targets)
	}
	c.fit(n, k)
	c.hold(k.rules, fhirpath.Element(n, s.beside, s.kind))
}

// fit checks that a value conforms to the profile of its type, or to one of
// them.
func (c *check) fit(n fhir.Node, k *constraint) {
	if len(k.fits) == 1 && k.slice == "" || len(k.fits) == 1 && n.Child("resourceType").Exists() {
		c.conform(n, k.fits[0])
		return
	}
	if len(k.fits) < 2 {
		return
	}
	for _, url := range k.fits {
		if c.quietly(func() { c.conform(n, url) }) {
			return
		}
	}
	c.say(Error, "structure", "profile", n, "", "This conforms to none of the profiles that are asked for here.")
}

// quietly does what try does without telling, and says whether all was well.
func (c *check) quietly(try func()) bool {
	failed := c.failed
	c.silent++
	c.failed = false
	if c.silent < 8 {
		try()
	}
	ok := !c.failed
	c.silent--
	c.failed = failed
	return ok
}

// kindOf returns the data type of a value for its binding.
func kindOf(n fhir.Node, typ string) string {
	switch {
	case typ != "":
		return typ
	case n.IsText():
		return "code"
	case n.Child("coding").Exists() || n.Child("text").Exists():
		return "CodeableConcept"
	case n.Child("value").Exists():
		return "Quantity"
	}
	return "Coding"
}

func (k *constraint) has(typ string) bool {
	for _, t := range k.types {
		if t.Code == typ {
			return true
		}
	}
	return false
}

func (k *constraint) names() string {
	var list []string
	for _, t := range k.types {
		list = append(list, t.Code)
	}
	return strings.Join(list, " or ")
}

// child checks the values under one name of s.
func (c *check) child(s spot, k *constraint) {
	var room [8]spot
	list := s.values(k, room[:0])
	if len(list) < k.min {
		c.say(Error, "required", "min", c.parent(s), k.name, "Add "+k.name+": the profile asks for "+times(k.min)+".")
	}
	if k.max >= 0 && len(list) > k.max {
		c.say(Error, "structure", "max", list[k.max].any(), "", "Leave this out: the profile takes at most "+times(k.max)+" of "+k.name+".")
	}
	for _, v := range list {
		c.constrain(v, k)
	}
	if len(k.slices) > 0 {
		c.slices(s, k, list)
	}
}

// parent is the node that stands for s in a path.
func (c *check) parent(s spot) fhir.Node { return s.any() }

func (s spot) any() fhir.Node {
	if s.node.Exists() {
		return s.node
	}
	return s.beside
}

func times(n int) string {
	switch n {
	case 0:
		return "none"
	case 1:
		return "one"
	case 2:
		return "two"
	}
	return "more"
}

// values appends the values of s that k is about.
func (s spot) values(k *constraint, list []spot) []spot {
	around := s.node
	if !around.IsObject() {
		around = s.beside // a primitive's extensions stand beside it
	}
	if !k.choice {
		value, side := around.Pair(k.name)
		return gather(list, value, side, s.inside(k.name))
	}
	for m := around.First(); m.Exists(); m = m.Next(around) {
		key := m.Key()
		lone := len(key) > 0 && key[0] == '_'
		if lone {
			key = key[1:]
		}
		if len(key) <= len(k.base) || string(key[:len(k.base)]) != k.base || key[len(k.base)] < 'A' || key[len(k.base)] > 'Z' {
			continue
		}
		value, side := around.Pair(string(key))
		if !lone || !value.Exists() {
			list = gather(list, value, side, s.inside(string(key)))
		}
	}
	return list
}

// inside returns the type of what stands under a key of s.
func (s spot) inside(key string) *fhir.Type {
	if s.kind == nil {
		return nil
	}
	_, option, ok := s.kind.Key(key)
	if !ok {
		return nil
	}
	return option.Type
}

// gather appends one value or the values of a list.
func gather(list []spot, n, beside fhir.Node, kind *fhir.Type) []spot {
	if !n.IsArray() && !beside.IsArray() {
		if n.Exists() || beside.Exists() {
			list = append(list, spot{n, beside, kind})
		}
		return list
	}
	v, b := n.First(), beside.First()
	for v.Exists() || b.Exists() {
		one := spot{node: v, beside: b, kind: kind}
		if v.IsLiteral("null") {
			one.node = fhir.Node{}
		}
		if b.IsLiteral("null") {
			one.beside = fhir.Node{}
		}
		if one.node.Exists() || one.beside.Exists() {
			list = append(list, one)
		}
		v, b = v.Next(n), b.Next(beside)
	}
	return list
}
