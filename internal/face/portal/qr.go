package portal

import "hale/internal/face/web"

// square is a QR code as the portal's pages draw it.
type square struct{ web.Square }

// newSquare makes a QR code of text.
func newSquare(text string) (square, error) {
	s, err := web.NewSquare(text)
	return square{s}, err
}
