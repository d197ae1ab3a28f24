// Package likeness keeps of a text what it has of its own beside one that it
// is like, as letters of one template are.
//
// A difference is a row of pairs: bytes of its own, then a piece of the base.
// Joined with the same base it gives the same text, byte for byte; with
// another one it gives nothing sensible, so a base never changes.
package likeness

import (
	"encoding/binary"
	"errors"
)

// least is how long a piece of the base has to be, to be worth naming.
const least = 16

// Most is how long a text may be.
const Most = 16 << 20

// Base is a text that others are like.
type Base struct {
	text []byte
	at   []int32 // a hash of eight bytes → one after the first place where they stand
}

const (
	bits = 14
	word = 8
)

func slot(p []byte) uint64 {
	return binary.LittleEndian.Uint64(p) * 0x9e3779b97f4a7c15 >> (64 - bits)
}

// New returns a base.
func New(text []byte) *Base {
	b := &Base{text: text, at: make([]int32, 1<<bits)}
	for i := len(text) - word; i >= 0; i-- {
		b.at[slot(text[i:])] = int32(i) + 1
	}
	return b
}

// Text is the base's own text.
func (b *Base) Text() []byte { return b.text }

// Diff appends to dst what text has of its own.
func (b *Base) Diff(dst, text []byte) []byte {
	own, next := 0, 0 // where its own bytes begin; where the base is expected to go on
	for i := 0; i+word <= len(text); {
		from, n := b.longest(text, i, next)
		if n < least {
			i++
			if next > 0 {
				next++ // a value of the same length may stand there
			}
			continue
		}
		dst = pair(dst, text[own:i], from, n)
		i += n
		own, next = i, from+n
	}
	return pair(dst, text[own:], 0, 0)
}

// longest returns where in the base what stands at i goes on for longest, of
// the two places worth looking at.
func (b *Base) longest(text []byte, i, next int) (from, n int) {
	if at := int(b.at[slot(text[i:])]) - 1; at >= 0 {
		from, n = at, b.same(text, i, at)
	}
	if next > 0 && next < len(b.text) {
		if m := b.same(text, i, next); m > n {
			from, n = next, m
		}
	}
	return from, n
}

// same returns for how many bytes text from i and the base from at agree.
func (b *Base) same(text []byte, i, at int) int {
	p, q := text[i:], b.text[at:]
	n, most := 0, min(len(p), len(q))
	for n+word <= most && binary.LittleEndian.Uint64(p[n:]) == binary.LittleEndian.Uint64(q[n:]) {
		n += word
	}
	for n < most && p[n] == q[n] {
		n++
	}
	return n
}

func pair(dst, own []byte, from, n int) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(own)))
	dst = append(dst, own...)
	dst = binary.AppendUvarint(dst, uint64(n))
	return binary.AppendUvarint(dst, uint64(from))
}

var errDiff = errors.New("likeness: not a difference from this base")

// Join returns the text that differs from base by diff.
func Join(base, diff []byte) ([]byte, error) {
	text := make([]byte, 0, len(base)+len(diff))
	for len(diff) > 0 {
		var n [3]uint64 // own, length of the piece, its place
		for i := range n {
			v, w := binary.Uvarint(diff)
			if w <= 0 || v > Most {
				return nil, errDiff
			}
			n[i], diff = v, diff[w:]
			if i > 0 {
				continue
			}
			if v > uint64(len(diff)) {
				return nil, errDiff
			}
			text, diff = append(text, diff[:v]...), diff[v:]
		}
		if n[1]+n[2] > uint64(len(base)) || uint64(len(text))+n[1] > Most {
			return nil, errDiff
		}
		text = append(text, base[n[2]:n[2]+n[1]]...)
	}
	if len(text) == 0 {
		return nil, nil
	}
	return text, nil
}

// Common returns what two texts share, in pieces long enough to be of use as
// a base: nothing that only one of them says is in it.
func Common(one, other []byte) []byte {
	var shared []byte
	diff := New(one).Diff(nil, other)
	for len(diff) > 0 {
		own, w := binary.Uvarint(diff)
		diff = diff[w+int(own):]
		n, w := binary.Uvarint(diff)
		diff = diff[w:]
		from, w := binary.Uvarint(diff)
		diff = diff[w:]
		shared = append(shared, one[from:from+n]...)
	}
	return shared
}
