package fhirxml

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"hale/internal/standard/fhir"
)

// Decode returns the resource that text, XML, holds as JSON. Its error is a
// *ShapeError, or about text that is no XML.
func Decode(text []byte) ([]byte, error) {
	d := decoder{in: xml.NewDecoder(bytes.NewReader(text)), text: text}
	for {
		at := d.in.InputOffset()
		tok, err := d.in.Token()
		if err != nil {
			return nil, unreadable(err)
		}
		switch tok := tok.(type) {
		case xml.Directive:
			return nil, &ShapeError{"", "there is a document type, which FHIR does not allow"}
		case xml.StartElement:
			body, err := d.resource(tok, at, 0)
			if err != nil {
				return nil, err
			}
			return body, d.rest()
		}
	}
}

// rest checks that nothing follows the resource.
func (d *decoder) rest() error {
	for {
		tok, err := d.in.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unreadable(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement, xml.EndElement, xml.Directive:
			return &ShapeError{"", "something follows the end"}
		case xml.CharData:
			if len(bytes.TrimSpace(tok)) > 0 {
				return &ShapeError{"", "something follows the end"}
			}
		}
	}
}

func unreadable(err error) error {
	return &ShapeError{"", "not well-formed XML: " + strings.TrimPrefix(err.Error(), "XML syntax error on ")}
}

type decoder struct {
	in   *xml.Decoder
	text []byte
	path []string
}

func (d *decoder) fail(reason string) error {
	return &ShapeError{strings.Join(d.path, "."), reason}
}

// members are the members of a JSON object in the order in which they came.
type members struct {
	keys   []string
	values map[string]*member
}

// member is one element: its values, and what primitives have beside them.
type member struct {
	many          bool
	values, extra [][]byte
	besides       bool
}

// resource reads a resource whose start was read.
func (d *decoder) resource(start xml.StartElement, at int64, depth int) ([]byte, error) {
	name := start.Name.Local
	t := resourceType(name)
	if t == nil || start.Name.Space != Namespace {
		return nil, d.fail("not a resource of R4 in the namespace " + Namespace)
	}
	d.path = append(d.path, name)
	defer func() { d.path = d.path[:len(d.path)-1] }()
	if len(attributes(start)) > 0 {
		return nil, d.fail("a resource has no attributes")
	}
	m, err := d.children(t, depth)
	if err != nil {
		return nil, err
	}
	return m.json(`"resourceType":"` + name + `"`)
}

// attributes are those that are no namespaces and no schemas' places.
func attributes(start xml.StartElement) map[string]string {
	out := map[string]string{}
	for _, a := range start.Attr {
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" || a.Name.Space == "http://www.w3.org/2001/XMLSchema-instance" {
			continue
		}
		out[a.Name.Local] = a.Value
	}
	return out
}

// children reads the elements of t up to its end.
func (d *decoder) children(t *fhir.Type, depth int) (*members, error) {
	if depth > deepest {
		return nil, d.fail("too deep")
	}
	m := &members{values: map[string]*member{}}
	for {
		at := d.in.InputOffset()
		tok, err := d.in.Token()
		if err != nil {
			return nil, unreadable(err)
		}
		switch tok := tok.(type) {
		case xml.EndElement:
			return m, nil
		case xml.CharData:
			if len(bytes.TrimSpace(tok)) > 0 {
				return nil, d.fail("there is text between the elements")
			}
		case xml.StartElement:
			if err := d.element(t, m, tok, at, depth); err != nil {
				return nil, err
			}
		}
	}
}

// element reads one element into m.
func (d *decoder) element(t *fhir.Type, m *members, start xml.StartElement, at int64, depth int) error {
	name := start.Name.Local
	f, o, ok := t.Key(name)
	d.path = append(d.path, name)
	defer func() { d.path = d.path[:len(d.path)-1] }()
	div := ok && name == "div" && t.Name == "Narrative"
	if !ok || start.Name.Space != Namespace && !div || attribute(t, f) || o.Type == nil {
		return d.fail("R4 has no such element")
	}
	one := m.values[name]
	if one == nil {
		one = &member{many: f.Many()}
		m.values[name] = one
		m.keys = append(m.keys, name)
	} else if !one.many {
		return d.fail("it is there more than once")
	}
	value, extra, err := d.value(o, start, at, div, depth)
	if err != nil {
		return err
	}
	one.values, one.extra = append(one.values, value), append(one.extra, extra)
	one.besides = one.besides || extra != nil
	return nil
}

// value reads what is in an element: a value, and what is beside it.
func (d *decoder) value(o *fhir.Option, start xml.StartElement, at int64, div bool, depth int) (value, extra []byte, err error) {
	switch {
	case div:
		value, err = d.narrative(start, at)
	case isResource(o.Type):
		value, err = d.inner(start, depth)
	case o.Type.Family == fhir.PrimitiveType:
		return d.primitive(o.Type, start, depth)
	default:
		value, err = d.complex(o.Type, start, depth)
	}
	return value, nil, err
}

