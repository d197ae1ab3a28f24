package fhirpatch

import (
	"slices"
	"strings"

	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
)

// tree is a resource that can be changed.
type tree struct {
	root  *branch
	nodes map[fhir.Node]*branch
}

// branch is one JSON value.
type branch struct {
	raw           []byte // anything but an object and an array, as it stands
	object, array bool
	members       []member // of an object; of an array, without keys
	parent        *branch
}

type member struct {
	key   string
	value *branch
}

func grow(n fhir.Node) *tree {
	t := &tree{nodes: map[fhir.Node]*branch{}}
	t.root = t.branch(n, nil)
	return t
}

func (t *tree) branch(n fhir.Node, parent *branch) *branch {
	b := &branch{object: n.IsObject(), array: n.IsArray(), parent: parent}
	t.nodes[n] = b
	if !b.object && !b.array {
		b.raw = n.Raw()
		return b
	}
	for c := n.First(); c.Exists(); c = c.Next(n) {
		b.members = append(b.members, member{string(c.Key()), t.branch(c, b)})
	}
	return b
}

// copyOf is a value of the patch as a branch of its own.
func copyOf(n fhir.Node) *branch { return (&tree{nodes: map[fhir.Node]*branch{}}).branch(n, nil) }

func (t *tree) at(n fhir.Node) *branch { return t.nodes[n] }

// write appends b as JSON.
func (b *branch) write(out []byte) []byte {
	if !b.object && !b.array {
		return append(out, b.raw...)
	}
	open, end := byte('{'), byte('}')
	if b.array {
		open, end = '[', ']'
	}
	out = append(out, open)
	for i, m := range b.members {
		if i > 0 {
			out = append(out, ',')
		}
		if b.object {
			out = append(append(append(out, '"'), m.key...), '"', ':') // no key of FHIR has an escape
		}
		out = m.value.write(out)
	}
	return append(out, end)
}

func (b *branch) find(key string) int {
	return slices.IndexFunc(b.members, func(m member) bool { return m.key == key })
}

func (b *branch) get(key string) *branch {
	if i := b.find(key); i >= 0 {
		return b.members[i].value
	}
	return nil
}

// set puts value under key; nil takes the key away.
func (b *branch) set(key string, value *branch) {
	i := b.find(key)
	switch {
	case value == nil && i >= 0:
		b.members = slices.Delete(b.members, i, i+1)
	case value == nil:
	case i >= 0:
		b.members[i].value, value.parent = value, b
	default:
		b.members, value.parent = append(b.members, member{key, value}), b
	}
}

// slot is one value of an element: what it is, and what stands beside it
// under _name.
type slot struct{ value, side *branch }

// slots returns the values of the element under key.
func (b *branch) slots(key string) []slot {
	value, side := b.get(key), b.get("_"+key)
	if value == nil && side == nil {
		return nil
	}
	if (value == nil || !value.array) && (side == nil || !side.array) {
		return []slot{{value, side}}
	}
	var list []slot
	for i := 0; value != nil && i < len(value.members); i++ {
		list = append(list, slot{value: filled(value.members[i].value)})
	}
	for i := 0; side != nil && i < len(side.members); i++ {
		if i == len(list) {
			list = append(list, slot{})
		}
		list[i].side = filled(side.members[i].value)
	}
	return list
}

// filled is nil for null.
func filled(b *branch) *branch {
	if string(b.raw) == "null" {
		return nil
	}
	return b
}

// fill writes the values of the element under key.
func (b *branch) fill(key string, slots []slot, many bool) {
	if !many {
		one := slot{}
		if len(slots) > 0 {
			one = slots[0]
		}
		b.set(key, one.value)
		b.set("_"+key, one.side)
		return
	}
	b.set(key, listOf(slots, func(s slot) *branch { return s.value }))
	b.set("_"+key, listOf(slots, func(s slot) *branch { return s.side }))
}

