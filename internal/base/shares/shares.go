// Package shares splits a secret into printed shares, of which some restore
// it and fewer say nothing about it.
//
// Each byte of the secret is the constant of a random polynomial over
// GF(256); a share is the value of every polynomial at one point.
//
// Spec: A. Shamir, How to share a secret, CACM 22 (1979); the field is that
// of FIPS 197, section 4
package shares

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Share is one share of a set.
type Share struct {
	Set    [3]byte // the same in all shares of a set
	Need   byte    // how many restore the secret
	At     byte    // the point, from 1
	Values []byte
}

// The errors.
var (
	ErrShare = errors.New("shares: this is no share, or a letter is wrong in it")
	ErrFew   = errors.New("shares: too few, twice the same, or not of one set")
)

// Split returns n shares of secret, of which need restore it. Randomness is
// read from rand. It takes 2 ≤ need ≤ n ≤ 255.
func Split(rand io.Reader, secret []byte, n, need int) ([]Share, error) {
	if need < 2 || n < need || n > 255 || len(secret) == 0 {
		return nil, fmt.Errorf("shares: %d of %d cannot be made", need, n)
	}
	var set [3]byte
	if _, err := io.ReadFull(rand, set[:]); err != nil {
		return nil, fmt.Errorf("shares: %w", err)
	}
	list := make([]Share, n)
	for i := range list {
		list[i] = Share{Set: set, Need: byte(need), At: byte(i + 1), Values: make([]byte, len(secret))}
	}
	terms := make([]byte, need) // a polynomial, the constant first
	for i, b := range secret {
		if _, err := io.ReadFull(rand, terms[1:]); err != nil {
			return nil, fmt.Errorf("shares: %w", err)
		}
		terms[0] = b
		for _, s := range list {
			s.Values[i] = at(terms, s.At)
		}
	}
	return list, nil
}

// at returns the value of a polynomial at x.
func at(terms []byte, x byte) (y byte) {
	for i := len(terms) - 1; i >= 0; i-- {
		y = times(y, x) ^ terms[i]
	}
	return y
}

// Join returns the secret of shares.
func Join(list []Share) ([]byte, error) {
	if len(list) == 0 || len(list) < int(list[0].Need) {
		return nil, ErrFew
	}
	list = list[:list[0].Need]
	for i, s := range list {
		for _, other := range list[:i] {
			if s.At == other.At || s.Set != other.Set || s.Need != other.Need || len(s.Values) != len(other.Values) {
				return nil, ErrFew
			}
		}
	}
	secret := make([]byte, len(list[0].Values))
	for i, s := range list {
		weight := byte(1) // Lagrange's, at 0
		for j, other := range list {
			if j != i {
				weight = times(weight, times(other.At, inverse(other.At^s.At)))
			}
		}
		for k, v := range s.Values {
			secret[k] ^= times(v, weight)
		}
	}
	return secret, nil
}

// times multiplies in GF(256) modulo x⁸+x⁴+x³+x+1, in the same time for all
// values.
func times(a, b byte) (p byte) {
	for range 8 {
		p ^= -(b & 1) & a
		a = a<<1 ^ -(a>>7)&0x1b
		b >>= 1
	}
	return p
}

// inverse returns a²⁵⁴, which is 1/a.
func inverse(a byte) byte {
	p := byte(1)
	for range 7 {
		a = times(a, a)
		p = times(p, a)
	}
	return p
}

// letters are Crockford's: none that reads like another.
var letters = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

const (
	format = 1
	check  = 4 // bytes of a checksum
	head   = 6
)

// String returns the share as it is printed: groups of five letters and
// digits. Its last ones find a letter that was copied wrongly.
func (s Share) String() string {
	b := append([]byte{format, s.Set[0], s.Set[1], s.Set[2], s.Need, s.At}, s.Values...)
	sum := sha256.Sum256(b)
	text := letters.EncodeToString(append(b, sum[:check]...))
	var groups []string
	for len(text) > 5 {
		groups = append(groups, text[:5])
		text = text[5:]
	}
	return strings.Join(append(groups, text), "-")
}

// Parse reads what String wrote, however it was typed: small letters,
// spaces, O for 0, I or L for 1.
func Parse(text string) (Share, error) {
	plain := strings.NewReplacer(" ", "", "-", "", "\t", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(text))
	b, err := letters.DecodeString(plain)
	if err != nil || len(b) < head+check+1 || b[0] != format || letters.EncodeToString(b) != plain {
		return Share{}, ErrShare
	}
	body, sum := b[:len(b)-check], sha256.Sum256(b[:len(b)-check])
	if !bytes.Equal(sum[:check], b[len(b)-check:]) || body[4] < 2 || body[5] == 0 {
		return Share{}, ErrShare
	}
	return Share{Set: [3]byte(body[1:4]), Need: body[4], At: body[5], Values: body[head:]}, nil
}