// complex reads an element with elements of its own.
func (d *decoder) complex(t *fhir.Type, start xml.StartElement, depth int) ([]byte, error) {
	var heads []string
	for name, v := range attributes(start) {
		if name != "id" && (name != "url" || t.Name != "Extension") {
			return nil, d.fail("R4 has no such attribute")
		}
		heads = append(heads, quoted(name)+":"+quoted(v))
	}
	if len(heads) == 2 && heads[0] > heads[1] {
		heads[0], heads[1] = heads[1], heads[0]
	}
	m, err := d.children(t, depth+1)
	if err != nil {
		return nil, err
	}
	if len(heads) == 0 && len(m.keys) == 0 {
		return nil, d.fail("it is empty")
	}
	return m.json(heads...)
}

// inner reads the resource inside an element.
func (d *decoder) inner(start xml.StartElement, depth int) ([]byte, error) {
	var body []byte
	for {
		at := d.in.InputOffset()
		tok, err := d.in.Token()
		if err != nil {
			return nil, unreadable(err)
		}
		switch tok := tok.(type) {
		case xml.EndElement:
			if body == nil {
				return nil, d.fail("there is no resource in it")
			}
			return body, nil
		case xml.CharData:
			if len(bytes.TrimSpace(tok)) > 0 {
				return nil, d.fail("there is text between the elements")
			}
		case xml.StartElement:
			if body != nil || depth > deepest {
				return nil, d.fail("there is more than one resource in it")
			}
			if body, err = d.resource(tok, at, depth+1); err != nil {
				return nil, err
			}
		}
	}
}

// bare are the types whose values JSON writes without quotes.
var bare = map[string]bool{"boolean": true, "integer": true, "decimal": true, "positiveInt": true, "unsignedInt": true}

// primitive reads a value, which is an attribute, and its extensions.
func (d *decoder) primitive(t *fhir.Type, start xml.StartElement, depth int) (value, extra []byte, err error) {
	value = []byte("null")
	var heads []string
	for name, v := range attributes(start) {
		switch {
		case name == "id":
			heads = append(heads, `"id":`+quoted(v))
		case name != "value":
			return nil, nil, d.fail("R4 has no such attribute")
		case bare[t.Name]:
			if value = []byte(strings.TrimSpace(v)); !json.Valid(value) || value[0] == '"' || value[0] == '{' || value[0] == '[' || string(value) == "null" {
				return nil, nil, d.fail("the value is not a " + t.Name)
			}
		default:
			value = []byte(quoted(v))
		}
	}
	m, err := d.children(fhir.TypeOf("Element"), depth+1)
	if err != nil {
		return nil, nil, err
	}
	if len(heads) > 0 || len(m.keys) > 0 {
		extra, err = m.json(heads...)
	}
	if extra == nil && string(value) == "null" {
		return nil, nil, d.fail("it has no value")
	}
	return value, extra, err
}

// narrative returns a div as it stands in the text.
func (d *decoder) narrative(start xml.StartElement, at int64) ([]byte, error) {
	if start.Name.Space != xhtml {
		return nil, d.fail("a narrative is a div of XHTML")
	}
	if err := d.in.Skip(); err != nil {
		return nil, unreadable(err)
	}
	raw := d.text[at:d.in.InputOffset()]
	head, _, _ := bytes.Cut(raw, []byte(">"))
	if !bytes.HasPrefix(raw, []byte("<div")) || !bytes.Contains(head, []byte(`xmlns=`)) {
		return nil, d.fail("a narrative names its namespace in its own tag: <div xmlns=\"" + xhtml + "\">")
	}
	return []byte(quoted(string(raw))), nil
}

// quoted returns text as a JSON string.
func quoted(text string) string {
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	if err := w.Encode(text); err != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// json writes an object: heads first, then the members.
func (m *members) json(heads ...string) ([]byte, error) {
	out := append([]byte("{"), strings.Join(heads, ",")...)
	comma := func() {
		if len(out) > 1 {
			out = append(out, ',')
		}
	}
	for _, key := range m.keys {
		one := m.values[key]
		if !one.none() {
			comma()
			out = one.add(append(out, `"`+key+`":`...), one.values)
		}
		if one.besides {
			comma()
			out = one.add(append(out, `"_`+key+`":`...), one.extra)
		}
	}
	return append(out, '}'), nil
}

// none says whether an element has extensions alone.
func (m *member) none() bool {
	for _, v := range m.values {
		if string(v) != "null" {
			return false
		}
	}
	return true
}

// add adds values as the member is written: alone, or as a list.
func (m *member) add(out []byte, values [][]byte) []byte {
	if !m.many {
		return append(out, values[0]...)
	}
	out = append(out, '[')
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		if v == nil {
			v = []byte("null")
		}
		out = append(out, v...)
	}
	return append(out, ']')
}
