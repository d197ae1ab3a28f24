package ccda

import (
	"strings"
	"unicode/utf8"
)

// node is an element, or with text alone the text in one.
type node struct {
	name  string
	attrs []attr
	kids  []node
	text  string
}

type attr struct{ name, value string }

// el makes an element; what is empty among its parts is left out.
func el(name string, parts ...any) node {
	n := node{name: name}
	for _, p := range parts {
		switch p := p.(type) {
		case attr:
			n.attrs = append(n.attrs, p)
		case []attr:
			n.attrs = append(n.attrs, p...)
		case node:
			if p.name != "" || p.text != "" {
				n.kids = append(n.kids, p)
			}
		case []node:
			n.kids = append(n.kids, p...)
		case string:
			if p != "" {
				n.kids = append(n.kids, node{text: p})
			}
		}
	}
	return n
}

// at is an attribute.
func at(name, value string) attr { return attr{name, value} }

// none is an element that nothing is known about.
//
// Spec: HL7 Version 3 data types, NullFlavor
func none(name, flavor string, parts ...any) node {
	return el(name, append([]any{at("nullFlavor", flavor)}, parts...)...)
}

// write writes n as XML. Whatever the texts hold, what comes out is well
// formed.
func (n node) write(b *strings.Builder) {
	if n.name == "" {
		escape(b, n.text)
		return
	}
	b.WriteString("<" + n.name)
	for _, a := range n.attrs {
		b.WriteString(" " + a.name + `="`)
		escape(b, a.value)
		b.WriteString(`"`)
	}
	if len(n.kids) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteString(">")
	for _, k := range n.kids {
		k.write(b)
	}
	b.WriteString("</" + n.name + ">")
}

// escape writes text so that it cannot be anything but text. What XML 1.0
// has no place for becomes a replacement character.
//
// Spec: https://www.w3.org/TR/xml/#charsets
func escape(b *strings.Builder, text string) {
	for _, r := range text {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\'':
			b.WriteString("&apos;")
		case r == '\t' || r == '\n' || r == '\r':
			b.WriteString(map[rune]string{'\t': "&#9;", '\n': "&#10;", '\r': "&#13;"}[r])
		case r < ' ' || r == 0xFFFE || r == 0xFFFF || r == utf8.RuneError:
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
}
