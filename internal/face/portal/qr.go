package portal

import (
	"fmt"
	"strings"

	"github.com/a-h/templ"
	"rsc.io/qr"
)

// square is a QR code: each module of its path is one unit.
type square struct {
	size int // with the quiet zone
	path string
}

// quiet is how many modules stay white around a QR code.
//
// Spec: ISO/IEC 18004 §5.3.8
const quiet = 4

// newSquare makes a QR code of text, dark modules of a row joined.
func newSquare(text string) (square, error) {
	c, err := qr.Encode(text, qr.M)
	if err != nil {
		return square{}, fmt.Errorf("portal: qr: %w", err)
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
			fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
		}
	}
	return square{size: c.Size + 2*quiet, path: b.String()}, nil
}

// box is the drawing's view box.
func (s square) box() string { return fmt.Sprintf("0 0 %d %d", s.size, s.size) }

// attributes are what the drawing's element carries.
func (s square) attributes(label string) templ.Attributes {
	return templ.Attributes{"viewBox": s.box(), "role": "img", "aria-label": label}
}