// listOf is an array with null for what is missing, or nil where all is.
func listOf(slots []slot, part func(slot) *branch) *branch {
	list := &branch{array: true}
	any := false
	for _, s := range slots {
		v := part(s)
		if v == nil {
			v = &branch{raw: []byte("null")}
		} else {
			any = true
		}
		v.parent = list
		list.members = append(list.members, member{value: v})
	}
	if !any {
		return nil
	}
	return list
}

// rename gives the element under key another key, in the same place.
func (b *branch) rename(key, fresh string) {
	if key == fresh {
		return
	}
	for i := range b.members {
		switch b.members[i].key {
		case key:
			b.members[i].key = fresh
		case "_" + key:
			b.members[i].key = "_" + fresh
		}
	}
}

// place is where an element stands.
type place struct {
	holder *branch
	key    string // without _
	index  int
	many   bool
}

// place returns where an element stands. The resource itself stands nowhere.
func (t *tree) place(v fhirpath.Value) (place, bool) {
	b := t.at(v.Node())
	if b == nil {
		b = t.at(v.Side())
	}
	if b == nil {
		return place{}, false
	}
	return b.place()
}

func (b *branch) place() (place, bool) {
	holder, index, many := b.parent, 0, false
	if holder != nil && holder.array {
		index = slices.IndexFunc(holder.members, func(m member) bool { return m.value == b })
		b, holder, many = holder, holder.parent, true
	}
	if holder == nil || !holder.object {
		return place{}, false
	}
	for _, m := range holder.members {
		if m.value == b {
			return place{holder, strings.TrimPrefix(m.key, "_"), index, many}, true
		}
	}
	return place{}, false
}

// list returns where a list stands that found is all of.
func (t *tree) list(found fhirpath.Collection) (place, error) {
	if len(found) == 0 {
		return place{}, failed("nothing is there")
	}
	first, ok := t.place(found[0])
	if !ok || !first.many {
		return place{}, failed("it is no list")
	}
	for _, v := range found {
		p, ok := t.place(v)
		if !ok || p.holder != first.holder || p.key != first.key {
			return place{}, failed("the path leads to more than one list")
		}
	}
	if len(found) != len(first.holder.slots(first.key)) {
		return place{}, failed("the path leads to a part of a list only")
	}
	return first, nil
}

// take takes the element away, and what holds nothing any more.
func (p place) take() {
	slots := p.holder.slots(p.key)
	p.holder.fill(p.key, slices.Delete(slots, p.index, p.index+1), p.many)
	if len(p.holder.members) > 0 {
		return
	}
	if above, ok := p.holder.place(); ok {
		above.take()
	}
}

// rekey returns the key for a value of type typ in the element's place: that
// of a choice ends with its type.
func (p place) rekey(was, typ *fhir.Type) (string, error) {
	if was == nil || typ == nil || was == typ {
		return p.key, nil
	}
	ending := strings.ToUpper(was.Name[:1]) + was.Name[1:]
	name, choice := strings.CutSuffix(p.key, ending)
	if choice && name != "" {
		return name + strings.ToUpper(typ.Name[:1]) + typ.Name[1:], nil
	}
	if !alike(was, typ) {
		return "", failed("a %s cannot take the place of a %s", typ.Name, was.Name)
	}
	return p.key, nil
}

// alike says whether a value of one type is written like one of the other.
func alike(a, b *fhir.Type) bool {
	if a == b || a.Is(b) || b.Is(a) {
		return true
	}
	if a.Family != fhir.PrimitiveType || b.Family != fhir.PrimitiveType {
		return false
	}
	return written(a) == written(b)
}

// written is the kind of JSON value that a primitive is.
func written(t *fhir.Type) string {
	switch t.Name {
	case "boolean":
		return "boolean"
	case "integer", "positiveInt", "unsignedInt", "decimal":
		return "number"
	}
	return "string"
}
