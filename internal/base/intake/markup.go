package intake

import (
	"encoding/xml"
	"errors"
	"io"
)

// What an XML document may have.
const (
	maxDepth  = 64
	maxTokens = 2 << 20
	maxName   = 256
)

// XML reads a document token by token: no document type, no entities but the
// five of XML itself, bounded depth, length and number of tokens.
type XML struct {
	d      *xml.Decoder
	in     *io.LimitedReader
	depth  int
	tokens int
}

// NewXML reads in, of which at most limit bytes may be there.
func NewXML(in io.Reader, limit int64) *XML {
	l := &io.LimitedReader{R: in, N: limit + 1}
	d := xml.NewDecoder(l)
	d.Entity, d.CharsetReader = nil, nil
	return &XML{d: d, in: l}
}

// Token returns the next element, end or text; io.EOF at the end. Comments
// and instructions are passed over. The token's memory is good until the next
// call.
func (x *XML) Token() (xml.Token, error) {
	for {
		token, err := x.d.Token()
		switch {
		case x.in.N <= 0:
			return nil, errLarge
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		case err != nil:
			return nil, errMarkup.Because(err)
		}
		if x.tokens++; x.tokens > maxTokens {
			return nil, errLarge
		}
		switch t := token.(type) {
		case xml.Directive: // <!DOCTYPE, with all that hides in it
			return nil, errMarkup
		case xml.StartElement:
			if x.depth++; x.depth > maxDepth || len(t.Name.Local) > maxName || len(t.Attr) > maxName {
				return nil, errMarkup
			}
			return t, nil
		case xml.EndElement:
			x.depth--
			return t, nil
		case xml.CharData:
			return t, nil
		}
	}
}

// Offset is how many bytes were read, to say where something is wrong.
func (x *XML) Offset() int64 { return x.d.InputOffset() }
