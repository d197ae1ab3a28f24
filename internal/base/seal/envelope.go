package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"strings"
)

// Envelopes are text: v1.KID.NONCE.CIPHERTEXT, the last two in unpadded
// base64url. The key id has a fixed length, so that all of one key begin
// alike, and no JSON document looks like one.
const (
	Version  = "v1." // what every envelope begins with
	KIDSize  = 12    // letters and digits of a key id
	nonceLen = 24
	overhead = 16

	// PrefixSize is how many bytes name the format and the key.
	PrefixSize = len(Version) + KIDSize + 1
)

// ErrOpen says that an envelope was not sealed with this key for this place,
// or was changed. It says no more on purpose.
var ErrOpen = errors.New("seal: wrong key, wrong place or changed text")

// errEnvelope says that a text is no envelope.
var errEnvelope = errors.New("seal: not an envelope")

var kids = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewKID returns a random key id.
func NewKID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b)
	return kids.EncodeToString(b)[:KIDSize]
}

// KID returns an id of the key itself, for a key that lies outside the
// database. It gives nothing of the key away.
func (k Key) KID() string {
	sum := sha256.Sum256(k.For("kid").bytes())
	return kids.EncodeToString(sum[:8])[:KIDSize]
}

// validKID says whether s can be a key id.
func validKID(s string) bool {
	return len(s) == KIDSize && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// Place is where a sealed value belongs: it opens nowhere else.
type Place struct{ Table, Column, Row string }

// bind returns what is authenticated beside the text: the place and the key.
// Lengths stand in front, so that no two places read alike.
func (p Place) bind(kid string) []byte {
	b := make([]byte, 0, len(p.Table)+len(p.Column)+len(p.Row)+len(kid)+16)
	for _, part := range []string{p.Table, p.Column, p.Row, kid} {
		b = append(b, byte(len(part)>>8), byte(len(part)))
		b = append(b, part...)
		b = append(b, '|')
	}
	return b
}

// Prefix is what every envelope of the key kid begins with.
func Prefix(kid string) string { return Version + kid + "." }

// KIDOf returns the id of the key that sealed an envelope; no envelope has
// none.
func KIDOf(sealed []byte) (kid string, ok bool) {
	if len(sealed) < PrefixSize || string(sealed[:len(Version)]) != Version || sealed[PrefixSize-1] != '.' {
		return "", false
	}
	kid = string(sealed[len(Version) : PrefixSize-1])
	return kid, validKID(kid)
}

// SealAs seals plain for place in an envelope that names the key kid.
//
// The cipher is XAES-256-GCM: AES-256-GCM under a key of its own for each
// random 192-bit nonce, so that no number of uses wears a key out.
//
// Spec: https://c2sp.org/XAES-256-GCM
func (k Key) SealAs(kid string, plain []byte, at Place) []byte {
	var nonce [nonceLen]byte
	_, _ = rand.Read(nonce[:])
	code := base64.RawURLEncoding
	ct := k.extended(nonce[:12]).Seal(make([]byte, 0, len(plain)+overhead), nonce[12:], plain, at.bind(kid))
	out := make([]byte, 0, PrefixSize+code.EncodedLen(nonceLen)+1+code.EncodedLen(len(ct)))
	out = append(out, Prefix(kid)...)
	out = code.AppendEncode(out, nonce[:])
	out = append(out, '.')
	return code.AppendEncode(out, ct)
}

// OpenAs opens an envelope that was sealed for place.
func (k Key) OpenAs(sealed []byte, at Place) ([]byte, error) {
	kid, nonce, ct, err := parse(sealed)
	if err != nil {
		return nil, err
	}
	plain, err := k.extended(nonce[:12]).Open(ct[:0], nonce[12:], ct, at.bind(kid))
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// parse reads an envelope. There is one way to write each.
func parse(sealed []byte) (kid string, nonce, ct []byte, err error) {
	kid, ok := KIDOf(sealed)
	if !ok {
		return "", nil, nil, errEnvelope
	}
	first, second, ok := bytes.Cut(sealed[PrefixSize:], []byte("."))
	code := base64.RawURLEncoding.Strict()
	if !ok || len(first) != code.EncodedLen(nonceLen) || bytes.ContainsAny(second, "\r\n") || bytes.ContainsAny(first, "\r\n") {
		return "", nil, nil, errEnvelope
	}
	if nonce, err = code.AppendDecode(nil, first); err != nil {
		return "", nil, nil, errEnvelope
	}
	if ct, err = code.AppendDecode(nil, second); err != nil || len(ct) < overhead {
		return "", nil, nil, errEnvelope
	}
	return kid, nonce, ct, nil
}

// extended returns AES-256-GCM under the key that XAES derives from k and
// the first half of a nonce, by CMAC (NIST SP 800-108r1).
func (k Key) extended(half []byte) cipher.AEAD {
	block, err := aes.NewCipher(k.bytes())
	if err != nil {
		panic("seal: " + err.Error()) // the key size is right by type
	}
	var l [aes.BlockSize]byte // the CMAC subkey K1
	block.Encrypt(l[:], l[:])
	carry := l[0] >> 7
	for i := range len(l) - 1 {
		l[i] = l[i]<<1 | l[i+1]>>7
	}
	l[15] = l[15]<<1 ^ carry*0x87
	derived := make([]byte, KeySize)
	for i := range 2 {
		m := [aes.BlockSize]byte{0, byte(i + 1), 'X', 0}
		copy(m[4:], half)
		for j := range m {
			m[j] ^= l[j]
		}
		block.Encrypt(derived[i*aes.BlockSize:], m[:])
	}
	return keyOf(derived).aead()
}
