package intake

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"slices"

	"golang.org/x/image/draw"
)

// What a picture may have.
const (
	MaxFile   = 12 << 20 // bytes as sent
	maxPixels = 40 << 20 // before it is opened: a phone's camera has 12 to 50 million
	maxSide   = 2400     // pixels of the longer side as kept; enough to read a letter
)

// File is what somebody sent, made safe to keep.
type File struct {
	Media string // image/jpeg, image/png or application/pdf
	Body  []byte
}

// Open reads a photo or a PDF by what it is, whatever its name says. A photo
// is drawn anew: what it told beside the picture (where it was taken, by
// which phone) is gone, and nothing that was hidden behind it is left. A PDF
// is kept as it is and is only ever sent to be saved.
func Open(body []byte) (File, error) {
	switch {
	case len(body) > MaxFile:
		return File{}, errLarge
	case bytes.HasPrefix(body, []byte("%PDF-")):
		if !bytes.Contains(body[max(0, len(body)-2048):], []byte("%%EOF")) {
			return File{}, errBroken
		}
		if acts(body) {
			return File{}, errActs
		}
		return File{Media: "application/pdf", Body: body}, nil
	case bytes.HasPrefix(body, []byte("\xff\xd8\xff")):
		return redraw(body, jpeg.DecodeConfig, jpeg.Decode, "image/jpeg")
	case bytes.HasPrefix(body, []byte("\x89PNG\r\n\x1a\n")):
		return redraw(body, png.DecodeConfig, png.Decode, "image/png")
	}
	return File{}, errKind
}

// acts says whether a PDF holds a program, or starts one, where that can be
// seen without unpacking it. What is packed inside is left to the scanner and
// to whatever opens it: here nothing does.
//
// Spec: ISO 32000-1, 7.3.5 (a name may be written with #xx) and 12.6.4
func acts(pdf []byte) bool {
	return slices.ContainsFunc([]string{"JavaScript", "Launch"}, func(name string) bool {
		for rest := pdf; ; {
			i := bytes.IndexByte(rest, '/')
			if i < 0 {
				return false
			}
			if rest = rest[i+1:]; named(rest, name) {
				return true
			}
		}
	})
}

// named says whether text begins with a name of PDF.
func named(text []byte, name string) bool {
	for i := range len(name) {
		if len(text) == 0 {
			return false
		}
		c, n := text[0], 1
		if c == '#' && len(text) > 2 {
			var b [1]byte
			if _, err := hex.Decode(b[:], text[1:3]); err == nil {
				c, n = b[0], 3
			}
		}
		if c != name[i] {
			return false
		}
		text = text[n:]
	}
	return true
}

type (
	measurer = func(r io.Reader) (image.Config, error)
	drawer   = func(r io.Reader) (image.Image, error)
)

// redraw opens a picture of an allowed size and writes it anew, upright and
// no larger than it need be.
func redraw(body []byte, measure measurer, open drawer, media string) (File, error) {
	c, err := measure(bytes.NewReader(body))
	if err != nil {
		return File{}, errBroken.Because(err)
	}
	if c.Width <= 0 || c.Height <= 0 || int64(c.Width)*int64(c.Height) > maxPixels {
		return File{}, errLarge
	}
	picture, err := open(bytes.NewReader(body))
	if err != nil {
		return File{}, errBroken.Because(err)
	}
	picture = upright(shrink(picture), orientation(body))
	var out bytes.Buffer
	if media == "image/png" {
		err = png.Encode(&out, picture)
	} else {
		err = jpeg.Encode(&out, picture, &jpeg.Options{Quality: 85})
	}
	if err != nil {
		return File{}, errBroken.Because(err)
	}
	return File{Media: media, Body: out.Bytes()}, nil
}

// shrink makes the longer side no more than maxSide.
func shrink(p image.Image) image.Image {
	w, h := p.Bounds().Dx(), p.Bounds().Dy()
	if w <= maxSide && h <= maxSide {
		return p
	}
	scale := float64(maxSide) / float64(max(w, h))
	small := image.NewRGBA(image.Rect(0, 0, max(1, int(float64(w)*scale)), max(1, int(float64(h)*scale))))
	draw.ApproxBiLinear.Scale(small, small.Bounds(), p, p.Bounds(), draw.Src, nil)
	return small
}

// upright turns and mirrors p as EXIF's orientation says.
//
// Spec: CIPA DC-008 (Exif 2.32), tag 0x0112
func upright(p image.Image, orientation int) image.Image {
	if orientation < 2 || orientation > 8 {
		return p
	}
	b := p.Bounds()
	w, h := b.Dx(), b.Dy()
	size := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	for y := range h {
		for x := range w {
			tx, ty := x, y
			switch orientation {
			case 2:
				tx = w - 1 - x
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				ty = h - 1 - y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			out.Set(tx, ty, p.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return out
}

// orientation reads how a camera was held, 0 where a file does not say.
func orientation(body []byte) int {
	for at := 2; at+4 <= len(body) && body[at] == 0xff; {
		size := int(binary.BigEndian.Uint16(body[at+2:]))
		if size < 2 || at+2+size > len(body) {
			return 0
		}
		segment := body[at+4 : at+2+size]
		if body[at+1] == 0xe1 && bytes.HasPrefix(segment, []byte("Exif\x00\x00")) {
			return tiffOrientation(segment[6:])
		}
		if body[at+1] == 0xda { // the picture itself begins
			return 0
		}
		at += 2 + size
	}
	return 0
}

func tiffOrientation(b []byte) int {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(b, []byte("MM\x00*")):
		order = binary.BigEndian
	case !bytes.HasPrefix(b, []byte("II*\x00")):
		return 0
	}
	if len(b) < 8 {
		return 0
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 0
	}
	n := int64(order.Uint16(b[at:]))
	for i := range n {
		entry := at + 2 + i*12
		if entry+12 > int64(len(b)) {
			return 0
		}
		if order.Uint16(b[entry:]) == 0x0112 {
			return int(order.Uint16(b[entry+8:]))
		}
	}
	return 0
}
