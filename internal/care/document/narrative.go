package document

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"hale/internal/base/intake"
)

// maxClinical is the largest clinical document that a page shows the text of.
const maxClinical = 8 << 20

// clinical takes the words out of a CDA document: the title of each section
// and its narrative, which is what the one who signed it attests. Coded
// entries are left out, and so is every element; nil where it is no such
// document.
//
// Spec: HL7 CDA R2, 4.3.5 (narrative blocks)
func clinical(data []byte) []Block {
	n := &narrator{in: intake.NewXML(strings.NewReader(string(data)), maxClinical)}
	if err := n.read(); err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	return n.list
}

// narrator reads a clinical document.
type narrator struct {
	in    *intake.XML
	path  []string
	text  int // how many elements deep a section's text began; 0: outside
	title int
	words strings.Builder
	list  []Block
	size  int
	cells int // of the row being read
}

func (n *narrator) read() error {
	for n.size < maxText {
		token, err := n.in.Token()
		if err != nil {
			n.shut(Paragraph)
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			n.begin(t.Name.Local)
		case xml.EndElement:
			n.end(t.Name.Local)
		case xml.CharData:
			if n.text > 0 || n.title > 0 {
				n.words.Write(t)
			}
		}
	}
	return nil
}

// begin notes that an element begins.
func (n *narrator) begin(name string) {
	parent := ""
	if len(n.path) > 0 {
		parent = n.path[len(n.path)-1]
	}
	n.path = append(n.path, name)
	switch {
	case n.text > 0:
		n.inside(name)
	case parent == "section" && name == "text":
		n.text = len(n.path)
	case parent == "section" && name == "title":
		n.title = len(n.path)
	}
}

// inside parts the words of a narrative as its elements do: a cell from the
// next by a comma, the rest into blocks.
func (n *narrator) inside(name string) {
	switch name {
	case "paragraph", "list", "item", "table", "tr", "br", "caption", "content":
		if name != "content" {
			n.shut(Paragraph)
		}
		n.cells = 0
	case "td", "th":
		if n.cells > 0 && strings.TrimSpace(n.words.String()) != "" {
			n.words.WriteString(", ")
		}
		n.cells++
	}
	n.words.WriteByte(' ')
}

// end notes that an element ends.
func (n *narrator) end(name string) {
	depth := len(n.path)
	switch {
	case n.title == depth:
		n.title = 0
		n.shut(Heading)
	case n.text == depth:
		n.text = 0
		n.shut(Paragraph)
	case n.text == 0:
	case name == "item":
		n.shut(Item)
	case name == "paragraph" || name == "tr" || name == "caption":
		n.shut(Paragraph)
	}
	n.path = n.path[:depth-1]
}

// shut ends a block.
func (n *narrator) shut(kind BlockKind) {
	s := strings.Join(strings.Fields(clean(n.words.String())), " ")
	s = strings.Trim(strings.ReplaceAll(s, " ,", ","), ", ")
	n.words.Reset()
	if s != "" {
		n.list = append(n.list, Block{kind, s})
		n.size += len(s)
	}
}
