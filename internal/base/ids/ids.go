// Package ids makes the names of things: short, unguessable enough to be
// harmless, and sortable by the time they were made.
//
// An id is 26 lower-case letters and digits: 48 bits of milliseconds and 80
// random bits in Crockford's base 32, so it is a valid FHIR id as well.
//
// Spec: https://github.com/ulid/spec
package ids

import (
	"encoding/base32"
	"encoding/binary"
	"io"
	"sync"
	"time"
)

// Source makes ids. It is safe for use by many goroutines.
type Source struct {
	now  func() time.Time
	rand io.Reader

	mu   sync.Mutex
	last [16]byte
}

// NewSource returns a source that takes the time from now and randomness
// from rand.
func NewSource(now func() time.Time, rand io.Reader) *Source {
	return &Source{now: now, rand: rand}
}

var alphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// New returns a new id, greater than every id this source made before in
// the same or an earlier millisecond.
func (s *Source) New() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var stamp [8]byte
	binary.BigEndian.PutUint64(stamp[:], uint64(s.now().UnixMilli())<<16)
	if string(stamp[:6]) == string(s.last[:6]) {
		increment(s.last[6:])
		return encode(s.last)
	}
	copy(s.last[:6], stamp[:6])
	if _, err := io.ReadFull(s.rand, s.last[6:]); err != nil {
		panic("ids: no randomness: " + err.Error()) // crypto/rand never fails; a test's reader must not run dry
	}
	return encode(s.last)
}

// increment adds one to the big-endian number b.
func increment(b []byte) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i]++
		if b[i] != 0 {
			return
		}
	}
}

// encode writes 128 bits as 26 characters, the first of which holds 3 bits.
func encode(b [16]byte) string {
	var padded [17]byte // two zero bits in front make 130 = 26 × 5
	var carry byte
	for i, v := range b {
		padded[i] = carry | v>>2
		carry = v << 6
	}
	padded[16] = carry
	return alphabet.EncodeToString(padded[:])[:26]
}

// Text returns the id that 128 bits are.
func Text(b [16]byte) string { return encode(b) }

// Bytes returns the 128 bits of an id, and whether it is one.
func Bytes(id string) (b [16]byte, ok bool) {
	if len(id) != 26 {
		return b, false
	}
	var raw [17]byte
	if _, err := alphabet.Decode(raw[:], []byte(id+"00")); err != nil { // 28 characters are 140 bits: 17 whole bytes, of which 128 bits are used
		return b, false
	}
	for i := range b {
		b[i] = raw[i]<<2 | raw[i+1]>>6
	}
	return b, encode(b) == id
}

// Since returns what every id made at t or later is not less than.
func Since(t time.Time) string {
	var b [16]byte
	var stamp [8]byte
	binary.BigEndian.PutUint64(stamp[:], uint64(max(t.UnixMilli(), 0))<<16)
	copy(b[:6], stamp[:6])
	return encode(b)
}
