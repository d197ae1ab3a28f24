package ccda

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// elem is an element of a document that was read: enough of CDA to hold what
// is written against the rules and against the standard's own examples.
type elem struct {
	name  string
	space string
	attrs map[string]string
	kids  []*elem
	text  string
}

const v3 = "urn:hl7-org:v3"

// readTree reads a document strictly.
func readTree(r io.Reader) (*elem, error) {
	d := xml.NewDecoder(r)
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	root := &elem{}
	stack := []*elem{root}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("ccda: read: %w", err)
		}
		top := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			e := &elem{name: tok.Name.Local, space: tok.Name.Space, attrs: map[string]string{}}
			for _, a := range tok.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			top.kids = append(top.kids, e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(tok)
		}
	}
	if len(root.kids) == 0 {
		return nil, errors.New("ccda: no element")
	}
	return root.kids[0], nil
}

// all yields e and everything below it.
func (e *elem) all(visit func(e, parent *elem)) { e.walk(nil, visit) }

func (e *elem) walk(parent *elem, visit func(e, parent *elem)) {
	visit(e, parent)
	for _, k := range e.kids {
		k.walk(e, visit)
	}
}
