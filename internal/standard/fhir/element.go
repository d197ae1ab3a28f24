package fhir

import "bytes"

// TextIs says whether n is a string, number or literal that reads s; it
// makes no copy of a string without escapes.
func (n Node) TextIs(s string) bool {
	if n.doc == nil {
		return false
	}
	v := n.value()
	if v.kind == object || v.kind == array {
		return false
	}
	if v.escaped {
		return n.Text() == s
	}
	return string(n.doc.src[v.start:v.end]) == s
}

// IsNumber says whether n is a number.
func (n Node) IsNumber() bool { return n.doc != nil && n.value().kind == number }

// Child returns the value under key in an object.
func (n Node) Child(key string) Node { return n.child(key) }

// Len is how many elements an array, or members an object, has.
func (n Node) Len() int {
	if n.doc == nil || n.value().kind != array && n.value().kind != object {
		return 0
	}
	count := 0
	for i := n.at + 1; i < n.value().next; i = n.doc.values[i].next {
		count++
	}
	return count
}

// Key returns the key that n has in its object, or nothing. It must not be
// changed.
func (n Node) Key() []byte {
	if n.doc == nil {
		return nil
	}
	v := n.value()
	return n.doc.src[v.keyStart:v.keyEnd]
}

// First returns the first value inside an object or array.
func (n Node) First() Node {
	if n.doc == nil || n.value().next == n.at+1 {
		return Node{}
	}
	return Node{n.doc, n.at + 1}
}

// Next returns the value that follows n inside the object or array around,
// which must be the one that n was reached by.
func (n Node) Next(around Node) Node {
	if n.doc == nil {
		return Node{}
	}
	next := n.value().next
	if next >= around.value().next {
		return Node{}
	}
	return Node{n.doc, next}
}

// Pair returns the value under name in an object, and the one under _name,
// which has the id and the extensions of a primitive.
//
// Spec: https://hl7.org/fhir/R4/json.html#primitive
func (n Node) Pair(name string) (value, side Node) {
	if !n.IsObject() {
		return Node{}, Node{}
	}
	for c := n.First(); c.Exists(); c = c.Next(n) {
		key := c.Key()
		switch {
		case string(key) == name:
			value = c
		case len(key) == len(name)+1 && key[0] == '_' && string(key[1:]) == name:
			side = c
		}
	}
	return value, side
}

// Choice returns the value of the choice called name in an object of type t,
// what stands beside it, and its type: the element valueQuantity for value.
func (n Node) Choice(t *Type, name string) (value, side Node, typ *Type) {
	if !n.IsObject() {
		return Node{}, Node{}, nil
	}
	for c := n.First(); c.Exists(); c = c.Next(n) {
		key := c.Key()
		plain := bytes.TrimPrefix(key, []byte("_"))
		if len(plain) <= len(name) || string(plain[:len(name)]) != name {
			continue
		}
		at, ok := t.keys[string(plain)]
		if !ok || at.option == anyOption || t.Fields[at.field].Name != name {
			continue
		}
		typ = t.Fields[at.field].Options[at.option].Type
		if len(plain) == len(key) {
			value = c
		} else {
			side = c
		}
	}
	return value, side, typ
}

// IsNull says whether n is null, as it stands in an array of primitives
// where one has nothing but extensions.
func (n Node) IsNull() bool {
	return n.doc != nil && n.value().kind == literal && n.doc.src[n.value().start] == 'n'
}

// Around returns the object or array that n lies in; absent for the whole
// text.
func (n Node) Around() Node {
	if n.doc == nil || n.at == 0 {
		return Node{}
	}
	from := int32(0)
	for {
		i := from + 1
		for n.doc.values[i].next <= n.at {
			i = n.doc.values[i].next
		}
		if i == n.at {
			return Node{n.doc, from}
		}
		from = i
	}
}
