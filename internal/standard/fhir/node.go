package fhir

import (
	"iter"
	"strconv"
	"strings"
)

// kind is the kind of a JSON value.
type kind uint8

const (
	object kind = iota + 1
	array
	text
	number
	literal // true, false, null
)

// value is one JSON value. Values lie in one list in the order of the text,
// so the children of a value follow it and end where next says.
type value struct {
	start, end       uint32 // the value's bytes; a string without its quotes
	keyStart, keyEnd uint32 // its key's bytes without quotes, in an object
	next             int32  // the first value that is not inside this one
	kind             kind
	escaped          bool // the string has escapes
}

// document is a parsed text.
type document struct {
	src    []byte
	values []value
}

// Node is a position in a parsed JSON text. The zero Node is absent: every
// method on it answers with nothing.
type Node struct {
	doc *document
	at  int32
}

func (n Node) value() *value { return &n.doc.values[n.at] }

// Exists says whether there is a value.
func (n Node) Exists() bool { return n.doc != nil }

// IsObject says whether n is an object.
func (n Node) IsObject() bool { return n.doc != nil && n.value().kind == object }

// IsArray says whether n is an array.
func (n Node) IsArray() bool { return n.doc != nil && n.value().kind == array }

// IsText says whether n is a string.
func (n Node) IsText() bool { return n.doc != nil && n.value().kind == text }

// Span returns where n's value lies in the parsed text, a string with its
// quotes.
func (n Node) Span() (start, end int) {
	if n.doc == nil {
		return 0, 0
	}
	v := n.value()
	if v.kind == text {
		return int(v.start) - 1, int(v.end) + 1
	}
	return int(v.start), int(v.end)
}

// Raw returns n's bytes as they stand in the parsed text.
func (n Node) Raw() []byte {
	if n.doc == nil {
		return nil
	}
	start, end := n.Span()
	return n.doc.src[start:end:end]
}

// Source returns the whole text that n is a position in.
func (n Node) Source() []byte {
	if n.doc == nil {
		return nil
	}
	return n.doc.src
}

// Get returns the value at path, key by key. An array on the way stands for
// its first element.
func (n Node) Get(path ...string) Node {
	for _, key := range path {
		n = n.first().child(key)
	}
	return n
}

// first returns an array's first element, and anything else itself.
func (n Node) first() Node {
	for n.doc != nil && n.value().kind == array {
		v := n.value()
		if v.next == n.at+1 {
			return Node{}
		}
		n.at++
	}
	return n
}

func (n Node) child(key string) Node {
	if n.doc == nil || n.value().kind != object {
		return Node{}
	}
	end := n.value().next
	for i := n.at + 1; i < end; i = n.doc.values[i].next {
		v := &n.doc.values[i]
		if string(n.doc.src[v.keyStart:v.keyEnd]) == key {
			return Node{n.doc, i}
		}
	}
	return Node{}
}

// Each returns the elements of an array. A single value yields itself, an
// absent one nothing.
func (n Node) Each() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if n.doc == nil {
			return
		}
		if n.value().kind != array {
			yield(n)
			return
		}
		end := n.value().next
		for i := n.at + 1; i < end; i = n.doc.values[i].next {
			if !yield(Node{n.doc, i}) {
				return
			}
		}
	}
}

// Fields returns the keys and values of an object.
func (n Node) Fields() iter.Seq2[string, Node] {
	return func(yield func(string, Node) bool) {
		if !n.IsObject() {
			return
		}
		end := n.value().next
		for i := n.at + 1; i < end; i = n.doc.values[i].next {
			v := &n.doc.values[i]
			if !yield(string(n.doc.src[v.keyStart:v.keyEnd]), Node{n.doc, i}) {
				return
			}
		}
	}
}

// Texts returns every string inside n under the key named key, at any depth.
func (n Node) Texts(key string) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if n.doc == nil {
			return
		}
		for i := n.at; i < n.value().next; i++ {
			v := &n.doc.values[i]
			if v.kind == text && string(n.doc.src[v.keyStart:v.keyEnd]) == key && !yield(Node{n.doc, i}) {
				return
			}
		}
	}
}

// Holding returns every object inside n, at any depth and n itself included,
// that has a string under the key named key.
func (n Node) Holding(key string) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if n.doc == nil {
			return
		}
		var inside []int32 // the values around the one at hand
		for i := n.at; i < n.value().next; i++ {
			for len(inside) > 0 && n.doc.values[inside[len(inside)-1]].next <= i {
				inside = inside[:len(inside)-1]
			}
			v := &n.doc.values[i]
			if v.kind == text && len(inside) > 0 && string(n.doc.src[v.keyStart:v.keyEnd]) == key && !yield(Node{n.doc, inside[len(inside)-1]}) {
				return
			}
			if v.kind == object || v.kind == array {
				inside = append(inside, i)
			}
		}
	}
}

// Text returns a string's text, a number's or literal's own letters, and
// nothing for anything else.
func (n Node) Text() string {
	n = n.first()
	if n.doc == nil {
		return ""
	}
	v := n.value()
	switch {
	case v.kind == text && v.escaped:
		return unescape(n.doc.src[v.start:v.end])
	case v.kind == text, v.kind == number, v.kind == literal && n.doc.src[v.start] != 'n':
		return string(n.doc.src[v.start:v.end])
	}
	return ""
}

// Number returns a number's value.
func (n Node) Number() (float64, bool) {
	n = n.first()
	if n.doc == nil || n.value().kind != number {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(n.Raw()), 64)
	return f, err == nil
}

// Bool returns whether n is the literal true.
func (n Node) Bool() bool { return n.first().IsLiteral("true") }

// IsLiteral says whether n is the literal word: true, false or null.
func (n Node) IsLiteral(word string) bool {
	return n.doc != nil && n.value().kind == literal && string(n.Raw()) == word
}

// Path returns where n lies, as FHIRPath writes it: Observation.code.coding[0].
func (n Node) Path() string {
	if n.doc == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString((Node{n.doc, 0}).child("resourceType").Text())
	n.doc.path(&b, 0, n.at)
	return strings.TrimPrefix(b.String(), ".")
}

// path writes the way from the value from down to the value to.
func (d *document) path(b *strings.Builder, from, to int32) {
	for from != to {
		index, i := 0, from+1
		for d.values[i].next <= to {
			i = d.values[i].next
			index++
		}
		if d.values[from].kind == array {
			b.WriteString("[" + strconv.Itoa(index) + "]")
		} else {
			b.WriteString("." + string(d.src[d.values[i].keyStart:d.values[i].keyEnd]))
		}
		from = i
	}
}
