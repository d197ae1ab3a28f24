package reach

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"

	"golang.org/x/image/draw"

	"hale/internal/reach/template"
)

// Inline is a picture that comes with an e-mail and is shown in it: never one
// that the reader's program would have to fetch.
type Inline struct {
	ID    string // cid:ID in the page
	Media string
	Body  []byte
}

// The measures of a logo in an e-mail, in pixels: it is shown half as high
// and wide, so that it is sharp on every screen.
const (
	logoHigh = 80
	logoWide = 400
	mostLogo = 24 << 10 // bytes; a larger one would weigh on every mail
)

const logoID = "logo@hale"

// logo is a clinic's logo as its e-mails have it.
type logo struct {
	Inline
	sign string // how the page shows it, in the place of the letter
}

// newLogo makes the logo of e-mails of a picture, PNG or JPEG. It is drawn on
// white: what is dark on nothing would be gone on a dark page. It returns nil
// where there is none, or none that is small enough.
func newLogo(picture []byte) *logo {
	if len(picture) == 0 {
		return nil
	}
	src, _, err := image.Decode(bytes.NewReader(picture))
	if err != nil || src.Bounds().Empty() {
		return nil
	}
	w, h := src.Bounds().Dx(), src.Bounds().Dy()
	if h > logoHigh {
		w, h = max(1, w*logoHigh/h), logoHigh
	}
	if w > logoWide {
		w, h = logoWide, max(1, h*logoWide/w)
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(dst, dst.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.CatmullRom.Scale(dst, dst.Bounds(), src, src.Bounds(), draw.Over, nil)
	l := &logo{Inline: Inline{ID: logoID, Media: "image/png"}, sign: template.Picture(logoID, (w+1)/2, (h+1)/2)}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, dst); err != nil {
		return nil
	}
	if b.Len() > mostLogo { // a photograph
		b.Reset()
		l.Media = "image/jpeg"
		if err := jpeg.Encode(&b, dst, &jpeg.Options{Quality: 80}); err != nil || b.Len() > mostLogo {
			return nil
		}
	}
	l.Body = b.Bytes()
	return l
}

// signed has an e-mail wear the clinic's logo, unless it is one that does not
// say who writes.
func (e *Engine) signed(h *Handoff, neutral bool) {
	l := e.voice.Load().logo
	if l == nil || neutral || h.HTML == "" {
		return
	}
	page := template.Sign(h.HTML, l.sign)
	if !strings.Contains(page, "cid:"+logoID) { // a page that wears no sign
		return
	}
	h.HTML, h.Inline = page, []Inline{l.Inline}
}
