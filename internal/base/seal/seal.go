// Package seal keeps secrets: it encrypts with a key that others hand in,
// makes tokens nobody can guess, and derives one key for each purpose.
//
// A sealed value is an envelope, v1.KID.NONCE.CIPHERTEXT, that names its key
// and is bound to the place it belongs to, so that it opens nowhere else.
//
// Spec: NIST SP 800-38D (GCM), https://c2sp.org/XAES-256-GCM, RFC 5869 (HKDF)
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// KeySize is the length of a root key in bytes.
const KeySize = 32

// Key is a root key. Everything else is derived from it by purpose.
// It lies behind a pointer so that printing what holds it prints no key.
type Key struct{ b *[KeySize]byte }

// bytes returns the key itself; the zero Key is all zeros.
func (k Key) bytes() []byte {
	if k.b == nil {
		return make([]byte, KeySize)
	}
	return k.b[:]
}

// Made says whether k is a key, and not the zero Key.
func (k Key) Made() bool { return k.b != nil }

// keyOf returns the key that is the 32 bytes in b.
func keyOf(b []byte) Key { return Key{(*[KeySize]byte)(b)} }

// Equal compares two keys.
func (k Key) Equal(other Key) bool { return hmac.Equal(k.bytes(), other.bytes()) }

// NewKey returns a random key.
func NewKey() Key {
	b := make([]byte, KeySize)
	_, _ = rand.Read(b) // never fails
	return keyOf(b)
}

// ParseKey reads a key written by Hex: 64 hexadecimal digits.
func ParseKey(s string) (Key, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != KeySize {
		return Key{}, errors.New("seal: a key is 64 hexadecimal digits")
	}
	return keyOf(b), nil
}

// Hex returns the key as 64 hexadecimal digits.
func (k Key) Hex() string { return hex.EncodeToString(k.bytes()) }

// hidden is how a key prints.
const hidden = "[key]"

// String hides the key.
func (k Key) String() string { return hidden }

// Format hides the key from every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText hides the key from logs and JSON.
func (k Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// For returns the key derived from k for purpose.
func (k Key) For(purpose string) Key {
	b, err := hkdf.Key(sha256.New, k.bytes(), nil, "hale/"+purpose, KeySize)
	if err != nil {
		panic("seal: " + err.Error()) // the length is a constant HKDF allows
	}
	return keyOf(b)
}

// Hash returns a keyed hash of text in hexadecimal. It finds equal values
// (an address in a suppression list) without keeping them.
func (k Key) Hash(text string) string {
	m := hmac.New(sha256.New, k.bytes())
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// HashOf returns the keyed hash of parts, each closed by a zero byte.
func (k Key) HashOf(parts ...[]byte) string {
	m := hmac.New(sha256.New, k.bytes())
	for _, p := range parts {
		m.Write(p)
		m.Write([]byte{0})
	}
	return hex.EncodeToString(m.Sum(nil))
}

// Seal encrypts plain for place, such as "message/body/" and an id.
func (k Key) Seal(plain []byte, place string) []byte {
	aead := k.aead()
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	_, _ = rand.Read(nonce)
	return aead.Seal(nonce, nonce, plain, []byte(place))
}

// Open decrypts what Seal returned for the same place.
func (k Key) Open(sealed []byte, place string) ([]byte, error) {
	aead := k.aead()
	if len(sealed) < aead.NonceSize() {
		return nil, fmt.Errorf("seal: open %s: too short", place)
	}
	n := aead.NonceSize()
	plain, err := aead.Open(nil, sealed[:n], sealed[n:], []byte(place))
	if err != nil {
		return nil, fmt.Errorf("seal: open %s: wrong key or changed text", place)
	}
	return plain, nil
}

func (k Key) aead() cipher.AEAD {
	block, err := aes.NewCipher(k.bytes())
	if err != nil {
		panic("seal: " + err.Error()) // the key size is right by type
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("seal: " + err.Error())
	}
	return aead
}

// Token returns n random bytes as text for a URL or a cookie.
func Token(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Hash returns the SHA-256 of a token in hexadecimal: what a database keeps
// of it.
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
