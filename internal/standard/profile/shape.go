package profile

import (
	"slices"
	"strings"

	"hale/internal/standard/facts"
	"hale/internal/standard/fhir"
	"hale/internal/standard/terms"
)

// shape is a type compiled: Patient, HumanName, or a part of a type that has
// a shape of its own: Observation.component.
type shape struct {
	name     string
	fields   map[string]*field // by the key in JSON
	required []*field          // one for each element that must be there
	rules    []*rule
	kind     string     // resource, complex-type
	model    *fhir.Type // for FHIRPath
}

// field is one key of an object in JSON. The keys of a choice, such as
// valueString and valueQuantity, are fields of one element.
type field struct {
	element   string // value[x]
	number    int    // of the element in its shape
	min       int
	max       int // -1: any number
	many      bool
	typ       string
	model     *fhir.Type // for FHIRPath
	primitive *primitive // nil: an object
	shape     *shape     // nil: a resource, whose type it says itself
	targets   []string   // types that a reference may lead to; nil: any
	simple    bool       // a SimpleQuantity: no comparator
	bound     *binding
	rules     []*rule
	length    int
	least     fhir.Node
	most      fhir.Node
}

// binding says which codes an element may have.
type binding struct {
	required bool // else extensible
	url      string
	set      *terms.Set
}

// shape returns the compiled type name, nil if there is no such type.
func (v *Validator) shape(name string) *shape {
	if s, ok := v.shapes.Load(name); ok {
		return s.(*shape)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.compile(name)
}

// core is where FHIR's own types are.
const core = "http://hl7.org/fhir/StructureDefinition/"

// compile makes the shape of a type, and of the types in it. The lock is
// held.
func (v *Validator) compile(name string) *shape {
	if s, ok := v.shapes.Load(name); ok {
		return s.(*shape)
	}
	if s, ok := v.making[name]; ok {
		return s
	}
	if strings.ContainsAny(name, "/|") {
		return nil
	}
	_, f, ok := v.library.Structure(core + name)
	if !ok || f.Profile || f.Kind == "primitive-type" {
		return nil
	}
	top := len(v.making) == 0
	c := compiler{v, name, map[string]*shape{}}
	s := c.part("", f.Kind)
	v.making[name] = s
	for _, e := range f.Elements {
		c.add(e)
	}
	for _, part := range c.parts {
		part.finish()
	}
	if top { // only now is everything that it leads to complete
		for name, s := range v.making {
			v.shapes.Store(name, s)
		}
		clear(v.making)
	}
	return s
}

// compiler makes the shapes of one type.
type compiler struct {
	v     *Validator
	name  string
	parts map[string]*shape // by the id of the element
}

func (c *compiler) part(id, kind string) *shape {
	if s, ok := c.parts[id]; ok {
		return s
	}
	s := &shape{name: strings.TrimSuffix(c.name+"."+id, "."), fields: map[string]*field{}, kind: kind}
	s.model = fhir.TypeOf(s.name)
	c.parts[id] = s
	return s
}

// add adds an element to the shape that it is part of.
func (c *compiler) add(e facts.Element) {
	if e.ID == "" {
		c.parts[""].rules = c.v.rules(e.Rules)
		return
	}
	at := strings.LastIndexByte(e.ID, '.')
	parent := c.part(e.ID[:max(at, 0)], "")
	name := e.ID[at+1:]
	f := field{element: name, number: parent.elements(), min: e.Min, max: maximum(e.Max), many: e.Array, length: e.Length, rules: c.v.rules(e.Rules)}
	f.least, f.most = parsed(e.Least), parsed(e.Most)
	f.bound = c.v.binding(e.Strength, e.ValueSet)
	if e.Same != "" {
		f.typ, f.shape = "BackboneElement", c.part(e.Same, "")
		f.model = f.shape.model
		parent.fields[name] = &f
		return
	}
	base, choice := strings.CutSuffix(name, "[x]")
	if name == "id" && parent.kind == "resource" {
		e.Types = []facts.Type{{Code: "id"}} // R4 itself says string, by mistake
	}
	for _, t := range e.Types {
		own := f
		own.typ, own.model = t.Code, fhir.TypeOf(t.Code)
		c.fill(&own, e.ID, t)
		key := name
		if choice {
			key = base + upper(t.Code)
		}
		parent.fields[key] = &own
	}
}

// fill says what a field's values are.
func (c *compiler) fill(f *field, id string, t facts.Type) {
	if p := primitives[t.Code]; p != nil {
		f.primitive = p
		return
	}
	switch t.Code {
	case "Resource", "DomainResource":
		return
	case "BackboneElement", "Element":
		f.shape = c.part(id, "")
		f.model = f.shape.model
	default:
		f.shape = c.v.compile(t.Code)
	}
	if t.Code == "Reference" {
		f.targets = c.v.targets(t.Targets)
	}
	for _, p := range t.Profiles {
		f.simple = f.simple || strings.HasSuffix(p, "/SimpleQuantity")
	}
}

// targets turns what a reference may lead to into types; nil is any.
func (v *Validator) targets(profiles []string) []string {
	var list []string
	for _, p := range profiles {
		name, ok := strings.CutPrefix(p, core)
		if !ok || !fhir.IsType(name) {
			e, known := v.library.Find(facts.StructureKind, p)
			if !known {
				return nil
			}
			name = e.Of
		}
		if name == "Resource" {
			return nil
		}
		list = append(list, name)
	}
	return list
}

// elements counts the elements of s so far.
func (s *shape) elements() int {
	n := 0
	for _, f := range s.fields {
		n = max(n, f.number+1)
	}
	return n
}

// finish lists what must be there.
func (s *shape) finish() {
	seen := map[int]bool{}
	for _, f := range s.fields {
		if f.min > 0 && !seen[f.number] {
			seen[f.number] = true
			s.required = append(s.required, f)
		}
	}
	slices.SortFunc(s.required, func(a, b *field) int { return a.number - b.number })
	if s.kind == "resource" {
		s.fields["resourceType"] = &field{element: "resourceType", number: 127, max: 1, typ: "code", primitive: primitives["code"]}
	}
}

func maximum(text string) int {
	if text == "*" || text == "" {
		return -1
	}
	return number([]byte(text))
}

func upper(code string) string { return strings.ToUpper(code[:1]) + code[1:] }

// parsed reads a value of a definition; the zero Node if there is none.
func parsed(raw []byte) fhir.Node {
	if raw == nil {
		return fhir.Node{}
	}
	n, err := fhir.Parse(raw)
	if err != nil {
		return fhir.Node{}
	}
	return n
}

// binding returns what a definition binds an element to, nil where nothing
// follows from it.
func (v *Validator) binding(strength, url string) *binding {
	if strength != "required" && strength != "extensible" || url == "" {
		return nil
	}
	set := v.terms.Set(url)
	if set == nil {
		return nil
	}
	return &binding{required: strength == "required", url: url, set: set}
}
