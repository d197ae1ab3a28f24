package web

import (
	"fmt"
	"strings"

	"github.com/a-h/templ"
	"rsc.io/qr"
)

// Square is a QR code: each module of its path is one unit.
type Square struct {
	size int // with the quiet zone
	path string
}

// quietZone is how many modules stay white around a QR code.
//
// Spec: ISO/IEC 18004 §5.3.8
const quietZone = 4

// NewSquare makes a QR code of text, dark modules of a row joined. It fails
// where the text is too long for one.
func NewSquare(text string) (Square, error) {
	c, err := qr.Encode(text, qr.M)
	if err != nil {
		return Square{}, fmt.Errorf("web: square: %w", err)
	}
	var b strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; {
			if !c.Black(x, y) {
				x++
				continue
			}
			from := x
			for x < c.Size && c.Black(x, y) {
				x++
			}
			fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quietZone, y+quietZone, x-from, x-from)
		}
	}
	return Square{size: c.Size + 2*quietZone, path: b.String()}, nil
}

// box is the drawing's view box.
func (s Square) box() string { return fmt.Sprintf("0 0 %d %d", s.size, s.size) }

// attributes are what the drawing's element carries.
func (s Square) attributes(label string) templ.Attributes {
	return templ.Attributes{"viewBox": s.box(), "role": "img", "aria-label": label}
}
