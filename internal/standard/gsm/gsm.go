// Package gsm knows the characters of text messages: which of them a text
// carries in seven bits, how many messages a text is sent as, where it is
// cut, and how it is written so that it costs no more than it must.
//
// A character of the extension is an escape and a letter, and one beyond the
// first plane is a pair of units; neither is ever split over two messages.
//
// Spec: 3GPP TS 23.038 sections 6.2.1 and 6.2.1.1 (the alphabet and its
// extension); 3GPP TS 23.040 section 9.2.3.24 (how parts are joined)
package gsm

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// How many units one message carries alone, and as a part of several: septets
// of the seven-bit alphabet, or 16-bit units of UCS-2.
const (
	Alone       = 160
	Joined      = 153
	AloneWide   = 70
	JoinedWide  = 67
	MaxSegments = 255 // what the count in a part's header can say
)

// basic are the characters of the default alphabet in the order of their
// codes; the code 0x1b is the escape, which stands for none.
const basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

const escape = 0x1b

// toCode and fromCode are the alphabet both ways; extended are the codes after
// an escape.
var (
	fromCode = []rune(basic)
	toCode   = codes()
	extended = map[rune]byte{'\f': 0x0a, '^': 0x14, '{': 0x28, '}': 0x29, '\\': 0x2f, '[': 0x3c, '~': 0x3d, ']': 0x3e, '|': 0x40, '€': 0x65}
	backward = reversed()
)

func codes() map[rune]byte {
	m := make(map[rune]byte, len(fromCode))
	for i, r := range fromCode {
		if r != escape {
			m[r] = byte(i)
		}
	}
	return m
}

func reversed() map[byte]rune {
	m := make(map[byte]rune, len(extended))
	for r, c := range extended {
		m[c] = r
	}
	return m
}

// Fits says whether text needs no character outside the seven-bit alphabet
// and its extension.
func Fits(text string) bool {
	for _, r := range text {
		if septets(r) == 0 {
			return false
		}
	}
	return true
}

// septets is how many septets r takes; 0: the alphabet does not have it.
func septets(r rune) int {
	if r < 0x80 && r >= ' ' && r != '`' { // most of most texts
		switch r {
		case '^', '{', '}', '\\', '[', '~', ']', '|':
			return 2
		case 0x7f:
			return 0
		}
		return 1
	}
	if _, ok := toCode[r]; ok {
		return 1
	}
	if _, ok := extended[r]; ok {
		return 2
	}
	return 0
}

// wide is how many UTF-16 units r takes.
func wide(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}

// Size is what a text comes to.
type Size struct {
	Segments int  // messages
	Units    int  // septets, or UTF-16 units where Wide
	Wide     bool // a character outside the seven-bit alphabet is in it
	Left     int  // units that still fit in the last message
}

// Measure returns what text comes to when it is sent as it is.
func Measure(text string) Size {
	size := Size{Wide: !Fits(text)}
	one, many, width := Alone, Joined, septets
	if size.Wide {
		one, many, width = AloneWide, JoinedWide, wide
	}
	if text == "" {
		size.Left = one
		return size
	}
	count, used := 1, 0 // as parts of many
	for _, r := range text {
		n := width(r)
		size.Units += n
		if used+n > many {
			count, used = count+1, 0
		}
		used += n
	}
	if size.Units <= one {
		size.Segments, size.Left = 1, one-size.Units
		return size
	}
	size.Segments, size.Left = count, many-used
	return size
}

// Segments returns how many messages text is, and whether it needs 16-bit
// characters.
func Segments(text string) (n int, wide bool) {
	s := Measure(text)
	return s.Segments, s.Wide
}

// Split cuts text into the texts of its messages. Joined again they are text.
func Split(text string) []string {
	size := Measure(text)
	if size.Segments <= 1 {
		return []string{text}
	}
	many, width := Joined, septets
	if size.Wide {
		many, width = JoinedWide, wide
	}
	parts := make([]string, 0, size.Segments)
	from, used := 0, 0
	for at, r := range text {
		n := width(r)
		if used+n > many {
			parts = append(parts, text[from:at])
			from, used = at, 0
		}
		used += n
	}
	return append(parts, text[from:])
}

// Encode returns text in septets, one in each byte as SMPP carries them. It
// reports false where the alphabet lacks a character.
func Encode(text string) ([]byte, bool) {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if c, ok := toCode[r]; ok {
			out = append(out, c)
			continue
		}
		c, ok := extended[r]
		if !ok {
			return nil, false
		}
		out = append(out, escape, c)
	}
	return out, true
}

// Decode reads septets, one in each byte. An escape before a code that the
// extension lacks shows the letter of the default alphabet, and a lone escape
// a space, as section 6.2.1.1 says.
func Decode(b []byte) string {
	var s strings.Builder
	for i := 0; i < len(b); i++ {
		c := b[i] & 0x7f
		if c != escape {
			s.WriteRune(fromCode[c])
			continue
		}
		if i++; i == len(b) {
			s.WriteByte(' ')
			break
		}
		switch r, ok := backward[b[i]&0x7f]; {
		case ok:
			s.WriteRune(r)
		case b[i]&0x7f == escape:
			s.WriteByte(' ')
		default:
			s.WriteRune(fromCode[b[i]&0x7f])
		}
	}
	return s.String()
}

// EncodeWide returns text in UTF-16, the higher byte first: what networks
// take as UCS-2.
func EncodeWide(text string) []byte {
	out := make([]byte, 0, 2*len(text))
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}

// DecodeWide reads UTF-16, the higher byte first. A byte left over is
// dropped, and half a pair shows the mark for what cannot be read.
func DecodeWide(b []byte) string {
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
	}
	return string(utf16.Decode(units))
}

// DecodeLatin reads ISO 8859-1, which data coding 3 stands for.
func DecodeLatin(b []byte) string {
	out := make([]byte, 0, len(b))
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return string(out)
}
