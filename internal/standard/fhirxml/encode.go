package fhirxml

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"hale/internal/standard/fhir"
)

// Encode adds the resource n to dst as XML.
func Encode(dst []byte, n fhir.Node) ([]byte, error) {
	e := encoder{dst: append(dst, `<?xml version="1.0" encoding="UTF-8"?>`...)}
	if err := e.resource(n, ` xmlns="`+Namespace+`"`, 0); err != nil {
		return nil, err
	}
	return e.dst, nil
}

type encoder struct{ dst []byte }

func (e *encoder) add(parts ...string) {
	for _, p := range parts {
		e.dst = append(e.dst, p...)
	}
}

// resource adds a resource under its own name.
func (e *encoder) resource(n fhir.Node, attributes string, depth int) error {
	name := n.Get("resourceType").Text()
	t := resourceType(name)
	if t == nil {
		return &ShapeError{n.Path(), "not a resource of R4"}
	}
	e.add("<", name, attributes, ">")
	if err := e.children(t, n, depth); err != nil {
		return err
	}
	e.add("</", name, ">")
	return nil
}

// children adds the elements of n in the order of its type.
func (e *encoder) children(t *fhir.Type, n fhir.Node, depth int) error {
	if depth > deepest {
		return &ShapeError{n.Path(), "too deep"}
	}
	if err := known(t, n); err != nil {
		return err
	}
	for i := range t.Fields {
		f := &t.Fields[i]
		if attribute(t, f) {
			continue
		}
		for j := range f.Options {
			o := &f.Options[j]
			v, beside := whole(n, o.Key), whole(n, "_"+o.Key)
			if !v.Exists() && !beside.Exists() {
				continue
			}
			if err := e.repeated(t, o, v, beside, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// known checks that n has no element that its type has not.
func known(t *fhir.Type, n fhir.Node) error {
	for key, v := range n.Fields() {
		if key == "resourceType" && t.Family == fhir.ResourceType {
			continue
		}
		if _, o, ok := t.Key(strings.TrimPrefix(key, "_")); !ok || key[0] == '_' && o.Type.Family != fhir.PrimitiveType {
			return &ShapeError{v.Path(), "R4 has no such element"}
		}
	}
	return nil
}

// attribute says whether a field is written as an attribute: the id of an
// element, and the url of an extension.
func attribute(t *fhir.Type, f *fhir.Field) bool {
	return f.Name == "id" && t.Family != fhir.ResourceType || f.Name == "url" && t.Name == "Extension"
}

// whole returns the value of a key, an array as it is.
func whole(n fhir.Node, key string) fhir.Node {
	for k, v := range n.Fields() {
		if k == key {
			return v
		}
	}
	return fhir.Node{}
}

// repeated adds each value of an element. beside has what primitive values
// have beside themselves: ids and extensions.
func (e *encoder) repeated(t *fhir.Type, o *fhir.Option, v, beside fhir.Node, depth int) error {
	var values, extras []fhir.Node
	for x := range v.Each() {
		values = append(values, x)
	}
	for x := range beside.Each() {
		extras = append(extras, x)
	}
	for i := range max(len(values), len(extras)) {
		var one, extra fhir.Node
		if i < len(values) && !values[i].IsLiteral("null") {
			one = values[i]
		}
		if i < len(extras) && extras[i].IsObject() {
			extra = extras[i]
		}
		if !one.Exists() && !extra.Exists() {
			continue
		}
		if err := e.element(t, o, one, extra, depth); err != nil {
			return err
		}
	}
	return nil
}

// element adds one value.
func (e *encoder) element(t *fhir.Type, o *fhir.Option, v, extra fhir.Node, depth int) error {
	switch {
	case o.Key == "div" && t.Name == "Narrative":
		e.narrative(v.Text())
		return nil
	case isResource(o.Type):
		e.add("<", o.Key, ">")
		if err := e.resource(v, "", depth+1); err != nil {
			return err
		}
		e.add("</", o.Key, ">")
		return nil
	case o.Type != nil && o.Type.Family == fhir.PrimitiveType:
		return e.primitive(o, v, extra, depth)
	case !v.IsObject() || o.Type == nil:
		return &ShapeError{v.Path(), "not an object"}
	}
	e.add("<", o.Key)
	e.attribute("id", v.Get("id"))
	if o.Type.Name == "Extension" {
		e.attribute("url", v.Get("url"))
	}
	e.add(">")
	if err := e.children(o.Type, v, depth+1); err != nil {
		return err
	}
	e.add("</", o.Key, ">")
	return nil
}

// narrative adds a div as it is, if it is one; other text becomes the text of
// a div.
func (e *encoder) narrative(div string) {
	if isDiv(div) {
		e.add(div)
		return
	}
	e.add(`<div xmlns="`, xhtml, `">`)
	e.dst = escape(e.dst, div)
	e.add("</div>")
}

// isDiv says whether text is one well-formed div of XHTML.
func isDiv(text string) bool {
	if head, _, _ := strings.Cut(text, ">"); !strings.HasPrefix(head, "<div") || !strings.Contains(head, "xmlns=") {
		return false
	}
	in := xml.NewDecoder(strings.NewReader(text))
	depth, n := 0, 0
	for {
		tok, err := in.Token()
		if err != nil {
			return errors.Is(err, io.EOF) && n == 1
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if depth == 0 {
				n++
				if tok.Name != (xml.Name{Space: xhtml, Local: "div"}) {
					return false
				}
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.Directive, xml.ProcInst:
			return false
		}
	}
}

// primitive adds a value as an attribute, with the extensions that it has.
func (e *encoder) primitive(o *fhir.Option, v, extra fhir.Node, depth int) error {
	if v.IsObject() || v.IsArray() {
		return &ShapeError{v.Path(), "not a single value"}
	}
	e.add("<", o.Key)
	e.attribute("id", extra.Get("id"))
	e.attribute("value", v)
	if !whole(extra, "extension").Exists() {
		e.add("/>")
		return nil
	}
	e.add(">")
	if t := fhir.TypeOf("Element"); t != nil {
		if err := e.children(t, extra, depth+1); err != nil {
			return err
		}
	}
	e.add("</", o.Key, ">")
	return nil
}

func (e *encoder) attribute(name string, v fhir.Node) {
	if !v.Exists() {
		return
	}
	e.add(" ", name, `="`)
	e.dst = escape(e.dst, v.Text())
	e.add(`"`)
}

// escape adds text as it stands in an attribute. What XML cannot hold becomes
// the sign for a character that is not known.
//
// Spec: https://www.w3.org/TR/xml/#charsets
func escape(dst []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '"':
			dst = append(dst, "&quot;"...)
		case r == '\n':
			dst = append(dst, "&#10;"...)
		case r == '\r':
			dst = append(dst, "&#13;"...)
		case r == '\t':
			dst = append(dst, "&#9;"...)
		case r < ' ', r == 0xFFFE, r == 0xFFFF:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
